"""Tiers that start in a moment: processes of their own as ever, but forked from one that has
already imported the server's modules, which is most of what a start takes (forked_programs.py)."""

import os
import select
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from tests.support import forked_programs
from vault.server.settings import TierName


class ForkedTier:
    """What a RunningVault needs of `subprocess.Popen`, for a process that is not our child."""

    def __init__(self, config: Path, tier: TierName, ready: Path, log: Path) -> None:
        with Path(os.devnull).open("rb") as nothing, log.open("ab") as output:
            self._begun = forked_programs.begin(
                "tier",
                *(config, tier.value, ready),
                streams=[nothing.fileno(), output.fileno(), output.fileno()],
            )
        self.pid = self._begun.pid
        self.returncode: int | None = None

    def __del__(self) -> None:
        os.close(self._begun.descriptor)
        self._begun.connection.close()

    def send_signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._begun.descriptor, number)

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
            if not select.select([self._begun.descriptor], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("a forked tier", timeout or 0)
            self.returncode = self._begun.ended()
        return self.returncode
