"""A full read's answer: what was opened, and the masked view where something was not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

R = TypeVar("R")
M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Opened(Generic[R, M]):
    """`record` holds the fields that role, purpose and check-out open together.

    `masked` is the masked view of the whole record; None if everything asked for was opened.
    """

    record: R
    masked: M | None


def opened(records: Sequence[R], masked: Sequence[M]) -> list[Opened[R, M]]:
    """A page of a list: `masked` has one view for each record, or none at all."""
    if not masked:
        return [Opened(record, None) for record in records]
    return [Opened(record, view) for record, view in zip(records, masked, strict=True)]


def record_of(one: Opened[R, M]) -> R:
    """What was opened."""
    return one.record
