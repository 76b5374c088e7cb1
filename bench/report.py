"""The table that is printed, and .bench/latest.json."""

import json
import os
import platform
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from bench.aims import Verdict, rate, share_of_bare
from bench.cores import BOUND
from bench.deciding import Decided
from bench.log_report import disk_table, log_table
from bench.log_results import LogScene
from bench.results import Figure, Imported, Measured, Scene, middle
from bench.rotation import Rotated
from bench.scenes import Plan

_PACKAGES = ("grpcio", "protobuf", "SQLAlchemy", "psycopg", "cryptography")


def write(
    path: Path,
    scenes: Sequence[Scene],
    logs: Sequence[LogScene],
    aims: Sequence[Verdict],
    plan: Plan,
    decided: Sequence[Decided] = (),
    rotated: Sequence[Rotated] = (),
) -> None:
    """Write everything that was measured as JSON."""
    content = {
        "format": "recordsvault-bench-v1",
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "plan": asdict(plan),
        "scenes": [asdict(scene) for scene in scenes],
        "logs": [asdict(log) for log in logs],
        "decisions": [asdict(one) for one in decided],
        "rotations": [asdict(one) for one in rotated],
        "aims": [asdict(aim) for aim in aims],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def machine() -> dict[str, Any]:
    """What it ran on."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "server_bound_to_one_core": BOUND,
        "memory_mb": round(psutil.virtual_memory().total / 1e6),
        "system": platform.platform(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "packages": {name: version(name) for name in _PACKAGES},
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def show(
    console: Console,
    scenes: Sequence[Scene],
    logs: Sequence[LogScene],
    aims: Sequence[Verdict],
    decided: Sequence[Decided] = (),
    rotated: Sequence[Rotated] = (),
) -> None:
    """Print a table for each scene, the decisions, the rotation of keys, and the aims."""
    for scene in scenes:
        console.print(_operations(scene))
        console.print(_imports(scene))
    for log in logs:
        console.print(log_table(log))
        console.print(disk_table(log))
    if decided:
        console.print(_decisions(decided))
    if rotated:
        console.print(_rotations(rotated))
    console.print(_aims(aims))
    console.print(
        "Medians of the rounds; ± is half of what lies between the fastest and the slowest. "
        "Rates are with 64 callers, who wait for each other: p50 alone is a single caller's. "
        "The vault's processes share one core, as does the bare server; load and database have "
        "the rest. CPU is the vault's processes, both tiers, a call; others is what processes "
        "that do not belong to the measurement took of the machine's cores meanwhile."
    )


def _operations(scene: Scene) -> Table:
    table = Table(
        title=f"{scene.database}, {scene.transactions:,} transactions of {scene.customers:,} "
        f"customers ({scene.database_mb:,.0f} MB)",
        title_justify="left",
    )
    table.add_column("operation")
    for name in (
        "calls/s", "±", "p50 ms", "p99 ms", "p50 alone", "of bare", "by CPU", "CPU us",
        "db us", "MB", "load", "others",
    ):  # fmt: skip
        table.add_column(name, justify="right")
    for measured in scene.operations:
        table.add_row(*_row(measured))
    return table


def _row(measured: Measured) -> list[str]:
    rounds, bare = measured.rounds, measured.bare
    share = share_of_bare(measured)

    def mid(name: str, of: list[Figure] = rounds) -> float:
        return middle([getattr(f, name) for f in of])

    rates = [f.per_second for f in rounds]
    return [
        measured.name,
        f"{rate(rounds):,.0f}",
        f"{(max(rates) - min(rates)) / 2 / rate(rounds):.0%}",
        f"{mid('p50_ms'):.1f}",
        f"{mid('p99_ms'):.1f}",
        f"{measured.alone.p50_ms:.2f}" if measured.alone else "",
        f"{share:.0%} of {rate(bare):,.0f}" if share is not None else "",
        f"{mid('server_cpu_us', bare) / mid('server_cpu_us'):.0%}" if bare else "",
        f"{mid('server_cpu_us'):,.0f}",
        f"{mid('database_cpu_us'):,.0f}",
        f"{mid('memory_mb'):,.0f}",
        f"{mid('load_cores'):.2f}",
        f"{mid('others_cores'):.2f}",
    ]


def _imports(scene: Scene) -> Table:
    table = Table(title="streaming import, 500 transactions a message", title_justify="left")
    table.add_column("import")
    for name in (
        "transactions", "seconds", "tx/s", "tx/s a core", "with db", "p50 ms", "p99 ms",
        "of plain insert", "MB", "load", "others",
    ):  # fmt: skip
        table.add_column(name, justify="right")
    table.add_row(*_import_row("filling the vault", scene.built))
    for imported in scene.imported:
        table.add_row(*_import_row("more of the same", imported))
    return table


def _import_row(name: str, imported: Imported) -> list[str]:
    message = imported.message
    plain = imported.plain_insert_per_second
    return [
        name,
        f"{imported.transactions:,}",
        f"{imported.seconds:,.1f}",
        f"{imported.per_second:,.0f}",
        f"{imported.per_core_second:,.0f}",
        f"{imported.per_core_second_with_database:,.0f}",
        f"{message.p50_ms:,.0f}",
        f"{message.p99_ms:,.0f}",
        f"{imported.per_second / plain:.0%} of {plain:,.0f}" if plain else "",
        f"{message.memory_mb:,.0f}",
        f"{message.load_cores:.2f}",
        f"{message.others_cores:.2f}",
    ]


def _decisions(decided: Sequence[Decided]) -> Table:
    table = Table(title="decisions by themselves", title_justify="left")
    table.add_column("decision")
    table.add_column("us", justify="right")
    for one in decided:
        table.add_row(one.decision, f"{one.us:,.2f}")
    return table


def _rotations(rotated: Sequence[Rotated]) -> Table:
    table = Table(title="rotation of keys, unthrottled", title_justify="left")
    table.add_column("database")
    for name in (
        "file keys", "rewrapped/s", "checked/s", "fetch us", "of 1,000 versions", "new scope us",
        "of 1,000 versions",
    ):  # fmt: skip
        table.add_column(name, justify="right")
    for one in rotated:
        table.add_row(
            one.database,
            f"{one.keys:,}",
            f"{one.moved_per_second:,.0f}",
            f"{one.checked_per_second:,.0f}",
            f"{one.fetch_us:,.0f}",
            f"{one.fetch_us_of_many:,.0f}",
            f"{one.new_us:,.0f}",
            f"{one.new_us_of_many:,.0f}",
        )
    return table


def _aims(aims: Sequence[Verdict]) -> Table:
    table = Table(title="aims", title_justify="left")
    table.add_column("aim")
    table.add_column("measured", justify="right")
    table.add_column("met", justify="right")
    for aim in aims:
        table.add_row(aim.aim, aim.measured, "[green]yes" if aim.met else "[red]no")
    return table
