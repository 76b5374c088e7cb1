"""What a transaction is reconstructed from: records, with what shows what stood in their rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from vault.bundles.evidence import Column
from vault.records import Customer, IdentityDocument, Transaction
from vault.services.contents.stored import OpenedContent
from vault.store.rows import row_hash

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Shown(Generic[V]):
    """A record with all that shows what stood in its row. `name` is the resource name; `logged` is
    the row's name in events, relative to the institution."""

    name: str
    version: int
    recorded_at: int
    value: V = field(repr=False)
    table: str
    columns: Mapping[str, Column] = field(repr=False)
    place: bytes = field(repr=False)
    data_key: bytes = field(repr=False)
    plain: bytes = field(repr=False)
    logged: str

    @property
    def hash(self) -> bytes:
        """The row's hash, as its event has it."""
        return row_hash(self.table, *self.columns.values())


@dataclass(frozen=True, slots=True)
class Gathered:
    """What there is of a transaction. `related` has the relation to it in front of each; `before`
    and `after` are in order of booking; `gone` names what was destroyed."""

    transaction: Shown[Transaction]
    related: tuple[tuple[str, Shown[Transaction]], ...]
    before: tuple[Shown[Transaction], ...]
    after: tuple[Shown[Transaction], ...]
    customer: Shown[Customer] | None
    vouchers: tuple[Shown[IdentityDocument], ...]
    contents: tuple[Shown[OpenedContent], ...]
    gone: tuple[str, ...]

    @property
    def known_then(self) -> bool:
        """Whether the customer was recorded when the transaction was booked."""
        return self.customer is not None and self.customer.recorded_at <= booked_at(
            self.transaction.value
        )

    @property
    def records(self) -> list[Shown[Any]]:
        """Each once, the transaction first."""
        every: list[Shown[Any]] = [
            self.transaction,
            *(one for _, one in self.related),
            *self.before,
            *self.after,
            *([self.customer] if self.customer is not None else []),
            *self.vouchers,
            *self.contents,
        ]
        return list({one.logged: one for one in every}.values())


def booked_at(booked: Transaction) -> int:
    """When it was booked, in microseconds since the epoch."""
    return round(booked.booking_time.timestamp() * 1_000_000)
