"""Plans of disposal by themselves: what a transaction costs in a plan over 100,000 and over
1,000,000, and what memory it takes beyond what the process has.

Customers are stored as the vault stores them, since a plan opens their files; of transactions a
plan reads the days of their scopes alone, so that these alone are put in: a hundred bookings a
customer in ten years, of which the three oldest are due.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from bench import growth
from bench.databases import Store
from bench.growth import Cost, Growth
from tests.records import builders
from tests.support.disposal import BANK, Bank, bank
from vault.access import Action
from vault.records import ScopeRef
from vault.server.run import settle_memory
from vault.services.items import NewRecord
from vault.services.kinds import CUSTOMERS
from vault.services.replays import Request
from vault.services.retention.errors import NotAtThatStage
from vault.services.storing import Batch
from vault.store import scopes
from vault.store.database import Database
from vault.store.migrate import upgrade

SMALL = 100_000
_A_CUSTOMER = 100
_YEARS = range(2010, 2020)
_BATCH = 500
_TODAY = date(2013, 1, 5)
_PLANNED_ON = date(2018, 1, 2)


@dataclass(frozen=True, slots=True)
class Planned:
    """What was measured of one plan: seconds, and by how many MiB the process grew at most."""

    database: str
    transactions: int
    customers: int
    due: int
    seconds: float
    grown_mib: float

    def told(self) -> str:
        """For people."""
        return (
            f"{self.database}: {self.transactions:,} transactions of {self.customers:,} customers, "
            f"{self.due:,} scopes due: {self.seconds:.1f} s, {self.grown_mib:.0f} MiB"
        )


def plan(store: Store, folder: Path, transactions: int) -> tuple[Cost, Planned]:
    """Measure one plan on an empty database."""
    database = Database(store.url)
    upgrade(database)
    try:
        return asyncio.run(_plan(database, store, folder, transactions))
    finally:
        database.dispose()


async def _plan(
    database: Database, store: Store, folder: Path, transactions: int
) -> tuple[Cost, Planned]:
    customers = transactions // _A_CUSTOMER
    async with bank(database, folder, _TODAY) as b:
        await _fill(b, customers)
        b.clock.on(_PLANNED_ON)
        b.ring.clear()
        settle_memory()
        before = _resident()
        try:
            with growth.measured(store, transactions, transactions) as cost:
                shown = await b.plan()
        except NotAtThatStage:
            raise RuntimeError("nothing was due") from None
        grown = max(0.0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024 - before)
        due = shown.counts["DUE"]
        return cost, Planned(store.kind, transactions, customers, due, cost.seconds, grown)


async def _fill(b: Bank, customers: int) -> None:
    human = replace(builders.person(), identity=None)
    for start in range(0, customers, _BATCH):
        records = [
            NewRecord(
                CUSTOMERS,
                builders.customer(
                    customer_number=f"C{n}", natural_person=human, accounts=(), phones=()
                ),
            )
            for n in range(start, min(start + _BATCH, customers))
        ]
        call = b.call("backend", Action.CUSTOMERS_BATCH_CREATE)
        request = Request(call.action, "", b"")
        stored = await b.storing.store_together(call, Batch(BANK, records, True, request))
        days = [
            (ScopeRef(BANK, one.customer, f"transactions/{year}"), date(year, month, 3).toordinal())
            for one in stored
            for year in _YEARS
            for month in (2, 11)
        ]
        await asyncio.to_thread(
            b.database.write_sync, lambda conn, days=days: scopes.booked(conn, days)
        )


def _resident() -> float:
    """MiB that the process has now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and keep it."""
    options = growth.parser("disposal", __doc__, SMALL, "transactions").parse_args(arguments)
    found: list[Growth] = []
    told: list[Planned] = []
    with growth.openings(options.database) as openings:
        for opening in openings:
            costs: list[Cost] = []
            for size in (options.small, options.small * options.times):
                with growth.emptied(opening) as (store, folder):
                    cost, planned = plan(store, folder, size)
                costs.append(cost)
                told.append(planned)
                print(planned.told(), flush=True)
            small, large = costs
            found.append(Growth("disposal plan", told[-1].database, "transactions", small, large))
            growth.keep("disposal", found, told)
    growth.show(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
