"""What both clients send of transfers: requests out of arguments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

from recordsvault.bundles.v1 import bundles_pb2 as bp
from recordsvault.bundles.v1 import transfers_pb2 as pb
from recordsvault_client.evidence_requests import Recipient
from recordsvault_masked.purposes import purpose_of

_PART_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class ArrivingFile:
    """A file that comes, as its bundle's manifest says it, and who keeps it here: `origin` is its
    name and `origin_log` the log there, `manifest_sha256` the manifest's digest."""

    origin: str
    origin_log: str
    manifest_sha256: bytes
    branch: str
    custodian: str
    customer_number: str
    reason: str
    beside_existing: bool = False


def handing_over(
    parent: str,
    recipient: Recipient,
    purpose: str | int,
    case_reference: str,
    check_out: str,
    customers: Sequence[str],
    after: str,
) -> pb.TransferFilesRequest:
    """The request of files that go."""
    return pb.TransferFilesRequest(
        parent=parent,
        purpose=purpose_of(purpose),
        case_reference=case_reference,
        check_out=check_out,
        recipient=bp.Recipient(x25519=recipient.x25519, ml_kem_768=recipient.ml_kem_768),
        customers=customers,
        after=after,
    )


def taking_in(
    parent: str, file: ArrivingFile, bundle: BinaryIO, size: int
) -> Iterator[pb.ReceiveFileRequest]:
    """The messages of a file that comes, as they are wanted."""
    yield pb.ReceiveFileRequest(
        start=pb.ReceiveStart(
            parent=parent,
            origin=file.origin,
            origin_log=file.origin_log,
            manifest_sha256=file.manifest_sha256,
            size=size,
            branch=file.branch,
            custodian=file.custodian,
            customer_number=file.customer_number,
            reason=file.reason,
            beside_existing=file.beside_existing,
        )
    )
    offset = 0
    while data := bundle.read(_PART_BYTES):
        yield pb.ReceiveFileRequest(part=pb.ReceivePart(offset=offset, data=data))
        offset += len(data)
