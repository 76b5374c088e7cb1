"""Rotation of keys by itself: how many file keys a second are rewrapped and opened again, and what
a thousand versions of a key cost whoever reads and writes.

No throttle and no other load: what the room can do, on one core.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.databases import Store
from tests.support.rotation import BANK, CLOCK, FAST, Room, keks, refs, several
from vault.records import Branch
from vault.sealing import KeyRing
from vault.services.rotation.branch_work import BranchWork
from vault.services.rotation.steps import Key, Verb
from vault.store import key_jobs
from vault.store.database import Database
from vault.store.key_jobs import CHECKING, WAITING, JobRow
from vault.store.migrate import upgrade

SLOWDOWN_BY_VERSIONS = 1.2
_CHUNK = 1_000
_VERSIONS = 1_000
_ROUNDS, _CALLS = 5, 40


@dataclass(frozen=True, slots=True)
class Rotated:
    """What was measured on one database. Rates are file keys a second; the others microseconds a
    scope, with one version of the branch key and with a thousand."""

    database: str
    keys: int
    moved_per_second: float
    checked_per_second: float
    fetch_us: float
    fetch_us_of_many: float
    new_us: float
    new_us_of_many: float


def rotations(store: Store, folder: Path, keys: int = 20_000) -> Rotated:
    """Measure them on an empty database."""
    database = Database(store.url)
    try:
        upgrade(database)
        room = Room(database, several(database, keks(folder / "kms")))
        room.ring.open_institution(BANK)
        for start in range(0, keys, _CHUNK):
            room.ring.ensure(refs(_CHUNK, start))
        fetch, new = _fetch(room, keys), _new(room, keys)
        moved, checked = _rewrap(room, keys)
        for version in range(2, _VERSIONS + 1):
            row = room.ground.rotating.next_branch_key(Branch.FULL, BANK, version)
            room.store.add_branch_key(Branch.FULL, row)
        many, many_new = _fetch(room, keys), _new(room, keys + _CHUNK)
    finally:
        database.dispose()
    return Rotated(store.kind, keys, moved, checked, fetch, many, new, many_new)


def _rewrap(room: Room, keys: int) -> tuple[float, float]:
    """File keys a second: moved, and read again and opened."""
    room.do(Key.BRANCH_FULL, Verb.ROTATE)
    work = BranchWork(room.ground, Branch.FULL)
    job = JobRow(
        BANK, "bench", 9, Key.BRANCH_FULL.value, Verb.REWRAP.value, "", "", FAST, WAITING,
        0, 0, 0, "", "", "bench", 0, 1, 1, 0,
    )  # fmt: skip
    room.database.write_sync(lambda conn: key_jobs.add(conn, job))
    began = time.perf_counter()
    while job.stage != CHECKING:
        job, _ = work.step(job)
    moved = time.perf_counter()
    while job.open:
        job, _ = work.step(job)
    return job.done / (moved - began), job.checked / (time.perf_counter() - moved)


def _fetch(room: Room, keys: int) -> float:
    """Of a scope whose file key is not held, while its branch key is."""
    ring = KeyRing(room.kms, room.store, frozenset(Branch), clock=CLOCK)
    ring.fetch(Branch.FULL, refs(1))
    numbers = iter(range(1, keys))
    return _best(lambda: ring.fetch(Branch.FULL, refs(1, next(numbers))))


def _new(room: Room, first: int) -> float:
    """Of a new scope: its keys in both branches, made and stored."""
    numbers = iter(range(first, first + _CHUNK))
    return _best(lambda: room.ring.ensure(refs(1, next(numbers))))


def _best(call: Callable[[], object]) -> float:
    rounds = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        for _ in range(_CALLS):
            call()
        rounds.append((time.perf_counter() - began) / _CALLS * 1e6)
    return min(rounds)
