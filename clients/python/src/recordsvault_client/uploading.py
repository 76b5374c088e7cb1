"""An upload by stream: what is sent, and what is done where it breaks off.

A connection that was lost is taken up again from where the vault has the bytes durably, under the
same request_id; the digest of the whole, sent last, tells the vault whether it has what was meant.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator

import grpc

from recordsvault.records.v1 import content_pb2 as pb
from recordsvault.type.v1.content_pb2 import ContentType
from recordsvault_client.content_source import Source
from recordsvault_masked.errors import (
    Aborted,
    InvalidArgument,
    ProtocolError,
    Unavailable,
    VaultError,
)
from recordsvault_masked.recovery import silent
from recordsvault_masked.status import from_rpc_error

OnProgress = Callable[[int, int], None]
"""Told of the bytes that were sent, or that came, and of how many in all."""

PART_BYTES = 512 * 1024
# So much is not in buffers of the way: the vault has begun to take it.
_TAKEN = 4 * 1024 * 1024


class Upload:
    """One upload; `position` is where the next part begins."""

    def __init__(
        self,
        parent: str,
        source: Source,
        content_type: ContentType.ValueType,
        page: int,
        request_id: str,
    ) -> None:
        self.parent = parent
        self.source = source
        self.request_id = request_id
        self.position = self._begun_at = 0
        # A stream that was given up may still be reading in a thread: what it reads counts no more.
        self._lock = threading.Lock()
        self._turn = 0
        self._content_type = content_type
        self._page = page
        self._hash = hashlib.sha256()

    def progress_request(self) -> pb.GetUploadRequest:
        """How far has it come?"""
        return pb.GetUploadRequest(parent=self.parent, request_id=self.request_id)

    def go_to(self, offset: int) -> None:
        """Go on from there: what lies before is read for its digest alone. Raises OSError."""
        with self._lock:
            self._turn += 1
            self._hash = hashlib.sha256()
            for at in range(0, offset, PART_BYTES):
                self._hash.update(self.source.read(at, min(PART_BYTES, offset - at)))
            self.position = self._begun_at = offset

    def turn(self) -> int:
        """The turn of the stream that goes on from where `go_to` went."""
        return self._turn

    def start(self) -> pb.UploadDocumentRequest:
        """The first message."""
        return pb.UploadDocumentRequest(
            start=pb.UploadStart(
                parent=self.parent,
                page=self._page,
                content_type=self._content_type,
                size=self.source.size,
                request_id=self.request_id,
                offset=self.position,
            )
        )

    def read(self, turn: int) -> pb.UploadDocumentRequest | None:
        """The next part; None behind the last, and for a stream whose turn is over. Raises OSError,
        also where the file has become shorter meanwhile."""
        with self._lock:
            size = min(PART_BYTES, self.source.size - self.position)
            if not size or turn != self._turn:
                return None
            data = self.source.read(self.position, size)
            if len(data) < size:
                raise OSError("the file became shorter while it was uploaded")
            self._hash.update(data)
            part = pb.UploadPart(offset=self.position, data=data)
            self.position += size
            return pb.UploadDocumentRequest(part=part)

    def finish(self) -> pb.UploadDocumentRequest:
        """The last message."""
        return pb.UploadDocumentRequest(finish=pb.UploadFinish(sha256=self._hash.digest()))

    @property
    def is_taken(self) -> bool:
        """Whether the vault has begun to take what was sent."""
        return self.position - self._begun_at >= _TAKEN

    def require_same(self, content: pb.Content) -> pb.Content:
        """What was stored by this request_id, if it is this file. Raises ProtocolError; OSError."""
        self.go_to(self.source.size)
        if (content.size, content.sha256) != (self.source.size, self._hash.digest()):
            raise ProtocolError(
                {
                    "en": "Another file was stored by this request_id: take a new one.",
                    "zh": "该 request_id 已用于存储另一文件：请使用新的 request_id。",
                },
                reason="CONTENT_MISMATCH",
            )
        return content


def passing(error: VaultError) -> VaultError:
    """The error, as one that passes where the vault has not let go of the lost connection yet."""
    reasons = {one.reason for one in getattr(error, "violations", ())}
    overtaken = isinstance(error, Aborted) and error.reason == "UPLOAD_OVERTAKEN"
    moved = isinstance(error, InvalidArgument) and reasons == {"UPLOAD_OFFSET"}
    if overtaken or moved:
        return Unavailable(error.texts, reason=error.reason)
    return error


class _Messages(Iterator[pb.UploadDocumentRequest]):
    """The messages of one stream, which gRPC takes in a thread of its own."""

    def __init__(self, upload: Upload) -> None:
        self._upload = upload
        self._messages = self._run()
        self._changed = threading.Condition()
        self._steps = 0
        self._ended = False
        self.broken: BaseException | None = None

    def __next__(self) -> pb.UploadDocumentRequest:
        with self._changed:
            if self._ended:
                raise StopIteration
            try:
                return next(self._messages)
            except StopIteration:
                raise
            except BaseException as error:
                # gRPC would swallow it.
                self.broken = error
                raise StopIteration from None
            finally:
                self._steps += 1
                self._changed.notify_all()

    def _run(self) -> Iterator[pb.UploadDocumentRequest]:
        turn = self._upload.turn()
        yield self._upload.start()
        while (part := self._upload.read(turn)) is not None:
            yield part
        yield self._upload.finish()

    def end(self, *_: object) -> None:
        """Nothing more is sent."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait(self, steps: int, timeout: float) -> tuple[int, bool]:
        """Wait until more than `steps` messages were taken, or it ended; how many there are, and
        whether anything has changed."""
        with self._changed:
            moved = self._changed.wait_for(lambda: self._ended or self._steps != steps, timeout)
            return self._steps, moved


def send(
    method: grpc.StreamUnaryMultiCallable[pb.UploadDocumentRequest, pb.UploadDocumentResponse],
    upload: Upload,
    answer_timeout: float,
    progress: OnProgress | None,
    taken: Callable[[], None],
) -> pb.Content:
    """Send what is left of an upload; `taken` is called once the vault has begun to take it.
    Raises VaultError, and what reading the source raises."""
    messages = _Messages(upload)
    call = method.future(messages)
    call.add_done_callback(messages.end)
    steps, told = 0, False
    try:
        while not call.done():
            steps, moved = messages.wait(steps, answer_timeout)
            if messages.broken is not None:
                raise messages.broken
            if not moved:
                raise silent(answer_timeout)
            if progress is not None:
                progress(upload.position, upload.source.size)
            if upload.is_taken and not told:
                told = True
                taken()
        if messages.broken is not None:
            raise messages.broken
        return call.result().content
    except grpc.RpcError as failure:
        raise from_rpc_error(failure) from None
    finally:
        messages.end()
        call.cancel()
