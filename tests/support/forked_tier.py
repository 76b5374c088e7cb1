"""Tiers that start in a moment: processes of their own as ever, but forked from one that has
already imported the server's modules, which is most of what a start takes.

`python -m tests.support.forked_tier` is that process. It takes a line a command and answers each
with a number: a tier to start with its process, a process that has ended with its exit code. When
its input ends, it ends whatever is left.
"""

import asyncio
import json
import os
import random
import select
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from vault.server.run import serve
from vault.server.settings import TierName, load

_ROOT = Path(__file__).parents[2]


class ForkedTier:
    """What a RunningVault needs of `subprocess.Popen`, for a process that is not our child."""

    def __init__(self, config: Path, tier: TierName, ready: Path, log: Path) -> None:
        self.pid = _parent().ask([str(config), tier.value, str(ready), str(log), dict(os.environ)])
        self.returncode: int | None = None
        self._descriptor = os.pidfd_open(self.pid)

    def __del__(self) -> None:
        os.close(self._descriptor)

    def send_signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._descriptor, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def poll(self) -> int | None:
        """None while it runs. Its files and sockets are closed before this changes."""
        with suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select.select([self._descriptor], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("a forked tier", timeout or 0)
            self.returncode = _parent().ask(self.pid)
        return self.returncode


class _Parent:
    """The process that tiers are forked from; one for all tests of this process."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.forked_tier"],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "GRPC_VERBOSITY": "ERROR"},
        )

    def ask(self, command: Any) -> int:
        told, heard = self._process.stdin, self._process.stdout
        assert told is not None
        assert heard is not None
        with self._turn:
            told.write(json.dumps(command) + "\n")
            told.flush()
            return int(heard.readline())


@cache
def _parent() -> _Parent:
    return _Parent()


# -- in that process -----------------------------------------------------------------------------


def _become(config: str, tier: str, ready: str, log: str, environment: dict[str, str]) -> None:
    os.environ.update(environment)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for ours, standard in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(ours, standard)
    random.seed()
    asyncio.run(serve(load(Path(config), TierName(tier)), ready=Path(ready).touch))


def main() -> None:
    running: set[int] = set()
    for line in sys.stdin:
        command = json.loads(line)
        if isinstance(command, int):
            running.discard(command)
            answer = os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
        else:
            answer = os.fork()
            if answer == 0:
                # It ends as any process does: with its threads joined, or with a traceback.
                _become(*command)
                return
            running.add(answer)
        print(answer, flush=True)
    for pid in running:  # they keep their numbers until they are waited for
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
