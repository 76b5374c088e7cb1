"""Papers of customers: scanned, stored with their masked pictures, and looked at again."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field

from tests.support.disposal import BANK, Bank
from tests.support.use_cases import borrowing_of
from vault.access import Action
from vault.records import ContentName, ContentType, DocumentName, ScopeRef, TransactionName
from vault.renditions import Renderer
from vault.services.contents.downloading import Downloading
from vault.services.contents.picturing import Picture, Pictures, open_picture
from vault.services.contents.uploading import ContentLimits, Start, Uploading
from vault.services.errors import NotFound
from vault.services.recording import Recorder
from vault.store import contents

_HOUR = 3_600.0


@dataclass
class Papers:
    """Of one bank; renditions are made by the vault's own process, of what is really there."""

    bank: Bank
    renderer: Renderer = field(default_factory=Renderer)

    def __post_init__(self) -> None:
        b = self.bank
        recorder = Recorder(b.log, b.clock)
        self._uploading = Uploading(
            b.database,
            b.keys,
            b.reading,
            recorder,
            b.blobs,
            Pictures(self.renderer),
            b.clock,
            ContentLimits(1 << 30, _HOUR),
        )
        borrowing = borrowing_of(b.database, b.keys, recorder, b.clock)
        self._downloading = Downloading(b.database, b.keys, b.reading, borrowing, b.blobs)

    async def scan(self, customer: str, record: str, data: bytes, kind: ContentType) -> None:
        """Store a scan as page 1 of a document or a transaction, by its path in the customer."""
        b, owner = self.bank, owner_of(customer, record)
        call = b.call("backend", Action.CONTENTS_UPLOAD, customer)
        start = Start(owner, 1, kind, len(data), str(uuid.uuid4()), 0)
        begun = await self._uploading.begin(call, start)
        await self._uploading.take(begun, 0, data)
        await self._uploading.finish(call, begun, hashlib.sha256(data).digest())

    async def see(self, customer: str, record: str) -> bytes:
        """The scan again."""
        call = self.bank.call("backend", Action.CONTENTS_DOWNLOAD, customer)
        name = ContentName(owner_of(customer, record), 1)
        found = await self._downloading.find(call, name, 0, 0, 0)
        return b"".join([piece async for piece in self._downloading.pieces(found)])

    async def picture(self, customer: str, record: str) -> Picture:
        """The first masked picture of it, as the masked branch has it."""
        b = self.bank
        row = await b.database.read(
            lambda conn: contents.current_masked(conn, BANK, customer, record, 1)
        )
        if row is None:
            raise NotFound(record)
        scope = ScopeRef(BANK, customer, row.scope)
        key = (await b.keys.masked([scope]))[scope]
        leaf = await b.database.read(lambda conn: contents.leaf(conn, row, 1))
        assert leaf is not None
        return open_picture(key, row, leaf)


def owner_of(customer: str, record: str) -> DocumentName | TransactionName:
    """The name of a document or a transaction by its path in the customer."""
    kind, _, identifier = record.partition("/")
    made = DocumentName if kind == "documents" else TransactionName
    return made(BANK, customer, identifier)
