"""Requests of persons about their own data: every step of one is a new version, and what was said
with it stands sealed in a row of its own. Rows are added and never changed.

Functions on a connection, which take part in their caller's transaction. Need the full role.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Connection, and_, select, tuple_

from vault.store.rows import row_hash
from vault.store.schema import subject_requests, subject_words
from vault.store.statements import insert_rows

_R, _W = subject_requests.c, subject_words.c
_newer = subject_requests.alias("newer")
_CURRENT: ColumnElement[bool] = ~(
    select(_newer.c.version)
    .where(
        _newer.c.institution == _R.institution,
        _newer.c.customer == _R.customer,
        _newer.c.request == _R.request,
        _newer.c.version > _R.version,
    )
    .exists()
)


@dataclass(frozen=True, slots=True)
class RequestRow:
    """A version of a request. `due_on` as `date.toordinal`, `recorded_at` in microseconds."""

    institution: str
    customer: str
    request: str
    version: int
    kind: str
    closed: int
    due_on: int
    recorded_at: int
    recorded_by: str
    body: bytes

    def columns(self) -> tuple[str | int | bytes, ...]:
        """The values in the schema's order."""
        return (
            self.institution,
            self.customer,
            self.request,
            self.version,
            self.kind,
            self.closed,
            self.due_on,
            self.recorded_at,
            self.recorded_by,
            self.body,
        )

    @property
    def name(self) -> str:
        """The row's name in the log: the resource name, "@" and the version."""
        return (
            f"institutions/{self.institution}/customers/{self.customer}"
            f"/subjectRequests/{self.request}@{self.version}"
        )

    def hash(self) -> bytes:
        """The row's hash, 32 bytes."""
        return row_hash(subject_requests.name, *self.columns())


@dataclass(frozen=True, slots=True)
class WordsRow:
    """What was said with a version; opens with the full key of the customer's identity file."""

    institution: str
    customer: str
    request: str
    version: int
    sealed: bytes = field(repr=False)

    def columns(self) -> tuple[str | int | bytes, ...]:
        """The values in the schema's order."""
        return (self.institution, self.customer, self.request, self.version, self.sealed)

    @property
    def name(self) -> str:
        """The row's name in the log."""
        return (
            f"institutions/{self.institution}/customers/{self.customer}"
            f"/subjectRequests/{self.request}/words@{self.version}"
        )

    def hash(self) -> bytes:
        """The row's hash, 32 bytes: all that the log says of the words."""
        return row_hash(subject_words.name, *self.columns())


def insert(conn: Connection, row: RequestRow, words: WordsRow | None) -> None:
    """Add a version, with what was said. Raises VersionConflict when it stands already."""
    insert_rows(conn, subject_requests, [row.columns()])
    if words is not None:
        insert_rows(conn, subject_words, [words.columns()])


def current(conn: Connection, institution: str, customer: str, request: str) -> RequestRow | None:
    """The current version of a request."""
    row = conn.execute(
        select(subject_requests)
        .where(_R.institution == institution, _R.customer == customer, _R.request == request)
        .order_by(_R.version.desc())
        .limit(1)
    ).first()
    return None if row is None else RequestRow(*row)


def version(
    conn: Connection, institution: str, customer: str, request: str, number: int
) -> RequestRow | None:
    """The version of that number."""
    row = conn.execute(
        select(subject_requests).where(
            _R.institution == institution,
            _R.customer == customer,
            _R.request == request,
            _R.version == number,
        )
    ).first()
    return None if row is None else RequestRow(*row)


def words(conn: Connection, institution: str, customer: str, request: str) -> list[WordsRow]:
    """All that was said, the first thing first; nothing where the file is gone."""
    rows = conn.execute(
        select(subject_words)
        .where(_W.institution == institution, _W.customer == customer, _W.request == request)
        .order_by(_W.version)
    )
    return [WordsRow(*row) for row in rows]


def open_ones(conn: Connection, institution: str, customers: Sequence[str]) -> list[RequestRow]:
    """All open requests of some customers (up to 500)."""
    if not customers:
        return []
    wanted = select(subject_requests).where(
        _R.institution == institution,
        _R.customer.in_(list(customers)),
        _R.closed == 0,
        _CURRENT,
    )
    rows = conn.execute(wanted.order_by(_R.customer, _R.request))
    return [RequestRow(*row) for row in rows]


def who_ask(
    conn: Connection, institution: str, customers: Collection[str], kind: str
) -> frozenset[str]:
    """Which of some customers (up to 500) have an open request of a kind."""
    if not customers:
        return frozenset()
    rows = conn.execute(
        select(_R.customer).where(
            _R.institution == institution,
            _R.customer.in_(list(customers)),
            _R.kind == kind,
            _R.closed == 0,
            _CURRENT,
        )
    )
    return frozenset(row[0] for row in rows)


Place = tuple[int, int, str, str]
"""Where a page begins: (closed, due_on, customer, request)."""


def page(
    conn: Connection,
    institution: str,
    *,
    customers: Sequence[str] = (),
    closed: bool = True,
    after: Place | None = None,
    limit: int,
) -> list[RequestRow]:
    """Current versions: open ones first, and of those the one that is due first. Of some customers,
    or of all; with or without closed ones."""
    wanted = select(subject_requests).where(_R.institution == institution, _CURRENT)
    if customers:
        wanted = wanted.where(_R.customer.in_(list(customers)))
    if not closed:
        wanted = wanted.where(_R.closed == 0)
    key = (_R.closed, _R.due_on, _R.customer, _R.request)
    if after is not None:
        wanted = wanted.where(and_(_R.closed >= after[0], tuple_(*key) > tuple_(*after)))
    rows = conn.execute(wanted.order_by(*key).limit(limit))
    return [RequestRow(*row) for row in rows]
