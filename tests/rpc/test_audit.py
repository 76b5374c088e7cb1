"""The audit service at the edge: filters as the contract has them, answers of a bounded size."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from recordsvault.audit.v1 import audit_pb2 as pb
from tests.support.events import event
from tests.support.pipeline import BANK, CUSTOMER, Refused, Rig, uri
from vault.access import ActionClass
from vault.audit import AuditEvent, EventFilter, EventPage, RowHash, StoredEvent, encode
from vault.rpc.problems import Problems
from vault.rpc.servicers import audit
from vault.rpc.servicers.proving import ProvingUseCases
from vault.rpc.translate.events import entry, wanted
from vault.services.trail import Trail

SERVICE = "/recordsvault.audit.v1.Audit/"
# A message that a client takes unless told otherwise (gRPC's default).
CLIENT_LIMIT = 4 * 1024 * 1024


def filtered(**fields: Any) -> tuple[EventFilter, list[str]]:
    problems = Problems()
    found = wanted("demo-bank", pb.EventFilter(**fields), problems)
    return found, [v.field for v in problems.found]


def test_a_star_stands_for_any_ending() -> None:
    found, _ = filtered(actions=["records.customers.*"])
    assert found.actions == {
        "records.customers.create",
        "records.customers.batch_create",
        "records.customers.diff",
        "records.customers.export",
        "records.customers.get",
        "records.customers.list",
        "records.customers.update",
        "records.customers.versions",
    }


@pytest.mark.parametrize("action", ["nothing.*", "nothing"])
def test_actions_that_do_not_exist_find_nothing_rather_than_everything(action: str) -> None:
    found, _ = filtered(actions=[action])
    assert found.actions
    assert not found.actions & {"records.customers.get", "rpc.unknown"}


def test_entries_without_an_institution_are_asked_for_instead_of_the_parents() -> None:
    found, fields = filtered(without_institution=True, decisions=[1])
    assert (found.owner, fields) == ("", [])
    assert filtered()[0].owner == "demo-bank"


def test_no_customer_is_without_an_institution() -> None:
    assert filtered(without_institution=True, customer=CUSTOMER)[1] == ["filter.customer"]


@pytest.mark.parametrize("actor", ["a\x00b", "Wang Xiaoming", "x" * 101])
def test_an_actor_who_can_be_no_principal_is_refused(actor: str) -> None:
    assert filtered(actor=actor)[1] == ["filter.actor"]


@pytest.mark.parametrize(
    "customer",
    [f"{BANK}/customers/{'i' * 26}", CUSTOMER.replace("demo-bank", "other-bank")],
    ids=["no identifier", "another institution"],
)
def test_a_customer_who_can_be_none_of_the_institution_is_refused(customer: str) -> None:
    assert filtered(customer=customer)[1] == ["filter.customer"]


def big_events(number: int) -> list[StoredEvent]:
    """Events as an import of 500 transactions a message leaves them."""
    rows = tuple(
        RowHash(f"customers/{n:026}/transactions/{n:026}@1", bytes(32)) for n in range(440)
    )
    return [
        StoredEvent(position, 0, encode(event(f"e{position}", rows=rows)), b"")
        for position in range(1, number + 1)
    ]


class BigTrail:
    """A log of big events."""

    def __init__(self, number: int) -> None:
        self.events = big_events(number)

    async def page(
        self, call: Any, _wanted: EventFilter, position: int, limit: int, *, newest_first: bool
    ) -> EventPage:
        call.require(ActionClass.AUDIT_READ, "demo-bank")
        if newest_first:
            before = len(self.events) + 1 if position < 0 else position
            found = [e for e in reversed(self.events) if e.position < before][:limit]
            return EventPage(tuple(found), found[-1].position, found[-1].position == 1)
        found = self.events[position : position + limit]
        return EventPage(tuple(found), found[-1].position, found[-1].position == len(self.events))


def rig(folder: Path, number: int, method: str) -> Rig:
    methods = audit.methods(cast(Trail, BigTrail(number)), cast(ProvingUseCases, None))
    return Rig(folder, methods[SERVICE + method], officer="security_officer")


def positions(entries: Any) -> list[int]:
    return [e.position for e in entries]


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_query_is_answered_in_pages_that_every_client_takes(
    tmp_path: Path, newest_first: bool
) -> None:
    vault = rig(tmp_path, 100, "QueryEvents")
    found: list[int] = []

    async def main() -> None:
        request = pb.QueryEventsRequest(parent=BANK, page_size=500, newest_first=newest_first)
        while True:
            data = await vault.unary(request.SerializeToString(), uri("officer"))
            assert len(data) < CLIENT_LIMIT
            answer = pb.QueryEventsResponse.FromString(data)
            found.extend(positions(answer.entries))
            request.page_token = answer.next_page_token
            if not request.page_token:
                return

    asyncio.run(main())
    assert found == sorted(range(100), reverse=newest_first)


def test_a_bad_filter_is_refused_by_both_methods(tmp_path: Path) -> None:
    bad = pb.EventFilter(actor="Wang Xiaoming")

    async def main() -> None:
        query = rig(tmp_path, 1, "QueryEvents")
        with pytest.raises(Refused, match="INVALID_ARGUMENT"):
            request = pb.QueryEventsRequest(parent=BANK, filter=bad)
            await query.unary(request.SerializeToString(), uri("officer"))
        stream = rig(tmp_path, 1, "StreamEvents")
        with pytest.raises(Refused, match="INVALID_ARGUMENT"):
            follow = pb.StreamEventsRequest(parent=BANK, filter=bad)
            await anext(stream.stream(follow.SerializeToString(), uri("officer")))

    asyncio.run(main())


def test_bytes_that_are_no_event_are_sent_as_they_are() -> None:
    shown = entry(StoredEvent(1, 0, b"damaged", b"c"))
    assert (shown.leaf, shown.HasField("event")) == (b"damaged", False)


def test_an_event_is_told_beside_its_bytes() -> None:
    one: AuditEvent = event("e1")
    shown = entry(StoredEvent(1, 0, encode(one), b"c"))
    assert (shown.event.event_id, shown.event.actor) == (one.event_id, one.actor)
