"""What has been spent of budgets: rows that are added, and never changed.

A row is one unit: a customer looked at, a page, a search without a result. `number` counts a
meter's rows within its period from 1 on, so that how much is spent is one look at an index, and no
right but to read and to add is needed: who holds the masked tier's credentials can use up a
budget of that tier, but not refill one.

Whoever spends does so in a turn of his own (`take_turn`): two processes that count at once would
each find room for the last unit.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Table, bindparam, delete, func, select, tuple_

from vault.store.point_read import PointRead
from vault.store.schema import full_spent, masked_spent
from vault.store.statements import insert_rows

_TURN: Final = "SELECT pg_advisory_xact_lock(%s)"


@dataclass(frozen=True, slots=True)
class Charge:
    """Units of one meter: `items` of the period that begins at `period` (microseconds), of which
    `limit` may be spent. One that was spent already costs nothing. Without items nothing is spent,
    but there must be room for one."""

    meter: str
    period: int
    limit: int
    items: tuple[str, ...]


class OverBudget(Exception):
    """There is no room. `full`: not for one unit more."""

    def __init__(self, charge: Charge, *, full: bool) -> None:
        super().__init__(charge.meter)
        self.charge = charge
        self.full = full


def turn_of(institution: str, who: str) -> int:
    """The order of turns, as a signed 64-bit number: units of one transaction that take several
    turns must take them in rising order, or two processes would wait for each other."""
    digest = hashlib.sha256(f"spending\0{institution}\0{who}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def take_turn(conn: Connection, turn: int) -> None:
    """Wait until nobody else spends in this turn; it lasts until the transaction ends. SQLite's
    transactions are one after another anyway."""
    if conn.dialect.name == "postgresql":
        conn.exec_driver_sql(_TURN, (turn,))


class Spending:
    """What has been spent in one tier, a table."""

    def __init__(self, table: Table) -> None:
        self._table = table
        c = table.c
        mine = [c[name] == bindparam(name) for name in ("institution", "who", "meter", "period")]
        number = select(func.max(c.number)).where(*mine).scalar_subquery()
        item = select(c.number).where(*mine, c.item == bindparam("item"))
        self._taken = PointRead(select(number))
        self._taken_and_item = PointRead(select(number, item.scalar_subquery()))
        self._several = select(c.item).where(*mine, c.item.in_(bindparam("items", expanding=True)))

    def spend(
        self, conn: Connection, institution: str, who: str, charges: Sequence[Charge]
    ) -> None:
        """Spend all charges, or raise OverBudget and spend none. Take the turn before."""
        rows: list[tuple[str | int, ...]] = []
        for charge in charges:
            taken, new = self._found(conn, institution, who, charge)
            needed = len(new) if charge.items else 1
            if needed and taken + needed > charge.limit:
                raise OverBudget(charge, full=taken >= charge.limit)
            rows.extend(
                (institution, who, charge.meter, charge.period, item, number)
                for number, item in enumerate(new, taken + 1)
            )
        insert_rows(conn, self._table, rows)

    def room(self, conn: Connection, institution: str, who: str, charge: Charge) -> bool:
        """Whether a charge could be spent as things stand."""
        taken, new = self._found(conn, institution, who, charge)
        needed = len(new) if charge.items else 1
        return not needed or taken + needed <= charge.limit

    def prune(self, conn: Connection, institution: str, before: int, limit: int) -> int:
        """Remove at most `limit` rows of periods that began before `before` (microseconds); return
        how many there were. Rows that somebody else is removing are passed over."""
        key = self._table.primary_key.columns
        old = (
            select(*key)
            .where(self._table.c.institution == institution, self._table.c.period < before)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return conn.execute(delete(self._table).where(tuple_(*key).in_(old))).rowcount

    def _found(
        self, conn: Connection, institution: str, who: str, charge: Charge
    ) -> tuple[int, Sequence[str]]:
        """How much is spent, and which items are new."""
        key = {
            "institution": institution,
            "who": who,
            "meter": charge.meter,
            "period": charge.period,
        }
        items = charge.items
        if len(items) == 1:
            row = self._taken_and_item.first(conn, {**key, "item": items[0]}) or (None, None)
            return int(row[0] or 0), items if row[1] is None else ()
        row = self._taken.first(conn, key) or (None,)
        if not items:
            return int(row[0] or 0), ()
        known = set(conn.execute(self._several, {**key, "items": list(items)}).scalars())
        return int(row[0] or 0), [item for item in dict.fromkeys(items) if item not in known]


FULL: Final = Spending(full_spent)
MASKED: Final = Spending(masked_spent)
