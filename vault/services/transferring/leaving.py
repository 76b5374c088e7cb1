"""Customers' files that leave for another vault: an export whose bundles have history and proofs.

Who agrees to the check-out agrees to whom they go: its reason has the fingerprint of the key that
they are sealed to, and no other key is taken.

Beside the event of every file, which is durable before its first byte leaves, a row says which
bundle it was, before its last bytes leave: only a bundle that this vault knows can be opened to its
end, and be acknowledged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from vault.access import ActionClass
from vault.audit.history import History
from vault.records import new_ulid
from vault.sealing import ScopeShredded, SealBroken, UnknownSuite, open_full
from vault.services.bulk import BulkExport
from vault.services.call import Call
from vault.services.check_out_rows import decode_words, place, scope_of
from vault.services.closed import CheckOutNotActive, OutsideScope
from vault.services.errors import Corrupted
from vault.services.exports import Export, FilesExport, Source, Writer
from vault.services.logged import logged
from vault.services.transferring.errors import RecipientNotAgreed
from vault.services.transferring.writing import TransferWriter
from vault.store import check_outs, transfers
from vault.store.transfers import DepartureRow


@dataclass(frozen=True, slots=True)
class Ground:
    """What leaving files are made from."""

    source: Source
    history: History
    bulk: BulkExport


class Leaving(FilesExport):
    """The use case. Raises what FilesExport does, Aborted, NotYetProvable."""

    def __init__(self, ground: Ground, *, contents: bool) -> None:
        """`contents`: whether there is an object store to read them from."""
        super().__init__(ground.source, ground.bulk, contents=contents)
        self._ground = ground

    async def begin(self, call: Call, export: Export) -> None:
        """As FilesExport. Raises RecipientNotAgreed."""
        call.require(ActionClass.BULK_READ, export.institution)
        if call.scope.limits:
            raise OutsideScope
        await self._require_agreed(call, export)
        await super().begin(call, export)

    async def _require_agreed(self, call: Call, export: Export) -> None:
        source, out = self._ground.source, call.lent
        if out is None:
            raise CheckOutNotActive
        row = await source.database.read(
            lambda conn: check_outs.current(conn, export.institution, out.identifier)
        )
        if row is None:
            raise CheckOutNotActive
        scope, fingerprint = scope_of(export.institution, ""), export.recipient.fingerprint.hex()
        try:
            key = (await source.keys.full([scope]))[scope]
            plain = open_full(key, row.sealed, place(export.institution, "", out.identifier))
        except ScopeShredded:
            raise RecipientNotAgreed(fingerprint) from None
        except (SealBroken, UnknownSuite):
            raise Corrupted(out.name) from None
        if fingerprint not in decode_words(plain).reason.lower():
            raise RecipientNotAgreed(fingerprint)

    def _writer(self, export: Export, customer: str, merged: Sequence[str]) -> Writer:
        # A transfer carries no merge: `merged` is empty.
        return TransferWriter(
            self._ground.source,
            self._ground.history,
            export.institution,
            customer,
            export.recipient,
        )

    async def _written(self, call: Call, export: Export, customer: str, writer: Writer) -> None:
        now = self._ground.source.clock.now_micros()
        row = DepartureRow(
            export.institution,
            customer,
            new_ulid(now // 1000),
            1,
            now,
            call.actor,
            export.recipient.fingerprint.hex(),
            writer.manifest_sha256,
            "",
            b"",
        )

        def work(conn: Connection) -> None:
            transfers.depart(conn, row)

        trace = replace(
            call.trace,
            rows=(logged(row),),
            resources=(f"customers/{customer}",),
            count=sum(writer.written.values()),
        )
        await self._ground.bulk.hand_out(call, trace, work)
