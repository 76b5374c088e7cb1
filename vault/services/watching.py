"""Against snooping: what a call spends of a budget, and what it has the security officer told.

Budgets are counted in the database, in the transaction that makes the call's event durable, so
that they hold over several processes and over restarts, and to the last unit. What was counted for
an hour or a day is remembered, so that whoever looks at the same customer again costs nothing.

A name costs whether or not there is such a customer, and once a budget is used up the refusal
comes before anybody looks: what is refused tells nothing about who exists.

What the rules of detection have to remember is added in the same transaction (sighting.py), where a
rule is about the call; of all other calls nothing is.

Alerts are events of their own, in front of the call's event and in the same transaction: they are
on the stream before the answer leaves. The answer is the same with and without them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection

from vault.access import Action, ActionClass
from vault.access.budgets import Budget, BudgetTable, Meter
from vault.access.detection import Alert, By, Rules, Seen, Sentry, Severity
from vault.audit import AuditEvent, Phase
from vault.audit import Decision as Verdict
from vault.sealing import Clock
from vault.services.alerts import alert_of, customers_of_page
from vault.services.call import Call
from vault.services.callers import Caller, caller_of
from vault.services.counted import Counted
from vault.services.known_decoys import KnownDecoys
from vault.services.last_seen import LastSeen
from vault.services.refused_lately import RefusedLately
from vault.services.sighting import Sight
from vault.services.spent_up import BudgetExhausted
from vault.services.uses import USES, Use
from vault.store import Database, sightings, spending
from vault.store.spending import Charge, OverBudget, Spending

DECOY_OPENED: Final = "DECOY_OPENED"
DECOY_LOOKED_AT: Final = "DECOY_LOOKED_AT"
BULK_EXPORT: Final = "BULK_EXPORT"
GLASS_BROKEN: Final = "GLASS_BROKEN"
_EXPORTS: Final = frozenset(
    one.value for one in Action if one.action_class is ActionClass.BULK_READ
)
_KEPT: Final = 49 * 3_600_000_000  # the longest day, or what a rule remembers, and one more
_TOLD_AGAIN: Final = 3_600_000_000  # of a budget that somebody has used up
_PRUNED_EVERY: Final = 60_000_000
_PRUNED_ROWS: Final = 2_000
# What a caller learns from these is whether there is such a customer.
_TOLD: Final = frozenset({"OK", "NOT_FOUND", "DATA_LOSS"})
_REFUSED: Final = (Verdict.DENIED, Verdict.UNAUTHENTICATED)


_CLASSES: Final = {action.value: action.action_class for action in Action}


@dataclass(slots=True)
class Reckoning:
    """What is to be done in the transaction of a call's event, and the events in front of it.

    `turn` is its place among others of the same transaction, None where that does not matter.
    What the rules say of `seen`, if it is to be remembered, is known once `work` was done.
    """

    watch: Watch = field(repr=False)
    caller: Caller
    now: int
    charges: tuple[Charge, ...]
    alerts: tuple[AuditEvent, ...]
    seen: Seen | None
    tell: Callable[[Alert], AuditEvent]
    prune: bool
    exhausted: bool

    @property
    def turn(self) -> int | None:
        """See above."""
        if not self.charges and self.seen is None:
            return None
        return spending.turn_of(self.caller.institution, self.caller.who)

    def work(self, conn: Connection) -> None:
        """Spend, and see. Raises BudgetExhausted; the call must not be answered then."""
        self.watch.spend(conn, self)

    def stands(self) -> None:
        """Its transaction was committed."""
        self.watch.stands(self)


class Watch:
    """Watches the calls of one tier."""

    def __init__(
        self,
        database: Database,
        budgets: BudgetTable,
        rules: Rules,
        clock: Clock,
        *,
        full: bool,
    ) -> None:
        self._database = database
        self._budgets = budgets
        self._clock = clock
        self._spending: Spending = spending.FULL if full else spending.MASKED
        self._full = full
        self._sentry = Sentry(rules if full else rules.masked)
        rows = sightings.FULL if full else sightings.MASKED
        self._sight = Sight(self._sentry, rows)
        self._refused = RefusedLately(database, rows, clock, self._sentry.longest_row)
        self._last = LastSeen()
        self._counted = Counted()
        # Of a caller and meter without room: the end of the period.
        self._empty: dict[tuple[str, str, str], int] = {}
        self._decoys = KnownDecoys(database, clock)
        self._pruned: dict[str, int] = {}
        # Of whose budget was told: until when it is not told again.
        self._told: dict[tuple[str, str], int] = {}

    # -- before a call is carried out ----------------------------------------------------------

    async def admit(self, call: Call) -> None:
        """Refuse at once what there is no budget for, whatever it would find.

        Raises BudgetExhausted; StoreUnavailable from below.
        """
        institution = call.trace.institution
        if not institution:
            return
        await self._refused.look(institution)
        use = USES.get(call.action)
        if use is None:
            return
        await self._decoys.look(institution)
        if not self._empty:
            return
        caller = caller_of(call, institution)
        now = self._clock.now_micros()
        customers = (call.trace.customer,) if use.named else ()
        for charge in self._charges(use, caller, now, call.call_id, customers, missed=False):
            if self._empty.get((institution, caller.who, charge.meter), 0) <= now:
                continue
            # Another process may have counted this customer already.
            if not await self._has_room(caller, charge):
                raise self._over(charge, now)

    async def _has_room(self, caller: Caller, charge: Charge) -> bool:
        return await self._database.read(
            lambda conn: self._spending.room(conn, caller.institution, caller.who, charge)
        )

    def asked_of(self, call: Call, institution: str) -> frozenset[By]:
        """What the rules have to know of a customer whom this call opens in full. Cheap."""
        caller = caller_of(call, institution)
        return self._sentry.values(caller.roles, person=caller.person)

    def forget_decoys(self, institution: str) -> None:
        """Look anew at the next call: somebody has changed them."""
        self._decoys.forget(institution)

    # -- at its end ----------------------------------------------------------------------------

    def reckon(self, call: Call, event: AuditEvent) -> Reckoning | None:
        """What the call, whose event this is, spends and raises; None where that is nothing."""
        now = event.time
        # What a stream opens was spent and told of at its beginning.
        use = USES.get(event.action) if event.phase is not Phase.CLOSED else None
        caller = caller_of(call, event.institution)
        opened = use is not None and event.outcome == "OK"
        charges: tuple[Charge, ...] = ()
        found: list[AuditEvent] = []
        if use is not None and event.decision is Verdict.ALLOWED and event.outcome in _TOLD:
            customers: tuple[str, ...] = (event.customer,)
            if not use.named:
                customers = tuple(customers_of_page(event.resources)) if use.shown else ()
            if self._budgets.of(caller.roles, person=caller.person).limits:
                charges = tuple(
                    charge
                    for charge in self._charges(
                        use, caller, now, call.call_id, customers, missed=event.count == 0
                    )
                    if not self._counted.has(caller.institution, caller.who, charge)
                )
            if opened:
                found = self._of_decoys(call, event, use, customers)
        if event.action in _EXPORTS and event.phase is Phase.OPENED:
            found.append(alert_of(call, event, Severity.ALERT, BULK_EXPORT, "", 0))
        if event.action == Action.BREAK_GLASS.value and event.outcome == "OK":
            found.append(alert_of(call, event, Severity.ALERT, GLASS_BROKEN, event.customer, 1))
        exhausted = event.reason == BudgetExhausted.reason and (
            self._told.get((caller.institution, caller.who), 0) <= now
        )
        if exhausted:
            found.append(alert_of(call, event, Severity.ALERT, event.reason, event.customer, 0))
        prune = self._full and self._pruned.get(event.institution, 0) <= now - _PRUNED_EVERY
        seen = self._seen(call, event, caller, opened=opened)
        if seen is None and not charges and not found and not prune:
            return None

        def tell(alert: Alert) -> AuditEvent:
            rule = alert.rule
            return alert_of(call, event, rule.severity, rule.reason, event.customer, alert.count)

        return Reckoning(self, caller, now, charges, tuple(found), seen, tell, prune, exhausted)

    def _seen(self, call: Call, event: AuditEvent, caller: Caller, *, opened: bool) -> Seen | None:
        """What is to be remembered of a call; None where that is nothing."""
        refused = event.decision in _REFUSED or event.outcome == "PERMISSION_DENIED"
        passes = self._sentry.passes(caller.roles, person=caller.person, refused=refused)
        if passes and (refused or not self._refused.has_row(caller)):
            return None
        seen = Seen(
            caller.roles,
            caller.person,
            _CLASSES[event.action],
            event.customer,
            opened and not refused and bool(event.customer),
            refused,
            event.time,
            call.alike,
        )
        if not refused and self._refused.has_row(caller):
            return seen
        return seen if self._sentry.matters(seen) and not self._last.again(caller, seen) else None

    def spend(self, conn: Connection, made: Reckoning) -> None:
        """On the log's writer thread. Raises BudgetExhausted."""
        institution, who = made.caller.institution, made.caller.who
        if made.turn is not None:
            spending.take_turn(conn, made.turn)
        if made.charges:
            try:
                self._spending.spend(conn, institution, who, made.charges)
            except OverBudget as over:
                charge = over.charge
                if over.full:
                    end = self._budgets.period(Meter(charge.meter), charge.period).end
                    self._empty[institution, who, charge.meter] = end
                raise self._over(charge, made.now) from None
        if made.seen is not None:
            raised = self._sight.see(conn, made.caller, made.seen)
            made.alerts += tuple(map(made.tell, raised))
        if made.prune:
            for table in (spending.FULL, spending.MASKED, sightings.FULL, sightings.MASKED):
                table.prune(conn, institution, made.now - _KEPT, _PRUNED_ROWS)

    def stands(self, made: Reckoning) -> None:
        """Remember what a committed call has spent and raised."""
        if made.seen is not None:
            self._refused.keep(made.caller, made.seen.at, refused=made.seen.refused)
            self._last.keep(made.caller, made.seen)
        if made.exhausted:
            self._told[made.caller.institution, made.caller.who] = made.now + _TOLD_AGAIN
        if made.prune:
            self._pruned[made.caller.institution] = made.now
            self._told = {who: until for who, until in self._told.items() if until > made.now}
            # Copied at once: the writer thread may be adding to it.
            self._empty = {k: end for k, end in list(self._empty.items()) if end > made.now}
        for charge in made.charges:
            if charge.items:
                self._counted.add(made.caller.institution, made.caller.who, charge)

    # -- what it is made of --------------------------------------------------------------------

    def _charges(
        self,
        use: Use,
        caller: Caller,
        now: int,
        call_id: str,
        customers: tuple[str, ...],
        *,
        missed: bool,
    ) -> Iterable[Charge]:
        budget = self._budgets.of(caller.roles, person=caller.person)
        if not budget.limits:
            return
        for meter in use.meters:
            yield from self._charge(budget, meter, now, customers)
        if use.page is not None:
            yield from self._charge(budget, use.page, now, (call_id,))
        if use.search:
            yield from self._charge(budget, Meter.MISSES, now, (call_id,) if missed else ())

    def _charge(
        self, budget: Budget, meter: Meter, now: int, items: tuple[str, ...]
    ) -> Iterable[Charge]:
        limit = budget.limit(meter)
        if limit is not None:
            yield Charge(meter, self._budgets.period(meter, now).start, limit, items)

    def _over(self, charge: Charge, now: int) -> BudgetExhausted:
        meter = Meter(charge.meter)
        end = self._budgets.period(meter, charge.period).end
        return BudgetExhausted(meter, charge.limit, now, end)

    def _of_decoys(
        self, call: Call, event: AuditEvent, use: Use, customers: Iterable[str]
    ) -> list[AuditEvent]:
        known = self._decoys.of(event.institution)
        # A page of masked views shows everybody: nobody has picked the decoy out.
        if not known or not (use.named or use.full):
            return []
        reason = DECOY_OPENED if use.full else DECOY_LOOKED_AT
        return [
            alert_of(call, event, Severity.ALERT, reason, customer, 1)
            for customer in customers
            if customer in known
        ]
