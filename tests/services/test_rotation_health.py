"""Health says what is being done with keys, and what somebody has to look at."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.rotation import BANK, Room, keks, several
from vault.services.health import Check, State
from vault.services.rotation.health import rotation_probe
from vault.services.rotation.steps import Key, Verb
from vault.store import Database, key_jobs
from vault.store.key_jobs import RUNNING, JobRow


@pytest.fixture
def room(database: Database, tmp_path: Path) -> Room:
    made = Room(database, several(database, keks(tmp_path / "kms")))
    made.ring.open_institution(BANK)
    return made


def health(room: Room) -> Check:
    async def ask() -> Check:
        return await rotation_probe(room.ground)()

    return asyncio.run(ask())


def under_way(room: Room, age_seconds: int, number: int = 100, **changes: object) -> JobRow:
    now = room.ground.clock.now_micros()
    row = JobRow(
        BANK, f"job{number}", number, "branch-full", "rewrap", "2", "", 0, RUNNING,
        10, 3, 0, "", "", "me", 0, now, now - age_seconds * 1_000_000, 0,
    )  # fmt: skip
    row = replace(row, **changes)  # type: ignore[arg-type]  # fields of the row
    room.database.write_sync(lambda conn: key_jobs.add(conn, row))
    return row


def test_nothing_to_do_is_well_and_so_is_a_step_that_goes_on(room: Room) -> None:
    assert health(room).state is State.OK
    assert "nothing" in health(room).detail
    under_way(room, 5)
    found = health(room)
    assert (found.state, found.detail) == (State.OK, f"rewrap branch-full of {BANK} 3/10")
    assert found.figures == {"under_way": 1.0}


def test_a_step_that_makes_no_progress_is_told_and_one_that_waits_behind_it_is_not(
    room: Room,
) -> None:
    under_way(room, 61)
    under_way(room, 600, 101, stage="WAITING", verb="retire")
    found = health(room)
    assert (found.state, found.detail) == (
        State.WARNING,
        f"rewrap branch-full of {BANK} makes no progress",
    )
    assert found.remedy


def test_a_failed_step_is_told_until_one_of_the_same_key_was_done(room: Room) -> None:
    room.do(Key.KEK_FULL, Verb.RETIRE, version="1")
    found = health(room)
    assert found.state is State.WARNING
    assert found.detail.startswith("retire kek-full failed: it is the newest version")
    room.do(Key.BRANCH_FULL, Verb.ROTATE)
    assert health(room).state is State.WARNING
    room.do(Key.KEK_FULL, Verb.ROTATE)
    assert health(room).state is State.OK


def test_a_key_store_that_is_away_is_told(room: Room) -> None:
    room.database.dispose()
    assert health(room).state is State.CRITICAL
