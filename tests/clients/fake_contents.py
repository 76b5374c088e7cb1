"""What the fake vault does with contents: takes uploads by segments, forgets what is not durable
when a call breaks off, and gives contents out again, with accidents where a test wants them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.rpc import error_details_pb2

from recordsvault.records.v1 import content_pb2 as pb
from tests.clients.refused import Refused

SEGMENT = 1024 * 1024


@dataclass
class Kept:
    """An upload: what is durable of it, and what it became."""

    start: Any
    data: bytearray = field(default_factory=bytearray)
    content: Any = None


def violation(name: str, reason: str) -> Refused:
    bad = error_details_pb2.BadRequest()
    bad.field_violations.add(field=name, description="is not right", reason=reason)
    return Refused(
        grpc.StatusCode.INVALID_ARGUMENT,
        "not acceptable",
        error_details_pb2.ErrorInfo(reason="INVALID_FIELDS"),
        bad,
    )


def refused(code: grpc.StatusCode, reason: str) -> Refused:
    return Refused(code, reason, error_details_pb2.ErrorInfo(reason=reason))


@dataclass
class FakeContents:
    """Uploads by request_id, contents by name. ``break_at`` are byte positions: a call that comes
    by one is broken off there, each once. ``at_part`` and ``at_finish`` may raise or wait."""

    uploads: dict[str, Kept] = field(default_factory=dict)
    contents: dict[str, tuple[Any, bytes]] = field(default_factory=dict)
    break_at: list[int] = field(default_factory=list)
    break_download_at: list[int] = field(default_factory=list)
    starts: list[Any] = field(default_factory=list)
    downloads: list[Any] = field(default_factory=list)
    at_part: Callable[[int], None] = lambda position: None
    at_finish: Callable[[], None] = lambda: None
    lose_answer: int = 0
    give: Callable[[Any], Any] = lambda answer: answer

    def upload(self, requests: Iterator[Any]) -> Any:
        start = next(requests).start
        self.starts.append(start)
        kept = self.uploads.setdefault(start.request_id, Kept(start))
        if kept.content is not None:
            return pb.UploadDocumentResponse(content=kept.content)
        if start.offset != len(kept.data):
            raise violation("start.offset", "UPLOAD_OFFSET")
        come = bytearray(kept.data)
        for request in requests:
            if request.HasField("finish"):
                self.at_finish()
                return self._store(kept, bytes(come), request.finish.sha256)
            if request.part.offset != len(come):
                raise violation("part.offset", "CHUNK_OUT_OF_ORDER")
            come += request.part.data
            kept.data = come[: len(come) // SEGMENT * SEGMENT]
            self.at_part(len(come))
            if self.break_at and len(come) >= self.break_at[0]:
                self.break_at.pop(0)
                raise refused(grpc.StatusCode.UNAVAILABLE, "STOPPING")
        raise violation("finish", "UPLOAD_UNFINISHED")

    def _store(self, kept: Kept, data: bytes, sha256: bytes) -> Any:
        if hashlib.sha256(data).digest() != sha256 or len(data) != kept.start.size:
            raise violation("finish.sha256", "DIGEST_MISMATCH")
        name = f"{kept.start.parent}/contents/{kept.start.page}"
        before = self.contents.get(name)
        kept.content = pb.Content(
            name=name,
            page=kept.start.page,
            version=1 if before is None else before[0].version + 1,
            content_type=kept.start.content_type,
            size=len(data),
            sha256=sha256,
        )
        self.contents[name] = (kept.content, data)
        if self.lose_answer:
            self.lose_answer -= 1
            raise refused(grpc.StatusCode.UNAVAILABLE, "STOPPING")
        return pb.UploadDocumentResponse(content=kept.content)

    def get_upload(self, request: Any) -> Any:
        kept = self.uploads.get(request.request_id)
        if kept is None:
            raise refused(grpc.StatusCode.NOT_FOUND, "UPLOAD_UNKNOWN")
        return pb.GetUploadResponse(
            received=len(kept.data), size=kept.start.size, content=kept.content
        )

    def download(self, request: Any) -> Iterator[Any]:
        self.downloads.append(request)
        if request.name not in self.contents:
            raise refused(grpc.StatusCode.NOT_FOUND, "NOT_FOUND")
        content, data = self.contents[request.name]
        end = request.offset + request.length if request.length else len(data)
        for at in range(request.offset, end, 300_000):
            piece = data[at : min(at + 300_000, end)]
            answer = pb.DownloadDocumentResponse(offset=at, data=piece)
            if at == request.offset:
                answer.content.CopyFrom(content)
            yield self.give(answer)
            if self.break_download_at and at + len(piece) >= self.break_download_at[0]:
                self.break_download_at.pop(0)
                raise refused(grpc.StatusCode.UNAVAILABLE, "STOPPING")

    def listed(self, request: Any) -> Any:
        found = [one for one, _ in self.contents.values() if one.name.startswith(request.parent)]
        return pb.ListContentsResponse(contents=found)
