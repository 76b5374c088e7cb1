"""`vaultctl`, `vaultd` and tiers in processes of their own that start in a moment: forked from one
that has imported all of them already, which is most of what a short command takes.

`command("vaultctl")` begins a command line for `subprocess`, and `folder()` has both by their names
for a PATH; `begin` starts a program without a process between (forked_tier.py). What is about how
the programs start, or is killed half way, starts them as people do.
"""

import atexit
import gc
import json
import os
import random
import selectors
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple, NoReturn

_ROOT = Path(__file__).parents[2]
_CLIENT = Path(__file__).with_name("forked_client.py")
_PROGRAMS = ("vaultctl", "vaultd")
_NUMBER = 4


def command(program: str, *words: object) -> list[str]:
    """A command line that runs the program."""
    path = str(_socket())
    return [sys.executable, "-I", "-S", str(_CLIENT), path, program, *map(str, words)]


def by_itself(program: str, *words: object) -> list[str]:
    """A command line that starts the program as people do."""
    return [sys.executable, "-c", f"from vault.cli.{program} import main; main()", *map(str, words)]


@cache
def folder() -> Path:
    """A folder with the programs."""
    here = _socket().parent / "bin"
    here.mkdir()
    for program in _PROGRAMS:
        script = here / program
        line = " ".join(f"'{word}'" for word in command(program))
        script.write_text(f'#!/bin/sh\nexec {line} "$@"\n')
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return here


class Begun(NamedTuple):
    """A process that runs a program. It does not outlive the connection."""

    pid: int
    descriptor: int
    """Of the process, and the caller's to close."""
    connection: socket.socket

    def ended(self) -> int:
        """Wait until it has ended, its files and sockets closed; its exit code."""
        return os.waitstatus_to_exitcode(_number(self.connection.recv(_NUMBER)))


def begin(program: str, *words: object, streams: Sequence[int]) -> Begun:
    """Have the program run on three standard streams."""
    wanted = json.dumps([program, [*map(str, words)], str(_ROOT), dict(os.environ)]).encode()
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(_socket()))
    socket.send_fds(connection, [len(wanted).to_bytes(_NUMBER, "big")], streams)
    connection.sendall(wanted)
    number, descriptors, _, _ = socket.recv_fds(connection, _NUMBER, 1)
    pid, (descriptor,) = _number(number), descriptors
    return Begun(pid, descriptor, connection)


def _number(data: bytes) -> int:
    if len(data) < _NUMBER:
        raise RuntimeError("the process that programs are forked from is gone")
    return int.from_bytes(data, "big")


@cache
def _socket() -> Path:
    # Short, as addresses of sockets must be.
    path = Path(tempfile.mkdtemp(prefix="vault-forked-"), "socket")
    atexit.register(shutil.rmtree, path.parent, ignore_errors=True)
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.support.forked_programs", str(path)],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "GRPC_VERBOSITY": "ERROR"},
    )
    # Kept by both ends for as long as this process runs: when it ends, so does that one.
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"
    _servers.append(server)
    return path


_servers: list[subprocess.Popen[bytes]] = []


# -- in that process -----------------------------------------------------------------------------


def _loaded() -> dict[str, Callable[[], None]]:
    from importlib import import_module

    from tests.support.tier_process import main as serve_tier
    from vault.access.policy_files import POLICY_FOLDER, read_policies
    from vault.cli.vaultctl.app import _FAMILIES
    from vault.cli.vaultctl.app import main as vaultctl
    from vault.cli.vaultd.app import main as vaultd
    from vault.renditions import Renderer

    for one in (*(f"vault.cli.vaultctl.{name}" for name in _FAMILIES.values()), "vault.server.run"):
        import_module(one)
    read_policies(POLICY_FOLDER)  # which are checked once, if they stay the same

    async def when_needed(self: Renderer) -> None:
        """A process that decodes takes as long to start as a tier does; few tests need one."""

    def tier() -> None:
        Renderer.start = when_needed  # type: ignore[method-assign]  # of this process alone
        serve_tier()

    gc.collect()
    gc.freeze()
    return {"vaultctl": vaultctl, "vaultd": vaultd, "tier": tier}


class _Server:
    def __init__(self, listener: socket.socket, programs: dict[str, Callable[[], None]]) -> None:
        self._listener = listener
        self._programs = programs
        self._ready = selectors.DefaultSelector()
        self._running: dict[int, tuple[socket.socket, int]] = {}

    def run(self) -> None:
        self._ready.register(self._listener, selectors.EVENT_READ, self._begin)
        self._ready.register(0, selectors.EVENT_READ, self._leave)
        while True:
            for key, _ in self._ready.select():
                key.data()

    def _leave(self) -> NoReturn:
        for pid in self._running:
            os.kill(pid, signal.SIGKILL)
        raise SystemExit

    def _begin(self) -> None:
        connection, _ = self._listener.accept()
        size, streams, _, _ = socket.recv_fds(connection, _NUMBER, 3)
        wanted = b""
        while len(wanted) < int.from_bytes(size, "big"):
            wanted += connection.recv(1 << 16)
        pid = os.fork()
        if pid == 0:
            _become(self._programs, streams, *json.loads(wanted))
        for stream in streams:
            os.close(stream)
        descriptor = os.pidfd_open(pid)
        socket.send_fds(connection, [pid.to_bytes(_NUMBER, "big")], [descriptor])
        self._running[pid] = (connection, descriptor)
        self._ready.register(descriptor, selectors.EVENT_READ, lambda: self._ended(pid))
        self._ready.register(connection, selectors.EVENT_READ, lambda: self._deserted(pid))

    def _ended(self, pid: int) -> None:
        connection, descriptor = self._running.pop(pid)
        status = os.waitpid(pid, 0)[1]
        self._ready.unregister(descriptor)
        os.close(descriptor)
        if connection.fileno() in self._ready.get_map():
            self._ready.unregister(connection)
            connection.sendall(status.to_bytes(_NUMBER, "big"))
        connection.close()

    def _deserted(self, pid: int) -> None:
        if pid in self._running:
            self._ready.unregister(self._running[pid][0])
            os.kill(pid, signal.SIGKILL)


def _become(
    programs: dict[str, Callable[[], None]],
    streams: list[int],
    program: str,
    words: list[str],
    here: str,
    environment: dict[str, str],
) -> NoReturn:
    """The program, as it would be had it been started by itself."""
    code = 1
    try:
        for standard, stream in enumerate(streams):
            os.dup2(stream, standard)
        os.closerange(3, 1024)
        os.chdir(here)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = [program, *words]
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  # for the life of the process
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115  # for the life of the process
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115  # for the life of the process
        random.seed()
        signal.signal(signal.SIGINT, signal.default_int_handler)  # where a shell ignores it, too
        programs[program]()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if isinstance(ended.code, str):
            sys.stderr.write(ended.code + "\n")
    except KeyboardInterrupt:
        code = 130
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        import threading

        for thread in threading.enumerate():
            if thread is not threading.current_thread() and not thread.daemon:
                thread.join()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Serve until the input ends."""
    programs = _loaded()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(sys.argv[1])
        listener.listen()
        print("ready", flush=True)
        _Server(listener, programs).run()


if __name__ == "__main__":
    main()
