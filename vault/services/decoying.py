"""Decoys: which customers are none, said and seen by a security officer.

What is changed is a row and the event of its change, in one transaction. A customer who is a decoy
is stored, sealed and answered like any other; that he is one stands in a table of its own.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from vault.access import ActionClass
from vault.audit import RowHash
from vault.records import CustomerName
from vault.sealing import Clock
from vault.services.call import Call, Trace
from vault.services.errors import NotFound, VaultError
from vault.services.recording import Recorder
from vault.services.watching import Watch
from vault.store import Database, customers, decoys
from vault.store.decoys import DecoyRow

# Every node holds them in memory, and looks again every second.
MOST: Final = 1_000


class TooManyDecoys(VaultError):
    """There are as many as there may be."""

    code = "FAILED_PRECONDITION"
    reason = "TOO_MANY_DECOYS"

    def __init__(self) -> None:
        super().__init__(
            f"An institution has {MOST} decoys at most. Take one back before you set another.",
            f"每个机构最多设置 {MOST} 个诱饵客户。请先取消一个再设置。",
        )


class Decoying:
    """The use cases. Raises StoreUnavailable from below."""

    def __init__(self, database: Database, recorder: Recorder, watch: Watch, clock: Clock) -> None:
        self._database = database
        self._recorder = recorder
        self._watch = watch
        self._clock = clock

    async def set(self, call: Call, name: CustomerName, *, decoy: bool) -> None:
        """Say whether a customer is a decoy. Saying again what holds changes nothing.

        Raises NotFound, TooManyDecoys, LogUnavailable.
        """
        institution, customer = name.institution, name.customer
        call.require(ActionClass.WATCH, institution, customer)
        now = self._clock.now_micros()

        def work(conn: Connection) -> DecoyRow | None:
            if customers.current_masked(conn, institution, customer) is None:
                raise NotFound(str(name))
            before = decoys.current(conn, institution, customer)
            if bool(before is not None and before.decoy) is decoy:
                return None
            if decoy and len(decoys.all_of(conn, institution)) >= MOST:
                raise TooManyDecoys
            version = before.version + 1 if before is not None else 1
            row = DecoyRow(institution, customer, version, int(decoy), now, call.actor)
            decoys.insert(conn, row)
            return row

        def trace(row: DecoyRow | None) -> Trace:
            rows = () if row is None else (RowHash(row.name, row.hash()),)
            return Trace(institution, customer, call.trace.resource, rows=rows, count=len(rows))

        await self._recorder.commit(call, work, trace)
        self._watch.forget_decoys(institution)

    async def all(self, call: Call, institution: str) -> list[str]:
        """Identifiers of the customers that are decoys now, in order."""
        call.require(ActionClass.WATCH, institution)
        found = await self._database.read(lambda conn: decoys.all_of(conn, institution))
        call.touched(count=len(found))
        return found
