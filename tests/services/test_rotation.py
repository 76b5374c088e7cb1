"""Rotation of branch keys and KEKs: what two persons agreed to is done, and nothing that still
hangs under an old version loses it."""

import asyncio
import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from tests.support.key_faults import SwitchableKms
from tests.support.rotation import BANK, FAST, Room, keks, refs, several
from vault.kms import KekMissing, KekName, KmsUnavailable, LocalFileKms
from vault.kms.several import SeveralKms
from vault.records import Branch, ScopeRef
from vault.sealing import SealContext, open_full, open_masked, seal_full, seal_masked
from vault.services.rotation.branch_work import BranchWork
from vault.services.rotation.planning import KeyStepRefused, Planning
from vault.services.rotation.steps import Key, Step, Verb, step_in, to_content
from vault.store import Database, KeyVersionGone, StoreAltered, key_jobs, key_versions
from vault.store.key_jobs import CHECKING, DONE, FAILED, RUNNING, WAITING, JobRow, LeaseLost

BRANCH_KEYS = {Branch.FULL: Key.BRANCH_FULL, Branch.MASKED: Key.BRANCH_MASKED}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return keks(tmp_path / "kms")


@pytest.fixture
def room(database: Database, folder: Path) -> Room:
    made = Room(database, several(database, folder))
    made.ring.open_institution(BANK)
    return made


@pytest.fixture
def another(database: Database, folder: Path) -> Callable[[], Room]:
    """A second process on the same databases and key files, with a memory of its own."""
    return lambda: Room(database, several(database, folder), owner="process-two")


def sealed(room: Room, count: int = 3) -> dict[str, bytes]:
    """Something sealed under each scope's full key, by customer."""
    wanted = refs(count)
    room.ring.ensure(wanted)
    keys = room.ring.fetch(Branch.FULL, wanted)
    return {
        ref.customer: seal_full(keys[ref], ref.customer.encode(), _place(ref.customer))
        for ref in wanted
    }


def opens(room: Room, what: dict[str, bytes]) -> None:
    """All of it opens, with nothing in memory yet."""
    room.ring.clear()
    wanted = refs(len(what))
    keys = room.ring.fetch(Branch.FULL, wanted)
    for ref in wanted:
        place = _place(ref.customer)
        assert open_full(keys[ref], what[ref.customer], place) == ref.customer.encode()


def _place(customer: str) -> SealContext:
    return SealContext(BANK, customer, "", 1, "sealed")


# -- branch keys -------------------------------------------------------------------------------


@pytest.mark.parametrize("branch", list(Branch))
def test_a_new_version_serves_new_keys_at_once_and_in_every_process(
    room: Room, another: Callable[[], Room], branch: Branch
) -> None:
    other = another()
    other.ring.ensure(refs(1))  # it holds the first version by now
    done = room.do(BRANCH_KEYS[branch], Verb.ROTATE)
    assert (done.stage, done.target) == (DONE, "2")
    room.ring.ensure(refs(1, 1))
    other.ring.ensure(refs(1, 2))
    assert room.versions(branch) == {2: 2, 1: 1}
    untouched = Branch.MASKED if branch is Branch.FULL else Branch.FULL
    assert room.versions(untouched) == {1: 3}


def test_a_rewrap_moves_every_file_key_and_what_they_sealed_still_opens(
    room: Room, another: Callable[[], Room]
) -> None:
    what, other = sealed(room, 30), another()
    room.do(Key.BRANCH_FULL, Verb.ROTATE)
    assert room.versions(Branch.FULL) == {2: 0, 1: 30}
    opens(other, what)
    done = room.do(Key.BRANCH_FULL, Verb.REWRAP)
    assert (done.stage, done.total, done.done, done.checked) == (DONE, 30, 30, 30)
    assert room.versions(Branch.FULL) == {2: 30, 1: 0}
    assert room.versions(Branch.MASKED) == {1: 30}
    opens(room, what)
    opens(other, what)


def test_scopes_with_slashes_in_their_names_are_checked_once_each(room: Room) -> None:
    """Of a compartment, which is nobody's file, and of a booking year."""
    wanted = [
        ScopeRef(BANK, "compartments/c1", "compartment"),
        ScopeRef(BANK, "compartments/c2", "compartment"),
        ScopeRef(BANK, "c000001", "transactions/2026"),
        ScopeRef(BANK, "c000001", "identity"),
    ]
    room.ring.ensure(wanted)
    room.do(Key.BRANCH_FULL, Verb.ROTATE)
    done = room.do(Key.BRANCH_FULL, Verb.REWRAP, rate=5)
    assert (done.stage, done.done, done.checked) == (DONE, 4, 4)


def test_the_masked_branch_is_rewrapped_alike_and_a_masked_node_reads_on(
    database: Database, folder: Path, tmp_path: Path, room: Room
) -> None:
    masked_folder = tmp_path / "masked-kms"
    masked_folder.mkdir(mode=0o700)
    (masked_folder / "masked.kek").write_bytes((folder / "masked.kek").read_bytes())
    (masked_folder / "masked.kek").chmod(0o600)
    node = Room(database, several(database, masked_folder), frozenset({Branch.MASKED}))
    ref = refs(1)[0]
    room.ring.ensure([ref])
    place = SealContext(BANK, ref.customer, "", 1, "masked")
    view = seal_masked(room.ring.fetch(Branch.MASKED, [ref])[ref], b"view", place)
    room.do(Key.BRANCH_MASKED, Verb.ROTATE)
    assert room.do(Key.BRANCH_MASKED, Verb.REWRAP).stage == DONE
    assert room.do(Key.BRANCH_MASKED, Verb.RETIRE, version="1").stage == DONE
    assert room.versions(Branch.MASKED) == {2: 1}
    assert open_masked(node.ring.fetch(Branch.MASKED, [ref])[ref], view, place) == b"view"


def test_the_old_version_is_destroyed_when_nothing_hangs_under_it_any_more(room: Room) -> None:
    what = sealed(room)
    old = room.store.branch_key(Branch.FULL, BANK, 1)
    assert old is not None
    assert old.key_id
    room.do(Key.BRANCH_FULL, Verb.ROTATE)
    assert holds(room.database, old.key_id)
    room.do(Key.BRANCH_FULL, Verb.REWRAP)
    assert room.do(Key.BRANCH_FULL, Verb.RETIRE, version="1").stage == DONE
    assert room.store.branch_key(Branch.FULL, BANK, 1) is None
    assert not holds(room.database, old.key_id)
    opens(room, what)


def holds(database: Database, key_id: bytes) -> bool:
    """Whether a key's id stands in any table of the key store; on SQLite, in any byte of it."""

    def look(conn: Connection) -> bool:
        found = 0
        for branch in ("full", "masked"):
            for table, column in (("branch_keys", "key_id"), ("file_keys", "branch_key_id")):
                found += conn.execute(
                    text(f"SELECT count(*) FROM {branch}_{table} WHERE {column} = :id"),
                    {"id": key_id},
                ).scalar_one()
        return found > 0

    if database.read_sync(look):
        return True
    if database.sqlite_path is None:
        return False
    with database.engine.connect() as conn:
        conn.exec_driver_sql("COMMIT")
        conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        conn.exec_driver_sql("BEGIN IMMEDIATE")
    return any(
        key_id in Path(database.sqlite_path + end).read_bytes()
        for end in ("", "-wal")
        if Path(database.sqlite_path + end).exists()
    )


def test_a_version_under_which_something_hangs_is_not_retired(room: Room) -> None:
    sealed(room)
    planning = Planning(room.ground)

    def refused(key: Key, version: str) -> str:
        with pytest.raises(KeyStepRefused) as found:
            asyncio.run(planning.require(BANK, Step(key, Verb.RETIRE, version)))
        return found.value.en

    assert "newest" in refused(Key.BRANCH_FULL, "1")
    assert "no such version" in refused(Key.BRANCH_FULL, "7")
    room.do(Key.BRANCH_FULL, Verb.ROTATE)
    assert "3 file keys still hang under it" in refused(Key.BRANCH_FULL, "1")
    # Agreed to all the same, it is looked at once more.
    done = room.do(Key.BRANCH_FULL, Verb.RETIRE, version="1")
    assert (done.stage, room.versions(Branch.FULL)) == (FAILED, {2: 0, 1: 3})
    assert "propose a rewrap first" in done.detail


def test_a_version_is_not_retired_on_the_word_of_a_count_alone(room: Room) -> None:
    room.do(Key.BRANCH_FULL, Verb.ROTATE)
    assert room.versions(Branch.FULL) == {2: 0, 1: 0}
    done = room.do(Key.BRANCH_FULL, Verb.RETIRE, version="1")
    assert (done.stage, "rewrap" in done.detail) == (FAILED, True)
    room.do(Key.BRANCH_FULL, Verb.REWRAP)
    assert room.do(Key.BRANCH_FULL, Verb.RETIRE, version="1").stage == DONE


def test_nothing_is_hung_under_a_version_that_was_retired_meanwhile(
    room: Room, another: Callable[[], Room]
) -> None:
    """Another process has read which version is the newest, and is slow to store what it wraps."""
    other = another()
    late = refs(1, 7)
    standing = {branch: other.store.file_keys(branch, late) for branch in Branch}
    rows = {b: other.ring._new_rows(b, late, standing[b]) for b in Branch}
    room.do(Key.BRANCH_FULL, Verb.ROTATE)
    room.do(Key.BRANCH_FULL, Verb.REWRAP)
    room.do(Key.BRANCH_FULL, Verb.RETIRE, version="1")
    with pytest.raises(KeyVersionGone):
        other.store.add_file_keys(rows[Branch.FULL], rows[Branch.MASKED])
    assert other.store.file_keys(Branch.MASKED, late) == {}
    other.ring.ensure(late)
    assert room.versions(Branch.FULL) == {2: 1}


def test_a_late_straggler_is_rewrapped_before_the_check_ends(
    room: Room, another: Callable[[], Room]
) -> None:
    sealed(room, 5)
    other, late = another(), refs(1, 8)
    rows = {b: other.ring._new_rows(b, late, {}) for b in Branch}
    room.do(Key.BRANCH_FULL, Verb.ROTATE)
    identifier = room.agree(Key.BRANCH_FULL, Verb.REWRAP, rate=10)
    asyncio.run(
        until(
            room, lambda: room.has(Key.BRANCH_FULL, identifier, lambda job: job.stage == CHECKING)
        )
    )
    other.store.add_file_keys(rows[Branch.FULL], rows[Branch.MASKED])
    asyncio.run(room.finish())
    assert room.job(Key.BRANCH_FULL, identifier).stage == DONE
    assert room.versions(Branch.FULL) == {2: 6, 1: 0}


async def until(room: Room, enough: Callable[[], bool]) -> None:
    """Carry out what was agreed until then, and stop as a process that is told to."""
    await room.log.start()
    try:
        looking = asyncio.create_task(room.runner.look())
        while not enough():
            assert not looking.done()
            await asyncio.sleep(0.001)
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
    finally:
        await room.log.stop()


def test_a_file_key_that_was_changed_is_named_and_left_and_the_rest_is_moved(room: Room) -> None:
    what = sealed(room, 5)
    room.database.write_sync(
        lambda conn: conn.exec_driver_sql(
            "UPDATE full_file_keys SET wrapped = key_id WHERE customer = 'c000003'"
        )
    )
    room.do(Key.BRANCH_FULL, Verb.ROTATE)
    done = room.do(Key.BRANCH_FULL, Verb.REWRAP)
    assert (done.stage, done.done) == (FAILED, 4)
    assert "1 file keys do not open" in done.detail
    assert "c000003 identity" in done.detail
    assert room.versions(Branch.FULL) == {2: 4, 1: 1}
    assert room.do(Key.BRANCH_FULL, Verb.RETIRE, version="1").stage == FAILED
    del what["c000003"]
    del what["c000004"]
    opens(room, what)


def test_a_scope_that_is_destroyed_during_a_rewrap_stays_destroyed(room: Room) -> None:
    sealed(room, 4)
    room.do(Key.BRANCH_FULL, Verb.ROTATE)
    rows = room.store.file_keys(Branch.FULL, refs(4))
    moved, _ = room.ground.rotating.rewrapped(Branch.FULL, list(rows.values()), 2)

    def destroy(conn: Connection) -> None:
        conn.exec_driver_sql("DELETE FROM full_file_keys WHERE customer = 'c000002'")

    room.database.write_sync(destroy)
    assert room.database.write_sync(lambda c: key_versions.move(c, Branch.FULL, moved)) == 3
    assert room.versions(Branch.FULL) == {2: 3, 1: 0}


def test_what_is_done_with_one_key_is_done_in_the_order_in_which_it_was_agreed(room: Room) -> None:
    sealed(room)
    for verb, more in (
        (Verb.ROTATE, {}),
        (Verb.REWRAP, {"rate": FAST}),
        (Verb.RETIRE, {"version": "1"}),
        (Verb.ROTATE, {}),
    ):
        room.agree(Key.BRANCH_FULL, verb, **more)
    asyncio.run(room.finish())
    assert room.versions(Branch.FULL) == {3: 0, 2: 3}


def test_what_was_agreed_once_is_done_once_whoever_looks(
    room: Room, another: Callable[[], Room]
) -> None:
    other = another()
    other.agreed = room.agreed
    room.do(Key.BRANCH_FULL, Verb.ROTATE)
    asyncio.run(other.finish())
    asyncio.run(room.finish())
    assert room.versions(Branch.FULL) == {2: 0, 1: 0}


def test_a_job_of_a_process_that_is_gone_is_taken_over_when_its_lease_is_over(
    database: Database, folder: Path, room: Room
) -> None:
    sealed(room, 40)
    room.do(Key.BRANCH_FULL, Verb.ROTATE)
    identifier = room.agree(Key.BRANCH_FULL, Verb.REWRAP, rate=10)
    asyncio.run(
        until(room, lambda: room.has(Key.BRANCH_FULL, identifier, lambda job: job.done > 0))
    )
    half = room.job(Key.BRANCH_FULL, identifier)
    assert 0 < half.done < 40
    assert half.stage == RUNNING
    # As it would stand had the process been killed: the lease was not given back.
    held = room.ground.until()
    database.write_sync(
        lambda conn: conn.exec_driver_sql(f"UPDATE key_jobs SET lease_until = {held}")
    )
    other = Room(database, several(database, folder), owner="process-two")
    other.agreed = room.agreed
    asyncio.run(other.finish())
    assert room.job(Key.BRANCH_FULL, identifier).done == half.done
    database.write_sync(lambda conn: conn.exec_driver_sql("UPDATE key_jobs SET lease_until = 1"))
    asyncio.run(other.finish())
    done = room.job(Key.BRANCH_FULL, identifier)
    assert (done.stage, done.done, done.checked) == (DONE, 40, 40)
    # And the first process, which only hung, writes nothing any more.
    with pytest.raises(LeaseLost):
        database.write_sync(lambda conn: key_jobs.keep(conn, half))


def test_a_process_that_is_told_to_stop_takes_nothing_back_of_the_batch_under_way(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed(room, 40)
    room.do(Key.BRANCH_FULL, Verb.ROTATE)
    identifier = room.agree(Key.BRANCH_FULL, Verb.REWRAP, rate=50)
    written, whole = threading.Event(), BranchWork.step

    def step(self: BranchWork, job: JobRow) -> tuple[JobRow, int]:
        made = whole(self, job)
        if made[0].done and made[0].open:
            written.set()
            time.sleep(0.1)  # the transaction is over, and the event loop does not know yet
        return made

    monkeypatch.setattr(BranchWork, "step", step)
    asyncio.run(until(room, written.is_set))
    half = room.job(Key.BRANCH_FULL, identifier)
    assert (half.stage, half.done, half.lease_until) == (RUNNING, 10, 0)
    asyncio.run(room.finish())
    done = room.job(Key.BRANCH_FULL, identifier)
    assert (done.stage, done.done, done.checked) == (DONE, 40, 40)


def test_a_job_that_nobody_has_agreed_to_is_not_done(
    room: Room, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever can write to the key store puts one there, or makes another of one that is."""
    room.do(Key.BRANCH_FULL, Verb.ROTATE)
    room.do(Key.BRANCH_FULL, Verb.REWRAP)
    room.agree(Key.BRANCH_FULL, Verb.RETIRE, version="7")
    asyncio.run(room.runner._take_down())
    (real,) = room.database.read_sync(key_jobs.unfinished)
    made_up = replace(real, job="0" * 26, number=99, key="branch-masked", verb="rotate", target="")

    def tamper(conn: Connection) -> None:
        key_jobs.add(conn, made_up)
        conn.exec_driver_sql("UPDATE key_jobs SET target = '1' WHERE verb = 'retire'")

    room.database.write_sync(tamper)
    asyncio.run(room.finish())
    assert room.versions(Branch.FULL) == {2: 0, 1: 0}
    assert room.versions(Branch.MASKED) == {1: 0}
    assert len(room.database.read_sync(key_jobs.unfinished)) == 2
    assert capsys.readouterr().out.count("ALERT") == 2


def test_a_long_step_with_one_key_keeps_no_other_key_waiting(room: Room) -> None:
    sealed(room, 30)
    room.do(Key.BRANCH_FULL, Verb.ROTATE)
    slow = room.agree(Key.BRANCH_FULL, Verb.REWRAP, rate=1)
    behind = room.agree(Key.BRANCH_FULL, Verb.ROTATE)
    quick = [room.agree(Key.BRANCH_MASKED, Verb.ROTATE), room.agree(Key.KEK_FULL, Verb.ROTATE)]

    async def main() -> None:
        await room.log.start()
        running = asyncio.create_task(room.runner.run())
        for identifier, key in zip(quick, (Key.BRANCH_MASKED, Key.KEK_FULL), strict=True):
            while not room.has(key, identifier, lambda job: job.stage == DONE):
                assert not running.done()
                await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await room.log.stop()

    asyncio.run(asyncio.wait_for(main(), 30))
    assert room.job(Key.BRANCH_FULL, slow).stage == RUNNING
    assert room.job(Key.BRANCH_FULL, behind).stage == WAITING
    assert room.job(Key.BRANCH_FULL, slow).lease_until == 0


def test_nothing_is_begun_or_gone_on_with_while_the_log_is_set_back(room: Room) -> None:
    sealed(room, 40)
    room.do(Key.BRANCH_FULL, Verb.ROTATE)
    identifier = room.agree(Key.BRANCH_FULL, Verb.REWRAP, rate=20)

    async def main() -> None:
        await room.log.start()
        running = asyncio.create_task(room.runner.run())
        begun = lambda job: job.done > 0  # noqa: E731
        while not room.has(Key.BRANCH_FULL, identifier, begun):
            assert not running.done()
            await asyncio.sleep(0.01)
        room.may = False
        await asyncio.sleep(1.5)
        left = room.job(Key.BRANCH_FULL, identifier)
        size = len(room.events())
        await asyncio.sleep(1.0)
        assert room.job(Key.BRANCH_FULL, identifier) == left
        assert (left.lease_until, len(room.events())) == (0, size)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await room.log.stop()

    asyncio.run(asyncio.wait_for(main(), 60))
    room.may = True
    asyncio.run(Room(room.database, room.kms, agreed=room.agreed, owner="p2").finish())
    assert room.job(Key.BRANCH_FULL, identifier).stage == DONE


def test_a_rewrap_takes_no_more_keys_a_second_than_was_agreed(room: Room) -> None:
    sealed(room, 40)
    room.do(Key.BRANCH_FULL, Verb.ROTATE)
    done = room.do(Key.BRANCH_FULL, Verb.REWRAP, rate=100)
    # 40 to move and 40 to check, at 100 a second; one batch may be ahead.
    assert done.finished_at - done.created_at > 600_000


def test_the_log_says_that_it_began_and_how_it_ended_and_names_nobody(room: Room) -> None:
    sealed(room)
    identifier = room.agree(Key.BRANCH_FULL, Verb.ROTATE)
    room.agree(Key.KEK_FULL, Verb.RETIRE, version="1")
    asyncio.run(room.finish())
    told = [(e.action, e.resource, e.resources, e.outcome, e.reason) for e in room.events()]
    mine = f"institutions/{BANK}/proposals/{identifier}"
    kek = f"proposals/{room.agreed[1].identifier}"
    assert told == [
        ("keys.work.begin", mine, (), "", ""),
        ("keys.work.end", mine, ("keys/branch-full@2",), "OK", ""),
        ("keys.work.begin", kek, ("keys/kek-full@1",), "", ""),
        (
            "keys.work.end",
            kek,
            ("keys/kek-full@1",),
            "FAILED_PRECONDITION",
            "KEY_STEP_FAILED",
        ),
    ]
    assert all(event.institution in (BANK, "") and not event.actor for event in room.events())


def test_what_was_agreed_long_ago_is_not_done_again_by_itself(room: Room) -> None:
    """A key store that was set back does not know of it any more."""
    identifier = room.agree(Key.BRANCH_FULL, Verb.ROTATE)
    long_ago = room.agreed[0].decided_at - 8 * 86_400_000_000
    room.agreed[0] = replace(room.agreed[0], decided_at=long_ago)
    asyncio.run(room.finish())
    assert room.job(Key.BRANCH_FULL, identifier).stage == FAILED
    assert room.versions(Branch.FULL) == {1: 0}


# -- KEKs --------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [Key.KEK_FULL, Key.KEK_MASKED, Key.KEK_INDEX])
def test_a_kek_is_rotated_rewrapped_and_retired_and_everything_opens(
    room: Room, another: Callable[[], Room], folder: Path, key: Key
) -> None:
    what, other = sealed(room), another()
    first = room.do(key, Verb.ROTATE).target
    assert room.do(key, Verb.REWRAP).stage == DONE
    second = room.do(key, Verb.ROTATE).target
    assert first != second
    done = room.do(key, Verb.REWRAP)
    assert (done.stage, done.total, done.done, done.checked) == (DONE, 1, 1, 1)
    for version in ("1", first):
        done = room.do(key, Verb.RETIRE, version=version)
        assert (done.stage, done.detail) == (DONE, "destroyed where it was kept")
    path = folder / f"{key.kek.value}.kek"  # type: ignore[union-attr]  # it is one
    assert [v["version"] for v in json.loads(path.read_text())["versions"]] == [second]
    assert not in_store(room.database, first)
    assert in_store(room.database, second)
    for process in (room, other):
        opens(process, what)
        assert process.ring.index_key(BANK).version == 1


def in_store(database: Database, version: str) -> bool:
    """Whether any key names a version of a KEK."""

    def look(conn: Connection) -> bool:
        return any(
            conn.execute(
                text(f"SELECT count(*) FROM {table} WHERE kek_version = :v"), {"v": version}
            ).scalar_one()
            for table in ("full_branch_keys", "masked_branch_keys", "index_keys")
        )

    return database.read_sync(look)


def test_a_kek_version_that_wraps_something_is_not_retired(room: Room) -> None:
    planning = Planning(room.ground)
    room.do(Key.KEK_FULL, Verb.ROTATE)
    with pytest.raises(KeyStepRefused, match="1 keys are still wrapped by it"):
        asyncio.run(planning.require("", Step(Key.KEK_FULL, Verb.RETIRE, "1")))
    assert room.do(Key.KEK_FULL, Verb.RETIRE, version="1").stage == FAILED


def test_a_branch_key_rotated_after_its_kek_hangs_under_the_new_version_in_every_process(
    room: Room, another: Callable[[], Room]
) -> None:
    other = another()
    other.ring.ensure(refs(1))
    newest = room.do(Key.KEK_FULL, Verb.ROTATE).target
    other.do(Key.BRANCH_FULL, Verb.ROTATE)
    row = room.store.newest_branch_key(Branch.FULL, BANK)
    assert row is not None
    assert (row.version, row.kek_version) == (2, newest)


def test_a_kek_moves_from_one_provider_to_another_by_the_same_steps(
    database: Database, folder: Path, tmp_path: Path
) -> None:
    hsm = keks(tmp_path / "hsm")
    room = Room(database, several(database, folder, hsm=hsm))
    room.ring.open_institution(BANK)
    what = sealed(room)
    for key in (Key.KEK_FULL, Key.KEK_MASKED, Key.KEK_INDEX):
        assert room.do(key, Verb.ROTATE, provider="hsm").target == "@hsm/1"
        assert room.do(key, Verb.REWRAP).stage == DONE
        done = room.do(key, Verb.RETIRE, version="1")
        # It is the file's only version: who does not need the file any more destroys it.
        assert (done.stage, "own tools" in done.detail) == (DONE, True)
    opens(room, what)
    # The old provider is not needed any more: a process with empty files in its place works.
    for kek in KekName:
        (folder / f"{kek.value}.kek").unlink()
    alone = Room(database, several(database, folder, hsm=hsm))
    opens(alone, what)
    assert alone.do(Key.BRANCH_FULL, Verb.ROTATE).stage == DONE
    row = room.store.newest_branch_key(Branch.FULL, BANK)
    assert row is not None
    assert row.kek_version == "@hsm/1"


def test_a_kek_that_its_provider_rotates_by_itself_is_rewrapped_all_the_same(
    database: Database, folder: Path
) -> None:
    files = LocalFileKms(folder)
    room = Room(database, SeveralKms(SwitchableKms(files)))
    room.ring.open_institution(BANK)
    what = sealed(room)
    with pytest.raises(KeyStepRefused, match="own tools"):
        asyncio.run(Planning(room.ground).require("", Step(Key.KEK_FULL, Verb.ROTATE)))
    done = room.do(Key.KEK_FULL, Verb.ROTATE)
    assert (done.stage, "own tools" in done.detail) == (FAILED, True)
    newest = files.new_version(KekName.FULL)
    done = room.do(Key.KEK_FULL, Verb.REWRAP)
    assert (done.stage, done.target, done.done) == (DONE, newest, 1)
    done = room.do(Key.KEK_FULL, Verb.RETIRE, version="1")
    assert (done.stage, "own tools" in done.detail) == (DONE, True)
    opens(room, what)


def test_a_provider_that_is_away_for_a_while_delays_a_step_and_breaks_nothing(
    database: Database, folder: Path
) -> None:
    switch = SwitchableKms(LocalFileKms(folder))
    room = Room(database, SeveralKms(switch))
    room.ring.open_institution(BANK)
    what = sealed(room, 5)
    identifier = room.agree(Key.BRANCH_FULL, Verb.ROTATE)
    switch.away = True
    with pytest.raises(KmsUnavailable):
        asyncio.run(room.finish())
    assert room.job(Key.BRANCH_FULL, identifier).open
    switch.away = False
    asyncio.run(room.finish())
    assert room.job(Key.BRANCH_FULL, identifier).stage == DONE
    room.ring.clear()
    identifier = room.agree(Key.BRANCH_FULL, Verb.REWRAP)
    switch.away = True
    with pytest.raises(KmsUnavailable):
        asyncio.run(room.finish())
    switch.away = False
    asyncio.run(room.finish())
    done = room.job(Key.BRANCH_FULL, identifier)
    assert (done.stage, done.done, done.checked) == (DONE, 5, 5)
    opens(room, what)


def test_a_kek_is_not_entrusted_to_a_provider_that_is_not_there(room: Room) -> None:
    done = room.do(Key.KEK_FULL, Verb.ROTATE, provider="hsm")
    assert (done.stage, "no provider of that name" in done.detail) == (FAILED, True)
    with pytest.raises(KeyStepRefused):
        step = Step(Key.KEK_FULL, Verb.ROTATE, provider="hsm")
        asyncio.run(Planning(room.ground).require("", step))


def test_a_node_without_the_provider_says_that_it_lacks_it(
    database: Database, folder: Path, tmp_path: Path
) -> None:
    room = Room(database, several(database, folder, hsm=keks(tmp_path / "hsm")))
    room.ring.open_institution(BANK)
    room.do(Key.KEK_FULL, Verb.ROTATE, provider="hsm")
    room.do(Key.KEK_FULL, Verb.REWRAP)
    without = Room(database, several(database, folder))
    with pytest.raises(KekMissing, match="'hsm'"):
        without.ring.ensure(refs(1))


# -- under load --------------------------------------------------------------------------------


def test_reads_and_writes_go_on_while_keys_are_rotated_rewrapped_and_retired(
    room: Room, another: Callable[[], Room]
) -> None:
    other = another()
    other.ring.open_institution(BANK)
    sealed(room, 200)
    stop, errors, made = threading.Event(), [], [0]

    def live() -> None:
        n = 200
        try:
            while not stop.is_set():
                other.ring.clear()
                other.ring.fetch(Branch.FULL, refs(5, n % 190))
                other.ring.fetch(Branch.MASKED, refs(5, n % 190))
                other.ring.ensure(refs(2, n))
                n += 2
        except BaseException as error:
            errors.append(error)
        made[0] = n

    living = threading.Thread(target=live)
    living.start()
    try:
        for version in range(1, 5):
            for key in BRANCH_KEYS.values():
                assert room.do(key, Verb.ROTATE).stage == DONE
                assert room.do(key, Verb.REWRAP).stage == DONE
                assert room.do(key, Verb.RETIRE, version=str(version)).stage == DONE
    finally:
        stop.set()
        living.join()
    assert errors == []
    assert made[0] > 200
    for branch in Branch:
        assert room.versions(branch) == {5: made[0]}
        other.ring.clear()
        assert len(other.ring.fetch(branch, refs(made[0]))) == made[0]


# -- what is written of a step -----------------------------------------------------------------


def test_a_step_is_read_as_it_was_written() -> None:
    for key in Key:
        for verb in Verb:
            step = Step(key, verb, "7", 12, "hsm")
            assert step_in(to_content(step)) == step
    assert to_content(Step(Key.INDEX, Verb.ROTATE)) == b'{"key":"index","verb":"rotate"}'
    for wrong in (b"", b"{}", b'{"key":"x","verb":"rotate"}', b'{"key":"index","verb":"burn"}'):
        with pytest.raises(StoreAltered):
            step_in(wrong)
