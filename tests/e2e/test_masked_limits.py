"""The masked tier when searching is budgeted, and when the full tier is away."""

import time
from collections.abc import Callable
from functools import partial

import grpc

from recordsvault.admin.v1 import admin_pb2 as ap
from recordsvault.internal.v1 import index_oracle_pb2, index_oracle_pb2_grpc
from recordsvault.masked.v1 import masked_pb2 as mp
from recordsvault.records.v1 import records_pb2 as pb
from tests.e2e import people
from tests.e2e.people import OTHER_PARENT, PARENT
from tests.e2e.wire import LogBook, call_of, refusal
from tests.support.running_vault import OWN, RunningVault, other
from tests.support.tokens import ISSUER
from vault.server.settings import TierName

Start = Callable[[str], RunningVault]


def search(vault: RunningVault, who: str = "crm", parent: str = PARENT) -> Callable[[], object]:
    request = mp.SearchMaskedCustomersRequest(parent=parent, phone="+8613800138000")
    return partial(vault.masked(who).SearchMaskedCustomers, request)


def oracle_state(vault: RunningVault) -> int:
    request = ap.CheckHealthRequest(parts=["oracle"])
    return vault.admin(tier=TierName.MASKED).CheckHealth(request).checks[0].state


def test_who_has_used_up_the_search_budget_is_told_to_wait(own_vault: Start) -> None:
    vault = own_vault("searches_per_minute = 3")
    log = LogBook(vault.database)
    name = (
        vault.records()
        .CreateCustomer(pb.CreateCustomerRequest(parent=PARENT, customer=people.person()))
        .customer.name
    )
    for _ in range(3):
        search(vault)()
    size = log.size()
    refused = refusal(search(vault))
    assert (refused.code, refused.reason) == ("RESOURCE_EXHAUSTED", "SEARCH_BUDGET_EXHAUSTED")
    assert refused.en.isascii() and not refused.zh.isascii() and refused.retry_seconds > 0
    events = log.since(size)
    assert {(e.tier, e.outcome) for e in events} == {
        ("full", "RESOURCE_EXHAUSTED"),
        ("masked", "RESOURCE_EXHAUSTED"),
    }
    assert len(set(map(call_of, events))) == 1
    # Others have a budget of their own, and reading is not searching.
    search(vault, "compliance")()
    search(vault, other("crm"), OTHER_PARENT)()
    vault.masked().GetMaskedCustomer(mp.GetMaskedCustomerRequest(name=name))
    # A third of a minute brings one back; it is not waited for here.
    assert refusal(search(vault)).code == "RESOURCE_EXHAUSTED"
    log.close()


def test_one_teller_does_not_use_up_the_searches_of_the_others(own_vault: Start) -> None:
    vault = own_vault("searches_per_minute = 3\nsearches_per_minute_of_a_node = 7")
    log = LogBook(vault.database)
    vault.principals(before=_at_the_counter("second", "p-second"))
    _until_known(vault, "second")
    size = log.size()
    searching(vault, "second")()
    (asked,) = [e for e in log.since(size) if e.tier == "full"]
    assert (asked.actor, asked.on_behalf_of, asked.person) == ("masked-node", "crm", "second")
    for _ in range(3):
        searching(vault, "teller")()
    size = log.size()
    assert refusal(searching(vault, "teller")).reason == "SEARCH_BUDGET_EXHAUSTED"
    (asked,) = [e for e in log.since(size) if e.tier == "full"]
    assert (asked.person, asked.outcome) == ("teller", "RESOURCE_EXHAUSTED")
    # The other teller goes on, and so does the program for itself.
    searching(vault, "second")()
    size = log.size()
    search(vault)()
    assert {e.person for e in log.since(size)} == {""}
    # In all, the node has had seven, of which one is left: whoever asks, that is all it gets.
    searching(vault, "second")()
    assert refusal(search(vault)).reason == "SEARCH_BUDGET_EXHAUSTED"
    log.close()


def test_a_node_that_names_persons_who_do_not_exist_gets_no_more_searches(own_vault: Start) -> None:
    vault = own_vault("searches_per_minute = 3\nsearches_per_minute_of_a_node = 7")
    stub = index_oracle_pb2_grpc.IndexOracleStub(vault.channel("masked-node", TierName.FULL))

    def ask(number: int) -> object:
        who = index_oracle_pb2.SearchingPerson(person=f"p-{number}", principal=f"n-{number}")
        request = index_oracle_pb2.LookUpRequest(
            parent=PARENT,
            kind=index_oracle_pb2.TERM_KIND_PHONE,
            value="+8613800138000",
            on_behalf_of="crm",
            limit=1,
            person=who,
        )
        return stub.LookUp(request)

    for number in range(7):
        ask(number)
    assert refusal(partial(ask, 8)).reason == "SEARCH_BUDGET_EXHAUSTED"


def _at_the_counter(name: str, person: str) -> str:
    return (
        f'[[principal]]\nname = "{name}"\nperson = "{person}"\naccounts = ["{ISSUER}|{name}"]\n'
        f'institution = "{OWN}"\nroles = ["teller"]\n\n'
    )


def searching(vault: RunningVault, teller: str) -> Callable[[], object]:
    """A teller's search, through the CRM."""
    request = mp.SearchMaskedCustomersRequest(parent=PARENT, phone="+8613800138000")
    carried = (("authorization", f"Bearer {vault.token(teller)}"),)
    return partial(vault.masked().SearchMaskedCustomers, request, metadata=carried)


def _until_known(vault: RunningVault, teller: str) -> None:
    """The directory is read anew within a second."""
    request = mp.ListMaskedCustomersRequest(parent=PARENT)
    deadline = time.monotonic() + 10
    while True:
        carried = (("authorization", f"Bearer {vault.token(teller)}"),)
        try:
            vault.masked().ListMaskedCustomers(request, metadata=carried)
        except grpc.RpcError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            return


def test_reading_goes_on_while_the_full_tier_is_away(own_vault: Start) -> None:
    vault = own_vault("")
    log = LogBook(vault.database)
    name = (
        vault.records()
        .CreateCustomer(pb.CreateCustomerRequest(parent=PARENT, customer=people.person()))
        .customer.name
    )
    search(vault)()
    vault.kill(TierName.FULL)
    started = time.monotonic()
    refused = refusal(search(vault))
    assert (refused.code, refused.reason) == ("UNAVAILABLE", "ORACLE_UNAVAILABLE")
    assert refused.retry_seconds > 0
    assert time.monotonic() - started < 6
    shown = vault.masked().GetMaskedCustomer(mp.GetMaskedCustomerRequest(name=name)).customer
    assert shown.name == name
    listed = vault.masked().ListMaskedCustomers(mp.ListMaskedCustomersRequest(parent=PARENT))
    assert [c.name for c in listed.customers] == [name]
    events = log.since(0)[-3:]
    assert [(e.action, e.outcome) for e in events] == [
        ("masked.customers.search", "UNAVAILABLE"),
        ("masked.customers.get", "OK"),
        ("masked.customers.list", "OK"),
    ]
    assert oracle_state(vault) == ap.HEALTH_STATE_CRITICAL
    vault.start(TierName.FULL)
    deadline = time.monotonic() + 10
    while True:
        try:
            search(vault)()
            break
        except Exception:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    assert oracle_state(vault) == ap.HEALTH_STATE_OK
    assert log.verify() == log.size()
    log.close()
