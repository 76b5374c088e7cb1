"""Two persons make a member of a compartment and unmake him, whatever their accounts are called."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.access.compartments import (
    TEXTS,
    By,
    CompartmentRefused,
    MemberState,
    NotForMembers,
    Place,
    agree,
    founder,
    propose_member,
    propose_removal,
)

ZHAO, QIAN, SUN = By("zhao", "p-zhao"), By("qian", "p-qian"), By("sun", "p-sun")
FIRST = founder(ZHAO)
PROPOSED = propose_member(None, "p-qian", ZHAO, "p-sun")
MEMBER = agree(PROPOSED, SUN, [FIRST, PROPOSED])


def refused(why: NotForMembers) -> "pytest.RaisesExc[CompartmentRefused]":
    return pytest.RaisesExc(CompartmentRefused, match=why.value)


def test_who_opens_a_compartment_is_its_member() -> None:
    assert FIRST.is_member and not FIRST.waits


def test_a_person_is_a_member_only_when_another_one_has_agreed() -> None:
    assert not PROPOSED.is_member and PROPOSED.waits
    assert MEMBER.is_member and not MEMBER.waits
    assert (MEMBER.version, MEMBER.agreed_by, MEMBER.proposer) == (2, "sun", "zhao")


@pytest.mark.parametrize("second", ["", "p-zhao", "p-qian"])
def test_neither_who_proposes_nor_whom_it_is_about_agrees(second: str) -> None:
    with refused(NotForMembers.SECOND_PERSON):
        propose_member(None, "p-qian", ZHAO, second)
    with refused(NotForMembers.SECOND_PERSON):
        propose_removal(MEMBER, ZHAO, second, [FIRST, MEMBER])


def test_nobody_agrees_but_the_person_who_was_named() -> None:
    for by in (QIAN, By("zhao-again", "p-zhao"), By("li", "p-li"), By("program", "")):
        with refused(NotForMembers.SECOND_PERSON):
            agree(PROPOSED, by, [FIRST])
    # Named by a row that no proposal makes.
    for person in ("p-zhao", "p-qian", ""):
        with refused(NotForMembers.SECOND_PERSON):
            agree(replace(PROPOSED, agree_by=person), By("x", person), [FIRST])


def test_what_was_proposed_by_somebody_who_is_a_member_no_more_falls() -> None:
    gone = replace(FIRST, state=MemberState.REMOVED)
    with refused(NotForMembers.NOTHING_PROPOSED):
        agree(PROPOSED, SUN, [gone, PROPOSED])


def test_nothing_is_agreed_to_twice() -> None:
    with refused(NotForMembers.NOTHING_PROPOSED):
        agree(MEMBER, SUN, [FIRST, MEMBER])


def test_a_member_is_one_until_another_person_agrees_to_his_removal() -> None:
    asked = propose_removal(MEMBER, ZHAO, "p-sun", [FIRST, MEMBER])
    assert asked.is_member
    gone = agree(asked, SUN, [FIRST, asked])
    assert not gone.is_member and gone.state is MemberState.REMOVED
    with refused(NotForMembers.NO_MEMBER):
        propose_removal(gone, ZHAO, "p-sun", [FIRST, gone])
    assert propose_member(gone, "p-qian", ZHAO, "p-sun").version == gone.version + 1


def test_the_last_member_stays() -> None:
    with refused(NotForMembers.LAST_MEMBER):
        propose_removal(FIRST, ZHAO, "p-sun", [FIRST, PROPOSED])
    asked = propose_removal(FIRST, QIAN, "p-sun", [FIRST, MEMBER])
    # Meanwhile the other one was removed.
    with refused(NotForMembers.LAST_MEMBER):
        agree(
            replace(asked, proposer_person="p-zhao"),
            SUN,
            [asked, replace(MEMBER, state=MemberState.REMOVED)],
        )


def test_a_proposal_is_withdrawn_and_replaced_without_anybodys_agreement() -> None:
    assert propose_member(PROPOSED, "p-qian", ZHAO, "p-li").agree_by == "p-li"
    assert propose_removal(PROPOSED, ZHAO, "p-sun", [FIRST]).state is MemberState.REMOVED
    with refused(NotForMembers.MEMBER_ALREADY):
        propose_member(MEMBER, "p-qian", ZHAO, "p-sun")


PEOPLE = st.sampled_from(["p-zhao", "p-qian", "p-sun", ""])


@given(
    st.lists(
        st.tuples(st.sampled_from(["add", "remove", "agree"]), PEOPLE, PEOPLE, PEOPLE), max_size=25
    )
)
def test_there_is_always_a_member_and_never_one_without_two_persons(
    steps: list[tuple[str, str, str, str]],
) -> None:
    held: dict[str, Place] = {"p-zhao": FIRST}
    for what, who, about, second in steps:
        by, before, everybody = By(f"a-{who}", who), held.get(about), list(held.values())
        caller = held.get(who)
        may = caller is not None and caller.is_member
        try:
            if what == "agree" and before is not None:
                held[about] = agree(before, by, everybody)
            elif what == "add" and may:
                held[about] = propose_member(before, about, by, second)
            elif what == "remove" and may:
                held[about] = propose_removal(before, by, second, everybody)
        except CompartmentRefused:
            continue
        for place in held.values():
            if place.is_member and place is not FIRST and place.state is MemberState.MEMBER:
                agreed = place.agreed_by.removeprefix("a-")
                assert agreed and agreed not in (place.proposer_person, place.person)
        assert any(place.is_member for place in held.values())


def test_each_refusal_has_its_words_in_both_languages() -> None:
    assert set(TEXTS) == set(NotForMembers)
    for en, zh in TEXTS.values():
        assert en.isascii() and not zh.isascii()
