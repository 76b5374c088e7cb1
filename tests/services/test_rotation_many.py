"""Many file keys rewrapped by processes that are killed, while others read and write.

3,000 keys a branch; as many as VAULT_SOAK_KEYS says, if it is set (`make soak`: 100,000).
"""

import asyncio
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.services.test_rotation import holds
from tests.support.rotation import BANK, Room, keks, refs, several
from vault.records import Branch
from vault.services.rotation.steps import Key, Verb
from vault.store import Database
from vault.store.key_jobs import CHECKING, DONE, FAILED

ROOT = Path(__file__).parents[2]
COUNT = int(os.environ.get("VAULT_SOAK_KEYS", "3000"))
RATE = max(1_500, COUNT // 10)
SECONDS = 60 + COUNT / 100
CHUNK = 500
KEYS = {Branch.FULL: Key.BRANCH_FULL, Branch.MASKED: Key.BRANCH_MASKED}


class Living:
    """Reads and writes through a key ring of its own, until it is told to stop."""

    def __init__(self, room: Room, there: int) -> None:
        self.room = room
        self.made = there
        self.calls = 0
        self.errors: list[BaseException] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._live)

    def _live(self) -> None:
        try:
            while not self._stop.is_set():
                self.room.ring.clear()
                some = refs(5, self.calls * 37 % (self.made - 5))
                for branch in Branch:
                    assert len(self.room.ring.fetch(branch, some)) == 5
                self.room.ring.ensure(refs(1, self.made))
                self.made += 1
                self.calls += 1
                time.sleep(0.002)
        except BaseException as error:
            self.errors.append(error)

    def __enter__(self) -> "Living":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


@contextmanager
def worker(url: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    agreed = folder.parent / "agreed"
    module = "tests.support.rotation_worker"
    command = [sys.executable, "-m", module, url, str(folder), str(agreed)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def wait(enough: object, room: Room, key: Key, identifier: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not enough(room.job(key, identifier)):  # type: ignore[operator]  # a function of a job
        assert time.monotonic() < deadline, room.job(key, identifier)
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.timeout(int(4 * SECONDS))
def test_file_keys_are_rewrapped_by_killed_processes_and_nobody_notices(
    database: Database, migrated_url: str, tmp_path: Path
) -> None:
    folder = keks(tmp_path / "kms")
    room = Room(database, several(database, folder))
    room.ring.open_institution(BANK)
    for start in range(0, COUNT, CHUNK):
        room.ring.ensure(refs(min(CHUNK, COUNT - start), start))
    old = {b: room.store.branch_key(b, BANK, 1) for b in Branch}
    for key in KEYS.values():
        assert room.do(key, Verb.ROTATE).stage == DONE

    with Living(Room(database, several(database, folder), owner="server"), COUNT) as living:
        for key in KEYS.values():
            job = room.agree(key, Verb.REWRAP, rate=RATE)
            asyncio.run(room.runner._take_down())
            (folder.parent / "agreed").write_bytes(pickle.dumps(room.agreed))
            with worker(migrated_url, folder):
                wait(lambda it: it.done > COUNT // 4, room, key, job)
            half = room.job(key, job)
            assert COUNT // 4 < half.done < COUNT, "killed in the middle of the moving"
            with worker(migrated_url, folder):
                wait(
                    lambda it: it.stage == CHECKING and it.checked > COUNT // 4,
                    room,
                    key,
                    job,
                )
            with worker(migrated_url, folder):
                wait(lambda it: it.stage in (DONE, FAILED), room, key, job)
            done = room.job(key, job)
            assert (done.stage, done.detail) == (DONE, "")
            assert done.checked >= COUNT
    assert living.errors == []
    assert living.calls > 20

    for branch, key in KEYS.items():
        assert room.versions(branch) == {2: living.made, 1: 0}
        was = old[branch]
        assert was is not None
        assert holds(database, was.key_id)  # in its own row
        assert room.do(key, Verb.RETIRE, version="1").stage == DONE
        assert not holds(database, was.key_id)
        room.ring.clear()
        for start in range(0, living.made, CHUNK):
            some = refs(min(CHUNK, living.made - start), start)
            assert len(room.ring.fetch(branch, some)) == len(some)
