"""What the benchmark says about growth, and that it says it of what was measured."""

import asyncio
import json
from pathlib import Path

import pytest

from bench import disposal, growth, life
from bench.databases import sqlite
from bench.growth import Cost, Growth


def grown(time: float, cpu: float, others: float = 0.0) -> Growth:
    """Of a hundred and a thousand items: how many times as long one takes."""
    small = Cost(100, 100, 1.0, 0.5)
    large = Cost(1_000, 1_000, 10.0 * time, 5.0 * cpu, others)
    return Growth("report", "SQLite", "customers", small, large)


@pytest.mark.parametrize(
    ("found", "is_linear"),
    [
        (grown(1.25, 1.0), True),
        (grown(1.26, 1.0), False),
        (grown(0.5, 2.0), True),
        # Where others have the machine, the time that was waited for it says nothing.
        (grown(5.0, 1.25, others=0.2), True),
        (grown(0.5, 1.26, others=0.2), False),
    ],
)
def test_growth_goes_by_time_or_on_a_busy_machine_by_processor_time(
    found: Growth, is_linear: bool
) -> None:
    assert found.linear is is_linear
    assert f"(linear: {'yes' if is_linear else 'no'})" in found.verdict()


def test_an_item_costs_its_share() -> None:
    assert Cost(9, 100, 2.0, 1.0).each() == (20_000, 10_000)
    assert grown(1.5, 1.2).by_time == pytest.approx(1.5)
    assert grown(1.5, 1.2).by_cpu == pytest.approx(1.2)


def test_what_is_kept_has_the_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "KEPT", tmp_path)
    growth.keep("some", [grown(1.5, 1.2)], [Cost(1, 2)])
    kept = json.loads((tmp_path / "some.json").read_text("utf-8"))
    (one,) = kept["growth"]
    assert (one["linear"], round(one["by_time"], 2), one["large"]["items"]) == (False, 1.5, 1_000)
    assert kept["more"][0]["size"] == 1


def test_a_quick_run_is_of_small_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    def small(*arguments: str) -> int:
        parsed = growth.parser("some", "", 100_000, "customers").parse_args(arguments)
        return int(parsed.small)

    monkeypatch.delenv("BENCH", raising=False)
    assert small() == 100_000
    monkeypatch.setenv("BENCH", "quick")
    assert (small(), small("--small", "7")) == (growth.QUICK, 7)


def test_files_are_gone_through_at_both_sizes(tmp_path: Path) -> None:
    with sqlite(tmp_path) as store:
        found, _ = asyncio.run(life.measure(store, tmp_path, (30, 90)))
    assert [one.name for one in found] == [look.name for look in life.LOOKS]
    for one in found:
        assert (one.small.items, one.large.items) == (30, 90)
        assert min(one.small.seconds, one.large.seconds) > 0


def test_a_plan_is_measured_over_what_is_due(tmp_path: Path) -> None:
    with sqlite(tmp_path) as store:
        cost, planned = disposal.plan(store, tmp_path, 300)
    # Three of ten years of three customers.
    assert (cost.items, planned.due) == (300, 9)
