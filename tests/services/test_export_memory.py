"""A file is written at constant memory, however many transactions there are and however large its
scans: no more is held than a page of it and a segment of a scan."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from tests.records import builders
from tests.services.test_contents import Stage, noise, stage
from tests.services.test_storing import batch, create, person
from tests.support.log_keys import log_signers
from tests.support.on_disk import migrated
from tests.support.use_cases import BANK, allowed
from vault.access import Action
from vault.bundles import ManifestSigner, RecipientKey
from vault.records import CustomerName, DocumentName
from vault.services.contents.sealed import SEGMENT_BYTES
from vault.services.exports import FileWriter, Selection
from vault.services.exports.file import Source
from vault.services.items import NewRecord
from vault.services.kinds import DOCUMENTS, TRANSACTIONS

KEY = RecipientKey.generate(hybrid=False).recipient
MIB = 1 << 20
_AT_ONCE = 300


async def customer_with(s: Stage, number: str, bookings: int, scan: int) -> str:
    """A customer with so many transactions and a scan of so many bytes."""
    (owner,) = await create(s.cases, person(number))
    name = CustomerName(BANK, owner.customer)
    one = builders.transaction(corrects="", reverses="", vouchers=())
    for start in range(0, bookings, _AT_ONCE):
        items = [
            NewRecord(
                TRANSACTIONS,
                replace(
                    one,
                    booking_time=one.booking_time + timedelta(seconds=n),
                    remittance_text="x" * 300,
                ),
                name,
            )
            for n in range(start, min(start + _AT_ONCE, bookings))
        ]
        call = allowed(Action.TRANSACTIONS_BATCH_CREATE, owner.customer)
        await s.cases.storing.store_together(call, batch(*items))
    call = allowed(Action.DOCUMENTS_CREATE, owner.customer)
    (paper,) = await s.cases.storing.store_together(
        call, batch(NewRecord(DOCUMENTS, builders.document(number=f"E{number[1:]:0>8}"), name))
    )
    s.document = DocumentName(BANK, owner.customer, paper.record.rpartition("/")[2])
    await s.upload(noise(scan), f"scan-{number}")
    return owner.customer


async def peak_of(source: Source, customer: str) -> tuple[int, int]:
    """The most that was held while a file was written, and how large it is; both in bytes."""
    gc.collect()
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    size = 0
    async for piece in FileWriter(source, BANK, customer, Selection(), KEY).write():
        size += len(piece)
    _, peak = tracemalloc.get_traced_memory()
    return peak - before, size


def test_what_is_held_does_not_grow_with_the_file(tmp_path: Path) -> None:
    async def main() -> None:
        data = migrated(tmp_path / "data.db")
        async with stage(data, tmp_path) as s:
            small = await customer_with(s, "C1", 2 * _AT_ONCE, 2 * SEGMENT_BYTES)
            large = await customer_with(s, "C2", 8 * _AT_ONCE, 8 * SEGMENT_BYTES)
            source = Source(
                data,
                s.cases.keys,
                s.cases.clock,
                ManifestSigner(log_signers(tmp_path)),
                s.downloading.pieces,
            )
            tracemalloc.start()
            try:
                await peak_of(source, small)  # what is made once is made now
                few, some = await peak_of(source, small)
                many, much = await peak_of(source, large)
            finally:
                tracemalloc.stop()
            assert much > 3 * some
            assert many < few + MIB / 2, (few, many, some, much)
            # And that is little: some segments, and a page.
            assert many < 3 * SEGMENT_BYTES
        data.dispose()

    asyncio.run(asyncio.wait_for(main(), 300))
