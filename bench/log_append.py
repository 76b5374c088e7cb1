"""Events through `AuditLog` alone: to the commit, and to the checkpoint that covers them.

The log, its writer thread and its sequencer run in this process, on one core, as they do in a tier;
there is no gRPC, and an event is that of a masked get.
"""

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from bench.log_results import Appended
from tests.support.events import event
from tests.support.log_keys import clock, receipt_signers, sequencer
from vault.audit import AuditEvent, AuditLog, Decision
from vault.audit.receipts import ReceiptWriter
from vault.store import Database, log_tree

CALLERS = 64
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"


def _ulid() -> str:
    return "01" + "".join(random.choices(_LETTERS, k=24))


def events(count: int) -> Iterator[AuditEvent]:
    """Events of masked gets of 500 customers of the demonstration bank."""
    customers = [_ulid() for _ in range(min(500, count))]
    plain = event(institution="demo-bank", action="masked.customers.get", decision=Decision.ALLOWED)
    for n in range(count):
        customer = customers[n % len(customers)]
        name = f"institutions/demo-bank/customers/{customer}"
        yield replace(plain, event_id=_ulid(), time=clock(), customer=customer, resource=name)


def appended(database: Database, keys: Path, count: int, *, receipts: bool) -> Appended:
    """One round. `receipts=False` is a log that was given no receipt writer."""
    made = list(events(count))
    return asyncio.run(_appended(database, keys, made, receipts=receipts))


async def _appended(
    database: Database, keys: Path, made: Sequence[AuditEvent], *, receipts: bool
) -> Appended:
    writer = ReceiptWriter(receipt_signers(keys), 5_000_000) if receipts else None
    log = AuditLog(database, clock, receipts=writer)
    follower = sequencer(database, keys)
    await log.start()
    follower.start()
    last = 0

    async def caller(share: Sequence[AuditEvent]) -> None:
        nonlocal last
        for one in share:
            last = max(last, (await log.record(one, receive=lambda _: None)).position)

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(caller(made[n::CALLERS]) for n in range(CALLERS)))
    committed = time.perf_counter() - began
    await asyncio.to_thread(_wait_for_checkpoint, database, last)
    signed, cpu = time.perf_counter() - began, time.process_time() - cpu
    await log.stop()
    await asyncio.to_thread(follower.stop)
    count = len(made)
    return Appended(count, receipts, count / committed, count / signed, cpu / count * 1e6)


def _wait_for_checkpoint(database: Database, size: int) -> None:
    while (row := database.read_sync(log_tree.latest)) is None or row.size < size:
        time.sleep(0.005)
