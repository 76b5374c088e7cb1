"""Every RPC by which one customer is opened or looked at is counted and noticed, and rings for a
decoy: of both tiers, on both databases, and also one that comes later."""

import time
from collections.abc import Iterator
from dataclasses import fields
from functools import partial

import pytest

from recordsvault.admin.v1 import watch_pb2 as wp
from recordsvault.admin.v1 import watch_pb2_grpc
from recordsvault.records.v1 import records_pb2 as pb
from tests.e2e import people, rpc_matrix
from tests.e2e.calls import create
from tests.e2e.people import PARENT
from tests.e2e.rpc_matrix import Bank, request_for
from tests.e2e.two_processes import alerts, full, masked, somebody
from tests.e2e.wire import LogBook, refusal
from tests.support.borrowing import add_person
from tests.support.contents import scan, upload
from tests.support.running_vault import RunningVault
from vault.access import Action, ActionClass
from vault.audit import AuditEvent, Phase
from vault.server.settings import TierName

FAMILY = "端木"
BUDGETS = """\
time_zone = "Asia/Shanghai"

[[budget]]
roles = ["two"]
full_a_day = 2
masked_a_day = 2
"""
DETECTION = """\
[[similar]]
id = "one-family"
severity = "alert"
roles = ["two"]
by = "surname"
count = 2
within = "1h"
"""
# Of many customers at once: what they spend stands in test_snooping.py.
OF_MANY = {
    Action.CUSTOMERS_LIST,
    Action.MASKED_CUSTOMERS_LIST,
    Action.MASKED_CUSTOMERS_SEARCH,
}
LOOKING = {
    TierName.FULL: ActionClass.FULL_READ,
    TierName.MASKED: ActionClass.MASKED_READ,
}


@pytest.fixture(scope="module")
def tables() -> dict[str, str]:
    return {"budgets": BUDGETS, "detection": DETECTION}


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    return each_vault


@pytest.fixture
def book(vault: RunningVault) -> Iterator[LogBook]:
    opened = LogBook(vault.database)
    yield opened
    opened.close()


def relative(vault: RunningVault, given: str) -> str:
    """A customer of the family."""
    sent = people.person()
    sent.natural_person.full_name = f"{FAMILY}{given}"
    return create(vault, sent).name


def decoy(vault: RunningVault) -> Bank:
    """A decoy of the family, with something of every kind below him."""
    there = with_everything(vault, relative(vault, "乙"))
    officer = watch_pb2_grpc.WatchStub(vault.channel("officer", TierName.FULL))
    officer.SetDecoy(wp.SetDecoyRequest(name=there.customer, decoy=True))
    return there


def with_everything(vault: RunningVault, customer: str) -> Bank:
    """A customer, once something of every kind is below him."""
    stub = vault.records()
    document = stub.CreateIdentityDocument(
        pb.CreateIdentityDocumentRequest(parent=customer, identity_document=people.passport())
    ).identity_document.name
    transaction = stub.CreateTransaction(
        pb.CreateTransactionRequest(parent=customer, transaction=people.booking())
    ).transaction.name
    upload(stub, document, scan(1_000))
    there = {
        "parent": PARENT,
        "customer": customer,
        "document": document,
        "transaction": transaction,
    }
    return Bank(**({field.name: "" for field in fields(Bank)} | there))


def looks(event: AuditEvent, tier: TierName) -> bool:
    return Action(event.action).action_class is LOOKING[tier]


@pytest.mark.parametrize("tier", TierName)
def test_every_rpc_that_opens_or_shows_one_customer_is_counted_noticed_and_rings(
    vault: RunningVault, book: LogBook, tier: TierName
) -> None:
    tried = f"{tier}-{book.size()}"  # tried again, they are others
    one, other, trap = relative(vault, "甲"), relative(vault, "丙"), decoy(vault)
    rpcs = rpc_matrix.rpcs(tier)
    for number in range(len(rpcs)):
        add_person(vault, f"{tried}-{number}", "compliance", "two")
    # Known by now, as all before; and what is a decoy is known to both tiers.
    somebody(vault, f"{tried}-last", "two")
    time.sleep(2)
    look = full if tier is TierName.FULL else masked
    seen: set[Action] = set()
    for number, (rpc, method) in enumerate(rpcs):
        who, size = f"{tried}-{number}", book.size()
        if method.name.startswith("Watch"):
            continue
        code = rpc_matrix.call(vault, who, tier, method, request_for(method, trap))
        events = [e for e in book.since(size) if e.actor == who]
        if not events or not looks(events[-1], tier):
            continue
        seen.add(action := Action(events[-1].action))
        if action in OF_MANY:
            continue
        assert code == "OK", rpc
        opened = tier is TierName.FULL
        ringing = ("watch.alert", "DECOY_OPENED" if opened else "DECOY_LOOKED_AT")
        # It stands in front of the call's first event, and the stream's last one rings no more.
        assert alerts(events) == [ringing], rpc
        assert alerts(events[:1]) == [ringing] and events[0].resource == trap.customer, rpc
        assert events[1].phase in (Phase.CALL, Phase.OPENED)
        size = book.size()
        look(vault, who, one)
        found = alerts(book.since(size))
        # The second of a family whose first was opened by this call; the masked tier has no names.
        assert found == ([("watch.alert", "ONE_FAMILY")] if opened else []), rpc
        over = refusal(partial(look, vault, who, other))
        assert over.reason == "BUDGET_EXHAUSTED", rpc
    assert seen == {a for a in Action if a.action_class is LOOKING[tier]}


@pytest.mark.parametrize("whose", ["own_files", "related_files"])
def test_no_rpc_opens_ones_own_file_or_a_relatives(
    vault: RunningVault, book: LogBook, whose: str
) -> None:
    mine = with_everything(vault, create(vault).name)
    who = f"{whose.partition('_')[0]}-{book.size()}"  # tried again, it is somebody else
    closed = {whose: [mine.customer.rpartition("/")[2]]}
    add_person(vault, who, "compliance", **closed)  # type: ignore[arg-type]  # by name
    somebody(vault, f"{who}-last")
    refused: dict[Action, str] = {}
    for _, method in rpc_matrix.rpcs(TierName.FULL):
        if method.name.startswith("Watch"):
            continue
        size = book.size()
        rpc_matrix.call(vault, who, TierName.FULL, method, request_for(method, mine))
        events = [e for e in book.since(size) if e.actor == who]
        if events and looks(events[-1], TierName.FULL):
            refused[Action(events[-1].action)] = events[-1].reason
    # A page of all customers leaves him out.
    del refused[Action.CUSTOMERS_LIST]
    assert set(refused.values()) == {"OWN_FILE"}
    there = {a for a in Action if a.action_class is ActionClass.FULL_READ} - OF_MANY
    assert set(refused) == there
