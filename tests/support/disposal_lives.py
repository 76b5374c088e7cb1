"""Lives of a bank by chance: laws, files, holds and years. And a model of what is let go of them,
written another way than the vault's: it keeps days in plain lists, asks the rules one question at a
time (tests/support/retention_rules.py), and never looks into the vault."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

from tests.support.disposal import BANK, Bank
from tests.support.retention_rules import forbidden, may_go
from vault.access import Action
from vault.records import Relationship, RiskClass
from vault.rules.retention import (
    ClockStart,
    Facts,
    RecordKind,
    RetentionRule,
    RuleBook,
    RuleSet,
)
from vault.services.errors import VaultError
from vault.services.retention.errors import NotAtThatStage

IDENTITY = "identity"
BEGAN = date(2025, 1, 6)
_WHERE = ("CN", "DE", "US")
_RISKS = (RiskClass.LOW, RiskClass.HIGH)
_SEGMENTS = ("retail", "private-banking")
_WORDS = (*(one.value for one in _RISKS), *_SEGMENTS)
Item = tuple[str, str, str, str]
"""Customer, scope, stage and cause, as `Bank.planned` has them."""


@dataclass
class Held:
    """A hold, or an investigation, as it was placed."""

    customer: str
    name: str
    years: frozenset[int] = frozenset()
    first: date = date.min
    last: date = date.max
    whole: bool = False

    def holds(self, scope: str, days: list[date]) -> bool:
        """Whether it holds a scope with bookings on these days."""
        if scope == IDENTITY or self.whole:
            return True
        if self.years and int(scope.partition("/")[2]) not in self.years:
            return False
        some = min(days)
        while some <= max(days):
            if self.first <= some <= self.last:
                return True
            some += timedelta(days=1)
        return False


@dataclass
class File:
    """A customer's file: when it ended, and what is booked in each scope, by record."""

    where: frozenset[str]
    classes: frozenset[str]
    end: date | None = None
    booked: dict[str, dict[str, date]] = field(default_factory=dict)
    there: bool = True

    def scopes(self) -> list[str]:
        """Those that are there, in the order in which a plan has them."""
        return [*sorted(self.booked), *([IDENTITY] if self.there else [])]

    def facts(self, customer: str, scope: str) -> Facts:
        days = list(self.booked.get(scope, {}).values())
        return Facts(
            RecordKind.IDENTITY if scope == IDENTITY else RecordKind.TRANSACTIONS,
            self.where or frozenset(("CN",)),
            self.classes,
            self.end,
            max(days, default=None),
            customer,
        )


class Life:
    """One life, of a bank that has nothing yet."""

    def __init__(self, bank: Bank, chance: Random) -> None:
        self.bank, self.chance = bank, chance
        self.files: dict[str, File] = {}
        self.held: list[Held] = []
        self.seen: Counter[str] = Counter()
        self._laws = 0
        self.book = RuleBook([self._law(begins=2000) for _ in range(chance.randint(1, 3))])
        bank.rules._brought = self.book
        self._case = ""
        self._ever: list[tuple[str, str]] = []

    # -- the model ---------------------------------------------------------------------------

    def expected(self, day: date) -> list[Item]:
        """What a plan of a day has."""
        found: list[Item] = []
        for customer in sorted(self.files):
            file = self.files[customer]
            goes: set[str] = set()
            for scope in file.scopes():
                facts = file.facts(customer, scope)
                if may_go(self.book, facts, day):
                    if self._is_held(customer, scope):
                        cause = "RESERVED"
                    elif scope == IDENTITY and set(file.booked) - goes:
                        cause = "TRANSACTIONS_REMAIN"
                    else:
                        cause = ""
                        goes.add(scope)
                elif forbidden(self.book, facts, day):
                    cause = "CONFLICT"
                else:
                    continue
                found.append((customer, scope, "BLOCKED" if cause else "DUE", cause))
        return found

    def carried_out(self, planned: list[Item], day: date) -> list[Item]:
        """What becomes of a plan on a day; what goes is not there any more after that."""
        found: list[Item] = []
        for customer, scope, stage, cause in planned:
            if stage == "DUE":
                file = self.files[customer]
                goes = may_go(self.book, file.facts(customer, scope), day)
                goes = goes and not self._is_held(customer, scope)
                goes = goes and not (scope == IDENTITY and file.booked)
                stage = "DONE" if goes else "PASSED"
                if goes and scope == IDENTITY:
                    file.there = False
                elif goes:
                    del file.booked[scope]
            self.seen[cause or stage] += 1
            found.append((customer, scope, stage, cause))
        return found

    def _is_held(self, customer: str, scope: str) -> bool:
        days = list(self.files[customer].booked.get(scope, {}).values())
        return any(one.customer == customer and one.holds(scope, days) for one in self.held)

    # -- the bank ----------------------------------------------------------------------------

    async def live(self) -> None:
        """Files, holds, a plan, what comes between it and its execution; and the end of all."""
        b, chance = self.bank, self.chance
        for number in range(chance.randint(2, 3)):
            await self._customer(f"C{number}")
        self._case = await b.open_case()
        await b.join(self._case)
        for _ in range(chance.randint(1, 3)):
            await self._one_of(self._hold, self._hold, self._investigate)
        day = self._day(2026, 2036)
        b.clock.on(day)
        for _ in range(chance.randint(0, 2)):
            await self._one_of(self._release, self._new_law)
        if await self._plan(day, between=True):
            assert await self._there() == self._model_there()
        await self._ends()

    async def _plan(self, day: date, *, between: bool) -> bool:
        """Plan what is due and carry it out; whether anything was."""
        b, planned = self.bank, self.expected(day)
        if not any(stage == "DUE" for _, _, stage, _ in planned):
            blocked = sum(stage == "BLOCKED" for _, _, stage, _ in planned)
            try:
                await b.plan()
            except NotAtThatStage as refused:
                assert f"; {blocked} items are blocked" in str(refused)
                self.seen["nothing"] += 1
                return False
            raise AssertionError("something is due that must not be")
        shown = await b.plan()
        assert b.planned(shown) == planned
        await b.approve(shown)
        await b.begin(shown)
        if between:
            for _ in range(self.chance.randint(1, 4)):
                await self._one_of(
                    self._hold, self._hold, self._release, self._investigate, self._new_law,
                    self._books_more, self._moves_its_end,
                )  # fmt: skip
            day += timedelta(days=self.chance.choice((0, 1, 300, 1_000)))
            b.clock.on(day)
        await b.runner.look()
        assert b.planned(shown) == self.carried_out(planned, day)
        return True

    async def _ends(self) -> None:
        """Nothing holds anything any more, and everybody has gone: what may go goes."""
        b = self.bank
        self.bank.clock.on(date(2041, 1, 2))
        for held in list(self.held):
            await self._let_go(held)
        for customer, file in self.files.items():
            if file.there and file.end is None:
                file.end = date(2041, 1, 1)
                await b.end(customer, file.end)
        day = date(2075, 6, 1)
        b.clock.on(day)
        await self._plan(day, between=False)
        assert await self._there() == self._model_there()
        assert not any(stage == "DUE" for _, _, stage, _ in self.expected(day))

    def _model_there(self) -> set[tuple[str, str]]:
        return {
            (customer, record)
            for customer, file in self.files.items()
            for record in (
                *(r for some in file.booked.values() for r in some),
                *([""] if file.there else []),
            )
        }

    async def _there(self) -> set[tuple[str, str]]:
        """Customers ("") and transactions that can be read, of all that there ever were."""
        found = set()
        for customer, record in self._ever:
            try:
                if record:
                    await self.bank.reads_transaction(customer, record)
                else:
                    await self.bank.reads(customer)
            except VaultError:
                continue
            found.add((customer, record))
        return found

    # -- what happens ------------------------------------------------------------------------

    async def _one_of(self, *steps: Any) -> None:
        await self.chance.choice(steps)()

    def _day(self, first: int, last: int) -> date:
        start = date(first, 1, 1).toordinal()
        return date.fromordinal(self.chance.randint(start, date(last, 12, 31).toordinal()))

    def _some(self, words: tuple[str, ...]) -> frozenset[str]:
        return frozenset(self.chance.sample(words, self.chance.randint(0, len(words))))

    def _law(self, *, begins: int) -> RuleSet:
        chance = self.chance
        self._laws += 1
        rules = []
        for number in range(chance.randint(1, 3)):
            minimum = chance.randint(1, 8)
            rules.append(
                RetentionRule(
                    f"r{number}",
                    chance.choice(list(RecordKind)),
                    # Of a file nothing is booked: by such a rule it is kept for good.
                    chance.choice([*ClockStart, ClockStart.RELATIONSHIP_END]),
                    minimum,
                    chance.choice((None, minimum, minimum + 2)),
                    "a law",
                    "1",
                    True,
                    frozenset(chance.choice(((), (), _WORDS[:2], _WORDS[1:3]))),
                )
            )
        until = chance.choice((None, None, None, self._day(2027, 2040)))
        where = frozenset(chance.choice((("*",), ("CN",), ("CN", "DE"), _WHERE)))
        begin = self._day(begins, begins + 5)
        return RuleSet(f"law-{self._laws}", 1, where, begin, until, tuple(rules))

    async def _customer(self, number: str) -> None:
        b, chance = self.bank, self.chance
        where, segments = self._some(_WHERE), self._some(_SEGMENTS)
        risk = chance.choice(_RISKS)
        relationship = Relationship(
            jurisdictions=tuple(sorted(where)), segments=tuple(sorted(segments))
        )
        customer = await b.customer(number, risk_class=risk, relationship=relationship)
        self.files[customer] = File(where, segments | {risk.value})
        self._ever.append((customer, ""))
        for _ in range(chance.randint(0, 3)):
            await self._book(customer, self._day(2021, 2023))
        if chance.random() < 0.8:
            await self._end(customer, self._day(2021, 2024))

    async def _book(self, customer: str, day: date) -> None:
        record = await self.bank.book(customer, day)
        booked = self.files[customer].booked.setdefault(f"transactions/{day.year}", {})
        booked[record] = day
        self._ever.append((customer, record))

    async def _end(self, customer: str, day: date | None) -> None:
        await self.bank.end(customer, day)  # type: ignore[arg-type]  # None: it goes on
        self.files[customer].end = day

    async def _books_more(self) -> None:
        customer = self.chance.choice(list(self.files))
        days = [day for some in self.files[customer].booked.values() for day in some.values()]
        # In a year that there is, at its end, or in one that there is not.
        near = max(days).replace(month=12, day=31) if days else date(2024, 5, 6)
        await self._book(customer, self.chance.choice((near, date(2024, 5, 6))))

    async def _moves_its_end(self) -> None:
        customer = self.chance.choice(list(self.files))
        await self._end(customer, self.chance.choice((None, self._day(2023, 2025))))

    async def _hold(self) -> None:
        b, chance = self.bank, self.chance
        customer = chance.choice(list(self.files))
        records = {
            record: day
            for some in self.files[customer].booked.values()
            for record, day in some.items()
        }
        kind = chance.choice(("customer", "account", "period", "transaction"))
        held = Held(customer, "")
        more: dict[str, Any] = {}
        if kind == "account":
            more["account"] = "4111111111111111"
        elif kind == "period":
            first = self._day(2020, 2024)
            held.first = chance.choice((date.min, first))
            held.last = chance.choice((date.max, first + timedelta(days=chance.randint(0, 400))))
            more["first_on"] = 0 if held.first == date.min else held.first.toordinal()
            more["last_on"] = 0 if held.last == date.max else held.last.toordinal()
        elif kind == "transaction" and records:
            record = chance.choice(list(records))
            held.years = frozenset((records[record].year,))
            more["records"] = (record,)
        held.name = await b.hold(self._case, customer, **more)
        self.held.append(held)
        self.seen[f"held by {kind}"] += 1

    async def _investigate(self) -> None:
        customer = self.chance.choice(list(self.files))
        case = await self.bank.open_case()
        await self.bank.note(case, customer)
        self.held.append(Held(customer, case, whole=True))

    async def _release(self) -> None:
        if self.held:
            await self._let_go(self.chance.choice(self.held))

    async def _let_go(self, held: Held) -> None:
        b = self.bank
        if held.whole:
            await b.cases.close(b.call("detective", Action.COMPARTMENTS_CLOSE), BANK, held.name)
        else:
            await b.release(self._case, held.name)
        self.held.remove(held)

    async def _new_law(self) -> None:
        """As two persons agree to one."""
        added = self._law(begins=2020)
        made, _ = await self.bank.propose_rules(added, shortens=True)
        await self.bank.agree_rules(made)
        self.book = self.book.with_set(added)
