"""Files that are of one customer, over TLS on both databases: one points to the other, as two
persons have agreed, until two persons take them apart."""

from collections.abc import Callable
from functools import partial

import pytest

from recordsvault.life.v1 import merges_pb2 as mp
from recordsvault.life.v1 import merges_pb2_grpc
from recordsvault.masked.v1 import masked_pb2
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.records.v1.customer_pb2 import Customer
from recordsvault.type.v1 import party_pb2, purpose_pb2
from tests.e2e import people
from tests.e2e.access_changes import seconds_until
from tests.e2e.calls import SERVING, create, create_document, create_transaction, get, query, update
from tests.e2e.people import PARENT
from tests.e2e.wire import refusal
from tests.support.borrowing import add_person
from tests.support.contents import scan, upload
from tests.support.lending import PHONES, approve, ask, span, until_known
from tests.support.running_vault import RunningVault
from vault.server.settings import TierName


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    """On both databases."""
    return each_vault


def merges(vault: RunningVault, who: str = "custodian") -> merges_pb2_grpc.MergesStub:
    return merges_pb2_grpc.MergesStub(vault.channel(who, TierName.FULL))


def propose(vault: RunningVault, old: str, into: str) -> mp.MergeProposal:
    request = mp.ProposeMergeRequest(name=old, into=into, reason="Opened twice.")
    return merges(vault).ProposeMerge(request).proposal


def agree(vault: RunningVault, made: mp.MergeProposal, who: str = "compliance") -> mp.MergeProposal:
    request = mp.ApproveMergeRequest(name=made.name, etag=made.etag, comment="Seen.")
    return merges(vault, who).ApproveMerge(request).proposal


def search(vault: RunningVault, phone: str) -> list[str]:
    request = masked_pb2.SearchMaskedCustomersRequest(parent=PARENT, phone=phone)
    return [one.name for one in vault.masked().SearchMaskedCustomers(request).customers]


def show(vault: RunningVault, name: str) -> Callable[[], object]:
    request = masked_pb2.GetMaskedCustomerRequest(name=name)
    return partial(vault.masked().GetMaskedCustomer, request)


def listed(vault: RunningVault) -> set[str]:
    names: set[str] = set()
    request = pb.ListCustomersRequest(parent=PARENT, purpose=SERVING, page_size=200)
    while True:
        page = vault.records().ListCustomers(request)
        names |= {one.name for one in page.customers}
        request.page_token = page.next_page_token
        if not page.next_page_token:
            return names


def two(vault: RunningVault) -> tuple[Customer, Customer]:
    old, kept = create(vault), create(vault)
    return get(vault, old.name), get(vault, kept.name)


def test_a_merged_file_names_the_one_that_survives_wherever_it_is_used(vault: RunningVault) -> None:
    old, kept = two(vault)
    booking = vault.records().CreateTransaction(
        pb.CreateTransactionRequest(parent=old.name, transaction=people.booking())
    )
    paper = vault.records().CreateIdentityDocument(
        pb.CreateIdentityDocumentRequest(parent=old.name, identity_document=people.passport())
    )
    made = propose(vault, old.name, kept.name)
    assert get(vault, old.name).name == old.name  # one person alone changes nothing
    agree(vault, made)

    found = refusal(partial(get, vault, old.name))
    assert (found.code, found.reason) == ("FAILED_PRECONDITION", "CUSTOMER_MERGED")
    assert found.metadata["merged_into"] == kept.name
    old.branch = "BJ-09"
    for call in (
        partial(update, vault, old, "branch"),
        create_document(vault, old.name, people.passport()),
        create_transaction(vault, old.name, people.booking()),
        partial(upload, vault.records(), paper.identity_document.name, scan(100)),
        partial(upload, vault.records(), booking.transaction.name, scan(100)),
    ):
        assert refusal(call).metadata["merged_into"] == kept.name
    seconds_until(show(vault, old.name), "FAILED_PRECONDITION")
    assert refusal(show(vault, old.name)).metadata["merged_into"] == kept.name
    show(vault, kept.name)()

    # What finds the old one finds the other; nothing is lost of it.
    assert search(vault, old.phones[0]) == [kept.name]
    assert kept.name in listed(vault)
    assert old.name not in listed(vault)
    assert get(vault, old.name, 1).phones == old.phones
    read = pb.GetTransactionRequest(name=booking.transaction.name, purpose=SERVING)
    assert vault.records().GetTransaction(read).transaction.name == booking.transaction.name


def test_it_is_taken_apart_again_by_two_persons(vault: RunningVault) -> None:
    old, kept = two(vault)
    agree(vault, propose(vault, old.name, kept.name))
    (standing,) = [
        one
        for one in merges(vault).ListMerges(mp.ListMergesRequest(parent=PARENT)).merges
        if one.customer == old.name
    ]
    assert (standing.into, standing.survivor) == (kept.name, kept.name)
    assert (standing.proposed_by, standing.approved_by) == ("custodian", "compliance")
    request = mp.ProposeUnmergeRequest(name=old.name, reason="Twins.")
    apart = merges(vault, "compliance").ProposeUnmerge(request).proposal
    waiting = merges(vault).ListMerges(mp.ListMergesRequest(parent=PARENT)).waiting
    assert apart.name in {one.name for one in waiting}
    assert refusal(partial(get, vault, old.name)).reason == "CUSTOMER_MERGED"
    assert agree(vault, apart, "custodian").apart
    assert get(vault, old.name).phones == old.phones
    seconds_until(show(vault, old.name), "OK")
    assert search(vault, old.phones[0]) == [old.name]


def test_nobody_merges_alone_or_what_he_has_not_seen(vault: RunningVault) -> None:
    old, kept = two(vault)
    made = propose(vault, old.name, kept.name)
    assert refusal(partial(agree, vault, made, "custodian")).reason == "PROPOSAL_OWN"
    assert refusal(partial(agree, vault, made, "backend")).code == "PERMISSION_DENIED"
    made.etag = "0" * 32
    assert refusal(partial(agree, vault, made)).reason == "ETAG_MISMATCH"
    assert get(vault, old.name).name == old.name


def test_what_cannot_be_merged_is_refused(vault: RunningVault) -> None:
    old, kept = two(vault)
    assert refusal(partial(propose, vault, old.name, old.name)).reason == "MERGE_REFUSED"
    nobody = f"{PARENT}/customers/{'0' * 26}"
    assert refusal(partial(propose, vault, old.name, nobody)).code == "NOT_FOUND"
    ended = people.person()
    ended.relationship.end_date.CopyFrom(people.day(people.MORNING.date()))
    gone = create(vault, ended)
    for pair in ((gone, kept), (kept, gone)):
        refused = refusal(partial(propose, vault, *(one.name for one in pair)))
        assert refused.reason == "MERGE_REFUSED" and gone.name in refused.en
    agree(vault, propose(vault, old.name, kept.name))
    third = create(vault)
    assert refusal(partial(propose, vault, third.name, old.name)).reason == "MERGE_REFUSED"
    # The surviving one may be merged on: the first one then points to the last.
    agree(vault, propose(vault, kept.name, third.name))
    assert refusal(partial(get, vault, old.name)).metadata["merged_into"] == third.name


def test_both_steps_are_in_the_log(vault: RunningVault) -> None:
    old, kept = two(vault)
    made = propose(vault, old.name, kept.name)
    agree(vault, made)
    relative = made.name.removeprefix(f"{PARENT}/")
    for action in ("life.merges.propose", "life.merges.approve"):
        entries = query(vault, filter={"actions": [action]})
        assert any(relative in one.event.resource for one in entries)


def test_nobody_opens_his_own_file_under_the_other_name(vault: RunningVault) -> None:
    old, kept = two(vault)
    other, number = create(vault).name, old.name.rpartition("/")[2]
    he = f"he-{number}"
    add_person(vault, he, "compliance", own_files=[number])
    until_known(vault, he)
    request = pb.GetCustomerRequest(name=kept.name, purpose=purpose_pb2.PURPOSE_ONBOARDING_CDD)
    opened = partial(vault.records(he).GetCustomer, request)
    assert opened().customer.name == kept.name
    agree(vault, propose(vault, old.name, kept.name))
    seconds_until(opened, "PERMISSION_DENIED")
    assert refusal(opened).reason == "OWN_FILE"
    asked = pb.ListCustomersRequest(parent=PARENT, purpose=request.purpose, page_size=200)
    names = {one.name for one in vault.records(he).ListCustomers(asked).customers}
    assert other in names and kept.name not in names
    ask = mp.ProposeUnmergeRequest(name=old.name, reason="Twins.")
    agree(vault, merges(vault, "compliance").ProposeUnmerge(ask).proposal, "custodian")
    seconds_until(opened, "OK")


def test_what_one_file_of_two_takes_to_be_lent_the_other_takes_as_well(vault: RunningVault) -> None:
    old, kept = two(vault)
    clerk = f"clerk-{old.name[-26:]}"
    add_person(vault, clerk, "teller")
    until_known(vault, clerk)
    change = Customer(name=kept.name, etag=kept.etag)
    change.sensitivities.append(party_pb2.SENSITIVITY_VIP)
    update(vault, change, "sensitivities")
    lent = approve(vault, ask(vault, old.name, PHONES, who=clerk))
    booked = pb.ListTransactionsRequest(parent=old.name, purpose=SERVING, check_out=lent.name)
    below = partial(vault.records(clerk).ListTransactions, booked)
    assert refusal(below).reason == "NOTHING_OPENED"
    agree(vault, propose(vault, old.name, kept.name))
    assert refusal(below).reason == "CHECK_OUT_NEEDS_MORE"
    again = ask(vault, old.name, PHONES, who=clerk, duration=span(hours=1))
    assert list(again.needed_roles) == ["custodian", "compliance"]
