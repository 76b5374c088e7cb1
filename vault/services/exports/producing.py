"""One customer's file at once, for who may open all of it for that purpose."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from vault.access import ActionClass
from vault.audit import Phase, RowHash
from vault.bundles import Recipient
from vault.records import CustomerName
from vault.services.borrowing import Borrowing
from vault.services.call import Call
from vault.services.closed import CheckOutOfOneRecord
from vault.services.contents.downloading import Downloading
from vault.services.errors import NoObjectStore
from vault.services.exports.file import FileWriter, Source
from vault.services.exports.merged import MergedFiles
from vault.services.exports.selection import Selection
from vault.services.reading import Reading
from vault.store import whole_files


@dataclass(frozen=True, slots=True)
class Production:
    """A file that may leave. `merged` are names of further files of the customer."""

    writer: FileWriter = field(repr=False)
    merged: tuple[str, ...] = ()


class Producing:
    """The use case. Raises NotFound, Shredded, Corrupted, OutsideScope, OwnFile,
    CheckOutOfOneRecord, NoObjectStore; StoreUnavailable, KmsUnavailable, LogUnavailable and
    BlobsUnavailable from below."""

    def __init__(
        self,
        source: Source,
        reading: Reading,
        downloading: Downloading,
        borrowing: Borrowing,
        merged: MergedFiles,
    ) -> None:
        self._source = source
        self._reading = reading
        self._downloading = downloading
        self._borrowing = borrowing
        self._merged = merged

    async def begin(
        self, call: Call, name: CustomerName, selection: Selection, recipient: Recipient
    ) -> Production:
        """Make the event that opens the stream: it names the file, what of it leaves, and the key
        that it is sealed to."""
        call.require(ActionClass.FULL_READ, name.institution, name.customer)
        if call.lent is not None and call.lent.record:
            raise CheckOutOfOneRecord
        # Whether the file is within reach, nobody's own, and there.
        opened = await self._reading.customer(call, name.institution, name.customer)
        if not self._downloading.possible:
            found = await self._source.database.read(
                lambda conn: whole_files.sizes(
                    conn, name.institution, name.customer, selection.wanted
                )
            )
            if found.contents:
                raise NoObjectStore
        merged = await self._merged.of(call, name.institution, name.customer)
        call.phase = Phase.OPENED
        trace = replace(
            call.trace,
            fields=selection.fields,
            resources=(
                f"customers/{name.customer}@{opened.version}",
                f"recipients/{recipient.fingerprint.hex()}",
            ),
            count=1,
        )
        await self._borrowing.begin(call, trace)
        return Production(
            FileWriter(self._source, name.institution, name.customer, selection, recipient, merged),
            merged,
        )

    async def write(self, call: Call, made: Production) -> AsyncIterator[bytes]:
        """The sealed bundle. The event that closes the stream has the hash of its manifest, and how
        many records are in it."""
        async for piece in self._borrowing.while_lent(call, made.writer.write()):
            yield piece
        call.touched(
            rows=(RowHash(f"bundles/{call.call_id}", made.writer.manifest_sha256),),
            count=sum(made.writer.written.values()),
        )
