"""The exports service: customers' files that leave the vault, each sealed to one recipient."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from google.protobuf.message import Message

from recordsvault.bundles.v1 import exports_pb2 as pb
from vault.access import Action
from vault.bundles import Recipient
from vault.records import CustomerName, first_ulid
from vault.rpc.methods import Method, ServerStream, table
from vault.rpc.names import target_of, target_of_parent
from vault.rpc.opened import Openings
from vault.rpc.problems import Problems
from vault.rpc.servicers.bundles import recipient_of
from vault.rpc.servicers.reads import Lending
from vault.rpc.servicers.targets import with_purpose
from vault.rpc.translate.common import to_millis
from vault.services.call import Call
from vault.services.exports import (
    Export,
    ExportPart,
    FilesExport,
    Producing,
    Production,
    Selection,
)

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class ExportUseCases:
    """What the methods are built on."""

    producing: Producing
    exporting: FilesExport
    lending: Lending


def methods(u: ExportUseCases) -> dict[str, Method]:
    """The methods by full path."""
    service = pb.DESCRIPTOR.services_by_name["Exports"]
    return table(service, {"ProduceFile": _produce(u), "ExportFiles": _export(u)})


@dataclass(slots=True)
class _Asked:
    """A file that was asked for, and what is given out of it once it may be."""

    name: CustomerName
    selection: Selection
    recipient: Recipient
    made: Production | None = field(default=None, repr=False)


def _produce(u: ExportUseCases) -> ServerStream:
    def prepare(request: Any, problems: Problems) -> _Asked | None:
        recipient = recipient_of(request.recipient, "recipient", problems)
        selection = selection_of(request.selection, problems)
        if problems or recipient is None:
            return None
        return _Asked(CustomerName.parse(request.name), selection, recipient)

    async def begin(call: Call, asked: _Asked) -> None:
        require_opened(u.lending.openings, call, asked.selection)
        await u.lending.notice(call, asked.name.customer)
        asked.made = await u.producing.begin(call, asked.name, asked.selection, asked.recipient)

    async def handle(call: Call, asked: _Asked) -> AsyncIterator[pb.ProduceFileResponse]:
        made = asked.made
        if made is None:
            raise AssertionError("a file is begun before it is written")
        if made.merged:
            yield pb.ProduceFileResponse(merged_files=made.merged)
        async for data in u.producing.write(call, made):
            yield pb.ProduceFileResponse(data=data)

    return ServerStream(
        Action.FILES_PRODUCE,
        pb.ProduceFileRequest,
        with_purpose(target_of, "name"),
        prepare,
        handle,
        begin,
    )


def _export(u: ExportUseCases) -> ServerStream:
    def prepare(request: Any, problems: Problems) -> Export | None:
        recipient = recipient_of(request.recipient, "recipient", problems)
        selection = selection_of(request.selection, problems)
        institution = target_of_parent(request.parent).institution
        named = names_of(request, institution, problems)
        if named is None or recipient is None:
            return None
        return Export(institution, selection, recipient, *named)

    async def begin(call: Call, export: Export) -> None:
        # Of what would open nothing to him, nothing is used up.
        require_opened(u.lending.openings, call, export.selection)
        await u.exporting.begin(call, export)

    async def handle(call: Call, export: Export) -> AsyncIterator[pb.ExportFilesResponse]:
        async for part in u.exporting.write(call, export):
            yield told(part, pb.ExportFilesResponse)

    return ServerStream(
        Action.FILES_EXPORT,
        pb.ExportFilesRequest,
        with_purpose(target_of_parent, "parent"),
        prepare,
        handle,
        begin,
    )


def selection_of(message: Any, problems: Problems) -> Selection:
    """What of a file is wanted; with a problem for a period that has no time in it."""
    parts = set(message.parts) or set(pb.FilePart.values())
    start, end = message.booked_from, message.booked_to
    bounded = message.HasField("booked_from"), message.HasField("booked_to")
    if all(bounded) and (start.seconds, start.nanos) >= (end.seconds, end.nanos):
        problems.add(
            "selection.booked_to",
            "CONTRADICTION",
            "must be later than booked_from",
            "必须晚于 booked_from",
        )
    return Selection(
        pb.FILE_PART_DOCUMENTS in parts,
        pb.FILE_PART_TRANSACTIONS in parts,
        pb.FILE_PART_CONTENTS in parts,
        first_ulid(to_millis(start)) if bounded[0] else "",
        first_ulid(to_millis(end)) if bounded[1] else "~",
        (
            start.ToJsonString() if bounded[0] else "",
            end.ToJsonString() if bounded[1] else "",
        ),
    )


def names_of(
    request: Any, institution: str, problems: Problems
) -> tuple[tuple[str, ...], str] | None:
    """The identifiers of the customers whose files are wanted, in order, and of the one to go on
    behind; None where there are problems."""
    named = [("after", request.after)] if request.after else []
    named += [(f"customers[{n}]", one) for n, one in enumerate(request.customers)]
    for path, one in named:
        if target_of(one).institution not in ("", institution):
            problems.add(
                path,
                "OTHER_PARENT",
                "must belong to the institution of the parent",
                "必须属于所述机构",
            )
    if problems:
        return None
    names = sorted(CustomerName.parse(one).customer for one in request.customers)
    return tuple(names), CustomerName.parse(request.after).customer if request.after else ""


def told(part: ExportPart, answer: type[M]) -> M:
    """What leaves next, as the answer of an RPC whose fields are those of a part."""
    return answer(**{one.name: getattr(part, one.name) for one in fields(part)})


def require_opened(openings: Openings, call: Call, selection: Selection) -> None:
    """Make sure that all of what is wanted is opened to the call. Raises FieldsClosed,
    NothingOpened."""
    for kind in selection.kinds:
        openings.require_fields(call, kind)
    for kind in selection.kinds_with_content:
        openings.require_content(call, kind)
