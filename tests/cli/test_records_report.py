"""`vaultctl records status` and `report`: counts of what is open, and a page that prints."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
from google.type.date_pb2 import Date

from recordsvault.retention.v1 import retention_pb2 as rp
from recordsvault_client import PermissionDenied
from vault.cli.vaultctl.failures import CommandError
from vault.cli.vaultctl.language import Language, speak
from vault.cli.vaultctl.plots import Bar, bars, columns
from vault.cli.vaultctl.records_figures import Figures, Part, Period, gather
from vault.cli.vaultctl.records_page import page
from vault.cli.vaultctl.records_status import _before, _lines, _month, plain

MARCH = Period(date(2026, 3, 1), date(2026, 4, 1))


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    yield
    speak(Language.EN)


def figures() -> Figures:
    return Figures(
        date(2026, 4, 2),
        MARCH,
        files=Counter(HIGH=10, LOW=90),
        complete=Counter(HIGH=4, LOW=81),
        amiss=Counter(occupation=9, address=3),
        overdue=Counter(REVIEW=2),
        coming=Counter(REVIEW=5, DOCUMENT_EXPIRY=7),
        due_months=Counter({"2026-03": 2, "2026-05": 12}),
        custodians=Counter(here=98, left=2),
        disposed=Counter(plans=1, scopes=3, rows=40),
        plans=Counter(PLANNED=1),
        blocked=Counter(RESERVED=2, CONFLICT=1),
        going=6,
        holds=Counter(customer=2, account=1),
        accesses=Counter({(date(2026, 3, 5), "allowed"): 20, (date(2026, 3, 5), "denied"): 1}),
        kinds=Counter(full_reads=12, masked_reads=8),
        health=[("log", "OK", "appends in 1 ms"), ("disk", "WARNING", "12% free")],
    )


def shown(found: Figures) -> dict[tuple[str, str], str]:
    return {(part, what): count for part, what, count, _ in _lines(found)}


def test_the_status_counts_what_is_there() -> None:
    found = shown(figures())
    assert found["completeness", "files complete"] == "85"
    assert found["falling due", "reviews"] == "7"
    assert found["disposal", "something stands against it"] == "2"
    assert found["accesses", "not allowed"] == "1"
    assert (found["holds", "on a customer"], found["holds", "on an account"]) == ("2", "1")
    assert found["health of vault and log", "disk"] == "needs attention"


def test_a_part_that_is_not_open_is_named_and_the_others_go_on() -> None:
    class Client:
        """Denies everything but health."""

        def __getattr__(self, name: str) -> Any:
            raise PermissionDenied({"en": "Not yours.", "zh": "无权。"}, reason="ROLE_MISSING")

        def check_health(self) -> Any:
            return type("Answer", (), {"checks": []})()

    found = gather(Client(), frozenset(Part), MARCH, date(2026, 4, 2))  # type: ignore[arg-type]  # all that is asked
    assert set(found.closed) == set(Part) - {Part.HEALTH}
    assert "Not yours." in found.closed[Part.DUE]
    assert shown(found)["accesses", "not open to you"] == ""
    text = page(found, "demo-bank")
    assert text.count("Not open to who made this report") == 6


@pytest.mark.parametrize("lang", list(Language))
def test_the_page_needs_nothing_else_and_has_its_plots(lang: Language) -> None:
    speak(lang)
    text = page(figures(), "demo-bank")
    assert ("档案保管月报" in text) == (lang is Language.ZH)
    assert "<script" not in text
    assert not re.search(r"(?:src|href)=", text)
    plots = re.findall(r"<svg.*?</svg>", text, re.S)
    assert len(plots) == 10
    for plot in plots:
        tree = ElementTree.fromstring(plot)
        title = tree.find("title")
        assert title is not None
        assert title.text
        height, width = float(tree.get("height", "")), float(tree.get("width", ""))
        for rect in tree.iter("rect"):
            x, y, w, h = (float(rect.get(key, "")) for key in ("x", "y", "width", "height"))
            assert 0 <= x <= x + w <= width + 0.1
            assert 0 <= y <= y + h <= height + 0.1


def drawn(plot: str) -> ElementTree.Element:
    return ElementTree.fromstring(plot[plot.index("<svg") :])


def test_lengths_are_as_the_numbers() -> None:
    plot = drawn(bars("t", ("a", "b"), [Bar("x", (30, 10)), Bar("y", (20, 0))]))
    widths = [float(one.get("width", "")) for one in plot.iter("rect")][:3]
    assert widths[0] / widths[1] == pytest.approx(3, rel=0.01)
    assert widths[0] / widths[2] == pytest.approx(1.5, rel=0.01)
    empty = drawn(columns("t", ("a",), [Bar("1", (0,))]))
    assert len(list(empty.iter("rect"))) == 1


def test_what_comes_from_the_vault_is_not_markup() -> None:
    found = figures()
    found.amiss["<b>&\x1b[31m"] = 99
    text = page(found, "demo-bank")
    assert "<b>" not in text
    assert "\x1b" not in text
    assert "&lt;b&gt;&amp;" in text


def test_the_figures_are_the_same_for_machines() -> None:
    found = plain(figures())
    assert (found["from"], found["to"]) == ("2026-03-01", "2026-04-01")
    assert found["accesses"] == {"2026-03-05": {"allowed": 20, "denied": 1}}


def test_holds_are_counted_by_what_they_are_on_while_they_stand() -> None:
    def hold(state: int = rp.HOLD_STATE_STANDING, **about: Any) -> rp.Hold:
        return rp.Hold(state=state, authority="A court", **about)  # type: ignore[arg-type]  # a number of the enumeration

    of = {
        "a": [
            hold(),
            hold(account="1"),
            hold(account="1", first_day=Date(year=2026, month=1, day=1)),
            hold(first_day=Date(year=2026, month=1, day=1)),
            hold(last_day=Date(year=2026, month=1, day=1)),
        ],
        "b": [
            hold(records=["x"], account="1"),
            hold(rp.HOLD_STATE_RELEASE_PROPOSED),
            hold(rp.HOLD_STATE_RELEASED),
        ],
        "c": [],
    }
    client = SimpleNamespace(
        compartments=SimpleNamespace(list=lambda: [SimpleNamespace(name=name) for name in of]),
        holds=SimpleNamespace(list=lambda name: of[name]),
    )
    found = gather(client, frozenset({Part.HOLDS}), MARCH, date(2026, 4, 2))  # type: ignore[arg-type]  # all that is asked
    assert dict(found.holds) == {"customer": 2, "account": 2, "period": 2, "transactions": 1}


@pytest.mark.parametrize("lang", list(Language))
def test_a_page_with_holds_says_to_whom_it_may_be_shown_and_one_without_says_nothing(
    lang: Language,
) -> None:
    speak(lang)
    warning = "Show it to no others" if lang is Language.EN else "不得向其他人出示"
    found = figures()
    assert warning in page(found, "demo-bank")
    found.holds.clear()
    assert warning not in page(found, "demo-bank")


def test_months_are_whole_and_the_last_is_the_one_that_is_over() -> None:
    assert _month("2026-12") == Period(date(2026, 12, 1), date(2027, 1, 1))
    assert _before(date(2026, 1, 15)) == Period(date(2025, 12, 1), date(2026, 1, 1))
    assert _before(date(2026, 3, 31)) == Period(date(2026, 2, 1), date(2026, 3, 1))
    for wrong in ("2026", "2026-13", "26-01", "2026-1", "0001-01"):
        with pytest.raises(CommandError):
            _month(wrong)
