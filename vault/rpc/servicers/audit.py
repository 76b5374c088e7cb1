"""The audit service: the log, for security officers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

from google.protobuf.message import Message

from recordsvault.audit.v1 import audit_pb2 as pb
from vault.access import Action
from vault.audit import EventFilter, StoredEvent
from vault.rpc.methods import Method, ServerStream, Unary, table
from vault.rpc.names import target_of_parent
from vault.rpc.paging import make_token, page_size, read_token
from vault.rpc.problems import Problems
from vault.rpc.servicers import proving
from vault.rpc.translate.events import entry, wanted
from vault.services.call import Call
from vault.services.trail import Trail

# An entry has its leaf twice, as bytes and as an event, and a client takes messages of 4 MiB unless
# told otherwise. The event of a large import has up to 64 KiB.
_LEAF_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Query:
    request: pb.QueryEventsRequest
    filter: EventFilter
    position: int
    limit: int


@dataclass(frozen=True, slots=True)
class _Stream:
    request: pb.StreamEventsRequest
    filter: EventFilter


def batches(events: Sequence[StoredEvent]) -> Iterator[list[StoredEvent]]:
    """The events in turn, at least one at a time and no more than a message should carry."""
    batch: list[StoredEvent] = []
    size = 0
    for event in events:
        if batch and size + len(event.leaf) > _LEAF_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += len(event.leaf)
    if batch:
        yield batch


def methods(trail: Trail, use: proving.ProvingUseCases) -> dict[str, Method]:
    """The service's table."""

    def prepare_query(request: pb.QueryEventsRequest, problems: Problems) -> _Query:
        key = read_token(request, request.page_token, problems, number=True)
        start = -1 if request.newest_first else 0
        return _Query(
            request,
            wanted(target_of_parent(request.parent).institution, request.filter, problems),
            int(key) if key else start,
            page_size(request.page_size),
        )

    async def query(call: Call, q: _Query) -> Message:
        entries: list[StoredEvent] = []
        at, more = q.position, True
        # A filter that matches little is looked for window by window until the page is full.
        while len(entries) < q.limit and more:
            page = await trail.page(
                call, q.filter, at, q.limit - len(entries), newest_first=q.request.newest_first
            )
            entries.extend(page.events)
            at, more = page.scanned_to, not page.at_end
            # Other calls get their turn between the windows of a long log.
            await asyncio.sleep(0)
        batch = next(batches(entries), [])
        if len(batch) < len(entries):
            # Forwards a page starts behind a position, backwards in front of one: that of the last.
            entries, at, more = batch, batch[-1].position, True
        call.touched(count=len(entries))
        return pb.QueryEventsResponse(
            entries=map(entry, entries),
            next_page_token=make_token(q.request, str(at)) if more else "",
        )

    def prepare_stream(request: pb.StreamEventsRequest, problems: Problems) -> _Stream:
        institution = target_of_parent(request.parent).institution
        return _Stream(request, wanted(institution, request.filter, problems))

    async def stream(call: Call, s: _Stream) -> AsyncIterator[Message]:
        request = s.request
        pages = trail.stream(
            call,
            s.filter,
            request.from_position,
            from_end=request.from_end,
            follow=request.follow,
            verifiable=request.verifiable,
        )
        async for page in pages:
            # A position counted from 1 of an entry is the one counted from 0 of the next.
            yield pb.StreamEventsResponse(
                entries=map(entry, page.events),
                next_position=page.next_position,
                checkpoint=page.checkpoint.decode(),
                leaf_hashes=page.leaf_hashes,
            )

    return table(
        pb.DESCRIPTOR.services_by_name["Audit"],
        {
            "StreamEvents": ServerStream(
                Action.AUDIT_STREAM,
                pb.StreamEventsRequest,
                lambda r: target_of_parent(r.parent),
                prepare_stream,
                stream,
            ),
            "QueryEvents": Unary(
                Action.AUDIT_QUERY,
                pb.QueryEventsRequest,
                lambda r: target_of_parent(r.parent),
                prepare_query,
                query,
            ),
            **proving.methods(use),
        },
    )
