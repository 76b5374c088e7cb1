"""Plans of disposal by themselves: how long one takes over 100,000 and over 1,000,000 transactions,
and what memory it takes beyond what the process has.

    python -m bench.disposal [sqlite|postgresql]

Customers are stored as the vault stores them, since a plan opens their files; of transactions a
plan reads the days of their scopes alone, so that these alone are put in: a hundred bookings a
customer in ten years, of which the three oldest are due.
"""

import asyncio
import os
import resource
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from bench.databases import Store, postgresql, sqlite
from tests.records import builders
from tests.support.databases import temporary_server
from tests.support.disposal import BANK, Bank, bank
from vault.access import Action
from vault.records import ScopeRef
from vault.services.items import NewRecord
from vault.services.kinds import CUSTOMERS
from vault.services.replays import Request
from vault.services.retention.errors import NotAtThatStage
from vault.services.storing import Batch
from vault.store import scopes
from vault.store.database import Database
from vault.store.migrate import upgrade

SIZES = (100_000, 1_000_000)
"""Transactions."""
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


def plans(store: Store, folder: Path, transactions: int) -> Planned:
    """Measure one plan on an empty database."""
    database = Database(store.url)
    upgrade(database)
    try:
        return asyncio.run(_plan(database, store.kind, folder, transactions))
    finally:
        database.dispose()


async def _plan(database: Database, kind: str, folder: Path, transactions: int) -> Planned:
    customers = transactions // _A_CUSTOMER
    async with bank(database, folder, _TODAY) as b:
        await _fill(b, customers)
        b.clock.on(_PLANNED_ON)
        before = _resident()
        began = time.perf_counter()
        try:
            shown = await b.plan()
        except NotAtThatStage:
            raise RuntimeError("nothing was due") from None
        took = time.perf_counter() - began
        grown = max(0.0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024 - before)
        return Planned(kind, transactions, customers, shown.counts["DUE"], took, grown)


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


def main() -> None:
    """Print a line a size."""
    only = sys.argv[1] if len(sys.argv) > 1 else ""

    def each(opening: object, name: str) -> None:
        for size in SIZES:
            with tempfile.TemporaryDirectory(prefix="vault-bench-") as text:
                folder = Path(text)
                with opening(folder) as store:  # type: ignore[operator]  # of this file
                    one = plans(store, folder, size)
            print(
                f"{name}: {one.transactions:,} transactions of {one.customers:,} customers, "
                f"{one.due:,} scopes due: {one.seconds:.1f} s, {one.grown_mib:.0f} MiB",
                flush=True,
            )

    if only != "postgresql":
        each(sqlite, "SQLite")
    if only != "sqlite":
        with temporary_server() as server:
            each(lambda _folder: postgresql(server), "PostgreSQL")


if __name__ == "__main__":
    main()
