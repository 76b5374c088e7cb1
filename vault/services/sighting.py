"""What the rules of detection remember, over processes and restarts.

It stands in the database, a row a call that matters, added in the transaction that makes the call's
event durable. A process holds what follows from the rows that it has seen, and reads those that
others have added meanwhile. Whether its own rows were committed it need not be told: where the last
one that it holds is not there, it begins anew with what is.

On the log's writer thread alone, within the caller's turn.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection

from vault.access import ActionClass
from vault.access.detection import Alert, By, Memory, Seen, Sentry
from vault.services.callers import PERSON, Caller
from vault.store.sightings import DONE, OPENED, REFUSED, Sighting, Sightings

_CALLERS: Final = 10_000
# A caller's rows that are read at once: more calls than that, each to another customer, are beyond
# every budget of a person.
_ROWS: Final = 2_000


@dataclass(slots=True)
class _Known:
    """What follows from a caller's rows up to `last`."""

    last: Sighting | None = None
    memory: Memory = field(default_factory=Memory)


class Sight:
    """What is known of the callers of one tier."""

    def __init__(self, sentry: Sentry, rows: Sightings) -> None:
        self._sentry = sentry
        self._rows = rows
        self._known: OrderedDict[tuple[str, str], _Known] = OrderedDict()

    def see(self, conn: Connection, caller: Caller, seen: Seen) -> list[Alert]:
        """Add a call; return the alerts that it raises."""
        known = self._caught_up(conn, caller, seen.at)
        alerts = self._sentry.look(known.memory, seen)
        raised = [alert.rule.id for alert in alerts]
        number = known.last.number + 1 if known.last is not None else 1
        row = to_row(number, seen, raised)
        self._rows.add(conn, caller.institution, caller.who, row)
        self._sentry.keep(known.memory, seen, raised)
        known.last = row
        return alerts

    def _caught_up(self, conn: Connection, caller: Caller, now: int) -> _Known:
        key = (caller.institution, caller.who)
        known = self._known.get(key)
        if known is not None and known.last is not None:
            rows = self._rows.since(conn, *key, known.last.number)
            if rows and rows[0] == known.last:
                for row in rows[1:]:
                    self._take(known, row, caller.who)
                self._known.move_to_end(key)
                return known
        known = self._known[key] = _Known()
        self._known.move_to_end(key)
        if len(self._known) > _CALLERS:
            self._known.popitem(last=False)
        for row in self._rows.newest(conn, *key, _ROWS):
            if row.at > now - self._sentry.horizon:
                self._take(known, row, caller.who)
            else:
                known.last = row
        return known

    def _take(self, known: _Known, row: Sighting, who: str) -> None:
        known.last = row
        try:
            seen = from_row(row, who)
        except ValueError:
            # Of another release, or made up by who holds the masked tier's credentials.
            return
        self._sentry.keep(known.memory, seen, row.raised.split())


def to_row(number: int, seen: Seen, raised: list[str]) -> Sighting:
    """A call as it stands in the database."""
    return Sighting(
        number,
        seen.at,
        seen.action_class.value,
        seen.customer,
        REFUSED if seen.refused else OPENED if seen.opened else DONE,
        " ".join(sorted(seen.roles)),
        " ".join(raised),
        " ".join(f"{by.value}:{value}" for by, value in seen.alike),
    )


def from_row(row: Sighting, who: str) -> Seen:
    """A call that stands there. Raises ValueError for what is none."""
    alike = (part.partition(":") for part in row.alike.split())
    return Seen(
        frozenset(row.roles.split()),
        who.startswith(PERSON),
        ActionClass(row.action_class),
        row.customer,
        row.what == OPENED,
        row.what == REFUSED,
        row.at,
        tuple((By(by), value) for by, _, value in alike),
    )
