"""Who may call what: the whole matrix over the wire, and what is asked of a full read."""

import itertools
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.type.v1 import purpose_pb2
from tests.e2e import people, rpc_matrix
from tests.e2e.print_matrix import PAGE
from tests.e2e.rpc_matrix import CALLERS, SERVICES, Bank, Cell
from tests.e2e.wire import LogBook, Refused, refusal
from tests.support.running_vault import OWN, STRANGER, RunningVault
from vault.audit import AuditEvent, Decision, Phase
from vault.server.settings import TierName

PROMISED = Path(__file__).with_name("promised_rpcs.txt").read_text(encoding="utf-8")


@cache
def promised() -> dict[tuple[TierName, str, str], str]:
    """The table that a person wrote: cell by tier, RPC and role."""
    out = {}
    lines = [line for line in PROMISED.splitlines() if not line.startswith("#")]
    for tier in TierName:
        start = next(n for n, line in enumerate(lines) if line.startswith(tier.value + " "))
        rows = [line.split() for line in itertools.takewhile(str.strip, lines[start:])]
        for row in rows[1:]:
            for role, cell in zip(rows[0][1:], row[1:], strict=True):
                out[tier, row[0], role] = cell
    return out


# What the requests that rpc_matrix.py makes run into when they are let in.
_PAST_ACCESS = {
    "AccessAdmin/ApproveProposal": "ABORTED",
    "AccessAdmin/RejectProposal": "ABORTED",
    **{
        f"Access/{verb}": "NOT_FOUND"
        for verb in (
            "ApproveCheckOut DenyCheckOut ReturnCheckOut RevokeCheckOut RenewCheckOut GetCheckOut "
            "ReviewBreakGlass"
        ).split()
    },
    "Admin/AcknowledgeRecovery": "FAILED_PRECONDITION",
    # There is none; and of the upload that was begun nothing further came.
    "KeyAdmin/GetKeyStep": "NOT_FOUND",
    "KeyAdmin/WithdrawKeyStep": "NOT_FOUND",
    # A file with itself, one that stands for itself, and a proposal of something else.
    "Merges/ProposeMerge": "FAILED_PRECONDITION",
    "Merges/ProposeUnmerge": "FAILED_PRECONDITION",
    "Merges/ApproveMerge": "NOT_FOUND",
    # No other vault's log is trusted.
    "Transfers/ReceiveFile": "FAILED_PRECONDITION",
    "Transfers/AcknowledgeTransfer": "FAILED_PRECONDITION",
    # There is none.
    "SubjectRequests/GetSubjectRequest": "NOT_FOUND",
    "SubjectRequests/ExtendSubjectRequest": "NOT_FOUND",
    "SubjectRequests/CloseSubjectRequest": "NOT_FOUND",
    "SubjectRequests/ReportUse": "NOT_FOUND",
    # Nothing is due, and nothing was planned, proposed or held.
    "Retention/PlanDisposal": "FAILED_PRECONDITION",
    "Retention/GetDisposal": "NOT_FOUND",
    "Retention/ListDisposalItems": "NOT_FOUND",
    "Retention/ApproveDisposal": "NOT_FOUND",
    "Retention/ExecuteDisposal": "NOT_FOUND",
    "Retention/GetDisposalCertificate": "NOT_FOUND",
    "Retention/ApproveRules": "NOT_FOUND",
    "Holds/PlaceHold": "FAILED_PRECONDITION",
    "Holds/ProposeHoldRelease": "NOT_FOUND",
    "Holds/AgreeHoldRelease": "NOT_FOUND",
    "Records/GetUpload": "NOT_FOUND",
    "Records/DownloadDocument": "NOT_FOUND",
    "Records/UploadDocument": "INVALID_ARGUMENT",
    # Nobody is one by that name, and by then the compartment is closed.
    "Compartments/RemoveMember": "FAILED_PRECONDITION",
    "Compartments/AddItem": "FAILED_PRECONDITION",
    "Compartments/AgreeMember": "ABORTED",
}


def expected(cell: Cell) -> str:
    """What the table says of a call."""
    word = promised()[cell.tier, cell.rpc, cell.role]
    if cell.role == "stranger":
        return "UNAUTHENTICATED"
    if word == "any" or (word == "own" and cell.institution == OWN):
        if cell.rpc in _PAST_ACCESS:
            return _PAST_ACCESS[cell.rpc]
        return "ABORTED" if "/Update" in cell.rpc else "OK"
    return "PERMISSION_DENIED"


@pytest.fixture(scope="module")
def observed(vault: RunningVault, log: LogBook) -> dict[Cell, str]:
    """What every role got for every RPC. Each call is looked up in the log as well."""
    banks = rpc_matrix.furnish(vault)
    position = log.size()

    def check(cell: Cell, code: str) -> None:
        nonlocal position
        if "/Watch" in cell.rpc and code == "OK":
            log.wait_for(lambda e: e.phase is Phase.CLOSED, position)
        events = log.since(position)
        position += len(events)
        if cell.rpc.endswith("/SearchMaskedCustomers") and code == "OK":
            # The full tier's event of the same search, tested elsewhere.
            events = [e for e in events if e.action != "internal.index.lookup"]
        if cell.rpc == "Access/BreakGlass" and code == "OK":
            # Which rings before it answers, tested elsewhere too.
            assert [e.action for e in events[:1]] == ["watch.alert"]
            events = events[1:]
        _check_events(cell, code, events)

    return rpc_matrix.observe(vault, banks, check)


def _check_events(cell: Cell, code: str, events: list[AuditEvent]) -> None:
    phases = [e.phase for e in events]
    if code in ("OK", "ABORTED", "FAILED_PRECONDITION", "NOT_FOUND", "INVALID_ARGUMENT"):
        assert {e.decision for e in events} == {Decision.ALLOWED}, cell
        whole = (phases == [Phase.CALL]) or (phases[0], phases[-1]) == (
            Phase.OPENED,
            Phase.CLOSED,
        )
        assert whole, (cell, phases)
    else:
        assert phases == [Phase.CALL], cell
        denied = Decision.DENIED if code == "PERMISSION_DENIED" else Decision.UNAUTHENTICATED
        assert (events[0].decision, events[0].outcome) == (denied, code), cell
    assert {e.actor for e in events} == {"" if cell.role == "stranger" else CALLERS[cell.role]}, (
        cell
    )
    assert {e.tier for e in events} == {cell.tier.value}


@pytest.mark.parametrize("role", CALLERS)
def test_every_role_gets_what_the_table_promises(observed: dict[Cell, str], role: str) -> None:
    differs = [
        (cell, code, expected(cell))
        for cell, code in observed.items()
        if cell.role == role and code != expected(cell)
    ]
    assert differs == []


def test_the_table_speaks_of_every_rpc_that_the_tiers_serve(vault: RunningVault) -> None:
    for tier in TierName:
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(vault.channel("operator", tier))
        ask = reflection_pb2.ServerReflectionRequest(list_services="")
        (answer,) = stub.ServerReflectionInfo(iter([ask]))
        served = {s.name for s in answer.list_services_response.service}
        assert served == {s.full_name for s in SERVICES[tier]}
        table = {rpc for t, rpc, _ in promised() if t is tier}
        assert table == {rpc for rpc, _ in rpc_matrix.rpcs(tier)}


def test_the_page_of_the_matrix_is_level_with_what_the_vault_answers(
    observed: dict[Cell, str],
) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == rpc_matrix.render(observed), "run: python -m tests.e2e.print_matrix"


# -- full reads ----------------------------------------------------------------------------------

PURPOSES = {n.removeprefix("PURPOSE_"): v for n, v in purpose_pb2.Purpose.items()}
# By hand: what a back end and what compliance opens a record for; `case` with a reference only.
INGESTOR = {"CUSTOMER_SERVICE", "ONBOARDING_CDD", "DATA_QUALITY", "SYSTEM_OPERATION"}
COMPLIANCE = {
    "ONBOARDING_CDD",
    "ENHANCED_DUE_DILIGENCE",
    "TRANSACTION_MONITORING",
    "DATA_SUBJECT_REQUEST",
    "INTERNAL_AUDIT",
    "DATA_QUALITY",
}
WITH_CASE = {"SUSPICIOUS_ACTIVITY_INVESTIGATION", "REGULATOR_REQUEST", "JUDICIAL_REQUEST"}


@pytest.fixture(scope="module")
def bank(vault: RunningVault) -> Bank:
    """Something to read."""
    return rpc_matrix.furnish(vault)[OWN]


def reads(vault: RunningVault, who: str, bank: Bank, purpose: int, case: str) -> list[Any]:
    """Every full read that a role may have, ready to be called; an export it has by no purpose, and
    of a download test_contents.py tells."""
    out = []
    stub = vault.records(who)
    for rpc, method in rpc_matrix.rpcs(TierName.FULL):
        request: Any = rpc_matrix.request_for(method, bank)
        if not rpc.startswith("Records/") or "purpose" not in request.DESCRIPTOR.fields_by_name:
            continue
        if method.server_streaming:
            assert rpc in ("Records/ExportCustomers", "Records/DownloadDocument")
            continue
        request.purpose, request.case_reference = purpose, case
        out.append(partial(getattr(stub, rpc.partition("/")[2]), request))
    assert len(out) == 9
    return out


def answer(call: Callable[[], object]) -> str:
    try:
        call()
    except Exception:
        found: Refused = refusal(call)
        assert found.code == "PERMISSION_DENIED"
        assert found.en and found.zh and found.metadata.keys() == {"policies"}
        return found.reason
    return "OK"


@pytest.mark.parametrize("purpose", [p for p in PURPOSES if p != "UNSPECIFIED"])
@pytest.mark.parametrize("who", ["backend", "compliance"])
def test_a_full_read_is_for_a_purpose_that_the_role_has(
    vault: RunningVault, bank: Bank, who: str, purpose: str
) -> None:
    mine = INGESTOR if who == "backend" else COMPLIANCE
    asks_for_case = purpose in WITH_CASE and who == "compliance"
    for case in ("", "CASE-7"):
        if purpose in mine or (asks_for_case and case):
            promise = "OK"
        elif asks_for_case:
            promise = "CASE_REFERENCE_REQUIRED"
        else:
            promise = "PURPOSE_NOT_ALLOWED"
        for read in reads(vault, who, bank, PURPOSES[purpose], case):
            assert answer(read) == promise, (read, case)


@pytest.mark.parametrize("who", ["backend", "compliance"])
def test_a_full_read_without_purpose_is_refused(vault: RunningVault, bank: Bank, who: str) -> None:
    for read in reads(vault, who, bank, purpose_pb2.PURPOSE_UNSPECIFIED, "CASE-7"):
        assert answer(read) == "PURPOSE_REQUIRED"


def test_a_purpose_that_does_not_exist_is_refused(vault: RunningVault, bank: Bank) -> None:
    for read in reads(vault, "compliance", bank, 77, "CASE-7"):
        refused = refusal(read)
        assert refused.code in ("PERMISSION_DENIED", "INVALID_ARGUMENT")


def test_whether_a_record_exists_is_told_to_nobody_who_may_not_read_it(
    vault: RunningVault, bank: Bank
) -> None:
    for who in ("crm", "backend-of-other-bank", STRANGER):
        answers = [
            refusal(
                partial(
                    vault.records(who).GetCustomer,
                    pb.GetCustomerRequest(name=name, purpose=purpose_pb2.PURPOSE_CUSTOMER_SERVICE),
                )
            )
            for name in (bank.customer, f"{people.PARENT}/customers/{'0' * 26}")
        ]
        assert answers[0] == answers[1], who


def test_a_batch_cannot_reach_into_another_bank(vault: RunningVault, bank: Bank) -> None:
    """The parent is one's own; the record inside names another's."""
    theirs = rpc_matrix.furnish(vault)["other-bank"]
    sent = people.booking()
    sent.corrects = theirs.transaction
    refused = refusal(
        partial(
            vault.records().CreateTransaction,
            pb.CreateTransactionRequest(parent=bank.customer, transaction=sent),
        )
    )
    assert refused.fields == {("transaction.corrects", "TARGET_NOT_FOUND")}
