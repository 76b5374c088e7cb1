"""Every role calls every RPC of a running vault, in its own bank and in another."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from recordsvault.access.v1 import access_pb2 as lp
from recordsvault.accounts.v1 import accounts_pb2
from recordsvault.admin.v1 import access_admin_pb2 as ap
from recordsvault.admin.v1 import admin_pb2, watch_pb2
from recordsvault.admin.v1 import keys_pb2 as kp
from recordsvault.audit.v1 import audit_pb2
from recordsvault.bundles.v1 import bundles_pb2, exports_pb2, transfers_pb2
from recordsvault.compartments.v1 import compartments_pb2 as cp
from recordsvault.internal.v1 import index_oracle_pb2 as oracle_pb2
from recordsvault.life.v1 import life_pb2, merges_pb2, subjects_pb2
from recordsvault.masked.v1 import masked_pb2 as mp
from recordsvault.records.v1 import content_pb2
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.retention.v1 import retention_pb2 as rp
from recordsvault.type.v1 import content_pb2 as content_type_pb2
from recordsvault.type.v1 import purpose_pb2
from tests.e2e import people
from tests.support.running_vault import OTHER, OWN, STRANGER, RunningVault, other
from vault.access.policy_files import POLICY_FOLDER, read_texts
from vault.rpc.ending import RECEIPT
from vault.server.settings import TierName

CALLERS = {
    "ingestor": "backend",
    "crm_viewer": "crm",
    "compliance": "compliance",
    "investigator": "investigator",
    "security_officer": "officer",
    "access_admin": "keeper",
    "teller": "counter",
    "custodian": "custodian",
    "break_glass": "alarm",
    "operator": "operator",
    "masked_node": "masked-node",
    "stranger": STRANGER,
}
_ADMIN = admin_pb2.DESCRIPTOR.services_by_name["Admin"]
# Generated without types of this protobuf's own.
_STANDARD: tuple[Any, ...] = (
    health_pb2.DESCRIPTOR.services_by_name["Health"],
    reflection_pb2.DESCRIPTOR.services_by_name["ServerReflection"],
)
SERVICES: dict[TierName, tuple[ServiceDescriptor, ...]] = {
    TierName.FULL: (
        pb.DESCRIPTOR.services_by_name["Records"],
        accounts_pb2.DESCRIPTOR.services_by_name["Accounts"],
        bundles_pb2.DESCRIPTOR.services_by_name["Bundles"],
        exports_pb2.DESCRIPTOR.services_by_name["Exports"],
        transfers_pb2.DESCRIPTOR.services_by_name["Transfers"],
        life_pb2.DESCRIPTOR.services_by_name["Life"],
        merges_pb2.DESCRIPTOR.services_by_name["Merges"],
        subjects_pb2.DESCRIPTOR.services_by_name["SubjectRequests"],
        audit_pb2.DESCRIPTOR.services_by_name["Audit"],
        cp.DESCRIPTOR.services_by_name["Compartments"],
        lp.DESCRIPTOR.services_by_name["Access"],
        ap.DESCRIPTOR.services_by_name["AccessAdmin"],
        kp.DESCRIPTOR.services_by_name["KeyAdmin"],
        rp.DESCRIPTOR.services_by_name["Retention"],
        rp.DESCRIPTOR.services_by_name["Holds"],
        watch_pb2.DESCRIPTOR.services_by_name["Watch"],
        oracle_pb2.DESCRIPTOR.services_by_name["IndexOracle"],
        _ADMIN,
        *_STANDARD,
    ),
    TierName.MASKED: (mp.DESCRIPTOR.services_by_name["MaskedRecords"], _ADMIN, *_STANDARD),
}
_POLICIES = [
    ap.PolicyFile(name=name, text=text) for name, text in read_texts(POLICY_FOLDER).items()
]
_RULES = """
name = "tomorrow"
version = 1
jurisdictions = ["CN"]
effective_from = 2099-01-01
[[rule]]
name = "identity"
kind = "identity"
clock = "relationship_end"
minimum_years = 12
source = "a law"
article = "1"
checked = false
"""
# The purpose that every role which reads in full may use.
_PURPOSE = purpose_pb2.PURPOSE_ONBOARDING_CDD


@dataclass(frozen=True)
class Cell:
    """A role's call of an RPC about an institution."""

    tier: TierName
    rpc: str  # Service/Method
    role: str
    institution: str


@dataclass(frozen=True)
class Bank:
    """What there is in a bank to be asked for."""

    parent: str
    customer: str
    document: str
    transaction: str
    compartment: str
    proposal: str


def furnish(vault: RunningVault) -> dict[str, Bank]:
    """A customer, a document, a transaction, a compartment and a proposal in each bank."""
    out = {}
    for institution, who in ((OWN, "backend"), (OTHER, other("backend"))):
        stub, parent = vault.records(who), f"institutions/{institution}"
        customer = stub.CreateCustomer(
            pb.CreateCustomerRequest(parent=parent, customer=people.person())
        ).customer.name
        document = stub.CreateIdentityDocument(
            pb.CreateIdentityDocumentRequest(parent=customer, identity_document=people.passport())
        ).identity_document.name
        transaction = stub.CreateTransaction(
            pb.CreateTransactionRequest(parent=customer, transaction=people.booking())
        ).transaction.name
        out[institution] = Bank(
            parent,
            customer,
            document,
            transaction,
            _compartment(vault, institution, parent),
            _proposal(vault, institution, parent),
        )
    return out


def _compartment(vault: RunningVault, institution: str, parent: str) -> str:
    """One that has a proposal which waits for compliance."""
    stub = vault.compartments("investigator" if institution == OWN else other("investigator"))
    about = cp.Compartment(kind=cp.COMPARTMENT_KIND_HOLD, title="Hold")
    made = stub.CreateCompartment(cp.CreateCompartmentRequest(parent=parent, compartment=about))
    name = made.compartment.name
    stub.AddMember(cp.AddMemberRequest(parent=name, person="p-colleague", agree_by="p-compliance"))
    return name


def _proposal(vault: RunningVault, institution: str, parent: str) -> str:
    who, gone = ("keeper", "crm") if institution == OWN else (other("keeper"), other("crm"))
    request = ap.ProposeDirectoryChangeRequest(
        parent=parent, change=ap.DirectoryChange(remove=[gone]), reason="Left."
    )
    return vault.access_admin(who).ProposeDirectoryChange(request).proposal.name


def rpcs(tier: TierName) -> list[tuple[str, MethodDescriptor]]:
    """Every RPC that the tier's services have by their contracts."""
    return [
        (f"{service.name}/{method.name}", method)
        for service in SERVICES[tier]
        for method in service.methods
    ]


def request_for(method: MethodDescriptor, bank: Bank) -> Message:
    """A good request about a bank. An update names an old version: past access, it is ABORTED; and
    where no log was set back, FAILED_PRECONDITION is the answer to its acknowledgement."""
    person, paper = people.person(), people.passport()
    person.name, person.etag, paper.name, paper.etag = bank.customer, "old", bank.document, "old"
    ready: dict[str, Message] = {
        "CreateCustomer": pb.CreateCustomerRequest(customer=person),
        "BatchCreateCustomers": pb.BatchCreateCustomersRequest(customers=[person]),
        "UpdateCustomer": pb.UpdateCustomerRequest(customer=person),
        "CreateIdentityDocument": pb.CreateIdentityDocumentRequest(identity_document=paper),
        "BatchCreateIdentityDocuments": pb.BatchCreateIdentityDocumentsRequest(
            identity_documents=[paper]
        ),
        "UpdateIdentityDocument": pb.UpdateIdentityDocumentRequest(identity_document=paper),
        "UploadDocument": content_pb2.UploadDocumentRequest(
            start=content_pb2.UploadStart(
                parent=bank.document,
                page=1,
                content_type=content_type_pb2.CONTENT_TYPE_PNG,
                size=100,
                request_id=people.new_id(),
            )
        ),
        "GetUpload": content_pb2.GetUploadRequest(request_id=people.new_id()),
        "CreateTransaction": pb.CreateTransactionRequest(transaction=people.booking()),
        "BatchCreateTransactions": pb.BatchCreateTransactionsRequest(
            transactions=[people.booking()]
        ),
        "CheckAccount": accounts_pb2.CheckAccountRequest(account_number="1"),
        "ReconstructTransaction": bundles_pb2.ReconstructTransactionRequest(
            recipient=bundles_pb2.Recipient(x25519=b"\x09" + bytes(31))
        ),
        "ProduceFile": exports_pb2.ProduceFileRequest(
            recipient=bundles_pb2.Recipient(x25519=b"\x09" + bytes(31))
        ),
        "ExportFiles": exports_pb2.ExportFilesRequest(
            recipient=bundles_pb2.Recipient(x25519=b"\x09" + bytes(31)),
            # No object store is here to read contents from.
            selection=exports_pb2.FileSelection(parts=[exports_pb2.FILE_PART_DOCUMENTS]),
        ),
        "TransferFiles": transfers_pb2.TransferFilesRequest(
            recipient=bundles_pb2.Recipient(x25519=b"\x09" + bytes(31))
        ),
        # No log is trusted here: past access, both are FAILED_PRECONDITION.
        "ReceiveFile": transfers_pb2.ReceiveFileRequest(
            start=transfers_pb2.ReceiveStart(
                parent=bank.parent,
                origin=bank.customer,
                origin_log="nobody.bank/log",
                manifest_sha256=bytes(32),
                size=1,
                branch="B-1",
                custodian="custodian",
                customer_number="N-1",
                reason="Ordered.",
            )
        ),
        "AcknowledgeTransfer": transfers_pb2.AcknowledgeTransferRequest(acknowledgement=b"none"),
        "HandOver": life_pb2.HandOverRequest(
            **{"from": "nobody", "to": "custodian", "reason": "Left."}
        ),
        # With itself: past access, it is FAILED_PRECONDITION.
        "ProposeMerge": merges_pb2.ProposeMergeRequest(into=bank.customer, reason="Twice here."),
        "ProposeUnmerge": merges_pb2.ProposeUnmergeRequest(reason="Not one."),
        "ApproveMerge": merges_pb2.ApproveMergeRequest(etag="0" * 32),
        "FileSubjectRequest": subjects_pb2.FileSubjectRequestRequest(
            parent=bank.customer,
            kind=subjects_pb2.SUBJECT_REQUEST_KIND_ACCESS,
            receive_date=people.day(people.MORNING.date()),
            text="What do you hold of me?",
        ),
        "ExtendSubjectRequest": subjects_pb2.ExtendSubjectRequestRequest(
            etag="0" * 32, text="Long."
        ),
        "CloseSubjectRequest": subjects_pb2.CloseSubjectRequestRequest(
            etag="0" * 32, outcome=subjects_pb2.SUBJECT_REQUEST_OUTCOME_ANSWERED
        ),
        "ImportRecords": pb.ImportRecordsRequest(
            request_id=people.new_id(), items=[pb.ImportItem(new_customer=people.person())]
        ),
        "SearchMaskedCustomers": mp.SearchMaskedCustomersRequest(phone="+8613800138000"),
        "AcknowledgeRecovery": admin_pb2.AcknowledgeRecoveryRequest(incident="a" * 16),
        "ArchiveEvents": audit_pb2.ArchiveEventsRequest(before_time=Timestamp(seconds=1)),
        "ReportAccess": audit_pb2.ReportAccessRequest(actor="backend"),
        "CreateCompartment": cp.CreateCompartmentRequest(
            compartment=cp.Compartment(kind=cp.COMPARTMENT_KIND_HOLD, title="Hold")
        ),
        "AddMember": cp.AddMemberRequest(person="p-another", agree_by="p-compliance"),
        "RemoveMember": cp.RemoveMemberRequest(agree_by="p-compliance"),
        "AgreeMember": cp.AgreeMemberRequest(etag="old"),
        "AddItem": cp.AddItemRequest(item=cp.Item(customer=bank.customer, text="noted")),
        "RequestCheckOut": lp.RequestCheckOutRequest(
            check_out=lp.CheckOut(
                subject=bank.customer,
                fields=["customer.phones"],
                purpose=_PURPOSE,
                reason="Opens an account",
                duration=Duration(seconds=60),
            )
        ),
        "RenewCheckOut": lp.RenewCheckOutRequest(reason="Still", duration=Duration(seconds=60)),
        "ApproveCheckOut": lp.ApproveCheckOutRequest(etag="old"),
        "DenyCheckOut": lp.DenyCheckOutRequest(etag="old"),
        "BreakGlass": lp.BreakGlassRequest(customer=bank.customer, reason="Fire"),
        "ReviewBreakGlass": lp.ReviewBreakGlassRequest(
            etag="old", verdict=lp.REVIEW_VERDICT_JUSTIFIED
        ),
        "ProposePolicies": ap.ProposePoliciesRequest(files=_POLICIES, reason="Again."),
        "TestPolicies": ap.TestPoliciesRequest(files=_POLICIES),
        "ProposeDirectoryChange": ap.ProposeDirectoryChangeRequest(
            change=ap.DirectoryChange(remove=["crm"]), reason="Left."
        ),
        "ProposeKeyStep": kp.ProposeKeyStepRequest(
            step=ap.KeyStep(key=ap.KEY_BRANCH_FULL, verb=ap.KEY_VERB_ROTATE), reason="Yearly."
        ),
        "PreviewRuleSet": rp.PreviewRuleSetRequest(rule_set=_RULES),
        "ProposeRuleSet": rp.ProposeRuleSetRequest(rule_set=_RULES, reason="A new law."),
        "ProposeRuling": rp.ProposeRulingRequest(
            ruling=rp.Ruling(prevails="cn/identity", yields="eu/identity"), reason="By counsel."
        ),
        "ApproveRules": rp.ApproveRulesRequest(etag="0" * 32),
        "PlanDisposal": rp.PlanDisposalRequest(reason="Due."),
        "ApproveDisposal": rp.ApproveDisposalRequest(plan_sha256="0" * 64),
        "PlaceHold": rp.PlaceHoldRequest(hold=rp.Hold(customer=bank.customer, authority="A court")),
        "ProposeHoldRelease": rp.ProposeHoldReleaseRequest(reason="Over."),
        "AgreeHoldRelease": rp.AgreeHoldReleaseRequest(etag="old"),
        "ApproveProposal": ap.ApproveProposalRequest(etag="0" * 32),
        "RejectProposal": ap.RejectProposalRequest(etag="0" * 32),
        "ExplainAccess": ap.ExplainAccessRequest(principal="crm", action="masked.customers.get"),
        "WhoCan": ap.WhoCanRequest(resource=bank.customer),
        "LookUp": oracle_pb2.LookUpRequest(
            kind=oracle_pb2.TERM_KIND_PHONE, value="+8613800138000", on_behalf_of="crm", limit=1
        ),
        "ServerReflectionInfo": reflection_pb2.ServerReflectionRequest(list_services=""),
    }
    request: Any = ready.get(method.name) or _message(method)
    fields = request.DESCRIPTOR.fields_by_name
    if "purpose" in fields:
        request.purpose = _PURPOSE
    if method.name in ("ReconstructTransaction", "ProduceFile"):
        request.purpose = purpose_pb2.PURPOSE_DATA_SUBJECT_REQUEST
    if "name" in fields:
        request.name = _named(method.name, bank)
    if "parent" in fields:
        below = ("Document", "Transaction", "Account")
        request.parent = bank.customer if any(b in method.name for b in below) else bank.parent
        if method.name == "FileSubjectRequest":
            request.parent = bank.customer
        if method.name in ("AddMember", "AddItem", "ListItems", "PlaceHold", "ListHolds"):
            request.parent = bank.compartment
        if method.name == "ListDisposalItems":
            request.parent = f"{bank.parent}/disposals/{'0' * 26}"
        if method.name in ("GetUpload", "ListContents"):
            request.parent = bank.document
    return request  # type: ignore[no-any-return]  # built by name


def _message(method: MethodDescriptor) -> Message:
    return GetMessageClass(method.input_type)()


def _named(method: str, bank: Bank) -> str:
    if "CheckOut" in method or "BreakGlass" in method:
        # There is none: past access, it is NOT_FOUND.
        return f"{bank.parent}/checkOuts/{'0' * 26}"
    if method.endswith("Transfer"):
        return bank.customer
    if "SubjectRequest" in method or method == "ReportUse":
        # Likewise.
        return f"{bank.customer}/subjectRequests/{'0' * 26}"
    if "Disposal" in method:
        # Likewise.
        return f"{bank.parent}/disposals/{'0' * 26}"
    if method.endswith("HoldRelease"):
        return f"{bank.compartment}/holds/{'0' * 26}"
    # Of a step with a key there is none: past access, it is NOT_FOUND.
    if method.endswith(("Proposal", "KeyStep", "ApproveRules", "ApproveMerge")):
        return bank.proposal
    if method.endswith("Compartment"):
        return bank.compartment
    if method.endswith("Member"):
        # To remove somebody who is none is past access, and FAILED_PRECONDITION.
        who = "p-nobody" if method == "RemoveMember" else "p-colleague"
        return f"{bank.compartment}/members/{who}"
    if method == "DownloadDocument":
        return f"{bank.document}/contents/1"
    if "Document" in method:
        return bank.document
    return bank.transaction if "Transaction" in method else bank.customer


def caller(role: str) -> str:
    """The caller of the demonstration bank with this role."""
    return CALLERS[role]


def call(
    vault: RunningVault, who: str, tier: TierName, method: MethodDescriptor, request: Message
) -> str:
    """Name of the status code. Of a stream that has no end, the receipt of its beginning is enough:
    whether there is anything to tell is another matter."""
    channel: Any = vault.channel(who, tier)
    path = f"/{method.containing_service.full_name}/{method.name}"
    data = request.SerializeToString()
    try:
        if method.client_streaming and not method.server_streaming:
            channel.stream_unary(path)(iter([data]), timeout=10)
        elif method.client_streaming:
            list(channel.stream_stream(path)(iter([data]), timeout=10))
        elif method.name.startswith("Watch"):
            stream = channel.unary_stream(path)(data, timeout=10)
            if not any(key == RECEIPT for key, _ in stream.initial_metadata()):
                next(iter(stream))
            stream.cancel()
        elif method.server_streaming:
            list(channel.unary_stream(path)(data, timeout=10))
        else:
            channel.unary_unary(path)(data, timeout=10)
    except grpc.RpcError as error:
        return str(error.code().name)
    return "OK"


def observe(
    vault: RunningVault,
    banks: dict[str, Bank],
    after: Callable[[Cell, str], None] = lambda _cell, _code: None,
) -> dict[Cell, str]:
    """The status of every cell. `after` is called behind each call."""
    out = {}
    for tier in TierName:
        for rpc, method in rpcs(tier):
            for role in CALLERS:
                for institution, bank in banks.items():
                    cell = Cell(tier, rpc, role, institution)
                    code = call(vault, caller(role), tier, method, request_for(method, bank))
                    out[cell] = code
                    after(cell, code)
    return out


_HEAD = """\
# Who may call what

Written by `python -m tests.e2e.print_matrix`: every role called every RPC of both tiers of a
running vault, about its own institution and about another. A test makes the same calls, holds the
answers to a table that a person wrote (`tests/e2e/promised_rpcs.txt`), and fails if this page
differs.

Each cell: **own** institution / an**other** one.

- `yes`: allowed. A full read is so for a purpose of the
  [decision matrix](decision-matrix.md#purposes); these calls named `ONBOARDING_CDD`.
- `-`: refused with PERMISSION_DENIED.
- `?`: refused with UNAUTHENTICATED: a certificate of the vault's authority that names no
  principal.

A tier answers UNIMPLEMENTED for what stands in the other tier's table only. Without a certificate
of the vault's authority there is no connection at all. Every one of these calls is in the log.
"""
_TITLES = {TierName.FULL: "Full tier", TierName.MASKED: "Masked tier"}
_SIGNS = {
    "OK": "yes",
    "ABORTED": "yes",
    "FAILED_PRECONDITION": "yes",
    "NOT_FOUND": "yes",
    # Past access: the upload's bytes never came.
    "INVALID_ARGUMENT": "yes",
    "PERMISSION_DENIED": "-",
    "UNAUTHENTICATED": "?",
}


def render(observed: dict[Cell, str]) -> str:
    """The page."""
    lines = [_HEAD]
    roles = list(CALLERS)
    for tier in TierName:
        lines += [f"## {_TITLES[tier]}", "", "| RPC | " + " | ".join(roles) + " |"]
        lines.append("| --- |" + " --- |" * len(roles))
        for rpc, _ in rpcs(tier):
            cells = [
                " / ".join(_SIGNS[observed[Cell(tier, rpc, role, i)]] for i in (OWN, OTHER))
                for role in roles
            ]
            lines.append(f"| `{rpc}` | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)
