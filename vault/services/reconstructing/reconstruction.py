"""The use case: gather, prove, log, and only then let the bundle leave."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from vault.access import ActionClass
from vault.audit import Phase, RowHash
from vault.audit.history import History
from vault.audit.signers import Signers
from vault.bundles import ManifestSigner, Recipient
from vault.bundles.page import Language
from vault.records import TransactionName
from vault.sealing import Clock
from vault.services.borrowing import Borrowing
from vault.services.call import Call
from vault.services.closed import CheckOutOfOneRecord
from vault.services.contents.downloading import Downloading
from vault.services.errors import NoObjectStore
from vault.services.keys import Keys
from vault.services.reading import Reading
from vault.services.reconstructing.gathering import Gatherer
from vault.services.reconstructing.proofs import Asked, Prover, RowAsked
from vault.services.reconstructing.shown import Gathered
from vault.services.reconstructing.writing import Bundle, BundleWriter
from vault.store import Database

_FIELDS = ("customer", "identity_document", "transaction")
_CONTENT_FIELDS = ("identity_document.content", "transaction.content")


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """A bundle that may leave."""

    gathered: Gathered
    writer: BundleWriter = field(repr=False)


class Reconstructing:
    """The use case. Raises NotFound, Shredded, Corrupted, OutsideScope, OwnFile,
    CheckOutOfOneRecord, NotYetProvable, NoObjectStore; StoreUnavailable, KmsUnavailable,
    LogUnavailable, BlobsUnavailable from below."""

    def __init__(
        self,
        database: Database,
        keys: Keys,
        history: History,
        signers: Signers,
        reading: Reading,
        downloading: Downloading,
        borrowing: Borrowing,
        clock: Clock,
    ) -> None:
        self._gatherer = Gatherer(database, keys)
        self._prover = Prover(database, history)
        self._signer = ManifestSigner(signers)
        self._reading = reading
        self._downloading = downloading
        self._borrowing = borrowing
        self._clock = clock

    async def begin(
        self, call: Call, name: TransactionName, recipient: Recipient, language: Language
    ) -> Reconstruction:
        """Gather and prove everything, and make the event that opens the stream: it names every
        record that leaves, and the key that they are sealed to."""
        call.require(ActionClass.FULL_READ, name.institution, name.customer)
        if call.lent is not None and call.lent.record:
            raise CheckOutOfOneRecord
        # Whether the file, and each that is of one customer with it, is within reach and nobody's
        # own; by a check-out it is that one file alone.
        files = await self._reading.files(call, name.institution, name.customer)
        # Whether it is there.
        await self._reading.transaction(call, name.institution, name.customer, name.transaction)
        gathered = await self._gatherer.gather(name, files.customers)
        if gathered.contents and not self._downloading.possible:
            raise NoObjectStore
        records = gathered.records
        proved = await self._prover.prove(
            Asked(
                name.institution,
                name.customer,
                str(name),
                {one.logged: RowAsked(one.hash, one.recorded_at) for one in records},
                gathered.transaction.recorded_at,
                call.purpose,
            )
        )
        call.phase = Phase.OPENED
        trace = replace(
            call.trace,
            fields=(*_FIELDS, *(_CONTENT_FIELDS if gathered.contents else ())),
            resources=(
                *(one.logged if "@" in one.logged else f"{one.logged}@1" for one in records),
                f"recipients/{recipient.fingerprint.hex()}",
            ),
            count=len(records),
        )
        await self._borrowing.begin(call, trace)
        bundle = Bundle(
            gathered, proved, recipient, language, self._clock.now_micros(), self._signer
        )
        return Reconstruction(gathered, BundleWriter(bundle, self._downloading.pieces))

    async def write(self, call: Call, made: Reconstruction) -> AsyncIterator[bytes]:
        """The sealed bundle. The event that closes the stream has the hash of its manifest: by it
        the log knows the bundle."""
        async for piece in self._borrowing.while_lent(call, made.writer.write()):
            yield piece
        digest = made.writer.manifest_sha256
        call.touched(rows=(RowHash(f"bundles/{call.call_id}", digest),))
