"""Compartments: the asyncio client."""

# ruff: noqa: ASYNC109 - `timeout` becomes the deadline of the RPC, which the vault sees as well

from __future__ import annotations

from collections.abc import Sequence

from grpc import aio

from recordsvault.compartments.v1 import compartments_pb2 as pb
from recordsvault.compartments.v1 import compartments_pb2_grpc as stubs
from recordsvault_client.compartments import kind_of
from recordsvault_masked.calls import AsyncCaller
from recordsvault_masked.paging import AsyncPager, Page
from recordsvault_masked.requests import new_request_id


class AsyncCompartmentsClient:
    """Compartments, for their members; others get NotFound, as where there is none.

    Every method takes `timeout` in seconds, over all attempts, and raises VaultError. All of it is
    asked by a person. Opening and noting take a `request_id` (a UUID; a fresh one if left out): the
    same sent again with it is not done twice. Closing, and what is done with members, is sent once
    and never tried again by itself: after Unavailable, `get` shows whether it was done.
    """

    def __init__(self, channel: aio.Channel, parent: str, call: AsyncCaller) -> None:
        """`parent` is the institution, for methods that name none."""
        self._stub = stubs.CompartmentsStub(channel)
        self._parent = parent
        self._call = call

    async def open(
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
        return (await self._call(self._stub.CreateCompartment, request, timeout)).compartment

    async def get(self, name: str, *, timeout: float | None = None) -> pb.Compartment:
        """A compartment with its members."""
        request = pb.GetCompartmentRequest(name=name)
        return (await self._call(self._stub.GetCompartment, request, timeout)).compartment

    def list(
        self,
        *,
        parent: str = "",
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> AsyncPager[pb.Compartment]:
        """The compartments that the caller is a member of, oldest first."""

        async def fetch(token: str) -> Page[pb.Compartment]:
            request = pb.ListCompartmentsRequest(
                parent=parent or self._parent, page_size=page_size, page_token=token
            )
            answer = await self._call(self._stub.ListCompartments, request, timeout)
            return Page(answer.compartments, answer.next_page_token)

        return AsyncPager(fetch, page_token)

    async def close(self, name: str, *, timeout: float | None = None) -> pb.Compartment:
        """Close a compartment: nothing is added to it any more, and its members go on reading."""
        request = pb.CloseCompartmentRequest(name=name)
        return (await self._call.once(self._stub.CloseCompartment, request, timeout)).compartment

    async def add_member(
        self, name: str, person: str, *, agree_by: str, timeout: float | None = None
    ) -> pb.Member:
        """Propose a person as a member of the compartment `name`; he is one when the person
        `agree_by` has agreed."""
        request = pb.AddMemberRequest(parent=name, person=person, agree_by=agree_by)
        return (await self._call.once(self._stub.AddMember, request, timeout)).member

    async def remove_member(
        self, name: str, *, agree_by: str, timeout: float | None = None
    ) -> pb.Member:
        """Propose that the member `name` be none any more."""
        request = pb.RemoveMemberRequest(name=name, agree_by=agree_by)
        return (await self._call.once(self._stub.RemoveMember, request, timeout)).member

    async def get_member(self, name: str, *, timeout: float | None = None) -> pb.Member:
        """A member, or what is proposed of a person."""
        request = pb.GetMemberRequest(name=name)
        return (await self._call(self._stub.GetMember, request, timeout)).member

    async def agree_member(
        self, name: str, *, etag: str, timeout: float | None = None
    ) -> pb.Member:
        """Agree to what is proposed of a person, as `get_member` has shown it. Raises Aborted if it
        has changed since."""
        request = pb.AgreeMemberRequest(name=name, etag=etag)
        return (await self._call.once(self._stub.AgreeMember, request, timeout)).member

    async def add_item(
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
        return (await self._call(self._stub.AddItem, request, timeout)).item

    def list_items(
        self,
        name: str = "",
        *,
        customer: str = "",
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> AsyncPager[pb.Item]:
        """What is noted in the compartment `name`, oldest first; without a name, what is noted
        about `customer` in all that the caller is a member of."""

        async def fetch(token: str) -> Page[pb.Item]:
            request = pb.ListItemsRequest(
                parent=name or f"{self._parent}/compartments/-",
                customer=customer,
                page_size=page_size,
                page_token=token,
            )
            answer = await self._call(self._stub.ListItems, request, timeout)
            return Page(answer.items, answer.next_page_token)

        return AsyncPager(fetch, page_token)
