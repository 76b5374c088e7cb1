"""What is destroyed for good: the list of it, and the tombstones that keep it so.

The list is in the data database, written with the event that tells of it; the tombstones are in the
key store, beside what they forbid. Between the two a process may die, and a key store may come back
from a backup that is older than the list: so the list is replayed over the key store, at every
start and after every restore, before anything is served (`replay`). To do it again changes nothing.

What a process holds of a scope's keys in memory ends with `cache.file_key_seconds`.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from sqlalchemy import Connection, and_, delete, select, tuple_

from vault.records.scopes import Branch, ScopeRef
from vault.store import statistics
from vault.store.database import Database
from vault.store.keystore import BRANCH_TABLES, FILE_TABLES
from vault.store.schema import shred_list, shredded_scopes
from vault.store.statements import insert_or_ignore

_CHUNK = 200


def add_to_list(conn: Connection, refs: Iterable[ScopeRef], at: int) -> None:
    """Put scopes on the list, in the transaction of the event that tells of it; `at` in
    microseconds. What is on it already stays as it is."""
    rows = [(ref.institution, ref.customer, ref.scope, at) for ref in refs]
    insert_or_ignore(conn, shred_list, rows)


def listed(conn: Connection, after: ScopeRef | None, limit: int) -> list[tuple[ScopeRef, int]]:
    """A page of the list, with when each was destroyed, in the order of the scopes."""
    key = (shred_list.c.institution, shred_list.c.customer, shred_list.c.scope)
    query = select(shred_list).order_by(*key).limit(limit)
    if after is not None:
        place = (after.institution, after.customer, after.scope)
        query = query.where(tuple_(*key) > tuple_(*place))
    return [(ScopeRef(*row[:3]), row[3]) for row in conn.execute(query)]


def shred(conn: Connection, scopes: Sequence[tuple[ScopeRef, int]]) -> int:
    """Destroy the file keys of scopes in both branches, and put up their tombstones; how many keys
    were there. On a connection of the key store."""
    if not scopes:
        return 0
    _shut_out(conn, {ref.institution for ref, _ in scopes})
    rows = [(ref.institution, ref.customer, ref.scope, at) for ref, at in scopes]
    insert_or_ignore(conn, shredded_scopes, rows)
    gone = 0
    for table in FILE_TABLES.values():
        for ref, _ in scopes:
            where = and_(
                table.c.institution == ref.institution,
                table.c.customer == ref.customer,
                table.c.scope == ref.scope,
            )
            gone += conn.execute(delete(table).where(where)).rowcount
    return gone


def _shut_out(conn: Connection, institutions: set[str]) -> None:
    """Wait for whoever is adding file keys, and let nobody begin until the transaction ends: he
    holds the branch key that his are wrapped by (KeyStore.add_file_keys), and looks for tombstones
    after that. On SQLite nobody else is writing."""
    for branch in Branch:
        table = BRANCH_TABLES[branch]
        conn.execute(
            select(table.c.version)
            .where(table.c.institution.in_(sorted(institutions)))
            .order_by(table.c.institution, table.c.version)
            .with_for_update()
        ).all()


def buried(conn: Connection, refs: Iterable[ScopeRef]) -> set[ScopeRef]:
    """Those of `refs` that have a tombstone."""
    table = shredded_scopes.c
    key = tuple_(table.institution, table.customer, table.scope)
    found: set[ScopeRef] = set()
    all_of_them = sorted({(ref.institution, ref.customer, ref.scope) for ref in refs})
    for start in range(0, len(all_of_them), _CHUNK):
        wanted = all_of_them[start : start + _CHUNK]
        query = select(table.institution, table.customer, table.scope).where(key.in_(wanted))
        found |= {ScopeRef(*row) for row in conn.execute(query)}
    return found


def replay(data: Database, keys: Database) -> tuple[int, int]:
    """Destroy in the key store what the list says: how many scopes were not yet buried there, and
    how many of their keys were still there. Raises StoreUnavailable; to be called again then."""
    scopes, gone = 0, 0
    for page in _pages(data):
        if keys.read_sync(partial(_missing, page=page)):
            found = keys.write_sync(partial(_shred_missing, page=page))
            scopes, gone = scopes + found[0], gone + found[1]
    if gone:
        # The file that came back has their bytes until it is written anew, or samples of them.
        keys.compact()
        statistics.look_again_at_keys(keys)
    return scopes, gone


def replay_into(data: Database, conn: Connection) -> tuple[int, int]:
    """As `replay`, in a transaction of the key store that is under way."""
    scopes, gone = 0, 0
    for page in _pages(data):
        found = _shred_missing(conn, page)
        scopes, gone = scopes + found[0], gone + found[1]
    return scopes, gone


_Page = list[tuple[ScopeRef, int]]


def _pages(data: Database) -> Iterator[_Page]:
    after: ScopeRef | None = None
    while page := data.read_sync(partial(listed, after=after, limit=_CHUNK)):
        yield page
        after = page[-1][0]


def _missing(conn: Connection, page: _Page) -> _Page:
    there = buried(conn, (ref for ref, _ in page))
    return [one for one in page if one[0] not in there]


def _shred_missing(conn: Connection, page: _Page) -> tuple[int, int]:
    missing = _missing(conn, page)
    return len(missing), shred(conn, missing)
