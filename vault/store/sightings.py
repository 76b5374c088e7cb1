"""What the rules of detection have to remember of callers: rows that are added, and never changed.

A row is one call of one caller that matters to a rule. `number` counts a caller's rows from 1 on;
whoever adds one has taken the caller's turn before (spending.py), so that each of several processes
sees what the others have added, and none is added twice. Rows that are too old to matter are
removed by the full tier. No right but to read and to add is needed: who holds the masked tier's
credentials can make up what somebody did there, but take nothing back.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Table, bindparam, delete, func, select, tuple_

from vault.store.point_read import PointRead
from vault.store.schema import full_sightings, masked_sightings
from vault.store.statements import insert_rows

OPENED: Final = "opened"
REFUSED: Final = "refused"
DONE: Final = "done"
_LATELY: Final = 5_000  # refusals that are looked at for who was refused
_KINDS: Final = (OPENED, REFUSED, DONE)


@dataclass(frozen=True, slots=True)
class Sighting:
    """A call: its place among the caller's, when it ended (microseconds), of which class its action
    is, whom it was about, and whether it showed him, was refused, or was something else that
    matters (`what`). `roles` are the caller's, `raised` the rules that told of it, `alike` what the
    customer has in common with others, as keyed tokens; each parted by blanks."""

    number: int
    at: int
    action_class: str
    customer: str
    what: str
    roles: str
    raised: str
    alike: str


class Sightings:
    """What was seen in one tier, a table."""

    def __init__(self, table: Table) -> None:
        self._table = table
        c = table.c
        columns = [c[name] for name in Sighting.__slots__]
        mine = [c[name] == bindparam(name) for name in ("institution", "who")]
        self._since = PointRead(
            select(*columns).where(*mine, c.number >= bindparam("number")).order_by(c.number)
        )
        self._newest = (
            select(*columns).where(*mine).order_by(c.number.desc()).limit(bindparam("limit"))
        )
        # Bounded, and so that rows are found by their time before they are grouped.
        lately = (
            select(c.who, c.at)
            .where(
                c.institution == bindparam("institution"),
                c.what == REFUSED,
                c.at >= bindparam("at"),
            )
            .order_by(c.at.desc())
            .limit(_LATELY)
            .subquery()
        )
        self._refused = PointRead(
            select(lately.c.who, func.max(lately.c.at)).group_by(lately.c.who)
        )

    def add(self, conn: Connection, institution: str, who: str, one: Sighting) -> None:
        """Add a row."""
        row = (
            one.number,
            one.at,
            one.action_class,
            one.customer,
            one.what,
            one.roles,
            one.raised,
            one.alike,
        )
        insert_rows(conn, self._table, [(institution, who, *row)])

    def since(self, conn: Connection, institution: str, who: str, number: int) -> list[Sighting]:
        """A caller's rows from a number on, in order."""
        key = {"institution": institution, "who": who, "number": number}
        return [Sighting(*row) for row in self._since.all(conn, key)]

    def newest(self, conn: Connection, institution: str, who: str, limit: int) -> list[Sighting]:
        """A caller's newest rows, at most so many, in order."""
        key = {"institution": institution, "who": who, "limit": limit}
        return [Sighting(*row) for row in conn.execute(self._newest, key)][::-1]

    def refused(self, conn: Connection, institution: str, at: int) -> dict[str, int]:
        """Who was refused from a time on, and when last."""
        rows = self._refused.all(conn, {"institution": institution, "at": at})
        return {str(row[0]): int(row[1]) for row in rows}

    def prune(self, conn: Connection, institution: str, before: int, limit: int) -> int:
        """Remove at most `limit` rows from before a time; return how many there were. Rows that
        somebody else is removing are passed over."""
        c, key = self._table.c, self._table.primary_key.columns
        old = (
            select(*key)
            .where(c.institution == institution, c.what.in_(_KINDS), c.at < before)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return conn.execute(delete(self._table).where(tuple_(*key).in_(old))).rowcount


FULL: Final = Sightings(full_sightings)
MASKED: Final = Sightings(masked_sightings)
