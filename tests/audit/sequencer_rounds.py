"""Two sequencers at once, round after round, of which one is killed or suspended at a fault point.

`python -m tests.audit.sequencer_rounds URL KEYS OUT ROUNDS`. Each sequencer is a process of its
own, forked from this one, which has imported everything. What is signed and what is appended is
written to OUT, after the fact: `signed SIZE ROOT FENCE`, `event ID`; and how each round ended:
`ended POINT HOW CODE CODE-OF-THE-OTHER`.
"""

import os
import random
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from tests.support.events import event
from tests.support.log_keys import clock, sequencer
from vault.audit import encode, faults
from vault.audit.append import append
from vault.store import Database, StoreError
from vault.store.log_tree import CheckpointRow

POINTS = ("planned", "leased", "tiles", "signed", "stored", "committed", "published")
_HOUR = 3_600_000_000
CLOCKS = (0, -_HOUR, _HOUR, 24_000 * _HOUR)


def work(url: str, keys: Path, out: int, name: str, seed: int) -> None:
    """Append and sign for a moment; who is to meet a fault goes on until he has."""
    resumed: list[int] = []
    signal.signal(signal.SIGCONT, lambda *_: resumed.append(1))
    chance = random.Random(seed)
    offset = chance.choice(CLOCKS)
    database = Database(url)

    def signed(row: CheckpointRow) -> None:
        os.write(out, f"signed {row.size} {row.root.hex()} {row.fence}\n".encode())

    one = sequencer(
        database,
        keys,
        interval=0.01,
        lease=0.1,
        chunk=7,
        clock=lambda: clock() + offset,
        publish=[signed],
    )
    one.start()
    for turn in range(500):
        if turn >= 3 and (resumed or not faults._WANTED):
            break
        ids = [f"{name}-{turn}-{n}" for n in range(chance.randrange(1, 12))]
        ready = [(e, encode(e)) for e in map(event, ids)]
        with suppress(StoreError):
            database.write_sync(lambda conn, ready=ready: append(conn, ready, clock()))  # type: ignore[misc]  # bound at once
            os.write(out, "".join(f"event {one_id}\n" for one_id in ids).encode())
        time.sleep(0.02)
    one.stop()
    database.dispose()


def child(url: str, keys: Path, out: int, name: str, fault: str, seed: int) -> int:
    """Fork one; its process id."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        faults._WANTED = fault  # type: ignore[misc]  # what the environment would have set at import
        work(url, keys, out, name, seed)
        code = 0
    finally:
        os._exit(code)


def main(url: str, keys: Path, path: Path, rounds: int) -> None:
    out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for n in range(rounds):
        point = POINTS[n % len(POINTS)]
        stop = n // len(POINTS) % 3 == 2
        fault = f"{point}:{1 + n // 3 % 2}" + (":stop" if stop else "")
        hurt = child(url, keys, out, f"{n}a", fault, 2 * n)
        whole = child(url, keys, out, f"{n}b", "", 2 * n + 1)
        _, status = os.waitpid(hurt, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            # For long enough that the other one takes the lease.
            time.sleep(0.2)
            os.kill(hurt, signal.SIGCONT)
            _, status = os.waitpid(hurt, 0)
            code = f"continued {os.waitstatus_to_exitcode(status)}"
        else:
            code = f"{'stop' if stop else 'kill'} {os.waitstatus_to_exitcode(status)}"
        _, status = os.waitpid(whole, 0)
        os.write(out, f"ended {point} {code} {os.waitstatus_to_exitcode(status)}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
