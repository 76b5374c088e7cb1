"""The audit service's proofs: of an entry, of growth, of a report; and the tree as files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

from google.protobuf.message import Message

from recordsvault.audit.v1 import audit_pb2 as pb
from vault.access import Action
from vault.audit import EventFilter
from vault.rpc.methods import Method, ServerStream, Target, Unary
from vault.rpc.names import target_of_parent
from vault.rpc.problems import Problems
from vault.rpc.translate.events import entry, reported
from vault.services.archiving import Archiving
from vault.services.call import Call
from vault.services.exporting import Exporting
from vault.services.proving import Proving
from vault.services.reporting import Reporting, ReportLine

_MESSAGE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ProvingUseCases:
    """What the methods stand on."""

    proving: Proving
    exporting: Exporting
    reporting: Reporting
    archiving: Archiving


def methods(use: ProvingUseCases) -> dict[str, Method]:
    """The methods by name, for the table of the audit service."""

    async def proof(call: Call, index: int) -> Message:
        return pb.GetProofResponse(proof=await use.proving.proof(call, index))

    async def checkpoint(call: Call, since: int) -> Message:
        latest = await use.proving.checkpoint(call, since)
        return pb.GetCheckpointResponse(
            checkpoint=latest.note.decode(),
            consistency=latest.consistency,
            verifier_keys=[key.vkey for key in latest.keys],
        )

    async def export(call: Call, have: int) -> AsyncIterator[Message]:
        async for size, file in use.exporting.files(call, have):
            yield pb.ExportTilesResponse(path=file.path, data=file.data, size=size)

    def prepare_report(request: pb.ReportAccessRequest, problems: Problems) -> EventFilter:
        return reported(target_of_parent(request.parent).institution, request, problems)

    async def report(call: Call, wanted: EventFilter) -> AsyncIterator[Message]:
        async for lines in use.reporting.lines(call, wanted):
            for batch in _batches(lines):
                yield pb.ReportAccessResponse(
                    lines=[pb.ReportLine(entry=entry(x.event), proof=x.proof) for x in batch]
                )

    async def archive(call: Call, before: int) -> AsyncIterator[Message]:
        async for done in use.archiving.run(call, before):
            yield pb.ArchiveEventsResponse(
                moved=done.moved, total=done.total, archived=done.archived, bytes=done.bytes
            )

    return {
        "GetProof": Unary(
            Action.PROOFS_GET, pb.GetProofRequest, _whole_vault, lambda r, _: r.index, proof
        ),
        "GetCheckpoint": Unary(
            Action.CHECKPOINTS_GET,
            pb.GetCheckpointRequest,
            _whole_vault,
            lambda r, _: r.since_size,
            checkpoint,
        ),
        "ExportTiles": ServerStream(
            Action.TILES_EXPORT,
            pb.ExportTilesRequest,
            _whole_vault,
            lambda r, _: r.have_size,
            export,
        ),
        "ArchiveEvents": ServerStream(
            Action.LOG_ARCHIVE,
            pb.ArchiveEventsRequest,
            _whole_vault,
            lambda r, _: r.before_time.ToMicroseconds(),
            archive,
        ),
        "ReportAccess": ServerStream(
            Action.AUDIT_REPORT,
            pb.ReportAccessRequest,
            lambda r: target_of_parent(r.parent),
            prepare_report,
            report,
        ),
    }


def _whole_vault(_request: Message) -> Target:
    return Target()


def _batches(lines: Sequence[ReportLine]) -> Iterator[list[ReportLine]]:
    """The lines in turn, no more than a message should carry, since an entry has its leaf twice."""
    batch: list[ReportLine] = []
    size = 0
    for line in lines:
        length = len(line.event.leaf) + len(line.proof)
        if batch and size + length > _MESSAGE_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += length
    if batch:
        yield batch
