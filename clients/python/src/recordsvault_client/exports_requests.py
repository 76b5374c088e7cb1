"""What both clients ask of exports: requests out of arguments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from recordsvault.bundles.v1 import bundles_pb2 as bp
from recordsvault.bundles.v1 import exports_pb2 as pb
from recordsvault_client.evidence_requests import Recipient
from recordsvault_masked.purposes import purpose_of
from recordsvault_masked.requests import timestamp


@dataclass(frozen=True, slots=True)
class FileSelection:
    """What of a customer's file is wanted: `parts` of "documents", "transactions" and "contents",
    all if left out; of transactions those booked from `booked_from` on and before `booked_to`."""

    parts: Sequence[str] = ()
    booked_from: datetime | None = None
    booked_to: datetime | None = None

    def message(self) -> pb.FileSelection:
        """As the contract has it. Raises ValueError for a part that there is not."""
        return pb.FileSelection(
            parts=[pb.FilePart.Value(f"FILE_PART_{one.upper()}") for one in self.parts],
            booked_from=timestamp(self.booked_from),
            booked_to=timestamp(self.booked_to),
        )


WHOLE = FileSelection()
"""All of a file."""


def production(
    name: str,
    recipient: Recipient,
    purpose: str | int,
    case_reference: str,
    check_out: str,
    selection: FileSelection,
) -> pb.ProduceFileRequest:
    """The request for one file."""
    return pb.ProduceFileRequest(
        name=name,
        purpose=purpose_of(purpose),
        case_reference=case_reference,
        check_out=check_out,
        recipient=bp.Recipient(x25519=recipient.x25519, ml_kem_768=recipient.ml_kem_768),
        selection=selection.message(),
    )


def export(
    parent: str,
    recipient: Recipient,
    purpose: str | int,
    case_reference: str,
    check_out: str,
    selection: FileSelection,
    customers: Sequence[str],
    after: str,
) -> pb.ExportFilesRequest:
    """The request for many."""
    return pb.ExportFilesRequest(
        parent=parent,
        purpose=purpose_of(purpose),
        case_reference=case_reference,
        check_out=check_out,
        recipient=bp.Recipient(x25519=recipient.x25519, ml_kem_768=recipient.ml_kem_768),
        selection=selection.message(),
        customers=customers,
        after=after,
    )
