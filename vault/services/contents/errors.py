"""What is refused of contents, and what it says."""

from __future__ import annotations

from typing import Final

from vault.renditions.problems import Problem
from vault.services.errors import (
    Aborted,
    FieldViolation,
    InvalidArgument,
    NotFound,
    Unavailable,
)

_OF_THE_TYPE: Final = frozenset({Problem.TYPE_DIFFERS, Problem.TYPE_NOT_TAKEN})


def too_large(limit: int) -> InvalidArgument:
    """More bytes than the vault takes."""
    return _violation(
        "start.size",
        "CONTENT_TOO_LARGE",
        f"is more than the {limit} bytes that this vault takes; scan with less resolution, or have "
        "operations raise limits.max_content_bytes",
        f"超过本保险库允许的 {limit} 字节；请降低扫描分辨率，"
        "或请运维人员调高 limits.max_content_bytes",
    )


def wrong_offset(received: int) -> InvalidArgument:
    """A call that goes on from where the vault does not have the bytes before, or has more."""
    return _violation(
        "start.offset",
        "UPLOAD_OFFSET",
        f"must be {received}: so many bytes of this upload are here; GetUpload says so too",
        f"必须为 {received}：本次上传已收到这么多字节；GetUpload 亦可查询",
    )


def part_size(limit: int) -> InvalidArgument:
    """A part without bytes, or with too many at once."""
    return _violation(
        "part.data",
        "PART_SIZE",
        f"must have 1 to {limit} bytes",
        f"必须为 1 至 {limit} 字节",
    )


def out_of_order(position: int) -> InvalidArgument:
    """A part that does not begin where the one before has ended."""
    return _violation(
        "part.offset",
        "CHUNK_OUT_OF_ORDER",
        f"must be {position}, where the part before has ended; send the parts in order",
        f"必须为 {position}，即上一部分结束处；请按顺序发送各部分",
    )


def too_many_bytes() -> InvalidArgument:
    """More bytes than were said."""
    return _violation(
        "part.data",
        "SIZE_MISMATCH",
        "has more bytes than start.size says; begin another upload with the right size",
        "字节数超过 start.size；请以正确的大小重新开始上传",
    )


def too_few_bytes(position: int) -> InvalidArgument:
    """An end before all the bytes have come."""
    return _violation(
        "finish",
        "SIZE_MISMATCH",
        f"came after {position} bytes, fewer than start.size says; send the rest first",
        f"在收到 {position} 字节后结束，少于 start.size；请先发送其余部分",
    )


def wrong_hash() -> InvalidArgument:
    """The bytes are not those of which the caller has the digest."""
    return _violation(
        "finish.sha256",
        "DIGEST_MISMATCH",
        "is not the SHA-256 of the bytes that came; nothing was stored: begin another upload",
        "与收到字节的 SHA-256 不符；未存储任何内容，请重新开始上传",
    )


def no_document(problem: Problem) -> InvalidArgument:
    """The bytes are no document of the format that they were said to be."""
    field = "start.content_type" if problem in _OF_THE_TYPE else "part.data"
    return _violation(field, f"DOCUMENT_{problem.value}", problem.en, problem.zh)


def out_of_sequence() -> InvalidArgument:
    """A message that does not belong where it came."""
    return _violation(
        "step",
        "UPLOAD_STEP",
        "must be start first, then parts, then finish, and nothing behind it",
        "必须先为 start，再为若干 part，最后为 finish，其后不得再有消息",
    )


def unfinished() -> InvalidArgument:
    """The stream has ended without its last message."""
    return _violation(
        "finish",
        "UPLOAD_UNFINISHED",
        "never came; what has come is kept: go on from where GetUpload says",
        "未收到；已收到的部分予以保留，请从 GetUpload 所示位置继续",
    )


def outside(size: int) -> InvalidArgument:
    """A range that is not within the content."""
    return _violation(
        "offset",
        "RANGE_OUTSIDE",
        f"and length must lie within the {size} bytes of the content",
        f"与 length 必须位于内容的 {size} 字节之内",
    )


class UploadOvertaken(Aborted):
    """Somebody else goes on with the same upload."""

    reason = "UPLOAD_OVERTAKEN"

    def __init__(self) -> None:
        super().__init__("The upload")
        self.en = (
            "Another call goes on with this upload. Ask GetUpload how far it has come, and go on "
            "from there if that one has ended."
        )
        self.zh = "另一调用正在继续此上传。请用 GetUpload 查询进度，若其已结束则从该处继续。"


class UploadUnknown(NotFound):
    """There is no such upload, or no longer."""

    reason = "UPLOAD_UNKNOWN"

    def __init__(self) -> None:
        super().__init__("The upload", "request_id")
        self.en = "There is no such upload of yours, or it was forgotten. Begin it anew."
        self.zh = "没有该上传，或其已过期。请重新开始上传。"


class RenditionsBusy(Unavailable):
    """All processes that read documents are taken."""

    reason = "RENDITIONS_BUSY"

    def __init__(self) -> None:
        super().__init__(
            "Too many documents are being read now. What was sent is kept: send `start` from where "
            "GetUpload says, and `finish`, again in some seconds.",
            "当前正在读取的文件过多。已发送的内容予以保留：请数秒后从 GetUpload 所示位置重新发送 "
            "`start` 与 `finish`。",
        )


class DecodersMissing(Unavailable):
    """No process that reads documents can be started."""

    reason = "DECODERS_MISSING"

    def __init__(self) -> None:
        super().__init__(
            "The server cannot start the process that reads documents, so none is stored. What was "
            "sent is kept. Operations look for memory, and for the limit of processes.",
            "服务器无法启动读取文件的进程，因此未存储。已发送的内容予以保留。"
            "请运维人员检查内存与进程数限制。",
        )


def _violation(field: str, reason: str, en: str, zh: str) -> InvalidArgument:
    return InvalidArgument([FieldViolation(field, reason, en, zh)])
