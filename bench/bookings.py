"""Fills a vault that runs with bookings, by the vault's own use case of storing in this process,
which takes a third of what calls would: sealed rows, index entries and the log's events, so that
each booking can be proved.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice

from bench.databases import Store
from tests.e2e import people
from tests.records import builders
from tests.support.bundles import Ledger, ledger
from tests.support.running_vault import OWN, RunningVault
from tests.support.use_cases import UseCases, allowed, use_cases
from vault.access import Action
from vault.records import AccountParty, CustomerName
from vault.server.settings import TierName
from vault.services.items import NewRecord
from vault.services.kinds import CUSTOMERS, TRANSACTIONS
from vault.services.replays import Request
from vault.services.storing import Batch
from vault.store import Database

A_CUSTOMER = 100
ACCOUNT = "6200001234567"
_HIS_SHARE = 10
_COVERED_SECONDS = 600.0
"""In which the log has signed for what was filled in, at the latest."""
_BATCH = 500
_REQUEST = Request("bench", "", b"")


@dataclass(frozen=True, slots=True)
class Filled:
    """Resource names: of the bookings of one customer, and how many customers came with others."""

    names: list[str]
    customers: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A vault that runs, with so many bookings and customers, all of them covered by the log's
    checkpoint; `names` are bookings of the customer of `books`, a tenth of all."""

    vault: RunningVault
    store: Store
    books: Ledger
    names: list[str]
    bookings: int
    customers: int


def growing(vault: RunningVault, store: Store, sizes: Sequence[int]) -> Iterator[Standing]:
    """A vault at one size after the other."""
    books = ledger(vault)
    names: list[str] = []
    stored, customers = 0, 0
    for size in sizes:
        more = size - stored
        filled = fill(
            vault,
            more,
            first=customers,
            one=books.customer,
            of=more // _HIS_SHARE,
            behind=len(names),
        )
        names, stored, customers = names + filled.names, size, customers + filled.customers
        vault.until_covered(_COVERED_SECONDS)
        yield Standing(vault, store, books, names, size, customers + 1)


def fill(vault: RunningVault, count: int, *, first: int, one: str, of: int, behind: int) -> Filled:
    """So many bookings: `of` them of the customer `one` by name, later than those `behind` that he
    has; the others of new customers with a hundred each, whose numbers count from `first`."""
    return asyncio.run(_fill(vault, count, first, one, of, behind))


async def _fill(
    vault: RunningVault, count: int, first: int, one: str, of: int, behind: int
) -> Filled:
    database = Database(vault.database)
    try:
        keks = vault.folder / "kms" / TierName.FULL
        async with use_cases(database, vault.folder, keks=keks) as cases:
            customers = (count - of) // A_CUSTOMER
            others = await _customers(cases, range(first, first + customers))
            names = await _book(cases, [CustomerName.parse(one)] * of, behind)
            await _book(cases, [owner for owner in others for _ in range(A_CUSTOMER)])
            return Filled(names, customers)
    finally:
        database.dispose()


async def _customers(cases: UseCases, numbers: range) -> list[CustomerName]:
    found: list[CustomerName] = []
    human = replace(builders.person(), identity=None)
    for start in range(numbers.start, numbers.stop, _BATCH):
        items = [
            NewRecord(
                CUSTOMERS,
                builders.customer(
                    customer_number=f"N{n}", natural_person=human, accounts=(), phones=()
                ),
                field="x",
            )
            for n in range(start, min(start + _BATCH, numbers.stop))
        ]
        call = allowed(Action.CUSTOMERS_BATCH_CREATE)
        stored = await cases.storing.store_together(call, Batch(OWN, items, True, _REQUEST))
        found += [CustomerName(OWN, one.customer) for one in stored]
        cases.ring.clear()
    return found


async def _book(cases: UseCases, owners: list[CustomerName], behind: int = 0) -> list[str]:
    """A booking for each, a minute after the one before; the first so many minutes behind."""
    names: list[str] = []
    left = iter(enumerate(owners, behind))
    account = AccountParty(ACCOUNT, "王小明", "ICBKCNBJ", "102100099996")
    booked = builders.transaction(account=account)
    while some := list(islice(left, _BATCH)):
        items = [
            NewRecord(
                TRANSACTIONS,
                replace(
                    booked,
                    institution_reference=f"R{number}",
                    booking_time=people.MORNING + timedelta(minutes=number % 200_000 + 10),
                ),
                owner,
                field="x",
            )
            for number, owner in some
        ]
        call = allowed(Action.TRANSACTIONS_BATCH_CREATE)
        stored = await cases.storing.store_together(call, Batch(OWN, items, True, _REQUEST))
        names += [f"institutions/{OWN}/customers/{one.customer}/{one.record}" for one in stored]
        cases.ring.clear()
    return names
