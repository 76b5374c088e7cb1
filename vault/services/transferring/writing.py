"""Writes the bundle of one customer's file that goes to another vault.

Twice through the file: once for the hashes of its rows, by which the log's events are found and
proved under one checkpoint; then row by row, opened, with the key that shows it. What is held
meanwhile grows with the number of rows and events, by some hundred bytes each, and not with what
they hold. What arrives between the two times is not in it; what was sealed anew between them is no
longer what was proved, and the bundle is not given out to its end.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field, fields
from typing import Any, Final

from vault.audit.history import History
from vault.bundles import Archive, Manifest, Recipient, Sealing
from vault.bundles.evidence import (
    CHECKPOINT,
    RowEvidence,
    leaf_path,
    plain_path,
    proof_path,
    row_path,
)
from vault.bundles.manifest import Fact
from vault.bundles.transfer import KIND
from vault.records import ScopeRef
from vault.sealing import ScopeShredded
from vault.services import sealer
from vault.services.contents.downloading import Download
from vault.services.contents.stored import OpenedContent
from vault.services.errors import Aborted, Corrupted
from vault.services.exports import Source
from vault.services.logged import relative
from vault.services.opening import scope_of
from vault.services.reconstructing.gathering import Gatherer
from vault.services.reconstructing.proofs import Asked, Proved, Prover, RowAsked
from vault.services.reconstructing.shown import Shown
from vault.services.transferring import rows as file_rows
from vault.store import whole_files
from vault.store.contents import ContentRow
from vault.store.whole_files import Sizes

MESSAGE_BYTES: Final = 512 * 1024


@dataclass(slots=True)
class _Seen:
    """What the first time through has found."""

    rows: dict[str, RowAsked] = field(default_factory=dict)
    scopes: dict[ScopeRef, bool] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)


class TransferWriter:
    """Writes one file; whoever makes it has made sure that the caller may. `written` counts what is
    in it, `destroyed` what is not; `manifest_sha256` is set once it has been written. Raises
    Corrupted, Aborted, NotYetProvable."""

    def __init__(
        self,
        source: Source,
        history: History,
        institution: str,
        customer: str,
        recipient: Recipient,
    ) -> None:
        self._source = source
        self._at = (institution, customer)
        self._name = sealer.resource_name(institution, customer)
        self._gatherer = Gatherer(source.database, source.keys)
        self._prover = Prover(source.database, history)
        self._sealing = Sealing(recipient)
        self._facts: dict[str, Fact] = {}
        self._archive = Archive(
            Manifest(
                KIND, self._name, source.clock.now_micros(), source.signer.origin, facts=self._facts
            )
        )
        self._held = bytearray()
        self._number = 0
        self.written = dict.fromkeys((one.name for one in fields(Sizes)), 0)
        self.destroyed = 0
        self.manifest_sha256 = b""

    async def write(self) -> AsyncIterator[bytes]:
        """The sealed bundle, in messages of about half a mebibyte."""
        database = self._source.database
        stored = await database.read(
            lambda conn: whole_files.sizes(conn, *self._at, file_rows.WANTED)
        )
        seen = _Seen()
        async for page in file_rows.records(database, *self._at):
            for _, row in page:
                await self._see(seen, row.name, row.hash(), row.recorded_at, scope_of(row))
        async for some in file_rows.contents(database, *self._at):
            for one in some:
                scope = ScopeRef(one.institution, one.customer, one.scope)
                await self._see(seen, one.name, one.hash(), one.recorded_at, scope)
        proved = await self._prover.prove(Asked(*self._at, "", seen.rows))
        self._held += self._sealing.begin()
        async for page in file_rows.records(database, *self._at):
            for kind, row in page:
                if relative(row.name) in seen.rows:
                    shown = await self._gatherer.open_row(kind, row)
                    self._put_row(shown, seen, proved)
                    self.written[kind.collection] += 1
                    for message in self._messages():
                        yield message
        async for some in file_rows.contents(database, *self._at):
            for one in some:
                if relative(one.name) in seen.rows:
                    async for message in self._content(one, seen, proved):
                        yield message
        for index, proof in proved.proofs.items():
            self._put(leaf_path(index), proved.told.leaves[index])
            self._put(proof_path(index), proof.encode())
            for message in self._messages():
                yield message
        self._put(CHECKPOINT, proved.checkpoint)
        self._reconcile(stored, proved)
        self._held += self._sealing.update(self._archive.finish(self._source.signer))
        self._held += self._sealing.finish()
        self.manifest_sha256 = self._archive.manifest_sha256
        for message in self._messages(rest=True):
            yield message

    async def _see(
        self, seen: _Seen, name: str, digest: bytes, recorded_at: int, scope: ScopeRef
    ) -> None:
        if scope not in seen.scopes:
            try:
                await self._source.keys.full([scope])
                seen.scopes[scope] = True
            except ScopeShredded:
                seen.scopes[scope] = False
        if seen.scopes[scope]:
            seen.rows[relative(name)] = RowAsked(digest, recorded_at)
        else:
            self.destroyed += 1

    async def _content(self, row: ContentRow, seen: _Seen, proved: Proved) -> AsyncIterator[bytes]:
        shown: Shown[OpenedContent] = await self._gatherer.open_content(row)
        path = f"contents/{self._number + 1}.bin"
        self._put_row(shown, seen, proved, path)
        self._held += self._sealing.update(self._archive.begin(path, row.size))
        async for piece in self._source.pieces(Download(shown.value, 0, row.size)):
            self._held += self._sealing.update(self._archive.part(piece))
            for message in self._messages():
                yield message
        self.written["contents"] += 1

    def _put_row(self, shown: Shown[Any], seen: _Seen, proved: Proved, content: str = "") -> None:
        if shown.hash != seen.rows[shown.logged].hash:
            raise Aborted(self._name)
        self._number += 1
        evidence = RowEvidence(
            shown.logged,
            shown.table,
            shown.columns,
            shown.place,
            shown.data_key,
            shown.plain,
            proved.told.rows[shown.logged],
            content,
        )
        self._put(row_path(self._number), evidence.encode(plain_path(self._number)))
        self._put(plain_path(self._number), shown.plain)

    def _put(self, path: str, data: bytes) -> None:
        self._held += self._sealing.update(self._archive.file(path, data))

    def _messages(self, *, rest: bool = False) -> Iterable[bytes]:
        while len(self._held) >= MESSAGE_BYTES or (rest and self._held):
            yield bytes(self._held[:MESSAGE_BYTES])
            del self._held[:MESSAGE_BYTES]

    def _reconcile(self, stored: Sizes, proved: Proved) -> None:
        """Hold what was written to what was there: more may have come, and what was destroyed is
        known."""
        counts = {one.name: int(getattr(stored, one.name)) for one in fields(Sizes)}
        if sum(max(0, counts[name] - self.written[name]) for name in counts) > self.destroyed:
            raise Corrupted(self._name)
        self._facts.update(
            {
                "rows": self._number,
                "checkpoint_size": proved.size,
                **self.written,
                **{f"{name}_stored": count for name, count in counts.items()},
                "destroyed": self.destroyed,
            }
        )
