"""The rows of the log's archive: bundles that were moved to the object store, and what finds them.

Plain statements; that a bundle is right before its events are let go is vault/audit/archiving.py's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import Connection

from vault.store.errors import StoreDamaged
from vault.store.schema import log_bundle_terms, log_bundles
from vault.store.statements import in_dialect, insert_or_ignore, insert_rows
from vault.store.values import as_bytes, as_int

TERMS_TABLE = log_bundle_terms.name

_COLUMNS = "SELECT bundle, sha256, chain, first_at, last_at, times FROM log_bundles"


class TermKind(StrEnum):
    """What a bundle can be found by."""

    CUSTOMER = "customer"
    ACTOR = "actor"


@dataclass(frozen=True, slots=True)
class BundleRow:
    """An archived bundle. `sha256` is that of the object's bytes; times in microseconds."""

    bundle: int
    sha256: bytes
    chain: bytes
    first_at: int
    last_at: int
    times: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Term:
    """A customer or an actor of an institution."""

    institution: str
    kind: TermKind
    term: str


def count(conn: Connection) -> int:
    """How many bundles are archived: those below this number."""
    last = conn.exec_driver_sql("SELECT max(bundle) FROM log_bundles").scalar()
    return 0 if last is None else int(last) + 1


def bundle(conn: Connection, number: int) -> BundleRow:
    """One. Raises StoreDamaged where there is none, StoreAltered."""
    row = conn.exec_driver_sql(in_dialect(conn, _COLUMNS + " WHERE bundle = ?"), (number,)).first()
    if row is None:
        raise StoreDamaged(f"the log's archive has no bundle {number}")
    return _row(row)


def _row(row: Sequence[object]) -> BundleRow:
    number, sha256, chain, first_at, last_at, times = row
    return BundleRow(
        as_int(number),
        as_bytes(sha256),
        as_bytes(chain),
        as_int(first_at),
        as_int(last_at),
        as_bytes(times),
    )


def add(conn: Connection, row: BundleRow, terms: Sequence[Term]) -> None:
    """Add one with what finds it. Raises VersionConflict when it is archived already."""
    insert_rows(
        conn,
        log_bundles,
        [(row.bundle, row.sha256, row.chain, row.first_at, row.last_at, row.times)],
    )
    insert_or_ignore(
        conn,
        log_bundle_terms,
        [(one.institution, one.kind.value, one.term, row.bundle) for one in terms],
    )


def count_terms(conn: Connection) -> int:
    """How many terms all bundles have together."""
    return int(conn.exec_driver_sql("SELECT count(*) FROM log_bundle_terms").scalar_one())


def has_term(conn: Connection, wanted: Term, number: int) -> bool:
    """Whether a bundle is found by a term."""
    return bool(with_term(conn, wanted, number, number + 1, 1))


_WITH_TERM = (
    "SELECT bundle FROM log_bundle_terms WHERE institution = ? AND kind = ? AND term = ?"
    " AND bundle >= ? AND bundle < ? ORDER BY bundle "
)
_FIRST = _WITH_TERM + "ASC LIMIT ?"
_LAST = _WITH_TERM + "DESC LIMIT ?"


def with_term(conn: Connection, wanted: Term, start: int, end: int, limit: int) -> list[int]:
    """Up to `limit` bundles start <= bundle < end that have a term, in order."""
    return _with_term(conn, _FIRST, wanted, start, end, limit)


def with_term_back(conn: Connection, wanted: Term, start: int, end: int, limit: int) -> list[int]:
    """As `with_term`, the newest first."""
    return _with_term(conn, _LAST, wanted, start, end, limit)


def _with_term(
    conn: Connection, text: str, wanted: Term, start: int, end: int, limit: int
) -> list[int]:
    place = (wanted.institution, wanted.kind.value, wanted.term, start, end, limit)
    return [int(row[0]) for row in conn.exec_driver_sql(in_dialect(conn, text), place)]


def first_beyond(conn: Connection, time: int, bundles: int) -> int:
    """The first of the oldest `bundles` whose last event was recorded at `time` (microseconds) or
    later; `bundles` where none was. A binary search, since times never go back."""
    low, high = 0, bundles
    while low < high:
        middle = (low + high) // 2
        if bundle(conn, middle).last_at < time:
            low = middle + 1
        else:
            high = middle
    return low


def let_go(
    conn: Connection, first: int, last: int, mentions: Sequence[tuple[str, str, int]]
) -> int:
    """Delete the events of positions first <= position <= last, and their rows of
    `audit_customers` (institution, customer, position); how many events there were."""
    if mentions:
        conn.exec_driver_sql(
            in_dialect(
                conn,
                "DELETE FROM audit_customers"
                " WHERE institution = ? AND customer = ? AND position = ?",
            ),
            list(mentions),
        )
    done = conn.exec_driver_sql(
        in_dialect(conn, "DELETE FROM audit_events WHERE position >= ? AND position <= ?"),
        (first, last),
    )
    return done.rowcount
