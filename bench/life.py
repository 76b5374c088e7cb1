"""Files for life: `python -m bench.life [--customers 10000] [--times 10]`.

How many files a second the report of completeness, the list of what falls due and a round of
reminders go through, and how much memory the process takes; at one size and at some times as much,
since none may grow faster than the files. In one process, on SQLite, each customer with a document.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.material import KEPT
from bench.report import machine
from tests.records import builders
from tests.support.use_cases import BANK, UseCases, allowed, use_cases
from vault.access import Action
from vault.records import Customer, CustomerName, DocumentKind, IdentityElement, RiskClass
from vault.rules.business import read_business
from vault.rules.currency import read_currency
from vault.rules.element_files import read_elements
from vault.services.items import NewRecord
from vault.services.kinds import CUSTOMERS, DOCUMENTS
from vault.services.life import Assessor, Files, Reminding, Reports, Rules, When
from vault.services.life.reports import Group, WantedFiles
from vault.services.replays import Request
from vault.services.sealer import utc_day
from vault.services.storing import Batch
from vault.store import Database
from vault.store.migrate import upgrade

LATEST = KEPT / "life.json"
_BATCH = 500
_BRANCHES = 20
_RISKS = (RiskClass.LOW, RiskClass.MEDIUM, RiskClass.HIGH)


@dataclass(frozen=True, slots=True)
class Rates:
    """Files a second over so many files; by `mebibytes` the process has grown meanwhile."""

    files: int
    completeness: float
    due: float
    reminders: float
    mebibytes: float


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and keep it."""
    parser = argparse.ArgumentParser(prog="python -m bench.life", description=__doc__)
    parser.add_argument("--customers", type=int, default=10_000, help="of the smaller vault")
    parser.add_argument("--times", type=int, default=10, help="how much larger the other is")
    options = parser.parse_args(arguments)
    found = [
        asyncio.run(measure(options.customers)),
        asyncio.run(measure(options.customers * options.times)),
    ]
    show(found)
    LATEST.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "format": "recordsvault-bench-life-v1",
        "machine": machine(),
        "rates": [asdict(one) for one in found],
    }
    LATEST.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    return 0


async def measure(customers: int) -> Rates:
    """A vault with so many customers, gone through three times."""
    with tempfile.TemporaryDirectory(prefix="vault-bench-") as name:
        folder = Path(name)
        database = Database(f"sqlite:///{folder}/vault.db")
        try:
            upgrade(database)
            async with use_cases(database, folder) as vault:
                for first in range(0, customers, _BATCH):
                    await _store(vault, range(first, min(first + _BATCH, customers)))
                return await _gone_through(vault, customers)
        finally:
            database.dispose()


async def _gone_through(vault: UseCases, customers: int) -> Rates:
    rules = Rules(
        read_elements(), read_business(), read_currency(), frozenset({"CN"}), {BANK: "keeper"}
    )
    assessor = Assessor(Files(vault.database, vault.keys, vault.clock), rules)
    reports = Reports(assessor, lambda _institution, _name: True)
    wanted = WantedFiles(BANK)
    groups: dict[tuple[str, RiskClass], Group] = {}
    before = _largest()
    began = time.perf_counter()
    call = allowed(Action.FILES_COMPLETENESS, role="custodian")
    async for _ in reports.completeness(call, wanted, None, groups):
        pass
    complete = time.perf_counter()
    if sum(group.files for group in groups.values()) != customers:
        raise RuntimeError("the report did not go through all files")
    listed = 0
    async for part in reports.due(
        allowed(Action.FILES_DUE, role="custodian"), wanted, None, frozenset()
    ):
        listed += len(part.items)
    due = time.perf_counter()
    if not listed:
        raise RuntimeError("nothing falls due")
    reminding = Reminding(
        vault.database, vault.log, assessor, [BANK], When(24, 30), vault.clock, lambda: True
    )
    await reminding.look(BANK)
    reminded = time.perf_counter()
    return Rates(
        customers,
        customers / (complete - began),
        customers / (due - complete),
        customers / (reminded - due),
        _largest() - before,
    )


def _largest() -> float:
    """The process's largest memory so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def _store(vault: UseCases, numbers: range) -> None:
    today = utc_day(vault.clock.now_micros())
    people = [_person(n, vault) for n in numbers]
    stored = await vault.storing.store_together(
        allowed(Action.CUSTOMERS_BATCH_CREATE),
        Batch(BANK, [NewRecord(CUSTOMERS, one, field="x") for one in people], True, _REQUEST),
    )
    papers = [
        NewRecord(
            DOCUMENTS,
            builders.document(
                number=f"P{n:08d}",
                holder_name="Somebody Else",
                machine_readable_zone="",
                expiry_date=today + timedelta(days=n % 3_000),
            ),
            CustomerName(BANK, one.customer),
            field="x",
        )
        for n, one in zip(numbers, stored, strict=True)
    ]
    await vault.storing.store_together(
        allowed(Action.DOCUMENTS_BATCH_CREATE), Batch(BANK, papers, True, _REQUEST)
    )


def _person(n: int, vault: UseCases) -> Customer:
    ends = utc_day(vault.clock.now_micros()) + timedelta(days=n % 3_000)
    paper = IdentityElement(DocumentKind.PASSPORT, f"P{n:08d}", "SE", None, ends)
    human = replace(builders.person(), identity=paper, occupation="" if n % 7 == 0 else "clerk")
    return builders.customer(
        customer_number=f"C{n:08d}",
        branch=f"B{n % _BRANCHES:02d}",
        risk_class=_RISKS[n % len(_RISKS)],
        natural_person=human,
        accounts=(f"9{n:011d}",),
        sources=(builders.source(), builders.source("natural_person.identity")),
    )


_REQUEST = Request("bench", "", b"")


def show(found: list[Rates]) -> None:
    """Print a table, and whether a file costs more where there are more."""
    made = Table(title="files for life, a second, in one process", title_justify="left")
    for title in ("files", "completeness", "due", "reminders", "grown by, MiB"):
        made.add_column(title, justify="right")
    for one in found:
        made.add_row(
            f"{one.files:,}",
            f"{one.completeness:,.0f}",
            f"{one.due:,.0f}",
            f"{one.reminders:,.0f}",
            f"{one.mebibytes:,.0f}",
        )
    Console().print(made)


if __name__ == "__main__":
    raise SystemExit(main())
