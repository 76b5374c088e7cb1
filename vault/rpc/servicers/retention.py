"""The services of retention: rules, disposals, holds."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import Message

from recordsvault.retention.v1 import retention_pb2 as pb
from vault.access import Action
from vault.records import CustomerName, TransactionName
from vault.rpc.masks import revealed
from vault.rpc.methods import Method, Target, Unary, table
from vault.rpc.names import target_of_parent
from vault.rpc.paging import make_token, page_size, read_token
from vault.rpc.problems import Problems
from vault.rpc.servicers.targets import with_request_id
from vault.rpc.servicers.writes import request_of
from vault.rpc.translate import retention as to
from vault.rpc.translate.common import from_date, to_date
from vault.sealing import Clock
from vault.services.call import Call
from vault.services.compartments import Holding, NewHold
from vault.services.replays import Request
from vault.services.retention.certifying import Certifying
from vault.services.retention.changing import Changing
from vault.services.retention.content import RuleSetChange, RulingChange
from vault.services.retention.disposals import Disposals
from vault.services.retention.rules import today

_NAME: Final = re.compile(
    r"institutions/(?P<institution>[a-z][a-z0-9-]{1,39})/"
    r"(?:(?:disposals|proposals)/(?P<identifier>[0-9a-z]{26})"
    r"|compartments/(?P<compartment>[0-9a-z]{26})(?:/holds/(?P<hold>[0-9a-z]{26}))?)"
)


@dataclass(frozen=True, slots=True)
class RetentionUseCases:
    """What the services are built on."""

    changing: Changing
    disposals: Disposals
    certifying: Certifying
    holding: Holding
    clock: Clock


@dataclass(frozen=True, slots=True)
class _Named:
    institution: str
    identifier: str = ""
    compartment: str = ""
    hold: str = ""
    request: Any = None
    after: str = ""


@dataclass(frozen=True, slots=True)
class _NewHold:
    named: _Named
    new: NewHold
    request: Request


def methods(use: RetentionUseCases) -> dict[str, Method]:
    """Both services' tables."""
    services = pb.DESCRIPTOR.services_by_name
    return {
        **table(services["Retention"], {**_rules(use), **_disposals(use)}),
        **table(services["Holds"], _holds(use.holding)),
    }


def _rules(use: RetentionUseCases) -> dict[str, Method]:
    changing, clock = use.changing, use.clock

    async def list_sets(call: Call, n: _Named) -> Message:
        book = changing.in_force(call, n.institution)
        made = to.rule_sets(book, today(clock.now_micros()))
        call.touched(count=len(made))
        return pb.ListRuleSetsResponse(
            rule_sets=made, rulings=to.rulings(n.institution, book.rulings)
        )

    async def preview(call: Call, n: _Named) -> Message:
        found = await changing.preview(call, n.institution, n.request.rule_set)
        return pb.PreviewRuleSetResponse(effect=to.effect(n.institution, found))

    async def propose_set(call: Call, n: _Named) -> Message:
        r: pb.ProposeRuleSetRequest = n.request
        change = RuleSetChange(r.rule_set, r.shortens)
        made, found = await changing.propose_set(call, n.institution, change, r.reason.strip())
        return pb.ProposeRuleSetResponse(
            proposal=to.rules_proposal(made), effect=to.effect(n.institution, found)
        )

    async def propose_ruling(call: Call, n: _Named) -> Message:
        r: pb.ProposeRulingRequest = n.request
        customer = CustomerName.parse(r.ruling.customer).customer if r.ruling.customer else ""
        change = RulingChange(r.ruling.prevails, r.ruling.yields, customer)
        made = await changing.propose_ruling(call, n.institution, change, r.reason.strip())
        return pb.ProposeRulingResponse(proposal=to.rules_proposal(made))

    async def approve(call: Call, n: _Named) -> Message:
        r: pb.ApproveRulesRequest = n.request
        made = await changing.approve(call, n.institution, n.identifier, r.etag, r.comment.strip())
        return pb.ApproveRulesResponse(proposal=to.rules_proposal(made))

    return {
        "ListRuleSets": _under(Action.RULE_SETS_LIST, pb.ListRuleSetsRequest, list_sets),
        "PreviewRuleSet": _under(Action.RULE_SETS_PREVIEW, pb.PreviewRuleSetRequest, preview),
        "ProposeRuleSet": _under(Action.RULE_SETS_PROPOSE, pb.ProposeRuleSetRequest, propose_set),
        "ProposeRuling": _under(Action.RULINGS_PROPOSE, pb.ProposeRulingRequest, propose_ruling),
        "ApproveRules": _one(Action.RULES_APPROVE, pb.ApproveRulesRequest, approve),
    }


def _disposals(use: RetentionUseCases) -> dict[str, Method]:
    disposals, clock = use.disposals, use.clock

    async def plan(call: Call, n: _Named) -> Message:
        r: pb.PlanDisposalRequest = n.request
        only = [TransactionName.parse(name) for name in r.transactions]
        made = await disposals.plan(call, n.institution, only, r.reason.strip())
        return pb.PlanDisposalResponse(disposal=to.disposal(made, clock.now_micros()))

    async def get(call: Call, n: _Named) -> Message:
        found = await disposals.get(call, n.institution, n.identifier)
        return pb.GetDisposalResponse(disposal=to.disposal(found, clock.now_micros()))

    async def page(call: Call, n: _Named) -> Message:
        limit = page_size(n.request.page_size)
        found = await disposals.page(call, n.institution, n.after, limit + 1)
        made = [to.disposal(one, clock.now_micros()) for one in found[:limit]]
        call.touched(count=len(made))
        more = found[limit - 1].disposal.identifier if len(found) > limit else ""
        token = make_token(n.request, more) if more else ""
        return pb.ListDisposalsResponse(disposals=made, next_page_token=token)

    async def items(call: Call, n: _Named) -> Message:
        limit = page_size(n.request.page_size)
        stage, after = to.item_stage(n.request.state), int(n.after or 0)
        found = await disposals.items(call, n.institution, n.identifier, stage, after, limit + 1)
        made = [to.item(one) for one in found[:limit]]
        names = tuple(f"customers/{one.customer}" for one in found[:limit])
        call.touched(resources=tuple(dict.fromkeys(names)), count=len(made))
        token = make_token(n.request, str(found[limit - 1].number)) if len(found) > limit else ""
        return pb.ListDisposalItemsResponse(items=made, next_page_token=token)

    async def approve(call: Call, n: _Named) -> Message:
        r: pb.ApproveDisposalRequest = n.request
        made = await disposals.approve(
            call, n.institution, n.identifier, r.plan_sha256, r.comment.strip()
        )
        return pb.ApproveDisposalResponse(disposal=to.disposal(made, clock.now_micros()))

    async def execute(call: Call, n: _Named) -> Message:
        made = await disposals.execute(call, n.institution, n.identifier)
        return pb.ExecuteDisposalResponse(disposal=to.disposal(made, clock.now_micros()))

    async def certificate(call: Call, n: _Named) -> Message:
        found = await use.certifying.certificate(call, n.institution, n.identifier)
        return pb.GetDisposalCertificateResponse(
            certificate=found.note,
            leaf=found.leaf,
            proof=found.proof,
            keys_final=from_date(found.keys_final),
            rows_final=from_date(found.rows_final),
        )

    return {
        "PlanDisposal": _under(
            Action.DISPOSALS_PLAN, pb.PlanDisposalRequest, plan, check=_own_transactions
        ),
        "GetDisposal": _one(Action.DISPOSALS_GET, pb.GetDisposalRequest, get),
        "ListDisposals": _under(Action.DISPOSALS_LIST, pb.ListDisposalsRequest, page),
        "ListDisposalItems": _one(
            Action.DISPOSALS_ITEMS,
            pb.ListDisposalItemsRequest,
            items,
            field="parent",
            number=True,
        ),
        "ApproveDisposal": _one(Action.DISPOSALS_APPROVE, pb.ApproveDisposalRequest, approve),
        "ExecuteDisposal": _one(Action.DISPOSALS_EXECUTE, pb.ExecuteDisposalRequest, execute),
        "GetDisposalCertificate": _one(
            Action.DISPOSALS_CERTIFICATE, pb.GetDisposalCertificateRequest, certificate
        ),
    }


def _holds(holding: Holding) -> dict[str, Method]:
    def prepare(request: pb.PlaceHoldRequest, problems: Problems) -> _NewHold | None:
        named = _named(request.parent, request)
        wish = request.hold
        with problems.under("hold"):
            days = []
            for field in ("first_day", "last_day"):
                given = (
                    to_date(getattr(wish, field), field, problems) if wish.HasField(field) else None
                )
                days.append(given.toordinal() if given is not None else 0)
            if days[0] and days[1] and days[0] > days[1]:
                problems.add("last_day", "DATE_ORDER", "is before the first day", "早于起始日期")
            for place, record in enumerate(wish.records):
                if not record.startswith(f"{wish.customer}/"):
                    problems.add(
                        f"records[{place}]",
                        "OTHER_PARENT",
                        "must belong to the customer of the hold",
                        "必须属于该冻结所涉客户",
                    )
            if not wish.customer.startswith(f"institutions/{named.institution}/"):
                problems.add(
                    "customer",
                    "OTHER_PARENT",
                    "must belong to the institution of the parent",
                    "必须属于所述机构",
                )
        if problems:
            return None
        customer = CustomerName.parse(wish.customer)
        new = NewHold(
            customer.customer,
            wish.authority,
            wish.reference,
            wish.account,
            days[0],
            days[1],
            tuple(record.removeprefix(f"{wish.customer}/") for record in wish.records),
        )
        return _NewHold(named, new, request_of(Action.HOLDS_PLACE.value, request))

    async def place(call: Call, asked: _NewHold) -> Message:
        n = asked.named
        made = await holding.place(call, n.institution, n.compartment, asked.new, asked.request)
        return pb.PlaceHoldResponse(hold=to.placed(n.institution, made))

    async def page(call: Call, n: _Named) -> Message:
        limit = page_size(n.request.page_size)
        found, after = await holding.page(call, n.institution, n.compartment, n.after, limit)
        made = [to.hold(n.institution, one) for one in found]
        names = tuple(f"compartments/{one.compartment}/holds/{one.hold}" for one in found)
        call.touched(fields=revealed(made), resources=names, count=len(made))
        token = make_token(n.request, after) if after else ""
        return pb.ListHoldsResponse(holds=made, next_page_token=token)

    async def propose(call: Call, n: _Named) -> Message:
        made = await holding.propose_release(
            call, n.institution, n.compartment, n.hold, n.request.reason.strip()
        )
        return pb.ProposeHoldReleaseResponse(hold=to.hold(n.institution, made))

    async def agree(call: Call, n: _Named) -> Message:
        made = await holding.agree_release(
            call, n.institution, n.compartment, n.hold, n.request.etag
        )
        return pb.AgreeHoldReleaseResponse(hold=to.hold(n.institution, made))

    return {
        "PlaceHold": Unary(
            Action.HOLDS_PLACE,
            pb.PlaceHoldRequest,
            with_request_id(_target, "parent"),
            prepare,
            place,
        ),
        "ListHolds": _one(Action.HOLDS_LIST, pb.ListHoldsRequest, page, field="parent"),
        "ProposeHoldRelease": _one(
            Action.HOLDS_PROPOSE_RELEASE, pb.ProposeHoldReleaseRequest, propose
        ),
        "AgreeHoldRelease": _one(Action.HOLDS_AGREE_RELEASE, pb.AgreeHoldReleaseRequest, agree),
    }


# -- reading requests ------------------------------------------------------------------------------


def _target(text: str) -> Target:
    named = _NAME.fullmatch(text)
    return Target() if named is None else Target(named["institution"], resource=text)


def _named(text: str, request: Any, after: str = "") -> _Named:
    """The parts of a name that the contract's rules have let through; empty ones otherwise."""
    found = _NAME.fullmatch(text)
    if found is None:
        return _Named("")
    return _Named(
        found["institution"],
        found["identifier"] or "",
        found["compartment"] or "",
        found["hold"] or "",
        request,
        after,
    )


def _one(
    action: Action,
    kind: type[Message],
    handle: Callable[[Call, _Named], Any],
    *,
    field: str = "name",
    number: bool = False,
) -> Unary:
    def prepare(request: Any, problems: Problems) -> _Named:
        _require_words(request, problems)
        return _named(getattr(request, field), request, _after(request, problems, number))

    return Unary(action, kind, lambda r: _target(getattr(r, field)), prepare, handle)


def _under(
    action: Action,
    kind: type[Message],
    handle: Callable[[Call, _Named], Any],
    *,
    check: Callable[[Any, Problems], None] | None = None,
) -> Unary:
    def prepare(request: Any, problems: Problems) -> _Named:
        _require_words(request, problems)
        if check is not None:
            check(request, problems)
        institution = target_of_parent(request.parent).institution
        return _Named(institution, request=request, after=_after(request, problems, False))

    return Unary(action, kind, lambda r: target_of_parent(r.parent), prepare, handle)


def _after(request: Any, problems: Problems, number: bool) -> str:
    if "page_token" not in request.DESCRIPTOR.fields_by_name:
        return ""
    return read_token(request, request.page_token, problems, number=number)


def _require_words(request: Any, problems: Problems) -> None:
    if "reason" in request.DESCRIPTOR.fields_by_name and not request.reason.strip():
        problems.add("reason", "REQUIRED", "must say why", "必须说明理由")


def _own_transactions(request: pb.PlanDisposalRequest, problems: Problems) -> None:
    for place, name in enumerate(request.transactions):
        if not name.startswith(f"{request.parent}/"):
            problems.add(
                f"transactions[{place}]",
                "OTHER_PARENT",
                "must belong to the institution of the parent",
                "必须属于所述机构",
            )
