"""The two times of a version: since when it was known (recorded), and from when it is true (valid).

A version says what is so from its first day on, until a version that was recorded later says
otherwise. A change begins on the day on which it is recorded unless it states another day. A
correction takes the place of the version that it corrects, and begins when that one began, unless
it states another day.

A version of an identity document is true from the first day of the document's validity, as far as
it states one. That the document has expired does not end it: it says when. A transaction is true
from the day of its booking, in its own time zone; what corrects or reverses it has a day of its
own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Protocol, TypeVar

from vault.records.customer import Customer
from vault.records.document import IdentityDocument
from vault.records.identifiers.time_zone import zone
from vault.records.transaction import Transaction


class Timed(Protocol):
    """A version with its two times."""

    @property
    def known_from(self) -> int:
        """When it was recorded, in microseconds since the epoch."""

    @property
    def valid_from(self) -> date:
        """The first day on which it is true."""


V = TypeVar("V", bound=Timed)


def dated(new: Customer, old: Customer, old_recorded: date) -> Customer:
    """A version with what its times come to: `old` is the one before, recorded on `old_recorded`.

    The day from which a change is true is left out where it is that of its recording. Whoever reads
    a record, changes it and writes it back carries the day and the correction of the version before
    along: the same day, or the same text, says nothing of this version.
    """
    if new.correction and new.correction != old.correction:
        began = new.valid_from if new.valid_from != old.valid_from else None
        return replace(new, valid_from=began or old.valid_from or old_recorded)
    began = new.valid_from if new.valid_from != old.valid_from else None
    return replace(new, correction="", valid_from=began)


def begins(version: Customer | IdentityDocument | Transaction, recorded: date) -> date:
    """The first day on which a version is true, of one that was recorded on a day."""
    if isinstance(version, Transaction):
        return booked_on(version)
    stated = version.valid_from if isinstance(version, Customer) else version.issue_date
    return stated or recorded


def booked_on(transaction: Transaction) -> date:
    """The day of a booking in its own time zone."""
    return transaction.booking_time.astimezone(zone(transaction.time_zone)).date()


def standing(newest_first: Iterable[V], as_of: date | None, known_at: int | None) -> V | None:
    """The version that was true on `as_of`, as was known at `known_at` (microseconds): of those
    recorded by then the last one that had begun. None for either is no bound; None is answered
    where there was no such version."""
    for one in newest_first:
        if known_at is not None and one.known_from > known_at:
            continue
        if as_of is None or one.valid_from <= as_of:
            return one
    return None
