"""The measurement behind docs/decisions/0001: asyncio or threads, and how commits are paced.

`python -m bench.decision_commit` takes about two and a half minutes. It serves a handler of the
kind that most of the vault's calls are (`commit_choices.py`) with mutual TLS to 64 callers. Nothing
of the vault is in it, so that it shows what the choice costs and nothing else. Each choice is a
process of its own on a core of its own (with `--unbound`: wherever the kernel puts it), and each is
measured several times, by turns with the others.
"""

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from bench import loader
from bench.commit_choices import CALLERS, CHOICES
from bench.cores import bind_load, bind_server
from bench.loader import Caller
from bench.material import KEPT, ROOT, write_messages
from bench.meters import Meter
from bench.results import Figure, figure, middle
from tests.support.quiet_ports import free_port
from vault.server.dev.pki import Authority

ROUNDS, SECONDS = 3, 3.0


@dataclass(frozen=True, slots=True)
class Measured:
    """A choice: the middle of its rounds, and all of them."""

    choice: str
    per_second: float
    p50_ms: float
    p99_ms: float
    server_cpu_us: float
    rounds: list[Figure]


def _measure(choice: str, folder: Path, requests: Path, bound: bool) -> Figure:
    port = free_port()
    ready = folder / f"{choice}.ready"
    for old in folder.glob(f"{choice}.*"):
        old.unlink()
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.commit_choices", choice, str(port), str(folder)],
        cwd=ROOT,
    )
    try:
        while not ready.exists():
            if process.poll() is not None:
                raise RuntimeError(f"{choice} did not start")
            time.sleep(0.02)
        if bound:
            bind_server(process.pid)
        pki = folder / "pki"
        caller = Caller(pki / "ca.pem", pki / "caller.pem", pki / "caller.key")
        target, method = f"localhost:{port}", "/decision/Commit"
        loader.unary(caller, target, method, requests, callers=CALLERS, seconds=0.5)
        with Meter([psutil.Process(process.pid)]).run() as metered:
            seen = loader.unary(caller, target, method, requests, callers=CALLERS, seconds=SECONDS)
        return figure(seen, metered)
    finally:
        process.kill()
        process.wait()


def main(bound: bool) -> None:
    """Measure every choice, print the table, write .bench/decision_commit[_unbound].json."""
    loader.build()
    if bound:
        bind_load()
    rounds: dict[str, list[Figure]] = {choice: [] for choice in CHOICES}
    with tempfile.TemporaryDirectory(prefix="decision-") as name:
        folder = Path(name)
        (folder / "pki").mkdir(mode=0o700)
        authority = Authority.open(folder / "pki", datetime.now(UTC))
        authority.server("server")
        authority.client("caller", "spiffe://demo.bank/caller")
        requests = folder / "requests.bin"
        write_messages(requests, [bytes(80)])
        for _ in range(ROUNDS):
            for choice, figures in rounds.items():
                figures.append(_measure(choice, folder, requests, bound))

    def mid(figures: list[Figure], name: str) -> float:
        return middle([getattr(f, name) for f in figures])

    table = Table("choice", "calls/s", "±", "p50 ms", "p99 ms", "CPU us a call", "others")
    measured = []
    for choice, figures in rounds.items():
        rates = [f.per_second for f in figures]
        one = Measured(
            CHOICES[choice],
            middle(rates),
            mid(figures, "p50_ms"),
            mid(figures, "p99_ms"),
            mid(figures, "server_cpu_us"),
            figures,
        )
        measured.append(one)
        table.add_row(
            one.choice,
            f"{one.per_second:,.0f}",
            f"{(max(rates) - min(rates)) / 2 / one.per_second:.0%}",
            f"{one.p50_ms:.1f}",
            f"{one.p99_ms:.1f}",
            f"{one.server_cpu_us:,.0f}",
            f"{mid(figures, 'others_cores'):.2f}",
        )
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    path = KEPT / f"decision_commit{'' if bound else '_unbound'}.json"
    path.write_text(json.dumps([asdict(m) for m in measured], indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main("--unbound" not in sys.argv)
