"""A process dies in the middle of a disposal: another one goes on, and never beyond the plan."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.services.test_disposal_pictures import owner_of, upload
from tests.support.disposal import BANK, Bank, bank
from tests.support.sealed_bytes import marks_of
from tests.support.use_cases import run
from vault.access import Action
from vault.blobs.folder import FolderBlobs
from vault.services.errors import NotFound
from vault.services.retention.disposal_rows import from_row
from vault.store import Database, disposals, disposing, shredding

STEPS = ("listed", "shredded", "rows", "objects", "finish", "certified")
_ROOT = Path(__file__).resolve().parents[2]


class Died(Exception):
    """The process was killed here."""


@pytest.mark.parametrize("step", STEPS)
def test_whatever_step_a_process_dies_at_another_one_goes_on(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    (tmp_path / "blobs").mkdir()
    customers: list[str] = []

    async def first() -> None:
        async with bank(database, tmp_path, date(2010, 1, 4)) as b:
            for number in ("C1", "C2"):
                customers.append(await _scanned(b, number))
                await b.end(customers[-1], date(2012, 6, 30))
            customers.append(await b.customer("C3"))
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
                assert marks_of(database, database, b.blobs, customer) == []
            assert _objects(tmp_path) == []
            assert await b.reads(customers[2])
            assert "\ndestroyed 4\npassed-over 0\n" in await _certificate(b, row.disposal)

    run(first)
    run(second)


def test_a_process_that_is_killed_leaves_a_disposal_that_goes_on(
    database: Database, migrated_url: str, tmp_path: Path
) -> None:
    """With SIGKILL, again and again, at whatever it is doing, until it is done: then nothing is
    left of what was planned, what was not is there, and it is certified as if it had not died."""
    (tmp_path / "blobs").mkdir()
    going: list[str] = []
    staying: list[str] = []
    rows: list[int] = []

    async def begin() -> None:
        async with bank(database, tmp_path, date(2010, 1, 4)) as b:
            for n in range(3):
                going.append(await _scanned(b, f"C{n}"))
            staying.append(await b.customer("KEPT"))
            b.clock.on(date(2012, 7, 1))
            for customer in going:
                await b.end(customer, date(2012, 6, 30))
            # Due when the plan is carried out, and not yet when it is made.
            b.clock.on(date(2013, 7, 1))
            staying.append(await _scanned(b, "LATER", 2013))
            await b.end(staying[1], date(2013, 1, 2))
            b.clock.on(date(2018, 12, 31))
            shown = await b.plan()
            assert {row[0] for row in b.planned(shown)} == set(going)
            await b.approve(shown)
            await b.begin(shown)
            rows.append(sum(_rows(b, customer) for customer in going))

    run(begin)
    objects = _objects(tmp_path)
    with _Workers(migrated_url, tmp_path) as workers:
        kills = [workers.killed_at(step) for step in KILLED_AT]
        assert kills == [True] * len(KILLED_AT)
        assert not workers.killed_at(1_000)

    async def look() -> None:
        async with bank(database, tmp_path, date(2019, 1, 5)) as b:
            [row] = database.read_sync(lambda conn: disposals.page(conn, BANK, before="", limit=2))
            counts = database.read_sync(lambda conn: disposals.counts(conn, BANK, row.disposal))
            assert counts == {"DONE": 6}
            for customer in staying:
                assert await b.reads(customer)
            for customer in going:
                with pytest.raises(NotFound):
                    await b.reads(customer)
                assert marks_of(database, database, b.blobs, customer) == []
            assert len(_objects(tmp_path)) == len(objects) // 4  # of the one that is due later
            text = await _certificate(b, row.disposal)
            for line in ("destroyed 6", "passed-over 0", f"rows {rows[0]}", f"plan {_plan(row)}"):
                assert f"\n{line}\n" in text

    run(look)


async def _certificate(b: Bank, disposal: str) -> str:
    await asyncio.to_thread(b.sequencer.step)
    call = b.call("compliance", Action.DISPOSALS_CERTIFICATE)
    return (await b.certifying.certificate(call, BANK, disposal)).note.decode()


# Steps of a disposal (tests/services/test_disposal_crashes.py::worker) that a process is killed at,
# counted from its start.
KILLED_AT = (2, 5, 7, 4, 9, 6)


class _Workers:
    """Processes that carry on with a disposal, each forked from one that has imported all."""

    def __init__(self, url: str, folder: Path) -> None:
        code = (
            "import sys; from tests.services.test_disposal_crashes import workers; "
            "workers(sys.argv[1], sys.argv[2])"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, url, str(folder)],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> _Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def killed_at(self, step: int) -> bool:
        """Let one go on until a step; whether it was killed, and had not come to the end before."""
        told, heard = self._process.stdin, self._process.stdout
        assert told is not None
        assert heard is not None
        told.write(f"{step}\n")
        told.flush()
        while not (line := heard.readline()).startswith("ended "):
            assert line, "the workers have failed"
        code = int(line.split()[1])
        assert code in (0, -signal.SIGKILL), "the worker failed"
        return code != 0


def workers(url: str, folder: str) -> None:
    """One after the other, as asked for."""
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            worker(url, folder, int(line))
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        print(f"ended {code}", flush=True)


def worker(url: str, folder: str, last: int) -> None:
    """Carry on, until so many steps have been begun or ended."""
    code = 1
    try:
        database = Database(url)
        steps = count(1)

        def die_at(work: Callable[..., Any]) -> Callable[..., Any]:
            def told(*args: Any, **more: Any) -> Any:
                if next(steps) == last:
                    os.kill(os.getpid(), signal.SIGKILL)
                found = work(*args, **more)
                if next(steps) == last:
                    os.kill(os.getpid(), signal.SIGKILL)
                return found

            return told

        for place, name in (
            (disposals, "move"),
            (shredding, "shred"),
            (disposing, "take_rows"),
            (disposing, "take_traces"),
            (disposing, "forget_objects"),
            (FolderBlobs, "delete"),
        ):
            setattr(place, name, die_at(getattr(place, name)))

        async def main() -> None:
            shredding.replay(database, database)
            async with bank(database, Path(folder), date(2019, 1, 4)) as b:
                await b.runner.look()

        run(main)
        code = 0
    finally:
        os._exit(code)


async def _scanned(b: Bank, number: str, year: int = 2011) -> str:
    """A customer with a document and a voucher, both with masked pictures."""
    customer = await b.customer(number)
    paper = await b.document(customer, number=f"E{number}", machine_readable_zone="")
    booked = await b.book(customer, date(year, 5, 6))
    for record in (paper, booked):
        await upload(b, owner_of(customer, record), 3_000)
    return customer


def _rows(b: Bank, customer: str) -> int:
    """How many rows of his the log knows, which is how many have to go."""
    name = f"customers/{customer}"
    return sum(
        row.name.startswith((f"{name}/", f"{name}@")) for event in b.events() for row in event.rows
    )


def _objects(folder: Path) -> list[Path]:
    """Segments of contents in the object store."""
    return [p for p in (folder / "blobs").rglob("*") if p.is_file() and ".incoming" not in p.parts]


def _plan(row: disposals.DisposalRow) -> str:
    return from_row(row).body.sha256


def _die_at(patch: pytest.MonkeyPatch, step: str, b: Bank) -> None:
    """Before a step, the second time it comes to it, that is with a customer's last scope."""
    if step == "certified":
        record = b.log.record

        async def recorded(*args: Any) -> None:
            await record(*args)
            raise Died

        patch.setattr(b.log, "record", recorded)
        return
    name = {
        "listed": "_shred",
        "shredded": "_take_rows",
        "rows": "_take_objects",
        "objects": "_forget_requests",
        "finish": "_compact",
    }[step]
    left = 1 if step in ("objects", "finish") else 2
    work = getattr(b.runner, name)

    async def died(*args: Any) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise Died
        await work(*args)

    patch.setattr(b.runner, name, died)
