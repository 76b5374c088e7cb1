"""`vaultctl kms`: shares go to people and to the server, and nowhere else."""

import json
import os
import pty
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Vaultctl
from tests.support import forked_programs
from vault.kms import KekName, SplitKms, create_local_keks

ROOT = Path(__file__).parents[2]
PROGRAM = "from vault.cli.vaultctl import main; main()"


class OnTerminal:
    """A command with a terminal of its own."""

    def __init__(self, *arguments: object) -> None:
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            os.environ.update(TERM="xterm", COLUMNS="100", LINES="40")
            os.execv(sys.executable, [sys.executable, "-c", PROGRAM, "kms", *map(str, arguments)])
        self.shown = ""

    def until(self, text: str) -> None:
        """Wait for a text on the terminal, and forget what was shown before it."""
        ends = time.monotonic() + 30
        while text not in self.shown:
            assert time.monotonic() < ends, self.shown
            if select.select([self.terminal], [], [], 0.1)[0]:
                try:
                    self.shown += os.read(self.terminal, 65536).decode("utf-8", "replace")
                except OSError:
                    break
        assert text in self.shown, self.shown
        self.shown = self.shown.partition(text)[2]

    def type(self, text: str) -> None:
        """As a person would, with Enter."""
        os.write(self.terminal, text.encode() + b"\n")

    def end(self) -> int:
        """Wait for its end; the exit code."""
        while True:
            try:
                more = os.read(self.terminal, 65536)
            except OSError:
                break
            if not more:
                break
            self.shown += more.decode("utf-8", "replace")
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.fixture
def keks(tmp_path: Path) -> Path:
    create_local_keks(tmp_path / "keys", KekName)
    return tmp_path / "keys"


def split_to_pipe(keks: Path, *more: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    reading, writing = os.pipe()
    command = [sys.executable, "-c", PROGRAM, "kms", "split", "--directory", str(keks)]
    done = subprocess.run(
        [*command, "--threshold", "2", "--shares", "3", "--to-fd", str(writing), *more],
        pass_fds=(writing,),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    os.close(writing)
    with os.fdopen(reading) as lines:
        return done, lines.read().splitlines()


def test_shares_go_to_a_descriptor_and_open_the_file(keks: Path) -> None:
    done, shares = split_to_pipe(keks)
    assert done.returncode == 0
    assert len(shares) == 3
    kms = SplitKms(keks)
    kms.give(shares[2])
    assert not kms.give(shares[0]).sealed
    for share in shares:
        for said in (done.stdout, done.stderr):
            assert not set(share.split()[4:]) & set(said.split())


def test_what_is_sealed_is_not_sealed_over(keks: Path) -> None:
    split_to_pipe(keks)
    done, shares = split_to_pipe(keks)
    assert done.returncode == 13
    assert "never replaced" in done.stderr
    assert shares == []


def test_without_a_terminal_no_share_is_shown(vaultctl: Vaultctl, keks: Path) -> None:
    ran = vaultctl("kms", "split", "--directory", keks, "--threshold", 2, "--shares", 3)
    assert ran.code == 2
    assert "--to-fd" in ran.err
    assert not (keks / "keks.sealed").exists()


def test_more_than_there_are_cannot_be_needed(vaultctl: Vaultctl, keks: Path) -> None:
    ran = vaultctl("kms", "split", "--directory", keks, "--threshold", 3, "--shares", 2)
    assert ran.code == 2
    assert "nobody" in ran.err


def test_at_a_terminal_each_share_is_shown_alone(keks: Path) -> None:
    command = OnTerminal("split", "--directory", keks, "--threshold", 2, "--shares", 2)
    seen = []
    for number in (1, 2):
        command.until(f"Custodian {number} of 2: press Enter")
        command.type("")
        command.until("33 ")
        command.until("Written down?")
        seen.append(number)
        command.type("")
    assert command.end() == 0
    assert seen == [1, 2]
    assert "2 of 2 shares open it" in command.shown


# -- giving ----------------------------------------------------------------------------------


class Server:
    """Answers one question by a local socket, as a test says."""

    def __init__(self, path: Path, answer: bytes) -> None:
        self.asked = b""
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen()
        self._answer = answer
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        connection, _ = self._listening.accept()
        with connection:
            self.asked = connection.makefile("rb").readline()
            connection.sendall(self._answer)

    def done(self) -> bytes:
        """What was asked."""
        self._thread.join(20)
        self._listening.close()
        return self.asked


@pytest.fixture
def at(tmp_path: Path) -> Callable[[bytes], Server]:
    return lambda answer: Server(tmp_path / "s", answer)


ONE_OF_TWO = json.dumps({"sealed": True, "given": 1, "threshold": 2, "shares": 3}).encode() + b"\n"


def test_a_share_is_asked_for_without_being_shown(
    at: Callable[[bytes], Server], tmp_path: Path
) -> None:
    server = at(ONE_OF_TWO)
    words = " ".join(f"word{number}" for number in range(33))
    command = OnTerminal("unseal", "--socket", tmp_path / "s")
    command.until("Your share (33 words)")
    command.type(words)
    assert command.end() == 0
    assert json.loads(server.done()) == {"share": words}
    assert "word7" not in command.shown
    assert "1 of 2 shares were given" in command.shown


def test_how_far_it_is_can_be_asked(
    vaultctl: Vaultctl, at: Callable[[bytes], Server], tmp_path: Path
) -> None:
    server = at(ONE_OF_TWO)
    ran = vaultctl("kms", "status", "--socket", tmp_path / "s")
    assert (ran.code, ran.out) == (0, "Sealed: 1 of 2 shares were given.\n")
    assert json.loads(server.done()) == {"status": True}


@pytest.mark.parametrize("answer", [b"", b"\n", b"{}\n", b"[]\n", b"no\n", b'{"sealed": 1}\n'])
def test_what_is_no_vault_is_told(
    vaultctl: Vaultctl, at: Callable[[bytes], Server], tmp_path: Path, answer: bytes
) -> None:
    at(answer)
    ran = vaultctl("kms", "status", "--socket", tmp_path / "s")
    assert ran.code == 9
    assert "no vault that waits" in ran.err


def test_nobody_who_waits_is_told(vaultctl: Vaultctl, tmp_path: Path) -> None:
    ran = vaultctl("kms", "status", "--socket", tmp_path / "s")
    assert ran.code == 9
    assert "not running, or is unsealed" in ran.err


def test_a_flood_is_no_list_of_shares(tmp_path: Path) -> None:
    command = forked_programs.command("vaultctl", "kms", "unseal", "--from-fd", 0, "--socket", "s")
    done = subprocess.run(command, input=b"a" * 100_000, capture_output=True, check=False, cwd=ROOT)
    assert done.returncode == 13
