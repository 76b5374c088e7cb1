"""What the demonstration stands on: the vault's process, the commands, the screen."""

import json
import queue
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

_START_SECONDS = 60.0
_STOP_SECONDS = 60.0
_COMMAND_SECONDS = 300.0
_SHOWN_LOG_LINES = 15
# On a narrow screen the middle of an identifier is less missed than the columns after it.
_ID = re.compile(r"\b([0-9a-z]{4})[0-9a-z]{18}([0-9a-z]{4})\b")

Event = Mapping[str, Any]


class DemoFailed(Exception):
    """A step did not show what it promises; `output` is what the command said."""

    def __init__(self, sentence: str, output: str = "") -> None:
        super().__init__(sentence)
        self.output = output


def program(name: str) -> str:
    """A program of this Python's environment."""
    return str(Path(sys.executable).with_name(name))


def make_console() -> Console:
    """The screen; a file or pipe gets wide lines rather than a guess of 80 columns."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=140)


class Stage:
    """Runs `vaultctl` as one caller after the other, and shows what it says."""

    def __init__(self, folder: Path, console: Console) -> None:
        self.folder = folder
        self.console = console
        self._step = 0

    def step(self, shows: str) -> None:
        """Begin a step, with what it shows in one line."""
        self._step += 1
        self.console.print()
        self.console.print(Text.assemble((f"{self._step:>2}  ", "bold cyan"), (shows, "bold")))

    def vaultctl(
        self,
        caller: str,
        *arguments: str,
        person: str = "",
        stdin: str = "",
        expect: int = 0,
        bar: bool = False,
    ) -> str:
        """Run and show one command; what it wrote. Raises DemoFailed for another exit code.

        `person` is for whom the caller calls, whose token was fetched before. `stdin` is not shown;
        what goes to stderr is, where the command is expected to fail. A `bar` of progress goes
        straight to a terminal.
        """
        token = ("--token", str(self.token(person))) if person else ()
        command = self.command(caller, *token, *arguments)
        done = subprocess.run(
            [program("vaultctl"), *command],
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=None if bar and sys.stderr.isatty() else subprocess.PIPE,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
        said = done.stdout + (done.stderr or "")
        if done.returncode != expect:
            raise DemoFailed(
                f"vaultctl ended with exit code {done.returncode} where {expect} was due", said
            )
        shown = done.stdout if expect == 0 else said
        self._show([line.rstrip() for line in shown.splitlines()], "red" if expect else "")
        return said

    def command(self, caller: str, *arguments: str, note: str = "") -> list[str]:
        """Show how `vaultctl` is called; its arguments."""
        command = ["--profile", str(self._profile(caller)), *arguments]
        shown = Text(f"    $ vaultctl {shlex.join(command)}  {note}".rstrip(), style="dim")
        self.console.print(shown, soft_wrap=True)
        return command

    def fetch_token(self, person: str, caller: str) -> None:
        """Have a token of a person made for a caller to carry: the bank's sign-on does this.

        Raises DemoFailed.
        """
        command = ["dev-token", "--dir", str(self.folder), "--person", person, "--for", caller]
        file = self.token(person)
        shown = Text(f"    $ vaultd {shlex.join(command)} > {shlex.quote(str(file))}", style="dim")
        self.console.print(shown, soft_wrap=True)
        done = subprocess.run(
            [program("vaultd"), *command],
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise DemoFailed("no token was made", done.stdout + done.stderr)
        file.unlink(missing_ok=True)
        file.touch(mode=0o600)
        file.write_text(done.stdout, encoding="ascii")

    def has_tokens(self) -> bool:
        """Whether this vault takes tokens: one that an earlier version has made does not."""
        return "[[tokens]]" in (self.folder / "vault.toml").read_text(encoding="utf-8")

    def token(self, person: str) -> Path:
        """The file of a person's token."""
        return self.folder / f"{person}.jwt"

    def show_table(self, table: Table) -> None:
        """A table of the demonstration's own."""
        self.console.print(Padding(table, (0, 0, 0, 4)))

    def tail(self) -> "Tail":
        """The security officer's live stream of the log, from now on."""
        return Tail(self._profile("officer"))

    def note(self, text: str) -> None:
        """A line of the demonstration's own, below a command's."""
        self.console.print(Text(f"    {text}", style="green"), soft_wrap=True)

    def _profile(self, caller: str) -> Path:
        return self.folder / "profiles" / f"{caller}.toml"

    def _show(self, lines: list[str], style: str) -> None:
        if any(len(line) + 4 > self.console.width for line in lines):
            lines = _with_short_ids(lines)
        for line in lines:
            self.console.print(
                Text(f"    {line}", style=style), no_wrap=True, overflow="ellipsis", crop=True
            )


def _with_short_ids(lines: Sequence[str]) -> list[str]:
    """The lines with shorter identifiers; a head moves along with the columns below it."""
    shorter = []
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        short = _ID.sub(r"\1…\2", line)
        if short == line:
            for match in reversed(list(_ID.finditer(below))):
                # What is cut are blanks behind the title of the column.
                cut = slice(match.end() - len(match.group()) + 9, match.end())
                if not short[cut].strip():
                    short = short[: cut.start] + short[cut.stop :]
        shorter.append(short)
    return shorter


class Tail:
    """`vaultctl audit tail`, running beside the demonstration: what the log says, as it says it."""

    def __init__(self, profile: Path) -> None:
        self._events: queue.Queue[Event | None] = queue.Queue()
        self._process = subprocess.Popen(
            [
                *(program("vaultctl"), "--profile", str(profile)),
                *("audit", "tail", "--lines", "0", "--json"),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True).start()

    def until(self, wanted: Sequence[tuple[str, str]], seconds: float = 20.0) -> list[Event]:
        """The next entries, up to where each (actor, action) of `wanted` has been among them.

        Raises DemoFailed if one does not come.
        """
        entries: list[Event] = []
        missing = set(wanted)
        deadline = time.monotonic() + seconds
        while missing:
            try:
                entry = self._events.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                entry = None
            if entry is None:
                names = ", ".join(f"{action} by {actor}" for actor, action in sorted(missing))
                raise DemoFailed(f"the audit stream did not show {names}")
            entries.append(entry)
            event = entry["event"]
            missing.discard((event.get("actor", ""), event["action"]))
        return entries

    def close(self) -> None:
        """End the stream."""
        self._process.terminate()
        self._process.wait()

    def _read(self, lines: IO[str]) -> None:
        for line in lines:
            self._events.put(json.loads(line))
        self._events.put(None)


@contextmanager
def running_vault(folder: Path, options: Sequence[str]) -> Iterator[None]:
    """`vaultd dev` on a folder, serving; stopped at the end, whatever happens.

    Raises DemoFailed with what vaultd said if it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="vault-demo-") as scratch:
        ready, log = Path(scratch) / "ready", Path(scratch) / "log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [
                    *(program("vaultd"), "dev", "--dir", str(folder)),
                    *("--once-ready-file", str(ready)),
                    *options,
                ],
                stdout=file,
                stderr=file,
                # Ctrl-C reaches the demonstration, which then stops the vault in order.
                start_new_session=True,
            )
        try:
            _wait(process, ready, log)
            yield
            if process.poll() is not None:
                raise DemoFailed("the vault ended during the demonstration", _last(log))
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: "subprocess.Popen[bytes]", ready: Path, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise DemoFailed("the vault did not start", _last(log))
        time.sleep(0.05)


def _last(log: Path) -> str:
    return "\n".join(log.read_text("utf-8", "replace").splitlines()[-_SHOWN_LOG_LINES:])
