"""The records of a proved bundle, read some at a time: all of them need not fit in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Final, TypeVar

from vault.bundles.evidence import plain_path
from vault.bundles.transfer import Transfer, TransferRow
from vault.bundles.verifying import BundleFiles
from vault.records import ContentType, Customer, RecordUndecodable, transaction_scope
from vault.services.kinds import CUSTOMERS, DOCUMENTS, TRANSACTIONS, AnyKind
from vault.services.transferring import taking_over
from vault.services.transferring.errors import RecordsUnknown, TransferInvalid

AT_ONCE: Final = 100
"""Records that are stored in one transaction."""
_PIECE: Final = 1 << 20
_KINDS: Final[dict[str, AnyKind]] = {
    "": CUSTOMERS,
    "documents": DOCUMENTS,
    "transactions": TRANSACTIONS,
}
_TYPES: Final = frozenset(one.value for one in ContentType)

T = TypeVar("T")


class FileRecords:
    """Of one file. ``last`` is the customer in his last version, ``papers`` the documents in
    theirs, by record; ``booked`` the records of transactions, ``scopes`` their scopes. All are set
    by `look`."""

    def __init__(self, transfer: Transfer, files: BundleFiles) -> None:
        self.transfer = transfer
        self.files = files
        self.last = Customer()
        self.papers: dict[str, Any] = {}
        self.scopes: dict[str, str] = {}
        self.booked = frozenset(
            row.record for row in transfer.rows if row.record.startswith("transactions/")
        )

    async def look(self) -> None:
        """Read every record. Raises TransferInvalid, RecordsUnknown."""
        rows = self.transfer.rows
        for some in parts([row for row in rows if not row.page], AT_ONCE):
            for row, value in await self.read(some):
                if not row.record:
                    self.last = value
                elif row.record not in self.booked:
                    # The current one: versions come in their order.
                    self.papers[row.record] = value
                else:
                    self.scopes[row.record] = transaction_scope(value.booking_time, value.time_zone)
        for row in rows:
            if row.page and row.content_type not in _TYPES:
                raise RecordsUnknown
            if row.page and not self._has(row.record):
                raise TransferInvalid("a content is of no record of the file")

    async def read(self, rows: Sequence[TransferRow]) -> list[tuple[TransferRow, Any]]:
        """The records of some rows, none of which is a content's. Raises RecordsUnknown."""
        return await asyncio.to_thread(self._read, rows)

    async def pieces(self, row: TransferRow) -> AsyncIterator[bytes]:
        """The bytes of a content."""
        for start in range(0, row.size, _PIECE):
            size = min(_PIECE, row.size - start)
            yield await asyncio.to_thread(self.files.part, row.content, start, size)

    def _has(self, record: str) -> bool:
        return record.startswith("transfers/") or record in self.papers or record in self.booked

    def _read(self, rows: Sequence[TransferRow]) -> list[tuple[TransferRow, Any]]:
        found: list[tuple[TransferRow, Any]] = []
        for row in rows:
            kind = _KINDS[row.record.partition("/")[0]]
            plain = self.files.read(plain_path(row.number))
            try:
                value = kind.decode(plain)
            except RecordUndecodable:
                raise RecordsUnknown from None
            if not taking_over.loses_nothing(plain, kind.encode(value)):
                raise RecordsUnknown
            found.append((row, value))
        return found


def parts(every: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """In their order, so many at a time."""
    for start in range(0, len(every), size):
        yield every[start : start + size]
