"""What the requests of several methods have in common: pure, for both kinds of client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from google.protobuf.field_mask_pb2 import FieldMask

from recordsvault.type.v1.purpose_pb2 import Purpose
from recordsvault_masked.purposes import purpose_of


@dataclass(frozen=True, slots=True)
class Reading:
    """Why a full record is opened and what of it is wanted, as the requests carry it."""

    purpose: Purpose.ValueType
    case_reference: str
    read_mask: FieldMask | None


def reading(purpose: str | int, case_reference: str, fields: Sequence[str]) -> Reading:
    """Check and convert what a caller says about a full read.

    `purpose` is a name with or without `PURPOSE_`, or a value of the enum; `fields` are paths in
    the record, all if empty. Raises ValueError for a purpose that does not exist.
    """
    return Reading(purpose_of(purpose), case_reference, mask(fields))


def mask(fields: Sequence[str]) -> FieldMask | None:
    """A field mask; None, which means all, if no field is named."""
    return FieldMask(paths=fields) if fields else None
