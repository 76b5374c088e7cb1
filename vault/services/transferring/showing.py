"""Where a file came from and where it went, by opaque names and times."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from vault.access import ActionClass
from vault.records import CustomerName
from vault.services.call import Call
from vault.services.closed import OutsideScope, OwnFile
from vault.services.errors import NotFound
from vault.services.reach import FullReach
from vault.store import Database, customers, transfers
from vault.store.transfers import ArrivalRow, DepartureRow, OriginRow


@dataclass(frozen=True, slots=True)
class Shown:
    """Of one file. `origins` are some of its versions, in order."""

    departures: list[DepartureRow]
    arrival: ArrivalRow | None
    origins: list[OriginRow]


class Showing:
    """The use case. Raises NotFound, OutsideScope, OwnFile."""

    def __init__(self, database: Database, reach: FullReach) -> None:
        self._database = database
        self._reach = reach

    async def show(self, call: Call, name: CustomerName, skip: int, limit: int) -> Shown:
        """All of it, with so many versions behind the first `skip`."""
        call.require(ActionClass.REPORT, name.institution, name.customer)
        at = (name.institution, name.customer)
        if name.customer in call.close_files:
            raise OwnFile
        if await self._reach.outside(call.scope, name.institution, [name.customer]):
            raise OutsideScope

        def find(conn: Connection) -> Shown | None:
            found = Shown(
                transfers.departures_of(conn, *at),
                transfers.arrival_of(conn, *at),
                transfers.origins_page(conn, *at, skip, limit),
            )
            there = customers.existing(conn, name.institution, [name.customer])
            return found if there or found.arrival or found.departures else None

        shown = await self._database.read(find)
        if shown is None:
            raise NotFound(str(name))
        return shown
