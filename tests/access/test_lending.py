"""The rules of the lending register: who may ask, agree, end and review, and until when."""

from dataclasses import replace

import pytest

from vault.access.lending import (
    CheckOut,
    LendingClass,
    LendingRefused,
    Party,
    Stage,
    State,
    Verdict,
    Why,
    Wish,
    transitions,
)

SECOND = 1_000_000
HOUR = 3_600 * SECOND
NOW = 1_700_000_000 * SECOND
FILE, OTHER_FILE = "01jd0000000000000000000000", "01jd0000000000000000000001"
NAME, PHONES = "customer.natural_person.full_name", "customer.phones"
REVIEWERS = frozenset({"security_officer", "custodian"})


def a_class(**changes: object) -> LendingClass:
    made = LendingClass(
        name="contact",
        needs=("custodian",),
        longest=8 * HOUR,
        decide_within=24 * HOUR,
        case_reference=False,
        purposes=(),
        fields=(),
        sensitive=False,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # names are checked by replace


def wish(**changes: object) -> Wish:
    made = Wish(
        institution="demo-bank",
        customer=FILE,
        record="",
        fields=(NAME, PHONES),
        purpose="CUSTOMER_SERVICE",
        has_case_reference=False,
        duration=2 * HOUR,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # names are checked by replace


def party(name: str, *roles: str, person: str = "", files: tuple[str, ...] = ()) -> Party:
    return Party(name, person or f"p-{name}", frozenset(roles), frozenset(files))


TELLER = party("teller", "teller")
CUSTODIAN = party("custodian", "custodian")
COMPLIANCE = party("compliance", "compliance")
OFFICER = party("officer", "security_officer")


def asked(of: LendingClass | None = None, /, **changes: object) -> CheckOut:
    return transitions.request(wish(**changes), "01k0", TELLER, of or a_class(), NOW)


def active(**changes: object) -> CheckOut:
    return transitions.approve(asked(None, **changes), CUSTODIAN, NOW + SECOND)


def broken() -> CheckOut:
    return transitions.break_glass(
        wish(duration=HOUR), "01k1", TELLER, None, NOW, longest=HOUR // 2, review_within=24 * HOUR
    )


def why(raised: pytest.ExceptionInfo[LendingRefused]) -> Why:
    assert raised.value.en and raised.value.zh
    return raised.value.why


# -- asking ----------------------------------------------------------------------------------------


def test_a_request_waits_until_it_lapses_by_itself() -> None:
    out = asked()
    assert out.stage is Stage.REQUESTED and out.version == 1 and out.starts_at == 0
    assert out.state_at(out.decide_by - 1) is State.REQUESTED
    assert out.decide_by == NOW + 24 * HOUR
    assert out.state_at(out.decide_by) is State.LAPSED


def test_a_class_that_needs_nobody_opens_at_once() -> None:
    out = asked(a_class(needs=()))
    assert out.stage is Stage.ACTIVE
    assert (out.starts_at, out.ends_at) == (NOW, NOW + 2 * HOUR)


@pytest.mark.parametrize(
    ("of", "changes", "reason", "field"),
    [
        (a_class(), {"duration": 0}, Why.NO_DURATION, "duration"),
        (a_class(), {"duration": -1}, Why.NO_DURATION, "duration"),
        (a_class(), {"duration": 8 * HOUR + 1}, Why.TOO_LONG, "duration"),
        (a_class(), {"fields": ()}, Why.NO_FIELDS, "fields"),
        (a_class(case_reference=True), {}, Why.CASE_REFERENCE, ""),
    ],
)
def test_a_request_without_end_or_fields_or_beyond_its_class_is_refused(
    of: LendingClass, changes: dict[str, object], reason: Why, field: str
) -> None:
    with pytest.raises(LendingRefused) as raised:
        asked(of, **changes)
    assert (why(raised), raised.value.field) == (reason, field)


@pytest.mark.parametrize(
    ("longest", "en", "zh"),
    [
        (90 * HOUR, "90 h", "90 小时"),
        (48 * HOUR, "2 d", "2 天"),
        (HOUR // 2, "30 min", "30 分钟"),
        (HOUR // 2 * 3, "90 min", "90 分钟"),
    ],
)
def test_who_asks_for_too_long_is_told_how_long_it_may_be(longest: int, en: str, zh: str) -> None:
    with pytest.raises(LendingRefused) as raised:
        asked(a_class(longest=longest), duration=longest + 1)
    assert f", which is {en};" in raised.value.en
    assert f"（{zh}）" in raised.value.zh


def test_what_no_class_covers_is_not_lent() -> None:
    with pytest.raises(LendingRefused) as raised:
        transitions.request(wish(), "01k0", TELLER, None, NOW)
    assert why(raised) is Why.NO_CLASS


def test_nobody_asks_for_his_own_file_or_a_relatives() -> None:
    me = party("me", "teller", files=(FILE,))
    with pytest.raises(LendingRefused) as raised:
        transitions.request(wish(), "01k0", me, a_class(), NOW)
    assert why(raised) is Why.OWN_FILE
    with pytest.raises(LendingRefused) as raised:
        transitions.break_glass(wish(), "01k0", me, None, NOW, longest=HOUR, review_within=HOUR)
    assert why(raised) is Why.OWN_FILE


# -- agreeing --------------------------------------------------------------------------------------


def test_the_clock_starts_with_the_last_approval() -> None:
    out = asked(a_class(needs=("custodian", "compliance")))
    first = transitions.approve(out, CUSTODIAN, NOW + HOUR)
    assert first.stage is Stage.REQUESTED and first.starts_at == 0 and first.version == 2
    assert first.waiting_roles == ("compliance",)
    second = transitions.approve(first, COMPLIANCE, NOW + 3 * HOUR)
    assert second.stage is Stage.ACTIVE and second.version == 3
    assert (second.starts_at, second.ends_at) == (NOW + 3 * HOUR, NOW + 5 * HOUR)
    assert second.state_at(second.ends_at - 1) is State.ACTIVE
    assert second.state_at(second.ends_at) is State.EXPIRED
    assert [(a.approver, a.role) for a in second.approvals] == [
        ("custodian", "custodian"),
        ("compliance", "compliance"),
    ]


def test_an_approver_shortens_and_narrows() -> None:
    out = transitions.approve(asked(), CUSTODIAN, NOW, fields=[PHONES], duration=HOUR)
    assert out.fields == (PHONES,)
    assert out.ends_at == NOW + HOUR


def test_a_part_of_a_message_that_was_asked_for_is_narrower() -> None:
    out = asked(fields=("customer.natural_person",))
    assert transitions.approve(out, CUSTODIAN, NOW, fields=[NAME]).fields == (NAME,)


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"fields": ["customer.natural_person"]}, Why.WIDER, "fields"),
        ({"fields": [PHONES, "customer.emails"]}, Why.WIDER, "fields"),
        ({"fields": ["customer.phones_too"]}, Why.WIDER, "fields"),
        ({"duration": 2 * HOUR + 1}, Why.WIDER, "duration"),
        ({"duration": 0}, Why.NO_DURATION, "duration"),
        ({"duration": -HOUR}, Why.NO_DURATION, "duration"),
    ],
)
def test_an_approver_never_widens_nor_takes_the_end_away(
    changes: dict[str, object], reason: Why, field: str
) -> None:
    with pytest.raises(LendingRefused) as raised:
        transitions.approve(asked(), CUSTODIAN, NOW, **changes)  # type: ignore[arg-type]  # by name
    assert (why(raised), raised.value.field) == (reason, field)


def test_the_requester_does_not_decide_under_another_account() -> None:
    second_account = party("teller-at-home", "custodian", person=TELLER.person)
    for decide in (transitions.approve, transitions.deny):
        with pytest.raises(LendingRefused) as raised:
            decide(asked(), second_account, NOW)
        assert why(raised) is Why.OWN_REQUEST


def test_the_subject_of_the_file_and_his_relatives_do_not_decide() -> None:
    subject = party("custodian", "custodian", files=(OTHER_FILE, FILE))
    for decide in (transitions.approve, transitions.deny):
        with pytest.raises(LendingRefused) as raised:
            decide(asked(), subject, NOW)
        assert why(raised) is Why.OWN_FILE


def test_two_roles_of_one_person_are_one_approval() -> None:
    out = asked(a_class(needs=("custodian", "compliance")))
    both = party("both", "custodian", "compliance")
    first = transitions.approve(out, both, NOW)
    again = party("both-at-home", "compliance", person=both.person)
    for who in (both, again):
        with pytest.raises(LendingRefused) as raised:
            transitions.approve(first, who, NOW)
        assert why(raised) is Why.APPROVED_ALREADY


def test_one_role_is_filled_once() -> None:
    first = transitions.approve(asked(a_class(needs=("custodian", "compliance"))), CUSTODIAN, NOW)
    with pytest.raises(LendingRefused) as raised:
        transitions.approve(first, party("custodian-2", "custodian"), NOW)
    assert why(raised) is Why.ROLE_NOT_NEEDED


def test_who_has_no_role_that_is_needed_does_not_decide() -> None:
    for decide in (transitions.approve, transitions.deny):
        with pytest.raises(LendingRefused) as raised:
            decide(asked(), COMPLIANCE, NOW)
        assert why(raised) is Why.ROLE_NOT_NEEDED


def test_nobody_decides_on_what_lapsed_was_denied_or_is_lent() -> None:
    denied = transitions.deny(asked(), CUSTODIAN, NOW)
    assert denied.stage is Stage.DENIED and denied.ended_by == "custodian"
    for out, now in ((asked(), NOW + 24 * HOUR), (denied, NOW), (active(), NOW + 2 * SECOND)):
        for decide in (transitions.approve, transitions.deny):
            with pytest.raises(LendingRefused) as raised:
                decide(out, party("custodian-2", "custodian"), now)
            assert why(raised) is Why.NOT_WAITING


# -- ending ----------------------------------------------------------------------------------------


def test_only_the_requester_returns_and_under_any_account() -> None:
    with pytest.raises(LendingRefused) as raised:
        transitions.give_back(active(), CUSTODIAN, NOW + HOUR)
    assert why(raised) is Why.NOT_REQUESTER
    at_home = party("teller-at-home", person=TELLER.person)
    out = transitions.give_back(active(), at_home, NOW + HOUR)
    assert (out.stage, out.ends_at, out.ended_by) == (Stage.RETURNED, NOW + HOUR, "teller-at-home")


def test_a_request_is_withdrawn_while_it_waits() -> None:
    assert transitions.give_back(asked(), TELLER, NOW).state_at(NOW) is State.RETURNED


def test_what_is_over_ends_no_second_time() -> None:
    lent = active()
    expired = (lent, lent.ends_at)
    returned = (transitions.give_back(lent, TELLER, NOW + HOUR), NOW + HOUR)
    lapsed = (asked(), NOW + 24 * HOUR)
    for out, now in (expired, returned, lapsed):
        for end in (transitions.give_back, transitions.revoke):
            with pytest.raises(LendingRefused) as raised:
                end(out, TELLER, now)
            assert why(raised) is Why.NOT_ACTIVE


def test_what_waits_is_denied_and_not_revoked() -> None:
    with pytest.raises(LendingRefused) as raised:
        transitions.revoke(asked(), CUSTODIAN, NOW)
    assert why(raised) is Why.NOT_ACTIVE
    assert transitions.revoke(active(), CUSTODIAN, NOW + HOUR).stage is Stage.REVOKED


def test_a_one_time_check_out_is_used_once() -> None:
    once = active(one_time=True)
    used = transitions.use(once, NOW + HOUR)
    assert used.state_at(NOW + HOUR) is State.USED
    for out, now in ((used, NOW + HOUR), (active(), NOW + HOUR), (once, once.ends_at)):
        with pytest.raises(LendingRefused) as raised:
            transitions.use(out, now)
        assert why(raised) is Why.NOT_ACTIVE


def test_the_export_of_all_goes_on_where_it_broke_off_and_no_other_one() -> None:
    every = active(customer="", duration=HOUR)
    assert every.one_time
    begun = transitions.export(every, "digest", "c3", NOW + 2 * SECOND)
    assert (begun.stage, begun.used_for, begun.used_after) == (Stage.USED, "digest", "c3")
    again = transitions.export(begun, "digest", "c7", NOW + 3 * SECOND)
    assert again == replace(begun, version=begun.version + 1)
    for of, after in (("other", "c7"), ("digest", "c2"), ("digest", "")):
        with pytest.raises(LendingRefused) as raised:
            transitions.export(again, of, after, NOW + 3 * SECOND)
        assert why(raised) is Why.OTHER_EXPORT
    whole = transitions.exported(again, NOW + 4 * SECOND)
    over = transitions.give_back(again, TELLER, NOW + 4 * SECOND)
    late = again.starts_at + HOUR
    for out, now in ((whole, NOW + 5 * SECOND), (over, NOW + 5 * SECOND), (again, late)):
        for step in (
            lambda out, now: transitions.export(out, "digest", "c7", now),
            transitions.exported,
        ):
            with pytest.raises(LendingRefused) as raised:
                step(out, now)
            assert why(raised) is Why.NOT_ACTIVE
    # One that was used by another kind of export goes on with none.
    with pytest.raises(LendingRefused) as raised:
        transitions.export(transitions.use(every, NOW + SECOND), "digest", "c3", NOW + 2 * SECOND)
    assert why(raised) is Why.OTHER_EXPORT


# -- asking again ----------------------------------------------------------------------------------


def test_a_renewal_asks_for_what_was_lent_and_no_more() -> None:
    lent = transitions.approve(asked(), CUSTODIAN, NOW, fields=[PHONES], duration=HOUR)
    again = transitions.renewal(lent, TELLER, 3 * HOUR, has_case_reference=True)
    assert again.fields == (PHONES,) and again.duration == 3 * HOUR
    assert again.renews == "institutions/demo-bank/checkOuts/01k0" and again.has_case_reference


def test_only_what_was_lent_is_renewed_and_by_who_had_it() -> None:
    with pytest.raises(LendingRefused) as raised:
        transitions.renewal(active(), CUSTODIAN, HOUR, has_case_reference=False)
    assert why(raised) is Why.NOT_REQUESTER
    denied = transitions.deny(asked(), CUSTODIAN, NOW)
    revoked = transitions.revoke(active(), CUSTODIAN, NOW + HOUR)
    for out in (asked(), denied, revoked, broken()):
        with pytest.raises(LendingRefused) as raised:
            transitions.renewal(out, TELLER, HOUR, has_case_reference=False)
        assert why(raised) is Why.NOT_RENEWABLE


# -- broken glass ----------------------------------------------------------------------------------


def test_a_broken_glass_opens_at_once_for_no_longer_than_it_may() -> None:
    out = broken()
    assert out.state_at(NOW) is State.ACTIVE and out.break_glass
    assert (out.ends_at, out.review_by) == (NOW + HOUR // 2, NOW + 24 * HOUR)


def test_a_broken_glass_is_reviewed_by_another_person_once() -> None:
    reviewed = transitions.review(broken(), OFFICER, Verdict.JUSTIFIED, REVIEWERS, NOW + HOUR)
    assert (reviewed.verdict, reviewed.reviewer) == (Verdict.JUSTIFIED, "officer")
    assert reviewed.stage is Stage.ACTIVE and reviewed.ends_at == broken().ends_at
    at_home = party("teller-at-home", "custodian", person=TELLER.person)
    subject = party("custodian", "custodian", files=(FILE,))
    for out, who, reason in (
        (broken(), at_home, Why.OWN_REQUEST),
        (broken(), subject, Why.OWN_FILE),
        (broken(), COMPLIANCE, Why.ROLE_NOT_NEEDED),
        (reviewed, CUSTODIAN, Why.REVIEWED_ALREADY),
        (active(), OFFICER, Why.NOT_BREAK_GLASS),
    ):
        with pytest.raises(LendingRefused) as raised:
            transitions.review(out, who, Verdict.UNJUSTIFIED, REVIEWERS, NOW)
        assert why(raised) is reason


def test_an_unjustified_one_ends_with_the_review() -> None:
    out = transitions.review(broken(), OFFICER, Verdict.UNJUSTIFIED, REVIEWERS, NOW + SECOND)
    assert out.state_at(NOW + SECOND) is State.REVOKED
    late = transitions.review(broken(), OFFICER, Verdict.UNJUSTIFIED, REVIEWERS, NOW + HOUR)
    assert late.state_at(NOW + HOUR) is State.EXPIRED and late.ends_at == broken().ends_at


# -- what waits for whom ---------------------------------------------------------------------------


def test_what_waits_for_somebody_is_what_he_could_decide() -> None:
    two = asked(a_class(needs=("custodian", "compliance")))
    half = transitions.approve(two, CUSTODIAN, NOW)
    at_home = party("teller-at-home", "custodian", person=TELLER.person)
    subject = party("subject", "custodian", files=(FILE,))
    reviewed = transitions.review(broken(), OFFICER, Verdict.JUSTIFIED, REVIEWERS, NOW)
    for out, who, now, expected in (
        (two, CUSTODIAN, NOW, True),
        (two, COMPLIANCE, NOW, True),
        (two, OFFICER, NOW, False),
        (two, at_home, NOW, False),
        (two, subject, NOW, False),
        (two, CUSTODIAN, two.decide_by, False),
        (half, CUSTODIAN, NOW, False),
        (half, party("custodian-2", "custodian"), NOW, False),
        (half, COMPLIANCE, NOW, True),
        (active(), CUSTODIAN, NOW, False),
        (broken(), OFFICER, NOW + 99 * HOUR, True),
        (broken(), at_home, NOW, False),
        (broken(), COMPLIANCE, NOW, False),
        (reviewed, CUSTODIAN, NOW, False),
    ):
        assert transitions.waits_for(out, who, REVIEWERS, now) is expected, (out, who)


def test_two_approvals_by_persons_who_differ_are_needed_whatever_their_order() -> None:
    out = asked(a_class(needs=("custodian", "compliance")))
    a = transitions.approve(transitions.approve(out, CUSTODIAN, NOW), COMPLIANCE, NOW)
    b = transitions.approve(transitions.approve(out, COMPLIANCE, NOW), CUSTODIAN, NOW)
    assert a.stage is b.stage is Stage.ACTIVE


def test_half_an_approval_falls_and_what_was_narrowed_by_it_stays_narrow() -> None:
    made = asked(a_class(needs=("custodian", "compliance")))
    half = transitions.approve(made, CUSTODIAN, NOW + SECOND, fields=[PHONES], duration=HOUR)
    assert transitions.as_agreed(half, lambda _: True) is half
    giver = Party("custodian", "p-custodian", frozenset({"custodian"}))
    fallen = transitions.as_agreed(half, lambda who: who != giver)
    assert fallen == replace(half, approvals=())
    other = transitions.approve(fallen, COMPLIANCE, NOW + 2 * SECOND)
    assert (other.stage, other.waiting_roles) == (Stage.REQUESTED, ("custodian",))
    lent = transitions.approve(other, party("eva", "custodian"), NOW + 3 * SECOND)
    assert (lent.fields, lent.duration, lent.starts_at) == ((PHONES,), HOUR, NOW + 3 * SECOND)
    # What was decided by both stays decided.
    assert transitions.as_agreed(lent, lambda _: False) is lent


def test_a_person_in_both_roles_leaves_the_second_to_another() -> None:
    both = party("both", "custodian", "compliance")
    out = transitions.approve(asked(a_class(needs=("custodian", "compliance"))), both, NOW)
    # He has filled the first role that waited; whoever fills the other is somebody else.
    assert out.waiting_roles == ("compliance",)
    assert transitions.approve(out, COMPLIANCE, NOW).stage is Stage.ACTIVE


# -- all files at once -----------------------------------------------------------------------------


def all_files(**changes: object) -> CheckOut:
    """Lent to the teller for two hours, from the second approval on."""
    of = a_class(needs=("custodian", "compliance"), whole_institution=True)
    half = transitions.approve(asked(of, customer="", **changes), CUSTODIAN, NOW)
    return transitions.approve(half, COMPLIANCE, NOW)


def test_all_files_are_lent_for_one_export_whatever_was_wished() -> None:
    out = all_files(one_time=False)
    assert (out.one_time, out.subject) == (True, "institutions/demo-bank")
    again = transitions.renewal(out, TELLER, HOUR, has_case_reference=True)
    assert (again.customer, again.fields, again.one_time) == ("", out.fields, True)
    assert not active(one_time=False).one_time


def test_an_export_may_run_from_the_use_to_the_end_of_its_check_out() -> None:
    out = all_files()
    used = transitions.use(out, NOW + 1)
    assert not transitions.exporting(out, NOW)
    assert transitions.exporting(used, out.ends_at - 1)
    assert not transitions.exporting(used, out.ends_at)
    single = transitions.use(active(one_time=True), NOW + 2 * SECOND)
    assert not transitions.exporting(single, NOW + 2 * SECOND)


def test_what_takes_its_time_goes_on_as_long_as_it_is_lent() -> None:
    out = active()
    used = transitions.use(active(one_time=True), NOW + 2 * SECOND)
    for was, began in ((out, out), (used, used)):
        last = was.starts_at + was.duration - 1
        assert transitions.going_on(was, began, last)
        assert not transitions.going_on(was, began, last + 1)
    # What another has used up is over, and so is what was given or taken back.
    assert not transitions.going_on(used, active(one_time=True), NOW + 2 * SECOND)
    for ended in (
        transitions.give_back(out, TELLER, NOW + 2 * SECOND),
        transitions.revoke(out, CUSTODIAN, NOW + 2 * SECOND),
    ):
        assert not transitions.going_on(ended, out, NOW + 2 * SECOND)


def test_an_export_that_runs_is_ended_by_who_asked_and_by_who_takes_it_back() -> None:
    out = all_files()
    used = transitions.use(out, NOW + 1)
    last = out.ends_at - 1
    for ended in (
        transitions.give_back(used, TELLER, last),
        transitions.revoke(used, CUSTODIAN, last),
    ):
        assert not transitions.exporting(ended, last)
        with pytest.raises(LendingRefused) as raised:
            transitions.use(ended, last)
        assert why(raised) is Why.NOT_ACTIVE
    with pytest.raises(LendingRefused) as raised:
        transitions.give_back(used, CUSTODIAN, last)
    assert why(raised) is Why.NOT_REQUESTER
    # Over is over; and of one file, to be used is to be over.
    single = transitions.use(active(one_time=True), NOW + 2 * SECOND)
    for was, now in ((used, out.ends_at), (single, NOW + 2 * SECOND)):
        for end, who in ((transitions.give_back, TELLER), (transitions.revoke, CUSTODIAN)):
            with pytest.raises(LendingRefused) as raised:
                end(was, who, now)
            assert why(raised) is Why.NOT_ACTIVE
