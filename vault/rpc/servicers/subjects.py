"""The service of persons' requests about their own data."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from google.protobuf.message import Message

from recordsvault.life.v1 import subjects_pb2 as pb
from recordsvault.type.v1 import purpose_pb2
from vault.access import Action
from vault.records import CustomerName, SubjectRequestName
from vault.rpc.methods import Method, ServerStream, Unary, table
from vault.rpc.names import target_of, target_of_parent, target_of_subject_request
from vault.rpc.paging import make_token, page_size, read_token
from vault.rpc.problems import Problems
from vault.rpc.servicers.targets import with_request_id
from vault.rpc.servicers.writes import request_of
from vault.rpc.translate import subjects as translate
from vault.rpc.translate.common import from_micros, to_date
from vault.services.call import Call
from vault.services.subjects.closing import Closing, End
from vault.services.subjects.ground import SAID
from vault.services.subjects.register import Register, Shown
from vault.services.subjects.rows import Outcome
from vault.services.subjects.using import UseLine, Using
from vault.store.subject_requests import Place


@dataclass(frozen=True, slots=True)
class SubjectUseCases:
    """What the service is built on."""

    register: Register
    closing: Closing
    using: Using
    categories: tuple[pb.RecipientCategory, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    """About which request; `received` and `after` where the method has one."""

    institution: str
    customer: str = ""
    identifier: str = ""
    request: Any = field(default=None, repr=False)
    received: date = date.min
    after: Place | None = None


def methods(on: SubjectUseCases) -> dict[str, Method]:
    """The service's table."""

    async def file(call: Call, asked: _Asked) -> Message:
        r: pb.FileSubjectRequestRequest = asked.request
        made = await on.register.file(
            call,
            asked.institution,
            asked.customer,
            translate.kind_of(r.kind),
            asked.received,
            r.text.strip(),
            request_of(Action.SUBJECTS_FILE.value, r),
        )
        return pb.FileSubjectRequestResponse(request=translate.request(made))

    async def get(call: Call, asked: _Asked) -> Message:
        found = await on.register.get(call, asked.institution, asked.customer, asked.identifier)
        _revealed(call, found)
        return pb.GetSubjectRequestResponse(request=translate.request(found))

    async def page(call: Call, asked: _Asked) -> Message:
        limit = page_size(asked.request.page_size)
        found = await on.register.page(
            call,
            asked.institution,
            customer=asked.customer,
            closed=asked.request.show_closed,
            after=asked.after,
            limit=limit + 1,
        )
        kept = found[:limit]
        names = tuple(one.request.name.split("/", 2)[2] for one in kept)
        call.touched(resources=names, count=len(kept))
        token = make_token(asked.request, _place(kept[-1])) if len(found) > limit else ""
        return pb.ListSubjectRequestsResponse(
            requests=[translate.request(one) for one in kept], next_page_token=token
        )

    async def extend(call: Call, asked: _Asked) -> Message:
        r: pb.ExtendSubjectRequestRequest = asked.request
        made = await on.register.extend(
            call, asked.institution, asked.customer, asked.identifier, r.etag, r.text.strip()
        )
        return pb.ExtendSubjectRequestResponse(request=translate.request(made))

    async def close(call: Call, asked: _Asked) -> Message:
        r: pb.CloseSubjectRequestRequest = asked.request
        end = End(Outcome(translate.outcome_of(r.outcome)), r.text.strip(), r.version)
        made = await on.closing.close(
            call, asked.institution, asked.customer, asked.identifier, r.etag, end
        )
        return pb.CloseSubjectRequestResponse(request=translate.request(made))

    async def use(call: Call, asked: _Asked) -> AsyncIterator[Message]:
        files = await on.using.begin(call, asked.institution, asked.customer, asked.identifier)
        yield pb.ReportUseResponse(categories=on.categories)
        async for lines in on.using.lines(call, asked.institution, files):
            yield pb.ReportUseResponse(lines=map(_line, lines))

    of_request = target_of_subject_request
    return table(
        pb.DESCRIPTOR.services_by_name["SubjectRequests"],
        {
            "FileSubjectRequest": Unary(
                Action.SUBJECTS_FILE,
                pb.FileSubjectRequestRequest,
                with_request_id(target_of, "parent"),
                _prepare_file,
                file,
            ),
            "GetSubjectRequest": Unary(
                Action.SUBJECTS_GET,
                pb.GetSubjectRequestRequest,
                lambda r: of_request(r.name),
                _prepare,
                get,
            ),
            "ListSubjectRequests": Unary(
                Action.SUBJECTS_LIST,
                pb.ListSubjectRequestsRequest,
                lambda r: target_of_parent(r.parent),
                _prepare_page,
                page,
            ),
            "ExtendSubjectRequest": Unary(
                Action.SUBJECTS_EXTEND,
                pb.ExtendSubjectRequestRequest,
                lambda r: of_request(r.name),
                _prepare_words,
                extend,
            ),
            "CloseSubjectRequest": Unary(
                Action.SUBJECTS_CLOSE,
                pb.CloseSubjectRequestRequest,
                lambda r: of_request(r.name),
                _prepare,
                close,
            ),
            "ReportUse": ServerStream(
                Action.SUBJECTS_USE,
                pb.ReportUseRequest,
                lambda r: of_request(r.name),
                _prepare,
                use,
            ),
        },
    )


def _prepare(request: Any, problems: Problems) -> _Asked | None:
    if problems:
        return None
    name = SubjectRequestName.parse(request.name)
    return _Asked(name.institution, name.customer, name.request, request)


def _prepare_words(request: Any, problems: Problems) -> _Asked | None:
    _require_words(request, problems)
    return _prepare(request, problems)


def _prepare_file(request: pb.FileSubjectRequestRequest, problems: Problems) -> _Asked | None:
    _require_words(request, problems)
    received = to_date(request.receive_date, "receive_date", problems)
    if problems or received is None:
        return None
    name = CustomerName.parse(request.parent)
    return _Asked(name.institution, name.customer, request=request, received=received)


def _prepare_page(request: pb.ListSubjectRequestsRequest, problems: Problems) -> _Asked | None:
    after = read_token(request, request.page_token, problems, place=True)
    parent = target_of_parent(request.parent).institution
    customer = ""
    if request.customer and not problems:
        name = CustomerName.parse(request.customer)
        customer = name.customer
        if name.institution != parent:
            problems.add(
                "customer", "OTHER_PARENT", "must be of the parent's institution", "必须属于该机构"
            )
    if problems:
        return None
    place: Place | None = None
    if after:
        closed, due_on, of, identifier = after.split(".")
        place = (int(closed), int(due_on), of, identifier)
    return _Asked(parent, customer, request=request, after=place)


def _require_words(request: Any, problems: Problems) -> None:
    if not request.text.strip():
        problems.add("text", "REQUIRED", "must not be blank", "不能为空")


def _place(one: Shown) -> str:
    r = one.request
    return f"{int(r.closed)}.{r.due_on.toordinal()}.{r.customer}.{r.identifier}"


def _revealed(call: Call, one: Shown) -> None:
    """The event says that words were shown, and none of them."""
    call.touched(fields=(SAID,) if one.said else (), count=1)


def _line(one: UseLine) -> pb.UseLine:
    made = pb.UseLine(
        time=from_micros(one.time),
        use=pb.DataUse.Value(f"DATA_USE_{one.told.use.name}"),
        category=one.told.category.name,
    )
    if one.purpose:
        made.purpose = purpose_pb2.Purpose.Value(f"PURPOSE_{one.purpose}")
    return made
