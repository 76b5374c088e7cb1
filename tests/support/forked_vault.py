"""A vault whose tiers start in a moment, for tests that kill them again and again.

Each tier is a process of its own as ever, but forked from one that has already imported the
server's modules, which is most of what a start takes. `python -m tests.support.forked_vault` is
that process: it reads one line a tier to start, and ends all of them when its input ends.
"""

import asyncio
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from tests.support.running_vault import ROOT, RunningVault
from vault.server.run import serve
from vault.server.settings import TierName, load


class _Forked:
    """What a RunningVault needs of `subprocess.Popen`, for a process that is not our child."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._descriptor = os.pidfd_open(pid)

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
        return 0 if select.select([self._descriptor], [], [], 0)[0] else None

    def wait(self, timeout: float | None = None) -> int:
        if not select.select([self._descriptor], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("a forked tier", timeout or 0)
        return 0


class ForkedVault(RunningVault):
    """As RunningVault; starting a tier takes some 0.1 s."""

    def __init__(self, folder: Path, database: str, **options: Any) -> None:
        super().__init__(folder, database, **options)
        self._parent = subprocess.Popen(
            [sys.executable, "-m", "tests.support.forked_vault"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "GRPC_VERBOSITY": "ERROR"},
        )

    def _spawn(self, tier: TierName, ready: Path) -> subprocess.Popen[bytes]:
        told, heard = self._parent.stdin, self._parent.stdout
        assert told is not None
        assert heard is not None
        log = self.folder / f"{tier}.log"
        told.write("\t".join([str(self.config), tier.value, str(ready), str(log)]) + "\n")
        told.flush()
        return cast("subprocess.Popen[bytes]", _Forked(int(heard.readline())))

    def stop(self) -> None:
        super().stop()
        with self._parent:
            assert self._parent.stdin is not None
            self._parent.stdin.close()
            self._parent.wait(30)


def _become(config: str, tier: str, ready: str, log: str) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for ours, standard in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(ours, standard)
    asyncio.run(serve(load(Path(config), TierName(tier)), ready=Path(ready).touch))


def main() -> None:
    # The dead are not to be waited for; a descriptor, unlike a number, never means another process.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    begun: list[int] = []
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            try:
                _become(*line.rstrip("\n").split("\t"))
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(1)
        with suppress(ProcessLookupError):
            begun.append(os.pidfd_open(pid))
        print(pid, flush=True)
    for descriptor in begun:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)


if __name__ == "__main__":
    main()
