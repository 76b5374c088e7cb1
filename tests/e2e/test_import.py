"""The streaming import: an answer for each item, and whole messages only."""

from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

import grpc
import pytest

from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.type.v1 import purpose_pb2
from tests.e2e import people
from tests.e2e.people import OTHER_PARENT, PARENT, new_id
from tests.e2e.wire import LogBook, Refused, refusal, refused, refused_status
from tests.support.running_vault import RunningVault, other
from vault.audit import Phase

SERVING = purpose_pb2.PURPOSE_CUSTOMER_SERVICE


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    """On both databases."""
    return each_vault


def message(*items: pb.ImportItem, parent: str = PARENT) -> pb.ImportRecordsRequest:
    return pb.ImportRecordsRequest(parent=parent, request_id=new_id(), items=items)


def customer(record: Any = None) -> pb.ImportItem:
    return pb.ImportItem(new_customer=record or people.person())


def results(answer: pb.ImportRecordsResponse) -> list[str | Refused]:
    return [
        r.name if r.WhichOneof("result") == "name" else refused_status(r.error)
        for r in answer.results
    ]


def stored(vault: RunningVault, number: str) -> bool:
    """Whether there is a customer of this number: then it can be given a transaction."""
    (answer,) = vault.records().ImportRecords(
        iter([message(pb.ImportItem(customer_number=number, transaction=people.booking()))])
    )
    return answer.results[0].WhichOneof("result") == "name"


class Feed:
    """Messages of a stream, sent one at a time."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[pb.ImportRecordsRequest | None] = SimpleQueue()

    def __iter__(self) -> Iterator[pb.ImportRecordsRequest]:
        while (one := self._queue.get()) is not None:
            yield one

    def send(self, one: pb.ImportRecordsRequest) -> None:
        self._queue.put(one)

    def end(self) -> None:
        self._queue.put(None)


# -- items ---------------------------------------------------------------------------------------


def test_each_message_is_answered_in_order_and_each_item_in_it(vault: RunningVault) -> None:
    sent = [message(*(customer() for _ in range(n))) for n in (1, 7, 3)]
    answers = list(vault.records().ImportRecords(iter(sent)))
    assert [a.request_id for a in answers] == [m.request_id for m in sent]
    assert [len(a.results) for a in answers] == [1, 7, 3]
    for request, answer in zip(sent, answers, strict=True):
        for item, result in zip(request.items, answer.results, strict=True):
            found = vault.records().GetCustomer(
                pb.GetCustomerRequest(name=result.name, purpose=SERVING)
            )
            assert found.customer.customer_number == item.new_customer.customer_number


def test_the_answer_to_a_message_does_not_wait_for_the_next(vault: RunningVault) -> None:
    feed = Feed()
    stream = vault.records().ImportRecords(iter(feed))
    for _ in range(3):
        one = message(customer())
        feed.send(one)
        assert next(stream).request_id == one.request_id
    feed.end()
    assert list(stream) == []


def test_refused_items_do_not_stop_the_others(vault: RunningVault) -> None:
    taken = people.person()
    holder = results(next(vault.records().ImportRecords(iter([message(customer(taken))]))))[0]
    bad, double = people.person(), people.person()
    bad.natural_person.identity.number = bad.natural_person.identity.number[:-1] + "A"
    bad.phones[:] = ["+861380013800000000"]
    double.customer_number = taken.customer_number
    late = people.person()
    (answer,) = vault.records().ImportRecords(
        iter(
            [
                message(
                    customer(bad),
                    customer(double),
                    customer(late),
                    pb.ImportItem(customer_number="NOBODY-2", identity_document=people.passport()),
                    pb.ImportItem(
                        customer=f"{PARENT}/customers/{'0' * 26}", transaction=people.booking()
                    ),
                    pb.ImportItem(transaction=people.booking()),
                    pb.ImportItem(customer_number="C1"),
                    pb.ImportItem(customer_number="C1", new_customer=people.person()),
                    customer(),
                )
            ]
        )
    )
    found = results(answer)
    names = [n for n, r in enumerate(found) if isinstance(r, str)]
    assert names == [2, 8]
    refusals = [r for r in found if isinstance(r, Refused)]
    assert [(r.code, r.reason) for r in refusals][1:4] == [
        ("ALREADY_EXISTS", "IDENTITY_ALREADY_HELD"),
        ("NOT_FOUND", "NOT_FOUND"),
        ("NOT_FOUND", "NOT_FOUND"),
    ]
    assert {f for f, _ in refusals[0].fields} == {
        "new_customer.natural_person.identity.number",
        "new_customer.phones[0]",
    }
    assert refusals[1].resource == holder
    assert ("customer_number", "OWNER_REQUIRED") in refusals[4].fields
    assert {f for f, _ in refusals[5].fields} == {"record"}
    assert ("customer_number", "OWNER_NOT_ALLOWED") in refusals[6].fields
    for refusal_ in refusals:
        assert refusal_.en and refusal_.zh


def test_items_may_refer_to_a_customer_of_the_same_message_by_number(
    vault: RunningVault,
) -> None:
    new = people.person()
    number = new.customer_number
    # In any order: the customer comes last.
    (answer,) = vault.records().ImportRecords(
        iter(
            [
                message(
                    pb.ImportItem(customer_number=number, identity_document=people.passport()),
                    pb.ImportItem(customer_number=number, transaction=people.booking()),
                    customer(new),
                )
            ]
        )
    )
    document, transaction, owner = results(answer)
    assert isinstance(document, str) and document.startswith(f"{owner}/documents/")
    assert isinstance(transaction, str) and transaction.startswith(f"{owner}/transactions/")


def test_items_of_a_customer_that_is_refused_are_refused_with_it(vault: RunningVault) -> None:
    taken, again = people.person(), people.person()
    next(vault.records().ImportRecords(iter([message(customer(taken))])))
    again.natural_person.CopyFrom(taken.natural_person)
    (answer,) = vault.records().ImportRecords(
        iter(
            [
                message(
                    customer(again),
                    pb.ImportItem(
                        customer_number=again.customer_number, transaction=people.booking()
                    ),
                    customer(),
                )
            ]
        )
    )
    found = results(answer)
    assert [r if isinstance(r, str) else r.code for r in found][:2] == [
        "ALREADY_EXISTS",
        "NOT_FOUND",
    ]
    assert isinstance(found[2], str)
    assert not stored(vault, again.customer_number)


def test_of_two_customers_with_one_number_in_a_message_the_first_stands(
    vault: RunningVault,
) -> None:
    first, second = people.person(), people.person()
    second.customer_number = first.customer_number
    (answer,) = vault.records().ImportRecords(iter([message(customer(first), customer(second))]))
    one, two = results(answer)
    assert isinstance(two, Refused) and (two.code, two.resource) == ("ALREADY_EXISTS", one)


def test_an_item_may_name_only_customers_of_its_institution(vault: RunningVault) -> None:
    (theirs,) = vault.records(other("backend")).ImportRecords(
        iter([message(customer(), parent=OTHER_PARENT)])
    )
    (answer,) = vault.records().ImportRecords(
        iter(
            [message(pb.ImportItem(customer=theirs.results[0].name, transaction=people.booking()))]
        )
    )
    (found,) = results(answer)
    assert isinstance(found, Refused)
    assert found.fields == {("customer", "OTHER_PARENT")}


def test_one_person_may_be_a_customer_of_both_banks(vault: RunningVault) -> None:
    who = people.person()
    for caller, parent in (("backend", PARENT), (other("backend"), OTHER_PARENT)):
        (answer,) = vault.records(caller).ImportRecords(
            iter([message(customer(who), parent=parent)])
        )
        assert answer.results[0].name.startswith(parent)


def test_five_hundred_items_a_message_are_taken_and_no_more(vault: RunningVault) -> None:
    (owner,) = vault.records().ImportRecords(iter([message(customer())]))
    name = owner.results[0].name
    items = [pb.ImportItem(customer=name, transaction=people.booking()) for _ in range(501)]
    (answer,) = vault.records().ImportRecords(iter([message(*items[:500])]))
    assert all(isinstance(r, str) for r in results(answer))
    found = refusal(lambda: vault.records().ImportRecords(iter([message(*items)])))
    assert (found.code, {f for f, _ in found.fields}) == ("INVALID_ARGUMENT", {"items"})
    found = refusal(lambda: vault.records().ImportRecords(iter([message()])))
    assert (found.code, {f for f, _ in found.fields}) == ("INVALID_ARGUMENT", {"items"})


# -- streams -------------------------------------------------------------------------------------


def test_a_parent_changed_in_mid_stream_breaks_the_stream(vault: RunningVault) -> None:
    first, second, third = people.person(), people.person(), people.person()
    stream = vault.records().ImportRecords(
        iter(
            [
                message(customer(first)),
                message(customer(second), parent=OTHER_PARENT),
                message(customer(third)),
            ]
        )
    )
    assert isinstance(results(next(stream))[0], str)
    found = refusal(lambda: next(stream))
    assert (found.code, found.reason) == ("INVALID_ARGUMENT", "PARENT_CHANGED")
    assert stored(vault, first.customer_number)
    assert not stored(vault, second.customer_number)
    assert not stored(vault, third.customer_number)
    # Nor has anything come to the other bank.
    (answer,) = vault.records(other("backend")).ImportRecords(
        iter([message(customer(second), parent=OTHER_PARENT)])
    )
    assert isinstance(results(answer)[0], str)


def test_a_stream_that_is_broken_off_leaves_whole_messages_only(
    vault: RunningVault, log: LogBook
) -> None:
    feed, before = Feed(), log.size()
    sent = [[people.person() for _ in range(20)] for _ in range(3)]
    stream = vault.records().ImportRecords(iter(feed))
    for batch in sent:
        feed.send(message(*map(customer, batch)))
    next(stream)
    stream.cancel()
    feed.end()
    with pytest.raises(grpc.RpcError) as error:
        next(stream)
    assert refused(error.value).code == "CANCELLED"
    log.wait_for(lambda e: e.phase is Phase.CLOSED and e.outcome == "CANCELLED", before)
    whole = []
    for batch in sent:
        found = {stored(vault, c.customer_number) for c in batch}
        assert len(found) == 1, "half a message was stored"
        whole.append(found.pop())
    assert whole[0]
    assert whole == sorted(whole, reverse=True), "a later message without an earlier one"
    # What was stored is what the log says was stored.
    logged = [e for e in log.since(before) if e.phase is Phase.MESSAGE and len(e.rows) == 20]
    assert len(logged) == sum(whole)


def test_a_broken_import_sent_again_from_the_start_stores_nothing_twice(
    vault: RunningVault,
) -> None:
    sent = [message(*(customer() for _ in range(5))) for _ in range(4)]
    stream = vault.records().ImportRecords(iter(sent))
    first = [next(stream), next(stream)]
    stream.cancel()
    answers = list(vault.records().ImportRecords(iter(sent)))
    assert [a.results for a in answers[:2]] == [a.results for a in first]
    names = [r.name for a in answers for r in a.results]
    assert all(names) and len(set(names)) == 20
    again = list(vault.records().ImportRecords(iter(sent)))
    assert [a.results for a in again] == [a.results for a in answers]
    assert all(a.repeated for a in again)


def test_a_message_that_is_refused_whole_stores_none_of_its_items(vault: RunningVault) -> None:
    one = people.person()
    bad = message(customer(one))
    bad.request_id = "no uuid"
    found = refusal(lambda: vault.records().ImportRecords(iter([bad])))
    assert (found.code, {f for f, _ in found.fields}) == ("INVALID_ARGUMENT", {"request_id"})
    assert not stored(vault, one.customer_number)


def test_an_import_without_messages_ends_well(vault: RunningVault) -> None:
    assert list(vault.records().ImportRecords(iter([]))) == []


# -- owners by account ----------------------------------------------------------------------------


def test_an_account_finds_its_customer_and_a_shared_one_nobody(vault: RunningVault) -> None:
    one, other = people.person(), people.person()
    mine, shared = people.card(771_001), people.card(771_002)
    one.accounts[:] = [mine, shared]
    other.accounts[:] = [shared]
    (stored,) = vault.records().ImportRecords(iter([message(customer(one), customer(other))]))
    holder = stored.results[0].name

    def booked(account: str) -> pb.ImportItem:
        return pb.ImportItem(account_number=account, transaction=people.booking())

    sent = message(booked(mine), booked(shared), booked(people.card(771_003)))
    answer, again = vault.records().ImportRecords(iter([sent, sent]))
    name, ambiguous, nobody = results(answer)
    assert isinstance(name, str)
    assert name.startswith(f"{holder}/transactions/")
    assert isinstance(ambiguous, Refused)
    assert ambiguous.fields == {("account_number", "ACCOUNT_SHARED")}
    assert isinstance(nobody, Refused)
    assert nobody.code == "NOT_FOUND"
    assert (answer.repeated, again.repeated) == (False, True)
    assert results(again)[0] == name
    (later,) = vault.records().ImportRecords(iter([message(booked(mine))]))
    assert not later.repeated


def test_a_refused_account_is_not_told_again(vault: RunningVault) -> None:
    account = people.card(771_004)
    item = pb.ImportItem(account_number=account, transaction=people.booking())
    (answer,) = vault.records().ImportRecords(iter([message(item)]))
    assert account.encode() not in answer.SerializeToString()
