"""What the requests of several methods have in common: pure, for both kinds of client."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from google.protobuf.field_mask_pb2 import FieldMask

from recordsvault.type.v1.purpose_pb2 import Purpose

_PREFIX = "PURPOSE_"


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


def purpose_of(purpose: str | int) -> Purpose.ValueType:
    """The enum value of a purpose. Raises ValueError, which lists the purposes there are."""
    for name, value in Purpose.items():
        # UNSPECIFIED may be sent: the vault then says that a purpose is required, and logs it.
        if purpose in (name, name.removeprefix(_PREFIX), value):
            return value
    raise ValueError(f"no such purpose; there are {', '.join(purposes())}")


def purposes() -> list[str]:
    """Names of the purposes, without `PURPOSE_`."""
    return [name.removeprefix(_PREFIX) for name, value in Purpose.items() if value]


def mask(fields: Sequence[str]) -> FieldMask | None:
    """A field mask; None, which means all, if no field is named."""
    return FieldMask(paths=fields) if fields else None


def new_request_id(given: str = "") -> str:
    """The caller's request_id, or a fresh one: kept through all attempts of one write."""
    return given or str(uuid.uuid4())
