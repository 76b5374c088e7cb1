"""Requests of persons about their own data: the asyncio client."""

# ruff: noqa: ASYNC109 - `timeout` becomes the deadline of the RPC, which the vault sees as well

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

from grpc import aio

from recordsvault.life.v1 import subjects_pb2 as pb
from recordsvault.life.v1 import subjects_pb2_grpc as stubs
from recordsvault_client.files import google_date
from recordsvault_client.streaming import ending
from recordsvault_masked.calls import AsyncCaller
from recordsvault_masked.paging import AsyncPager, Page
from recordsvault_masked.requests import new_request_id


class AsyncSubjectsClient:
    """What persons ask about their own data: until when they are answered, and how they were.

    Asked by compliance in person. Every method takes `timeout` in seconds, over all attempts, and
    raises VaultError. Filing takes a `request_id` (a UUID; a fresh one if left out): the same
    request sent again with it is not entered twice. What is extended or closed is not sent twice.
    """

    def __init__(self, channel: aio.Channel, parent: str, call: AsyncCaller) -> None:
        """`parent` is the institution, for methods that name none."""
        self._stub = stubs.SubjectRequestsStub(channel)
        self._parent = parent
        self._call = call

    async def file(
        self,
        customer: str,
        kind: pb.SubjectRequestKind.ValueType,
        *,
        received: date,
        text: str,
        request_id: str = "",
        timeout: float | None = None,
    ) -> pb.SubjectRequest:
        """Enter what a customer has asked, in his words, on the day it came in."""
        request = pb.FileSubjectRequestRequest(
            parent=customer,
            kind=kind,
            receive_date=google_date(received),
            text=text,
            request_id=new_request_id(request_id),
        )
        return (await self._call(self._stub.FileSubjectRequest, request, timeout)).request

    async def get(self, name: str, *, timeout: float | None = None) -> pb.SubjectRequest:
        """A request with what was said; of an open one to erase, also what the rules say now."""
        request = pb.GetSubjectRequestRequest(name=name)
        return (await self._call(self._stub.GetSubjectRequest, request, timeout)).request

    def list(
        self,
        *,
        customer: str = "",
        show_closed: bool = False,
        page_size: int = 0,
        page_token: str = "",
        parent: str = "",
        timeout: float | None = None,
    ) -> AsyncPager[pb.SubjectRequest]:
        """Requests without what was said: open ones first, the one that is due first in front."""

        async def fetch(token: str) -> Page[pb.SubjectRequest]:
            request = pb.ListSubjectRequestsRequest(
                parent=parent or self._parent,
                customer=customer,
                show_closed=show_closed,
                page_size=page_size,
                page_token=token,
            )
            answer = await self._call(self._stub.ListSubjectRequests, request, timeout)
            return Page(tuple(answer.requests), answer.next_page_token)

        return AsyncPager(fetch, page_token)

    async def extend(
        self, name: str, *, etag: str, text: str, timeout: float | None = None
    ) -> pb.SubjectRequest:
        """Take the longer time that the rule allows; `text` is why, as the person is told."""
        request = pb.ExtendSubjectRequestRequest(name=name, etag=etag, text=text)
        return (await self._call.once(self._stub.ExtendSubjectRequest, request, timeout)).request

    async def close(
        self,
        name: str,
        outcome: pb.SubjectRequestOutcome.ValueType,
        *,
        etag: str,
        text: str = "",
        version: int = 0,
        timeout: float | None = None,
    ) -> pb.SubjectRequest:
        """Close a request; `version` is of the customer, and corrects what he asked about."""
        request = pb.CloseSubjectRequestRequest(
            name=name, etag=etag, outcome=outcome, text=text, version=version
        )
        return (await self._call.once(self._stub.CloseSubjectRequest, request, timeout)).request

    async def report_use(self, name: str) -> AsyncIterator[pb.ReportUseResponse]:
        """Who has used the data of the customer of an open request for access; has no deadline."""
        with ending(self._stub.ReportUse(pb.ReportUseRequest(name=name))) as call:
            async for message in call:
                yield message
