"""From which share on somebody is a beneficial owner: by jurisdiction and day, the strictest."""

from datetime import date
from pathlib import Path

import pytest

from tests.records.builders import customer
from vault.records import Customer, Relationship
from vault.rules.ownership import Threshold
from vault.rules.ownership_files import DEFAULT_OWNERSHIP, ThresholdBook, read_ownership
from vault.rules.reading import RulesInvalid

BOOK = read_ownership()
HERE = frozenset({"CN"})
OWN = """\
name = "{name}"
version = {version}
jurisdictions = {where}
effective_from = {since}
threshold_basis_points = {share}
more_than = false
source = "a law"
article = "1"
checked = true
"""


def of(*jurisdictions: str) -> Customer:
    return customer(relationship=Relationship(jurisdictions=jurisdictions))


def own(folder: Path, *rules: tuple[str, int, str, str, int], more: str = "") -> ThresholdBook:
    for name, version, where, since, share in rules:
        text = OWN.format(name=name, version=version, where=where, since=since, share=share)
        (folder / f"{name}-{version}.toml").write_text(text + more, encoding="utf-8")
    return read_ownership(folder)


@pytest.mark.parametrize(
    ("where", "day", "label", "quarter_is_enough"),
    [
        (("CN",), date(2024, 10, 31), "cn/1", False),
        (("CN",), date(2024, 11, 1), "cn/2", True),
        (("DE",), date(2027, 7, 9), "eu/1", False),
        (("DE",), date(2027, 7, 10), "eu/2", True),
        (("US",), date(2018, 5, 10), "fatf/1", False),
        (("US",), date(2018, 5, 11), "us/1", True),
        (("JP",), date(2026, 12, 1), "fatf/1", False),
        # Of several the strictest, whichever it is.
        (("DE", "CN"), date(2026, 12, 1), "cn/2", True),
        (("DE", "JP"), date(2026, 12, 1), "eu/1", False),
    ],
)
def test_the_law_of_the_files_jurisdictions_on_that_day_says_from_which_share_on(
    where: tuple[str, ...], day: date, label: str, quarter_is_enough: bool
) -> None:
    found = BOOK.threshold(of(*where), frozenset({"US"}), day)
    assert (found.rule_set, found.basis_points) == (label, 2_500)
    assert found.reached_by(2_500) is quarter_is_enough
    assert found.reached_by(2_501)
    assert not found.reached_by(2_499)


def test_a_file_without_a_jurisdiction_is_under_the_institutions() -> None:
    day = date(2026, 12, 1)
    assert BOOK.threshold(customer(relationship=None), HERE, day).rule_set == "cn/2"
    assert BOOK.threshold(of(), HERE, day).rule_set == "cn/2"
    assert BOOK.threshold(of("JP"), HERE, day).rule_set == "fatf/1"


def test_on_a_day_before_any_law_the_strictest_counts() -> None:
    assert BOOK.threshold(of("CN"), HERE, date(1999, 1, 1)).rule_set == "cn/2"
    assert BOOK.threshold(of("JP"), HERE, date(1999, 1, 1)).rule_set == "fatf/1"


def test_each_rule_has_its_law_and_says_whether_somebody_has_read_it() -> None:
    assert len(BOOK.rules) == len(list(DEFAULT_OWNERSHIP.glob("*.toml")))
    for one in BOOK.rules:
        assert one.source and one.article
        # Nobody has held these against the texts yet.
        assert not one.checked


def test_a_later_version_takes_the_place_of_the_earlier_where_it_no_longer_applies(
    tmp_path: Path,
) -> None:
    book = own(
        tmp_path,
        ("all", 1, '["*"]', "2000-01-01", 2_500),
        ("north", 1, '["SE", "NO"]', "2010-01-01", 1_000),
        ("north", 2, '["SE"]', "2020-01-01", 1_500),
    )
    found = [
        book.threshold(of(where), HERE, date(year, 1, 1)).basis_points
        for where in ("SE", "NO")
        for year in (2009, 2010, 2020)
    ]
    assert found == [2_500, 1_000, 1_500, 2_500, 1_000, 2_500]


def test_a_law_that_has_ended_holds_through_its_last_day(tmp_path: Path) -> None:
    own(tmp_path, ("all", 1, '["*"]', "2000-01-01", 2_500))
    last = "effective_until = 2015-06-30\n"
    text = OWN.format(name="se", version=1, where='["SE"]', since="2010-01-01", share=1_000)
    (tmp_path / "se.toml").write_text(text + last, encoding="utf-8")
    book = read_ownership(tmp_path)
    assert book.threshold(of("SE"), HERE, date(2015, 6, 30)) == Threshold(1_000, False, "se/1")
    assert book.threshold(of("SE"), HERE, date(2015, 7, 1)).rule_set == "all/1"


def test_rules_that_leave_some_country_without_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RulesInvalid, match="none for files of other countries"):
        own(tmp_path, ("cn", 1, '["CN"]', "2000-01-01", 2_500))


def test_two_rules_are_not_one_version_and_a_share_is_of_a_whole(tmp_path: Path) -> None:
    own(tmp_path, ("all", 1, '["*"]', "2000-01-01", 2_500))
    (tmp_path / "again.toml").write_text((tmp_path / "all-1.toml").read_text(), encoding="utf-8")
    with pytest.raises(RulesInvalid, match="same name and version"):
        read_ownership(tmp_path)
    (tmp_path / "again.toml").unlink()
    for share in (0, 10_001):
        with pytest.raises(RulesInvalid, match=r"bad-1\.toml"):
            own(tmp_path, ("bad", 1, '["CN"]', "2000-01-01", share))
