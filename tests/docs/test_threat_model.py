"""The threat model says of each attacker what he can and cannot do, and names the test of each."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
ATTACKERS = (
    "Outsider",
    "Curious teller",
    "Colluding pair",
    "Database administrator",
    "Thief of a backup",
    "Thief of the masked node",
    "Operator with root",
)


def section(attacker: str) -> str:
    """What the page says of one."""
    _, _, after = PAGE.partition(f"\n## {attacker}\n")
    return re.split(r"\n## ", after)[0]


@pytest.mark.parametrize("attacker", ATTACKERS)
def test_each_line_about_an_attacker_names_the_test_that_shows_it(attacker: str) -> None:
    rows = [line for line in section(attacker).splitlines() if line.startswith("| ")]
    assert len(rows) >= 5
    # That each of them exists is looked at in test_links.py.
    assert [row for row in rows[2:] if not re.search(r"`tests/[\w/]+\.py(::\w+)?`", row)] == []


@pytest.mark.parametrize("attacker", ATTACKERS)
def test_of_each_attacker_it_is_said_what_he_can_do(attacker: str) -> None:
    assert re.search(r"^(He|They) \*\*can\*\* ", section(attacker), re.MULTILINE)
