"""Writes the bundle of one customer's file, page after page.

    customer/{version}.json               the customer, by the names of ISO 20022
    documents/{document}-{version}.json   his identity documents
    transactions/{n}.jsonl                transactions of the period, in order of booking
    contents/{record}/{page}-{version}.*  their scans and files; of a file that came from another
                                          vault, under transfers/, what proves it
    manifest.json, manifest.note          all of these with their hashes, signed by the log

The manifest counts what is in it beside what the store had when the file was begun. What arrives
meanwhile may be in it, what was there is: a file that lacks some of it is damaged, and is not given
out to its end. Records whose keys were destroyed are counted and left out. Where further files are
of the same customer it names them: they are not in it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection

from vault.bundles import Archive, Manifest, ManifestSigner, Recipient, Sealing
from vault.bundles.iso20022 import document, entry, party
from vault.bundles.manifest import Fact
from vault.sealing import Clock
from vault.services import sealer
from vault.services.contents.downloading import Download
from vault.services.contents.stored import ContentOpener
from vault.services.errors import Corrupted, Shredded
from vault.services.exports.selection import Selection
from vault.services.keys import Keys
from vault.services.kinds import CUSTOMERS, DOCUMENTS, TRANSACTIONS, AnyKind
from vault.services.opening import AnyRow, Opened, Opener, pointing_at
from vault.store import (
    CustomerRow,
    Database,
    DocumentRow,
    LinkRow,
    TransactionRow,
    customers,
    documents,
    transactions,
    whole_files,
)
from vault.store.contents import ContentRow
from vault.store.whole_files import Sizes, Wanted

KIND: Final = "file"
MESSAGE_BYTES: Final = 512 * 1024
_PAGE: Final = 200

Pieces = Callable[[Download], AsyncIterator[bytes]]


@dataclass(frozen=True, slots=True)
class Source:
    """What files are written from. `signer` signs their manifests, `pieces` reads contents."""

    database: Database
    keys: Keys
    clock: Clock
    signer: ManifestSigner = field(repr=False)
    pieces: Pieces = field(repr=False)


class FileWriter:
    """Writes one file; whoever makes it has made sure that the caller may. `written` counts what is
    in it, `destroyed` what is not; `manifest_sha256` is set once it has been written. Raises
    Corrupted."""

    def __init__(
        self,
        source: Source,
        institution: str,
        customer: str,
        selection: Selection,
        recipient: Recipient,
        merged: Sequence[str] = (),
    ) -> None:
        """`merged` are names of further files of the customer."""
        self._source = source
        self._at = (institution, customer)
        self._name = sealer.resource_name(institution, customer)
        self._selection = selection
        self._merged = list(merged)
        self._opener = Opener(source.keys)
        self._sealing = Sealing(recipient)
        self._facts: dict[str, Fact] = {}
        self._archive = Archive(
            Manifest(
                KIND,
                self._name,
                source.clock.now_micros(),
                source.signer.origin,
                facts=self._facts,
            )
        )
        self._held = bytearray()
        self.written = dict.fromkeys((one.name for one in fields(Sizes)), 0)
        self.destroyed = 0
        self.manifest_sha256 = b""

    async def write(self) -> AsyncIterator[bytes]:
        """The sealed bundle, in messages of about half a mebibyte."""
        selection, database = self._selection, self._source.database
        stored = await database.read(
            lambda conn: whole_files.sizes(conn, *self._at, selection.wanted)
        )
        self._held += self._sealing.begin()
        async for _ in self._customer():
            for message in self._messages():
                yield message
        if selection.documents:
            async for _ in self._documents():
                for message in self._messages():
                    yield message
        if selection.transactions:
            async for _ in self._transactions():
                for message in self._messages():
                    yield message
        if selection.contents:
            async for _ in self._contents():
                for message in self._messages():
                    yield message
        self._reconcile(stored)
        self._held += self._sealing.update(self._archive.finish(self._source.signer))
        self._held += self._sealing.finish()
        self.manifest_sha256 = self._archive.manifest_sha256
        for message in self._messages(rest=True):
            yield message

    def _messages(self, *, rest: bool = False) -> Iterable[bytes]:
        while len(self._held) >= MESSAGE_BYTES or (rest and self._held):
            yield bytes(self._held[:MESSAGE_BYTES])
            del self._held[:MESSAGE_BYTES]

    def _put(self, path: str, value: object) -> None:
        text = json.dumps(value, ensure_ascii=False, indent=1) + "\n"
        self._held += self._sealing.update(self._archive.file(path, text.encode()))

    async def _there(
        self, part: str, kind: AnyKind, rows: list[Any], links: list[Any] | None = None
    ) -> list[tuple[AnyRow, Opened]]:
        """The rows that can be opened; the others are counted."""
        found: list[tuple[AnyRow, Opened]] = []
        try:
            opened = await self._opener.many(kind, rows, links or (), views=False)
            found = list(zip(rows, opened, strict=True))
        except Shredded:
            for row in rows:
                some = await self._opener.those_there(kind, [row], views=False)
                found += [(row, one) for one in some]
        self.written[part] += len(found)
        self.destroyed += len(rows) - len(found)
        return found

    async def _customer(self) -> AsyncIterator[None]:
        before: int | None = None
        while rows := await self._source.database.read(partial(_versions, self._at, before)):
            for _, one in await self._there("customers", CUSTOMERS, rows):
                self._put(f"customer/{one.version}.json", party(self._name, one.version, one.value))
            before = rows[-1].version
            yield

    async def _documents(self) -> AsyncIterator[None]:
        after = ""
        while current := await self._source.database.read(partial(_papers, self._at, after)):
            for one in current:
                async for _ in self._document(one.document):
                    yield
            after = current[-1].document

    async def _document(self, identifier: str) -> AsyncIterator[None]:
        before: int | None = None
        name = f"{self._name}/documents/{identifier}"
        while rows := await self._source.database.read(
            partial(_paper, self._at, identifier, before)
        ):
            for _, one in await self._there("documents", DOCUMENTS, rows):
                path = f"documents/{identifier}-{one.version}.json"
                self._put(path, document(name, one.version, one.value))
            before = rows[-1].version
            yield

    async def _transactions(self) -> AsyncIterator[None]:
        after, number = "", 0
        low, high = self._selection.low, self._selection.high
        while True:
            rows, links = await self._source.database.read(
                partial(_transactions, self._at, low, high, after)
            )
            if not rows:
                return
            lines = bytearray()
            for row, one in await self._there("transactions", TRANSACTIONS, rows):
                corrected, reversed_ = pointing_at(row, links)
                shown = {
                    "entry": entry(f"{self._name}/{one.record}", one.value),
                    **({"corrected_by": corrected} if corrected else {}),
                    **({"reversed_by": reversed_} if reversed_ else {}),
                }
                text = json.dumps(shown, ensure_ascii=False, separators=(",", ":"))
                lines += text.encode() + b"\n"
            if lines:
                number += 1
                path = f"transactions/{number:06}.jsonl"
                self._held += self._sealing.update(self._archive.file(path, bytes(lines)))
            after = rows[-1].transaction
            yield

    async def _contents(self) -> AsyncIterator[None]:
        after = ("", 0, 0)
        opener, wanted = ContentOpener(self._source.keys), self._selection.wanted
        while rows := await self._source.database.read(partial(_contents, self._at, wanted, after)):
            for row in rows:
                try:
                    content = await opener.one(row)
                except Shredded:
                    self.destroyed += 1
                    continue
                kept = row.record.startswith("transfers/")
                ending = "tar" if kept else content.stored.content_type.ending
                path = f"contents/{row.record}/{row.page}-{row.version}.{ending}"
                self._held += self._sealing.update(self._archive.begin(path, row.size))
                async for piece in self._source.pieces(Download(content, 0, row.size)):
                    self._held += self._sealing.update(self._archive.part(piece))
                    yield
                self.written["contents"] += 1
            after = (rows[-1].record, rows[-1].page, rows[-1].version)
            yield

    def _reconcile(self, stored: Sizes) -> None:
        """Hold what was written to what was there: more may have come, and what was destroyed is
        known."""
        counts = {one.name: int(getattr(stored, one.name)) for one in fields(Sizes)}
        if sum(max(0, counts[name] - self.written[name]) for name in counts) > self.destroyed:
            raise Corrupted(self._name)
        start, end = self._selection.period
        self._facts.update(
            {
                "parts": self._selection.parts,
                "booked_from": start,
                "booked_to": end,
                **self.written,
                **{f"{name}_stored": count for name, count in counts.items()},
                "destroyed": self.destroyed,
                **({"merged_files": self._merged} if self._merged else {}),
            }
        )


_At = tuple[str, str]


def _versions(at: _At, before: int | None, conn: Connection) -> list[CustomerRow]:
    return customers.history(conn, *at, before=before, limit=_PAGE)


def _papers(at: _At, after: str, conn: Connection) -> list[DocumentRow]:
    return documents.page(conn, *at, after=after, limit=_PAGE)


def _paper(at: _At, identifier: str, before: int | None, conn: Connection) -> list[DocumentRow]:
    return documents.history(conn, *at, identifier, before=before, limit=_PAGE)


def _transactions(
    at: _At, low: str, high: str, after: str, conn: Connection
) -> tuple[list[TransactionRow], list[LinkRow]]:
    rows = transactions.page(conn, *at, low=low, high=high, after=after, limit=_PAGE)
    return rows, transactions.links_to(conn, *at, [row.transaction for row in rows])


def _contents(
    at: _At, wanted: Wanted, after: tuple[str, int, int], conn: Connection
) -> list[ContentRow]:
    return whole_files.contents_page(conn, *at, wanted, after, _PAGE)
