"""Growth: what an item costs among few and among ten times as many, and whether that is linear.

Both the time and the processor time of the measured processes (the database's among them) are
taken. Where other processes kept the machine busy, time says more about those; the verdict then
goes by processor time, else by time.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from bench.databases import Store, postgresql, sqlite
from bench.material import KEPT
from bench.meters import Meter
from bench.report import machine
from tests.support.databases import temporary_server

AT_MOST = 1.25
"""How much more an item may cost at the larger size: noise and trees that are a level higher, but
nothing that goes on growing."""
BUSY_CORES = 0.2
"""From when on others are taken to disturb."""
QUICK = 1_000

Opening = Callable[[Path], AbstractContextManager[Store]]


@dataclass(slots=True)
class Cost:
    """What was taken for `items` in a vault (or of a file) of `size`: seconds, processor seconds,
    and how many cores others took meanwhile."""

    size: int
    items: int
    seconds: float = 0.0
    cpu: float = 0.0
    others: float = 0.0

    def each(self) -> tuple[float, float]:
        """Microseconds an item: of time, and of processor time."""
        return self.seconds / self.items * 1e6, self.cpu / self.items * 1e6


@dataclass(frozen=True, slots=True)
class Growth:
    """The same at two sizes; `unit` is what the sizes count."""

    name: str
    database: str
    unit: str
    small: Cost
    large: Cost

    @property
    def by_time(self) -> float:
        """How many times as long an item takes at the larger size."""
        return self.large.each()[0] / self.small.each()[0]

    @property
    def by_cpu(self) -> float:
        """The same in processor time."""
        return self.large.each()[1] / self.small.each()[1]

    @property
    def disturbed(self) -> bool:
        """Whether others kept the machine busy at either size."""
        return max(self.small.others, self.large.others) >= BUSY_CORES

    @property
    def growth(self) -> float:
        """What counts."""
        return self.by_cpu if self.disturbed else self.by_time

    @property
    def linear(self) -> bool:
        """Whether it grows no faster than what there is."""
        return self.growth <= AT_MOST

    def verdict(self) -> str:
        """For people."""
        return (
            f"{self.name}, {self.database}: growth {self.growth:.2f} "
            f"(linear: {'yes' if self.linear else 'no'}); {self.by_time:.2f} by time, "
            f"{self.by_cpu:.2f} by processor time"
        )


@contextmanager
def measured(store: Store, size: int, items: int, *pids: int) -> Iterator[Cost]:
    """Measure the block: this process, or those of the pids. Complete after it."""
    cost = Cost(size, items)
    processes = [psutil.Process(pid) for pid in pids] or [psutil.Process()]
    with Meter(processes, lambda: store.process).run() as metered:
        yield cost
    cost.seconds = metered.seconds
    cost.cpu = metered.server_cpu + metered.database_cpu
    cost.others = metered.others_cores


# -- the command -------------------------------------------------------------------------------


def parser(
    module: str, about: str | None, small: int, what: str, *, databases: bool = True
) -> argparse.ArgumentParser:
    """Options that all have: the database, the smaller size, and how much larger the other is."""
    made = argparse.ArgumentParser(
        prog=f"python -m bench.{module}",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if databases:
        made.add_argument(
            "database", nargs="?", choices=["sqlite", "postgresql"], help="only this one"
        )
    quick = os.environ.get("BENCH") == "quick"
    made.add_argument(
        "--small",
        type=int,
        default=min(small, QUICK) if quick else small,
        help=f"{what}, of the smaller size (default: {small:,}; with BENCH=quick {QUICK:,})",
    )
    made.add_argument("--times", type=int, default=10, help="how much larger the other is")
    return made


@contextmanager
def emptied(opening: Opening) -> Iterator[tuple[Store, Path]]:
    """An empty database, and a folder for what belongs to it."""
    with tempfile.TemporaryDirectory(prefix="vault-bench-") as name:
        folder = Path(name)
        with opening(folder) as store:
            yield store, folder


@contextmanager
def openings(only: str | None) -> Iterator[list[Opening]]:
    """How to open an empty database: on SQLite, and on a PostgreSQL of its own."""
    if only == "sqlite":
        yield [sqlite]
        return
    with temporary_server() as server:
        on_server = partial(_on, server)
        yield [on_server] if only == "postgresql" else [sqlite, on_server]


def _on(server: Any, _folder: Path) -> AbstractContextManager[Store]:
    return postgresql(server)


def keep(module: str, found: Sequence[Growth], more: Sequence[Any] = ()) -> None:
    """Write `.bench/{module}.json`; `more` are dataclasses of what else was measured."""
    content = {
        "format": f"recordsvault-bench-{module}-v2",
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "growth": [
            asdict(one)
            | {"growth": one.growth, "linear": one.linear}
            | {"by_time": one.by_time, "by_cpu": one.by_cpu}
            for one in found
        ],
        "more": [asdict(one) for one in more],
    }
    path = KEPT / f"{module}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def show(found: Sequence[Growth]) -> None:
    """Print what an item costs at both sizes, and the verdicts."""
    console = Console(width=None if sys.stdout.isatty() else 130)
    table = Table(title="an item at two sizes", title_justify="left")
    for title in ("what", "database", "size", "unit", "us", "CPU us", "items/s", "others' cores"):
        table.add_column(title, justify="left" if title in ("what", "database") else "right")
    for one in found:
        for cost in (one.small, one.large):
            time, cpu = cost.each()
            table.add_row(
                one.name,
                one.database,
                f"{cost.size:,}",
                one.unit,
                _figure(time),
                _figure(cpu),
                f"{1e6 / time:,.0f}",
                f"{cost.others:.1f}",
            )
    console.print(table)
    for one in found:
        console.print(one.verdict(), highlight=False)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
