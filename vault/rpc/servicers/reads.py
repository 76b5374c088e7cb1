"""Opening records in full: what the three resources share.

A record is opened, and of it goes out what table and check-out open to the caller; the rest goes
out masked. What the event lists is read off the answer itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from recordsvault.records.v1 import records_pb2 as pb
from vault.access import Action
from vault.records import Customer, first_ulid
from vault.rpc.masks import check_mask, masked, revealed
from vault.rpc.methods import Target, Unary
from vault.rpc.names import target_of, target_of_parent
from vault.rpc.opened import Cut, Openings
from vault.rpc.paging import make_token, page_size, read_token
from vault.rpc.problems import Problems
from vault.rpc.servicers.resources import Resource
from vault.rpc.servicers.targets import with_purpose
from vault.rpc.translate.common import to_date, to_datetime, to_millis
from vault.services.at import ANY_TIME, At
from vault.services.borrowing import Borrowing
from vault.services.call import Call, Trace
from vault.services.likenesses import Likenesses
from vault.services.opening import Opened
from vault.services.period import Period
from vault.services.reach import Listing

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Lending:
    """What limits every read, and what is noticed of it: the fields that are opened, the check-out
    that is used, and what the customer has in common with others."""

    openings: Openings
    borrowing: Borrowing
    likenesses: Likenesses

    async def notice(self, call: Call, customer: str) -> None:
        """Notice that a customer's file is about to be opened, by what makes its own event."""
        await self.likenesses.note(call, customer)

    async def finish(
        self, call: Call, customer: str, opened: Sequence[Opened], done: Trace
    ) -> None:
        """End a read of one customer's file, or of a page of all customers (no `customer`)."""
        own = next((one.value for one in opened if isinstance(one.value, Customer)), None)
        await self.likenesses.note(call, customer, own)
        await self.borrowing.finish(call, done)


@dataclass(frozen=True, slots=True)
class Read:
    """A read of one record."""

    name: Any
    version: int
    mask: FieldMask
    at: At = ANY_TIME


Complete = Callable[[Call, Any, Opened, Any], Awaitable[None]]
"""Fills in what the vault reckons of a record and was asked for: by its name, the record, and the
message."""


def get_record(
    resource: Resource,
    action: Action,
    kind: type[Message],
    parse_name: Callable[[str], Any],
    lending: Lending,
    open_: Callable[[Call, Read, bool], Any],
    complete: Complete | None = None,
) -> Unary:
    """The method that opens one record; `open_` is the use case."""
    response = getattr(pb, kind.DESCRIPTOR.name.replace("Request", "Response"))

    def prepare(request: Any, problems: Problems) -> Read | None:
        check_mask(request.read_mask, resource.message, "read_mask", problems)
        if problems:
            return None
        version = getattr(request, "version", 0)
        at = at_of(request, problems)
        if at and version:
            problems.add(
                "version",
                "VERSION_OR_TIME",
                "is another way to say which version; leave it out beside as_of and known_at",
                "与 as_of、known_at 择一指定版本，请省略",
            )
        return Read(parse_name(request.name), version, request.read_mask, at)

    async def handle(call: Call, read: Read) -> Message:
        cut = lending.openings.cut(call, resource.field, read.mask)
        opened: Opened = await open_(call, read, cut.withheld)
        record = resource.full(read.name.institution, opened)
        if complete is not None:
            await complete(call, read, opened, record)
        cut.apply(record)
        record = masked(record, read.mask)
        answer = {resource.field: record}
        if cut.withheld:
            answer["masked"] = resource.masked(read.name.institution, opened)
        done = replace(call.trace, fields=revealed([record]), count=1)
        await lending.finish(call, read.name.customer, [opened], done)
        return response(**answer)  # type: ignore[no-any-return]

    return Unary(action, kind, with_purpose(target_of, "name"), prepare, handle)


def shown(resource: Resource, institution: str, opened: Opened, cut: Cut, mask: FieldMask) -> Any:
    """What goes out of a record that was opened."""
    record = resource.full(institution, opened)
    cut.apply(record)
    return masked(record, mask)


@dataclass(frozen=True, slots=True)
class Page:
    """A page that was asked for."""

    request: Any = field(repr=False)
    target: Target
    name: Any
    after: str
    limit: int
    period: Period
    at: At = ANY_TIME


def list_records(
    resource: Resource,
    action: Action,
    kind: type[Message],
    lending: Lending,
    page: Callable[[Call, Page, bool], Any],
    key_of: Callable[[Opened], str],
    *,
    named: Callable[[str], Any] | None = None,
) -> Unary:
    """A page of records below a parent, or of the versions of one record (``named``)."""
    response = getattr(pb, kind.DESCRIPTOR.name.replace("Request", "Response"))
    field, aim = ("name", target_of) if named else ("parent", target_of_parent)

    def prepare(request: Any, problems: Problems) -> Page | None:
        check_mask(request.read_mask, resource.message, "read_mask", problems)
        after = read_token(request, request.page_token, problems, number=named is not None)
        if problems:
            return None
        return Page(
            request,
            aim(getattr(request, field)),
            named(request.name) if named else None,
            after,
            page_size(request.page_size),
            period_of(request),
            at_of(request, problems),
        )

    async def handle(call: Call, p: Page) -> Message:
        cut = lending.openings.cut(call, resource.field, p.request.read_mask)
        # One more than the page tells whether there is a next one.
        listed: Listing[Opened] = await page(call, p, cut.withheld)
        kept = listed.rows[: p.limit]
        institution = p.target.institution
        records = [
            shown(resource, institution, opened, cut, p.request.read_mask) for opened in kept
        ]
        answer: dict[str, Any] = {resource.plural: records}
        if cut.withheld:
            answer[f"masked_{resource.plural}"] = [
                resource.masked(institution, opened) for opened in kept
            ]
        further = key_of(kept[-1]) if len(listed.rows) > p.limit else listed.further
        done = replace(
            call.trace,
            fields=revealed(records),
            resources=tuple(relative(opened) for opened in kept),
            count=len(kept),
        )
        await lending.finish(call, p.target.customer, kept, done)
        token = make_token(p.request, further) if further else ""
        return response(**answer, next_page_token=token)  # type: ignore[no-any-return]

    return Unary(action, kind, with_purpose(aim, field), prepare, handle)


def at_of(request: Any, problems: Problems) -> At:
    """The two times of a read; no bounds for a request that has none."""
    fields = request.DESCRIPTOR.fields_by_name
    as_of = known_at = None
    if "as_of" in fields and request.HasField("as_of"):
        as_of = to_date(request.as_of, "as_of", problems)
    if "known_at" in fields and request.HasField("known_at"):
        known = to_datetime(request.known_at, "known_at", problems)
        known_at = (known - _EPOCH) // timedelta(microseconds=1)
    return At(as_of, known_at)


def period_of(request: Any) -> Period:
    """The bounds of a list of transactions; the default for any other list."""
    if "booked_from" not in request.DESCRIPTOR.fields_by_name:
        return Period()
    low = first_ulid(to_millis(request.booked_from)) if request.HasField("booked_from") else ""
    high = first_ulid(to_millis(request.booked_to)) if request.HasField("booked_to") else "~"
    return Period(low, high, request.newest_first)


def relative(opened: Opened) -> str:
    """A record and its version, as an event names those of a page."""
    base = f"customers/{opened.customer}"
    name = f"{base}/{opened.record}" if opened.record else base
    return f"{name}@{opened.version}"


def record_id(opened: Opened) -> str:
    """The identifier by which a list pages."""
    return opened.record.rpartition("/")[2] or opened.customer
