"""The blind index: which records of which customers a keyed token stands for."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, func, select, tuple_

from vault.store.rows import IndexRow
from vault.store.schema import blind_index
from vault.store.statements import insert_or_ignore

_B = blind_index.c
_AT_ONCE = 500
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


def kind_text(kind: str, version: int) -> str:
    """How entries of a kind are called that were made under a version of the index key.

    Those of the first one have the kind's own name, as all had before there was another.
    """
    return kind if version == 1 else f"{kind}@{version}"


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


def of_record(conn: Connection, institution: str, customer: str, record: str) -> set[IndexRow]:
    """All entries of a record."""
    found = conn.execute(
        select(_B.kind, _B.token).where(
            _B.institution == institution, _B.customer == customer, _B.record == record
        )
    )
    return {IndexRow(institution, kind, token, customer, record) for kind, token in found}


def take_out(conn: Connection, rows: Sequence[IndexRow]) -> None:
    """Take out these entries."""
    for row in rows:
        conn.execute(
            delete(blind_index).where(
                _B.institution == row.institution,
                _B.kind == row.kind,
                _B.token == row.token,
                _B.customer == row.customer,
                _B.record == row.record,
            )
        )


def count(conn: Connection, institution: str, kinds: Sequence[str]) -> int:
    """How many entries of these kinds there are."""
    return conn.execute(
        select(func.count()).where(_B.institution == institution, _B.kind.in_(kinds))
    ).scalar_one()


def some_of(conn: Connection, institution: str, kinds: Sequence[str], limit: int) -> list[IndexRow]:
    """Up to `limit` entries of these kinds."""
    found = conn.execute(
        select(blind_index).where(_B.institution == institution, _B.kind.in_(kinds)).limit(limit)
    )
    return [IndexRow(*row) for row in found]


def among(
    conn: Connection, institution: str, kind: str, token: bytes, customers: Sequence[str]
) -> list[str]:
    """Those of the customers that a token stands for, in ascending order."""
    found: list[str] = []
    for at in range(0, len(customers), _AT_ONCE):
        rows = conn.execute(
            select(_B.customer)
            .where(
                _B.institution == institution,
                _B.kind == str(kind),
                _B.token == token,
                _B.customer.in_(customers[at : at + _AT_ONCE]),
            )
            .distinct()
        )
        found += rows.scalars()
    return sorted(found)


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
