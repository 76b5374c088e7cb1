"""Many customers' files, one after the other, by the check-out of the whole institution.

Each file has an event of its own, durable before its first byte leaves; the check-out is looked at
in that transaction. Behind every page of files comes a manifest over all lines of the stream until
then, signed by the log: an export that breaks off is proved up to there, and goes on behind its
last customer: by the same check-out, as long as that would stand, and by no other request than it
was begun with; else by another one.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final, Protocol

from sqlalchemy import Connection

from vault.access import ActionClass
from vault.access.lending.transitions import export as lending_export
from vault.audit import RowHash
from vault.bundles import FileEntry, Manifest, Recipient
from vault.bundles.manifest import Fact
from vault.services.bulk import BulkExport
from vault.services.call import Call
from vault.services.errors import NoObjectStore, NotFound
from vault.services.exports.file import KIND as FILE
from vault.services.exports.file import FileWriter, Source
from vault.services.exports.merged import MergedFiles
from vault.services.exports.selection import Selection
from vault.services.kinds import CUSTOMERS
from vault.services.opening import Opener
from vault.services.sealer import resource_name
from vault.store import CustomerRow, customers, whole_files

KIND: Final = "export"
LINES: Final = "files.jsonl"
_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Export:
    """What is exported. `names` are identifiers of customers, in order; all where there are none.
    `after` is one, too: those beyond it. `bundles` is the kind of each file's."""

    institution: str
    selection: Selection
    recipient: Recipient
    names: tuple[str, ...] = ()
    after: str = ""
    bundles: str = FILE

    @property
    def sha256(self) -> str:
        """Digest of what is exported, and to whom, in hexadecimal: the same wherever it begins."""
        wanted = self.selection
        what = (
            self.institution,
            self.recipient.fingerprint.hex(),
            wanted.parts,
            (wanted.low, wanted.high),
            wanted.period,
            self.names,
            *(() if self.bundles == FILE else (self.bundles,)),
        )
        return sha256(json.dumps(what).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ExportPart:
    """What leaves next: bytes of a customer's file, with its line at its end; or the manifest."""

    customer: str = ""
    data: bytes = field(default=b"", repr=False)
    line: str = ""
    manifest: bytes = b""
    note: bytes = b""
    complete: bool = False
    total: int = 0


class Writer(Protocol):
    """Writes one customer's bundle, as FileWriter does."""

    written: dict[str, int]
    destroyed: int
    manifest_sha256: bytes

    def write(self) -> AsyncIterator[bytes]:
        """The sealed bundle, piece by piece."""


@dataclass(slots=True)
class _Run:
    """What has been exported by now."""

    total: int
    digest: object = field(default_factory=sha256, repr=False)
    size: int = 0
    files: int = 0
    stored: int = 0
    closed: int = 0
    destroyed: int = 0
    through: str = ""
    counts: dict[str, int] = field(default_factory=dict)


class FilesExport:
    """The use case. Raises CheckOutNotActive, CheckOutOtherExport, OutsideScope, NotFound,
    Corrupted, NoObjectStore; StoreUnavailable, KmsUnavailable, LogUnavailable and BlobsUnavailable
    from below."""

    def __init__(
        self,
        source: Source,
        bulk: BulkExport,
        *,
        contents: bool,
        merged: MergedFiles | None = None,
    ) -> None:
        """`contents`: whether there is an object store to read them from. Without `merged`, no file
        tells of others of its customer."""
        self._source = source
        self._bulk = bulk
        self._opener = Opener(source.keys)
        self._contents = contents
        self._merged = merged

    async def begin(self, call: Call, export: Export) -> None:
        """Use up the check-out with the event that opens the export; or go on by the one that it
        began by."""
        call.require(ActionClass.BULK_READ, export.institution)
        if export.selection.contents and not self._contents:
            raise NoObjectStore
        if export.names:
            there = await self._source.database.read(
                lambda conn: customers.existing(conn, export.institution, export.names)
            )
            for place, one in enumerate(export.names):
                if one not in there:
                    raise NotFound(resource_name(export.institution, one), f"customers[{place}]")
        of, after = export.sha256, export.after
        await self._bulk.begin(
            call, export.institution, lambda out, now: lending_export(out, of, after, now)
        )

    async def write(self, call: Call, export: Export) -> AsyncIterator[ExportPart]:
        """The files. The event that closes the stream has the hash of the last manifest."""
        base = replace(
            call.trace,
            rows=(),
            fields=export.selection.fields,
            resources=(),
        )
        call.trace = base
        run = _Run(await self._total(export))
        yield ExportPart(total=run.total)
        after, further = export.after, True
        while further:
            rows = await self._page(export, after)
            further = len(rows) == _PAGE
            for row in rows:
                if row.customer in call.close_files:
                    run.closed += 1
                    continue
                if not await self._opener.those_there(CUSTOMERS, [row], views=False):
                    run.destroyed += 1
                    continue
                await self._hand_out(call, export, row)
                run.files += 1
                # However it ends, its last event says what had left by then.
                call.trace = replace(base, count=run.files)
                async for part in self._file(call, export, row.customer, run):
                    yield part
            if rows:
                run.stored += await self._stored(export, after, rows)
                after = run.through = rows[-1].customer
            part = self._manifest(call, export, run, complete=not further)
            call.trace = replace(
                base,
                count=run.files,
                rows=(RowHash(f"exports/{call.call_id}", sha256(part.manifest).digest()),),
            )
            yield part
        await self._bulk.complete(call)

    async def _hand_out(self, call: Call, export: Export, row: CustomerRow) -> None:
        named = (
            f"customers/{row.customer}@{row.version}",
            f"recipients/{export.recipient.fingerprint.hex()}",
        )
        await self._bulk.hand_out(call, replace(call.trace, rows=(), resources=named, count=1))

    def _writer(self, export: Export, customer: str, merged: Sequence[str]) -> Writer:
        """What writes a customer's bundle. `merged` are names of further files of his."""
        return FileWriter(
            self._source, export.institution, customer, export.selection, export.recipient, merged
        )

    async def _written(self, call: Call, export: Export, customer: str, writer: Writer) -> None:
        """A bundle was written; when this returns its last bytes leave, without which it does not
        open."""

    async def _file(
        self, call: Call, export: Export, customer: str, run: _Run
    ) -> AsyncIterator[ExportPart]:
        merged: Sequence[str] = ()
        if self._merged is not None:
            merged = await self._merged.of(call, export.institution, customer)
        writer = self._writer(export, customer, merged)
        name = resource_name(export.institution, customer)
        digest, size, last = sha256(), 0, b""
        async for piece in writer.write():
            if last:
                yield ExportPart(name, last)
            digest.update(piece)
            size += len(piece)
            last = piece
        line = json.dumps(
            {
                "customer": name,
                "file": f"{customer}.bundle",
                "size": size,
                "sha256": digest.hexdigest(),
                "manifest_sha256": writer.manifest_sha256.hex(),
                **writer.written,
                "destroyed": writer.destroyed,
                **({"merged_files": merged} if merged else {}),
            },
            separators=(",", ":"),
        )
        await self._written(call, export, customer, writer)
        run.digest.update(line.encode() + b"\n")  # type: ignore[attr-defined]  # hashlib names no type
        run.size += len(line) + 1
        for part, count in writer.written.items():
            run.counts[part] = run.counts.get(part, 0) + count
        yield ExportPart(name, last, line)

    def _manifest(self, call: Call, export: Export, run: _Run, *, complete: bool) -> ExportPart:
        start, end = export.selection.period
        facts: dict[str, Fact] = {
            "call": call.call_id,
            "check_out": call.check_out,
            "recipient": export.recipient.fingerprint.hex(),
            "bundles": export.bundles,
            "parts": export.selection.parts,
            "booked_from": start,
            "booked_to": end,
            "named": len(export.names),
            "after": export.after,
            "through": run.through,
            "complete": complete,
            "files": run.files,
            "files_closed": run.closed,
            "files_destroyed": run.destroyed,
            "files_stored": run.stored,
            "reconciled": run.files + run.closed + run.destroyed == run.stored,
            **run.counts,
        }
        digest: bytes = run.digest.digest()  # type: ignore[attr-defined]  # as above
        manifest = Manifest(
            KIND,
            f"institutions/{export.institution}",
            self._source.clock.now_micros(),
            self._source.signer.origin,
            (FileEntry(LINES, run.size, digest),),
            facts,
        ).encode()
        note = self._source.signer.sign(manifest)
        return ExportPart(manifest=manifest, note=note, complete=complete, total=run.total)

    async def _page(self, export: Export, after: str) -> list[CustomerRow]:
        institution = export.institution
        if not export.names:
            return await self._source.database.read(
                lambda conn: customers.page(conn, institution, after=after, limit=_PAGE)
            )
        wanted = [one for one in export.names if one > after][:_PAGE]
        return await self._source.database.read(lambda conn: _some(conn, institution, wanted))

    async def _total(self, export: Export) -> int:
        if export.names:
            return len([one for one in export.names if one > export.after])
        return await self._source.database.read(
            lambda conn: whole_files.customers_between(conn, export.institution, export.after, "")
        )

    async def _stored(self, export: Export, after: str, rows: Sequence[CustomerRow]) -> int:
        """How many there are of those that a page was of, counted by themselves."""
        institution, through = export.institution, rows[-1].customer
        if export.names:
            wanted = [one for one in export.names if after < one <= through]
            return len(
                await self._source.database.read(
                    lambda conn: customers.existing(conn, institution, wanted)
                )
            )
        return await self._source.database.read(
            lambda conn: whole_files.customers_between(conn, institution, after, through)
        )


def _some(conn: Connection, institution: str, wanted: list[str]) -> list[CustomerRow]:
    return sorted(customers.many(conn, institution, wanted), key=lambda row: row.customer)
