"""No tipping-off: whoever is no member gets the same bytes, the same errors and the same time of an
answer about a customer, whether or not a compartment has something about him.

Every RPC that the tiers serve is asked, or stands in NOT_COMPARED with the reason; one that comes
later fails here until somebody has decided which.
"""

import ast
import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from statistics import median
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from recordsvault.access.v1 import access_pb2 as xp
from recordsvault.admin.v1 import access_admin_pb2 as gp
from recordsvault.audit.v1 import audit_pb2 as ap
from recordsvault.bundles.v1 import exports_pb2 as bp
from recordsvault.bundles.v1 import exports_pb2_grpc
from recordsvault.compartments.v1 import compartments_pb2 as cp
from recordsvault.masked.v1 import masked_pb2 as mp
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.type.v1 import purpose_pb2
from tests.e2e import people, rpc_matrix
from tests.e2e.calls import create, query
from tests.e2e.people import PARENT
from tests.e2e.rpc_matrix import Bank, request_for
from tests.e2e.wire import LogBook, refusal
from tests.support.bundles import Files, recipient, unsealed
from tests.support.rank_test import HEAD, Compared, measured
from tests.support.running_vault import ROOT, STRANGER, RunningVault, other
from vault.bundles import RecipientKey
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
BLOCKING, WIRING = "vault/services/retention/blocking.py", "vault/server/retention.py"
# By far the most calls. What is in an answer is decided above the store, whose contract both
# databases pass; the one that keeps the order of rows to itself is the one that could tell.
ON_POSTGRESQL = pytest.mark.parametrize(
    "each_vault", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
# The compartments' own service is what test_compartments.py is about.
OWN_SERVICE = "Compartments/"
_READS = ("Get", "List", "Search", "Check", "LookUp", "Watch", "ServerReflection")
_IDENTIFIER = re.compile(rb"[0-9a-hjkmnp-tv-z]{26}")


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    return each_vault


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
            if method.name.startswith(_READS) is reads:
                yield tier, rpc, method


# Numbers of one length, so that no customer's content is longer than another's.
_numbers = itertools.count(15_001)


def furnished(vault: RunningVault, n: int = 0) -> Bank:
    """A customer with a document and two transactions; of one that is given, or a new one."""
    n = n or next(_numbers)
    stub = vault.records()
    customer = create(vault, people.person(n)).name
    document = stub.CreateIdentityDocument(
        pb.CreateIdentityDocumentRequest(parent=customer, identity_document=people.passport(n))
    ).identity_document.name
    made = [
        stub.CreateTransaction(
            pb.CreateTransactionRequest(parent=customer, transaction=people.booking())
        ).transaction.name
        for _ in range(2)
    ]
    known = {
        "parent": PARENT,
        "customer": customer,
        "document": document,
        "transaction": made[0],
    }
    # Of what else a bank has, the names are those of nothing.
    return Bank(**({field.name: "" for field in fields(Bank)} | known))


def investigate(vault: RunningVault, bank: Bank) -> list[str]:
    """A compartment of each kind that has much about a customer; their names."""
    stub, made = vault.compartments(), []
    for kind in cp.CompartmentKind.values()[1:]:
        about = cp.Compartment(kind=kind, title="Nightjar")
        request = cp.CreateCompartmentRequest(parent=PARENT, compartment=about)
        name = stub.CreateCompartment(request).compartment.name
        for n in range(5):
            item = cp.Item(
                customer=bank.customer, text=f"note {n}", records=[bank.document, bank.transaction]
            )
            stub.AddItem(cp.AddItemRequest(parent=name, item=item))
        member = cp.AddMemberRequest(parent=name, person="p-other", agree_by="p-compliance")
        stub.AddMember(member)
        made.append(name)
    return made


def more_requests(bank: Bank, n: int) -> list[tuple[TierName, str, Message]]:
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


def everything(vault: RunningVault, bank: Bank, n: int) -> dict[tuple[str, ...], Answer]:
    """Every read by everybody, by what was asked and by whom."""
    by_rpc = {(tier, rpc): method for tier, rpc, method in compared(reads=True)}
    asked = [
        (tier, rpc, request_for(method, bank)) for (tier, rpc), method in by_rpc.items()
    ] + more_requests(bank, n)
    return {
        (tier.value, rpc, str(place), who): ask(vault, who, tier, by_rpc[tier, rpc], request)
        for place, (tier, rpc, request) in enumerate(asked)
        for who in EVERYBODY
    }


# -- bytes and errors ----------------------------------------------------------------------------


def test_every_rpc_is_compared_or_has_its_reason() -> None:
    asked = {rpc for reads in (True, False) for _, rpc, _ in compared(reads)}
    there = {rpc for tier in TierName for rpc, _ in rpc_matrix.rpcs(tier)}
    left = {rpc for rpc in there - asked if not rpc.startswith(OWN_SERVICE)}
    assert left == set(NOT_COMPARED)
    assert len(asked) >= 30


@ON_POSTGRESQL
def test_whatever_is_asked_of_a_customer_the_answer_is_the_same_as_before(
    vault: RunningVault,
) -> None:
    n = next(_numbers)
    bank = furnished(vault, n)
    before = everything(vault, bank, n)
    investigate(vault, bank)
    behind = everything(vault, bank, n)
    assert {asked for asked in before if before[asked] != behind[asked]} == set()
    # What was compared are answers as well as refusals, of every kind.
    assert {"OK", "PERMISSION_DENIED", "UNAUTHENTICATED", "NOT_FOUND", "INVALID_ARGUMENT"} <= {
        answer.code for answer in before.values()
    }
    assert sum(answer.code == "OK" for answer in before.values()) > 60


@ON_POSTGRESQL
def test_a_write_about_him_is_answered_as_about_anybody(vault: RunningVault) -> None:
    plain, watched = furnished(vault), furnished(vault)
    investigate(vault, watched)
    differs = []
    for tier, rpc, method in compared(reads=False):
        for who in EVERYBODY:
            answers = [
                without_what_the_vault_makes(
                    ask(vault, who, tier, method, request_for(method, bank)), method
                )
                for bank in (plain, watched)
            ]
            if answers[0] != answers[1]:
                differs.append((rpc, who, answers))
    assert differs == []


def test_a_change_of_his_file_is_made_and_told_like_any_other(vault: RunningVault) -> None:
    method = pb.DESCRIPTOR.services_by_name["Records"].methods_by_name["UpdateCustomer"]
    answers = []
    for watch in (False, True):
        bank = furnished(vault)
        if watch:
            investigate(vault, bank)
        read = pb.GetCustomerRequest(name=bank.customer, purpose=purpose_pb2.PURPOSE_ONBOARDING_CDD)
        customer = vault.records().GetCustomer(read).customer
        customer.branch, customer.change_reason = "BJ-02", "moved"
        request = pb.UpdateCustomerRequest(customer=customer)
        found = [ask(vault, "backend", TierName.FULL, method, request) for _ in range(2)]
        assert [a.code for a in found] == ["OK", "ABORTED"]
        answers.append([without_what_the_vault_makes(a, method) for a in found])
    assert answers[0] == answers[1]


def test_his_file_leaves_the_same_as_before(vault: RunningVault) -> None:
    key = RecipientKey.generate(hybrid=False)
    exports = exports_pb2_grpc.ExportsStub(vault.channel("compliance", TierName.FULL))
    bank = furnished(vault)

    def produced() -> Files:
        request = bp.ProduceFileRequest(
            name=bank.customer,
            purpose=purpose_pb2.PURPOSE_INTERNAL_AUDIT,
            recipient=recipient(key.recipient),
        )
        files = unsealed(b"".join(one.data for one in exports.ProduceFile(request)), key)
        manifest = json.loads(files.pop("manifest.json"))
        del files["manifest.note"], manifest["made_at"]
        return files | {"manifest": json.dumps(manifest).encode()}

    before = produced()
    investigate(vault, bank)
    assert produced() == before


def test_his_file_is_asked_for_lent_and_returned_like_any_other(vault: RunningVault) -> None:
    """By compliance, and by a custodian who looks at everything that is to be decided."""
    service = xp.DESCRIPTOR.services_by_name["Access"]
    answers = []
    for watch in (False, True):
        bank = furnished(vault)
        if watch:
            investigate(vault, bank)
        answers.append(lent(vault, bank, service.methods_by_name))
    assert answers[0] == answers[1]
    assert "OK" in {a.code for a in answers[0]} and len(answers[0]) > 20


def lent(vault: RunningVault, bank: Bank, methods: Any) -> list[Answer]:
    """All that is answered of a check-out, by whoever may ask and by those who may not."""
    out: list[Answer] = []

    def call(who: str, rpc: str, request: Message) -> Message:
        method = methods[rpc]
        found = ask(vault, who, TierName.FULL, method, request)
        out.append(without_what_the_vault_makes(found, method))
        message = GetMessageClass(method.output_type)()
        message.ParseFromString(found.messages[0] if found.messages else b"")
        return message

    wish = xp.CheckOut(
        subject=bank.customer,
        fields=["customer.phones", "customer.natural_person.full_name"],
        purpose=purpose_pb2.PURPOSE_ONBOARDING_CDD,
        reason="calls back",
        duration=Duration(seconds=600),
    )
    request = xp.RequestCheckOutRequest(parent=PARENT, check_out=wish)
    for who in EVERYBODY:
        call(who, "RequestCheckOut", request)
    made: Any = call("compliance", "RequestCheckOut", request)
    name, about = made.check_out.name, xp.CheckOutFilter(customer=bank.customer)
    for who in EVERYBODY:
        call(who, "GetCheckOut", xp.GetCheckOutRequest(name=name))
        call(who, "ListCheckOuts", xp.ListCheckOutsRequest(parent=PARENT, filter=about))
        call(
            who,
            "BreakGlass",
            xp.BreakGlassRequest(
                parent=PARENT,
                customer=bank.customer,
                reason="x",
                purpose=purpose_pb2.PURPOSE_CUSTOMER_SERVICE,
            ),
        )
    approve = xp.ApproveCheckOutRequest(name=name, etag=made.check_out.etag)
    for who in ("compliance", "custodian", "custodian"):
        call(who, "ApproveCheckOut", approve)
    call(
        "compliance",
        "RenewCheckOut",
        xp.RenewCheckOutRequest(name=name, duration=Duration(seconds=60), reason="still"),
    )
    call("compliance", "ReturnCheckOut", xp.ReturnCheckOutRequest(name=name))
    call("custodian", "RevokeCheckOut", xp.RevokeCheckOutRequest(name=name))
    return out


def test_who_may_do_what_about_him_is_explained_like_about_anybody(vault: RunningVault) -> None:
    service = gp.DESCRIPTOR.services_by_name["AccessAdmin"]
    answers = []
    for watch in (False, True):
        bank = furnished(vault)
        if watch:
            investigate(vault, bank)
        explain = gp.ExplainAccessRequest(
            parent=PARENT,
            principal="colleague",
            action="records.customers.get",
            resource=bank.customer,
            purpose=purpose_pb2.PURPOSE_ONBOARDING_CDD,
        )
        who_can = gp.WhoCanRequest(resource=bank.customer)
        answers.append(
            [
                ask(vault, who, TierName.FULL, service.methods_by_name[rpc], request)
                for who in EVERYBODY
                for rpc, request in (("ExplainAccess", explain), ("WhoCan", who_can))
            ]
        )
    assert answers[0] == answers[1]
    assert "OK" in {a.code for a in answers[0]}


def test_what_the_log_has_of_him_says_nothing_of_it(vault: RunningVault, log: LogBook) -> None:
    """To a security officer, who sees that there are compartments and who is in them."""
    bank = furnished(vault)
    identifier = bank.customer.rpartition("/")[2]
    first = log.size()
    investigate(vault, bank)
    items = cp.ListItemsRequest(parent=f"{PARENT}/compartments/-", customer=bank.customer)
    assert len(vault.compartments().ListItems(items).items) == 15
    last = log.size()
    assert last - first > 20
    of_him = [e.position for e in query(vault, filter=ap.EventFilter(customer=bank.customer))]
    assert not [at for at in of_him if first < at <= last]
    report = ap.ReportAccessRequest(parent=PARENT, customer=bank.customer)
    lines = [line for a in vault.audit().ReportAccess(report) for line in a.lines]
    assert lines and not [x for x in lines if first < x.entry.position <= last]
    assert all(identifier not in str(e) for e in query(vault) if first < e.position <= last)


def test_no_answer_but_the_compartments_own_can_depend_on_their_tables() -> None:
    """What no other program text mentions, no other answer can be made of."""
    allowed = {
        "vault/store/compartments.py",
        "vault/store/schema/compartments.py",
        "vault/store/schema/__init__.py",
        "vault/store/__init__.py",
        # Finds the row that an event names, beside a running vault.
        "vault/store/evidence.py",
        # What disposal must not touch, for whatever cause: nothing else asks, as is held below.
        "vault/store/holds.py",
        BLOCKING,
    }
    words = {"compartments", "compartment_members", "compartment_items"}
    found, asks = set(), set()
    for path in sorted((ROOT / "vault").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(("vault/services/compartments/", "vault/store/migrations/")):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.ImportFrom):
                continue
            module, names = node.module or "", {alias.name for alias in node.names}
            if module == "vault.services.retention.blocking" or module == "vault.store.holds":
                asks.add(name)
            if module.startswith("vault.store") and (
                module == "vault.store.compartments" or names & words
            ):
                found.add(name)
    assert found - allowed == set()
    assert all(one.startswith("vault/services/retention/") for one in asks - {WIRING}), asks


# -- time ----------------------------------------------------------------------------------------


@pytest.mark.alone
def test_an_answer_takes_as_long_with_a_compartment_as_without(
    vault: RunningVault, capsys: pytest.CaptureFixture[str]
) -> None:
    plain, watched = furnished(vault), furnished(vault)
    there = investigate(vault, watched)
    cdd = purpose_pb2.PURPOSE_ONBOARDING_CDD
    full, masked = vault.records("compliance"), vault.masked("crm")
    stub = vault.compartments("colleague")
    nowhere = f"{PARENT}/compartments/{'0' * 26}"

    def each(make: Callable[[Bank], Callable[[], object]]) -> Compared:
        return measured(make(plain), make(watched))

    def refused(at: str) -> Callable[[], object]:
        return lambda: refusal(lambda: stub.GetCompartment(cp.GetCompartmentRequest(name=at)))

    def items(at: str) -> Callable[[], object]:
        return lambda: refusal(lambda: stub.ListItems(cp.ListItemsRequest(parent=at)))

    found = {
        "masked get": each(
            lambda b: lambda: masked.GetMaskedCustomer(mp.GetMaskedCustomerRequest(name=b.customer))
        ),
        "full get": each(
            lambda b: lambda: full.GetCustomer(pb.GetCustomerRequest(name=b.customer, purpose=cdd))
        ),
        "full list of documents": each(
            lambda b: (
                lambda: full.ListIdentityDocuments(
                    pb.ListIdentityDocumentsRequest(parent=b.customer, purpose=cdd)
                )
            )
        ),
        "masked list of transactions": each(
            lambda b: (
                lambda: masked.ListMaskedTransactions(
                    mp.ListMaskedTransactionsRequest(parent=b.customer)
                )
            )
        ),
        "get of no compartment / of others'": measured(refused(nowhere), refused(there[0])),
        "items of none / of others'": measured(items(nowhere), items(there[0])),
    }
    with capsys.disabled():
        print("\n" + HEAD)
        for what, times in found.items():
            print(times.told(what))
    for what, times in found.items():
        # Wide, so that a busy machine does not decide; a query more would be seen by far.
        assert 0.35 < times.chance < 0.65, what
        assert 2 / 3 < median(times.with_) / median(times.without) < 3 / 2, what
