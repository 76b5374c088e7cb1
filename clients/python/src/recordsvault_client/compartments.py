"""Compartments: the blocking client."""

from __future__ import annotations

from collections.abc import Sequence

import grpc

from recordsvault.compartments.v1 import compartments_pb2 as pb
from recordsvault.compartments.v1 import compartments_pb2_grpc as stubs
from recordsvault_masked.calls import Caller
from recordsvault_masked.paging import Page, Pager
from recordsvault_masked.requests import new_request_id

_PREFIX = "COMPARTMENT_KIND_"


def compartment_kinds() -> tuple[str, ...]:
    """What a compartment can be for, without the prefix of the enum."""
    return tuple(name.removeprefix(_PREFIX) for name in pb.CompartmentKind.keys()[1:])


def kind_of(name: str) -> pb.CompartmentKind.ValueType:
    """The value of a kind, by its name. Raises ValueError."""
    short = name.upper().removeprefix(_PREFIX)
    if short not in compartment_kinds():
        raise ValueError(f"a compartment is one of {', '.join(compartment_kinds())}")
    return pb.CompartmentKind.Value(_PREFIX + short)


class CompartmentsClient:
    """Compartments, for their members; others get NotFound, as where there is none.

    Every method takes `timeout` in seconds, over all attempts, and raises VaultError. All of it is
    asked by a person. Opening and noting take a `request_id` (a UUID; a fresh one if left out): the
    same sent again with it is not done twice. Closing, and what is done with members, is sent once
    and never tried again by itself: after Unavailable, `get` shows whether it was done.
    """

    def __init__(self, channel: grpc.Channel, parent: str, call: Caller) -> None:
        """`parent` is the institution, for methods that name none."""
        self._stub = stubs.CompartmentsStub(channel)
        self._parent = parent
        self._call = call

    def open(
        self,
        kind: str,
        title: str,
        *,
        parent: str = "",
        request_id: str = "",
        timeout: float | None = None,
    ) -> pb.Compartment:
        """Open a compartment with the caller as its first member; `kind` is a name of the enum,
        with or without its prefix. Answers its name. Raises ValueError for another kind."""
        request = pb.CreateCompartmentRequest(
            parent=parent or self._parent,
            compartment=pb.Compartment(kind=kind_of(kind), title=title),
            request_id=new_request_id(request_id),
        )
        return self._call(self._stub.CreateCompartment, request, timeout).compartment

    def get(self, name: str, *, timeout: float | None = None) -> pb.Compartment:
        """A compartment with its members."""
        request = pb.GetCompartmentRequest(name=name)
        return self._call(self._stub.GetCompartment, request, timeout).compartment

    def list(
        self,
        *,
        parent: str = "",
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> Pager[pb.Compartment]:
        """The compartments that the caller is a member of, oldest first."""

        def fetch(token: str) -> Page[pb.Compartment]:
            request = pb.ListCompartmentsRequest(
                parent=parent or self._parent, page_size=page_size, page_token=token
            )
            answer = self._call(self._stub.ListCompartments, request, timeout)
            return Page(answer.compartments, answer.next_page_token)

        return Pager(fetch, page_token)

    def close(self, name: str, *, timeout: float | None = None) -> pb.Compartment:
        """Close a compartment: nothing is added to it any more, and its members go on reading."""
        request = pb.CloseCompartmentRequest(name=name)
        return self._call.once(self._stub.CloseCompartment, request, timeout).compartment

    def add_member(
        self, name: str, person: str, *, agree_by: str, timeout: float | None = None
    ) -> pb.Member:
        """Propose a person as a member of the compartment `name`; he is one when the person
        `agree_by` has agreed."""
        request = pb.AddMemberRequest(parent=name, person=person, agree_by=agree_by)
        return self._call.once(self._stub.AddMember, request, timeout).member

    def remove_member(self, name: str, *, agree_by: str, timeout: float | None = None) -> pb.Member:
        """Propose that the member `name` be none any more."""
        request = pb.RemoveMemberRequest(name=name, agree_by=agree_by)
        return self._call.once(self._stub.RemoveMember, request, timeout).member

    def get_member(self, name: str, *, timeout: float | None = None) -> pb.Member:
        """A member, or what is proposed of a person."""
        request = pb.GetMemberRequest(name=name)
        return self._call(self._stub.GetMember, request, timeout).member

    def agree_member(self, name: str, *, etag: str, timeout: float | None = None) -> pb.Member:
        """Agree to what is proposed of a person, as `get_member` has shown it. Raises Aborted if it
        has changed since."""
        request = pb.AgreeMemberRequest(name=name, etag=etag)
        return self._call.once(self._stub.AgreeMember, request, timeout).member

    def add_item(
        self,
        name: str,
        customer: str,
        *,
        text: str = "",
        json: str = "",
        records: Sequence[str] = (),
        request_id: str = "",
        timeout: float | None = None,
    ) -> pb.Item:
        """Note something about a customer in the compartment `name`, in words or as a JSON
        document, with the documents and transactions that it refers to. Answers its name."""
        item = pb.Item(customer=customer, records=records)
        if json:
            item.json = json
        else:
            item.text = text
        request = pb.AddItemRequest(parent=name, item=item, request_id=new_request_id(request_id))
        return self._call(self._stub.AddItem, request, timeout).item

    def list_items(
        self,
        name: str = "",
        *,
        customer: str = "",
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> Pager[pb.Item]:
        """What is noted in the compartment `name`, oldest first; without a name, what is noted
        about `customer` in all that the caller is a member of."""

        def fetch(token: str) -> Page[pb.Item]:
            request = pb.ListItemsRequest(
                parent=name or f"{self._parent}/compartments/-",
                customer=customer,
                page_size=page_size,
                page_token=token,
            )
            answer = self._call(self._stub.ListItems, request, timeout)
            return Page(answer.items, answer.next_page_token)

        return Pager(fetch, page_token)
