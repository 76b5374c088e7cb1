"""The audit service: the log read, filtered, resumed and followed, by officers of the bank."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from threading import Thread
from typing import Any

import grpc

from recordsvault.audit.v1 import audit_pb2 as ap
from recordsvault.audit.v1 import event_pb2 as ep
from recordsvault.masked.v1 import masked_pb2 as mp
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.type.v1 import purpose_pb2
from tests.e2e import people
from tests.e2e.calls import SERVING, create, query
from tests.e2e.people import OTHER_PARENT, PARENT
from tests.e2e.wire import LogBook, refusal
from tests.support.running_vault import RunningVault, other
from vault.server.settings import TierName


def get(vault: RunningVault, name: str, who: str = "backend") -> Callable[[], object]:
    request = pb.GetCustomerRequest(name=name, purpose=SERVING)
    return partial(vault.records(who).GetCustomer, request)


def entries(stream: Any) -> Iterator[ep.LogEntry]:
    for message in stream:
        yield from message.entries


def test_a_stream_is_resumed_without_loss_and_without_repetition(vault: RunningVault) -> None:
    for _ in range(5):
        create(vault)
    audit = vault.audit()
    whole = [e.position for e in query(vault)]
    seen: list[int] = []
    position = 0
    while not seen or seen[-1] < whole[-1]:
        stream = audit.StreamEvents(ap.StreamEventsRequest(parent=PARENT, from_position=position))
        # Broken off in the middle of a message, which the client has not worked through.
        got = [e.position for e in islice(entries(stream), 37)]
        stream.cancel()
        seen.extend(got)
        position = seen[-1] + 1
    assert seen[: len(whole)] == whole
    assert seen == sorted(set(seen))


def test_next_position_is_where_to_go_on(vault: RunningVault) -> None:
    create(vault)
    audit = vault.audit()
    end = 0
    seen: list[int] = []
    for message in audit.StreamEvents(ap.StreamEventsRequest(parent=PARENT)):
        assert message.next_position > message.entries[-1].position
        assert message.entries[0].position >= end
        end = message.next_position
        seen.extend(e.position for e in message.entries)
    create(vault)
    rest = [
        e.position
        for e in entries(
            audit.StreamEvents(ap.StreamEventsRequest(parent=PARENT, from_position=end))
        )
    ]
    whole = [e.position for e in query(vault)]
    assert (seen + rest)[: len(whole)] == whole[: len(seen + rest)]
    assert rest and rest[0] > seen[-1]


def test_a_follower_sees_new_events_of_both_tiers(vault: RunningVault, owner: str) -> None:
    position = query(vault)[-1].position + 1
    wanted = ap.EventFilter(actions=["records.*", "masked.*"])
    stream = vault.audit().StreamEvents(
        ap.StreamEventsRequest(parent=PARENT, from_position=position, follow=True, filter=wanted),
        timeout=30,
    )
    feed = entries(stream)
    for _ in range(3):
        get(vault, owner)()
        entry = next(feed)
        assert (entry.event.action, entry.event.tier) == ("records.customers.get", "full")
        vault.masked().GetMaskedCustomer(mp.GetMaskedCustomerRequest(name=owner))
        entry = next(feed)
        assert (entry.event.action, entry.event.tier) == ("masked.customers.get", "masked")
    stream.cancel()


def test_a_follower_from_the_end_hears_of_nothing_before_it(
    vault: RunningVault, owner: str
) -> None:
    get(vault, owner)()
    last = query(vault)[-1].position
    stream = vault.audit().StreamEvents(
        ap.StreamEventsRequest(parent=PARENT, from_end=True, follow=True), timeout=30
    )
    got: list[int] = []
    reading = Thread(target=lambda: got.append(next(entries(stream)).position))
    reading.start()
    while reading.is_alive():
        get(vault, owner)()
        reading.join(0.05)
    stream.cancel()
    assert got[0] > last


def test_two_followers_see_the_same(vault: RunningVault) -> None:
    position = query(vault)[-1].position + 1
    wanted = ap.EventFilter(actions=["records.customers.create"])
    request = ap.StreamEventsRequest(
        parent=PARENT, from_position=position, follow=True, filter=wanted
    )
    streams = [vault.audit().StreamEvents(request, timeout=20) for _ in range(2)]
    names = [create(vault).name for _ in range(4)]
    for stream in streams:
        assert [e.event.resource for e in islice(entries(stream), 4)] == names
        stream.cancel()


def test_filters_limit_what_is_answered(vault: RunningVault, log: LogBook) -> None:
    owner, neighbour = create(vault).name, create(vault).name
    start = log.stored()[-1].recorded_at
    get(vault, owner)()
    get(vault, neighbour)()
    refusal(get(vault, owner, "crm"))
    vault.masked().GetMaskedCustomer(mp.GetMaskedCustomerRequest(name=owner))
    vault.records("compliance").ListCustomers(
        pb.ListCustomersRequest(
            parent=PARENT, purpose=purpose_pb2.PURPOSE_ONBOARDING_CDD, page_size=1
        )
    )
    since = people.stamp(_moment(start + 1))

    def told(**wanted: Any) -> list[tuple[str, str, str]]:
        found = query(vault, filter=ap.EventFilter(from_time=since, **wanted))
        return [
            (e.event.actor, e.event.action, e.event.outcome)
            for e in found
            if not e.event.action.startswith("audit.")
        ]

    first = ("backend", "records.customers.get", "OK")
    denied = ("crm", "records.customers.get", "PERMISSION_DENIED")
    masked = ("crm", "masked.customers.get", "OK")
    listed = ("compliance", "records.customers.list", "OK")
    assert told() == [first, first, denied, masked, listed]
    assert told(actor="crm") == [denied, masked]
    assert told(actor="nobody") == []
    assert told(customer=owner) == [first, denied, masked]
    assert told(customer=neighbour, actor="backend") == [first]
    assert told(actions=["records.customers.get"]) == [first, first, denied]
    assert told(actions=["records.customers.*"]) == [first, first, denied, listed]
    assert told(actions=["masked.*", "records.customers.list"]) == [masked, listed]
    assert told(actions=["records.customers"]) == []
    assert told(actions=["nothing.*"]) == []
    assert told(decisions=[ep.DECISION_DENIED]) == [denied]
    assert told(decisions=[ep.DECISION_DENIED, ep.DECISION_ALLOWED], actor="crm") == [
        denied,
        masked,
    ]
    assert told(decisions=[ep.DECISION_UNAUTHENTICATED]) == []


def _moment(micros: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)


def test_a_filter_by_time_has_its_first_moment_and_not_its_last(
    vault: RunningVault, owner: str
) -> None:
    for _ in range(4):
        get(vault, owner)()
    every = query(vault)
    times = [e.append_time.ToNanoseconds() for e in every]
    low, high = every[-4].append_time, every[-2].append_time
    found = query(vault, filter=ap.EventFilter(from_time=low, to_time=high))
    expected = [
        e.position
        for e, t in zip(every, times, strict=True)
        if low.ToNanoseconds() <= t < high.ToNanoseconds()
    ]
    assert [e.position for e in found] == expected != []


def test_newest_first_is_the_same_the_other_way_round(vault: RunningVault, owner: str) -> None:
    for _ in range(3):
        get(vault, owner)()
    wanted = ap.EventFilter(actions=["records.*"])
    forth = [e.position for e in query(vault, filter=wanted)]
    back = [e.position for e in query(vault, filter=wanted, newest_first=True)]
    assert back == forth[::-1] and len(forth) > 3


def test_an_officer_sees_the_events_of_his_own_bank_only(vault: RunningVault, owner: str) -> None:
    refusal(get(vault, owner, other("backend")))
    vault.records(other("backend")).CreateCustomer(
        pb.CreateCustomerRequest(parent=OTHER_PARENT, customer=people.person())
    )
    own, theirs = query(vault), query(vault, other("officer"))
    assert {e.event.institution for e in own} == {"demo-bank"}
    assert {e.event.institution for e in theirs} == {"other-bank"}
    # Who tries to see another bank's records is seen by that bank.
    assert any(e.event.actor == other("backend") for e in own)
    request = ap.QueryEventsRequest(parent=PARENT)
    refused = refusal(lambda: vault.audit(other("officer")).QueryEvents(request))
    assert (refused.code, refused.reason) == ("PERMISSION_DENIED", "OTHER_INSTITUTION")
    stream = ap.StreamEventsRequest(parent=PARENT, follow=True)
    refused = refusal(lambda: vault.audit(other("officer")).StreamEvents(stream))
    assert refused.code == "PERMISSION_DENIED"


def test_events_of_no_institution_are_shown_to_the_officers_of_each_and_nothing_else_with_them(
    vault: RunningVault, owner: str
) -> None:
    start = query(vault)[-1].position + 1
    for who in ("crm", "stranger"):
        # Without messages' types: of a service that a client need not know.
        channel: Any = vault.channel(who, TierName.FULL)
        for method in ("/grpc.health.v1.Health/Check", "/no.Such/Method"):
            with suppress(grpc.RpcError):
                channel.unary_unary(method)(b"")
    get(vault, owner)()
    refusal(get(vault, owner, other("crm")))
    vault.records(other("backend")).CreateCustomer(
        pb.CreateCustomerRequest(parent=OTHER_PARENT, customer=people.person())
    )
    nobodys = ap.EventFilter(without_institution=True)
    for who, parent in (("officer", PARENT), (other("officer"), OTHER_PARENT)):
        seen = query(vault, who, filter=nobodys)
        assert {e.event.institution for e in seen} == {""}
        assert [(e.event.action, e.event.workload) for e in seen if e.position >= start] == [
            ("grpc.health", "spiffe://demo.bank/stranger"),
            ("rpc.unknown", "spiffe://demo.bank/stranger"),
        ]
        wanted = ap.StreamEventsRequest(parent=parent, filter=nobodys)
        assert list(entries(vault.audit(who).StreamEvents(wanted))) == seen
        assert not {e.position for e in seen} & {e.position for e in query(vault, who)}


def test_events_of_no_institution_are_for_security_officers_of_the_parent_only(
    vault: RunningVault,
) -> None:
    request = ap.QueryEventsRequest(parent=PARENT, filter=ap.EventFilter(without_institution=True))
    for who in ("compliance", "operator", other("officer")):
        assert refusal(partial(vault.audit(who).QueryEvents, request)).code == "PERMISSION_DENIED"
