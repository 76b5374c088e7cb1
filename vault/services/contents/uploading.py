"""Takes contents in, segment by segment, and stores them when the whole is there and right.

    1. the record is there and within reach; the upload is begun, or found again
    2. each segment: its object's name is written down, the object put, then the row says so
    3. the digest of all bytes is the caller's, the format what was said
    4. one transaction: the content's row, its masked rendition, the upload's end and the event

What fails before 4 leaves nothing that anybody can see. What the caller can mend by sending the
rest stays for a time; of what can never be right nothing is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Final, Protocol, TypeVar

from sqlalchemy import Connection

from vault.access import ActionClass
from vault.blobs import Blobs
from vault.records import (
    ContentName,
    ContentType,
    DocumentKind,
    DocumentName,
    TransactionName,
)
from vault.sealing import Clock, MaskedFileKey, ScopeShredded, SealBroken
from vault.services.call import Call, Trace
from vault.services.contents import errors
from vault.services.contents.owners import Owner, owner_of
from vault.services.contents.rows import Beginning, content_of, give_up, upload_of
from vault.services.contents.sealed import ContentKey, open_upload
from vault.services.contents.segments import Incoming, resume_incoming
from vault.services.contents.stored import ContentOpener, StoredContent, described
from vault.services.errors import (
    Corrupted,
    InvalidArgument,
    NoObjectStore,
    RequestIdReused,
    Shredded,
)
from vault.services.keys import Keys
from vault.services.logged import logged
from vault.services.merging.standing import Merges
from vault.services.reading import Reading
from vault.services.recording import Recorder
from vault.store import Database, VersionConflict, contents, scopes, uploads
from vault.store.contents import ContentRow, LeafRow, leaves_digest
from vault.store.uploads import UploadRow

T = TypeVar("T")
_TRIES: Final = 3


class Picturing(Protocol):
    """Makes the masked rendition of a content while it is stored."""

    def check_start(self, content_type: ContentType, start: bytes) -> None:
        """Refuse what the first bytes give away. Raises InvalidArgument."""

    async def leaves(
        self,
        key: MaskedFileKey,
        row: ContentRow,
        kind: DocumentKind | None,
        pieces: Callable[[int], AsyncIterator[bytes]],
    ) -> list[LeafRow]:
        """The leaves of the rendition, sealed for the content of that row, whose bytes `pieces`
        gives: all of them, or with a number at least so many of the last. Raises InvalidArgument
        for what is no document of its format, Unavailable where that cannot be told now."""


@dataclass(frozen=True, slots=True)
class ContentLimits:
    """Bytes of one content, and how long an upload that nobody goes on with is kept, seconds."""

    max_bytes: int
    kept_seconds: float


@dataclass(frozen=True, slots=True)
class Start:
    """What a call begins, or goes on with from `offset`."""

    owner: DocumentName | TransactionName
    page: int
    content_type: ContentType
    size: int
    request_id: str
    offset: int

    @property
    def name(self) -> ContentName:
        """The content that is to be."""
        return ContentName(self.owner, self.page)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an upload has come. `stored` is what it has become; `kept_until` in microseconds."""

    received: int
    size: int
    stored: StoredContent | None
    kept_until: int


@dataclass(slots=True)
class Upload:
    """An upload that a call goes on with. ``stored`` is there where it had ended before."""

    start: Start
    owner: Owner
    row: UploadRow
    key: ContentKey = field(repr=False)
    incoming: Incoming | None = field(default=None, repr=False)
    stored: StoredContent | None = None


class Uploading:
    """The use cases that take contents in. Raises InvalidArgument, NotFound, Shredded, Corrupted,
    OutsideScope, NoObjectStore, Merged; StoreUnavailable, KmsUnavailable and BlobsUnavailable from
    below."""

    def __init__(
        self,
        database: Database,
        keys: Keys,
        reading: Reading,
        recorder: Recorder,
        blobs: Blobs | None,
        picturing: Picturing,
        clock: Clock,
        limits: ContentLimits,
        merges: Merges | None = None,
    ) -> None:
        self._merges = merges or Merges()
        self._database = database
        self._keys = keys
        self._reading = reading
        self._recorder = recorder
        self._blobs = blobs
        self._picturing = picturing
        self._clock = clock
        self._limits = limits
        self._opener = ContentOpener(keys)

    @property
    def picturing(self) -> Picturing:
        """What makes the masked renditions."""
        return self._picturing

    async def begin(self, call: Call, start: Start) -> Upload:
        """Begin an upload, or find the one of this request again, where it stands."""
        name = start.owner
        call.require(ActionClass.WRITE, name.institution, name.customer)
        blobs = self._require_blobs()
        if start.size > self._limits.max_bytes:
            raise errors.too_large(self._limits.max_bytes)
        owner = await owner_of(self._reading, call, name, ActionClass.WRITE)
        row = await self._find(call, name, start.request_id)
        if row is None or not row.version:
            self._merges.require_apart(name.institution, name.customer)
        if row is None:
            return await self._new(call, start, owner, blobs)
        if _what(row) != (owner.record, start.page, start.content_type.value, start.size):
            raise RequestIdReused
        if row.version:
            return Upload(start, owner, row, ContentKey(0, b""), stored=await self._stored(row))
        if start.offset != row.received:
            raise errors.wrong_offset(row.received)
        key = await self._key(owner, row)
        try:
            incoming = await resume_incoming(self._database, blobs, self._clock, row, key)
        except SealBroken:
            raise Corrupted(str(start.name)) from None
        return Upload(start, owner, row, key, incoming)

    async def take(self, upload: Upload, offset: int, data: bytes) -> None:
        """Take some bytes. What was taken is durable at the latest when the next segment's bytes
        are."""
        incoming = _incoming(upload)
        if offset != incoming.position:
            raise errors.out_of_order(incoming.position)
        if offset + len(data) > upload.row.size:
            await self._give_up(upload)
            raise errors.too_many_bytes()
        try:
            for first in incoming.starts_with(data):
                self._picturing.check_start(upload.start.content_type, first)
        except InvalidArgument:
            await self._give_up(upload)
            raise
        try:
            await incoming.take(data)
        except VersionConflict:
            raise errors.UploadOvertaken from None

    async def break_off(self, upload: Upload) -> None:
        """The call ends before the upload does: wait for what is on its way."""
        if upload.incoming is not None:
            await upload.incoming.settle()

    async def finish(self, call: Call, upload: Upload, sha256: bytes) -> StoredContent:
        """Store the content: its row, its rendition and its event in one transaction. Raises Merged
        where the file was merged since the upload began; what was sent then waits for the two to be
        taken apart, as long as any upload that nobody goes on with."""
        incoming = _incoming(upload)
        self._merges.require_apart(upload.row.institution, upload.row.customer)
        if incoming.position != upload.row.size:
            raise errors.too_few_bytes(incoming.position)
        try:
            await incoming.flush()
        except VersionConflict:
            raise errors.UploadOvertaken from None
        if incoming.sha256() != sha256:
            await self._give_up(upload)
            raise errors.wrong_hash()
        upload.key = replace(upload.key, sha256=sha256)
        for tried in range(1, _TRIES + 1):
            try:
                return await self._store(call, upload)
            except _AnotherVersion:
                # Somebody has stored another version of the page meanwhile.
                if tried == _TRIES:
                    raise errors.UploadOvertaken from None
            except InvalidArgument:
                await self._give_up(upload)
                raise
        raise AssertionError("unreachable")

    async def progress(
        self, call: Call, owner: DocumentName | TransactionName, request_id: str
    ) -> Progress:
        """How far an upload of the caller's has come. Raises UploadUnknown."""
        call.require(ActionClass.WRITE, owner.institution, owner.customer)
        await owner_of(self._reading, call, owner, ActionClass.WRITE)
        row = await self._find(call, owner, request_id)
        if row is None or row.record != owner.record:
            raise errors.UploadUnknown
        stored = await self._stored(row) if row.version else None
        until = row.touched_at + int(self._limits.kept_seconds * 1_000_000)
        return Progress(row.received, row.size, stored, until)

    # -- the steps -----------------------------------------------------------------------------

    def _require_blobs(self) -> Blobs:
        if self._blobs is None:
            raise NoObjectStore
        return self._blobs

    async def _find(
        self, call: Call, owner: DocumentName | TransactionName, request_id: str
    ) -> UploadRow | None:
        return await self._database.read(
            lambda conn: uploads.by_request(
                conn, owner.institution, owner.customer, call.actor, request_id
            )
        )

    async def _new(self, call: Call, start: Start, owner: Owner, blobs: Blobs) -> Upload:
        if start.offset:
            raise errors.wrong_offset(0)
        now = self._clock.now_micros()
        try:
            full, _ = await self._keys.both([owner.scope])
        except ScopeShredded:
            raise Shredded(str(start.owner)) from None
        what = Beginning(
            owner.scope,
            owner.record,
            start.page,
            start.content_type,
            start.size,
            call.actor,
            start.request_id,
        )
        row, key = upload_of(what, full[owner.scope], now)
        await self._write(lambda conn: uploads.insert(conn, row))
        incoming = Incoming(self._database, blobs, self._clock, row, key)
        return Upload(start, owner, row, key, incoming)

    async def _key(self, owner: Owner, row: UploadRow) -> ContentKey:
        name = f"{owner.record}/contents/{row.page}"
        try:
            file_key = (await self._keys.full([owner.scope]))[owner.scope]
            return open_upload(file_key, row)
        except ScopeShredded:
            raise Shredded(name) from None
        except SealBroken:
            raise Corrupted(name) from None

    async def _store(self, call: Call, upload: Upload) -> StoredContent:
        row, now = upload.row, self._clock.now_micros()
        scope = upload.owner.scope

        def look(conn: Connection) -> tuple[ContentRow | None, list[uploads.SegmentRow]]:
            there = contents.current(conn, row.institution, row.customer, row.record, row.page)
            return there, uploads.segments(conn, row.institution, row.customer, row.upload)

        before, segments = await self._database.read(look)
        version = before.version + 1 if before is not None else 1
        try:
            full, masked = await self._keys.both([scope])
        except ScopeShredded:
            raise Shredded(str(upload.start.owner)) from None
        made = content_of(row, upload.key, segments, full[scope], version, now)
        leaves = await self._picturing.leaves(
            masked[scope], made, upload.owner.kind, _incoming(upload).again
        )
        made = replace(made, leaves=len(leaves), leaves_sha256=leaves_digest(leaves))
        name = str(upload.start.name)

        def work(conn: Connection) -> None:
            if scopes.destroyed(conn, [scope]):
                # Its keys were still in memory.
                raise Shredded(str(upload.start.owner))
            try:
                contents.insert(conn, made, leaves)
            except VersionConflict:
                raise _AnotherVersion from None
            try:
                uploads.finished(conn, row, version, now)
            except VersionConflict:
                raise errors.UploadOvertaken from None

        rows = (logged(made),)
        trace = Trace(row.institution, row.customer, name, rows=rows, count=1)
        await self._recorder.commit(call, work, lambda _: trace, weight=2 + len(leaves))
        return described(made, upload.key)

    async def _stored(self, row: UploadRow) -> StoredContent:
        found = await self._database.read(
            lambda conn: contents.version(
                conn, row.institution, row.customer, row.record, row.page, row.version
            )
        )
        if found is None:
            raise Corrupted(f"{row.record}/contents/{row.page}")
        return (await self._opener.one(found)).stored

    async def _give_up(self, upload: Upload) -> None:
        await self.break_off(upload)
        await self._write(lambda conn: give_up(conn, upload.row))

    async def _write(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.to_thread(self._database.write_sync, work)


class _AnotherVersion(Exception):
    """Of the page there is another version than the one that was looked at."""


def _incoming(upload: Upload) -> Incoming:
    if upload.incoming is None:
        raise errors.out_of_sequence()
    return upload.incoming


def _what(row: UploadRow) -> tuple[str, int, str, int]:
    return row.record, row.page, row.content_type, row.size
