"""Scans to upload, and calls that upload and download them."""

import hashlib
import io
import random
from collections.abc import Callable, Iterator
from functools import lru_cache
from uuid import uuid4

from PIL import Image

from recordsvault.records.v1 import content_pb2 as pb
from recordsvault.records.v1 import records_pb2_grpc
from recordsvault.type.v1 import content_pb2 as kinds
from recordsvault.type.v1 import purpose_pb2

PART = 256 * 1024
SEGMENT = 4 * 1024 * 1024
PURPOSE = purpose_pb2.PURPOSE_ONBOARDING_CDD


@lru_cache(8)
def scan(size: int, seed: int = 1) -> bytes:
    """A PNG of at least `size` bytes that cannot be made smaller: noise, 1,000 pixels wide."""
    height = max(1, -(-size // 3_001))
    noise = random.Random(seed).randbytes(3_000 * height)
    out = io.BytesIO()
    Image.frombytes("RGB", (1_000, height), noise).save(out, "PNG", compress_level=0)
    return out.getvalue()


def start(
    parent: str,
    data: bytes,
    *,
    page: int = 1,
    request_id: str = "",
    offset: int = 0,
    size: int | None = None,
    content_type: "kinds.ContentType.ValueType" = kinds.CONTENT_TYPE_PNG,
) -> pb.UploadDocumentRequest:
    """The first message."""
    return pb.UploadDocumentRequest(
        start=pb.UploadStart(
            parent=parent,
            page=page,
            content_type=content_type,
            size=len(data) if size is None else size,
            request_id=request_id or str(uuid4()),
            offset=offset,
        )
    )


def parts(
    data: bytes, offset: int = 0, end: int | None = None, step: int = PART
) -> Iterator[pb.UploadDocumentRequest]:
    """The bytes, in messages."""
    for at in range(offset, len(data) if end is None else end, step):
        piece = data[at : min(at + step, len(data) if end is None else end)]
        yield pb.UploadDocumentRequest(part=pb.UploadPart(offset=at, data=piece))


def finish(data: bytes) -> pb.UploadDocumentRequest:
    """The last message."""
    digest = hashlib.sha256(data).digest()
    return pb.UploadDocumentRequest(finish=pb.UploadFinish(sha256=digest))


def upload(
    stub: records_pb2_grpc.RecordsStub,
    parent: str,
    data: bytes,
    *,
    page: int = 1,
    request_id: str = "",
    offset: int = 0,
    content_type: "kinds.ContentType.ValueType" = kinds.CONTENT_TYPE_PNG,
) -> pb.Content:
    """Upload a whole content, or the rest of one."""

    def messages() -> Iterator[pb.UploadDocumentRequest]:
        yield start(
            parent,
            data,
            page=page,
            request_id=request_id,
            offset=offset,
            content_type=content_type,
        )
        yield from parts(data, offset)
        yield finish(data)

    return stub.UploadDocument(messages()).content


def download(
    stub: records_pb2_grpc.RecordsStub,
    name: str,
    *,
    version: int = 0,
    offset: int = 0,
    length: int = 0,
    check_out: str = "",
    purpose: "purpose_pb2.Purpose.ValueType" = PURPOSE,
    seen: Callable[[pb.DownloadDocumentResponse], None] = lambda _: None,
) -> bytes:
    """Download a content, or a range of it."""
    request = pb.DownloadDocumentRequest(
        name=name,
        purpose=purpose,
        version=version,
        offset=offset,
        length=length,
        check_out=check_out,
    )
    out, at = bytearray(), offset
    for message in stub.DownloadDocument(request):
        seen(message)
        assert message.offset == at
        out += message.data
        at += len(message.data)
    return bytes(out)
