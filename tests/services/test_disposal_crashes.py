"""A process dies in the middle of a disposal: another one goes on, and never beyond the plan."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from tests.support.disposal import BANK, Bank, bank
from tests.support.use_cases import run
from vault.records import Branch, ScopeRef
from vault.services.errors import NotFound
from vault.store import Database, KeyStore, disposals, disposing, migrate, shredding

STEPS = ("listed", "shredded", "rows", "objects", "finish")
_ROOT = Path(__file__).resolve().parents[2]


class Died(Exception):
    """The process was killed here."""


@pytest.mark.parametrize("step", STEPS)
def test_whatever_step_a_process_dies_at_another_one_goes_on(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    customers: list[str] = []

    async def first() -> None:
        async with bank(database, tmp_path, date(2010, 1, 4)) as b:
            customers.extend([await _ended(b, "C1"), await _ended(b, "C2"), await b.customer("C3")])
            b.clock.on(date(2019, 1, 3))
            shown = await b.plan()
            await b.approve(shown)
            await b.begin(shown)
            with monkeypatch.context() as patch:
                _die_at(patch, step, b)
                with pytest.raises(Died):
                    await b.runner.look()

    async def second() -> None:
        shredding.replay(database, database)
        async with bank(database, tmp_path, date(2019, 1, 4)) as b:
            await b.runner.look()
            [row] = database.read_sync(lambda conn: disposals.page(conn, BANK, before="", limit=2))
            assert row.stage == "DONE"
            counts = database.read_sync(lambda conn: disposals.counts(conn, BANK, row.disposal))
            assert counts == {"DONE": 4}
            for customer in customers[:2]:
                with pytest.raises(NotFound):
                    await b.reads(customer)
                ref = ScopeRef(BANK, customer, "identity")
                for branch in Branch:
                    assert not KeyStore(database).file_keys(branch, [ref])
            assert await b.reads(customers[2])

    run(first)
    run(second)


def test_a_process_that_is_killed_leaves_a_disposal_that_goes_on(tmp_path: Path) -> None:
    """With SIGKILL, again and again, until it is done."""
    url = f"sqlite:///{tmp_path / 'vault.db'}"
    database = Database(url)
    migrate.upgrade(database)
    kept: list[str] = []

    async def begin() -> None:
        async with bank(database, tmp_path, date(2010, 1, 4)) as b:
            for n in range(8):
                await _ended(b, f"C{n}")
            kept.append(await b.customer("KEPT"))
            b.clock.on(date(2019, 1, 3))
            shown = await b.plan()
            await b.approve(shown)
            await b.begin(shown)

    run(begin)
    kills = 0
    while True:
        code = (
            "import sys; from tests.services.test_disposal_crashes import worker; "
            "worker(sys.argv[1], sys.argv[2])"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code, url, str(tmp_path)],
            cwd=_ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        done = _lines(process, 3 if kills < 4 else 0)
        if done:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
    assert kills == 4

    async def look() -> None:
        async with bank(database, tmp_path, date(2019, 1, 5)) as b:
            [row] = database.read_sync(lambda conn: disposals.page(conn, BANK, before="", limit=2))
            counts = database.read_sync(lambda conn: disposals.counts(conn, BANK, row.disposal))
            assert counts == {"DONE": 16}
            assert await b.reads(kept[0])

    run(look)
    database.dispose()


def worker(url: str, folder: str) -> None:
    """Carry on, and say each time when something went."""
    database = Database(url)
    take = disposing.take_rows

    def told(*args: object) -> object:
        found = take(*args)  # type: ignore[arg-type]  # as they came
        print("took", flush=True)
        return found

    disposing.take_rows = told  # type: ignore[assignment]  # for this process alone

    async def main() -> None:
        shredding.replay(database, database)
        async with bank(database, Path(folder), date(2019, 1, 4)) as b:
            await b.runner.look()
        print("done", flush=True)

    run(main)
    os._exit(0)


def _lines(process: subprocess.Popen[str], enough: int) -> bool:
    """Read so many lines (0: all); whether it was done before."""
    assert process.stdout is not None
    for seen, line in enumerate(process.stdout, 1):
        if line.strip() == "done":
            process.wait()
            return True
        if seen == enough:
            return False
    raise AssertionError("the worker failed")


async def _ended(b: Bank, number: str) -> str:
    customer = await b.customer(number)
    await b.book(customer, date(2011, 5, 6))
    await b.end(customer, date(2012, 6, 30))
    return customer


def _die_at(patch: pytest.MonkeyPatch, step: str, b: Bank) -> None:
    async def died(*_: object, **__: object) -> None:
        raise Died

    name = {
        "listed": "_shred",
        "shredded": "_take_rows",
        "rows": "_take_objects",
        "objects": "_forget_requests",
        "finish": "_compact",
    }[step]
    patch.setattr(b.runner, name, died)
