"""The blind index: which records of which customers a keyed token stands for."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, select, tuple_

from vault.store.rows import IndexRow
from vault.store.schema import blind_index
from vault.store.statements import insert_or_ignore

_B = blind_index.c
_LOOKUP = (
    select(_B.customer, _B.record)
    .where(
        _B.institution == bindparam("institution"),
        _B.kind == bindparam("kind"),
        _B.token == bindparam("token"),
        tuple_(_B.customer, _B.record) > tuple_(bindparam("customer"), bindparam("record")),
    )
    .order_by(_B.customer, _B.record)
    .limit(bindparam("limit"))
)
_REMOVE = delete(blind_index).where(
    _B.institution == bindparam("institution"),
    _B.customer == bindparam("customer"),
    _B.record == bindparam("record"),
)


def put(conn: Connection, rows: Sequence[IndexRow]) -> None:
    """Add entries; one that is there already (the same term twice in a record) stays."""
    insert_or_ignore(
        conn,
        blind_index,
        [(r.institution, str(r.kind), r.token, r.customer, r.record) for r in rows],
    )


def remove(conn: Connection, institution: str, customer: str, record: str) -> None:
    """Take out all entries of a record."""
    conn.execute(_REMOVE, {"institution": institution, "customer": customer, "record": record})


def replace(
    conn: Connection, institution: str, customer: str, record: str, rows: Sequence[IndexRow]
) -> None:
    """Exchange a record's entries for those of its new version."""
    remove(conn, institution, customer, record)
    put(conn, rows)


def lookup(
    conn: Connection,
    institution: str,
    kind: str,
    token: bytes,
    *,
    after: tuple[str, str] | None = None,
    limit: int,
) -> list[tuple[str, str]]:
    """The (customer, record) that a token stands for, in ascending order beyond `after`."""
    customer, record = after or ("", "")
    rows = conn.execute(
        _LOOKUP,
        {
            "institution": institution,
            "kind": str(kind),
            "token": token,
            "customer": customer,
            "record": record,
            "limit": limit,
        },
    )
    return [(row[0], row[1]) for row in rows]
