"""Rows with sealed columns, opened and sealed with the institution's own suite."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Row, Table

from vault.audit import RowHash
from vault.records import Branch, ScopeRef
from vault.sealing import (
    FileKey,
    FullFileKey,
    ScopeShredded,
    SealBroken,
    SealContext,
    Suite,
    open_full,
    open_masked,
    seal_full,
    seal_masked,
    suite_of,
)
from vault.services.rotation.sealed_tables import Place, SealedTable
from vault.services.rotation.work import Ground
from vault.store import sealed_rows
from vault.store.evidence import BEFORE
from vault.store.rows import row_hash

_BRANCHES: Final = {"sealed": Branch.FULL, "masked": Branch.MASKED}


@dataclass(slots=True)
class Left:
    """Of a job under way: rows that were passed over, by table and key."""

    broken: dict[str, None] = field(default_factory=dict)
    shredded: set[str] = field(default_factory=set)

    def has(self, mark: str) -> bool:
        """Whether that one was."""
        return mark in self.broken or mark in self.shredded


@dataclass(frozen=True, slots=True)
class Anew:
    """A row, and its sealed columns as they shall be."""

    of: SealedTable
    row: Row[Any]
    place: Place
    sealed: dict[str, bytes]

    def hashes(self) -> tuple[RowHash, ...]:
        """The row's hash as it was, and as it is now: whoever verifies goes from the one that the
        event before has to the one that stands, and an altered row does not become a right one."""
        name, table = self.place.name, self.of.table
        if not name:
            return ()
        values = {**self.row._mapping, **self.sealed}
        anew = row_hash(table.name, *(values[column.name] for column in table.columns))
        return RowHash(name + BEFORE, row_hash(table.name, *self.row)), RowHash(name, anew)


class RowResealing:
    """Seals rows anew."""

    def __init__(self, ground: Ground) -> None:
        self._on = ground

    def anew(
        self, of: SealedTable, rows: Sequence[Row[Any]], suite: Suite, left: Left
    ) -> list[Anew]:
        """The rows as they shall be; those that cannot be opened are noted in `left`."""
        places = [of.place(row) for row in rows]
        keys = {
            name: self._keys(_BRANCHES[name], {place.scope for place in places})
            for name in sealed_rows.sealed_columns(of.table)
        }
        anew = []
        for row, place in zip(rows, places, strict=True):
            sealed: dict[str, bytes] = {}
            try:
                for name, of_scope in keys.items():
                    standing = bytes(row._mapping[name])
                    if standing and suite_of(standing) is not suite:
                        key = of_scope.get(place.scope)
                        if key is None:
                            raise ScopeShredded(place.scope)
                        sealed[name] = _resealed(key, standing, place.contexts[name])
            except ScopeShredded:
                left.shredded.add(mark_of(of.table, row))
            except SealBroken:
                left.broken[mark_of(of.table, row)] = None
            else:
                anew.append(Anew(of, row, place, sealed))
        return anew

    def _keys(self, branch: Branch, refs: Iterable[ScopeRef]) -> dict[ScopeRef, FileKey]:
        """The file keys of those scopes that have one."""
        found: dict[ScopeRef, FileKey] = {}
        for ref in refs:
            try:
                found |= self._on.ring.fetch(branch, [ref])
            except ScopeShredded:
                continue
        return found


def mark_of(table: Table, row: Row[Any]) -> str:
    """A row, for people: its table and its key within the institution."""
    key = "/".join(map(str, sealed_rows.key_of(table, row)))
    return f"{table.name} {key}"


def _resealed(key: FileKey, sealed: bytes, context: SealContext) -> bytes:
    """The same plaintext, sealed with the suite that the key seals with now. Raises SealBroken."""
    if isinstance(key, FullFileKey):
        plain = open_full(key, sealed, context)
        anew = seal_full(key, plain, context)
        back = open_full(key, anew, context)
    else:
        plain = open_masked(key, sealed, context)
        anew = seal_masked(key, plain, context)
        back = open_masked(key, anew, context)
    if not hmac.compare_digest(back, plain):
        raise SealBroken
    return anew
