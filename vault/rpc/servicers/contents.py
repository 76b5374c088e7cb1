"""Contents of documents and of vouchers: uploads, downloads, and what there is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any, Final

from recordsvault.records.v1 import content_pb2 as pb
from recordsvault.type.v1 import content_pb2 as type_pb
from vault.access import Action
from vault.audit import Phase
from vault.records import (
    ContentName,
    ContentType,
    DocumentName,
    InvalidName,
    TransactionName,
    parse_owner,
)
from vault.rpc.methods import ClientStream, Method, ServerStream, Target, Unary
from vault.rpc.names import target_of, target_of_content
from vault.rpc.paging import make_token, page_size, read_token
from vault.rpc.problems import Problems
from vault.rpc.servicers.reads import Lending
from vault.rpc.servicers.targets import with_purpose
from vault.rpc.translate.common import from_micros
from vault.services.call import Call
from vault.services.contents import errors
from vault.services.contents.downloading import Download, Downloading
from vault.services.contents.stored import StoredContent
from vault.services.contents.uploading import Start, Uploading
from vault.services.logged import relative

_PART_BYTES: Final = 1024 * 1024
_TYPES: Final = {
    value.number: ContentType(value.name.removeprefix("CONTENT_TYPE_"))
    for value in type_pb.DESCRIPTOR.enum_types_by_name["ContentType"].values
}
_NUMBERS: Final = {kind: number for number, kind in _TYPES.items()}


@dataclass(frozen=True, slots=True)
class ContentUseCases:
    """What the methods are built on."""

    uploading: Uploading
    downloading: Downloading
    lending: Lending


def methods(u: ContentUseCases) -> dict[str, Method]:
    """The methods of the records service that are about contents."""
    return {
        "UploadDocument": _upload(u.uploading),
        "GetUpload": _progress(u.uploading),
        "DownloadDocument": _download(u),
        "ListContents": _listing(u),
    }


def to_proto(content: StoredContent) -> pb.Content:
    """A content, as it is answered."""
    return pb.Content(
        name=content.name,
        page=content.page,
        version=content.version,
        content_type=_NUMBERS[content.content_type],  # type: ignore[arg-type]  # its own numbers
        size=content.size,
        sha256=content.sha256,
        create_time=from_micros(content.recorded_at),
    )


# -- uploads -----------------------------------------------------------------------------------


def _upload(uploading: Uploading) -> ClientStream:
    def target(request: Any) -> Target:
        found = target_of_owner(request.start.parent)
        return replace(found, request_id=request.start.request_id)

    def prepare(request: Any, problems: Problems) -> Start | None:
        if request.WhichOneof("step") != "start":
            raise errors.out_of_sequence()
        if problems:
            return None
        start = request.start
        return Start(
            parse_owner(start.parent),
            start.page,
            _TYPES[start.content_type],
            start.size,
            start.request_id,
            start.offset,
        )

    async def handle(call: Call, start: Start, further: AsyncIterator[Any]) -> Any:
        upload = await uploading.begin(call, start)
        call.touched(resource=str(start.name))
        if upload.stored is not None:
            # It was answered before: what its caller sends again is not needed.
            return _uploaded(upload.stored)
        try:
            async for request in further:
                step = request.WhichOneof("step")
                if step == "part":
                    _check_part(request.part)
                    await uploading.take(upload, request.part.offset, request.part.data)
                elif step == "finish":
                    await _nothing_behind(further)
                    stored = await uploading.finish(call, upload, request.finish.sha256)
                    return _uploaded(stored)
                else:
                    raise errors.out_of_sequence()
        finally:
            await uploading.break_off(upload)
        raise errors.unfinished()

    return ClientStream(Action.CONTENTS_UPLOAD, pb.UploadDocumentRequest, target, prepare, handle)


def _uploaded(stored: StoredContent) -> pb.UploadDocumentResponse:
    return pb.UploadDocumentResponse(content=to_proto(stored))


def _check_part(part: Any) -> None:
    """What the contract says of a part, looked at by hand: to validate as much by rule takes longer
    than to seal it."""
    if not 0 < len(part.data) <= _PART_BYTES:
        raise errors.part_size(_PART_BYTES)


async def _nothing_behind(further: AsyncIterator[Any]) -> None:
    async for _ in further:
        raise errors.out_of_sequence()


def target_of_owner(text: str) -> Target:
    """What the name of a document or a transaction is about; nothing else has contents."""
    try:
        parse_owner(text)
    except InvalidName:
        return Target()
    return target_of(text)


def _progress(uploading: Uploading) -> Unary:
    def target(request: Any) -> Target:
        return replace(target_of_owner(request.parent), request_id=request.request_id)

    def prepare(
        request: Any, problems: Problems
    ) -> tuple[DocumentName | TransactionName, str] | None:
        return None if problems else (parse_owner(request.parent), request.request_id)

    async def handle(call: Call, asked: tuple[DocumentName | TransactionName, str]) -> Any:
        found = await uploading.progress(call, *asked)
        answer = pb.GetUploadResponse(received=found.received, size=found.size)
        if found.stored is not None:
            answer.content.CopyFrom(to_proto(found.stored))
        else:
            answer.expire_time.CopyFrom(from_micros(found.kept_until))
        return answer

    return Unary(Action.CONTENTS_PROGRESS, pb.GetUploadRequest, target, prepare, handle)


# -- downloads ---------------------------------------------------------------------------------


@dataclass(slots=True)
class _Asked:
    """A content that was asked for, and what is given out of it once that is known."""

    name: ContentName
    version: int
    offset: int
    length: int
    field: str = ""
    download: Download | None = None


def _download(u: ContentUseCases) -> ServerStream:
    def prepare(request: Any, problems: Problems) -> _Asked | None:
        if problems:
            return None
        name = ContentName.parse(request.name)
        return _Asked(name, request.version, request.offset, request.length)

    async def begin(call: Call, asked: _Asked) -> None:
        asked.field = u.lending.openings.require_content(call, _kind(asked.name.owner))
        download = await u.downloading.find(
            call, asked.name, asked.version, asked.offset, asked.length
        )
        asked.download = download
        call.phase = Phase.OPENED
        stored = download.stored
        await u.lending.notice(call, asked.name.customer)
        await u.downloading.open(
            call,
            replace(
                call.trace,
                fields=(asked.field,),
                resources=(_version_name(stored),),
                count=1,
            ),
        )

    async def handle(call: Call, asked: _Asked) -> AsyncIterator[pb.DownloadDocumentResponse]:
        download = asked.download
        if download is None:
            raise AssertionError("a download is begun before it is carried out")
        offset, first = download.start, True
        async for piece in u.downloading.given(call, download):
            answer = pb.DownloadDocumentResponse(offset=offset, data=piece)
            if first:
                answer.content.CopyFrom(to_proto(download.stored))
                first = False
            offset += len(piece)
            yield answer

    return ServerStream(
        Action.CONTENTS_DOWNLOAD,
        pb.DownloadDocumentRequest,
        with_purpose(target_of_content, "name"),
        prepare,
        handle,
        begin,
    )


def _listing(u: ContentUseCases) -> Unary:
    def prepare(request: Any, problems: Problems) -> tuple[Any, int] | None:
        after = read_token(request, request.page_token, problems, number=True)
        return None if problems else (request, int(after or 0))

    async def handle(call: Call, asked: tuple[Any, int]) -> pb.ListContentsResponse:
        request, after = asked
        owner = parse_owner(request.parent)
        path = u.lending.openings.require_content(call, _kind(owner))
        limit = page_size(request.page_size)
        found = await u.downloading.listing(call, owner, after, limit + 1)
        kept = found[:limit]
        done = replace(
            call.trace,
            fields=(path,) if kept else (),
            resources=tuple(map(_version_name, kept)),
            count=len(kept),
        )
        await u.lending.finish(call, owner.customer, [], done)
        token = make_token(request, str(kept[-1].page)) if len(found) > limit else ""
        return pb.ListContentsResponse(contents=map(to_proto, kept), next_page_token=token)

    return Unary(
        Action.CONTENTS_LIST,
        pb.ListContentsRequest,
        with_purpose(target_of_owner, "parent"),
        prepare,
        handle,
    )


def _kind(owner: DocumentName | TransactionName) -> str:
    return "identity_document" if isinstance(owner, DocumentName) else "transaction"


def _version_name(content: StoredContent) -> str:
    """A version of a content, as events name it."""
    return f"{relative(content.name)}@{content.version}"
