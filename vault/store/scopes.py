"""Since when nothing was added to what is destroyed together: the days that retention counts from.

Kept in each write's own transaction, so that a plan of disposal need not read a record to know what
cannot be due. A write into a scope that was destroyed is refused here: its keys may still be in
some process's memory.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, delete, or_, select, tuple_

from vault.records.names import IDENTITY_SCOPE
from vault.records.scopes import ScopeRef
from vault.store.schema import scopes, shred_list
from vault.store.statements import in_dialect

_S = scopes.c
_CHUNK = 200
_NOTE = (
    "INSERT INTO scopes (institution, customer, scope, first_on, last_on, ended_on) "
    "VALUES (?, ?, ?, ?, ?, 0) ON CONFLICT (institution, customer, scope) DO UPDATE SET "
    "first_on = CASE WHEN excluded.first_on < scopes.first_on "
    "THEN excluded.first_on ELSE scopes.first_on END, "
    "last_on = CASE WHEN excluded.last_on > scopes.last_on "
    "THEN excluded.last_on ELSE scopes.last_on END "
    "WHERE excluded.first_on < scopes.first_on OR excluded.last_on > scopes.last_on"
)
_ENDED = (
    "INSERT INTO scopes (institution, customer, scope, first_on, last_on, ended_on) "
    "VALUES (?, ?, ?, 0, 0, ?) ON CONFLICT (institution, customer, scope) DO UPDATE SET "
    "ended_on = excluded.ended_on WHERE excluded.ended_on <> scopes.ended_on"
)


@dataclass(frozen=True, slots=True)
class ScopeRow:
    """Days as `date.toordinal`, 0 where there is none."""

    institution: str
    customer: str
    scope: str
    first_on: int = 0
    last_on: int = 0
    ended_on: int = 0


def booked(conn: Connection, days: Iterable[tuple[ScopeRef, int]]) -> None:
    """Note on which days was booked, in which scopes."""
    bounds: dict[ScopeRef, tuple[int, int]] = {}
    for ref, day in days:
        first, last = bounds.get(ref, (day, day))
        bounds[ref] = (min(first, day), max(last, day))
    statement = in_dialect(conn, _NOTE)
    # In one order for all, so that two processes cannot wait for each other.
    for ref in sorted(bounds, key=lambda r: (r.institution, r.customer, r.scope)):
        conn.exec_driver_sql(statement, (ref.institution, ref.customer, ref.scope, *bounds[ref]))


def ended(conn: Connection, institution: str, ends: Iterable[tuple[str, int]]) -> None:
    """Note on which day relationships ended, by customer; 0: they go on."""
    statement = in_dialect(conn, _ENDED)
    for customer, day in sorted(ends):
        conn.exec_driver_sql(statement, (institution, customer, IDENTITY_SCOPE, day))


def destroyed(conn: Connection, refs: Iterable[ScopeRef]) -> set[ScopeRef]:
    """Those of the scopes that were destroyed."""
    found: set[ScopeRef] = set()
    wanted = sorted({(r.institution, r.customer, r.scope) for r in refs})
    key = tuple_(shred_list.c.institution, shred_list.c.customer, shred_list.c.scope)
    for start in range(0, len(wanted), _CHUNK):
        rows = conn.execute(
            select(shred_list.c.institution, shred_list.c.customer, shred_list.c.scope).where(
                key.in_(wanted[start : start + _CHUNK])
            )
        )
        found |= {ScopeRef(*row) for row in rows}
    return found


def candidates(
    conn: Connection,
    institution: str,
    *,
    ended_until: int,
    booked_until: int,
    after: str,
    limit: int,
) -> list[str]:
    """Customers, by identifier behind `after`, who have a scope that may be due: a relationship
    that ended, or a last booking, until those days."""
    rows = conn.execute(
        select(_S.customer)
        .distinct()
        .where(
            _S.institution == institution,
            _S.customer > after,
            or_(
                and_(_S.ended_on > 0, _S.ended_on <= ended_until),
                and_(_S.last_on > 0, _S.last_on <= booked_until),
            ),
        )
        .order_by(_S.customer)
        .limit(limit)
    )
    return [row[0] for row in rows]


def of_customers(
    conn: Connection, institution: str, customers: Sequence[str]
) -> dict[str, list[ScopeRow]]:
    """All scopes of these customers (up to 500), by customer and then by scope."""
    found: dict[str, list[ScopeRow]] = {customer: [] for customer in customers}
    rows = conn.execute(
        select(scopes)
        .where(_S.institution == institution, _S.customer.in_(list(customers)))
        .order_by(_S.customer, _S.scope)
    )
    for row in rows:
        found[row.customer].append(ScopeRow(*row))
    return found


def page(conn: Connection, institution: str, *, after: str, limit: int) -> list[str]:
    """Customers who have scopes, by identifier behind `after`."""
    rows = conn.execute(
        select(_S.customer)
        .distinct()
        .where(_S.institution == institution, _S.customer > after)
        .order_by(_S.customer)
        .limit(limit)
    )
    return [row[0] for row in rows]


def one(conn: Connection, ref: ScopeRef) -> ScopeRow | None:
    """A scope's row."""
    row = conn.execute(
        select(scopes).where(
            _S.institution == ref.institution, _S.customer == ref.customer, _S.scope == ref.scope
        )
    ).first()
    return None if row is None else ScopeRow(*row)


def remove(conn: Connection, ref: ScopeRef) -> None:
    """Take out the row of a scope that was destroyed."""
    conn.execute(
        delete(scopes).where(
            _S.institution == ref.institution, _S.customer == ref.customer, _S.scope == ref.scope
        )
    )
