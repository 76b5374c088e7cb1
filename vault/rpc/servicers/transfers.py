"""The transfers service: customers' files that go to another vault, or come from one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import Message

from recordsvault.bundles.v1 import transfers_pb2 as pb
from vault.access import Action
from vault.bundles.transfer import KIND
from vault.records import Customer, CustomerName, Relationship
from vault.records.validation import Violation, validate_customer
from vault.rpc.methods import ClientStream, Method, ServerStream, Target, Unary, table
from vault.rpc.names import target_of, target_of_parent
from vault.rpc.opened import Openings
from vault.rpc.paging import make_token, page_size, read_token
from vault.rpc.problems import Problems
from vault.rpc.servicers.bundles import recipient_of
from vault.rpc.servicers.exports import names_of, require_opened, told
from vault.rpc.servicers.targets import with_purpose
from vault.rpc.translate.common import from_micros
from vault.services.call import Call
from vault.services.exports import Export, Selection
from vault.services.sealer import resource_name
from vault.services.transferring import (
    Acknowledging,
    Arriving,
    Entry,
    Keeping,
    Leaving,
    Received,
    Showing,
)
from vault.services.transferring.errors import BundleOutOfOrder
from vault.store.transfers import ArrivalRow, DepartureRow, OriginRow

_PART_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class TransferUseCases:
    """What the methods are built on."""

    leaving: Leaving
    arriving: Arriving
    acknowledging: Acknowledging
    showing: Showing
    openings: Openings


def methods(u: TransferUseCases) -> dict[str, Method]:
    """The methods by full path."""
    return table(
        pb.DESCRIPTOR.services_by_name["Transfers"],
        {
            "TransferFiles": _leave(u),
            "ReceiveFile": _receive(u.arriving),
            "AcknowledgeTransfer": _acknowledge(u.acknowledging),
            "GetTransfer": _show(u.showing),
        },
    )


def _leave(u: TransferUseCases) -> ServerStream:
    def prepare(request: Any, problems: Problems) -> Export | None:
        recipient = recipient_of(request.recipient, "recipient", problems)
        institution = target_of_parent(request.parent).institution
        named = names_of(request, institution, problems)
        if named is None or recipient is None:
            return None
        return Export(institution, Selection(), recipient, *named, KIND)

    async def begin(call: Call, export: Export) -> None:
        require_opened(u.openings, call, export.selection)
        await u.leaving.begin(call, export)

    async def handle(call: Call, export: Export) -> AsyncIterator[pb.TransferFilesResponse]:
        async for part in u.leaving.write(call, export):
            yield told(part, pb.TransferFilesResponse)

    return ServerStream(
        Action.FILES_TRANSFER,
        pb.TransferFilesRequest,
        with_purpose(target_of_parent, "parent"),
        prepare,
        handle,
        begin,
    )


def _receive(arriving: Arriving) -> ClientStream:
    def target(request: Any) -> Target:
        return target_of_parent(request.start.parent)

    def prepare(request: Any, problems: Problems) -> Entry | None:
        if request.WhichOneof("step") != "start":
            raise BundleOutOfOrder
        start: pb.ReceiveStart = request.start
        if not start.reason.strip():
            problems.add("start.reason", "REQUIRED", "must say why", "必须说明理由")
        with problems.under("start"):
            problems.extend(_of_keeping(start))
        if problems:
            return None
        return Entry(
            target_of_parent(start.parent).institution,
            CustomerName.parse(start.origin),
            start.origin_log,
            start.manifest_sha256,
            start.size,
            Keeping(start.branch, start.custodian, start.customer_number, start.reason.strip()),
            start.beside_existing,
        )

    async def handle(call: Call, entry: Entry, further: AsyncIterator[Any]) -> Message:
        coming = await arriving.begin(call, entry)
        try:
            if coming.spool is not None:
                async for request in further:
                    part = request.part
                    if request.WhichOneof("step") != "part" or len(part.data) > _PART_BYTES:
                        raise BundleOutOfOrder
                    await arriving.take(coming, part.offset, part.data)
            return _received(await arriving.finish(call, coming))
        finally:
            await arriving.break_off(coming)

    return ClientStream(Action.TRANSFERS_RECEIVE, pb.ReceiveFileRequest, target, prepare, handle)


def _of_keeping(start: pb.ReceiveStart) -> list[Violation]:
    """What is wrong with what the version that is added here will say."""
    said = Customer(
        customer_number=start.customer_number,
        branch=start.branch,
        change_reason=start.reason,
        relationship=Relationship(custodian=start.custodian),
    )
    mine = ("customer_number", "branch", "change_reason", "relationship")
    return [one for one in validate_customer(said) if one.field.startswith(mine)]


def _received(done: Received) -> pb.ReceiveFileResponse:
    return pb.ReceiveFileResponse(
        name=done.name,
        acknowledgement=done.note,
        records=done.records,
        warnings=[pb.ReceiveWarning(reason=one.reason, where=one.where) for one in done.warned],
        repeated=done.repeated,
    )


def _acknowledge(acknowledging: Acknowledging) -> Unary:
    def prepare(request: Any, problems: Problems) -> tuple[CustomerName, bytes] | None:
        if problems:
            return None
        return CustomerName.parse(request.name), request.acknowledgement

    async def handle(call: Call, asked: tuple[CustomerName, bytes]) -> Message:
        row = await acknowledging.acknowledge(call, *asked)
        return pb.AcknowledgeTransferResponse(departure=_departure(row))

    return Unary(
        Action.TRANSFERS_ACKNOWLEDGE,
        pb.AcknowledgeTransferRequest,
        lambda request: target_of(request.name),
        prepare,
        handle,
    )


def _show(showing: Showing) -> Unary:
    def prepare(request: Any, problems: Problems) -> tuple[Any, int] | None:
        skip = read_token(request, request.page_token, problems, number=True)
        return None if problems else (request, int(skip or 0))

    async def handle(call: Call, asked: tuple[Any, int]) -> Message:
        request, skip = asked
        limit = page_size(request.page_size)
        found = await showing.show(call, CustomerName.parse(request.name), skip, limit + 1)
        kept = found.origins[:limit]
        call.touched(count=len(kept))
        answer = pb.GetTransferResponse(
            departures=[] if skip else map(_departure, found.departures),
            origins=map(_origin, kept),
        )
        if found.arrival is not None and not skip:
            answer.arrival.CopyFrom(_arrival(found.arrival))
        if len(found.origins) > limit:
            answer.next_page_token = make_token(request, str(skip + limit))
        return answer

    return Unary(
        Action.TRANSFERS_GET,
        pb.GetTransferRequest,
        lambda request: target_of(request.name),
        prepare,
        handle,
    )


def _departure(row: DepartureRow) -> pb.Departure:
    return pb.Departure(
        recipient=row.recipient,
        manifest_sha256=row.manifest_sha256,
        record_time=from_micros(row.recorded_at),
        recorded_by=row.recorded_by,
        received_as=row.received_as,
        acknowledgement=row.note,
    )


def _arrival(row: ArrivalRow) -> pb.Arrival:
    return pb.Arrival(
        origin=row.origin,
        origin_log=row.origin_log,
        manifest_sha256=row.manifest_sha256,
        record_time=from_micros(row.recorded_at),
        recorded_by=row.recorded_by,
        acknowledgement=row.note,
    )


def _origin(row: OriginRow) -> pb.Origin:
    return pb.Origin(
        name=resource_name(row.institution, row.customer, row.record),
        version=row.version,
        record_time=from_micros(row.recorded_at),
        recorded_by=row.recorded_by,
    )
