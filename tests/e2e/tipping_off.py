"""What is asked about a customer, by everybody and by every RPC, to see whether the answers tell of
a compartment that has something about him."""

import io
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from PIL import Image

from recordsvault.compartments.v1 import compartments_pb2 as cp
from recordsvault.life.v1 import life_pb2 as lp
from recordsvault.life.v1 import subjects_pb2 as sp
from recordsvault.life.v1 import subjects_pb2_grpc
from recordsvault.masked.v1 import masked_pb2 as mp
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.retention.v1 import retention_pb2 as rp
from recordsvault.retention.v1 import retention_pb2_grpc
from recordsvault.type.v1 import purpose_pb2
from tests.e2e import people, rpc_matrix
from tests.e2e.calls import create, get, update
from tests.e2e.people import PARENT
from tests.e2e.rpc_matrix import Bank, request_for
from tests.support.contents import scan, upload
from tests.support.running_vault import STRANGER, RunningVault, other
from vault.server.settings import TierName

# Two investigators: one is a member of the compartments, the other is not. What a member is
# answered of a customer does not differ either.
EVERYBODY = (
    "backend",
    "crm",
    "compliance",
    "officer",
    "operator",
    "custodian",
    "investigator",
    "colleague",
    "masked-node",
    STRANGER,
    other("compliance"),
)
_LOG = "of the log as a whole, which grows with every call of anybody"
NOT_COMPARED = {
    "Audit/StreamEvents": _LOG,
    "Audit/QueryEvents": f"{_LOG}; what it has of the customer is compared below",
    "Audit/ReportAccess": f"{_LOG}; what it has of the customer is compared below",
    "Audit/GetProof": _LOG,
    "Audit/GetCheckpoint": _LOG,
    "Audit/ExportTiles": _LOG,
    "Audit/ArchiveEvents": _LOG,
    "Bundles/ReconstructTransaction": "sealed anew each time, and lists who has looked; what it "
    "leaves out of that is held in test_reconstruction.py",
    "Exports/ProduceFile": "sealed anew each time; what is in it is compared below",
    "Transfers/TransferFiles": "sealed anew each time; what is in a bundle is held in "
    "test_transfers.py",
    "Transfers/ReceiveFile": "of a customer who is not here yet",
    "SubjectRequests/ReportUse": "lists who has used the file, and so every read in between; what "
    "it leaves out is held in test_subjects.py",
    "Life/WatchChanges": "its positions are the log's, which every receipt tells; what a "
    "compartment has is no record, and in no feed",
    "KeyAdmin/ListKeyVersions": "counts the keys of an institution, those of compartments too, as "
    "who runs the database can; it says nothing of whom they are",
    "Admin/CheckHealth": "of the node: times, the log's size, free space",
}
_BELOW = "lent, decided and returned in a test of its own"
_NOT_DUE = (
    "nothing is due in this vault; what a plan says of what is kept is held in test_disposal.py"
)
# Asked of what is not there: past access, NOT_FOUND or nothing to do.
ASKED_OF_NOTHING = {
    "Access/GetCheckOut": _BELOW,
    "Access/WatchCheckOuts": _BELOW,
    "AccessAdmin/GetProposal": "of policies, principals and merges, which has a test of its own",
    "KeyAdmin/GetKeyStep": "of the vault's keys",
    "Records/GetUpload": "of an upload that its own caller has begun",
    "Holds/ListHolds": "of a compartment; test_compartments.py is about that",
    "Retention/PlanDisposal": _NOT_DUE,
    "Retention/GetDisposal": _NOT_DUE,
    "Retention/ListDisposalItems": _NOT_DUE,
    "Retention/GetDisposalCertificate": _NOT_DUE,
}
# By far the most calls. What is in an answer is decided above the store, whose contract both
# databases pass; the one that keeps the order of rows to itself is the one that could tell.
ON_POSTGRESQL = pytest.mark.parametrize(
    "each_vault", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
# The compartments' own service is what test_compartments.py is about.
OWN_SERVICE = "Compartments/"
# What is of the institution as a whole is asked before and behind as well: of two customers it
# would say the same, whatever it says.
_READS = (
    "Get List Search Check LookUp Watch ServerReflection Report Diff Download View Preview Plan "
    "Test Explain WhoCan"
).split()
_IDENTIFIER = re.compile(rb"[0-9a-hjkmnp-tv-z]{26}")


@dataclass(frozen=True)
class Answer:
    """All that a caller is told: what a receipt says is of the log, and has been left out."""

    code: str
    messages: tuple[bytes, ...]
    details: bytes
    metadata: tuple[str, ...]


def ask(
    vault: RunningVault, who: str, tier: TierName, method: MethodDescriptor, request: Message
) -> Answer:
    """Make a call. Of a stream without an end, the first message is enough."""
    channel: Any = vault.channel(who, tier)
    path = f"/{method.containing_service.full_name}/{method.name}"
    data, messages = request.SerializeToString(), []
    if method.client_streaming:
        call = channel.stream_stream(path)(iter([data]), timeout=10)
    elif method.server_streaming:
        # Who watches where nothing is to be seen is told nothing, which need not take long to see.
        watching = method.name.startswith("Watch")
        call = channel.unary_stream(path)(data, timeout=1 if watching else 10)
    else:
        call = channel.unary_stream(path)(data, timeout=10)  # as bytes, with its metadata
    try:
        for message in call:
            messages.append(message)
            if method.name.startswith("Watch"):
                call.cancel()
                break
        code = "OK"
        if not method.name.startswith("Watch"):
            code = str(call.code().name)
    except grpc.RpcError as error:
        code = str(error.code().name)
    if method.name.startswith("Watch") and messages:
        return Answer("OK", tuple(messages), b"", ())
    trailing = dict(call.trailing_metadata() or ())
    details = trailing.get("grpc-status-details-bin", b"")
    return Answer(code, tuple(messages), details, tuple(sorted(trailing)))


def without_what_the_vault_makes(answer: Answer, method: MethodDescriptor) -> Answer:
    """The answer to a write without identifiers, tags and times."""

    def strip(data: bytes) -> bytes:
        message = GetMessageClass(method.output_type)()
        message.ParseFromString(data)
        _clear(message)
        return _IDENTIFIER.sub(b"*", message.SerializeToString(deterministic=True))

    return replace(
        answer,
        messages=tuple(strip(data) for data in answer.messages),
        details=_IDENTIFIER.sub(b"*", answer.details),
    )


def without_the_stamp(answer: Answer, method: MethodDescriptor) -> Answer:
    """The answer; of a masked picture its measure, since its stamp says the second."""
    if method.name != "ViewDocument":
        return answer

    def strip(data: bytes) -> bytes:
        message = mp.ViewDocumentResponse.FromString(data)
        picture = message.picture
        width, height = Image.open(io.BytesIO(picture.png)).size
        picture.png = f"{width} x {height}".encode()
        return message.SerializeToString(deterministic=True)

    return replace(answer, messages=tuple(strip(data) for data in answer.messages))


def _clear(message: Message) -> None:
    for field, value in message.ListFields():
        kind = field.message_type
        if field.name in ("etag", "request_id") or (
            kind is not None and kind.full_name.endswith(".Timestamp")
        ):
            message.ClearField(field.name)
        elif kind is not None:
            for inner in value if field.is_repeated else [value]:
                _clear(inner)


def compared(reads: bool) -> Iterator[tuple[TierName, str, MethodDescriptor]]:
    """The RPCs that are asked before and behind (reads), or about two customers (writes)."""
    for tier in TierName:
        for rpc, method in rpc_matrix.rpcs(tier):
            if rpc in NOT_COMPARED or rpc.startswith(OWN_SERVICE):
                continue
            if method.name.startswith(tuple(_READS)) is reads:
                yield tier, rpc, method


# Numbers of one length, so that no customer's content is longer than another's.
_numbers = itertools.count(15_001)


def next_number() -> int:
    """Of the next customer."""
    return next(_numbers)


@dataclass(frozen=True)
class Watched(Bank):
    """What there is of a customer: also what he has asked, `subject_request`."""

    subject_request: str


def furnished(vault: RunningVault, n: int = 0) -> Watched:
    """A customer of two versions with a document, its scan, two transactions, and a question of his
    own; of one that is given, or a new one."""
    n = n or next_number()
    stub = vault.records()
    customer = create(vault, people.person(n)).name
    moved = get(vault, customer)
    moved.branch, moved.change_reason = "BJ-02", "moved"
    update(vault, moved)
    document = stub.CreateIdentityDocument(
        pb.CreateIdentityDocumentRequest(parent=customer, identity_document=people.passport(n))
    ).identity_document.name
    made = [
        stub.CreateTransaction(
            pb.CreateTransactionRequest(parent=customer, transaction=people.booking())
        ).transaction.name
        for _ in range(2)
    ]
    upload(stub, document, scan(1_000))
    today = people.day(datetime.now(UTC).date())
    asked = sp.FileSubjectRequestRequest(
        parent=customer,
        kind=sp.SUBJECT_REQUEST_KIND_ACCESS,
        receive_date=today,
        text="What do you hold of me?",
    )
    desk = subjects_pb2_grpc.SubjectRequestsStub(vault.channel("compliance", TierName.FULL))
    known = {
        "subject_request": desk.FileSubjectRequest(asked).request.name,
        "parent": PARENT,
        "customer": customer,
        "document": document,
        "transaction": made[0],
    }
    # Of what else a bank has, the names are those of nothing.
    return Watched(**({field.name: "" for field in fields(Watched)} | known))


def investigate(vault: RunningVault, bank: Bank) -> list[str]:
    """A compartment of each kind that has much about a customer, and a hold in it; their names."""
    stub, made = vault.compartments(), []
    holds = retention_pb2_grpc.HoldsStub(vault.channel("investigator", TierName.FULL))
    for kind in cp.CompartmentKind.values()[1:]:
        about = cp.Compartment(kind=kind, title="Nightjar")
        request = cp.CreateCompartmentRequest(parent=PARENT, compartment=about)
        name = stub.CreateCompartment(request).compartment.name
        for n in range(5):
            item = cp.Item(
                customer=bank.customer, text=f"note {n}", records=[bank.document, bank.transaction]
            )
            stub.AddItem(cp.AddItemRequest(parent=name, item=item))
        hold = rp.Hold(customer=bank.customer, authority="A court")
        holds.PlaceHold(rp.PlaceHoldRequest(parent=name, hold=hold, request_id=people.new_id()))
        member = cp.AddMemberRequest(parent=name, person="p-other", agree_by="p-compliance")
        stub.AddMember(member)
        made.append(name)
    return made


def more_requests(bank: Watched, n: int) -> list[tuple[TierName, str, Message]]:
    """What else could be asked about a customer: for every purpose, with masks, page by page, by
    every term of his, and with names that are wrong."""
    out: list[tuple[TierName, str, Message]] = []
    person = people.person(n)
    for purpose in purpose_pb2.Purpose.values():
        out.append(
            (
                TierName.FULL,
                "Records/GetCustomer",
                pb.GetCustomerRequest(name=bank.customer, purpose=purpose, case_reference="AML-7"),
            )
        )
    lists = pb.ListTransactionsRequest(
        parent=bank.customer, purpose=purpose_pb2.PURPOSE_ONBOARDING_CDD, page_size=1
    )
    wrong = pb.GetCustomerRequest(
        name=f"{bank.customer}/holds", purpose=purpose_pb2.PURPOSE_ONBOARDING_CDD
    )
    none = pb.GetCustomerRequest(
        name=f"{PARENT}/customers/{'0' * 26}", purpose=purpose_pb2.PURPOSE_ONBOARDING_CDD
    )
    out += [
        (TierName.FULL, "Records/ListTransactions", lists),
        (TierName.FULL, "Records/GetCustomer", wrong),
        (TierName.FULL, "Records/GetCustomer", none),
        (
            TierName.MASKED,
            "MaskedRecords/ListMaskedTransactions",
            mp.ListMaskedTransactionsRequest(parent=bank.customer, page_size=1),
        ),
        (
            TierName.FULL,
            "SubjectRequests/GetSubjectRequest",
            sp.GetSubjectRequestRequest(name=bank.subject_request),
        ),
        (
            TierName.FULL,
            "SubjectRequests/ListSubjectRequests",
            sp.ListSubjectRequestsRequest(parent=PARENT, customer=bank.customer),
        ),
        (
            TierName.FULL,
            "Life/DiffCustomerVersions",
            lp.DiffCustomerVersionsRequest(
                name=bank.customer,
                purpose=purpose_pb2.PURPOSE_ONBOARDING_CDD,
                from_version=1,
                to_version=2,
            ),
        ),
    ]
    for term in (
        {"phone": person.phones[0]},
        {"full_name": person.natural_person.full_name},
        {"identity_number": person.natural_person.identity.number},
        {"customer_number": person.customer_number},
        {"account_number": person.accounts[0]},
    ):
        search = mp.SearchMaskedCustomersRequest(parent=PARENT, **term)  # type: ignore[arg-type]  # by name
        out.append((TierName.MASKED, "MaskedRecords/SearchMaskedCustomers", search))
    return out


def everything(vault: RunningVault, bank: Watched, n: int) -> dict[tuple[str, ...], Answer]:
    """Every read by everybody, by what was asked and by whom."""
    by_rpc = {(tier, rpc): method for tier, rpc, method in compared(reads=True)}
    asked = [
        (tier, rpc, request_for(method, bank)) for (tier, rpc), method in by_rpc.items()
    ] + more_requests(bank, n)
    return {
        (tier.value, rpc, str(place), who): without_the_stamp(
            ask(vault, who, tier, by_rpc[tier, rpc], request), by_rpc[tier, rpc]
        )
        for place, (tier, rpc, request) in enumerate(asked)
        for who in EVERYBODY
    }
