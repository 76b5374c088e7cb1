"""Streams that go by a check-out, on a real store of both kinds: when they look at it again, and by
which row they end, at the microsecond."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from tests.services.test_borrowing import (
    FILE,
    PHONES,
    SetClock,
    a_call,
    asks,
    borrowing,
    put,
    versions,
)
from tests.support.borrowing import HOUR, SECOND, lending
from tests.support.use_cases import UseCases, run, use_cases
from vault.access.lending import CheckOut, Stage, Verdict
from vault.services.borrowing import Borrowing
from vault.services.call import Call
from vault.services.check_out_rows import to_row
from vault.services.closed import CheckOutNotActive
from vault.store import Database, StoreAltered, check_outs


@dataclass
class Streaming:
    """A stream of numbers without an end, by a check-out that opened it."""

    vault: UseCases
    out: CheckOut
    clock: SetClock
    borrowing: Borrowing
    call: Call
    looks: int = 0
    closed: bool = False

    async def open(self) -> AsyncIterator[int]:
        """Begin it."""
        assert await self.borrowing.standing(self.call, asks(self.out.name))
        await self.borrowing.begin(self.call, replace(self.call.trace, fields=("phones",)))
        return self.borrowing.while_lent(self.call, self._numbers())

    async def _numbers(self) -> AsyncIterator[int]:
        number = 0
        try:
            while True:
                yield number
                number += 1
        finally:
            self.closed = True

    def change(self, **to: Any) -> None:
        """Write a further version of the check-out."""
        last = versions(self.vault, self.out)[-1]
        put(self.vault, replace(last, version=last.version + 1, **to))

    def pass_seconds(self, seconds: float) -> None:
        """Let time pass, by both clocks."""
        self.clock.at += round(seconds * SECOND)
        self.clock.seconds += seconds


Test = Callable[[Streaming], Awaitable[None]]
Runs = Callable[..., None]


@pytest.fixture
def by_a_check_out(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Runs a test's coroutine with a stream by a check-out of an hour."""

    def run_test(test: Test, **more: Any) -> None:
        async def main() -> None:
            async with use_cases(database, tmp_path) as vault:
                out = put(vault, lending(FILE, PHONES, lasts=HOUR, **more))
                clock = SetClock(out.starts_at)
                streaming = Streaming(vault, out, clock, borrowing(vault, clock), a_call())
                honest = database.read

                async def read(fn: Callable[[Connection], Any]) -> Any:
                    streaming.looks += 1
                    return await honest(fn)

                monkeypatch.setattr(database, "read", read)
                await test(streaming)

        run(main)

    return run_test


@pytest.mark.parametrize("stage", [Stage.RETURNED, Stage.REVOKED])
@pytest.mark.parametrize("one_time", [False, True])
def test_it_ends_half_a_second_behind_what_ends_the_check_out(
    by_a_check_out: Runs, stage: Stage, one_time: bool
) -> None:
    async def test(s: Streaming) -> None:
        numbers = await s.open()
        assert await anext(numbers) == 0
        s.change(stage=stage, ends_at=s.clock.at)
        s.pass_seconds(0.49)
        assert await anext(numbers) == 1
        s.pass_seconds(0.01)
        with pytest.raises(CheckOutNotActive):
            await anext(numbers)
        assert s.closed
        # What was shown is what the stream's last event tells.
        assert (s.call.trace.fields, s.call.trace.rows) == (("phones",), ())

    by_a_check_out(test, one_time=one_time)


def test_it_does_not_begin_where_it_was_taken_back_since_it_was_looked_at(
    by_a_check_out: Runs,
) -> None:
    async def test(s: Streaming) -> None:
        numbers = await s.open()
        s.change(stage=Stage.REVOKED)
        with pytest.raises(CheckOutNotActive):
            await anext(numbers)

    by_a_check_out(test)


@pytest.mark.parametrize("one_time", [False, True])
def test_it_ends_at_the_microsecond_at_which_what_was_lent_is_over(
    by_a_check_out: Runs, one_time: bool
) -> None:
    async def test(s: Streaming) -> None:
        numbers = await s.open()
        s.clock.at = s.out.ends_at - 1
        assert await anext(numbers) == 0
        s.clock.at = s.out.ends_at
        with pytest.raises(CheckOutNotActive):
            await anext(numbers)

    by_a_check_out(test, one_time=one_time)


def test_it_looks_twice_a_second_however_much_leaves(by_a_check_out: Runs) -> None:
    async def test(s: Streaming) -> None:
        numbers = await s.open()
        s.looks = 0
        for _ in range(1_000):
            await anext(numbers)
            s.pass_seconds(0.01)
        assert s.looks == 20

    by_a_check_out(test)


def test_one_that_it_has_used_up_itself_lets_it_go_on(by_a_check_out: Runs) -> None:
    async def test(s: Streaming) -> None:
        numbers = await s.open()
        assert versions(s.vault, s.out)[-1].stage is Stage.USED
        for number in range(10):
            assert await anext(numbers) == number
            s.pass_seconds(60)

    by_a_check_out(test, one_time=True)


def test_one_that_another_has_used_up_does_not(by_a_check_out: Runs) -> None:
    async def test(s: Streaming) -> None:
        numbers = await s.open()
        # One-time or not is the row's own word: here it has become so.
        s.change(stage=Stage.USED)
        with pytest.raises(CheckOutNotActive):
            await anext(numbers)

    by_a_check_out(test)


@pytest.mark.parametrize(
    ("verdict", "ends"), [(Verdict.JUSTIFIED, False), (Verdict.UNJUSTIFIED, True)]
)
def test_a_broken_glass_that_is_reviewed_meanwhile_ends_it_where_it_was_wrong(
    by_a_check_out: Runs, verdict: Verdict, ends: bool
) -> None:
    async def test(s: Streaming) -> None:
        numbers = await s.open()
        await anext(numbers)
        s.change(verdict=verdict, **({"stage": Stage.REVOKED} if ends else {}))
        s.pass_seconds(1)
        if ends:
            with pytest.raises(CheckOutNotActive):
                await anext(numbers)
        else:
            assert await anext(numbers) == 1

    by_a_check_out(test)


def test_a_row_that_the_vault_has_not_written_ends_it(by_a_check_out: Runs) -> None:
    async def test(s: Streaming) -> None:
        numbers = await s.open()
        await anext(numbers)
        row = to_row(replace(s.out, version=2, duration=10 * HOUR), b"sealed words", 1, "somebody")
        s.vault.database.write_sync(lambda conn: check_outs.insert(conn, row))
        s.pass_seconds(1)
        with pytest.raises(StoreAltered):
            await anext(numbers)

    by_a_check_out(test)


def test_without_a_check_out_nothing_is_looked_at(by_a_check_out: Runs) -> None:
    async def test(s: Streaming) -> None:
        numbers = s.borrowing.while_lent(a_call(), s._numbers())
        for number in range(5):
            assert await anext(numbers) == number
            s.pass_seconds(2 * HOUR / SECOND)
        assert s.looks == 0

    by_a_check_out(test)
