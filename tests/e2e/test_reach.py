"""Somebody of one branch meets a customer of another, over TLS, by every RPC of both tiers: whoever
adds an RPC has to say here what it does then."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from recordsvault.access.v1 import access_pb2 as lp
from recordsvault.admin.v1 import access_admin_pb2 as ap
from recordsvault.masked.v1 import masked_pb2 as mp
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.type.v1 import party_pb2 as party
from recordsvault.type.v1 import purpose_pb2
from tests.e2e import people
from tests.e2e.access_changes import WITHIN_SECONDS, approve, entry, propose, seconds_until
from tests.e2e.calls import create, get, update
from tests.e2e.people import PARENT, new_id
from tests.e2e.rpc_matrix import Bank, furnish, request_for, rpcs
from tests.e2e.wire import LogBook, Refused, refusal, refused, refused_status
from tests.support.borrowing import Register, add_person, lending
from tests.support.lending import SERVING, ask, break_glass, listed, look
from tests.support.running_vault import OWN, RunningVault
from tests.support.tokens import ISSUER
from vault.audit import Decision
from vault.server.settings import TierName

ONBOARDING = purpose_pb2.PURPOSE_ONBOARDING_CDD
HERE, THERE = "BJ-01", "上海 02"
# One who may do much, held to a branch; and one who may do the same everywhere.
ROLES = ("teller", "compliance", "ingestor", "custodian", "break_glass")
CLERK, FLOATER, ASKER = "clerk", "floater", "asker"
OUTSIDE = ("PERMISSION_DENIED", "OUTSIDE_SCOPE")
NOT_THERE = ("NOT_FOUND", "NOT_FOUND")

ONE = """
CreateIdentityDocument BatchCreateIdentityDocuments CreateTransaction BatchCreateTransactions
CreateCustomer BatchCreateCustomers UpdateCustomer UpdateIdentityDocument
GetCustomer ListCustomerVersions GetIdentityDocument ListIdentityDocuments
ListIdentityDocumentVersions GetTransaction ListTransactions ExportCustomers
UploadDocument GetUpload DownloadDocument ListContents DiffCustomerVersions WatchChanges
SearchTransactions CheckAccount ReconstructTransaction ProduceFile ExportFiles
TransferFiles AcknowledgeTransfer GetTransfer
RequestCheckOut BreakGlass
FileSubjectRequest GetSubjectRequest ExtendSubjectRequest CloseSubjectRequest ReportUse
GetMaskedCustomer GetMaskedDocument ListMaskedDocuments GetMaskedTransaction ListMaskedTransactions
ViewDocument
""".split()
"""Of one customer, or of all: refused."""
OF_THE_REGISTER = """
GetCheckOut ApproveCheckOut DenyCheckOut RevokeCheckOut ReturnCheckOut ReviewBreakGlass
""".split()
"""Of an entry that somebody else has asked for: it is not there."""
MOVED = ["RenewCheckOut"]
"""Of one's own entry, whose customer went to another branch: refused."""
LISTS = """
ListCustomers ListMaskedCustomers SearchMaskedCustomers ListCheckOuts WatchCheckOuts
ReportCompleteness ListDue ReportCustodians HandOver ListSubjectRequests
""".split()
"""Left out of them."""
WHOLE = """
PlanDisposal GetDisposal ListDisposals ListDisposalItems ApproveDisposal ExecuteDisposal
GetDisposalCertificate PreviewRuleSet ProposeRuleSet ProposeRuling ApproveRules
""".split()
"""Of an institution's files as a whole: refused to whom something keeps from a part of them."""
PAIRS = ["ProposeMerge", "ProposeUnmerge", "ApproveMerge", "ListMerges"]
"""Of two files, both of which have to be in reach: test_merges.py."""
COMING = ["ReceiveFile"]
"""Of a file that is not here yet: refused when it is known what it is of. test_transfers.py."""
ITEMS = ["ImportRecords"]
"""Refused item by item."""
OF_NO_FILE = {
    "the log": """
        StreamEvents QueryEvents ReportAccess GetProof GetCheckpoint
        ExportTiles ArchiveEvents""",
    "compartments, which have members": """
        CreateCompartment GetCompartment ListCompartments CloseCompartment AddMember RemoveMember
        GetMember AgreeMember AddItem ListItems
        PlaceHold ListHolds ProposeHoldRelease AgreeHoldRelease""",
    "policies and principals": """
        ProposePolicies ProposeDirectoryChange ApproveProposal RejectProposal WithdrawProposal
        GetProposal ListProposals GetPolicies TestPolicies ListPrincipals ExplainAccess""",
    "rules": "ListRuleSets",
    "keys": """
        ListKeyVersions ListKeySteps GetKeyStep ProposeKeyStep WithdrawKeyStep""",
    "who may, and which entries of the register are there for who asks": "WhoCan",
    "who is no customer": "SetDecoy ListDecoys",
    "nodes, which are not limited": "LookUp",
    "the server": """
        CheckHealth GetRecovery AcknowledgeRecovery Check List Watch ServerReflectionInfo""",
}


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    add_person(each_vault, CLERK, *ROLES, branches=[HERE])
    add_person(each_vault, FLOATER, *ROLES)
    add_person(each_vault, ASKER, "teller", "break_glass")
    add_person(each_vault, "plain", "teller", "compliance", "custodian", classes=["ORDINARY"])
    add_person(each_vault, "nobodys", "teller", "compliance", branches=[])
    add_person(each_vault, "mover", "teller", "compliance", "custodian", branches=[HERE, THERE])
    nobody = pb.GetCustomerRequest(name=f"{PARENT}/customers/{'0' * 26}", purpose=ONBOARDING)
    seconds_until(partial(each_vault.records("mover").GetCustomer, nobody), "NOT_FOUND")
    return each_vault


@pytest.fixture(scope="module")
def here(vault: RunningVault) -> Bank:
    """What there is of a customer of the clerk's branch."""
    return furnish(vault)[OWN]


@pytest.fixture(scope="module")
def there(vault: RunningVault, here: Bank) -> Bank:
    """The same of another branch."""
    return of_branch(vault, here, THERE)


def of_branch(vault: RunningVault, like: Bank, branch: str, *marks: Any) -> Bank:
    stub, customer = vault.records(), people.person()
    customer.branch = branch
    customer.sensitivities.extend(marks)
    name = create(vault, customer).name
    paper = pb.CreateIdentityDocumentRequest(parent=name, identity_document=people.passport())
    booked = pb.CreateTransactionRequest(parent=name, transaction=people.booking())
    return replace(
        like,
        customer=name,
        document=stub.CreateIdentityDocument(paper).identity_document.name,
        transaction=stub.CreateTransaction(booked).transaction.name,
    )


def called(
    vault: RunningVault, who: str, tier: TierName, method: MethodDescriptor, request: Message
) -> tuple[tuple[str, str], list[Any], Refused | None]:
    """How a call ends: code and reason, what was answered, and the refusal."""
    channel: Any = vault.channel(who, tier)
    path = f"/{method.containing_service.full_name}/{method.name}"
    kind = GetMessageClass(method.output_type)
    data = request.SerializeToString()
    try:
        if method.client_streaming:
            answers = [channel.stream_unary(path)(iter([data]), timeout=10)]
        elif method.server_streaming:
            answers = list(channel.unary_stream(path)(data, timeout=10))
        else:
            answers = [channel.unary_unary(path)(data, timeout=10)]
    except grpc.RpcError as error:
        why = refused(error)
        return (why.code, why.reason), [], why
    return ("OK", ""), [kind.FromString(one) for one in answers], None


def every() -> list[tuple[TierName, MethodDescriptor]]:
    return [(tier, method) for tier in TierName for _, method in rpcs(tier)]


def by_name(names: list[str]) -> list[Any]:
    found = {method.name: (tier, method) for tier, method in every()}
    return [pytest.param(*found[name], id=name) for name in names]


def test_of_every_rpc_it_is_said_what_it_does_with_a_file_out_of_reach() -> None:
    of_no_file = [name for names in OF_NO_FILE.values() for name in names.split()]
    said = [*ONE, *OF_THE_REGISTER, *MOVED, *LISTS, *WHOLE, *PAIRS, *COMING, *ITEMS, *of_no_file]
    assert sorted(said) == sorted({method.name for _, method in every()})


# -- one customer ----------------------------------------------------------------------------------


def about(
    vault: RunningVault, method: MethodDescriptor, bank: Bank, branch: str, who: str
) -> Message:
    """A good request about a bank's customer, who is of that branch."""
    request: Any = request_for(method, bank)
    if method.name in ("CreateCustomer", "UpdateCustomer"):
        request.customer.branch = branch
    if method.name == "BatchCreateCustomers":
        request.customers[0].branch = branch
    if method.name in ("ExportCustomers", "ExportFiles", "TransferFiles"):
        why = "INTERNAL_AUDIT" if method.name != "TransferFiles" else "REGULATOR_REQUEST"
        request.check_out = lent_whole(vault, bank.customer, who, why)
        request.purpose = purpose_pb2.Purpose.Value(f"PURPOSE_{why}")
        request.case_reference = "A-1"
    return request  # type: ignore[no-any-return]  # built by name


def lent_whole(vault: RunningVault, customer: str, who: str, why: str) -> str:
    """What somebody was lent of all customers, before he was held to a branch."""
    register = Register(vault)
    try:
        out = lending(
            customer,
            "customer",
            "identity_document",
            "transaction",
            person=f"p-{who}",
            purpose=why,
            one_time=True,
        )
        return register.put(replace(out, customer=""))
    finally:
        register.close()


@pytest.mark.parametrize(("tier", "method"), by_name(ONE))
def test_a_customer_of_another_branch_is_refused_by_every_rpc(
    vault: RunningVault,
    log: LogBook,
    here: Bank,
    there: Bank,
    tier: TierName,
    method: MethodDescriptor,
) -> None:
    def ask_as(who: str, bank: Bank, branch: str) -> Any:
        return called(vault, who, tier, method, about(vault, method, bank, branch, who))

    size = log.size()
    ended, answers, why = ask_as(CLERK, there, THERE)
    assert ended == OUTSIDE
    assert not answers and why is not None
    # Not even that it is the branch, or the class: it would tell of the file.
    assert not any(word in why.text for word in (THERE, "VIP", "ORDINARY"))
    event = log.since(size)[-1]
    assert (event.decision, event.reason, event.policies) == (Decision.DENIED, "OUTSIDE_SCOPE", ())
    assert (event.actor, event.fields) == (CLERK, ())
    # It is the reach that refused it: another, who has none, is served, and so is he in his own.
    served, _, _ = ask_as(FLOATER, there, THERE)
    # Nobody has uploaded anything, and of what is begun here nothing further comes.
    past = {"GetUpload": "NOT_FOUND", "DownloadDocument": "NOT_FOUND"}
    past |= {"UploadDocument": "INVALID_ARGUMENT"}
    # Nobody can have agreed by what was put there, and no other vault's log is trusted here.
    past |= dict.fromkeys(("TransferFiles", "AcknowledgeTransfer"), "FAILED_PRECONDITION")
    # Nobody has asked.
    past |= dict.fromkeys(("GetSubjectRequest", "ExtendSubjectRequest"), "NOT_FOUND")
    past |= dict.fromkeys(("CloseSubjectRequest", "ReportUse"), "NOT_FOUND")
    assert served[0] in {past.get(method.name, "OK"), "ABORTED"}, served
    # These are of all files, or of none.
    if method.name not in ("ExportCustomers", "ExportFiles", "TransferFiles", "WatchChanges"):
        own, _, _ = ask_as(CLERK, here, HERE)
        assert own == served


@pytest.mark.parametrize("rpc", ["GetCustomer", "GetMaskedCustomer"])
@pytest.mark.parametrize(
    ("who", "marks", "ended"),
    [
        (CLERK, [party.SENSITIVITY_VIP], "OK"),
        ("plain", [], "OK"),
        ("plain", [party.SENSITIVITY_VIP], "PERMISSION_DENIED"),
        ("plain", [party.SENSITIVITY_EMPLOYEE, party.SENSITIVITY_VIP], "PERMISSION_DENIED"),
        ("nobodys", [], "PERMISSION_DENIED"),
        (FLOATER, [party.SENSITIVITY_VIP], "OK"),
    ],
)
def test_a_class_of_files_is_held_to_in_both_tiers(
    vault: RunningVault, here: Bank, who: str, marks: list[Any], ended: str, rpc: str
) -> None:
    bank = of_branch(vault, here, HERE, *marks)
    (tier, method), *_ = [one for one in every() if one[1].name == rpc]
    (code, reason), _, _ = called(vault, who, tier, method, request_for(method, bank))
    assert (code, reason) == (ended, "" if ended == "OK" else "OUTSIDE_SCOPE")


def test_a_minor_needs_no_mark_to_be_of_that_class(vault: RunningVault) -> None:
    child = people.person()
    child.natural_person.ClearField("identity")
    child.ClearField("accounts")
    child.natural_person.birth_date.year = 2020
    name = create(vault, child).name
    for call in (
        partial(
            vault.records("plain").GetCustomer, pb.GetCustomerRequest(name=name, purpose=ONBOARDING)
        ),
        partial(vault.masked("plain").GetMaskedCustomer, mp.GetMaskedCustomerRequest(name=name)),
    ):
        assert refusal(call).reason == "OUTSIDE_SCOPE"


@pytest.mark.parametrize("rpc", WHOLE)
def test_what_is_of_all_files_is_refused_to_who_reaches_a_part(
    vault: RunningVault, here: Bank, rpc: str
) -> None:
    (tier, method), *_ = [one for one in every() if one[1].name == rpc]
    assert called(vault, CLERK, tier, method, request_for(method, here))[0] == OUTSIDE
    assert called(vault, FLOATER, tier, method, request_for(method, here))[0] != OUTSIDE


def test_with_a_token_the_person_has_to_reach_the_file_too(
    vault: RunningVault, here: Bank, there: Bank
) -> None:
    held = entry("teller", "teller", uri="", person="p-teller", accounts=[f"{ISSUER}|teller"])
    held.scope.branches.names.append(HERE)
    approve(vault, propose(vault, held))

    def masked(bank: Bank, *metadata: tuple[str, str]) -> Callable[[], object]:
        request = mp.GetMaskedCustomerRequest(name=bank.customer)
        stub = vault.masked("crm")
        return lambda: stub.GetMaskedCustomer(request, metadata=metadata, timeout=10)

    token = ("authorization", f"Bearer {vault.token()}")
    masked(there)()
    seconds_until(masked(there, token), "PERMISSION_DENIED")
    assert refusal(masked(there, token)).reason == "OUTSIDE_SCOPE"
    masked(here, token)()


def test_a_customer_who_moves_is_reached_by_the_other_branch_and_no_more_by_his_own(
    vault: RunningVault, here: Bank
) -> None:
    bank = of_branch(vault, here, HERE)
    lent = ask(vault, bank.customer, who=CLERK)
    vault.access("custodian").ApproveCheckOut(
        lp.ApproveCheckOutRequest(name=lent.name, etag=lent.etag)
    )
    reading = pb.GetCustomerRequest(name=bank.customer, purpose=SERVING, check_out=lent.name)
    first = pb.GetCustomerRequest(name=bank.customer, purpose=ONBOARDING, version=1)
    vault.records(CLERK).GetCustomer(reading)
    customer = get(vault, bank.customer)
    customer.branch = THERE
    update(vault, customer, "branch")
    for request in (reading, first):
        assert refusal(partial(vault.records(CLERK).GetCustomer, request)).reason == "OUTSIDE_SCOPE"
    vault.records("mover").GetCustomer(first)
    # The entry is his own: he sees and returns it, and has it not renewed.
    renewing = lp.RenewCheckOutRequest(name=lent.name, reason="Still", duration=lent.duration)
    renewal = partial(vault.access(CLERK).RenewCheckOut, renewing)
    assert refusal(renewal).reason == "OUTSIDE_SCOPE"
    assert look(vault, lent.name, who=CLERK).state == lp.CHECK_OUT_STATE_ACTIVE
    vault.access(CLERK).ReturnCheckOut(lp.ReturnCheckOutRequest(name=lent.name))


# -- lists -----------------------------------------------------------------------------------------


def test_pages_leave_out_whom_he_does_not_reach_and_are_full_all_the_same(
    vault: RunningVault, here: Bank
) -> None:
    for branch in (THERE, HERE, THERE, THERE, HERE, THERE):
        of_branch(vault, here, branch)

    def full(who: str, token: str) -> tuple[list[Any], str]:
        request = pb.ListCustomersRequest(
            parent=PARENT, purpose=ONBOARDING, page_size=2, page_token=token
        )
        page = vault.records(who).ListCustomers(request)
        return list(page.customers), page.next_page_token

    def masked(who: str, token: str) -> tuple[list[Any], str]:
        request = mp.ListMaskedCustomersRequest(parent=PARENT, page_size=2, page_token=token)
        page = vault.masked(who).ListMaskedCustomers(request)
        return list(page.customers), page.next_page_token

    for pages in (full, masked):
        everybody, his = all_of(pages, FLOATER), all_of(pages, CLERK)
        assert {one.branch for page in everybody for one in page} == {HERE, THERE}
        shown = [one for page in his for one in page]
        assert [one.name for one in shown] == [
            one.name for page in everybody for one in page if one.branch == HERE
        ]
        assert all(len(page) == 2 for page in his[:-1])
        assert all_of(pages, "nobodys") == [[]]


def all_of(pages: Callable[[str, str], tuple[list[Any], str]], who: str) -> list[list[Any]]:
    out, token = [], ""
    while True:
        page, token = pages(who, token)
        out.append(page)
        if not token:
            return out


def test_a_search_finds_nobody_whom_he_does_not_reach(
    vault: RunningVault, log: LogBook, here: Bank
) -> None:
    customer = people.person()
    customer.branch = THERE
    create(vault, customer)
    request = mp.SearchMaskedCustomersRequest(parent=PARENT, phone=customer.phones[0])
    assert len(vault.masked(FLOATER).SearchMaskedCustomers(request).customers) == 1
    nobody = mp.SearchMaskedCustomersRequest(parent=PARENT, phone="+8613000000000")
    answers = [vault.masked(CLERK).SearchMaskedCustomers(one) for one in (request, nobody)]
    # As of a number that nobody has.
    assert answers[0] == answers[1] == mp.SearchMaskedCustomersResponse()


def test_the_register_shows_him_nothing_of_other_files(
    vault: RunningVault, here: Bank, there: Bank
) -> None:
    stop = threading.Event()
    seen: list[str] = []
    request = lp.WatchCheckOutsRequest(parent=PARENT)
    stream = vault.access(CLERK).WatchCheckOuts(request)

    def watch() -> None:
        try:
            for answer in stream:
                seen.append(answer.check_out.subject)
                stop.set()
        except grpc.RpcError:
            return

    theirs = ask(vault, there.customer, who=ASKER)
    watcher = threading.Thread(target=watch)
    watcher.start()
    later = ask(vault, there.customer, who=ASKER)
    ours = ask(vault, here.customer, who=ASKER)
    assert stop.wait(10)
    deadline = time.monotonic() + 10
    while here.customer not in seen:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    stream.cancel()
    watcher.join(10)
    assert there.customer not in seen
    his = {one.name for one in listed(vault, CLERK)}
    assert ours.name in his and not his & {theirs.name, later.name}
    assert {theirs.name, later.name} <= {one.name for one in listed(vault, FLOATER)}


@pytest.mark.parametrize(("tier", "method"), by_name(OF_THE_REGISTER))
def test_an_entry_of_another_file_is_not_there(
    vault: RunningVault,
    log: LogBook,
    here: Bank,
    there: Bank,
    tier: TierName,
    method: MethodDescriptor,
) -> None:
    def made(customer: str) -> Message:
        if method.name == "ReviewBreakGlass":
            out = break_glass(vault, customer, who=ASKER)
        else:
            out = ask(vault, customer, who=ASKER)
        request: Any = request_for(method, here)
        request.name = out.name
        if "etag" in request.DESCRIPTOR.fields_by_name:
            request.etag = out.etag
        return request  # type: ignore[no-any-return]  # built by name

    size = log.size()
    request = made(there.customer)
    ended, _, why = called(vault, CLERK, tier, method, request)
    assert ended == NOT_THERE and why is not None
    assert log.since(size)[-1].decision is Decision.DENIED
    served, _, _ = called(vault, FLOATER, tier, method, request)
    own, _, _ = called(vault, CLERK, tier, method, made(here.customer))
    assert served == own
    assert served[0] in {"OK", "FAILED_PRECONDITION", "PERMISSION_DENIED"}


# -- an import -------------------------------------------------------------------------------------


def test_of_an_import_the_items_of_other_branches_are_refused_one_by_one(
    vault: RunningVault, here: Bank, there: Bank
) -> None:
    ours, theirs = people.person(), people.person()
    theirs.branch = THERE
    request = pb.ImportRecordsRequest(
        parent=PARENT,
        request_id=new_id(),
        items=[
            pb.ImportItem(new_customer=ours),
            pb.ImportItem(new_customer=theirs),
            pb.ImportItem(customer=here.customer, transaction=people.booking()),
            pb.ImportItem(customer=there.customer, transaction=people.booking()),
            pb.ImportItem(customer=there.customer, identity_document=people.passport()),
        ],
    )
    (answer,) = vault.records(CLERK).ImportRecords(iter([request]))
    reasons = [
        refused_status(one.error).reason if one.HasField("error") else "OK"
        for one in answer.results
    ]
    assert reasons == ["OK", "OUTSIDE_SCOPE", "OK", "OUTSIDE_SCOPE", "OUTSIDE_SCOPE"]


def test_who_holds_a_number_is_not_named_to_who_does_not_reach_him(
    vault: RunningVault, there: Bank
) -> None:
    known = get(vault, there.customer)
    again = people.person()
    again.natural_person.identity.CopyFrom(known.natural_person.identity)
    again.natural_person.birth_date.CopyFrom(known.natural_person.birth_date)
    request = pb.CreateCustomerRequest(parent=PARENT, customer=again)
    told = refusal(partial(vault.records(FLOATER).CreateCustomer, request))
    assert (told.code, told.resource) == ("ALREADY_EXISTS", there.customer)
    veiled = refusal(partial(vault.records(CLERK).CreateCustomer, request))
    assert (veiled.code, veiled.reason, veiled.resource) == (told.code, told.reason, "")
    assert there.customer not in veiled.text


# -- a change of reach -----------------------------------------------------------------------------


def narrowed(*branches: str) -> ap.PrincipalEntry:
    made = entry("mover", "teller", "compliance", "custodian", person="p-mover")
    made.scope.branches.names.extend(branches)
    return made


def test_a_narrower_reach_acts_within_a_second_on_calls_and_streams_of_both_tiers(
    vault: RunningVault, here: Bank, there: Bank
) -> None:
    full = partial(
        vault.records("mover").GetCustomer,
        pb.GetCustomerRequest(name=there.customer, purpose=ONBOARDING),
    )
    masked = partial(
        vault.masked("mover").GetMaskedCustomer, mp.GetMaskedCustomerRequest(name=there.customer)
    )
    full(), masked()
    ended: list[tuple[str, str, float]] = []
    ask(vault, here.customer, who=ASKER)
    begun = threading.Event()
    stream = vault.access("mover").WatchCheckOuts(lp.WatchCheckOutsRequest(parent=PARENT))

    def watch() -> None:
        try:
            for _ in stream:
                begun.set()
        except grpc.RpcError as error:
            why = refused(error)
            ended.append((why.code, why.reason, time.monotonic()))

    watcher = threading.Thread(target=watch)
    watcher.start()
    assert begun.wait(10)
    approve(vault, propose(vault, narrowed(HERE)))
    changed = time.monotonic()
    for call in (full, masked):
        assert seconds_until(call, "PERMISSION_DENIED") < WITHIN_SECONDS
        assert refusal(call).reason == "OUTSIDE_SCOPE"
    watcher.join(10)
    ((code, reason, when),) = ended
    assert (code, reason) == ("ABORTED", "SCOPE_CHANGED")
    assert when - changed < WITHIN_SECONDS
    # Opened anew, it shows what he reaches now.
    vault.access("mover").ListCheckOuts(lp.ListCheckOutsRequest(parent=PARENT))
    approve(vault, propose(vault, narrowed(HERE, THERE)))
    for call in (full, masked):
        assert seconds_until(call, "OK") < WITHIN_SECONDS


def test_how_far_roles_reach_is_told_with_who_can_and_why_not_whether_the_file_is_within(
    vault: RunningVault, here: Bank, there: Bank
) -> None:
    answers = []
    for bank in (here, there):
        request = ap.WhoCanRequest(resource=bank.customer)
        found = vault.access_admin("officer").WhoCan(request).able
        (one,) = [able for able in found if able.principal == CLERK]
        assert list(one.scope.branches.names) == [HERE]
        answers.append(one)
    assert answers[0] == answers[1]
    asked = ap.ExplainAccessRequest(
        parent=PARENT,
        principal=CLERK,
        action="masked.customers.get",
        resource=there.customer,
    )
    (told,) = vault.access_admin("officer").ExplainAccess(asked).explanations
    assert told.allowed and list(told.scope.branches.names) == [HERE]
