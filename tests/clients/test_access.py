"""The lending register as callers use it: asking, deciding, watching, and for whom."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordsvault.access.v1 import access_pb2 as pb
from recordsvault_client import (
    Aborted,
    AccessClient,
    AsyncAccessClient,
    AsyncVaultClient,
    CheckOutWatch,
    PermissionDenied,
    Profile,
    RetryPolicy,
    TokenError,
    Unavailable,
    VaultClient,
    check_out_filter,
    check_out_states,
    is_over,
    opens_until,
    waiting_roles,
)
from recordsvault_masked import MaskedClient, lending
from tests.clients.fake_lending import CUSTOMER, START
from tests.clients.fake_vault import FakeVault, Refused, unavailable

FIELDS = ["customer.natural_person.full_name", "customer.phones"]
HOURS = timedelta(hours=2)
TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ6aGFuZyJ9.c2lnbmVk"


@pytest.fixture
def access(fake: FakeVault, fast: RetryPolicy) -> Iterator[AccessClient]:
    """A client of the register."""
    with AccessClient(Profile.load(fake.profile()), retry=fast) as client:
        yield client


def ask(access: AccessClient) -> pb.CheckOut:
    return access.request_check_out(
        CUSTOMER,
        fields=FIELDS,
        purpose="CUSTOMER_SERVICE",
        reason="Calls back about a lost card",
        duration=HOURS,
    )


# -- asking and deciding ---------------------------------------------------------------------


def test_what_is_asked_for_reaches_the_vault_and_is_asked_once(
    fake: FakeVault, access: AccessClient
) -> None:
    fake.fail("RequestCheckOut", unavailable(), unavailable())
    made = access.request_check_out(
        CUSTOMER,
        fields=FIELDS,
        purpose="REGULATOR_REQUEST",
        reason="Asked by letter",
        duration=timedelta(minutes=90),
        case_reference="2026-0117",
        one_time=True,
    )
    sent = fake.called("RequestCheckOut")
    assert len(sent) == 3
    assert len({request.request_id for request in sent}) == 1
    assert len(fake.lending.check_outs) == 1
    wish = sent[0].check_out
    assert sent[0].parent == "institutions/demo-bank"
    assert (wish.subject, list(wish.fields)) == (CUSTOMER, FIELDS)
    assert wish.duration.ToTimedelta() == timedelta(minutes=90)
    assert (wish.reason, wish.case_reference, wish.one_time) == (
        "Asked by letter",
        "2026-0117",
        True,
    )
    assert made.state == pb.CHECK_OUT_STATE_REQUESTED


def test_a_decision_carries_what_was_seen_and_may_be_for_less(
    fake: FakeVault, access: AccessClient
) -> None:
    asked = fake.lending.add(requester="zhang-min")
    fake.lending.caller = "li-wei"
    agreed = access.approve(
        asked.name, etag=asked.etag, fields=FIELDS[:1], duration=timedelta(minutes=30)
    )
    (sent,) = fake.called("ApproveCheckOut")
    assert sent.etag == asked.etag
    assert agreed.state == pb.CHECK_OUT_STATE_ACTIVE
    assert list(agreed.fields) == FIELDS[:1]
    assert opens_until(agreed) == START + timedelta(minutes=30)


def test_an_approval_to_all_of_it_names_neither_fields_nor_a_time(
    fake: FakeVault, access: AccessClient
) -> None:
    asked = fake.lending.add()
    fake.lending.caller = "li-wei"
    access.approve(asked.name, etag=asked.etag)
    (sent,) = fake.called("ApproveCheckOut")
    assert not sent.fields
    assert not sent.HasField("duration")


def test_what_changed_after_it_was_seen_is_not_agreed_to(
    fake: FakeVault, access: AccessClient
) -> None:
    asked = fake.lending.add()
    fake.lending.change(asked.name, reason="Another one")
    fake.lending.caller = "li-wei"
    for decide in (access.approve, access.deny):
        with pytest.raises(Aborted):
            decide(asked.name, etag=asked.etag)
    assert fake.lending.check_outs[asked.name].state == pb.CHECK_OUT_STATE_REQUESTED


def test_the_requester_hears_why_he_cannot_agree_to_his_own(
    fake: FakeVault, access: AccessClient
) -> None:
    asked = ask(access)
    with pytest.raises(PermissionDenied) as refused:
        access.approve(asked.name, etag=asked.etag)
    assert refused.value.reason == "CHECK_OUT_OWN_REQUEST"
    assert "自己" in refused.value.text("zh")


@pytest.mark.parametrize("decision", ["approve", "deny", "return_", "revoke", "review"])
def test_a_decision_is_sent_once_even_if_the_vault_is_away(
    fake: FakeVault, access: AccessClient, decision: str
) -> None:
    asked = fake.lending.add()
    method = {
        "approve": "ApproveCheckOut",
        "deny": "DenyCheckOut",
        "return_": "ReturnCheckOut",
        "revoke": "RevokeCheckOut",
        "review": "ReviewBreakGlass",
    }[decision]
    fake.fail(method, unavailable())
    more = {"approve": {"etag": asked.etag}, "deny": {"etag": asked.etag}}.get(decision, {})
    if decision == "review":
        more = {"etag": asked.etag, "verdict": "JUSTIFIED"}
    with pytest.raises(Unavailable):
        getattr(access, decision)(asked.name, **more)
    assert len(fake.called(method)) == 1


def test_a_glass_is_broken_once_even_if_the_answer_is_lost(
    fake: FakeVault, access: AccessClient
) -> None:
    fake.fail("BreakGlass", unavailable())
    with pytest.raises(Unavailable):
        access.break_glass(CUSTOMER, purpose="CUSTOMER_SERVICE", reason="Threat to life")
    assert len(fake.called("BreakGlass")) == 1


def test_from_asking_to_the_end(fake: FakeVault, access: AccessClient) -> None:
    asked = ask(access)
    assert waiting_roles(asked) == ("custodian",)
    assert opens_until(asked) is None
    fake.lending.caller = "li-wei"
    agreed = access.approve(asked.name, etag=asked.etag)
    assert (waiting_roles(agreed), is_over(agreed)) == ((), False)
    fake.lending.caller = "zhang-min"
    assert is_over(access.return_(asked.name))
    again = access.renew(asked.name, duration=HOURS, reason="Not done yet")
    assert again.renews == asked.name
    fake.lending.caller = "li-wei"
    assert access.deny(again.name, etag=again.etag).state == pb.CHECK_OUT_STATE_DENIED
    assert access.revoke(agreed.name).state == pb.CHECK_OUT_STATE_REVOKED
    assert access.get(agreed.name).ended_by == "li-wei"
    broken = access.break_glass(CUSTOMER, purpose="CUSTOMER_SERVICE", reason="Threat to life")
    fake.lending.caller = "qian-officer"
    seen = access.review(broken.name, etag=broken.etag, verdict="UNJUSTIFIED")
    assert seen.verdict == pb.REVIEW_VERDICT_UNJUSTIFIED


def test_pages_are_fetched_as_they_are_needed_newest_first(
    fake: FakeVault, access: AccessClient
) -> None:
    made = [fake.lending.add().name for _ in range(5)]
    listed = access.list(page_size=2)
    assert [one.name for one in listed] == made[::-1]
    assert len(fake.called("ListCheckOuts")) == 3
    first = next(listed.pages())
    rest = access.list(page_size=2, page_token=first.next_page_token)
    assert [one.name for one in rest] == made[2::-1]


def test_a_filter_reaches_the_vault(fake: FakeVault, access: AccessClient) -> None:
    wanted = check_out_filter(
        states=["ACTIVE", "CHECK_OUT_STATE_USED", 3],
        requester="zhang-min",
        customer=CUSTOMER,
        mine_to_decide=True,
    )
    list(access.list(filter=wanted))
    (sent,) = fake.called("ListCheckOuts")
    assert list(sent.filter.states) == [2, 8, 3]
    assert sent.filter == wanted


@pytest.mark.parametrize("wrong", ["", "UNSPECIFIED", "OPEN", 0, 99])
def test_a_state_or_verdict_that_does_not_exist_is_refused_here(wrong: str | int) -> None:
    with pytest.raises(ValueError, match="EXPIRED"):
        lending.state_of(wrong)
    with pytest.raises(ValueError, match="UNJUSTIFIED"):
        lending.verdict_of(wrong)


def test_every_state_has_a_name_and_is_over_or_not() -> None:
    assert len(check_out_states()) == len(pb.CheckOutState.values()) - 1
    over = {name for name in check_out_states() if is_over(pb.CheckOut(state=name_of(name)))}
    assert set(check_out_states()) - over == {"REQUESTED", "ACTIVE"}


def name_of(state: str) -> pb.CheckOutState.ValueType:
    return lending.state_of(state)


# -- for whom --------------------------------------------------------------------------------


def test_a_token_goes_with_every_call_that_is_made_for_its_person_and_no_other(
    fake: FakeVault,
) -> None:
    with VaultClient(Profile.load(fake.profile())) as vault:
        person = vault.acting_for(TOKEN)
        list(person.access.list())
        list(person.masked.list_customers())
        list(islice(person.audit.stream(follow=False), 0, None))
        watched = fake.lending.add()
        with person.access.watch() as watch:
            assert next(watch).name == watched.name
        list(vault.access.list())
    assert [call.authorization for call in fake.calls] == [f"Bearer {TOKEN}"] * 4 + [""]


def test_a_front_end_carries_the_token_of_whoever_is_at_its_screen(fake: FakeVault) -> None:
    profile = Profile.load(fake.profile())
    with AccessClient(profile) as access, MaskedClient(profile) as masked:
        for token in (TOKEN, TOKEN[::-1]):
            list(access.acting_for(token).list())
            list(masked.acting_for(token).list_customers())
    assert [call.authorization for call in fake.calls] == [
        *[f"Bearer {TOKEN}"] * 2,
        *[f"Bearer {TOKEN[::-1]}"] * 2,
    ]


def test_asyncio_carries_a_token_too(fake: FakeVault) -> None:
    async def play() -> None:
        async with AsyncVaultClient(Profile.load(fake.profile())) as vault:
            person = vault.acting_for(TOKEN)
            _ = [one async for one in person.access.list()]
            fake.lending.add()
            async for _one in person.access.watch():
                break

    asyncio.run(play())
    assert [call.authorization for call in fake.calls] == [f"Bearer {TOKEN}"] * 2


def test_a_token_that_is_asked_for_is_asked_for_before_each_attempt(
    fake: FakeVault, fast: RetryPolicy
) -> None:
    tokens = iter(["one", "two", "three"])
    fake.fail("ListCheckOuts", unavailable())
    with AccessClient(Profile.load(fake.profile()), retry=fast) as access:
        list(access.acting_for(lambda: next(tokens)).list())
    assert [call.authorization for call in fake.calls] == ["Bearer one", "Bearer two"]


@pytest.mark.parametrize(
    "wrong", ["", "two words", "line\nbreak", "Bearer x", "名字", "x" * 20_000, "a=b"]
)
def test_what_cannot_be_a_token_is_refused_without_being_shown(fake: FakeVault, wrong: str) -> None:
    with VaultClient(Profile.load(fake.profile())) as vault:
        with pytest.raises(TokenError) as refused:
            vault.acting_for(wrong)
        later = vault.acting_for(lambda: wrong)
        with pytest.raises(TokenError) as refused_later:
            list(later.access.list())
    for error in (refused, refused_later):
        assert not wrong or wrong not in str(error.value) + repr(error.value)
    assert fake.calls == []


# -- watching --------------------------------------------------------------------------------


def test_a_watch_shows_what_is_there_and_then_each_change(
    fake: FakeVault, access: AccessClient
) -> None:
    first = fake.lending.add()
    with access.watch() as watch:
        assert next(watch).name == first.name
        second = fake.lending.add()
        assert next(watch).name == second.name
        fake.lending.change(first.name, state=pb.CHECK_OUT_STATE_ACTIVE)
        changed = next(watch)
    assert (changed.name, changed.state) == (first.name, pb.CHECK_OUT_STATE_ACTIVE)


def test_a_watch_takes_itself_up_and_repeats_nothing(fake: FakeVault, access: AccessClient) -> None:
    made = [fake.lending.add() for _ in range(3)]
    fake.faults["WatchCheckOuts.cut"].extend([unavailable(), unavailable()])
    told: list[float] = []
    with access.watch(on_interrupt=lambda error, pause: told.append(pause)) as watch:
        got = list(islice(watch, 3))
    assert [one.name for one in got] == [one.name for one in reversed(made)]
    assert len(told) == 2
    assert len(fake.called("WatchCheckOuts")) == 3


def test_a_watch_goes_on_after_the_vault_was_stopped_and_started(
    fake: FakeVault, access: AccessClient
) -> None:
    first = fake.lending.add()
    with access.watch() as watch:
        assert next(watch).name == first.name
        fake.stop()
        second = fake.lending.add()
        fake.start()
        assert next(watch).name == second.name


def test_a_watch_that_is_refused_is_not_taken_up(fake: FakeVault, access: AccessClient) -> None:
    fake.fail("WatchCheckOuts", Refused(grpc.StatusCode.PERMISSION_DENIED))
    with access.watch() as watch, pytest.raises(PermissionDenied):
        next(watch)
    assert len(fake.called("WatchCheckOuts")) == 1


def test_a_watch_is_given_up_when_patience_ends(fake: FakeVault, access: AccessClient) -> None:
    fake.lending.add()
    with access.watch(patience=0.2) as watch:
        next(watch)
        fake.stop()
        with pytest.raises(Unavailable):
            next(watch)


def test_a_watch_is_closed_from_another_thread(fake: FakeVault, access: AccessClient) -> None:
    watch = access.watch()
    threading.Timer(0.2, watch.close).start()
    assert list(watch) == []


def test_a_watch_under_asyncio_takes_itself_up_and_repeats_nothing(fake: FakeVault) -> None:
    made = [fake.lending.add() for _ in range(3)]
    fake.faults["WatchCheckOuts.cut"].extend([unavailable(), unavailable()])

    async def play() -> list[str]:
        got: list[str] = []
        policy = RetryPolicy(initial=0.01, maximum=0.05)
        async with AsyncAccessClient(Profile.load(fake.profile()), retry=policy) as access:
            async for one in access.watch():
                got.append(one.name)
                if len(got) == 3:
                    break
        return got

    assert asyncio.run(play()) == [one.name for one in reversed(made)]


STEPS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans()), max_size=30)


@given(steps=STEPS)
def test_however_often_a_watch_is_cut_it_hands_out_each_change_once(
    steps: list[tuple[int, int, bool]],
) -> None:
    """After each cut the vault shows everything again; only what is other than before is news."""
    seen = lending.Seen()
    shown: dict[str, pb.CheckOut] = {}
    handed: dict[str, str] = {}
    for which, version, cut in steps:
        now = pb.CheckOut(name=str(which), etag=str(version))
        shown[now.name] = now
        for one in shown.values() if cut else [now]:
            fresh = seen.news(one)
            assert fresh == (handed.get(one.name) != one.etag)
            handed[one.name] = one.etag


def test_what_the_clock_ends_is_news_although_its_etag_is_the_same() -> None:
    seen = lending.Seen()
    one = pb.CheckOut(name="a", etag="1", state=pb.CHECK_OUT_STATE_ACTIVE)
    assert seen.news(one)
    assert not seen.news(one)
    one.state = pb.CHECK_OUT_STATE_EXPIRED
    assert seen.news(one)


def test_the_end_of_what_is_open_is_in_utc() -> None:
    one = pb.CheckOut(state=pb.CHECK_OUT_STATE_ACTIVE)
    one.end_time.FromJsonString("2026-03-01T17:30:00+08:00")
    assert opens_until(one) == datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def test_the_type_of_a_watch_is_public(access: AccessClient) -> None:
    assert isinstance(access.watch(), CheckOutWatch)
