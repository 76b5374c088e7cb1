"""The masked tier logs its own calls with its own database credentials, and no more."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from tests.support import rows
from tests.support.events import event
from vault.audit import AuditLog
from vault.audit.reader import head, read, verify_chain
from vault.store import Database, StoreForbidden, customers


def clock() -> int:
    return time.time_ns() // 1000


@pytest.fixture
def masked(masked_url: str) -> Iterator[Database]:
    opened = Database(masked_url, role="masked")
    yield opened
    opened.dispose()


def test_both_tiers_append_to_one_chain(database: Database, masked: Database) -> None:
    async def main() -> None:
        logs = [AuditLog(database, clock), AuditLog(masked, clock)]
        for log in logs:
            await log.start()
        for n in range(10):
            await asyncio.gather(*[log.record(event(f"e{n}")) for log in logs])
        assert await logs[1].wait_beyond(19) == 20
        for log in logs:
            await log.stop()

    asyncio.run(main())
    assert database.read_sync(verify_chain).size == 20
    assert masked.read_sync(head).size == 20


def test_it_cannot_read_the_log_or_write_records_through_it(
    database: Database, masked: Database
) -> None:
    async def main() -> None:
        log = AuditLog(masked, clock)
        await log.start()
        with pytest.raises(StoreForbidden):
            await log.commit(
                lambda c: customers.insert(c, [rows.customer("c1")]), lambda _: [event("w")]
            )
        await log.record(event("r"))
        with pytest.raises(StoreForbidden):
            await masked.read(lambda c: read(c, 0, 10))
        await log.stop()

    asyncio.run(main())
    assert database.read_sync(lambda c: customers.current(c, "demo", "c1")) is None
    assert database.read_sync(verify_chain).size == 1
