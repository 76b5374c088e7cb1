"""The compartments service: investigations, holds and suspicious-activity material, for members.

What a request is about, as far as the log hears of it, is a compartment. No target here has a
customer: an event that named him would tell whoever reads the log what the compartment keeps.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import Message

from recordsvault.compartments.v1 import compartments_pb2 as pb
from vault.access import Action
from vault.records import CustomerName, InvalidName, RecordName, parse_record_name
from vault.records.reasons import Reason
from vault.records.validation.text import Masks, problem
from vault.rpc.masks import revealed
from vault.rpc.methods import Method, Target, Unary, table
from vault.rpc.names import target_of_parent
from vault.rpc.paging import make_token, page_size, read_token
from vault.rpc.problems import Problems
from vault.rpc.servicers.targets import with_request_id
from vault.rpc.servicers.writes import request_of
from vault.rpc.translate import compartments as to
from vault.services.call import Call
from vault.services.compartments import Cases, Items, Members, Note
from vault.services.replays import Request

# As the contract has it.
_NAME: Final = re.compile(
    r"institutions/(?P<institution>[a-z][a-z0-9-]{1,39})/compartments/(?P<compartment>[0-9a-z]{26}|-)"
    r"(/members/(?P<person>[a-z0-9][a-z0-9-]{1,39}))?"
)


@dataclass(frozen=True, slots=True)
class CompartmentUseCases:
    """What the service is built on."""

    cases: Cases
    members: Members
    items: Items


@dataclass(frozen=True, slots=True)
class _Named:
    institution: str
    compartment: str
    person: str = ""
    request: Any = None


@dataclass(frozen=True, slots=True)
class _New:
    institution: str
    kind: Any
    title: str
    request: Request


@dataclass(frozen=True, slots=True)
class _Item:
    institution: str
    compartment: str
    note: Note
    request: Request


@dataclass(frozen=True, slots=True)
class _Page:
    institution: str
    compartment: str
    customer: str
    after: str
    limit: int
    request: Any


def methods(u: CompartmentUseCases) -> dict[str, Method]:
    """The service's table."""
    return table(
        pb.DESCRIPTOR.services_by_name["Compartments"],
        {**_cases(u.cases), **_members(u.members), **_items(u.items)},
    )


def _target(text: str) -> Target:
    named = _NAME.fullmatch(text)
    return Target() if named is None else Target(named["institution"], resource=text)


def _named(text: str, request: Any = None) -> _Named:
    """The parts of a name that the contract's rules have let through; empty ones otherwise."""
    found = _NAME.fullmatch(text)
    if found is None:
        return _Named("", "")
    return _Named(found["institution"], found["compartment"], found["person"] or "", request)


def _one(
    action: Action,
    kind: type[Message],
    handle: Callable[[Call, _Named], Awaitable[Message]],
    field: str = "name",
) -> Unary:
    def prepare(request: Any, _problems: Problems) -> _Named:
        return _named(getattr(request, field), request)

    return Unary(action, kind, lambda r: _target(getattr(r, field)), prepare, handle)


def _cases(cases: Cases) -> dict[str, Method]:
    def prepare_new(request: pb.CreateCompartmentRequest, problems: Problems) -> _New:
        with problems.under("compartment"):
            _text(problems, "title", request.compartment.title)
        return _New(
            target_of_parent(request.parent).institution,
            to.KIND.domain(request.compartment.kind),
            request.compartment.title,
            request_of(Action.COMPARTMENTS_CREATE.value, request),
        )

    async def create(call: Call, new: _New) -> Message:
        stored = await cases.create(call, new.institution, new.kind, new.title, new.request)
        return pb.CreateCompartmentResponse(compartment=to.opened(new.institution, stored))

    async def get(call: Call, n: _Named) -> Message:
        shown = await cases.get(call, n.institution, n.compartment)
        made = to.compartment(n.institution, shown)
        call.touched(fields=revealed([made]), count=1)
        return pb.GetCompartmentResponse(compartment=made)

    async def close(call: Call, n: _Named) -> Message:
        shown = await cases.close(call, n.institution, n.compartment)
        return pb.CloseCompartmentResponse(compartment=to.compartment(n.institution, shown))

    def prepare_page(request: pb.ListCompartmentsRequest, problems: Problems) -> _Page:
        after = read_token(request, request.page_token, problems)
        institution = target_of_parent(request.parent).institution
        return _Page(institution, "", "", after, page_size(request.page_size), request)

    async def page(call: Call, p: _Page) -> Message:
        shown, after = await cases.page(call, p.institution, p.after, p.limit)
        made = [to.compartment(p.institution, one) for one in shown]
        names = tuple(f"compartments/{one.compartment}" for one in shown)
        call.touched(fields=revealed(made), resources=names, count=len(made))
        token = make_token(p.request, after) if after else ""
        return pb.ListCompartmentsResponse(compartments=made, next_page_token=token)

    return {
        "CreateCompartment": Unary(
            Action.COMPARTMENTS_CREATE,
            pb.CreateCompartmentRequest,
            with_request_id(target_of_parent, "parent"),
            prepare_new,
            create,
        ),
        "GetCompartment": _one(Action.COMPARTMENTS_GET, pb.GetCompartmentRequest, get),
        "ListCompartments": Unary(
            Action.COMPARTMENTS_LIST,
            pb.ListCompartmentsRequest,
            lambda r: target_of_parent(r.parent),
            prepare_page,
            page,
        ),
        "CloseCompartment": _one(Action.COMPARTMENTS_CLOSE, pb.CloseCompartmentRequest, close),
    }


def _members(members: Members) -> dict[str, Method]:
    async def add(call: Call, n: _Named) -> Message:
        r: pb.AddMemberRequest = n.request
        made = await members.add(call, n.institution, n.compartment, r.person, r.agree_by)
        return pb.AddMemberResponse(member=to.member(n.institution, n.compartment, made))

    async def remove(call: Call, n: _Named) -> Message:
        r: pb.RemoveMemberRequest = n.request
        made = await members.remove(call, n.institution, n.compartment, n.person, r.agree_by)
        return pb.RemoveMemberResponse(member=to.member(n.institution, n.compartment, made))

    async def get(call: Call, n: _Named) -> Message:
        shown = await members.get(call, n.institution, n.compartment, n.person)
        made = to.member(n.institution, n.compartment, shown)
        call.touched(fields=revealed([made]), count=1)
        return pb.GetMemberResponse(member=made)

    async def agree(call: Call, n: _Named) -> Message:
        r: pb.AgreeMemberRequest = n.request
        made = await members.agree(call, n.institution, n.compartment, n.person, r.etag)
        return pb.AgreeMemberResponse(member=to.member(n.institution, n.compartment, made))

    return {
        "AddMember": _one(Action.MEMBERS_ADD, pb.AddMemberRequest, add, "parent"),
        "RemoveMember": _one(Action.MEMBERS_REMOVE, pb.RemoveMemberRequest, remove),
        "GetMember": _one(Action.MEMBERS_GET, pb.GetMemberRequest, get),
        "AgreeMember": _one(Action.MEMBERS_AGREE, pb.AgreeMemberRequest, agree),
    }


def _items(items: Items) -> dict[str, Method]:
    def prepare_item(request: pb.AddItemRequest, problems: Problems) -> _Item:
        named = _named(request.parent)
        with problems.under("item"):
            note = _note(request.item, named.institution, problems)
        return _Item(
            named.institution,
            named.compartment,
            note,
            request_of(Action.ITEMS_ADD.value, request),
        )

    async def add(call: Call, i: _Item) -> Message:
        stored = await items.add(call, i.institution, i.compartment, i.note, i.request)
        return pb.AddItemResponse(item=to.added(i.institution, stored))

    def prepare_page(request: pb.ListItemsRequest, problems: Problems) -> _Page:
        named = _named(request.parent)
        customer = ""
        if request.customer:
            customer = _customer(request.customer, "customer", named.institution, problems)
        elif named.compartment == "-":
            found = Reason.REQUIRED
            problems.add("customer", found.value, found.en, found.zh)
        after = read_token(request, request.page_token, problems)
        return _Page(
            named.institution,
            named.compartment,
            customer,
            after,
            page_size(request.page_size),
            request,
        )

    async def page(call: Call, p: _Page) -> Message:
        noted, after = await items.page(
            call, p.institution, p.compartment, p.customer, p.after, p.limit
        )
        made = [to.item(p.institution, one) for one in noted]
        names = tuple(f"compartments/{one.compartment}/items/{one.item}" for one in noted)
        call.touched(fields=revealed(made), resources=names, count=len(made))
        token = make_token(p.request, after) if after else ""
        return pb.ListItemsResponse(items=made, next_page_token=token)

    return {
        "AddItem": Unary(
            Action.ITEMS_ADD,
            pb.AddItemRequest,
            with_request_id(_target, "parent"),
            prepare_item,
            add,
        ),
        "ListItems": Unary(
            Action.ITEMS_LIST,
            pb.ListItemsRequest,
            lambda r: _target(r.parent),
            prepare_page,
            page,
        ),
    }


def _note(item: pb.Item, institution: str, problems: Problems) -> Note:
    """What is to be noted, with every problem of it reported."""
    customer = _customer(item.customer, "customer", institution, problems)
    for number, line in enumerate(item.text.split("\n")):
        # A note has lines, and lines are set in; for the rest it is a text like others.
        if not _text(problems, "text", line.strip(" \t"), number):
            break
    if item.HasField("json") and not _is_json(item.json):
        problems.add("json", Reason.FORMAT.value, Reason.FORMAT.en, Reason.FORMAT.zh)
    records = tuple(
        _record(name, f"records[{place}]", institution, customer, problems)
        for place, name in enumerate(item.records)
    )
    return Note(customer, item.text, item.json, records)


def _text(problems: Problems, field: str, text: str, line: int = 0) -> bool:
    found = problem(text, Masks.FREE)
    # A line of a note may be a row of stars.
    if found is None or (line and found is Reason.MASKED_VALUE):
        return True
    problems.add(field, found.value, found.en, found.zh)
    return False


def _is_json(text: str) -> bool:
    def never(_constant: str) -> None:
        raise ValueError

    try:
        json.loads(text, parse_constant=never)
    except (ValueError, RecursionError):
        return False
    return True


def _customer(text: str, field: str, institution: str, problems: Problems) -> str:
    try:
        name = CustomerName.parse(text)
    except InvalidName:
        return ""  # a rule of the contract says so
    if name.institution != institution:
        _elsewhere(field, problems)
    return name.customer


def _record(text: str, field: str, institution: str, customer: str, problems: Problems) -> str:
    try:
        name: RecordName = parse_record_name(text)
    except InvalidName:
        return ""
    if (name.institution, name.customer) != (institution, customer):
        _elsewhere(field, problems)
    return text.split("/", 4)[4]


def _elsewhere(field: str, problems: Problems) -> None:
    problems.add(
        field,
        "RESOURCE_NAME",
        "must be of this institution and of the item's customer",
        "必须属于本机构及该条目的客户",
    )
