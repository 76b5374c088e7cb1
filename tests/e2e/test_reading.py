"""Reading: what a mask lets through, what the log says of it, and lists page by page."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.records.v1.customer_pb2 import Customer, NaturalPerson
from recordsvault.type.v1 import purpose_pb2
from tests.e2e import people
from tests.e2e.calls import MADE_BY_THE_VAULT, SERVING, contents, create, get, update
from tests.e2e.people import MORNING, PARENT
from tests.e2e.wire import LogBook, refusal
from tests.support.running_vault import RunningVault


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    """On both databases."""
    return each_vault


# -- read masks ----------------------------------------------------------------------------------


def test_a_read_mask_limits_what_is_answered_and_what_is_logged(
    vault: RunningVault, log: LogBook
) -> None:
    sent = people.person()
    name = create(vault, sent).name
    event = log.one(lambda: get(vault, name, 0, "natural_person.full_name", "phones"))
    assert event.fields == ("natural_person.full_name", "phones")
    answer = contents(get(vault, name, 0, "natural_person.full_name", "phones"))
    assert answer == Customer(
        natural_person=NaturalPerson(full_name=sent.natural_person.full_name), phones=sent.phones
    )


def leaves(message: Message, prefix: str = "") -> set[str]:
    """Paths of all values of a message, counted here on their own."""
    out = set()
    for field, value in message.ListFields():
        path = prefix + field.name
        if field.message_type is None or field.message_type.file.package.startswith("google"):
            out.add(path)
        else:
            for one in value if field.is_repeated else [value]:
                out |= leaves(one, path + ".")
    return out


MASKS = st.lists(
    st.sampled_from(
        [
            "customer_number",
            "branch",
            "natural_person",
            "natural_person.full_name",
            "natural_person.identity",
            "natural_person.identity.number",
            "natural_person.birth_date",
            "legal_entity",
            "legal_entity.full_name",
            "phones",
            "emails",
            "addresses",
            "accounts",
            "etag",
            "create_time",
            "change_reason",
        ]
    ),
    max_size=5,
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(paths=MASKS)
def test_the_fields_of_the_event_are_the_fields_of_the_answer(
    vault: RunningVault, log: LogBook, reader: str, paths: list[str]
) -> None:
    before = log.size()
    answer = get(vault, reader, 0, *paths)
    (event,) = log.since(before)
    assert set(event.fields) == leaves(answer) - set(MADE_BY_THE_VAULT)
    listed = vault.records().ListCustomers(
        pb.ListCustomersRequest(
            parent=PARENT, purpose=SERVING, page_size=5, read_mask=FieldMask(paths=paths)
        )
    )
    event = log.since(before)[-1]
    shown = set().union(*(leaves(c) for c in listed.customers))
    assert set(event.fields) == shown - set(MADE_BY_THE_VAULT)
    assert [f"{PARENT}/{r.partition('@')[0]}" for r in event.resources] == [
        c.name for c in listed.customers
    ]


@pytest.fixture(scope="module")
def reader(vault: RunningVault) -> str:
    """A customer to read over and over."""
    return create(vault).name


# -- pages ---------------------------------------------------------------------------------------


def test_page_tokens_walk_through_everything_once(vault: RunningVault) -> None:
    stub = vault.records("compliance")
    made = {create(vault).name for _ in range(7)}
    seen: list[str] = []
    token = ""
    while True:
        page = stub.ListCustomers(
            pb.ListCustomersRequest(
                parent=PARENT,
                purpose=purpose_pb2.PURPOSE_ONBOARDING_CDD,
                page_size=3,
                page_token=token,
            )
        )
        assert len(page.customers) <= 3
        seen.extend(c.name for c in page.customers)
        token = page.next_page_token
        if not token:
            break
        assert len(page.customers) == 3
    assert seen == sorted(set(seen))
    assert made <= set(seen)


def test_versions_come_in_pages_too(vault: RunningVault) -> None:
    receipt = create(vault)
    for n in range(4):
        receipt = update(
            vault, Customer(name=receipt.name, etag=receipt.etag, branch=f"B{n}"), "branch"
        )
    numbers, token = [], ""
    while True:
        page = vault.records().ListCustomerVersions(
            pb.ListCustomerVersionsRequest(
                name=receipt.name, purpose=SERVING, page_size=2, page_token=token
            )
        )
        numbers.append([c.version for c in page.customers])
        token = page.next_page_token
        if not token:
            break
    assert numbers == [[5, 4], [3, 2], [1]]


@pytest.fixture(scope="module")
def ledger(vault: RunningVault) -> tuple[str, list[str]]:
    """A customer with ten bookings, an hour apart, stored in another order; names in order."""
    owner = create(vault).name
    hours = [7, 2, 9, 0, 4, 1, 8, 3, 6, 5]
    answer = vault.records().BatchCreateTransactions(
        pb.BatchCreateTransactionsRequest(
            parent=owner,
            transactions=[people.booking(MORNING + timedelta(hours=h)) for h in hours],
        )
    )
    names = [t.name for t in answer.transactions]
    return owner, [names[hours.index(h)] for h in range(10)]


def bookings(vault: RunningVault, parent: str, **wanted: Any) -> list[str]:
    """Names of a customer's transactions, page by page."""
    names: list[str] = []
    token = ""
    while True:
        page = vault.records().ListTransactions(
            pb.ListTransactionsRequest(
                parent=parent, purpose=SERVING, page_size=3, page_token=token, **wanted
            )
        )
        names.extend(t.name for t in page.transactions)
        token = page.next_page_token
        if not token:
            return names


def test_transactions_come_in_order_of_booking(
    vault: RunningVault, ledger: tuple[str, list[str]]
) -> None:
    owner, names = ledger
    assert bookings(vault, owner) == names
    assert bookings(vault, owner, newest_first=True) == names[::-1]


def test_a_period_has_its_first_moment_and_not_its_last(
    vault: RunningVault, ledger: tuple[str, list[str]]
) -> None:
    owner, names = ledger
    low, high = (people.stamp(MORNING + timedelta(hours=h)) for h in (3, 7))
    assert bookings(vault, owner, booked_from=low) == names[3:]
    assert bookings(vault, owner, booked_to=high) == names[:7]
    assert bookings(vault, owner, booked_from=low, booked_to=high) == names[3:7]
    assert (
        bookings(vault, owner, booked_from=low, booked_to=high, newest_first=True)
        == names[3:7][::-1]
    )
    assert bookings(vault, owner, booked_from=high, booked_to=low) == []


def test_a_period_is_held_to_the_millisecond(vault: RunningVault) -> None:
    owner, start = create(vault).name, MORNING.replace(microsecond=456_000)
    moments = [start + timedelta(milliseconds=m) for m in (0, 1, 2)]
    answer = vault.records().BatchCreateTransactions(
        pb.BatchCreateTransactionsRequest(
            parent=owner, transactions=[people.booking(m) for m in moments]
        )
    )
    names = [t.name for t in answer.transactions]
    assert bookings(vault, owner, booked_from=people.stamp(moments[1])) == names[1:]
    assert bookings(vault, owner, booked_to=people.stamp(moments[1])) == names[:1]


def test_a_token_of_another_request_is_refused(
    vault: RunningVault, ledger: tuple[str, list[str]]
) -> None:
    owner, _ = ledger
    stub = vault.records()
    ask = pb.ListTransactionsRequest(parent=owner, purpose=SERVING, page_size=3)
    token = stub.ListTransactions(ask).next_page_token
    assert token
    others: list[tuple[Any, Any]] = [
        (stub.ListTransactions, {"parent": create(vault).name}),
        (stub.ListTransactions, {"parent": owner, "newest_first": True}),
        (stub.ListTransactions, {"parent": owner, "booked_from": people.stamp(MORNING)}),
    ]
    for method, changes in others:
        request = pb.ListTransactionsRequest(purpose=SERVING, page_token=token, **changes)
        refused = refusal(partial(method, request))
        assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "PAGE_TOKEN")
    refused = refusal(
        lambda: stub.ListIdentityDocuments(
            pb.ListIdentityDocumentsRequest(parent=owner, purpose=SERVING, page_token=token)
        )
    )
    assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "PAGE_TOKEN")


@pytest.mark.parametrize("token", ["x", "!!!", "AAAAAAAAAAAA", "=", "你好"])
def test_a_token_that_is_none_is_refused(vault: RunningVault, token: str) -> None:
    request = pb.ListCustomersRequest(parent=PARENT, purpose=SERVING, page_token=token)
    refused = refusal(lambda: vault.records().ListCustomers(request))
    assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "PAGE_TOKEN")
