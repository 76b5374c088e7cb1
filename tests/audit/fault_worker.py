"""A process that writes through the log until it is killed, saying what was answered.

Each line on standard output is the id of an event whose `record` or `commit` has returned, written
after the return: whatever the parent has read must be in the database.
"""

import asyncio
import sys
import time

from sqlalchemy import Connection

from tests.support import rows
from tests.support.events import event
from vault.audit import AuditEvent, AuditLog, RowHash
from vault.store import Database, customers
from vault.store.rows import CustomerRow


async def main(url: str, name: str, calls: int) -> None:
    database = Database(url)
    log = AuditLog(database, lambda: time.time_ns() // 1000)
    await log.start()

    async def caller(number: int) -> None:
        for n in range(calls):
            event_id = f"{name}-{number}-{n}"
            if n % 3:
                await log.record(event(event_id))
            else:
                row = rows.customer(event_id)

                def work(conn: Connection, row: CustomerRow = row) -> RowHash:
                    customers.insert(conn, [row])
                    return RowHash(row.name, row.hash())

                def events(written: RowHash, event_id: str = event_id) -> list[AuditEvent]:
                    return [event(event_id, rows=(written,))]

                await log.commit(work, events)
            sys.stdout.write(event_id + "\n")
            sys.stdout.flush()

    await asyncio.gather(*[caller(number) for number in range(8)])
    await log.stop()
    database.dispose()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
