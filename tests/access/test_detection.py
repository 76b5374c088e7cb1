"""The rules of detection, call by call."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.access.actions import ActionClass
from vault.access.detection import (
    DEFAULT_RULES,
    DetectionInvalid,
    Rules,
    Seen,
    Sentry,
    read_rules,
)

MINUTE = 60_000_000
COMMON = 'id = "it"\nseverity = "alert"\n'
SEQUENCE = f'[[sequence]]\n{COMMON}count = 4\nwithin = "10m"\n'
REFUSALS = f'[[refusals]]\n{COMMON}count = 3\nwithin = "10m"\n'
FOLLOWING = f'[[following]]\n{COMMON}count = 2\nafter = "30m"\nfollowed_by = ["write", "lending"]\n'
HOURS = (
    f'[[hours]]\n{COMMON}days = ["mon", "tue"]\nfrom = "07:30"\nto = "19:00"\n'
    'time_zone = "Asia/Shanghai"\n'
)


def rules(folder: Path, text: str) -> Rules:
    path = folder / "detection.toml"
    path.write_text(text, "utf-8")
    return read_rules(path)


class Calls:
    """Calls of one person, and the alerts that they raise."""

    def __init__(self, found: Rules) -> None:
        self.sentry = Sentry(found)
        self.at = 0

    def __call__(
        self,
        customer: str = "",
        *,
        action_class: ActionClass = ActionClass.FULL_READ,
        opened: bool = True,
        refused: bool = False,
        after: int = 1_000,
        who: str = "one",
        person: bool = True,
        roles: tuple[str, ...] = ("teller",),
    ) -> list[tuple[str, int]]:
        self.at += after
        seen = Seen(
            who,
            frozenset(roles),
            person,
            action_class,
            customer,
            opened and not refused,
            refused,
            self.at,
        )
        alerts = self.sentry.look(seen)
        assert self.sentry.look(seen) == alerts, "looking changes nothing"
        self.sentry.keep(seen, alerts)
        return [(alert.rule.reason, alert.count) for alert in alerts]


@pytest.mark.parametrize("order", ["abcd", "dcba", "aabbccdd", "azyxw"])
def test_customers_in_order_raise_an_alert(tmp_path: Path, order: str) -> None:
    call = Calls(rules(tmp_path, SEQUENCE))
    raised = [call(customer) for customer in order]
    assert [("IT", 4)] in raised
    assert sum(map(len, raised)) == 1


@pytest.mark.parametrize("order", ["abca", "acbd", "bacb", "aaaa", "abab"])
def test_customers_here_and_there_raise_none(tmp_path: Path, order: str) -> None:
    call = Calls(rules(tmp_path, SEQUENCE))
    assert [call(customer) for customer in order] == [[]] * len(order)


def test_a_long_walk_raises_an_alert_again_and_again_and_a_slow_one_none(tmp_path: Path) -> None:
    found = rules(tmp_path, SEQUENCE)
    call = Calls(found)
    assert [len(call(f"{n:03}")) for n in range(10)] == [0, 0, 0, 1, 0, 0, 1, 0, 0, 1]
    slow = Calls(found)
    assert not any(slow(f"{n:03}", after=4 * MINUTE) for n in range(10))


def test_callers_are_held_apart(tmp_path: Path) -> None:
    call = Calls(rules(tmp_path, SEQUENCE))
    assert not any(call(c, who=who) for c, who in zip("aabbcc", "xyxyxy", strict=True))
    assert call("d", who="x") == [("IT", 4)]


def test_a_rule_is_about_its_roles_callers_and_reads(tmp_path: Path) -> None:
    text = SEQUENCE + 'roles = ["teller"]\ncallers = "persons"\nreads = "masked"\n'
    found = rules(tmp_path, text)

    def raised(**about: Any) -> int:
        call = Calls(found)
        return sum(len(call(c, **about)) for c in "abcd")

    masked = ActionClass.MASKED_READ
    assert raised(action_class=masked) == 1
    assert raised() == 0
    assert raised(action_class=masked, person=False) == 0
    assert raised(action_class=masked, roles=("compliance",)) == 0


def test_refusals_in_a_row_raise_an_alert_and_an_allowed_call_ends_the_row(tmp_path: Path) -> None:
    call = Calls(rules(tmp_path, REFUSALS))
    assert [call(refused=True) for _ in range(7)] == [
        [],
        [],
        [("IT", 3)],
        [],
        [],
        [("IT", 3)],
        [],
    ]
    call(refused=True)
    call("a")
    assert [call(refused=True) for _ in range(2)] == [[], []]
    assert call(refused=True, after=20 * MINUTE) == []


def test_files_that_no_business_follows_raise_an_alert(tmp_path: Path) -> None:
    call = Calls(rules(tmp_path, FOLLOWING))
    for customer in "abc":
        call(customer)
    write = ActionClass.WRITE
    call("a", action_class=write, opened=False)
    assert call("d", after=29 * MINUTE) == []
    assert call("e", after=2 * MINUTE) == [("IT", 2)]
    # They were told of; d and e are still to be followed.
    assert call("f") == []
    call("d", action_class=ActionClass.LENDING, opened=False)
    call("e", action_class=ActionClass.AUDIT_READ, opened=False)
    assert call("g", after=31 * MINUTE) == [("IT", 2)]


def moment(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("at", "outside"),
    [
        ("2026-11-23T07:30:00+08:00", False),  # a Monday
        ("2026-11-23T18:59:59+08:00", False),
        ("2026-11-23T19:00:00+08:00", True),
        ("2026-11-23T07:29:59+08:00", True),
        ("2026-11-25T12:00:00+08:00", True),
    ],
)
def test_files_opened_outside_of_hours_raise_an_alert(
    tmp_path: Path, at: str, outside: bool
) -> None:
    call = Calls(rules(tmp_path, HOURS))
    assert bool(call("a", after=moment(at))) is outside


def test_files_opened_outside_of_hours_are_told_of_once_an_hour(tmp_path: Path) -> None:
    call = Calls(rules(tmp_path, HOURS))
    assert call("a", after=moment("2026-11-25T12:00:00+08:00"))
    assert [len(call(c, after=20 * MINUTE)) for c in "bcdefg"] == [0, 0, 1, 0, 0, 1]


@pytest.mark.parametrize(
    ("at", "outside"),
    [
        ("2026-11-23T23:00:00+08:00", False),
        ("2026-11-25T05:00:00+08:00", False),  # the night that began on Tuesday
        ("2026-11-23T05:00:00+08:00", True),  # and the one that began on Sunday
        ("2026-11-24T12:00:00+08:00", True),
    ],
)
def test_a_night_shift_belongs_to_the_day_on_which_it_began(
    tmp_path: Path, at: str, outside: bool
) -> None:
    night = HOURS.replace("07:30", "22:00").replace("19:00", "06:00")
    assert bool(Calls(rules(tmp_path, night))("a", after=moment(at))) is outside


@given(st.lists(st.sampled_from("abcdefgh"), max_size=40))
def test_an_alert_of_order_is_raised_only_by_distinct_customers_in_order(order: list[str]) -> None:
    found = read_rules(DEFAULT_RULES)
    (full, *_) = found.sequences
    small = Rules(
        sequences=(
            type(full)(id="it", severity=full.severity, count=4, within=10 * MINUTE, reads=None),
        )
    )
    call = Calls(small)
    for at, customer in enumerate(order):
        if call(customer):
            distinct = [c for n, c in enumerate(order[: at + 1]) if n == 0 or order[n - 1] != c]
            last = distinct[-4:]
            assert last in (sorted(set(last)), sorted(set(last), reverse=True))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[surnames]]\ncount = 3", "unknown field"),
        (SEQUENCE.replace("10m", "soon"), '"soon" is no time'),
        (SEQUENCE.replace("count = 4", "count = 1"), "count"),
        (SEQUENCE + REFUSALS, "more than one rule is called it"),
        (SEQUENCE + 'roles = ["a", "a"]', "twice"),
        (SEQUENCE.replace('"alert"', '"horror"'), "severity"),
        (HOURS.replace('"mon"', '"day"'), "no day is called day"),
        (HOURS.replace("07:30", "half past"), "is no time"),
        (HOURS.replace("Asia/Shanghai", "Asia/Nowhere"), "time_zone"),
        (FOLLOWING.replace('"write"', '"dance"'), "followed_by"),
    ],
)
def test_rules_that_cannot_be_meant_are_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(DetectionInvalid) as refused:
        rules(tmp_path, text)
    assert says in str(refused.value)


def test_the_vaults_own_rules_can_be_read_and_a_missing_file_is_refused(tmp_path: Path) -> None:
    found = read_rules()
    assert found.sequences
    assert found.refusals
    assert found.following
    assert not found.hours
    with pytest.raises(DetectionInvalid, match="cannot be read"):
        read_rules(tmp_path / "absent.toml")
