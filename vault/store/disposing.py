"""Takes away the rows of what was disposed of, some at a time. Functions on a connection.

Whoever calls them has put the scope on the list of what was destroyed, in a transaction before:
whatever happens then, its keys do not come back.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Table,
    and_,
    bindparam,
    case,
    delete,
    or_,
    select,
    update,
)

from vault.records.names import IDENTITY_SCOPE
from vault.records.scopes import ScopeRef
from vault.store.rows import row_hash
from vault.store.schema import (
    blind_index,
    check_outs,
    content_leaves,
    content_segments,
    contents,
    customers,
    documents,
    identity_claims,
    origins,
    subject_words,
    transaction_links,
    transactions,
    uploads,
)

_GIVEN_UP: Final = 2  # of a segment: its object is to be taken away (uploads.py)

_U, _C = uploads.c, check_outs.c
_UPLOADING = select(_U.customer, _U.scope, _U.record).where(
    _U.institution == bindparam("institution"),
    _U.customer.in_(bindparam("customers", expanding=True)),
    _U.version == 0,
)
_newer = check_outs.alias("newer")
_LENT = select(_C.customer).where(
    _C.institution == bindparam("institution"),
    _C.customer.in_(bindparam("customers", expanding=True)),
    _C.stage.in_(("REQUESTED", "ACTIVE")),
    case((_C.ends_at > 0, _C.ends_at), else_=_C.decide_by) > bindparam("now"),
    ~select(_newer.c.version)
    .where(
        _newer.c.institution == _C.institution,
        _newer.c.check_out == _C.check_out,
        _newer.c.version > _C.version,
    )
    .exists(),
)


@dataclass(frozen=True, slots=True)
class Gone:
    """A row that was taken away: its name relative to the institution, and its hash until then."""

    name: str
    sha256: bytes


def take_rows(conn: Connection, ref: ScopeRef, record: str, limit: int) -> list[Gone]:
    """Take away up to so many rows of a scope, or of one record of it; fewer where none is left.

    Contents go first, since their rows tell which objects hold their bytes.
    """
    gone: list[Gone] = []
    for table, of, name in _tables(ref, record):
        keys = list(table.primary_key.columns)
        left = limit - len(gone)
        for row in conn.execute(select(table).where(of).order_by(*keys).limit(left)).all():
            if table is contents:
                _take_bytes(conn, row)
            conn.execute(delete(table).where(*(c == row._mapping[c.name] for c in keys)))
            gone.append(Gone(name(row), row_hash(table.name, *row)))
    return gone


def take_traces(conn: Connection, ref: ScopeRef, record: str) -> None:
    """Take away what else there is of a scope, or of one record, whose rows are gone: uploads that
    came to nothing, links, index entries, claims. The entries of a year's transactions go with the
    last of these: which of them an account's entry came from is sealed."""
    u, s = uploads.c, content_segments.c
    mine = and_(u.institution == ref.institution, u.customer == ref.customer, u.scope == ref.scope)
    if record:
        mine = and_(mine, u.record == record)
    for row in conn.execute(select(u.upload).where(mine)).all():
        conn.execute(
            update(content_segments)
            .where(
                s.institution == ref.institution, s.customer == ref.customer, s.upload == row.upload
            )
            .values(durable=_GIVEN_UP)
        )
    conn.execute(delete(uploads).where(mine))
    if ref.scope == IDENTITY_SCOPE:
        _take_index(conn, ref, "")
        return
    _take_links(conn, ref)
    t = transactions.c
    left = conn.execute(
        select(t.transaction)
        .where(t.institution == ref.institution, t.customer == ref.customer, t.scope == ref.scope)
        .limit(1)
    ).first()
    if left is None:
        _take_index(conn, ref, ref.scope)


def objects(conn: Connection, ref: ScopeRef, limit: int) -> list[tuple[str, int, str]]:
    """Objects of a customer that are to be taken away, as (upload, number, object)."""
    s = content_segments.c
    rows = conn.execute(
        select(s.upload, s.number, s.object)
        .where(s.institution == ref.institution, s.customer == ref.customer, s.durable == _GIVEN_UP)
        .order_by(s.upload, s.number, s.object)
        .limit(limit)
    )
    return [(row[0], row[1], row[2]) for row in rows]


def forget_objects(conn: Connection, ref: ScopeRef, gone: Sequence[tuple[str, int, str]]) -> None:
    """Remove the rows of objects that are gone."""
    s = content_segments.c
    for upload, number, name in gone:
        conn.execute(
            delete(content_segments).where(
                s.institution == ref.institution,
                s.customer == ref.customer,
                s.upload == upload,
                s.number == number,
                s.object == name,
            )
        )


@dataclass(frozen=True, slots=True)
class InUse:
    """What somebody is working with: scopes and records of uploads under way, and customers whose
    files are lent or asked for."""

    uploads: frozenset[tuple[str, str, str]]
    lent: frozenset[str]

    def has(self, ref: ScopeRef, record: str) -> bool:
        """Whether a scope, or one record of it, is in use."""
        return ref.customer in self.lent or any(
            customer == ref.customer and scope == ref.scope and record in ("", uploading)
            for customer, scope, uploading in self.uploads
        )


def in_use(conn: Connection, institution: str, customers_: Sequence[str], now: int) -> InUse:
    """What of these customers (up to 500) somebody is working with; `now` in microseconds."""
    key = {"institution": institution, "customers": list(customers_), "now": now}
    return InUse(
        frozenset((row[0], row[1], row[2]) for row in conn.execute(_UPLOADING, key)),
        frozenset(row[0] for row in conn.execute(_LENT, key)),
    )


def other_scopes(conn: Connection, ref: ScopeRef) -> bool:
    """Whether the customer has transactions beside this scope."""
    t = transactions.c
    found = conn.execute(
        select(t.transaction)
        .where(t.institution == ref.institution, t.customer == ref.customer, t.scope != ref.scope)
        .limit(1)
    ).first()
    return found is not None


def _tables(ref: ScopeRef, record: str) -> Iterator[tuple[Table, ColumnElement[bool], Any]]:
    """The tables of a scope's rows: which rows, and what the log calls each."""
    base = f"customers/{ref.customer}"
    c, t = contents.c, transactions.c
    of = and_(c.institution == ref.institution, c.customer == ref.customer, c.scope == ref.scope)
    if record:
        # What proves where the file came from has that record among the others of its scope.
        of = and_(of, or_(c.record == record, c.record.like("transfers/%")))
    yield contents, of, lambda r: f"{base}/{r.record}/contents/{r.page}@{r.version}"
    o = origins.c
    of = and_(o.institution == ref.institution, o.customer == ref.customer, o.scope == ref.scope)
    if record:
        of = and_(of, or_(o.record == record, o.record.like(f"{record}/%")))
    yield origins, of, lambda r: f"{base}/origins/{r.record}@{r.version}"
    if ref.scope != IDENTITY_SCOPE:
        of = and_(
            t.institution == ref.institution, t.customer == ref.customer, t.scope == ref.scope
        )
        if record:
            of = and_(of, t.transaction == record.partition("/")[2])
        yield transactions, of, lambda r: f"{base}/transactions/{r.transaction}"
        return
    for table, name in (
        (documents, lambda r: f"{base}/documents/{r.document}@{r.version}"),
        (check_outs, lambda r: f"checkOuts/{r.check_out}@{r.version}"),
        # What was said; that somebody asked, and was answered, stays in the register.
        (subject_words, lambda r: f"{base}/subjectRequests/{r.request}/words@{r.version}"),
        (customers, lambda r: f"{base}@{r.version}"),
    ):
        of = and_(table.c.institution == ref.institution, table.c.customer == ref.customer)
        yield table, of, name


def _take_bytes(conn: Connection, row: Row[Any]) -> None:
    """Of a content: the leaves of its masked rendition; its objects are marked to be taken away."""
    leaf, s, u = content_leaves.c, content_segments.c, uploads.c
    conn.execute(
        delete(content_leaves).where(
            leaf.institution == row.institution,
            leaf.customer == row.customer,
            leaf.record == row.record,
            leaf.page == row.page,
            leaf.version == row.version,
        )
    )
    conn.execute(
        update(content_segments)
        .where(
            s.institution == row.institution,
            s.customer == row.customer,
            s.upload == row.upload,
        )
        .values(durable=_GIVEN_UP)
    )
    conn.execute(
        delete(uploads).where(
            u.institution == row.institution, u.customer == row.customer, u.upload == row.upload
        )
    )


def _take_links(conn: Connection, ref: ScopeRef) -> None:
    """Links at either end of which there is no transaction any more."""
    link, t = transaction_links.c, transactions.c

    def there(identifier: ColumnElement[str]) -> ColumnElement[bool]:
        return (
            select(t.transaction)
            .where(
                t.institution == ref.institution,
                t.customer == ref.customer,
                t.transaction == identifier,
            )
            .exists()
        )

    conn.execute(
        delete(transaction_links).where(
            link.institution == ref.institution,
            link.customer == ref.customer,
            or_(~there(link.target), ~there(link.transaction)),
        )
    )


def _take_index(conn: Connection, ref: ScopeRef, record: str) -> None:
    """Index entries of a customer, of one record or of all (""), and the claims that were entries
    of his."""
    b, c = blind_index.c, identity_claims.c
    mine = and_(b.institution == ref.institution, b.customer == ref.customer)
    if record:
        mine = and_(mine, b.record == record)
    else:
        tokens = select(b.token).where(mine)
        conn.execute(
            delete(identity_claims).where(
                c.institution == ref.institution,
                c.customer == ref.customer,
                c.token.in_(tokens),
            )
        )
    conn.execute(delete(blind_index).where(mine))
