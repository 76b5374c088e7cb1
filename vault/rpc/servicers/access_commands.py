"""Requests of the lending register as commands of the domain, with every problem of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from recordsvault.access.v1 import access_pb2 as pb
from vault.access import Action
from vault.access.lending import State, Verdict
from vault.records import CheckOutName, CustomerName, InvalidName
from vault.rpc.methods import Target
from vault.rpc.names import target_of, target_of_parent
from vault.rpc.opened import is_known
from vault.rpc.paging import page_size, read_token
from vault.rpc.problems import Problems
from vault.rpc.servicers.targets import purpose_name
from vault.rpc.servicers.writes import request_of
from vault.rpc.translate.check_outs import STATES, VERDICTS, to_span
from vault.services.check_out_rows import Words
from vault.services.lending import Ask, Wanted
from vault.services.replays import Request

_VERDICTS = {number: verdict for verdict, number in VERDICTS.items()}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for a check-out."""

    ask: Ask
    request: Request


@dataclass(frozen=True, slots=True)
class Renewal:
    """A request for the same again."""

    name: CheckOutName
    duration: int
    reason: str = field(repr=False)
    request: Request


@dataclass(frozen=True, slots=True)
class Emergency:
    """A glass to be broken."""

    name: CustomerName
    purpose: str
    reason: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Change:
    """What is done to a check-out, or that it is looked at."""

    name: CheckOutName
    etag: str = ""
    fields: tuple[str, ...] = ()
    duration: int | None = None
    verdict: Verdict = Verdict.NONE


@dataclass(frozen=True, slots=True)
class Page:
    """A page that was asked for."""

    request: pb.ListCheckOutsRequest
    wanted: Wanted
    before: str
    limit: int


# -- what a request is about -----------------------------------------------------------------------


def target_of_check_out(name: str, request_id: str = "") -> Target:
    """What a request that names a check-out is about."""
    try:
        found = CheckOutName.parse(name)
    except InvalidName:
        return Target()
    return Target(institution=found.institution, resource=name, request_id=request_id)


def target_of_request(request: pb.RequestCheckOutRequest) -> Target:
    """What a request for a check-out is about: its subject, as the log has it."""
    wish = request.check_out
    return _below(
        request.parent,
        wish.subject,
        purpose_name(wish.purpose),
        # Blanks refer to nothing.
        case_reference=wish.case_reference.strip(),
        request_id=request.request_id,
    )


def target_of_emergency(request: pb.BreakGlassRequest) -> Target:
    """What a request to break a glass is about."""
    return _below(request.parent, request.customer, purpose_name(request.purpose))


def _below(
    parent: str, subject: str, purpose: str, case_reference: str = "", request_id: str = ""
) -> Target:
    """The subject, where it is the parent's; else the parent, and the request is refused later."""
    own, asked = target_of_parent(parent), target_of_parent(subject)
    if not asked.resource:
        asked = target_of(subject)
    inside = not own.customer and own.institution == asked.institution
    return Target(
        institution="" if own.customer else own.institution,
        customer=asked.customer if inside else "",
        resource=asked.resource if inside else own.resource,
        purpose=purpose,
        case_reference=case_reference,
        request_id=request_id,
    )


# -- commands --------------------------------------------------------------------------------------


def prepare_request(request: pb.RequestCheckOutRequest, problems: Problems) -> Asked | None:
    """The request for a check-out."""
    wish = request.check_out
    subject = target_of(wish.subject)
    whole = not subject.institution
    if whole:
        subject = target_of_parent(wish.subject)
    with problems.under("check_out"):
        _require_own(request.parent, wish.subject, "subject", problems)
        _require_words(wish.reason, problems)
        record = wish.subject.partition("/customers/")[2].partition("/")[2]
        kind = "" if whole else _KINDS.get(record.partition("/")[0], "")
        _check_fields(wish.fields, kind, problems)
    if problems:
        return None
    ask = Ask(
        institution=subject.institution,
        customer=subject.customer,
        record=record,
        fields=tuple(wish.fields),
        purpose=purpose_name(wish.purpose),
        duration=to_span(wish.duration),
        one_time=wish.one_time,
        words=Words(wish.reason.strip(), wish.case_reference.strip()),
    )
    return Asked(ask, request_of(Action.CHECK_OUTS_REQUEST.value, request))


def prepare_renewal(request: pb.RenewCheckOutRequest, problems: Problems) -> Renewal | None:
    """The request for the same again."""
    _require_words(request.reason, problems)
    if problems:
        return None
    return Renewal(
        CheckOutName.parse(request.name),
        to_span(request.duration),
        request.reason.strip(),
        request_of(Action.CHECK_OUTS_RENEW.value, request),
    )


def prepare_emergency(request: pb.BreakGlassRequest, problems: Problems) -> Emergency | None:
    """The request to break a glass."""
    _require_own(request.parent, request.customer, "customer", problems)
    _require_words(request.reason, problems)
    if problems:
        return None
    return Emergency(
        CustomerName.parse(request.customer), purpose_name(request.purpose), request.reason.strip()
    )


def prepare_change(request: Any, problems: Problems) -> Change | None:
    """What is to be done to the check-out that a request names."""
    named = request.DESCRIPTOR.fields_by_name
    fields = tuple(request.fields) if "fields" in named else ()
    _check_fields(fields, "", problems)
    if problems:
        return None
    timed = "duration" in named and request.HasField("duration")
    return Change(
        CheckOutName.parse(request.name),
        request.etag if "etag" in named else "",
        fields,
        to_span(request.duration) if timed else None,
        _VERDICTS[request.verdict] if "verdict" in named else Verdict.NONE,
    )


def prepare_page(request: pb.ListCheckOutsRequest, problems: Problems) -> Page:
    """The page that a request asks for."""
    return Page(
        request,
        prepare_watch(request, problems),
        read_token(request, request.page_token, problems),
        page_size(request.page_size),
    )


def prepare_watch(request: Any, problems: Problems) -> Wanted:
    """What a request wants to see."""
    wish = request.filter
    if wish.customer:
        with problems.under("filter"):
            _require_own(request.parent, wish.customer, "customer", problems)
    return Wanted(
        target_of_parent(request.parent).institution,
        frozenset(State(STATES.domain(state).value) for state in wish.states),
        wish.requester,
        target_of(wish.customer).customer,
        wish.mine_to_decide,
    )


_KINDS = {"documents": "identity_document", "transactions": "transaction"}


def _check_fields(fields: Any, kind: str, problems: Problems) -> None:
    """Report every path that no record has, or that is not one of the ``kind`` asked for."""
    for place, path in enumerate(fields):
        if not is_known(path):
            problems.add(
                f"fields[{place}]",
                "UNKNOWN_FIELD",
                "is no field of a record that can be lent; see the API reference",
                "不是可借阅的记录字段；请参阅 API 参考",
            )
        elif kind and path.partition(".")[0] != kind:
            problems.add(
                f"fields[{place}]",
                "FIELD_OF_OTHER_KIND",
                "is not a field of the record that is asked for; ask for the customer's file "
                "instead, or leave it out",
                "不是所申请记录的字段；请改为申请客户档案，或删去该字段",
            )


def _require_own(parent: str, name: str, field_name: str, problems: Problems) -> None:
    named = target_of(name).institution or target_of_parent(name).institution
    if named not in ("", target_of_parent(parent).institution):
        problems.add(
            field_name,
            "OTHER_PARENT",
            "must belong to the institution of the parent",
            "必须属于所述机构",
        )


def _require_words(reason: str, problems: Problems) -> None:
    if reason and not reason.strip():
        problems.add("reason", "REQUIRED", "must say why", "必须说明理由")
