"""What may become of a proposal: another person's word on exactly its content, in time, once."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.access.proposals import (
    LASTS,
    Kind,
    Party,
    Proposal,
    ProposalRefused,
    Stage,
    State,
    WhyNot,
    approve,
    propose,
    reject,
    withdraw,
)

NOW = 1_795_000_000_000_000
ALICE, ALICE_AT_HOME = Party("alice", "p-a"), Party("alice-home", "p-a")
BOB, PROGRAM = Party("bob", "p-b"), Party("backend", "")
MADE = propose(Kind.DIRECTORY, "demo-bank", "0" * 26, ALICE, b"{}", "why", NOW)


def nobody(_who: Party) -> bool:
    return False


def everybody(_who: Party) -> bool:
    return True


def refused(step: Callable[[], object]) -> WhyNot:
    with pytest.raises(ProposalRefused) as caught:
        step()
    return caught.value.why


def agreed(proposal: Proposal = MADE, who: Party = BOB, now: int = NOW + 1) -> Proposal:
    return approve(proposal, who, MADE.etag, everybody, nobody, 5, now, "seen")


def test_another_person_approves_and_says_so() -> None:
    found = agreed()
    assert (found.stage, found.version, found.applied) == (Stage.APPROVED, 2, 5)
    assert (found.decided_by, found.decided_person, found.comment) == ("bob", "p-b", "seen")
    assert (found.etag, found.content) == (MADE.etag, MADE.content)


@pytest.mark.parametrize("step", [approve, reject])
@pytest.mark.parametrize(
    ("who", "why"),
    [
        (ALICE, WhyNot.OWN_PROPOSAL),
        (ALICE_AT_HOME, WhyNot.OWN_PROPOSAL),
        (PROGRAM, WhyNot.NO_PERSON),
        # Said to be another person by now: the account is the same.
        (Party("alice", "p-z"), WhyNot.OWN_PROPOSAL),
    ],
)
def test_nobody_decides_on_his_own_and_no_program_on_any(
    step: object, who: Party, why: WhyNot
) -> None:
    def decide() -> object:
        if step is approve:
            return approve(MADE, who, MADE.etag, everybody, nobody, 1, NOW)
        return reject(MADE, who, MADE.etag, NOW)

    assert refused(decide) is why


def test_whom_the_change_concerns_does_not_approve_it() -> None:
    concerned = {BOB}.__contains__
    step = approve
    assert (
        refused(lambda: step(MADE, BOB, MADE.etag, everybody, concerned, 1, NOW))
        is WhyNot.OWN_ENTRY
    )


def test_what_its_proposer_could_not_propose_any_more_is_rejected_and_not_approved() -> None:
    still = {BOB}.__contains__
    step = approve
    assert (
        refused(lambda: step(MADE, BOB, MADE.etag, still, nobody, 1, NOW)) is WhyNot.PROPOSER_GONE
    )
    back = {ALICE}.__contains__
    assert approve(MADE, BOB, MADE.etag, back, nobody, 1, NOW).stage is Stage.APPROVED
    assert reject(MADE, BOB, MADE.etag, NOW).stage is Stage.REJECTED


def test_a_program_proposes_nothing() -> None:
    step = propose
    assert refused(lambda: step(Kind.POLICY, "", "0" * 26, PROGRAM, b"", "", NOW)) is (
        WhyNot.NO_PERSON
    )


def test_it_lapses_by_the_clock_after_seven_days() -> None:
    assert LASTS == 7 * 24 * 3600 * 1_000_000
    last = NOW + LASTS - 1
    assert (MADE.state_at(last), MADE.state_at(last + 1)) == (State.PROPOSED, State.LAPSED)
    assert agreed(now=last).stage is Stage.APPROVED
    for step in (
        lambda: agreed(now=last + 1),
        lambda: reject(MADE, BOB, MADE.etag, last + 1),
        lambda: withdraw(MADE, ALICE, last + 1),
    ):
        assert refused(step) is WhyNot.NOT_OPEN
    assert agreed().state_at(last + 1) is State.APPROVED


@pytest.mark.parametrize(
    "over", [agreed(), reject(MADE, BOB, MADE.etag, NOW), withdraw(MADE, ALICE_AT_HOME, NOW)]
)
def test_what_is_decided_stays_so(over: Proposal) -> None:
    other = Party("carol", "p-c")
    for step in (
        lambda: agreed(over, other),
        lambda: reject(over, other, over.etag, NOW),
        lambda: withdraw(over, ALICE, NOW),
    ):
        assert refused(step) is WhyNot.NOT_OPEN


def test_only_the_proposer_withdraws() -> None:
    for who in (BOB, PROGRAM):
        assert refused(lambda who=who: withdraw(MADE, who, NOW)) is WhyNot.NOT_PROPOSER  # type: ignore[misc]


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "institution": st.text(max_size=3),
            "identifier": st.text(max_size=3),
            "kind": st.sampled_from(Kind),
            "content": st.binary(max_size=4),
            "reason": st.text(max_size=3),
            "proposer": st.text(max_size=3),
        },
    )
)
def test_the_etag_is_of_exactly_this_proposal_and_content(changes: dict[str, object]) -> None:
    other = replace(MADE, **changes)  # type: ignore[arg-type]  # fields by name
    same = other == MADE
    assert (other.etag == MADE.etag) is same
    if not same:
        assert (
            refused(lambda: approve(other, BOB, MADE.etag, everybody, nobody, 1, NOW))
            is WhyNot.CHANGED
        )


def test_a_later_version_has_the_same_etag() -> None:
    assert replace(MADE, version=9, stage=Stage.REJECTED, comment="no").etag == MADE.etag


def test_nothing_of_the_content_is_in_the_representation() -> None:
    secret = replace(MADE, content=b"p-secret", reason="secret", comment="secret")
    assert "secret" not in repr(secret)
