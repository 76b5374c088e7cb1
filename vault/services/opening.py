"""Opens rows of full records that may be opened: with the keys of their scopes, in their places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vault.records import IDENTITY_SCOPE, ScopeRef, ulid_ms
from vault.sealing import ScopeShredded
from vault.services import sealer
from vault.services.errors import NotFound, Shredded
from vault.services.keys import Keys
from vault.services.kinds import AnyKind
from vault.store import (
    CustomerRow,
    DocumentRow,
    LinkRow,
    MaskedTransactionRow,
    TransactionRow,
)

AnyRow = CustomerRow | DocumentRow | TransactionRow


@dataclass(frozen=True, slots=True)
class Opened:
    """A record in full with what the vault knows about it; times in microseconds since the
    epoch. ``view`` is its masked view, where that was asked for."""

    customer: str
    record: str
    value: Any
    version: int
    etag: str
    created_at: int
    recorded_at: int
    corrected_by: tuple[str, ...] = ()
    reversed_by: tuple[str, ...] = ()
    view: Any = None


class Opener:
    """Whoever calls it has made sure that the caller may. Raises NotFound, Shredded, Corrupted."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    async def one(
        self,
        kind: AnyKind,
        row: AnyRow | None,
        name: str,
        links: Sequence[LinkRow] = (),
        *,
        views: bool,
    ) -> Opened:
        """The record of a row, called ``name`` where there is none."""
        if row is None:
            raise NotFound(name)
        return (await self.many(kind, [row], links, views=views))[0]

    async def those_there(
        self, kind: AnyKind, rows: Sequence[AnyRow], *, views: bool
    ) -> list[Opened]:
        """The records of those rows whose files were not destroyed."""
        try:
            return await self.many(kind, rows, views=views)
        except Shredded:
            pass
        found: list[Opened] = []
        for row in rows:
            try:
                found += await self.many(kind, [row], views=views)
            except Shredded:
                continue
        return found

    async def many(
        self,
        kind: AnyKind,
        rows: Sequence[AnyRow],
        links: Sequence[LinkRow] = (),
        *,
        views: bool,
    ) -> list[Opened]:
        """The records of rows of one kind."""
        refs = [scope_of(row) for row in rows]
        try:
            keys = await self._keys.full(refs)
            masked = await self._keys.masked(refs) if views else {}
        except ScopeShredded as error:
            raise Shredded(row_resource(rows[refs.index(error.ref)])) from None
        out = []
        for row, ref in zip(rows, refs, strict=True):
            record, version = record_of(row), version_of(row)
            value = sealer.unseal(kind, row.sealed, ref, record, version, keys[ref])
            view = (
                sealer.unseal_view(kind, row.masked, ref, record, version, masked[ref])
                if views
                else None
            )
            corrected, reversed_ = pointing_at(row, links)
            out.append(
                Opened(
                    customer=row.customer,
                    record=record,
                    value=value,
                    version=version,
                    etag=sealer.etag_of(row.sealed),
                    created_at=_created_at(row),
                    recorded_at=row.recorded_at,
                    corrected_by=corrected,
                    reversed_by=reversed_,
                    view=view,
                )
            )
        return out


def scope_of(row: AnyRow) -> ScopeRef:
    """The scope that a row's keys belong to."""
    scope = row.scope if isinstance(row, TransactionRow) else IDENTITY_SCOPE
    return ScopeRef(row.institution, row.customer, scope)


def record_of(row: AnyRow) -> str:
    """A row's path inside its customer."""
    if isinstance(row, CustomerRow):
        return ""
    if isinstance(row, DocumentRow):
        return f"documents/{row.document}"
    return f"transactions/{row.transaction}"


def version_of(row: AnyRow) -> int:
    """A row's version; a transaction has only the first."""
    return 1 if isinstance(row, TransactionRow) else row.version


def row_resource(row: AnyRow) -> str:
    """A row's resource name."""
    return sealer.resource_name(row.institution, row.customer, record_of(row))


def _created_at(row: AnyRow) -> int:
    """When the first version was recorded, to the millisecond for a customer or document: its
    identifier is a ULID of it, and every version says the same."""
    if isinstance(row, TransactionRow):
        return row.recorded_at
    return ulid_ms(row.customer if isinstance(row, CustomerRow) else row.document) * 1000


def pointing_at(row: object, links: Sequence[LinkRow]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of what corrects and of what reverses a transaction; none for another record."""
    if not links or not isinstance(row, TransactionRow | MaskedTransactionRow):
        return (), ()

    def names(kind: str) -> tuple[str, ...]:
        return tuple(
            sealer.resource_name(row.institution, row.customer, f"transactions/{link.transaction}")
            for link in links
            if link.target == row.transaction and link.kind == kind
        )

    return names("corrects"), names("reverses")
