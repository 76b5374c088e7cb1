"""No tipping-off: whoever is no member gets the same bytes and the same errors about a customer,
whether or not a compartment has something about him. How long it takes: test_tipping_off_times.py.

Every RPC that the tiers serve is asked, or stands in NOT_COMPARED with the reason; one that comes
later fails here until somebody has decided which.
"""

import ast
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from recordsvault.access.v1 import access_pb2 as xp
from recordsvault.admin.v1 import access_admin_pb2 as gp
from recordsvault.audit.v1 import audit_pb2 as ap
from recordsvault.bundles.v1 import exports_pb2 as bp
from recordsvault.bundles.v1 import exports_pb2_grpc
from recordsvault.compartments.v1 import compartments_pb2 as cp
from recordsvault.life.v1 import merges_pb2 as np
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.type.v1 import purpose_pb2
from tests.e2e import rpc_matrix
from tests.e2e.calls import query
from tests.e2e.people import PARENT
from tests.e2e.rpc_matrix import Bank, request_for
from tests.e2e.tipping_off import (
    ASKED_OF_NOTHING,
    EVERYBODY,
    NOT_COMPARED,
    ON_POSTGRESQL,
    OWN_SERVICE,
    Answer,
    ask,
    compared,
    everything,
    furnished,
    investigate,
    next_number,
    without_what_the_vault_makes,
)
from tests.e2e.wire import LogBook
from tests.support import lending
from tests.support.borrowing import add_person
from tests.support.bundles import Files, recipient, unsealed
from tests.support.lending import until_known
from tests.support.running_vault import ROOT, RunningVault
from vault.bundles import RecipientKey
from vault.server.settings import TierName

BLOCKING, WIRING = "vault/services/retention/blocking.py", "vault/server/retention.py"


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    return each_vault


# -- bytes and errors ----------------------------------------------------------------------------


def test_every_rpc_is_compared_or_has_its_reason() -> None:
    asked = {rpc for reads in (True, False) for _, rpc, _ in compared(reads)}
    there = {rpc for tier in TierName for rpc, _ in rpc_matrix.rpcs(tier)}
    left = {rpc for rpc in there - asked if not rpc.startswith(OWN_SERVICE)}
    assert left == set(NOT_COMPARED)
    assert len(asked) >= 30


@ON_POSTGRESQL
@pytest.mark.timeout(240)  # two thousand calls
def test_whatever_is_asked_of_a_customer_the_answer_is_the_same_as_before(
    vault: RunningVault,
) -> None:
    n = next_number()
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
    # And of each RPC somebody had an answer, but of those of which it is said why not.
    told = {rpc for (_, rpc, _, _), answer in before.items() if answer.code == "OK"}
    assert {rpc for _, rpc, _, _ in before} - told == set(ASKED_OF_NOTHING)


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
        customer.branch, customer.change_reason = "BJ-03", "moved"
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


def test_all_files_leave_the_same_as_before(vault: RunningVault) -> None:
    for who in ("auditor", "second-auditor"):
        add_person(vault, who, "compliance")
        until_known(vault, who)
    bank = furnished(vault)
    audit: dict[str, Any] = {"purpose": purpose_pb2.PURPOSE_INTERNAL_AUDIT, "case_reference": "A-7"}

    def exported() -> list[bytes]:
        asked = lending.ask(vault, PARENT, "customer.phones", who="auditor", **audit)
        lent = lending.approve(vault, lending.approve(vault, asked), who="second-auditor")
        request = pb.ExportCustomersRequest(parent=PARENT, check_out=lent.name, **audit)
        stream = vault.records("auditor").ExportCustomers(request)
        return [one.SerializeToString(deterministic=True) for one in stream]

    before = exported()
    investigate(vault, bank)
    assert exported() == before
    assert bank.customer.encode() in b"".join(before)


def test_his_file_becomes_one_with_another_like_any_others(vault: RunningVault) -> None:
    """Until they are taken apart again; asked by who may, and by those who may not."""
    service = gp.DESCRIPTOR.services_by_name["AccessAdmin"].methods_by_name
    merges = np.DESCRIPTOR.services_by_name["Merges"].methods_by_name
    records = pb.DESCRIPTOR.services_by_name["Records"].methods_by_name
    answers: list[list[Answer]] = []
    for watch in (False, True):
        bank, into = furnished(vault), furnished(vault)
        if watch:
            investigate(vault, bank)
        told: list[Answer] = []

        def call(who: str, method: Any, request: Message, told: list[Answer] = told) -> Any:
            found = ask(vault, who, TierName.FULL, method, request)
            told.append(without_what_the_vault_makes(found, method))
            message = GetMessageClass(method.output_type)()
            message.ParseFromString(found.messages[0] if found.messages else b"")
            return message

        pair = {"name": bank.customer, "into": into.customer}
        propose = np.ProposeMergeRequest(**pair, reason="Twice here.")
        made = call("custodian", merges["ProposeMerge"], propose).proposal
        for who in EVERYBODY:
            call(who, service["GetProposal"], gp.GetProposalRequest(name=made.name))
        agree = np.ApproveMergeRequest(name=made.name, etag=made.etag, comment="Seen.")
        for who in ("backend", "custodian", "compliance", "compliance"):
            call(who, merges["ApproveMerge"], agree)
        for name in pair.values():
            read = pb.GetCustomerRequest(name=name, purpose=purpose_pb2.PURPOSE_ONBOARDING_CDD)
            for who in EVERYBODY:
                call(who, records["GetCustomer"], read)
                # Two customers are two persons.
                told[-1] = replace(told[-1], messages=())
        apart = np.ProposeUnmergeRequest(name=bank.customer, reason="Not one.")
        call("custodian", merges["ProposeUnmerge"], apart)
        answers.append(told)
    assert answers[0] == answers[1]
    assert [a.code for a in answers[0] if a.code == "OK"][:2] == ["OK", "OK"]


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
        "vault/store/schema/retention.py",
        "vault/store/schema/__init__.py",
        "vault/store/__init__.py",
        # Finds the row that an event names, beside a running vault.
        "vault/store/evidence.py",
        # What disposal must not touch, for whatever cause: nothing else asks, as is held below.
        "vault/store/holds.py",
        BLOCKING,
        # Seals rows anew under new keys, whatever is in them; nobody calls it.
        "vault/services/rotation/sealed_tables.py",
        # Their own service, and what makes the room.
        "vault/rpc/servicers/compartments.py",
        "vault/rpc/translate/compartments.py",
        "vault/rpc/servicers/retention.py",
        "vault/rpc/translate/retention.py",
        "vault/server/tiers.py",
        WIRING,
    }
    found, asks = set(), set()
    for path in sorted((ROOT / "vault").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(("vault/services/compartments/", "vault/store/migrations/")):
            continue
        tree = ast.parse(path.read_text("utf-8"))
        modules = set(imported(tree))
        if modules & {"vault.services.retention.blocking", "vault.store.holds"}:
            asks.add(name)
        if any(mentions_them(node) for node in ast.walk(tree)) or any(
            f"{one}.".startswith(("vault.store.compartments.", "vault.services.compartments."))
            for one in modules
        ):
            found.add(name)
    assert found - allowed == set()
    # Nothing stands here that is not needed any more.
    assert allowed - found <= {"vault/store/__init__.py", WIRING}
    assert all(one.startswith("vault/services/retention/") for one in asks - {WIRING}), asks


def imported(tree: ast.Module) -> Iterator[str]:
    """Modules, and what is taken from them, by whole name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def mentions_them(node: ast.AST) -> bool:
    """Whether program text says one of the tables: by name, as an attribute, or in SQL."""
    tables = ("compartment_members", "compartment_items", "compartment_holds")
    if isinstance(node, ast.Name):
        return node.id in tables
    if isinstance(node, ast.Attribute):
        of_schema = isinstance(node.value, ast.Name) and node.value.id == "schema"
        return node.attr in tables or (of_schema and node.attr == "compartments")
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return any(table in node.value for table in tables) or "FROM compartments" in node.value
    return False
