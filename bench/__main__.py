"""The command: `python -m bench [--quick] [--only records|log|keys]`; BENCH=quick is the same."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

from rich.console import Console

from bench import loader
from bench.aims import Verdict, rotation_verdicts, verdicts
from bench.cores import bind_load
from bench.databases import Store, postgresql, sqlite
from bench.deciding import decisions
from bench.log_aims import log_verdicts
from bench.log_results import LogScene
from bench.log_scene import play_alone, play_vault
from bench.log_wire import QUICK, LogPlan
from bench.material import KEPT, Size, prepare
from bench.report import show, write
from bench.results import Scene
from bench.rotation import Rotated, rotations
from bench.scenes import Plan, play
from tests.support.databases import temporary_server

SMALL = Size(customers=500, transactions=10_000, imported=20_000, created=6_000)
LARGE = Size(customers=10_000, transactions=1_000_000, imported=20_000, created=6_000)
LATEST = KEPT / "latest.json"

Opening = Callable[[Path], AbstractContextManager[Store]]


def main(arguments: list[str] | None = None) -> int:
    """Run what was asked for; the exit code tells only whether it could be measured."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="SQLite and 10,000 only, about three minutes"
    )
    parser.add_argument(
        "--only",
        choices=["records", "log", "keys"],
        help="the records' scenes, the log's, or the rotation of keys",
    )
    parser.add_argument("--database", choices=["sqlite", "postgresql"], help="only this one")
    parser.add_argument("--size", type=int, choices=[SMALL.transactions, LARGE.transactions])
    options = parser.parse_args(arguments)
    quick = options.quick or os.environ.get("BENCH") == "quick"
    plan = Plan(rounds=2, seconds=2.0, warm_up=1.0, alone=0.5) if quick else Plan()
    wanted = [s for s in (SMALL, LARGE) if options.size in (None, s.transactions)]
    sizes = [] if options.only in ("log", "keys") else wanted[:1] if quick else wanted
    console = Console(width=None if sys.stdout.isatty() else 160)
    began = time.monotonic()

    def say(*text: str) -> None:
        console.print(f"[dim]{time.monotonic() - began:6.0f} s  {''.join(text)}", highlight=False)

    try:
        loader.build()
        bind_load()
        decided = decisions() if sizes else []
        scenes: list[Scene] = []
        logs: list[LogScene] = []
        rotated: list[Rotated] = []

        def keep() -> None:
            """After each scene, so that a run that is broken off leaves what it has."""
            write(LATEST, scenes, logs, aims(), plan, decided, rotated)

        def aims() -> list[Verdict]:
            return [*verdicts(scenes), *log_verdicts(logs), *rotation_verdicts(rotated)]

        with _openings(options.database or ("sqlite" if quick else "")) as openings:
            for name, opening in openings.items():
                for size in sizes:
                    say(f"preparing {size.transactions:,} transactions")
                    material = prepare(size)
                    heading = f"{name}, {size.transactions:,}: "
                    with _emptied(opening) as (store, folder):
                        scene = play(store, size, material, plan, folder, partial(say, heading))
                    scenes.append(scene)
                    keep()
                if options.only in (None, "keys"):
                    say(f"{name}, rotation of keys")
                    with _emptied(opening) as (store, folder):
                        rotated.append(rotations(store, folder))
                    keep()
                if options.only in (None, "log"):
                    logs.append(scene_of_log := LogScene(name))
                    _play_log(opening, QUICK if quick else LogPlan(), plan, scene_of_log, say)
                    keep()
    except loader.LoaderUnavailable as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    show(console, scenes, logs, aims(), decided, rotated)
    say(f"written to {LATEST}")
    return 0


def _play_log(
    opening: Opening, log_plan: LogPlan, plan: Plan, scene: LogScene, say: Callable[..., None]
) -> None:
    """Two databases one after the other: that of the log alone, and a vault's."""
    material = prepare(SMALL)
    heading = f"{scene.database}, the log: "
    with _emptied(opening) as (store, folder):
        play_alone(store, log_plan, folder, scene, partial(say, heading))
    with _emptied(opening) as (store, folder):
        play_vault(store, material, log_plan, plan, folder, scene, partial(say, heading))


@contextmanager
def _emptied(opening: Opening) -> Iterator[tuple[Store, Path]]:
    """An empty database, and a folder for what belongs to it."""
    with (
        tempfile.TemporaryDirectory(prefix="vault-bench-") as folder,
        opening(Path(folder)) as store,
    ):
        yield store, Path(folder)


@contextmanager
def _openings(only: str) -> Iterator[dict[str, Opening]]:
    """How to open an empty database, by name."""
    found: dict[str, Opening] = {}
    if only != "postgresql":
        found["SQLite"] = sqlite
    if only == "sqlite":
        yield found
        return
    with temporary_server() as server:
        yield found | {"PostgreSQL": lambda _folder: postgresql(server)}


if __name__ == "__main__":
    sys.exit(main())
