"""The audit log, for security officers: the asyncio client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from grpc import aio

from recordsvault.audit.v1 import audit_pb2 as pb
from recordsvault.audit.v1 import audit_pb2_grpc as stubs
from recordsvault.audit.v1.event_pb2 import LogEntry
from recordsvault_client.events import Cursor
from recordsvault_client.streaming import ending
from recordsvault_masked.calls import AsyncCaller
from recordsvault_masked.paging import AsyncPager, Page
from recordsvault_masked.recovery import OnInterrupt, Recovery
from recordsvault_masked.requests import timestamp
from recordsvault_masked.resumed_aio import AsyncResumed


class AsyncEventStream(AsyncResumed[pb.StreamEventsRequest, pb.StreamEventsResponse, LogEntry]):
    """Entries of the log as they come, taken up again by itself after a lost connection.

    For `async for`, once. It ends with its task, or with `break` and `aclose()` of the iterator.
    `next_position` is where another stream would go on.
    """

    def __init__(
        self,
        method: aio.UnaryStreamMultiCallable[pb.StreamEventsRequest, pb.StreamEventsResponse],
        cursor: Cursor,
        recovery: Recovery,
    ) -> None:
        """Made by `AsyncAuditClient.stream`."""
        super().__init__(method, cursor.request, cursor.take, cursor.over, recovery)
        self._cursor = cursor

    @property
    def next_position(self) -> int | None:
        """Position after the last entry handed out; None before the end of the log is known."""
        return self._cursor.position


class AsyncAuditClient:
    """Reads the log; see `recordsvault_client.events.event_filter` for what can be asked for."""

    def __init__(self, channel: aio.Channel, parent: str, call: AsyncCaller) -> None:
        """`parent` is the institution if a method names none."""
        self._stub = stubs.AuditStub(channel)
        self._parent = parent
        self._call = call

    def stream(
        self,
        *,
        from_position: int = 0,
        from_end: bool = False,
        follow: bool = True,
        filter: pb.EventFilter | None = None,  # noqa: A002 - the name in the contract
        parent: str = "",
        patience: float | None = 60.0,
        on_interrupt: OnInterrupt | None = None,
    ) -> AsyncEventStream:
        """As `AuditClient.stream`."""
        request = pb.StreamEventsRequest(
            parent=parent or self._parent,
            from_position=from_position,
            from_end=from_end,
            follow=follow,
            filter=filter,
        )
        recovery = Recovery(patience, on_interrupt=on_interrupt, policy=self._call.retry)
        return AsyncEventStream(self._stub.StreamEvents, Cursor(request), recovery)

    def query(
        self,
        *,
        filter: pb.EventFilter | None = None,  # noqa: A002 - the name in the contract
        newest_first: bool = False,
        parent: str = "",
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> AsyncPager[LogEntry]:
        """Entries that the log holds now, oldest or newest first."""

        async def fetch(token: str) -> Page[LogEntry]:
            request = pb.QueryEventsRequest(
                parent=parent or self._parent,
                filter=filter,
                page_size=page_size,
                page_token=token,
                newest_first=newest_first,
            )
            answer = await self._call(self._stub.QueryEvents, request, timeout)
            return Page(answer.entries, answer.next_page_token)

        return AsyncPager(fetch, page_token)

    async def proof(
        self,
        index: int,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - becomes the deadline of the RPC
    ) -> str:
        """The C2SP tlog-proof of the entry at a leaf index, as receipts give it.

        Raises VaultError; NOT_YET_PROVABLE is its reason where no checkpoint covers it yet, and
        BEYOND_LOG where there is no such entry.
        """
        request = pb.GetProofRequest(index=index)
        return (await self._call(self._stub.GetProof, request, timeout)).proof

    async def checkpoint(
        self,
        since_size: int = 0,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - becomes the deadline of the RPC
    ) -> pb.GetCheckpointResponse:
        """The latest checkpoint, with a consistency proof from `since_size` unless that is 0."""
        request = pb.GetCheckpointRequest(since_size=since_size)
        return await self._call(self._stub.GetCheckpoint, request, timeout)

    async def export_tiles(self, have_size: int = 0) -> AsyncIterator[pb.ExportTilesResponse]:
        """The files of the log's tree that a tree of `have_size` leaves lacks, the checkpoint last.

        Files are whole; a stream that breaks off is asked for again. Raises VaultError.
        """
        with ending(self._stub.ExportTiles(pb.ExportTilesRequest(have_size=have_size))) as call:
            async for file in call:
                yield file

    async def archive_events(self, before: datetime) -> AsyncIterator[pb.ArchiveEventsResponse]:
        """Move entries recorded before a time to the object store; answers tell how far it is.

        Broken off, what was moved is moved; call again for the rest. Raises VaultError.
        """
        with ending(
            self._stub.ArchiveEvents(pb.ArchiveEventsRequest(before_time=timestamp(before)))
        ) as call:
            async for done in call:
                yield done

    async def report(
        self,
        *,
        customer: str = "",
        actor: str = "",
        from_time: datetime | None = None,
        to_time: datetime | None = None,
        parent: str = "",
    ) -> AsyncIterator[pb.ReportLine]:
        """Who saw a customer's file, or what a principal looked at: entries, each with its proof.

        Give `customer` (a resource name) or `actor`. Raises VaultError.
        """
        request = pb.ReportAccessRequest(
            parent=parent or self._parent,
            from_time=timestamp(from_time),
            to_time=timestamp(to_time),
        )
        if customer:
            request.customer = customer
        if actor:
            request.actor = actor
        with ending(self._stub.ReportAccess(request)) as call:
            async for answer in call:
                for line in answer.lines:
                    yield line
