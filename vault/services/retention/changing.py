"""Other rules of retention: their effect shown first, proposed by one, agreed to by another."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from vault.access import ActionClass
from vault.access.proposals import Kind, Proposal
from vault.rules.retention import Assessment, RuleBook, RuleSet, Ruling
from vault.rules.retention_files import RuleSetInvalid, read_rule_set
from vault.rules.shortening import shortens
from vault.services.access_errors import invalid
from vault.services.call import Call
from vault.services.closed import require_everywhere
from vault.services.errors import Corrupted, NotFound, Shredded
from vault.services.kinds import CUSTOMERS
from vault.services.opening import Opener
from vault.services.retention.content import (
    DisposalAgreed,
    RuleSetChange,
    RulingChange,
    change_in,
    to_content,
)
from vault.services.retention.disposals import RetentionGround
from vault.services.retention.errors import RulesRefused, RulesShorten
from vault.services.retention.rules import today
from vault.store import customers, scopes, statistics

_CUSTOMERS: Final = 200
_SAMPLES: Final = 20


@dataclass(frozen=True, slots=True)
class Sample:
    """A scope that falls due on another day: the last day on which it is kept, before and after;
    None where nothing ends that."""

    customer: str
    scope: str
    before: date | None
    after: date | None


@dataclass(slots=True)
class Effect:
    """What a change of the rules would do, by scopes: how many fall due earlier and later, how many
    are the same, how many come into a conflict or out of one; and some of the first two."""

    earlier: int = 0
    later: int = 0
    same: int = 0
    conflicts: int = 0
    shortens: bool = False
    samples: list[Sample] = field(default_factory=list)


class Changing:
    """The use cases. Raises InvalidArgument for what cannot be read; StoreUnavailable,
    KmsUnavailable, LogUnavailable."""

    def __init__(
        self,
        ground: RetentionGround,
        require_plan: Callable[[str, DisposalAgreed], Awaitable[None]],
    ) -> None:
        self._on = ground
        self._opener = Opener(ground.keys)
        self._require_plan = require_plan

    def in_force(self, call: Call, institution: str) -> RuleBook:
        """The rules, past, present and future, and what was ruled."""
        call.require(ActionClass.DISPOSAL_VIEW, institution)
        return self._on.rules.book(institution)

    async def preview(self, call: Call, institution: str, text: str) -> Effect:
        """What a rule set would do."""
        call.require(ActionClass.DISPOSAL_VIEW, institution)
        require_everywhere(call.scope)
        return await self._effect(institution, _read(text))

    async def propose_set(
        self, call: Call, institution: str, change: RuleSetChange, reason: str
    ) -> tuple[Proposal, Effect]:
        """Propose one more rule set. Raises RulesShorten where it does and does not say so."""
        call.require(ActionClass.DISPOSAL, institution)
        require_everywhere(call.scope)
        effect = await self._effect(institution, _read(change.text))
        if effect.shortens and not change.shortens:
            raise RulesShorten(effect.earlier)
        made = await self._on.proposing.retention_step(
            call, institution, to_content(change), reason
        )
        return made, effect

    async def propose_ruling(
        self, call: Call, institution: str, change: RulingChange, reason: str
    ) -> Proposal:
        """Propose which rule prevails where two conflict. Raises RulesRefused."""
        call.require(ActionClass.DISPOSAL, institution)
        require_everywhere(call.scope)
        self._require_ruling(institution, change)
        return await self._on.proposing.retention_step(
            call, institution, to_content(change), reason
        )

    async def approve(
        self, call: Call, institution: str, identifier: str, etag: str, comment: str
    ) -> Proposal:
        """Agree to another rule set or to a ruling. Raises StepRefused, RulesShorten."""
        call.require(ActionClass.DISPOSAL_DECISION, institution)
        require_everywhere(call.scope)
        found = await self._on.proposing.find(institution, identifier)
        if found.kind is not Kind.RETENTION or isinstance(change_in(found.content), DisposalAgreed):
            raise NotFound(found.name)
        return await self._on.proposing.approve_retention(
            call, institution, identifier, etag, comment
        )

    async def require(self, proposal: Proposal) -> None:
        """Make sure that what was proposed can be put in force as things stand."""
        change = change_in(proposal.content)
        if isinstance(change, DisposalAgreed):
            await self._require_plan(proposal.institution, change)
        elif isinstance(change, RulingChange):
            self._require_ruling(proposal.institution, change)
        else:
            effect = await self._effect(proposal.institution, _read(change.text))
            if effect.shortens and not change.shortens:
                raise RulesShorten(effect.earlier)

    def _require_ruling(self, institution: str, change: RulingChange) -> None:
        book = self._on.rules.book(institution)
        there = {f"{one.name}/{rule.name}" for one in book.sets for rule in one.rules}
        for named in (change.prevails, change.yields):
            if named not in there:
                raise RulesRefused(f"there is no rule {named}")
        if change.prevails == change.yields:
            raise RulesRefused("a rule does not yield to itself")
        opposite = Ruling(change.yields, change.prevails, change.customer)
        if opposite in book.rulings:
            raise RulesRefused("the opposite was ruled before")

    async def _effect(self, institution: str, added: RuleSet) -> Effect:
        """Look at all scopes, a page in memory at a time, as of the day on which the rule set comes
        into force."""
        on = self._on
        before = on.rules.book(institution)
        try:
            after = before.with_set(added)
        except ValueError:
            raise RulesRefused(
                f"there is a rule set {added.label} already; give the next version"
            ) from None
        day = max(today(on.clock.now_micros()), added.effective_from)
        effect = Effect(shortens=shortens(before, after, added, day))
        behind = ""
        await asyncio.to_thread(statistics.look_at_files, on.database, on.keys_database)
        while True:
            some = await on.database.read(
                lambda conn, behind=behind: scopes.page(  # type: ignore[misc]  # a default, not a parameter
                    conn, institution, after=behind, limit=_CUSTOMERS
                )
            )
            if not some:
                break
            await self._look(institution, some, before, after, day, effect)
            behind = some[-1]
            await asyncio.sleep(0)
        effect.shortens = effect.shortens or effect.earlier > 0
        return effect

    async def _look(
        self,
        institution: str,
        some: list[str],
        before: RuleBook,
        after: RuleBook,
        day: date,
        effect: Effect,
    ) -> None:
        on = self._on
        rows = await on.database.read(lambda conn: scopes.of_customers(conn, institution, some))
        found = await on.database.read(lambda conn: customers.many(conn, institution, some))
        for file in found:
            try:
                [opened] = await self._opener.many(CUSTOMERS, [file], views=False)
            except (Shredded, Corrupted):
                continue  # a plan names it
            for row in rows[file.customer]:
                facts = on.rules.facts(opened.value, row)
                old, new = before.assess(facts, day), after.assess(facts, day)
                _count(effect, row.customer, row.scope, old, new)


def _count(effect: Effect, customer: str, scope: str, old: Assessment, new: Assessment) -> None:
    effect.conflicts += bool(new.conflicts) != bool(old.conflicts)
    then, now = old.kept_through or date.max, new.kept_through or date.max
    if then == now:
        effect.same += 1
        return
    effect.earlier += now < then
    effect.later += now > then
    if len(effect.samples) < _SAMPLES:
        effect.samples.append(Sample(customer, scope, old.kept_through, new.kept_through))


def _read(text: str) -> RuleSet:
    try:
        return read_rule_set(text)
    except RuleSetInvalid as problem:
        raise invalid("rule_set", "RULE_SET_INVALID", str(problem)) from None
