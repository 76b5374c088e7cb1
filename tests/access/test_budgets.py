"""The table of budgets: who may look at how much, and whose hour and day it is."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from vault.access.budgets import (
    DEFAULT_BUDGETS,
    UNLIMITED,
    BudgetsInvalid,
    BudgetTable,
    Meter,
    read_budgets,
)

ROWS = """
[[budget]]
callers = "persons"
full_an_hour = 200
masked_an_hour = 2_000

[[budget]]
roles = ["teller"]
full_an_hour = 60

[[budget]]
roles = ["compliance"]
full_an_hour = 100
full_a_day = 500
"""


def table(folder: Path, rows: str, zone: str = "Asia/Shanghai") -> BudgetTable:
    path = folder / "budgets.toml"
    path.write_text(f'time_zone = "{zone}"\n{rows}', "utf-8")
    return read_budgets(path)


def limits(budgets: BudgetTable, *roles: str, person: bool = True) -> dict[str, int]:
    return {m.value: n for m, n in budgets.of(frozenset(roles), person=person).limits}


def test_a_row_of_the_role_counts_and_else_the_row_of_everybody(tmp_path: Path) -> None:
    budgets = table(tmp_path, ROWS)
    assert limits(budgets, "teller") == {"full_an_hour": 60}
    assert limits(budgets, "teller", person=False) == {"full_an_hour": 60}
    assert limits(budgets, "role_of_tomorrow") == {"full_an_hour": 200, "masked_an_hour": 2_000}
    assert limits(budgets, "ingestor", person=False) == {}


def test_several_roles_have_the_largest_limit_of_each_meter(tmp_path: Path) -> None:
    budgets = table(tmp_path, ROWS)
    # A day is not limited for a teller.
    assert limits(budgets, "teller", "compliance") == {"full_an_hour": 100}


def test_the_vaults_own_table_limits_every_person_and_no_program() -> None:
    budgets = read_budgets(DEFAULT_BUDGETS)
    for role in ("teller", "compliance", "custodian", "role_of_tomorrow"):
        assert {*limits(budgets, role)} == {*map(str, Meter)}
    for role in ("ingestor", "crm_viewer", "masked_node"):
        assert budgets.of(frozenset({role}), person=False) == UNLIMITED


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("full = 3", "unknown field"),
        ("[[budget]]\nfull_an_hour = -1", "full_an_hour"),
        ('[[budget]]\nroles = ["teller"]', "limits nothing"),
        ('[[budget]]\nroles = ["a", "a"]\nfull_an_hour = 1', "twice"),
        ("[[budget]]\nfull_an_hour = 1\n[[budget]]\nfull_a_day = 1", "join the two"),
        (
            '[[budget]]\nroles = ["a"]\nfull_an_hour = 1\n'
            '[[budget]]\nroles = ["a"]\ncallers = "persons"\nfull_a_day = 1',
            "join the two",
        ),
        ('[[budget]]\ncallers = "robots"\nfull_an_hour = 1', "callers"),
        ("[[budget]", "Expected"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused(tmp_path: Path, rows: str, says: str) -> None:
    with pytest.raises(BudgetsInvalid) as refused:
        table(tmp_path, rows)
    assert says in str(refused.value)


def test_an_unknown_time_zone_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BudgetsInvalid, match="time_zone"):
        table(tmp_path, ROWS, "Asia/Nowhere")
    with pytest.raises(BudgetsInvalid, match="cannot be read"):
        read_budgets(tmp_path / "absent.toml")


def micros(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("zone", "now", "hour", "day"),
    [
        (
            "Asia/Shanghai",
            "2026-11-25T03:59:59Z",
            ("2026-11-25T03:00:00Z", "2026-11-25T04:00:00Z"),
            ("2026-11-24T16:00:00Z", "2026-11-25T16:00:00Z"),
        ),
        # Half past, where the clock is half an hour apart.
        (
            "Asia/Kolkata",
            "2026-11-25T03:31:00Z",
            ("2026-11-25T03:30:00Z", "2026-11-25T04:30:00Z"),
            ("2026-11-24T18:30:00Z", "2026-11-25T18:30:00Z"),
        ),
        # The day on which the clocks are set back has twenty-five hours.
        (
            "Europe/Berlin",
            "2026-10-25T12:00:00Z",
            ("2026-10-25T12:00:00Z", "2026-10-25T13:00:00Z"),
            ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
        ),
    ],
)
def test_hours_and_days_are_those_of_the_banks_clock(
    tmp_path: Path, zone: str, now: str, hour: tuple[str, str], day: tuple[str, str]
) -> None:
    budgets = table(tmp_path, ROWS, zone)
    for meter, wanted in ((Meter.FULL_HOUR, hour), (Meter.FULL_DAY, day)):
        for _ in range(2):  # reckoned, and remembered
            period = budgets.period(meter, micros(now))
            assert (period.start, period.end) == (micros(wanted[0]), micros(wanted[1]))
    later = budgets.period(Meter.FULL_DAY, micros(day[1]))
    assert later.start == micros(day[1])
