"""What a server process has to watch calls with, several of them on one database, no server."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support.principals import principal_of
from tests.support.use_cases import BANK
from vault.access import Action, PolicyEngine, Principal, ResourceRef
from vault.access.budgets import read_budgets
from vault.access.detection import Rules
from vault.audit import AuditEvent, AuditLog, decode
from vault.audit.reader import read
from vault.records import new_ulid
from vault.sealing import SystemClock
from vault.services.call import Call, Trace
from vault.services.recording import Recorder
from vault.services.watching import Watch
from vault.store import Database

POLICY = PolicyEngine.load()
BUDGETS = """\
time_zone = "Asia/Shanghai"

[[budget]]
callers = "persons"
full_a_day = 3
"""
ALERTS = ("watch.alert", "watch.warning")
_DENIED = "PERMISSION_DENIED"


class MovedClock(SystemClock):
    """The system's clock, moved by hand."""

    def __init__(self) -> None:
        self.ahead = 0

    def now_micros(self) -> int:
        return super().now_micros() + self.ahead

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead / 1_000_000


class Process:
    """What one server process has."""

    def __init__(
        self, database: Database, folder: Path, rules: Rules, budgets: str, *, full: bool = True
    ) -> None:
        table = folder / "budgets.toml"
        table.write_text(budgets, "utf-8")
        self.database = database
        self.clock = MovedClock()
        self.watch = Watch(database, read_budgets(table), rules, self.clock, full=full)
        self.log = AuditLog(database, self.clock.now_micros)
        self.recorder = Recorder(self.log, self.clock, self.watch)

    async def record(self, call: Call) -> list[str]:
        """As vault/rpc/ending.py does. The reasons of the alerts that the call raised."""
        outcome = "OK" if call.decision is not None and call.decision.allowed else _DENIED
        await self.watch.admit(call)
        event = call.event(self.clock.now_micros(), outcome=outcome)
        made = self.watch.reckon(call, event)
        if made is None:
            await self.log.record(event)
            return []
        await self.log.commit(made.work, lambda _: (*made.alerts, event), turn=made.turn)
        made.stands()
        return [alert.reason for alert in made.alerts]

    def events(self) -> list[AuditEvent]:
        """What is in the log."""
        found = self.database.read_sync(lambda c: read(c, 0, 10_000)).events
        return [decode(one.leaf) for one in found]

    def outcomes(self) -> list[str]:
        """The outcomes of calls in the log."""
        return [e.outcome for e in self.events() if e.action not in ALERTS]

    def alerts(self) -> list[str]:
        """The reasons of alerts in the log."""
        return [e.reason for e in self.events() if e.action in ALERTS]


Test = Callable[[list[Process]], Coroutine[Any, Any, None]]
Run = Callable[..., None]


@asynccontextmanager
async def _processes(
    url: str, count: int, make: Callable[[Database], Process]
) -> AsyncIterator[list[Process]]:
    made = [make(Database(url)) for _ in range(count)]
    for one in made:
        await one.log.start()
    try:
        yield made
    finally:
        for one in made:
            await one.log.stop()
            one.database.dispose()


def runner(url: str, folder: Path) -> Iterator[Run]:
    """Runs a test with so many processes on a migrated database; again is a restart."""

    def run(
        test: Test,
        count: int = 1,
        *,
        rules: Rules | None = None,
        budgets: str = 'time_zone = "Asia/Shanghai"\n',
        full: bool = True,
    ) -> None:
        def make(database: Database) -> Process:
            return Process(database, folder, rules or Rules(), budgets, full=full)

        async def whole() -> None:
            async with _processes(url, count, make) as made:
                await asyncio.wait_for(test(made), 60)

        asyncio.run(whole())

    yield run


def person(name: str, role: str = "compliance", *, home_branch: str = "") -> Principal:
    """Somebody of the bank."""
    return principal_of(role, name=name, person=f"p-{name}", home_branch=home_branch)


def call_of(
    who: Principal,
    customer: str,
    action: Action = Action.CUSTOMERS_GET,
    purpose: str = "TRANSACTION_MONITORING",
    *,
    check_out: bool = False,
) -> Call:
    """A call about a customer, as policy decides about it."""
    decision = POLICY.decide(
        who,
        action,
        ResourceRef(BANK, customer, action.kind),
        purpose,
        person=bool(who.person),
        check_out=check_out,
    )
    return Call(
        call_id=new_ulid(1),
        tier="full",
        action=action.value,
        peer="127.0.0.1:1",
        principal=who,
        decision=decision,
        trace=Trace(BANK, customer, f"institutions/{BANK}/customers/{customer}"),
    )


def opening(who: Principal, customer: str, *, lent: bool = False) -> Call:
    """A read of a customer in full that policy has allowed."""
    purpose = "CUSTOMER_SERVICE" if lent else "TRANSACTION_MONITORING"
    call = call_of(who, customer, purpose=purpose, check_out=lent)
    assert call.decision is not None and call.decision.allowed, call.decision
    return call


def refused(who: Principal, customer: str) -> Call:
    """A read that policy has refused: it has no purpose."""
    call = call_of(who, customer, purpose="")
    assert call.decision is not None and not call.decision.allowed
    return call
