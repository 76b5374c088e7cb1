"""Every command, option and make target that a page names is there."""

import re
import shlex
from functools import cache
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, all_pages, command_lines, page_id
from tools.docs.cli import Command, commands

PAGES = [page for page in all_pages() if page.parent != ROOT / "docs" / "reference"]
TARGETS = set(
    re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
)
VALUED = {"--profile", "-p", "--lang", "--timeout", "--token"}


@cache
def known() -> dict[str, Command]:
    """Every command, by the words that call it."""
    return {command.call: command for command in commands()}


def calls(page: Path) -> list[list[str]]:
    """The words of each call of a program of ours."""
    found = []
    for line in command_lines(page.read_text(encoding="utf-8")):
        for part in re.split(r"[|;]|\$\(", line.rstrip(")")):
            words = shlex.split(part.strip())
            if words and words[0] in ("vaultctl", "vaultd", "make"):
                found.append(words)
    return found


def problem(words: list[str]) -> str:
    """What is wrong with a call; empty if nothing is."""
    program, rest = words[0], words[1:]
    if program == "make":
        unknown = [word for word in rest if "=" not in word and word not in TARGETS]
        return f"no target {unknown[0]}" if unknown else ""
    while rest and rest[0].startswith("-"):
        if rest[0] not in known()[program].options:
            return f"{program} has no option {rest[0]}"
        rest = rest[2:] if rest[0] in VALUED else rest[1:]
    call = program
    while rest and f"{call} {rest[0]}" in known():
        call, rest = f"{call} {rest[0]}", rest[1:]
    if not known()[call].leaf and rest and not rest[0].startswith("-"):
        return f"{call} has no command {rest[0]}"
    unknown = [w for w in rest if re.match(r"--?[a-z]", w) and w not in known()[call].options]
    return f"{call} has no option {unknown[0]}" if unknown else ""


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_command_that_a_page_names_is_there(page: Path) -> None:
    assert [f"{' '.join(words)}: {p}" for words in calls(page) if (p := problem(words))] == []


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.parent == ROOT / "docs" / "how-to"], ids=page_id
)
def test_no_page_for_daily_work_has_a_script_decide_on_what_nobody_has_seen(page: Path) -> None:
    decided = [words for words in calls(page) if {"approve", "deny", "reject"} & {*words}]
    assert [words for words in decided if "--yes" in words and "--etag" not in words] == []


def test_the_readme_names_commands() -> None:
    programs = [words[0] for words in calls(ROOT / "README.md")]
    assert programs.count("vaultctl") >= 10
    assert {"make", "vaultd"} <= set(programs)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("make demos", "no target demos"),
        ("vaultctl customer list", "vaultctl has no command customer"),
        ("vaultctl --profil x health", "vaultctl has no option --profil"),
        ("vaultctl --profile x audit tail --json --folow", "vaultctl audit tail has no option"),
        ("vaultd serve --tiers full", "vaultd serve has no option --tiers"),
    ],
)
def test_a_command_that_is_not_there_is_noticed(line: str, said: str) -> None:
    assert problem(line.split()).startswith(said)
