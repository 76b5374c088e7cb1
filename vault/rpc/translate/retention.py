"""Rules, disposals and holds into messages."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final

from google.type import date_pb2

from recordsvault.retention.v1 import retention_pb2 as pb
from vault.access.proposals import Proposal, State
from vault.rpc.translate.common import from_date, from_micros
from vault.rules.retention import RuleBook, RuleSet, Ruling
from vault.services.compartments.holding import ShownHold
from vault.services.outcomes import Stored
from vault.services.retention.changing import Effect
from vault.services.retention.disposal_rows import DisposalStage
from vault.services.retention.disposals import Shown
from vault.services.retention.judging import CAME_BACK, why_in
from vault.store.disposals import ItemRow

_KINDS: Final = {"identity": pb.RECORD_KIND_IDENTITY, "transactions": pb.RECORD_KIND_TRANSACTIONS}
_STATES: Final = {
    State.PROPOSED: pb.DISPOSAL_STATE_PLANNED,
    State.APPROVED: pb.DISPOSAL_STATE_APPROVED,
    State.REJECTED: pb.DISPOSAL_STATE_LAPSED,
    State.WITHDRAWN: pb.DISPOSAL_STATE_LAPSED,
    State.LAPSED: pb.DISPOSAL_STATE_LAPSED,
}


def item_stage(state: int) -> str:
    """The stage of the items that a request asks for; "" for all."""
    return "" if state == 0 else pb.ItemState.Name(state).removeprefix("ITEM_STATE_")  # type: ignore[arg-type]  # checked by the contract


def rule_sets(book: RuleBook, day: date) -> list[pb.RuleSet]:
    """All rule sets of a book; those that count on a day say so."""
    counting = {one.label for one in book.in_force(day)}
    return [_rule_set(one, one.label in counting) for one in book.sets]


def _rule_set(one: RuleSet, in_force: bool) -> pb.RuleSet:
    return pb.RuleSet(
        name=one.name,
        version=one.version,
        jurisdictions=sorted(one.jurisdictions),
        effective_from=from_date(one.effective_from),
        effective_until=_day(one.effective_until),
        in_force=in_force,
        rules=[
            pb.Rule(
                name=rule.name,
                kind=_KINDS[rule.kind.value],
                clock=_clock(rule.clock.value),
                minimum_years=rule.minimum,
                maximum_years=rule.maximum,
                classes=sorted(rule.classes),
                source=rule.source,
                article=rule.article,
                checked=rule.checked,
            )
            for rule in one.rules
        ],
    )


def rulings(institution: str, found: Iterable[Ruling]) -> list[pb.Ruling]:
    """What was ruled."""
    return [
        pb.Ruling(
            prevails=one.prevails,
            yields=one.yields,
            customer=_customer(institution, one.customer) if one.customer else "",
        )
        for one in found
    ]


def effect(institution: str, found: Effect) -> pb.Effect:
    """What a rule set would do."""
    return pb.Effect(
        earlier=found.earlier,
        later=found.later,
        same=found.same,
        conflicts=found.conflicts,
        shortens=found.shortens,
        samples=[
            pb.EffectSample(
                customer=_customer(institution, one.customer),
                scope=one.scope,
                kept_through_before=_day(one.before),
                kept_through_after=_day(one.after),
            )
            for one in found.samples
        ],
    )


def rules_proposal(one: Proposal) -> pb.RulesProposal:
    """What waits for a second person, or was agreed to."""
    return pb.RulesProposal(
        name=one.name,
        etag=one.etag,
        proposer=one.proposer,
        lapse_time=from_micros(one.lapses_at),
    )


def disposal(shown: Shown, now: int) -> pb.Disposal:
    """As it stands at a moment (microseconds)."""
    one, agreed = shown.disposal, shown.proposal
    body = one.body
    state = {
        DisposalStage.PLANNED: _STATES[agreed.state_at(now)],
        DisposalStage.EXECUTING: pb.DISPOSAL_STATE_EXECUTING,
        DisposalStage.DONE: pb.DISPOSAL_STATE_DONE,
    }[one.stage]
    made = pb.Disposal(
        name=one.name,
        state=state,
        plan_sha256=body.sha256,
        day=from_date(date.fromisoformat(body.day)),
        due=body.due,
        blocked=body.blocked,
        reason=body.reason,
        planned_by=body.planned_by,
        plan_time=from_micros(body.planned_at),
        gone=shown.counts.get("DONE", 0),
        passed=shown.counts.get("PASSED", 0),
        rows=body.rows,
        proposal=agreed.name,
        lapse_time=from_micros(agreed.lapses_at),
    )
    if agreed.decided_at and agreed.state_at(now) is State.APPROVED:
        made.approved_by = agreed.decided_by
        made.approve_time.CopyFrom(from_micros(agreed.decided_at))
    if body.finished_at:
        made.finish_time.CopyFrom(from_micros(body.finished_at))
    return made


def item(row: ItemRow) -> pb.DisposalItem:
    """An item of a plan."""
    why = why_in(row)
    cause = pb.BLOCK_CAUSE_UNSPECIFIED
    if why.cause.value:
        cause = pb.BlockCause.Value(f"BLOCK_CAUSE_{why.cause.value}")
    return pb.DisposalItem(
        number=row.number,
        customer=_customer(row.institution, row.customer),
        scope=row.scope,
        record=row.record,
        state=pb.ItemState.Value(f"ITEM_STATE_{row.stage}"),
        rule=why.rule,
        rule_set=why.rule_set,
        clock=_clock(why.clock) if why.clock else pb.CLOCK_START_UNSPECIFIED,
        start=_iso(why.start),
        kept_through=_iso(why.kept_through),
        gone_after=_iso(why.gone_after),
        cause=cause,
        conflicts=why.conflicts,
        came_back=why.standing == CAME_BACK,
    )


def hold(institution: str, shown: ShownHold) -> pb.Hold:
    """A hold as a member sees it."""
    body = shown.body
    customer = _customer(institution, body.customer)
    return pb.Hold(
        name=f"institutions/{institution}/compartments/{shown.compartment}/holds/{shown.hold}",
        customer=customer,
        authority=body.authority,
        reference=body.reference,
        account=body.account,
        first_day=_ordinal(body.first_on),
        last_day=_ordinal(body.last_on),
        records=[f"{customer}/{record}" for record in body.records],
        state=pb.HoldState.Value(f"HOLD_STATE_{body.state.value}"),
        release_reason=body.reason,
        placed_by=body.placed_by,
        release_proposer=body.proposer,
        released_by=body.released_by,
        create_time=from_micros(body.placed_at),
        update_time=from_micros(shown.updated_at),
        etag=shown.etag,
    )


def placed(institution: str, stored: Stored) -> pb.Hold:
    """What is answered of a hold that was placed: nothing of its contents."""
    name = f"institutions/{institution}/{stored.customer}/{stored.record}"
    return pb.Hold(name=name, create_time=from_micros(stored.recorded_at))


def _customer(institution: str, customer: str) -> str:
    return f"institutions/{institution}/customers/{customer}"


def _clock(value: str) -> pb.ClockStart.ValueType:
    return pb.ClockStart.Value(f"CLOCK_START_{value.upper()}")


def _day(day: date | None) -> date_pb2.Date | None:
    return None if day is None else from_date(day)


def _iso(text: str) -> date_pb2.Date | None:
    return from_date(date.fromisoformat(text)) if text else None


def _ordinal(day: int) -> date_pb2.Date | None:
    return from_date(date.fromordinal(day)) if day else None
