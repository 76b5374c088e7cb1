"""Scans and files of documents and transactions: the asyncio client."""

# ruff: noqa: ASYNC109 - `timeout` becomes the deadline of the RPC, which the vault sees as well

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import grpc
from grpc import aio

from recordsvault.records.v1 import content_pb2 as pb
from recordsvault.records.v1 import records_pb2_grpc as stubs
from recordsvault_client.content_source import Given, Source, content_type_of
from recordsvault_client.downloading import Download, Target, written
from recordsvault_client.uploading import OnProgress, Upload, passing
from recordsvault_masked.calls import AsyncCaller
from recordsvault_masked.errors import NotFound, VaultError
from recordsvault_masked.paging import AsyncPager, Page
from recordsvault_masked.purposes import purpose_of
from recordsvault_masked.recovery import OnInterrupt, Recovery, ended_early, silent
from recordsvault_masked.requests import new_request_id
from recordsvault_masked.status import from_rpc_error

_ANSWER_SECONDS = 120.0
_PATIENCE = 120.0


class AsyncContentStream:
    """The bytes of a content, in order, for `async for`, once; see `ContentStream`."""

    def __init__(
        self,
        method: aio.UnaryStreamMultiCallable[
            pb.DownloadDocumentRequest, pb.DownloadDocumentResponse
        ],
        download: Download,
        recovery: Recovery,
    ) -> None:
        """Made by `AsyncContentsClient.open`."""
        self._method = method
        self._download = download
        self._recovery = recovery

    @property
    def content(self) -> pb.Content | None:
        """What it is; None before the first bytes have come."""
        return self._download.content

    @property
    def total(self) -> int:
        """How many bytes there will be; 0 before the first have come."""
        return self._download.total

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Piece by piece. Raises VaultError."""
        download = self._download
        while True:
            self._recovery.begin()
            call = self._method(download.request())
            try:
                async for answer in call:
                    self._recovery.alive()
                    yield download.take(answer)
                if download.over:
                    return
                error: VaultError = ended_early()
            except grpc.RpcError as failure:
                if download.over:
                    return
                error = from_rpc_error(failure)
            finally:
                call.cancel()
            await asyncio.sleep(self._recovery.pause_after(error))


class AsyncContentsClient:
    """Uploads and downloads scans, pictures and files; see `ContentsClient`. Files are read and
    written in threads."""

    def __init__(self, channel: aio.Channel, call: AsyncCaller) -> None:
        """Use a channel that somebody else opens and closes."""
        self._stub = stubs.RecordsStub(channel)
        self._call = call

    async def upload(
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
        """As `ContentsClient.upload`; `progress` is told in the event loop."""
        opened = await asyncio.to_thread(Source, source)
        with opened:
            kind = await asyncio.to_thread(content_type_of, content_type, opened)
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
                        stored = await self._go_on(upload)
                        if stored is not None:
                            return stored
                        if upload.position > furthest:
                            furthest = upload.position
                            recovery.alive()
                    begun = True
                    return await self._send(upload, answer_timeout, progress, taken)
                except VaultError as error:
                    failures += 1
                    error.request_id = upload.request_id
                    pause = recovery.pause_after(passing(error))
                await asyncio.sleep(pause)

    async def upload_progress(
        self, parent: str, request_id: str, *, timeout: float | None = None
    ) -> pb.GetUploadResponse:
        """How far an upload has come. Raises NotFound for one that the vault does not know."""
        request = pb.GetUploadRequest(parent=parent, request_id=request_id)
        return await self._call(self._stub.GetUpload, request, timeout)

    async def download(
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
        """As `ContentsClient.download`."""
        stream = self.open(
            name,
            purpose=purpose,
            case_reference=case_reference,
            check_out=check_out,
            version=version,
            offset=offset,
            length=length,
            patience=patience,
            on_interrupt=on_interrupt,
        )
        done = 0
        with written(target) as file:
            async for piece in stream:
                await asyncio.to_thread(file.write, piece)
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
    ) -> AsyncContentStream:
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
        return AsyncContentStream(self._stub.DownloadDocument, Download(request), recovery)

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
    ) -> AsyncPager[pb.Content]:
        """The current version of each page of a document, or of a transaction's vouchers."""
        wanted = purpose_of(purpose)

        async def fetch(token: str) -> Page[pb.Content]:
            request = pb.ListContentsRequest(
                parent=parent,
                page_size=page_size,
                page_token=token,
                purpose=wanted,
                case_reference=case_reference,
                check_out=check_out,
            )
            answer = await self._call(self._stub.ListContents, request, timeout)
            return Page(answer.contents, answer.next_page_token)

        return AsyncPager(fetch, page_token)

    async def _send(
        self,
        upload: Upload,
        answer_timeout: float,
        progress: OnProgress | None,
        taken: Callable[[], None],
    ) -> pb.Content:
        broken: list[Exception] = []
        moved = asyncio.Event()
        turn = upload.turn()

        async def messages() -> AsyncIterator[pb.UploadDocumentRequest]:
            yield upload.start()
            told = False
            try:
                while (part := await asyncio.to_thread(upload.read, turn)) is not None:
                    yield part
                    moved.set()
                    if upload.is_taken and not told:
                        told = True
                        taken()
                    if progress is not None:
                        progress(upload.position, upload.source.size)
            except Exception as error:
                # gRPC would swallow it.
                broken.append(error)
                call.cancel()
                return
            yield upload.finish()

        call = self._stub.UploadDocument(messages())
        answered = asyncio.ensure_future(_answer(call))
        try:
            while not answered.done():
                moved.clear()
                await asyncio.wait((answered,), timeout=answer_timeout)
                if not answered.done() and not moved.is_set():
                    raise silent(answer_timeout)
            if broken:
                raise broken[0]
            return answered.result().content
        except grpc.RpcError as failure:
            raise from_rpc_error(failure) from None
        finally:
            call.cancel()
            answered.cancel()

    async def _go_on(self, upload: Upload) -> pb.Content | None:
        """Go to where the vault has it; what was stored, where it has ended."""
        try:
            seen = await self._call(self._stub.GetUpload, upload.progress_request())
        except NotFound:
            await asyncio.to_thread(upload.go_to, 0)
            return None
        if seen.HasField("content"):
            return await asyncio.to_thread(upload.require_same, seen.content)
        await asyncio.to_thread(upload.go_to, seen.received)
        return None


async def _answer(
    call: aio.StreamUnaryCall[pb.UploadDocumentRequest, pb.UploadDocumentResponse],
) -> pb.UploadDocumentResponse:
    return await call
