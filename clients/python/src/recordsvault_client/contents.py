"""Scans and files of documents and transactions: the blocking client."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import grpc

from recordsvault.records.v1 import content_pb2 as pb
from recordsvault.records.v1 import records_pb2_grpc as stubs
from recordsvault_client.content_source import Given, Source, content_type_of
from recordsvault_client.downloading import Download, Target, written
from recordsvault_client.uploading import OnProgress, Upload, passing, send
from recordsvault_masked.calls import Caller
from recordsvault_masked.closing import Closing
from recordsvault_masked.errors import NotFound, VaultError
from recordsvault_masked.paging import Page, Pager
from recordsvault_masked.purposes import purpose_of
from recordsvault_masked.recovery import OnInterrupt, Recovery, ended_early
from recordsvault_masked.requests import new_request_id
from recordsvault_masked.status import from_rpc_error

_ANSWER_SECONDS = 120.0
_PATIENCE = 120.0


class ContentStream(Closing):
    """The bytes of a content, in order. Iterate over it in one thread; `close()` ends it, from any.

    A lost connection is taken up again behind the last byte. Each was authenticated by the vault;
    of a whole content the last ones come only where its SHA-256 is right.
    """

    def __init__(
        self,
        method: grpc.UnaryStreamMultiCallable[
            pb.DownloadDocumentRequest, pb.DownloadDocumentResponse
        ],
        download: Download,
        recovery: Recovery,
    ) -> None:
        """Made by `ContentsClient.open`."""
        self._method = method
        self._download = download
        self._recovery = recovery
        self._closed = threading.Event()
        self._call: grpc.RpcContext | None = None
        self._pieces = self._run()

    def __iter__(self) -> Iterator[bytes]:
        """The stream itself."""
        return self

    def __next__(self) -> bytes:
        """The next bytes. Raises VaultError."""
        return next(self._pieces)

    @property
    def content(self) -> pb.Content | None:
        """What it is; None before the first bytes have come."""
        return self._download.content

    @property
    def total(self) -> int:
        """How many bytes there will be; 0 before the first have come."""
        return self._download.total

    def close(self) -> None:
        """End the stream: its iterator stops."""
        self._closed.set()
        if self._call is not None:
            self._call.cancel()

    def _run(self) -> Iterator[bytes]:
        download = self._download
        while not self._closed.is_set():
            self._recovery.begin()
            self._call = call = self._method(download.request())
            try:
                for answer in call:
                    self._recovery.alive()
                    yield download.take(answer)
                if download.over:
                    return
                error: VaultError = ended_early()
            except grpc.RpcError as failure:
                if self._closed.is_set() or download.over:
                    return
                error = from_rpc_error(failure)
            finally:
                call.cancel()
            self._closed.wait(self._recovery.pause_after(error))


class ContentsClient:
    """Uploads and downloads scans, pictures and files: pages of identity documents, and vouchers
    of transactions.

    A connection that is lost is taken up again, for `patience` seconds without progress (None: for
    ever); `on_interrupt` is told of each loss. `progress` is told (bytes done, of how many) in the
    thread of the call. Raises VaultError, and OSError for files.
    """

    def __init__(self, channel: grpc.Channel, call: Caller) -> None:
        """Use a channel that somebody else opens and closes."""
        self._stub = stubs.RecordsStub(channel)
        self._call = call

    def upload(
        self,
        parent: str,
        source: Given,
        *,
        page: int = 1,
        content_type: str | int = "",
        request_id: str = "",
        progress: OnProgress | None = None,
        answer_timeout: float = _ANSWER_SECONDS,
        patience: float | None = _PATIENCE,
        on_interrupt: OnInterrupt | None = None,
    ) -> pb.Content:
        """Store a page of a document, or of a transaction's voucher; answers what was stored.

        `source` is a path, a file object that can be sought in, or the bytes. Its `content_type`
        is told by its first bytes if left out. A `request_id` (a UUID; a fresh one if left out)
        that was given before goes on with that upload, also from another process. After
        `answer_timeout` seconds in which nothing is taken or answered, the connection counts as
        lost. ValueError for an empty file, or one of another format.
        """
        with Source(source) as opened:
            kind = content_type_of(content_type, opened)
            upload = Upload(parent, opened, kind, page, new_request_id(request_id))
            recovery = Recovery(patience, on_interrupt=on_interrupt, policy=self._call.retry)
            begun, furthest, failures = bool(request_id), 0, 0

            def taken() -> None:
                if not failures:
                    recovery.alive()

            while True:
                recovery.begin()
                try:
                    if begun:
                        stored = self._go_on(upload)
                        if stored is not None:
                            return stored
                        if upload.position > furthest:
                            furthest = upload.position
                            recovery.alive()
                    begun = True
                    return send(self._stub.UploadDocument, upload, answer_timeout, progress, taken)
                except VaultError as error:
                    failures += 1
                    error.request_id = upload.request_id
                    pause = recovery.pause_after(passing(error))
                time.sleep(pause)

    def upload_progress(
        self, parent: str, request_id: str, *, timeout: float | None = None
    ) -> pb.GetUploadResponse:
        """How far an upload has come. Raises NotFound for one that the vault does not know."""
        request = pb.GetUploadRequest(parent=parent, request_id=request_id)
        return self._call(self._stub.GetUpload, request, timeout)

    def download(
        self,
        name: str,
        target: Target,
        *,
        purpose: str | int,
        case_reference: str = "",
        check_out: str = "",
        version: int = 0,
        offset: int = 0,
        length: int = 0,
        progress: OnProgress | None = None,
        patience: float | None = _PATIENCE,
        on_interrupt: OnInterrupt | None = None,
    ) -> pb.Content:
        """Write a content, or a range of it, to a file; answers what it is.

        `target` is a path, where no file may be yet, or a file object. A file of that name is
        there when all of it is, with mode 0600. `version` 0 is the current one, `length` 0 all to
        the end.
        """
        with (
            written(target) as file,
            self.open(
                name,
                purpose=purpose,
                case_reference=case_reference,
                check_out=check_out,
                version=version,
                offset=offset,
                length=length,
                patience=patience,
                on_interrupt=on_interrupt,
            ) as stream,
        ):
            done = 0
            for piece in stream:
                file.write(piece)
                done += len(piece)
                if progress is not None:
                    progress(done, stream.total)
            if stream.content is None:
                raise ended_early()
            return stream.content

    def open(
        self,
        name: str,
        *,
        purpose: str | int,
        case_reference: str = "",
        check_out: str = "",
        version: int = 0,
        offset: int = 0,
        length: int = 0,
        patience: float | None = _PATIENCE,
        on_interrupt: OnInterrupt | None = None,
    ) -> ContentStream:
        """As `download`, as a stream of bytes."""
        request = pb.DownloadDocumentRequest(
            name=name,
            purpose=purpose_of(purpose),
            case_reference=case_reference,
            check_out=check_out,
            version=version,
            offset=offset,
            length=length,
        )
        recovery = Recovery(patience, on_interrupt=on_interrupt, policy=self._call.retry)
        return ContentStream(self._stub.DownloadDocument, Download(request), recovery)

    def list(
        self,
        parent: str,
        *,
        purpose: str | int,
        case_reference: str = "",
        check_out: str = "",
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> Pager[pb.Content]:
        """The current version of each page of a document, or of a transaction's vouchers."""
        wanted = purpose_of(purpose)

        def fetch(token: str) -> Page[pb.Content]:
            request = pb.ListContentsRequest(
                parent=parent,
                page_size=page_size,
                page_token=token,
                purpose=wanted,
                case_reference=case_reference,
                check_out=check_out,
            )
            answer = self._call(self._stub.ListContents, request, timeout)
            return Page(answer.contents, answer.next_page_token)

        return Pager(fetch, page_token)

    def _go_on(self, upload: Upload) -> pb.Content | None:
        """Go to where the vault has it; what was stored, where it has ended."""
        try:
            seen = self._call(self._stub.GetUpload, upload.progress_request())
        except NotFound:
            upload.go_to(0)
            return None
        if seen.HasField("content"):
            return upload.require_same(seen.content)
        upload.go_to(seen.received)
        return None
