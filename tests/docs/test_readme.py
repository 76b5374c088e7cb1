"""Both READMEs say the same, in two languages."""

import re
from pathlib import Path

from tests.docs.pages import CHINESE, ENGLISH, codes, headings, links, prose


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def rows(path: Path) -> list[int]:
    """The number of cells of each row of each table."""
    return [
        len(re.split(r"(?<!\\)\|", line.strip()))
        for line in prose(text(path)).splitlines()
        if line.startswith("|")
    ]


def code_names(path: Path) -> list[str]:
    """What stands in backticks in the tables, which no translation changes."""
    table = "\n".join(line for line in prose(text(path)).splitlines() if line.startswith("|"))
    return sorted(re.findall(r"`([^`]+)`", table))


def test_the_headings_of_both_languages_are_level() -> None:
    assert [depth for depth, _ in headings(text(ENGLISH))] == [
        depth for depth, _ in headings(text(CHINESE))
    ]


def test_the_code_of_both_languages_is_the_same() -> None:
    assert codes(text(ENGLISH)) == codes(text(CHINESE))
    assert len(codes(text(ENGLISH))) >= 8


def test_the_links_of_both_languages_are_the_same_but_for_the_language() -> None:
    english, chinese = links(text(ENGLISH)), links(text(CHINESE))
    assert english[0] == CHINESE.name
    assert chinese[0] == ENGLISH.name
    assert english[1:] == chinese[1:]


def test_the_tables_of_both_languages_have_the_same_rows() -> None:
    assert rows(ENGLISH) == rows(CHINESE)
    assert code_names(ENGLISH) == code_names(CHINESE)


def test_the_client_is_shown_in_fifteen_lines() -> None:
    (sample,) = [code.text for code in codes(text(ENGLISH)) if code.language == "python"]
    compile(sample, "README.md", "exec")
    assert len([line for line in sample.splitlines() if line.strip()]) <= 15
    assert "masked" in sample
    assert "purpose" in sample
