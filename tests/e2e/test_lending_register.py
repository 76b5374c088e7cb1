"""Who sees what of the register, page by page and as it changes; files opened in an emergency."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from itertools import product
from typing import Any

import grpc
import pytest

from recordsvault.access.v1 import access_pb2 as pb
from recordsvault.audit.v1 import audit_pb2 as ap
from recordsvault.records.v1 import records_pb2 as rp
from recordsvault.type.v1 import purpose_pb2
from tests.e2e.calls import create
from tests.e2e.wire import LogBook, refusal
from tests.support.borrowing import add_person
from tests.support.lending import (
    PARENT,
    PHONES,
    SERVING,
    approve,
    ask,
    break_glass,
    deny,
    give_back,
    listed,
    look,
    renew,
    review,
    revoke,
    span,
    until_known,
)
from tests.support.running_vault import OTHER, RunningVault
from vault.audit import Decision, Phase
from vault.server.settings import TierName

SUSPICION = purpose_pb2.PURPOSE_SUSPICIOUS_ACTIVITY_INVESTIGATION


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    """With tellers, and with two accounts of who may break the glass."""
    add_person(each_vault, "clerk", "teller")
    add_person(each_vault, "second-clerk", "teller")
    add_person(each_vault, "second-custodian", "custodian")
    add_person(each_vault, "breaker", "teller", "break_glass")
    add_person(each_vault, "breaker-at-home", "custodian", person="p-breaker")
    add_person(each_vault, "auditor", "compliance", "teller")
    add_person(each_vault, "custodian-there", "custodian", institution=OTHER)
    until_known(each_vault, "custodian-there")
    return each_vault


@pytest.fixture(scope="module")
def book(vault: RunningVault) -> Iterator[LogBook]:
    """The log."""
    opened = LogBook(vault.database)
    yield opened
    opened.close()


@pytest.fixture
def file(vault: RunningVault) -> str:
    """A customer's file of this test's own."""
    return create(vault).name


def names(found: list[pb.CheckOut]) -> list[str]:
    return [one.name for one in found]


# -- lists -----------------------------------------------------------------------------------------


def test_a_list_shows_ones_own_and_to_who_may_decide_all_newest_first(
    vault: RunningVault, file: str
) -> None:
    mine = [ask(vault, file) for _ in range(3)]
    theirs = ask(vault, file, who="second-clerk")
    of_file: dict[str, Any] = {"customer": file}
    assert names(listed(vault, "clerk", **of_file)) == names(mine[::-1])
    assert names(listed(vault, "second-clerk", **of_file)) == [theirs.name]
    for who in ("custodian", "compliance", "officer"):
        assert names(listed(vault, who, **of_file, page_size=1)) == names([theirs, *mine[::-1]])
    assert names(listed(vault, requester="second-clerk", **of_file)) == [theirs.name]
    there = pb.ListCheckOutsRequest(parent=f"institutions/{OTHER}")
    assert not vault.access("custodian-there").ListCheckOuts(there).check_outs
    wanted = refusal(partial(vault.access("custodian").ListCheckOuts, there))
    assert wanted.reason == "OTHER_INSTITUTION"


def test_that_somebody_is_suspected_is_told_to_nobody_but_who_is_asked(
    vault: RunningVault, file: str
) -> None:
    uninformed = ("custodian", "officer", "second-clerk", "breaker")
    shown = pb.ListCheckOutsRequest(parent=PARENT, filter=pb.CheckOutFilter(customer=file))

    def answers(name: str) -> list[bytes]:
        """All that one can ask about an entry, with its name taken out."""
        out = []
        for who in uninformed:
            stub = vault.access(who)
            out.append(stub.ListCheckOuts(shown).SerializeToString())
            for act in (look, give_back, revoke, renew):
                out.append(repr(refusal(partial(act, vault, name, who=who))).encode())
        seen = pb.CheckOut(name=name, etag="seen")
        acts: tuple[Any, ...] = (approve, deny, review)
        for act, who in product(acts, ("custodian", "officer")):
            out.append(repr(refusal(partial(act, vault, seen, who=who))).encode())
        by_it = rp.GetCustomerRequest(name=file, purpose=SERVING, check_out=name)
        out.append(repr(refusal(partial(vault.records("clerk").GetCustomer, by_it))).encode())
        return [one.replace(name.encode(), b"NAME") for one in out]

    before = answers(f"{PARENT}/checkOuts/{'7' * 26}")
    asked = ask(vault, file, who="auditor", purpose=SUSPICION, case_reference="STR-1")
    assert asked.check_out_class == "suspicion"
    assert answers(asked.name) == before
    half = approve(vault, asked, who="compliance")
    lent = approve(vault, half, who="investigator")
    assert lent.state == pb.CHECK_OUT_STATE_ACTIVE
    assert answers(asked.name) == before
    for who, why in (("auditor", True), ("compliance", True), ("investigator", True)):
        (found,) = listed(vault, who, customer=file)
        assert (found.name, bool(found.reason)) == (asked.name, why), who
    # An investigator is asked about nothing else, and sees nothing else.
    ordinary = ask(vault, file)
    assert names(listed(vault, "investigator", customer=file)) == [asked.name]
    wanted = refusal(partial(approve, vault, ordinary, who="investigator"))
    assert wanted.code == "NOT_FOUND"


def test_a_glass_that_is_broken_for_a_suspicion_is_seen_and_reviewed_by_who_may_know(
    vault: RunningVault, book: LogBook, file: str
) -> None:
    size = book.size()
    out = break_glass(vault, file, purpose=SUSPICION)
    assert refusal(partial(look, vault, out.name, who="custodian")).code == "NOT_FOUND"
    assert refusal(partial(review, vault, out, who="officer")).code == "NOT_FOUND"
    assert not listed(vault, "officer", customer=file)
    (found,) = listed(vault, "compliance", customer=file, mine_to_decide=True)
    assert found.reason == "Threatened at the counter"
    assert [o.name for o in listed(vault, "investigator", customer=file)] == [out.name]
    assert review(vault, out, who="compliance").reviewer == "compliance"
    # The alert is the officer's, though, as all of the log is.
    for event, action in zip(
        book.since(size), ("watch.alert", "lending.break_glass.open"), strict=False
    ):
        assert (event.action, event.purpose) == (action, "SUSPICIOUS_ACTIVITY_INVESTIGATION")


def test_a_watcher_hears_nothing_of_a_suspicion(vault: RunningVault, file: str) -> None:
    found: list[str] = []
    wanted = pb.WatchCheckOutsRequest(parent=PARENT, filter=pb.CheckOutFilter(customer=file))
    stream = vault.access("custodian").WatchCheckOuts(wanted)
    asked = ask(vault, file, who="auditor", purpose=SUSPICION, case_reference="STR-2")
    approve(vault, asked, who="compliance")
    ordinary = ask(vault, file)
    for message in stream:
        found.append(message.check_out.name)
        stream.cancel()
        break
    assert found == [ordinary.name]


def test_the_log_says_that_what_the_register_refuses_was_denied(
    vault: RunningVault, book: LogBook, file: str
) -> None:
    asked = ask(vault, file)
    for attempt, reason in (
        (partial(look, vault, asked.name, who="second-clerk"), "NOT_FOUND"),
        (partial(give_back, vault, asked.name, who="custodian"), "CHECK_OUT_NOT_REQUESTER"),
        (partial(approve, vault, asked, who="compliance"), "CHECK_OUT_ROLE_NOT_NEEDED"),
    ):
        event = book.one(partial(refusal, attempt))
        identifier = asked.name.rpartition("/")[2]
        assert (event.check_out, event.reason, event.policies) == (identifier, reason, ())
        assert event.decision is Decision.DENIED
    # What is not there, or cannot be done to it now, was denied to nobody.
    for attempt, reason in (
        (partial(look, vault, f"{PARENT}/checkOuts/{'7' * 26}", who="second-clerk"), "NOT_FOUND"),
        (partial(revoke, vault, asked.name), "CHECK_OUT_NOT_ACTIVE"),
    ):
        event = book.one(partial(refusal, attempt))
        assert (event.reason, event.decision) == (reason, Decision.ALLOWED)
        assert event.policies


def test_why_is_shown_to_who_asks_or_may_decide_and_the_event_says_so(
    vault: RunningVault, book: LogBook, file: str
) -> None:
    asked = ask(vault, file, case_reference="K-1")
    for who, sees in (
        ("clerk", True),
        ("custodian", True),
        ("compliance", True),
        ("officer", False),
    ):
        size = book.size()
        for shown in (look(vault, asked.name, who=who), *listed(vault, who, customer=file)):
            assert (shown.reason, shown.case_reference) == (
                (asked.reason, "K-1") if sees else ("", "")
            ), who
        for event in book.since(size):
            expected = ("check_out.reason", "check_out.case_reference") if sees else ()
            assert event.fields == expected
            assert event.count == 1


def test_a_list_is_of_states_as_the_clock_has_them_now(vault: RunningVault, file: str) -> None:
    waiting, gone = ask(vault, file), deny(vault, ask(vault, file))
    short = approve(vault, ask(vault, file), duration=span(milliseconds=200))
    of_file: dict[str, Any] = {"customer": file}
    deadline = time.monotonic() + 5
    while look(vault, short.name).state != pb.CHECK_OUT_STATE_EXPIRED:
        assert time.monotonic() < deadline
    for state, name in (
        (pb.CHECK_OUT_STATE_REQUESTED, waiting.name),
        (pb.CHECK_OUT_STATE_DENIED, gone.name),
        (pb.CHECK_OUT_STATE_EXPIRED, short.name),
    ):
        assert names(listed(vault, states=[state], **of_file)) == [name]
    assert not listed(vault, states=[pb.CHECK_OUT_STATE_ACTIVE], **of_file)


def test_the_inbox_holds_what_waits_for_ones_own_decision(vault: RunningVault, file: str) -> None:
    one = ask(vault, file, requester="ignored")
    own = ask(vault, file, who="breaker")
    inbox = partial(listed, vault, customer=file, mine_to_decide=True)
    assert names(inbox("custodian")) == [own.name, one.name]
    # One and the same person as who asks.
    assert names(inbox("breaker-at-home")) == [one.name]
    for who in ("clerk", "compliance", "officer"):
        assert not inbox(who)
    approve(vault, one)
    deny(vault, own)
    assert not inbox("custodian")


def test_a_page_token_is_of_its_own_list(vault: RunningVault, file: str) -> None:
    for _ in range(2):
        ask(vault, file)
    stub = vault.access("custodian")
    first = stub.ListCheckOuts(
        pb.ListCheckOutsRequest(parent=PARENT, filter=pb.CheckOutFilter(customer=file), page_size=1)
    )
    assert first.next_page_token
    other = pb.ListCheckOutsRequest(parent=PARENT, page_token=first.next_page_token)
    assert refusal(partial(stub.ListCheckOuts, other)).fields == {("page_token", "PAGE_TOKEN")}


def test_the_file_of_whoever_looks_is_in_no_list(vault: RunningVault, file: str) -> None:
    asked = ask(vault, file)
    who = f"subject-{file[-6:]}"
    add_person(vault, who, "custodian", own_files=[file.rpartition("/")[2]])
    until_known(vault, who)
    assert asked.name in names(listed(vault, "custodian"))
    assert asked.name not in names(listed(vault, who))


# -- watching --------------------------------------------------------------------------------------


class Watcher:
    """Follows the register in a thread."""

    def __init__(self, vault: RunningVault, who: str, **wanted: Any) -> None:
        self.seen: list[pb.CheckOut] = []
        self.error: Any = None
        self.stream = vault.access(who).WatchCheckOuts(
            pb.WatchCheckOutsRequest(parent=PARENT, filter=pb.CheckOutFilter(**wanted)), timeout=60
        )
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        try:
            for message in self.stream:
                self.seen.append(message.check_out)
        except grpc.RpcError as error:
            self.error = error

    def until(self, count: int) -> list[pb.CheckOut]:
        deadline = time.monotonic() + 10
        while len(self.seen) < count and self.error is None:
            assert time.monotonic() < deadline, self.seen
            time.sleep(0.01)
        # Nothing more comes behind it.
        time.sleep(0.3)
        assert len(self.seen) == count
        return self.seen

    def end(self) -> None:
        self.stream.cancel()
        self._thread.join(10)


def test_a_watcher_sees_what_is_there_and_then_each_change_once(
    vault: RunningVault, book: LogBook, file: str
) -> None:
    first, second = ask(vault, file), ask(vault, file)
    size = book.size()
    watcher = Watcher(vault, "custodian", customer=file)
    own = Watcher(vault, "second-clerk", customer=file)
    assert names(watcher.until(2)) == [second.name, first.name]
    lent = approve(vault, first)
    third = ask(vault, file, who="second-clerk", one_time=True)
    approve(vault, third)
    request = rp.GetCustomerRequest(name=file, purpose=SERVING, check_out=third.name)
    vault.records("second-clerk").GetCustomer(request)
    give_back(vault, lent.name)
    seen = watcher.until(7)[2:]
    assert [(one.name, one.state) for one in seen] == [
        (first.name, pb.CHECK_OUT_STATE_ACTIVE),
        (third.name, pb.CHECK_OUT_STATE_REQUESTED),
        (third.name, pb.CHECK_OUT_STATE_ACTIVE),
        (third.name, pb.CHECK_OUT_STATE_USED),
        (first.name, pb.CHECK_OUT_STATE_RETURNED),
    ]
    assert seen[0] == lent and seen[0].reason == first.reason
    assert names(own.until(3)) == [third.name] * 3
    for one in (watcher, own):
        one.end()
    closed = book.wait_for(
        lambda e: e.phase is Phase.CLOSED and e.actor == "custodian" and e.count == 7, size
    )
    assert closed.action == "lending.check_outs.watch"
    assert closed.fields == ("check_out.reason",)


def test_a_watcher_who_is_taken_out_hears_no_more(vault: RunningVault, file: str) -> None:
    path = vault.folder / "principals.toml"
    before = path.read_text("utf-8")
    add_person(vault, "leaver", "custodian")
    until_known(vault, "leaver")
    asked = ask(vault, file)
    watcher = Watcher(vault, "leaver", customer=file)
    watcher.until(1)
    path.write_text(before, "utf-8")
    deadline = time.monotonic() + 2
    while watcher.error is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert watcher.error.code() is grpc.StatusCode.UNAUTHENTICATED
    approve(vault, asked)
    assert len(watcher.seen) == 1


# -- in an emergency -------------------------------------------------------------------------------


def read(vault: RunningVault, file: str, lent: str, who: str = "breaker") -> Any:
    request = rp.GetCustomerRequest(name=file, purpose=SERVING, check_out=lent)
    return vault.records(who).GetCustomer(request).customer


def test_a_broken_glass_opens_the_file_at_once_and_rings(
    vault: RunningVault, book: LogBook, file: str
) -> None:
    size = book.size()
    out = break_glass(vault, file)
    # Alert and event stand when the answer is here.
    alert, event = book.since(size)
    assert (alert.action, alert.reason) == ("watch.alert", "GLASS_BROKEN")
    assert (alert.actor, alert.customer) == ("breaker", file.rpartition("/")[2])
    assert alert.call_id == event.event_id
    assert (event.action, event.outcome) == ("lending.break_glass.open", "OK")
    assert (event.actor, event.check_out) == ("breaker", out.name.rpartition("/")[2])
    assert event.customer == file.rpartition("/")[2] and len(event.rows) == 1
    assert out.break_glass and out.state == pb.CHECK_OUT_STATE_ACTIVE
    assert not out.approvals and not out.needed_roles and not out.HasField("decide_by")
    lasts = out.end_time.ToDatetime() - out.start_time.ToDatetime()
    assert lasts == timedelta(minutes=30)
    assert out.review_by.ToDatetime() - out.start_time.ToDatetime() == timedelta(hours=24)
    opened = read(vault, file, out.name)
    assert opened.natural_person.identity.number and opened.risk_class
    request = rp.ListIdentityDocumentsRequest(parent=file, purpose=SERVING, check_out=out.name)
    vault.records("breaker").ListIdentityDocuments(request)


def test_an_officer_who_follows_the_log_hears_of_it_before_the_file_is_opened(
    vault: RunningVault, book: LogBook, file: str
) -> None:
    wanted = ap.EventFilter(actions=["watch.*"], customer=file)
    request = ap.StreamEventsRequest(
        parent=PARENT, from_position=book.size(), follow=True, filter=wanted
    )
    stream = vault.audit("officer").StreamEvents(request, timeout=30)
    out = break_glass(vault, file)
    alert = next(entry for message in stream for entry in message.entries)
    stream.cancel()
    assert (alert.event.reason, alert.event.actor) == ("GLASS_BROKEN", "breaker")
    # He has heard of it, and until now the file has not been opened.
    assert not [e for e in book.since(alert.position) if e.action == "records.customers.get"]
    read(vault, file, out.name)


def test_a_broken_glass_is_reviewed_by_another_person(vault: RunningVault, file: str) -> None:
    out = break_glass(vault, file)
    inbox = listed(vault, "officer", customer=file, mine_to_decide=True)
    assert names(inbox) == [out.name] and inbox[0].reason == "Threatened at the counter"
    assert not listed(vault, "breaker-at-home", customer=file, mine_to_decide=True)
    at_home = refusal(partial(review, vault, out, who="breaker-at-home"))
    assert at_home.reason == "CHECK_OUT_OWN_REQUEST"
    stale = pb.CheckOut(name=out.name, etag="another")
    assert refusal(partial(review, vault, stale)).reason == "ETAG_MISMATCH"
    seen = review(vault, out)
    assert (seen.verdict, seen.reviewer) == (pb.REVIEW_VERDICT_JUSTIFIED, "officer")
    assert seen.state == pb.CHECK_OUT_STATE_ACTIVE
    again = refusal(partial(review, vault, seen, who="custodian"))
    assert again.reason == "CHECK_OUT_REVIEWED_ALREADY"


def test_an_unjustified_one_ends_with_its_review(vault: RunningVault, file: str) -> None:
    out = break_glass(vault, file)
    seen = review(vault, out, verdict=pb.REVIEW_VERDICT_UNJUSTIFIED)
    assert seen.state == pb.CHECK_OUT_STATE_REVOKED
    assert refusal(partial(read, vault, file, out.name)).reason == "CHECK_OUT_NOT_ACTIVE"


def test_a_broken_glass_is_taken_back_and_not_renewed(vault: RunningVault, file: str) -> None:
    out = break_glass(vault, file)
    wanted = refusal(
        partial(
            vault.access("breaker").RenewCheckOut,
            pb.RenewCheckOutRequest(name=out.name, duration=span(minutes=5), reason="More"),
        )
    )
    assert wanted.reason == "CHECK_OUT_NOT_RENEWABLE"
    assert revoke(vault, out.name).state == pb.CHECK_OUT_STATE_REVOKED
    # Still to be reviewed.
    assert names(listed(vault, "officer", customer=file, mine_to_decide=True)) == [out.name]


def test_who_does_not_hold_the_right_breaks_nothing(vault: RunningVault, file: str) -> None:
    for who in ("clerk", "custodian", "compliance", "officer", "backend"):
        wanted = refusal(partial(break_glass, vault, file, who=who))
        assert wanted.code == "PERMISSION_DENIED", who
        assert wanted.reason in ("ROLE_MISSING", "PERSON_REQUIRED")
    asked = ask(vault, file)
    assert refusal(partial(review, vault, asked)).reason == "CHECK_OUT_NOT_BREAK_GLASS"


def test_an_emergency_has_a_reason_and_a_purpose(vault: RunningVault, file: str) -> None:
    stub = vault.access("breaker")
    for changes, field in (
        ({"reason": " "}, "reason"),
        ({"reason": ""}, "reason"),
        ({"purpose": purpose_pb2.PURPOSE_UNSPECIFIED}, "purpose"),
        ({"customer": file.replace(PARENT, f"institutions/{OTHER}")}, "customer"),
    ):
        sent: dict[str, Any] = {"customer": file, "reason": "Fire", "purpose": SERVING, **changes}
        wanted = refusal(partial(stub.BreakGlass, pb.BreakGlassRequest(parent=PARENT, **sent)))
        assert {name for name, _ in wanted.fields} == {field}
    operation = pb.BreakGlassRequest(
        parent=PARENT,
        customer=file,
        reason="Fire",
        purpose=purpose_pb2.PURPOSE_SYSTEM_OPERATION,
    )
    assert refusal(partial(stub.BreakGlass, operation)).reason == "NOTHING_OPENED"


# -- through a front end ---------------------------------------------------------------------------


def test_a_teller_asks_and_reads_through_the_front_end(
    vault: RunningVault, book: LogBook, file: str
) -> None:
    carried: Any = (("authorization", f"Bearer {vault.token('teller')}"),)
    crm, size = vault.access("crm"), book.size()
    request = pb.RequestCheckOutRequest(
        parent=PARENT,
        check_out=pb.CheckOut(
            subject=file,
            fields=[PHONES],
            purpose=SERVING,
            reason="At the counter",
            duration=span(hours=1),
        ),
    )
    asked = crm.RequestCheckOut(request, metadata=carried).check_out
    assert asked.requester == "teller"
    lent = approve(vault, asked)
    get = rp.GetCustomerRequest(name=file, purpose=SERVING, check_out=lent.name)
    opened = vault.records("crm").GetCustomer(get, metadata=carried).customer
    assert opened.phones
    back = crm.ReturnCheckOut(pb.ReturnCheckOutRequest(name=lent.name), metadata=carried)
    assert back.check_out.ended_by == "teller"
    events = book.since(size)
    assert [(e.actor, e.on_behalf_of) for e in events] == [
        ("crm", "teller"),
        ("custodian", ""),
        ("crm", "teller"),
        ("crm", "teller"),
    ]
    # Another teller's token at the same front end opens nothing of it.
    assert refusal(partial(look, vault, asked.name, who="clerk")).code == "NOT_FOUND"


def test_the_masked_tier_lends_nothing(vault: RunningVault) -> None:
    channel: Any = vault.channel("custodian", TierName.MASKED)
    call = channel.unary_unary("/recordsvault.access.v1.Access/ListCheckOuts")
    wanted = refusal(partial(call, b"", timeout=10))
    assert wanted.code == "UNIMPLEMENTED"
