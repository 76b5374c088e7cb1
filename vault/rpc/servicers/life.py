"""The service of files for life: reports, hand-over, the feed of changes, and what differs."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, cast

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from recordsvault.life.v1 import life_pb2 as pb
from vault.access import Action
from vault.records import Customer, CustomerName, RiskClass
from vault.records.differing import differing
from vault.rpc.methods import Method, ServerStream, Unary, table
from vault.rpc.names import target_of, target_of_parent
from vault.rpc.opened import Cut
from vault.rpc.problems import Problems
from vault.rpc.servicers.reads import Lending, relative
from vault.rpc.servicers.resources import CUSTOMER
from vault.rpc.servicers.targets import with_purpose
from vault.rpc.translate import completeness as found_in
from vault.rpc.translate import customers
from vault.rpc.translate.common import from_micros, to_date
from vault.rules.completeness import State
from vault.rules.currency import DueKind
from vault.services.call import Call
from vault.services.life import Assessment, Changes, File, HandingOver, HandOver, Reports
from vault.services.life.changes import Change
from vault.services.life.reports import Group, Groups, Kept, WantedFiles, segments_of
from vault.services.opening import Opened
from vault.services.reading import Reading

_PLACE = re.compile(r"\[[0-9]+\]")
_COUNTS = 500
_CUSTODIANS = 10_000
_ITEMS = 1_000


@dataclass(frozen=True, slots=True)
class LifeUseCases:
    """What the service is built on."""

    reports: Reports
    handing_over: HandingOver
    changes: Changes
    reading: Reading
    lending: Lending


@dataclass(frozen=True, slots=True)
class _Report:
    files: WantedFiles
    day: date | None
    kinds: frozenset[DueKind] = frozenset()
    named: bool = False


@dataclass(frozen=True, slots=True)
class _Diff:
    name: CustomerName
    earlier: int
    later: int


def methods(use: LifeUseCases) -> dict[str, Method]:
    """The service's table."""

    async def completeness(call: Call, asked: _Report) -> AsyncIterator[Message]:
        groups = Groups()
        examined = 0
        async for part in use.reports.completeness(call, asked.files, asked.day, groups):
            examined = part.examined
            named = [_incomplete(*one) for one in part.files] if asked.named else []
            yield pb.ReportCompletenessResponse(examined=examined, files=named)
        by_segment = [_segment(*one) for one in sorted(groups.by_segment.items(), key=_first)]
        for parts in _chunks(by_segment, _COUNTS):
            yield pb.ReportCompletenessResponse(examined=examined, segments=parts)
        counts = [_count(key, group) for key, group in sorted(groups.by_risk.items(), key=_first)]
        for some in _chunks(counts, _COUNTS) if counts else [counts]:
            yield pb.ReportCompletenessResponse(examined=examined, counts=some)

    async def due(call: Call, asked: _Report) -> AsyncIterator[Message]:
        async for part in use.reports.due(call, asked.files, asked.day, asked.kinds):
            items = [
                pb.FileDue(
                    customer=file.name,
                    due=found_in.due_item(item),
                    custodian=custodian,
                    branch=file.customer.branch,
                    segments=segments_of(file.customer),
                    risk_class=customers.RISK.proto(file.customer.risk_class),  # type: ignore[arg-type]  # by the table
                )
                for file, item, custodian in part.items
            ]
            for some in _chunks(items, _ITEMS) if items else [items]:
                yield pb.ListDueResponse(examined=part.examined, items=some)

    async def custodians(call: Call, asked: _Report) -> AsyncIterator[Message]:
        institution = asked.files.institution
        kept: dict[str, Kept] = {}
        examined = 0
        async for examined, alone in use.reports.custodians(call, institution, kept):
            files = alone if asked.named else []
            yield pb.ReportCustodiansResponse(examined=examined, files=files)
        yield pb.ReportCustodiansResponse(
            examined=examined,
            custodians=[
                pb.CustodianCount(
                    custodian=name,
                    files=kept[name].files,
                    left=not use.reports.may_keep(institution, name),
                    by_default=kept[name].by_default,
                )
                for name in sorted(kept)[:_CUSTODIANS]
            ],
        )

    async def hand_over(call: Call, wanted: HandOver) -> AsyncIterator[Message]:
        async for part in use.handing_over.run(call, wanted):
            yield pb.HandOverResponse(
                examined=part.examined, files=part.files, handed_over=part.handed_over
            )

    async def watch(call: Call, request: pb.WatchChangesRequest) -> AsyncIterator[Message]:
        institution = target_of_parent(request.parent).institution
        parts = use.changes.watch(
            call,
            institution,
            request.from_position,
            from_end=request.from_end,
            follow=request.follow,
        )
        async for part in parts:
            yield pb.WatchChangesResponse(
                changes=[_change(institution, one) for one in part.changes],
                next_position=part.next_position,
            )

    async def diff(call: Call, asked: _Diff) -> Message:
        name = asked.name
        cut = use.lending.openings.cut(call, CUSTOMER.field, FieldMask())
        later = await use.reading.customer(call, name.institution, name.customer, asked.later)
        number = asked.earlier or max(1, later.version - 1)
        earlier = await use.reading.customer(call, name.institution, name.customer, number)
        one, other = (_opened(each, cut, name.institution) for each in (earlier, later))
        fields = differing(one, other)
        done = replace(
            call.trace,
            # As the fields of any other read: without places in lists.
            fields=tuple(dict.fromkeys(_PLACE.sub("", path) for path in fields)),
            resources=(relative(earlier), relative(later)),
            count=1,
        )
        await use.lending.finish(call, name.customer, [later], done)
        return pb.DiffCustomerVersionsResponse(
            from_version=earlier.version,
            to_version=later.version,
            fields=fields,
            withheld=cut.withheld,
            correction=other.correction,
        )

    def target(request: Any) -> Any:
        return target_of_parent(request.parent)

    return table(
        pb.DESCRIPTOR.services_by_name["Life"],
        {
            "ReportCompleteness": ServerStream(
                Action.FILES_COMPLETENESS,
                pb.ReportCompletenessRequest,
                target,
                _prepare_completeness,
                completeness,
            ),
            "ListDue": ServerStream(Action.FILES_DUE, pb.ListDueRequest, target, _prepare_due, due),
            "ReportCustodians": ServerStream(
                Action.FILES_CUSTODIANS,
                pb.ReportCustodiansRequest,
                target,
                lambda r, _: _Report(WantedFiles(_institution(r)), None, named=r.name_files),
                custodians,
            ),
            "HandOver": ServerStream(
                Action.FILES_HAND_OVER, pb.HandOverRequest, target, _prepare_hand_over, hand_over
            ),
            "WatchChanges": ServerStream(
                Action.CHANGES_WATCH,
                pb.WatchChangesRequest,
                target,
                lambda request, _: request,
                watch,
            ),
            "DiffCustomerVersions": Unary(
                Action.CUSTOMERS_DIFF,
                pb.DiffCustomerVersionsRequest,
                with_purpose(target_of, "name"),
                _prepare_diff,
                diff,
            ),
        },
    )


def _institution(request: Any) -> str:
    return target_of_parent(request.parent).institution


def _prepare_completeness(request: pb.ReportCompletenessRequest, problems: Problems) -> _Report:
    day = to_date(request.day, "day", problems) if request.HasField("day") else None
    wanted = WantedFiles(
        _institution(request),
        request.branch,
        _risks(request.risk_classes),
        segments=frozenset(request.segments),
    )
    return _Report(wanted, day, named=request.name_files)


def _risks(numbers: Iterable[int]) -> frozenset[RiskClass]:
    return frozenset(cast(RiskClass, customers.RISK.domain(one)) for one in numbers)


def _prepare_due(request: pb.ListDueRequest, problems: Problems) -> _Report:
    by = to_date(request.until, "until", problems) if request.HasField("until") else None
    wanted = WantedFiles(
        _institution(request),
        request.branch,
        _risks(request.risk_classes),
        request.custodian,
        frozenset(request.segments),
    )
    return _Report(wanted, by, found_in.due_kinds(request.kinds))


def _prepare_hand_over(request: Any, problems: Problems) -> HandOver:
    giver, taker = getattr(request, "from"), request.to
    if giver == taker:
        problems.add(
            "to",
            "SAME_CUSTODIAN",
            "is who hands over; name somebody else",
            "与移交人相同；请指定其他人",
        )
    return HandOver(_institution(request), giver, taker, request.branch, request.reason)


def _prepare_diff(request: pb.DiffCustomerVersionsRequest, problems: Problems) -> _Diff | None:
    if problems:
        return None
    return _Diff(CustomerName.parse(request.name), request.from_version, request.to_version)


def _opened(one: Opened, cut: Cut, institution: str) -> Customer:
    """A version with those of its fields that are opened to the caller."""
    message = CUSTOMER.full(institution, one)
    cut.apply(message)
    return customers.to_domain(message, Problems())


def _incomplete(file: File, found: Assessment) -> pb.IncompleteFile:
    elements = found.completeness
    return pb.IncompleteFile(
        customer=file.name,
        missing=elements.named(State.MISSING),
        expired=elements.named(State.EXPIRED),
        unverified=elements.named(State.UNVERIFIED),
        ownership=found_in.found_owners(found.ownership),
        conflicts=found_in.found_conflicts(file, found.conflicts),
    )


def _count(key: tuple[str, RiskClass], group: Group) -> pb.CompletenessCount:
    out = pb.CompletenessCount(
        branch=key[0],
        risk_class=customers.RISK.proto(key[1]),  # type: ignore[arg-type]  # by the table
        files=group.files,
        complete=group.complete,
        ownership=group.ownership,
        conflicts=group.conflicts,
    )
    out.elements.extend(_elements(group))
    return out


def _segment(segment: str, group: Group) -> pb.SegmentCount:
    return pb.SegmentCount(
        segment=segment,
        files=group.files,
        complete=group.complete,
        ownership=group.ownership,
        conflicts=group.conflicts,
        elements=_elements(group),
    )


def _elements(group: Group) -> Iterator[pb.ElementCount]:
    for name in sorted({name for name, _ in group.elements}):
        yield pb.ElementCount(
            element=name,
            missing=group.elements[name, State.MISSING],
            expired=group.elements[name, State.EXPIRED],
            unverified=group.elements[name, State.UNVERIFIED],
        )


def _first(pair: tuple[Any, Group]) -> Any:
    return pair[0]


def _change(institution: str, one: Change) -> pb.Change:
    return pb.Change(
        name=f"institutions/{institution}/{one.name}",
        kind=pb.Change.Kind.Value(f"KIND_{one.kind.name}"),
        version=one.version,
        time=from_micros(one.time),
        position=one.position,
        due=found_in.due_number(one.due),
        path=one.path,
    )


def _chunks(items: list[Any], size: int) -> Iterator[list[Any]]:
    for at in range(0, len(items), size):
        yield items[at : at + size]
