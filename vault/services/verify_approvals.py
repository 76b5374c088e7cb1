"""Beside the database, for whoever verifies a vault: each version of a proposal is one that the
full tier has signed, and each approved one stands where it was put."""

from __future__ import annotations

from collections.abc import Iterator

from vault.audit.findings import Finding, Kind
from vault.services.proposal_signing import NotSigned, ProposalVerifier
from vault.store import Database, StoreAltered, proposals
from vault.store.proposals import NOTHING_APPROVED, ApprovedHead, SignedRow


def verify_approvals(database: Database, verifier: ProposalVerifier) -> Iterator[Finding]:
    """Every fault of them, one a row. What the log says of them is looked at elsewhere.

    Raises StoreError.
    """
    head = NOTHING_APPROVED
    try:
        rows = database.read_sync(proposals.every)
        stands = database.read_sync(proposals.read_head)
        for signed in rows:
            if not signed.row.applied:
                yield from _alone(verifier, signed)
                continue
            yield from _approved(verifier, signed, head)
            head = _behind(verifier, signed, head)
    except StoreAltered as error:
        yield Finding(Kind.APPROVAL_CHANGED, "proposals", detail=str(error))
        return
    if stands != head:
        why = "the head is not that of the approved changes that are there"
        yield Finding(Kind.APPROVAL_CHANGED, "approved_head", detail=why)


def _alone(verifier: ProposalVerifier, signed: SignedRow) -> Iterator[Finding]:
    try:
        verifier.alone(signed)
    except NotSigned as fault:
        yield Finding(Kind.APPROVAL_CHANGED, _place(signed), detail=str(fault))


def _approved(
    verifier: ProposalVerifier, signed: SignedRow, before: ApprovedHead
) -> Iterator[Finding]:
    try:
        verifier.approved(signed, before)
    except NotSigned as fault:
        yield Finding(Kind.APPROVAL_CHANGED, _place(signed), detail=str(fault))


def _behind(verifier: ProposalVerifier, signed: SignedRow, before: ApprovedHead) -> ApprovedHead:
    """The head behind a row as it was signed, whatever has become of the row: one that was changed
    is one fault, and not one of each that follows."""
    try:
        signed_as = verifier.head_of(signed.note or b"")
        if signed_as.size == before.size + 1:
            return signed_as
    except NotSigned:
        pass
    return proposals.next_head(before, signed.row)


def _place(signed: SignedRow) -> str:
    return f"institutions/{signed.row.institution}/{signed.row.log_name}"
