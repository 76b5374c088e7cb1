"""Customers: every update is a new version; the current one has the highest number."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, select

from vault.store.rows import CustomerRow, MaskedCustomerRow
from vault.store.schema import customers
from vault.store.statements import insert_rows
from vault.store.versions import Versioned

_EXISTING = select(customers.c.customer).where(
    customers.c.institution == bindparam("institution"),
    customers.c.customer.in_(bindparam("customers", expanding=True)),
    customers.c.version == 1,
)
FULL = Versioned(customers, masked=False)
"""Statements of whole rows."""
_MASKED = Versioned(customers, masked=True)
_NO_LIMIT = 2**31 - 1  # beyond any version


def insert(conn: Connection, rows: Sequence[CustomerRow]) -> None:
    """Insert versions of customers. Raises VersionConflict when one of them stands already."""
    insert_rows(
        conn,
        customers,
        [
            (
                r.institution,
                r.customer,
                r.version,
                r.recorded_at,
                r.recorded_by,
                r.sealed,
                r.masked,
            )
            for r in rows
        ],
    )


def current(conn: Connection, institution: str, customer: str) -> CustomerRow | None:
    """The current version."""
    key = {"institution": institution, "customer": customer}
    row = FULL.current.first(conn, key)
    return None if row is None else CustomerRow(*row)


def current_masked(conn: Connection, institution: str, customer: str) -> MaskedCustomerRow | None:
    """The current version's masked view."""
    key = {"institution": institution, "customer": customer}
    row = _MASKED.current.first(conn, key)
    return None if row is None else MaskedCustomerRow(*row)


def version(conn: Connection, institution: str, customer: str, number: int) -> CustomerRow | None:
    """The version of that number."""
    key = {"institution": institution, "customer": customer, "version": number}
    row = FULL.version.first(conn, key)
    return None if row is None else CustomerRow(*row)


def history(
    conn: Connection, institution: str, customer: str, *, before: int | None = None, limit: int
) -> list[CustomerRow]:
    """Versions, newest first, from the one in front of number `before` on."""
    key = {
        "institution": institution,
        "customer": customer,
        "before": _NO_LIMIT if before is None else before,
        "limit": limit,
    }
    return [CustomerRow(*row) for row in conn.execute(FULL.history, key)]


def page(conn: Connection, institution: str, *, after: str = "", limit: int) -> list[CustomerRow]:
    """Current versions of an institution's customers by ascending id, beyond `after`."""
    key = {"institution": institution, "after": after, "limit": limit}
    return [CustomerRow(*row) for row in conn.execute(FULL.listing, key)]


def page_masked(
    conn: Connection, institution: str, *, after: str = "", limit: int
) -> list[MaskedCustomerRow]:
    """As `page`, masked views only."""
    key = {"institution": institution, "after": after, "limit": limit}
    return [MaskedCustomerRow(*row) for row in conn.execute(_MASKED.listing, key)]


def many(conn: Connection, institution: str, ids: Sequence[str]) -> list[CustomerRow]:
    """Current versions of those customers that exist: one query, for up to 500 ids."""
    if not ids:
        return []
    key = {"institution": institution, "customers": list(ids)}
    return [CustomerRow(*row) for row in conn.execute(FULL.many, key)]


def many_masked(
    conn: Connection, institution: str, ids: Sequence[str]
) -> dict[str, MaskedCustomerRow]:
    """Masked views of those customers that exist, by id: one query, for up to 500 ids."""
    if not ids:
        return {}
    key = {"institution": institution, "customers": list(ids)}
    return {row[1]: MaskedCustomerRow(*row) for row in conn.execute(_MASKED.many, key)}


def existing(conn: Connection, institution: str, ids: Sequence[str]) -> set[str]:
    """Those of the ids (up to 500) that are customers: one query, by primary key."""
    key = {"institution": institution, "customers": list(ids)}
    return {row[0] for row in conn.execute(_EXISTING, key)} if ids else set()
