"""Random lives of a bank's lending register, on the real use cases and a real store, held against a
model that knows the rules in other words: no field is revealed without a cause, nobody decides what
is not his to decide, whatever accounts he has, and a restart changes nothing.

The model keeps, for each check-out, the bare list of what was done to it and by whom, and works out
of that, at each read, whether it opens anything.
"""

import asyncio
import tempfile
from collections.abc import Awaitable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.services.test_lending import HOUR, MINUTE, Calendar, Lending
from tests.services.test_storing import create, person
from tests.support.principals import principal_of
from tests.support.use_cases import BANK, use_cases
from vault.access import Action, PolicyEngine, Principal, ResourceRef
from vault.access.lending import Verdict
from vault.records import new_ulid
from vault.records.enums import Sensitivity
from vault.rpc.methods import Target
from vault.services.borrowing import Borrowing
from vault.services.call import Call, Trace
from vault.services.check_out_rows import Words
from vault.services.errors import VaultError
from vault.services.lending import Ask, Shown
from vault.services.recording import Recorder
from vault.services.replays import Request
from vault.store import Database
from vault.store.migrate import upgrade

_POLICY = PolicyEngine.load()
SERVING, QUALITY = "CUSTOMER_SERVICE", "DATA_QUALITY"
FIELDS = ("customer.phones", "customer.emails", "customer.accounts")
# To whom the table of fields opens something by a check-out, for that purpose.
BORROWERS = {"teller", "break_glass"}
PLAIN, CAREFUL = 0, 1  # customers: one like others, one who needs more care


class Account(NamedTuple):
    name: str
    person: str
    roles: tuple[str, ...]
    own: int | None = None  # the customer that this person is


# Two persons with two accounts each; what an account may is its own.
ACCOUNTS = (
    Account("ann", "p-ann", ("teller",)),
    Account("ann-2", "p-ann", ("custodian", "compliance")),
    Account("bob", "p-bob", ("teller", "custodian")),
    Account("bob-2", "p-bob", ("compliance",)),
    Account("cai", "p-cai", ("custodian",)),
    Account("dan", "p-dan", ("compliance",)),
    Account("eva", "p-eva", ("custodian", "teller"), own=PLAIN),
    Account("fay", "p-fay", ("break_glass",)),
    Account("guy", "p-guy", ("security_officer",)),
)


class Step(NamedTuple):
    what: str
    who: Account
    which: int
    customer: int
    fields: tuple[str, ...]
    minutes: int
    flag: bool
    likely: bool  # by somebody who may well do that, so that lives do not end before they begin


_KINDS = ("ask", "ask", "approve", "approve", "deny", "return", "revoke", "glass", "review")
_steps = st.lists(
    st.builds(
        Step,
        st.sampled_from((*_KINDS, "read", "read", "read", "move", "restart")),
        st.sampled_from(ACCOUNTS),
        st.integers(0, 5),
        st.sampled_from((PLAIN, CAREFUL)),
        st.lists(st.sampled_from(FIELDS), max_size=2, unique=True).map(tuple),
        st.sampled_from((20, 20, 60, 60, -5, 0, 480, 500, 1_500)),
        st.booleans(),
        st.booleans(),
    ),
    min_size=8,
    max_size=40,
)


@dataclass
class Life:
    """What the model knows of a check-out."""

    shown: Shown
    asker: Account
    customer: int
    purpose: str
    needs: tuple[str, ...]
    asked: tuple[str, ...]
    asked_for: int
    decide_by: int
    born: int
    once: bool = False
    glass: bool = False
    agreed: list[tuple[Account, str, tuple[str, ...], int, int]] = field(default_factory=list)
    over: bool = False
    reviewed: bool = False

    @property
    def missing(self) -> list[str]:
        return [r for r in self.needs if r not in {role for _, role, *_ in self.agreed}]

    @property
    def opens(self) -> tuple[str, ...]:
        return self.agreed[-1][2] if self.agreed else self.asked

    @property
    def lasts(self) -> int:
        return self.agreed[-1][3] if self.agreed else self.asked_for

    def waits(self, now: int) -> bool:
        return not self.over and bool(self.missing) and now < self.decide_by

    def lent(self, now: int) -> bool:
        began = max([self.born, *(when for *_, when in self.agreed)])
        return not self.over and not self.missing and began <= now < began + self.lasts


class World:
    """The vault and the model, side by side."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Calendar()
        self.lives: list[Life] = []
        self.customers: list[str] = []
        self.granted = self.refused = 0

    async def live(self, steps: list[Step]) -> None:
        rest = list(steps)
        while rest:
            database = Database(f"sqlite:///{self.folder}/vault.db")
            try:
                async with use_cases(database, self.folder) as vault:
                    self.lending = Lending(vault, self.clock, vault.log)
                    self.lending.register.known = self.known
                    self.borrowing = Borrowing(
                        database, Recorder(vault.log, self.clock), self.clock
                    )
                    if not self.customers:
                        stored = await create(
                            vault, person("C1"), person("C2", sensitivities=(Sensitivity.VIP,))
                        )
                        self.customers = [one.customer for one in stored]
                    while rest:
                        step = rest.pop(0)
                        if step.what == "restart":
                            break
                        await self.take(step)
            finally:
                database.dispose()

    async def take(self, step: Step) -> None:
        if step.what == "move":
            self.clock.moved += max(1, step.minutes) * MINUTE
        elif step.what == "ask":
            await self.ask(step._replace(who=ACCOUNTS[0], minutes=60) if step.likely else step)
        elif step.what == "glass":
            await self.glass(step)
        elif self.lives:
            life = self.lives[step.which % len(self.lives)]
            if step.likely:
                step = self.likely(step, life)
            await getattr(self, {"return": "give_back"}.get(step.what, step.what))(step, life)

    @staticmethod
    def likely(step: Step, life: Life) -> Step:
        """The step as somebody would take it who has business with this check-out."""
        if step.what in ("read", "return"):
            return step._replace(who=life.asker, customer=life.customer, minutes=60)
        others = [who for who in ACCOUNTS if who.person != life.asker.person and who.own is None]
        wanted = {"approve": life.missing[:1], "review": ["security_officer"]}
        roles = wanted.get(step.what) or ["custodian"]
        fit = [who for who in others if roles[0] in who.roles]
        return step._replace(who=fit[step.which % len(fit)], fields=(), minutes=20)

    # -- who -----------------------------------------------------------------------------------

    def principal(self, who: Account) -> Principal:
        own = [self.customers[who.own]] if who.own is not None else []
        return principal_of(*who.roles, name=who.name, person=who.person, own_files=own)

    def known(self, _institution: str, name: str) -> Principal | None:
        """As the directory has him."""
        return next((self.principal(who) for who in ACCOUNTS if who.name == name), None)

    def call(self, who: Account, action: Action, customer: str = "") -> Call | None:
        """His call, if policy allows it."""
        principal = self.principal(who)
        reference = ResourceRef(BANK, customer, action.kind)
        decision = _POLICY.decide(principal, action, reference, "", person=True)
        if not decision.allowed:
            return None
        return Call(
            call_id=new_ulid(1),
            tier="full",
            action=action.value,
            peer="127.0.0.1:5000",
            principal=principal,
            decision=decision,
            trace=Trace(institution=BANK, customer=customer),
        )

    async def tried(self, doing: Awaitable[Shown] | None, may: bool) -> Shown | None:
        """What came of it, which must be what the model says."""
        if doing is None:
            assert not may
            return None
        try:
            shown = await doing
        except VaultError as error:
            assert not may, error.reason
            self.refused += 1
            return None
        assert may
        self.granted += 1
        return shown

    @property
    def now(self) -> int:
        # The real clock runs on between a question and its check; the steps are minutes apart.
        return self.clock.now_micros()

    # -- what they do --------------------------------------------------------------------------

    async def ask(self, step: Step) -> None:
        customer = self.customers[step.customer]
        call = self.call(step.who, Action.CHECK_OUTS_REQUEST, customer)
        fields = step.fields or FIELDS[:1]
        longest, within = (HOUR, 8 * HOUR) if step.customer == CAREFUL else (8 * HOUR, 24 * HOUR)
        needs = ("custodian", "compliance") if step.customer == CAREFUL else ("custodian",)
        if "customer.accounts" in fields:  # numbers that open other doors
            longest = min(longest, 2 * HOUR)
        duration = step.minutes * MINUTE
        may = (
            call is not None
            and bool(BORROWERS & set(step.who.roles))
            and step.who.own != step.customer
            and 0 < duration <= longest
        )
        ask = Ask(
            institution=BANK,
            customer=customer,
            record="",
            fields=fields,
            purpose=SERVING,
            duration=duration,
            one_time=step.flag,
            words=Words("Calls back", "K-1"),
        )
        asking = self.lending.asking
        doing = asking.request(call, ask, Request("request", "", b"")) if call else None
        shown = await self.tried(doing, may)
        if shown is not None:
            born = shown.out.requested_at
            self.lives.append(
                Life(
                    shown, step.who, step.customer, SERVING, needs, fields, duration,
                    born + within, born, once=step.flag,
                )
            )  # fmt: skip

    async def glass(self, step: Step) -> None:
        customer = self.customers[step.customer]
        call = self.call(step.who, Action.BREAK_GLASS, customer)
        now = self.now
        late = any(
            one.glass
            and one.asker.person == step.who.person
            and not one.reviewed
            and now >= one.born + 24 * HOUR
            for one in self.lives
        )
        may = call is not None and step.who.own != step.customer and not late
        asking = self.lending.asking
        doing = asking.break_glass(call, BANK, customer, SERVING, "Fire") if call else None
        shown = await self.tried(doing, may)
        if shown is not None:
            kinds = ("customer", "identity_document", "transaction")
            born = shown.out.requested_at
            self.lives.append(
                Life(
                    shown, step.who, step.customer, SERVING, (), kinds, 30 * MINUTE, born, born,
                    glass=True,
                )
            )  # fmt: skip

    async def approve(self, step: Step, life: Life) -> None:
        call = self.call(step.who, Action.CHECK_OUTS_APPROVE)
        mine = [role for role in life.missing if role in step.who.roles]
        duration = step.minutes * MINUTE if step.flag else None
        inside = set(step.fields) <= set(life.opens)
        may = (
            call is not None
            and life.waits(self.now)
            and step.who.person != life.asker.person
            and step.who.own != life.customer
            and step.who.person not in {account.person for account, *_ in life.agreed}
            and bool(mine)
            and inside
            and (duration is None or 0 < duration <= life.lasts)
        )
        out = life.shown.out
        deciding = self.lending.deciding
        doing = (
            deciding.approve(call, BANK, out.identifier, life.shown.etag, step.fields, duration)
            if call
            else None
        )
        shown = await self.tried(doing, may)
        if shown is not None:
            fields = step.fields or life.opens
            lasts = life.lasts if duration is None else duration
            when = shown.out.approvals[-1].time
            life.agreed.append((step.who, mine[0], fields, lasts, when))
            life.shown = shown

    async def deny(self, step: Step, life: Life) -> None:
        call = self.call(step.who, Action.CHECK_OUTS_DENY)
        may = (
            call is not None
            and life.waits(self.now)
            and step.who.person != life.asker.person
            and step.who.own != life.customer
            and any(role in step.who.roles for role in life.needs)
        )
        out, deciding = life.shown.out, self.lending.deciding
        doing = deciding.deny(call, BANK, out.identifier, life.shown.etag) if call else None
        await self.ended(await self.tried(doing, may), life)

    async def give_back(self, step: Step, life: Life) -> None:
        call = self.call(step.who, Action.CHECK_OUTS_RETURN)
        now = self.now
        may = (
            call is not None
            and step.who.person == life.asker.person
            and (life.lent(now) or life.waits(now))
        )
        out, deciding = life.shown.out, self.lending.deciding
        doing = deciding.give_back(call, BANK, out.identifier) if call else None
        await self.ended(await self.tried(doing, may), life)

    async def revoke(self, step: Step, life: Life) -> None:
        call = self.call(step.who, Action.CHECK_OUTS_REVOKE)
        may = call is not None and life.lent(self.now) and step.who.own != life.customer
        out, deciding = life.shown.out, self.lending.deciding
        doing = deciding.revoke(call, BANK, out.identifier) if call else None
        await self.ended(await self.tried(doing, may), life)

    async def review(self, step: Step, life: Life) -> None:
        call = self.call(step.who, Action.BREAK_GLASS_REVIEW)
        verdict = Verdict.JUSTIFIED if step.flag else Verdict.UNJUSTIFIED
        may = (
            call is not None
            and life.glass
            and not life.reviewed
            and step.who.person != life.asker.person
            and step.who.own != life.customer
            and bool({"custodian", "compliance", "security_officer"} & set(step.who.roles))
        )
        out, deciding = life.shown.out, self.lending.deciding
        doing = (
            deciding.review(call, BANK, out.identifier, life.shown.etag, verdict) if call else None
        )
        shown = await self.tried(doing, may)
        if shown is not None:
            life.shown, life.reviewed = shown, True
            life.over = life.over or verdict is Verdict.UNJUSTIFIED

    async def ended(self, shown: Shown | None, life: Life) -> None:
        if shown is not None:
            life.shown, life.over = shown, True

    # -- and what they see ---------------------------------------------------------------------

    async def read(self, step: Step, life: Life) -> None:
        customer = self.customers[step.customer]
        purpose = SERVING if step.minutes else QUALITY
        resource = f"institutions/{BANK}/customers/{customer}"
        call = Call(
            call_id=new_ulid(1),
            tier="full",
            action=Action.CUSTOMERS_GET.value,
            peer="127.0.0.1:5000",
            principal=self.principal(step.who),
            trace=Trace(institution=BANK, customer=customer, resource=resource),
        )
        target = Target(BANK, customer, resource, purpose=purpose, check_out=life.shown.out.name)
        may = (
            life.lent(self.now)
            and step.who.person == life.asker.person
            and step.customer == life.customer
            and purpose == life.purpose
        )
        try:
            stands = await self.borrowing.standing(call, target)
            await self.borrowing.finish(call, call.trace)
        except VaultError as error:
            assert not may, error.reason
            self.refused += 1
            return
        assert may
        assert stands
        assert call.lent is not None
        assert set(call.lent.fields) == set(life.opens)
        self.granted += 1
        life.over = life.over or life.once


seen: dict[str, Any] = {"granted": 0, "refused": 0}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_steps)
def test_no_field_is_revealed_without_a_cause_and_nobody_decides_what_is_not_his(
    steps: list[Step],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/vault.db")
        upgrade(database)
        database.dispose()
        world = World(Path(folder))
        asyncio.run(asyncio.wait_for(world.live(steps), 60))
        seen["granted"] += world.granted
        seen["refused"] += world.refused


def test_the_campaign_above_granted_and_refused_enough_to_mean_something() -> None:
    assert seen["granted"] > 100
    assert seen["refused"] > 100
