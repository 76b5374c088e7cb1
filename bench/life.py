"""Files for life: what a file costs in the report of completeness, in the list of what falls due
and in a round of reminders, among few and among ten times as many.

Each customer has a document. In one process, as the vault's own is set up; no key is held when one
of them begins, as in a vault that has far more files than it holds keys.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import delete

from bench import files, growth
from bench.databases import Store
from bench.growth import Cost, Growth
from tests.support.use_cases import BANK, UseCases, allowed, use_cases
from vault.access import Action
from vault.rules.business import read_business
from vault.rules.currency import read_currency
from vault.rules.element_files import read_elements
from vault.rules.ownership_files import read_ownership
from vault.server.run import settle_memory
from vault.services.custody import Custody
from vault.services.life import Assessor, Files, Reminding, Reports, Rules, When
from vault.services.life.reports import Groups, WantedFiles
from vault.store import Database
from vault.store.migrate import upgrade
from vault.store.schema import reminder_runs

SMALL = 100_000
_WANTED = WantedFiles(BANK)


@dataclass(frozen=True, slots=True)
class Grown:
    """By how many MiB the process has grown at most while it went through so many files."""

    name: str
    database: str
    files: int
    mebibytes: float


@dataclass(frozen=True, slots=True)
class Look:
    """One way of going through all files, and how it is called."""

    name: str
    through: Callable[[UseCases, int], Awaitable[None]]


async def _completeness(vault: UseCases, customers: int) -> None:
    groups = Groups()
    call = allowed(Action.FILES_COMPLETENESS, role="custodian")
    async for _ in Reports(_assessor(vault)).completeness(call, _WANTED, None, groups):
        pass
    if sum(group.files for group in groups.by_risk.values()) != customers:
        raise RuntimeError("the report did not go through all files")


async def _due(vault: UseCases, _customers: int) -> None:
    listed = 0
    call = allowed(Action.FILES_DUE, role="custodian")
    async for part in Reports(_assessor(vault)).due(call, _WANTED, None, frozenset()):
        listed += len(part.items)
    if not listed:
        raise RuntimeError("nothing falls due")


async def _reminders(vault: UseCases, _customers: int) -> None:
    # As the first round ever: nobody was reminded of anything yet.
    vault.database.write_sync(lambda conn: conn.execute(delete(reminder_runs)))
    reminding = Reminding(
        vault.database, vault.log, _assessor(vault), [BANK], When(24, 30), vault.clock, lambda: True
    )
    if not await reminding.look(BANK):
        raise RuntimeError("nobody was reminded")


LOOKS = (
    Look("completeness", _completeness),
    Look("due", _due),
    Look("reminders", _reminders),
)


def _assessor(vault: UseCases) -> Assessor:
    rules = Rules(
        read_elements(),
        read_ownership(),
        read_business(),
        read_currency(),
        frozenset({"CN"}),
        {BANK: "keeper"},
    )
    custody = Custody(rules.custodian, lambda _institution, _name: True)
    return Assessor(Files(vault.database, vault.keys, vault.clock), rules, custody)


@asynccontextmanager
async def _vault(store: Store, folder: Path) -> AsyncIterator[UseCases]:
    database = Database(store.url)
    try:
        upgrade(database)
        async with use_cases(database, folder) as vault:
            yield vault
    finally:
        database.dispose()


async def measure(
    store: Store, folder: Path, sizes: tuple[int, int], looks: tuple[Look, ...] = LOOKS
) -> tuple[list[Growth], list[Grown]]:
    """One vault, measured at the first size and, grown, at the second."""
    costs: dict[str, list[Cost]] = {look.name: [] for look in looks}
    grown: list[Grown] = []
    async with _vault(store, folder) as vault:
        settle_memory()
        done = 0
        for size in sizes:
            files.fill(vault, range(done, size))
            done = size
            for look in looks:
                vault.ring.clear()
                before = _largest()
                with growth.measured(store, size, size) as cost:
                    await look.through(vault, size)
                costs[look.name].append(cost)
                grown.append(Grown(look.name, store.kind, size, _largest() - before))
    found = [
        Growth(name, store.kind, "customers", small, large)
        for name, (small, large) in costs.items()
    ]
    return found, grown


def _largest() -> float:
    """The process's largest memory so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and keep it."""
    parser = growth.parser("life", __doc__, SMALL, "customers")
    parser.add_argument(
        "--only", choices=[look.name for look in LOOKS], help="one of the three instead of all"
    )
    options = parser.parse_args(arguments)
    looks = tuple(look for look in LOOKS if options.only in (None, look.name))
    sizes = (options.small, options.small * options.times)
    found: list[Growth] = []
    grown: list[Grown] = []
    with growth.openings(options.database) as openings:
        for opening in openings:
            with growth.emptied(opening) as (store, folder):
                costs, sizes_in_memory = asyncio.run(measure(store, folder, sizes, looks))
            found += costs
            grown += sizes_in_memory
            growth.keep("life", found, grown)
    growth.show(found)
    for one in grown:
        print(f"{one.name}, {one.database}, {one.files:,}: grown by {one.mebibytes:.0f} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
