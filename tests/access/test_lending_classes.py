"""Classes of check-outs: the file, what is refused of it and why, and what a request is of."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.access import Purpose
from vault.access.lending import ClassesInvalid, LendingClasses, read_classes

MINUTE = 60 * 1_000_000
HOUR = 60 * MINUTE
GOOD = """
[[class]]
name = "contact"
needs = ["custodian"]
longest = "8h"
decide_within = "24h"
[class.when]
purposes = ["CUSTOMER_SERVICE"]

[[class]]
name = "numbers"
needs = ["custodian", "compliance"]
longest = "30m"
decide_within = "2d"
case_reference = true
[class.when]
fields = ["customer.natural_person.identity"]

[[class]]
name = "sensitive"
needs = ["head_of_branch"]
longest = "1h"
decide_within = "8h"
[class.when]
sensitive = true

[register]
sees = ["security_officer"]

[break_glass]
longest = "30m"
review_within = "24h"
reviewers = ["auditor"]
"""
NAME = "customer.natural_person.full_name"
NUMBER = "customer.natural_person.identity.number"


def read(tmp_path: Path, text: str = GOOD) -> LendingClasses:
    path = tmp_path / "classes.toml"
    path.write_text(text, encoding="utf-8")
    return read_classes(path)


def test_all_classes_that_match_hold_together(tmp_path: Path) -> None:
    classes = read(tmp_path)
    one = classes.of("CUSTOMER_SERVICE", [NAME], sensitive=False)
    assert one is not None
    assert (one.name, one.needs, one.longest) == ("contact", ("custodian",), 8 * HOUR)
    assert not one.case_reference
    two = classes.of("CUSTOMER_SERVICE", [NAME, NUMBER], sensitive=False)
    assert two is not None
    assert (two.name, two.needs) == ("contact+numbers", ("custodian", "compliance"))
    assert (two.longest, two.decide_within) == (30 * MINUTE, 24 * HOUR)
    assert two.case_reference
    all_ = classes.of("CUSTOMER_SERVICE", ["customer.natural_person"], sensitive=True)
    assert all_ is not None
    assert all_.needs == ("custodian", "compliance", "head_of_branch")
    assert (all_.longest, all_.decide_within) == (30 * MINUTE, 8 * HOUR)


def test_what_no_class_matches_is_of_none(tmp_path: Path) -> None:
    assert read(tmp_path).of("INTERNAL_AUDIT", [NAME], sensitive=False) is None


def test_who_decides_or_reviews_sees_the_register_too(tmp_path: Path) -> None:
    classes = read(tmp_path)
    assert classes.deciders == {"custodian", "compliance", "head_of_branch"}
    assert classes.viewers == classes.deciders | {"security_officer", "auditor"}
    assert not classes.initiates
    glass = classes.break_glass
    assert (glass.longest, glass.review_within) == (30 * MINUTE, 24 * HOUR)
    assert glass.reviewers == {"auditor"}


SECRET = """
[[class]]
name = "suspicion"
needs = ["investigator", "compliance"]
longest = "2d"
decide_within = "2d"
confidential = true
sees = ["auditor"]
[class.when]
purposes = ["SUSPICIOUS_ACTIVITY_INVESTIGATION"]
"""


def test_a_confidential_class_asks_and_tells_nobody_else(tmp_path: Path) -> None:
    classes = read(tmp_path, SECRET + GOOD)
    assert classes.initiates == {"investigator", "compliance", "auditor"}
    assert classes.viewers == read(tmp_path).viewers, "who is asked about secrets sees no others"
    # Those that another class needs would learn of it: only its times and its case reference hold.
    found = classes.of("SUSPICIOUS_ACTIVITY_INVESTIGATION", [NAME, NUMBER], sensitive=True)
    assert found is not None
    assert (found.name, found.confidential) == ("suspicion+numbers+sensitive", True)
    assert found.needs == ("investigator", "compliance")
    assert found.seen_by == ("investigator", "compliance", "auditor")
    assert (found.longest, found.decide_within) == (30 * MINUTE, 8 * HOUR)
    assert found.case_reference
    plain = classes.of("CUSTOMER_SERVICE", [NAME], sensitive=False)
    assert plain is not None and not plain.confidential and not plain.seen_by


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("confidential = true\n", "", "suspicion: sees is for a confidential class"),
        ('["investigator", "compliance"]', "[]", "suspicion: a confidential class needs somebody"),
        (
            '[class.when]\npurposes = ["SUSPICIOUS_ACTIVITY_INVESTIGATION"]\n',
            "",
            "suspicion: a confidential class needs somebody, and names its purposes",
        ),
        (
            'sees = ["auditor"]\n',
            "",
            "suspicion: nobody who sees it reviews a broken glass; give break_glass.reviewers one "
            "of investigator, compliance",
        ),
    ],
)
def test_a_confidential_class_that_would_not_be_one_is_refused(
    tmp_path: Path, before: str, after: str, message: str
) -> None:
    assert before in SECRET
    with pytest.raises(ClassesInvalid, match=re.escape(message)):
        read(tmp_path, SECRET.replace(before, after) + GOOD)


ALL = """
[[class]]
name = "all_files"
needs = ["custodian", "compliance"]
longest = "1h"
decide_within = "1h"
[class.when]
whole_institution = true
"""


@pytest.mark.parametrize("sensitive", [False, True])
def test_all_files_and_one_file_have_no_class_in_common(tmp_path: Path, sensitive: bool) -> None:
    classes = read(tmp_path, ALL + GOOD)
    for purpose in Purpose:
        whole = classes.of(purpose, [NAME, NUMBER], sensitive=sensitive, whole=True)
        assert whole is not None
        assert (whole.name, whole.needs) == ("all_files", ("custodian", "compliance"))
        one = classes.of(purpose, [NAME, NUMBER], sensitive=sensitive)
        assert one is not None and not one.whole_institution
        assert "all_files" not in one.name
    # Without such a class nobody asks for all.
    assert read(tmp_path).of("CUSTOMER_SERVICE", [NAME], sensitive=sensitive, whole=True) is None


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('["custodian", "compliance"]', '["custodian"]', "all_files: all customers at once take"),
        ('["custodian", "compliance"]', "[]", "all_files: all customers at once take two"),
        ("whole_institution = true", "whole_institution = true\nsensitive = true", "leave it out"),
    ],
)
def test_a_class_of_all_files_that_asks_fewer_than_two_is_refused(
    tmp_path: Path, before: str, after: str, message: str
) -> None:
    assert before in ALL
    with pytest.raises(ClassesInvalid, match=re.escape(message)):
        read(tmp_path, ALL.replace(before, after) + GOOD)


def test_all_files_are_lent_by_the_vaults_own_classes_to_two_for_an_authority_or_an_audit() -> None:
    classes = read_classes()
    found = {p: classes.of(p, [NAME], sensitive=False, whole=True) for p in Purpose if p}
    lent = {purpose: of for purpose, of in found.items() if of is not None}
    assert set(lent) == {
        Purpose.REGULATOR_REQUEST,
        Purpose.JUDICIAL_REQUEST,
        Purpose.INTERNAL_AUDIT,
    }
    for of in lent.values():
        assert (of.needs, of.longest) == (("custodian", "compliance"), 4 * HOUR)
        assert of.case_reference and not of.confidential


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('"8h"', '"0h"', 'contact: longest: write up to 90 days as in "30m", "8h", "2d"'),
        ('"8h"', '"-1h"', "contact: longest"),
        ('"8h"', '"91d"', "contact: longest"),
        ('"8h"', '""', "contact: longest"),
        ('"8h"', '"forever"', "contact: longest"),
        ('"8h"', '" 8h"', "contact: longest"),
        ('"8h"', "8", "Expected `str`, got `int` - at `$.class[0].longest`"),
        ('decide_within = "24h"\n', "", "missing required field `decide_within`"),
        ('longest = "8h"\n', "", "missing required field `longest`"),
        ('needs = ["custodian"]\n', "", "missing required field `needs`"),
        ('["custodian"]', '["custodian", "custodian"]', "contact: needs names up to four roles"),
        ('["custodian"]', '["a", "b", "c", "d", "e"]', "contact: needs names up to four roles"),
        ('["custodian"]', '["*"]', "at `$.class[0].needs[0]`"),
        ("CUSTOMER_SERVICE", "CURIOSITY", "contact: no purpose is called CURIOSITY"),
        ("CUSTOMER_SERVICE", "", "contact: no purpose is called"),
        ('"customer.natural_person.identity"', '"customer.*"', "at `$.class[1].when.fields"),
        ('"customer.natural_person.identity"', '"identity"', "at `$.class[1].when.fields"),
        ('name = "sensitive"', 'name = "contact"', "two classes have one name"),
        ("case_reference", "case_number", "unknown field `case_number`"),
        ('[register]\nsees = ["security_officer"]\n', "", "missing required field `register`"),
        ('review_within = "24h"', 'review_within = "0m"', "break_glass: review_within"),
        ('longest = "30m"\nreview_within', 'longest = "1y"\nreview_within', "break_glass: longest"),
        ('["auditor"]', "[]", "break_glass.reviewers"),
        ("[[class]]", "[[class]", "classes.toml: "),
    ],
)
def test_a_file_that_cannot_be_used_says_what_to_mend(
    tmp_path: Path, before: str, after: str, message: str
) -> None:
    assert before in GOOD
    with pytest.raises(ClassesInvalid, match=re.escape(message)) as raised:
        read(tmp_path, GOOD.replace(before, after, 1))
    assert str(raised.value).startswith("classes.toml: ")


def test_a_file_that_is_not_there_or_lends_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClassesInvalid, match=r"none.toml"):
        read_classes(tmp_path / "none.toml")
    with pytest.raises(ClassesInvalid, match="without a class nothing can be lent"):
        read(tmp_path, "class = []\n" + GOOD[GOOD.index("[register]") :])
    with pytest.raises(ClassesInvalid):
        (tmp_path / "bytes.toml").write_bytes(b"\xff")
        read_classes(tmp_path / "bytes.toml")


@given(
    purpose=st.sampled_from([p.value for p in Purpose if p]),
    fields=st.lists(
        st.sampled_from(
            [NAME, NUMBER, "customer.phones", "identity_document.number", "transaction.amount"]
        ),
        min_size=1,
        unique=True,
    ),
    sensitive=st.booleans(),
)
def test_the_vaults_own_classes_have_ends_and_ask_somebody(
    purpose: str, fields: list[str], sensitive: bool
) -> None:
    found = read_classes().of(purpose, fields, sensitive=sensitive)
    if purpose == Purpose.SYSTEM_OPERATION and not sensitive:
        assert found is None, "nobody borrows to operate the system"
        return
    assert found is not None
    assert found.needs and 0 < found.longest <= 5 * 24 * HOUR and found.decide_within > 0
    assert not sensitive or len(found.needs) > 1
    # Who is no investigator and not of compliance does not learn of a suspicion.
    suspicion = purpose == Purpose.SUSPICIOUS_ACTIVITY_INVESTIGATION
    assert found.confidential == suspicion
    assert ("custodian" in found.needs) is not suspicion
    assert not sensitive or found.longest <= HOUR


@given(st.data())
def test_more_fields_never_ask_for_less(data: st.DataObject) -> None:
    classes = read_classes()
    paths = st.sampled_from([NAME, NUMBER, "customer.accounts", "transaction.amount"])
    some = data.draw(st.lists(paths, min_size=1, unique=True))
    more = [*some, *data.draw(st.lists(paths, unique=True))]
    purpose = data.draw(st.sampled_from([p.value for p in Purpose if p]))
    less_asked = classes.of(purpose, some, sensitive=False)
    more_asked = classes.of(purpose, more, sensitive=data.draw(st.booleans()))
    if less_asked is None:
        return
    assert more_asked is not None
    assert set(more_asked.needs) >= set(less_asked.needs)
    assert more_asked.longest <= less_asked.longest
    assert more_asked.case_reference >= less_asked.case_reference
