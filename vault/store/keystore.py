"""The key store: wrapped branch keys, index keys and file keys; never a key in the clear.

It has a database of its own (by default the one of the data), so that its backups can be kept for
weeks while those of the data are kept for years: that is what makes a shredded scope stay shredded.
Every call is one short transaction.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from sqlalchemy import Connection, Table, bindparam, select

from vault.records.scopes import Branch, ScopeRef
from vault.store.database import Database
from vault.store.errors import KeyVersionGone
from vault.store.schema import (
    full_branch_keys,
    full_file_keys,
    index_keys,
    masked_branch_keys,
    masked_file_keys,
    shredded_scopes,
)
from vault.store.statements import insert_or_ignore

_CHUNK = 500  # ids in one IN list; far below either database's limit of parameters


@dataclass(frozen=True, slots=True)
class BranchKeyRow:
    """An institution's branch key or index key, wrapped by a KEK; `created_at` in microseconds.

    `key_id` is 16 bytes that no other key has, by which what it wraps can be found anywhere.
    """

    institution: str
    version: int
    kek_version: str
    wrapped: bytes = field(repr=False)
    created_at: int
    key_id: bytes = b""


@dataclass(frozen=True, slots=True)
class FileKeyRow:
    """A scope's file key in one branch, wrapped by that branch's key. `key_id` is 16 bytes, and
    `branch_key_id` the id of the key that wraps it."""

    institution: str
    customer: str
    scope: str
    key_id: bytes
    branch_key_version: int
    wrapped: bytes = field(repr=False)
    created_at: int
    branch_key_id: bytes = b""

    @property
    def ref(self) -> ScopeRef:
        """The scope that this key belongs to."""
        return ScopeRef(self.institution, self.customer, self.scope)

    def columns(self) -> tuple[str | int | bytes, ...]:
        """The values in the schema's order."""
        return (
            self.institution,
            self.customer,
            self.scope,
            self.key_id,
            self.branch_key_version,
            self.wrapped,
            self.created_at,
            self.branch_key_id,
        )


BRANCH_TABLES = {Branch.FULL: full_branch_keys, Branch.MASKED: masked_branch_keys}
FILE_TABLES = {Branch.FULL: full_file_keys, Branch.MASKED: masked_file_keys}

_SELECT_INSTITUTION_KEYS = {
    table.name: select(table)
    .where(table.c.institution == bindparam("institution"))
    .order_by(table.c.version)
    for table in (full_branch_keys, masked_branch_keys, index_keys)
}
_SELECT_VERSION = {
    table.name: select(table).where(
        table.c.institution == bindparam("institution"), table.c.version == bindparam("version")
    )
    for table in (full_branch_keys, masked_branch_keys, index_keys)
}
_SELECT_NEWEST = {
    table.name: select(table)
    .where(table.c.institution == bindparam("institution"))
    .order_by(table.c.version.desc())
    .limit(1)
    for table in (full_branch_keys, masked_branch_keys, index_keys)
}
_SELECT_FILE_KEYS = {
    branch: select(table).where(
        table.c.institution == bindparam("institution"),
        table.c.customer.in_(bindparam("customers", expanding=True)),
        table.c.scope == bindparam("scope"),
    )
    for branch, table in FILE_TABLES.items()
}


_SELECT_SHREDDED = select(
    shredded_scopes.c.institution, shredded_scopes.c.customer, shredded_scopes.c.scope
).where(
    shredded_scopes.c.institution == bindparam("institution"),
    shredded_scopes.c.customer.in_(bindparam("customers", expanding=True)),
    shredded_scopes.c.scope == bindparam("scope"),
)


class KeyStore:
    """The key store in a database. Thread-safe; every method raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- branch keys and index keys ----------------------------------------------------------

    def branch_keys(self, branch: Branch, institution: str) -> list[BranchKeyRow]:
        """The institution's keys of a branch, by ascending version."""
        return self._institution_keys(BRANCH_TABLES[branch], institution)

    def branch_key(self, branch: Branch, institution: str, version: int) -> BranchKeyRow | None:
        """One version of the institution's key of a branch."""
        return self._one(BRANCH_TABLES[branch], institution, version)

    def newest_branch_key(self, branch: Branch, institution: str) -> BranchKeyRow | None:
        """The version under which new file keys are wrapped."""
        return self._one(BRANCH_TABLES[branch], institution)

    def add_branch_key(self, branch: Branch, row: BranchKeyRow) -> list[BranchKeyRow]:
        """Insert unless this version is there already; return what now stands.

        Of several processes that make an institution's first key, one wins and all see its key.
        """
        return self._add_institution_key(BRANCH_TABLES[branch], row)

    def index_keys(self, institution: str) -> list[BranchKeyRow]:
        """The institution's index keys, by ascending version."""
        return self._institution_keys(index_keys, institution)

    def index_key(self, institution: str, version: int) -> BranchKeyRow | None:
        """One version of the institution's index key."""
        return self._one(index_keys, institution, version)

    def newest_index_key(self, institution: str) -> BranchKeyRow | None:
        """The version that was made last."""
        return self._one(index_keys, institution)

    def add_index_key(self, row: BranchKeyRow) -> list[BranchKeyRow]:
        """As `add_branch_key`, for the index key."""
        return self._add_institution_key(index_keys, row)

    def _institution_keys(self, table: Table, institution: str) -> list[BranchKeyRow]:
        def work(conn: Connection) -> list[BranchKeyRow]:
            return _read_institution_keys(conn, table, institution)

        return self._database.read_sync(work)

    def _one(
        self, table: Table, institution: str, version: int | None = None
    ) -> BranchKeyRow | None:
        statement = (_SELECT_NEWEST if version is None else _SELECT_VERSION)[table.name]
        values = {"institution": institution}
        key = values if version is None else {**values, "version": version}
        row = self._database.read_sync(lambda conn: conn.execute(statement, key).first())
        return None if row is None else BranchKeyRow(*row)

    def _add_institution_key(self, table: Table, row: BranchKeyRow) -> list[BranchKeyRow]:
        values = (
            row.institution,
            row.version,
            row.kek_version,
            row.wrapped,
            row.created_at,
            row.key_id,
        )

        def work(conn: Connection) -> list[BranchKeyRow]:
            insert_or_ignore(conn, table, [values])
            return _read_institution_keys(conn, table, row.institution)

        return self._database.write_sync(work)

    # -- file keys ---------------------------------------------------------------------------

    def file_keys(self, branch: Branch, refs: Sequence[ScopeRef]) -> dict[ScopeRef, FileKeyRow]:
        """The wrapped file keys of those scopes that have one."""
        if not refs:
            return {}
        statement = _SELECT_FILE_KEYS[branch]

        def work(conn: Connection) -> dict[ScopeRef, FileKeyRow]:
            found: dict[ScopeRef, FileKeyRow] = {}
            for institution, scope, customers in _grouped(refs):
                rows = conn.execute(
                    statement,
                    {"institution": institution, "scope": scope, "customers": customers},
                )
                for row in rows:
                    key = FileKeyRow(*row)
                    found[key.ref] = key
            return found

        return self._database.read_sync(work)

    def add_file_keys(self, full: Sequence[FileKeyRow], masked: Sequence[FileKeyRow]) -> None:
        """Insert file keys of both branches in one transaction; keys that exist are kept.

        A scope that another process gave keys meanwhile keeps those, in both branches: read them
        back before use. That the two branches agree on the winner follows from one transaction
        and one order of keys for all. A scope that was destroyed gets no key, in neither branch.

        Raises KeyVersionGone where a branch key that wraps them was retired meanwhile: nothing
        may hang under it any more, and nothing was inserted.
        """

        def work(conn: Connection) -> None:
            for branch, rows in ((Branch.FULL, full), (Branch.MASKED, masked)):
                ordered = sorted(rows, key=lambda r: (r.institution, r.customer, r.scope))
                _require_versions(conn, branch, ordered)
                # After that, since who destroys a scope waits for the versions, or we for him.
                gone = _shredded(conn, ordered)
                living = [row.columns() for row in ordered if row.ref not in gone]
                insert_or_ignore(conn, FILE_TABLES[branch], living)

        if full or masked:
            self._database.write_sync(work)


def _read_institution_keys(conn: Connection, table: Table, institution: str) -> list[BranchKeyRow]:
    rows = conn.execute(_SELECT_INSTITUTION_KEYS[table.name], {"institution": institution})
    return [BranchKeyRow(*row) for row in rows]


def _shredded(conn: Connection, rows: Sequence[FileKeyRow]) -> set[ScopeRef]:
    """The scopes of these rows that were destroyed."""
    found: set[ScopeRef] = set()
    for institution, scope, customers in _grouped(row.ref for row in rows):
        wanted = {"institution": institution, "scope": scope, "customers": customers}
        found |= {ScopeRef(*row) for row in conn.execute(_SELECT_SHREDDED, wanted)}
    return found


def _require_versions(conn: Connection, branch: Branch, rows: Sequence[FileKeyRow]) -> None:
    """Make sure that the branch keys of these rows stand until the transaction ends."""
    table = BRANCH_TABLES[branch]
    for institution, version in sorted({(r.institution, r.branch_key_version) for r in rows}):
        # On PostgreSQL who retires the version waits for us, or we for him; on SQLite one of us
        # has not begun.
        found = conn.execute(
            _SELECT_VERSION[table.name].with_for_update(read=True, key_share=True),
            {"institution": institution, "version": version},
        ).first()
        if found is None:
            raise KeyVersionGone(f"{branch.value} branch key {version} was retired")


def _grouped(refs: Iterable[ScopeRef]) -> Iterable[tuple[str, str, list[str]]]:
    """Scopes by (institution, scope), as few and as long lists of customers as the limit allows."""
    ordered = sorted({(r.institution, r.scope, r.customer) for r in refs})
    for (institution, scope), group in groupby(ordered, key=lambda t: (t[0], t[1])):
        customers = [customer for _, _, customer in group]
        for start in range(0, len(customers), _CHUNK):
            yield institution, scope, customers[start : start + _CHUNK]
