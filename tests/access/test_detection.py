"""The rules of detection, call by call."""

from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.access.actions import ActionClass
from vault.access.detection import (
    DEFAULT_RULES,
    By,
    DetectionInvalid,
    Memory,
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
SIMILAR = f'[[similar]]\n{COMMON}by = "surname"\ncount = 3\nwithin = "1h"\n'
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
        self.memories: dict[str, Memory] = defaultdict(Memory)
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
        alike: tuple[tuple[By, str], ...] = (),
    ) -> list[tuple[str, int]]:
        self.at += after
        seen = Seen(
            frozenset(roles),
            person,
            action_class,
            customer,
            opened and not refused,
            refused,
            self.at,
            alike,
        )
        memory = self.memories[who]
        alerts = self.sentry.look(memory, seen)
        assert self.sentry.look(memory, seen) == alerts, "looking changes nothing"
        # What does not matter raises nothing, and a memory does not miss it.
        assert not alerts or self.sentry.matters(seen)
        if self.sentry.matters(seen) or memory.refused:
            self.sentry.keep(memory, seen, {alert.rule.id for alert in alerts})
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


def of(*values: str, by: By = By.SURNAME) -> tuple[tuple[By, str], ...]:
    return tuple((by, value) for value in values)


def test_many_files_of_one_surname_raise_an_alert(tmp_path: Path) -> None:
    call = Calls(rules(tmp_path, SIMILAR))
    assert call("a", alike=of("x")) == []
    assert call("b", alike=of("y")) == []
    assert call("c", alike=of("x")) == []
    # The same customer again is not another one, nor is what else he has in common.
    assert call("a", alike=of("x")) == []
    assert call("d", alike=of("x", by=By.STREET)) == []
    assert call("e", alike=of("z", "x")) == [("IT", 3)]
    # It begins anew.
    assert [len(call(c, alike=of("x"))) for c in "fghijk"] == [0, 0, 1, 0, 0, 1]
    assert call("l", alike=of("y")) == []
    assert call("m", alike=of("y")) == [("IT", 3)]


def test_files_of_one_surname_here_and_there_raise_none(tmp_path: Path) -> None:
    call = Calls(rules(tmp_path, SIMILAR))
    assert not any(call(c, alike=of("x"), after=30 * MINUTE) for c in "abcdef")
    assert not any(call(c, alike=of("x"), opened=False) for c in "abcdef")
    assert not any(call(c, alike=of("x"), refused=True) for c in "abcdef")
    assert not any(call(c, alike=of(c)) for c in "abcdef")
    held_apart = zip("abcd", "mnmn", strict=True)
    assert not any(call(c, alike=of("x"), who=who) for c, who in held_apart)


@pytest.mark.parametrize("by", By)
def test_files_can_have_each_of_the_values_in_common(tmp_path: Path, by: By) -> None:
    found = rules(tmp_path, SIMILAR.replace("surname", by) + 'roles = ["teller"]\n')
    call = Calls(found)
    assert [len(call(c, alike=of("", by=by))) for c in "abc"] == [0, 0, 1]
    assert call.sentry.values(frozenset({"teller"}), person=True) == {by}
    assert call.sentry.values(frozenset({"compliance"}), person=True) == frozenset()
    assert not any(call(c, alike=of("", by=by), roles=("compliance",)) for c in "defg")
    masked = Calls(found.masked)
    assert not any(masked(c, alike=of("", by=by)) for c in "abc")


def test_a_caller_whom_no_rule_is_about_is_passed_at_once() -> None:
    sentry = Sentry(read_rules())
    roles = frozenset({"crm_viewer"})
    assert sentry.passes(roles, person=False, refused=False)
    assert not sentry.passes(roles, person=False, refused=True)
    assert not sentry.passes(roles, person=True, refused=False)
    assert Sentry(Rules()).passes(roles, person=True, refused=True)


@pytest.fixture(scope="module")
def every_kind(tmp_path_factory: pytest.TempPathFactory) -> Rules:
    """A rule of every kind."""
    kinds = enumerate((SEQUENCE, REFUSALS, FOLLOWING, SIMILAR, HOURS))
    text = "".join(kind.replace('"it"', f'"it-{n}"') for n, kind in kinds)
    return rules(tmp_path_factory.mktemp("detection"), text)


@given(data=st.data())
def test_whoever_keeps_the_same_calls_goes_on_with_the_same_alerts(
    every_kind: Rules, data: st.DataObject
) -> None:
    """A memory follows from what was kept: what another process or a restart relies on."""
    sentry = Sentry(every_kind)
    one, other, kept = Memory(), Memory(), list[tuple[Seen, set[str]]]()
    at = 0
    for _ in range(data.draw(st.integers(1, 40))):
        at += data.draw(st.sampled_from([1, 1_000, 20 * MINUTE]))
        refused = data.draw(st.booleans())
        seen = Seen(
            frozenset({"teller"}),
            True,
            data.draw(st.sampled_from([ActionClass.FULL_READ, ActionClass.WRITE])),
            data.draw(st.sampled_from("abcdefgh")),
            not refused,
            refused,
            at,
            of(data.draw(st.sampled_from("xy"))),
        )
        raised = {alert.rule.id for alert in sentry.look(one, seen)}
        sentry.keep(one, seen, raised)
        kept.append((seen, raised))
        if data.draw(st.booleans()):
            for before, told in kept:
                sentry.keep(other, before, told)
            kept.clear()
            assert other == one


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
        (SIMILAR.replace("surname", "shoe-size"), "by"),
        (SIMILAR.replace('within = "1h"', 'within = "25h"'), '"25h" is more than a day'),
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
    assert {rule.by for rule in found.similar} == set(By)
    assert not found.hours
    with pytest.raises(DetectionInvalid, match="cannot be read"):
        read_rules(tmp_path / "absent.toml")
