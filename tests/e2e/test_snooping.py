"""Against snooping, over TLS: budgets that hold over processes and restarts, decoys that nobody can
tell from a customer, and alerts that are in the log before the answer leaves."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import grpc
import pytest

from recordsvault.admin.v1 import watch_pb2 as wp
from recordsvault.admin.v1 import watch_pb2_grpc
from recordsvault.audit.v1 import audit_pb2 as ap
from recordsvault.masked.v1 import masked_pb2 as mp
from recordsvault.masked.v1 import masked_pb2_grpc
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.records.v1 import records_pb2_grpc
from tests.e2e import people
from tests.e2e.calls import create, query
from tests.e2e.people import PARENT
from tests.e2e.two_processes import MONITORING, alerts, full, masked, second, somebody
from tests.e2e.wire import LogBook, Refused, refusal
from tests.support.running_vault import RunningVault, other
from vault.audit.log_sources import StoreSource
from vault.audit.verify_rows import verify_rows
from vault.records import new_ulid
from vault.server.settings import TierName
from vault.store import decoys

BUDGETS = """\
time_zone = "Asia/Shanghai"

[[budget]]
roles = ["few"]
full_a_day = 5
masked_a_day = 4
search_misses_an_hour = 1_000

[[budget]]
roles = ["hourly"]
full_an_hour = 2

[[budget]]
roles = ["ten"]
full_a_day = 10
masked_a_day = 10

[[budget]]
roles = ["searcher"]
search_misses_an_hour = 3
masked_a_day = 1_000

[[budget]]
roles = ["lister"]
list_pages_an_hour = 3
full_list_pages_an_hour = 2
full_a_day = 100
"""
DETECTION = """\
[[sequence]]
id = "in-order"
severity = "alert"
roles = ["walker"]
reads = "full"
count = 5
within = "10m"

[[refusals]]
id = "refused"
severity = "warning"
roles = ["trier"]
count = 4
within = "10m"

[[hours]]
id = "at-night"
severity = "warning"
roles = ["owl"]
days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
from = "00:00"
to = "00:00"
time_zone = "Asia/Shanghai"
"""
# Who opens what is counted by the hour here and there: a test must not cross the full hour.
_CLOSE = 40


@pytest.fixture(scope="module")
def tables() -> dict[str, str]:
    return {"budgets": BUDGETS, "detection": DETECTION}


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    """On both databases; on PostgreSQL the masked tier has a role held to what it needs."""
    return each_vault


@pytest.fixture(scope="module")
def files(vault: RunningVault) -> list[str]:
    """Names of customers."""
    return [create(vault).name for _ in range(60)]


@pytest.fixture(autouse=True)
def within_the_hour() -> None:
    left = 3_600 - time.time() % 3_600
    if left < _CLOSE:
        time.sleep(left + 0.1)


def search(vault: RunningVault, who: str, phone: str) -> list[str]:
    request = mp.SearchMaskedCustomersRequest(parent=PARENT, phone=phone)
    return [c.name for c in vault.masked(who).SearchMaskedCustomers(request).customers]


def reachable(vault: RunningVault) -> tuple[str, str]:
    """A customer with a telephone: his name and its number."""
    sent = people.person()
    phone = f"+86137{time.time_ns() // 1_000 % 100_000_000:08}"
    sent.phones[:] = [phone]
    return create(vault, sent).name, phone


def nobody_there() -> str:
    """A customer's name that is none's."""
    return f"{PARENT}/customers/{new_ulid(time.time_ns() // 1_000_000)}"


def used_up(found: Refused) -> None:
    assert (found.code, found.reason) == ("RESOURCE_EXHAUSTED", "BUDGET_EXHAUSTED")
    assert found.zh
    assert 1 <= found.retry_seconds <= 3_600


@pytest.fixture(scope="module")
def book(vault: RunningVault) -> Iterator[LogBook]:
    opened = LogBook(vault.database)
    yield opened
    opened.close()


# -- budgets -----------------------------------------------------------------------------------


def test_a_budget_holds_over_two_processes_and_over_a_restart(
    vault: RunningVault, files: list[str], book: LogBook
) -> None:
    who = somebody(vault, "reader", "few")
    with second(vault, TierName.FULL) as process:
        there = records_pb2_grpc.RecordsStub(process.channel(who))

        def elsewhere(name: str) -> pb.GetCustomerResponse:
            return there.GetCustomer(pb.GetCustomerRequest(name=name, purpose=MONITORING))

        for name in files[:3]:
            full(vault, who, name)
        for name in files[3:5]:
            elsewhere(name)
        size = book.size()
        used_up(refusal(partial(full, vault, who, files[5])))
        used_up(refusal(partial(elsewhere, files[6])))
        events = book.since(size)
        refused = [e for e in events if e.action == "records.customers.get"]
        told = [(e.outcome, e.reason, e.on_behalf_of or e.actor) for e in refused]
        assert told == [("RESOURCE_EXHAUSTED", "BUDGET_EXHAUSTED", who)] * 2
        # Each process rings for it, in front of the refusal.
        assert alerts(events) == [("watch.alert", "BUDGET_EXHAUSTED")] * 2
        assert [e.action for e in events[::2]] == ["watch.alert"] * 2
        size = book.size()
        used_up(refusal(partial(full, vault, who, files[6])))
        # And once an hour, however often he tries.
        assert alerts(book.since(size)) == []
        # What was counted stays open, wherever it was.
        for name in files[:5]:
            full(vault, who, name)
            elsewhere(name)
    vault.terminate(TierName.FULL)
    vault.start(TierName.FULL)
    used_up(refusal(partial(full, vault, who, files[7])))
    full(vault, who, files[4])


def test_a_person_has_one_budget_in_all_his_accounts(vault: RunningVault, files: list[str]) -> None:
    one = somebody(vault, "account-one", "few", person="p-double")
    two = somebody(vault, "account-two", "few", person="p-double")
    for name in files[:3]:
        full(vault, one, name)
    for name in files[:5]:
        full(vault, two, name)
    used_up(refusal(partial(full, vault, one, files[5])))
    used_up(refusal(partial(full, vault, two, files[5])))


@pytest.mark.parametrize("tier", TierName)
def test_fifty_calls_at_once_to_two_processes_answer_no_more_customers_than_there_is_budget_for(
    vault: RunningVault, files: list[str], tier: TierName
) -> None:
    who = somebody(vault, f"crowd-{tier}", "ten")
    with second(vault, tier) as process:
        channels = [vault.channel(who, tier), process.channel(who)]

        def call(number: int) -> str:
            channel, name = channels[number % 2], files[number]
            try:
                if tier is TierName.FULL:
                    request = pb.GetCustomerRequest(name=name, purpose=MONITORING)
                    records_pb2_grpc.RecordsStub(channel).GetCustomer(request)
                else:
                    masked_pb2_grpc.MaskedRecordsStub(channel).GetMaskedCustomer(
                        mp.GetMaskedCustomerRequest(name=name)
                    )
            except grpc.RpcError as error:
                assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
                return ""
            return name

        with ThreadPoolExecutor(50) as pool:
            answered = {name for name in pool.map(call, range(50)) if name}
        assert len(answered) == 10
        # And the next time, from either, it is the same ten.
        with ThreadPoolExecutor(50) as pool:
            assert {name for name in pool.map(call, range(50)) if name} <= answered


def test_what_is_refused_does_not_tell_who_exists(vault: RunningVault, files: list[str]) -> None:
    who = somebody(vault, "guesser", "few")
    for _ in range(5):
        assert refusal(partial(full, vault, who, nobody_there())).code == "NOT_FOUND"
    there = refusal(partial(full, vault, who, files[0]))
    absent = refusal(partial(full, vault, who, nobody_there()))
    used_up(there)
    assert (there.en, there.zh, there.metadata) == (absent.en, absent.zh, absent.metadata)
    assert (there.code, there.reason, there.resource) == (absent.code, absent.reason, "")


def test_the_first_refusal_of_a_process_does_not_tell_it_either(
    vault: RunningVault, files: list[str]
) -> None:
    who = somebody(vault, "guesser-there", "few")
    for name in files[:5]:
        full(vault, who, name)
    for asked in (files[5], nobody_there()):
        with second(vault, TierName.FULL) as fresh:
            stub = records_pb2_grpc.RecordsStub(fresh.channel(who))
            request = pb.GetCustomerRequest(name=asked, purpose=MONITORING)
            used_up(refusal(partial(stub.GetCustomer, request)))


def test_masked_views_have_a_budget_of_their_own(vault: RunningVault, files: list[str]) -> None:
    who = somebody(vault, "looker", "few")
    for name in files[:4]:
        masked(vault, who, name)
    found = refusal(partial(masked, vault, who, files[4]))
    used_up(found)
    assert found.metadata["budget"] == "masked_a_day"
    masked(vault, who, files[0])
    full(vault, who, files[4])
    # A search would show somebody new, or tell that there is nobody.
    for phone in ("+8613800000000", reachable(vault)[1]):
        used_up(refusal(partial(search, vault, who, phone)))


def test_an_hour_has_its_end(vault: RunningVault, files: list[str]) -> None:
    who = somebody(vault, "hourly-reader", "hourly")
    for name in files[:2]:
        full(vault, who, name)
    found = refusal(partial(full, vault, who, files[2]))
    used_up(found)
    left = 3_600 - time.time() % 3_600
    assert left <= found.retry_seconds <= left + 2


def test_searches_without_a_result_are_counted_and_the_others_are_not(
    vault: RunningVault,
) -> None:
    who, (customer, phone) = somebody(vault, "searching", "searcher"), reachable(vault)
    for number in range(3):
        assert search(vault, who, phone) == [customer]
        assert search(vault, who, f"+861390000{number:04}") == []
    # Whether it would have found somebody is not told any more.
    for wanted in (phone, "+8613900009999"):
        found = refusal(partial(search, vault, who, wanted))
        used_up(found)
        assert found.metadata["budget"] == "search_misses_an_hour"


def test_pages_are_counted(vault: RunningVault, files: list[str]) -> None:
    who = somebody(vault, "listing", "lister")

    def page(token: str = "") -> str:
        request = mp.ListMaskedCustomersRequest(parent=PARENT, page_size=2, page_token=token)
        return vault.masked(who).ListMaskedCustomers(request).next_page_token

    token = page(page(page()))
    used_up(refusal(partial(page, token)))

    def full_page(size: int = 2) -> Any:
        request = pb.ListCustomersRequest(parent=PARENT, purpose=MONITORING, page_size=size)
        return vault.records(who).ListCustomers(request)

    full_page()
    full_page()
    found = refusal(full_page)
    used_up(found)
    assert found.metadata["budget"] == "full_list_pages_an_hour"


def test_a_page_of_full_customers_opens_every_one_of_them(
    vault: RunningVault, files: list[str]
) -> None:
    who = somebody(vault, "exporter", "few")
    request = pb.ListCustomersRequest(parent=PARENT, purpose=MONITORING, page_size=6)
    used_up(refusal(partial(vault.records(who).ListCustomers, request)))
    request.page_size = 5
    shown = [c.name for c in vault.records(who).ListCustomers(request).customers]
    full(vault, who, shown[4])
    used_up(refusal(partial(full, vault, who, files[-1])))


def test_a_program_without_a_budget_goes_on(vault: RunningVault, files: list[str]) -> None:
    for name in files:
        masked(vault, "crm", name)


# -- decoys ------------------------------------------------------------------------------------


def watch(vault: RunningVault, who: str = "officer") -> watch_pb2_grpc.WatchStub:
    return watch_pb2_grpc.WatchStub(vault.channel(who, TierName.FULL))


def set_decoy(vault: RunningVault, name: str, decoy: bool = True, who: str = "officer") -> None:
    watch(vault, who).SetDecoy(wp.SetDecoyRequest(name=name, decoy=decoy))
    # Within two seconds on every node.
    time.sleep(2)


@pytest.fixture(scope="module")
def decoy(vault: RunningVault) -> str:
    """A decoy with a document."""
    made = create(vault)
    vault.records().CreateIdentityDocument(
        pb.CreateIdentityDocumentRequest(parent=made.name, identity_document=people.passport())
    )
    return made.name


def test_a_decoy_is_answered_like_anybody_and_raises_an_alert_before_the_answer(
    vault: RunningVault, decoy: str, book: LogBook
) -> None:
    def documents() -> Any:
        request = mp.ListMaskedDocumentsRequest(parent=decoy)
        return vault.masked().ListMaskedDocuments(request)

    def everything() -> Any:
        request = mp.ListMaskedCustomersRequest(parent=PARENT, page_size=50)
        return vault.masked().ListMaskedCustomers(request)

    calls: list[tuple[Callable[[], Any], list[tuple[str, str]]]] = [
        (partial(masked, vault, "crm", decoy), [("watch.alert", "DECOY_LOOKED_AT")]),
        (documents, [("watch.alert", "DECOY_LOOKED_AT")]),
        (partial(full, vault, "compliance", decoy), [("watch.alert", "DECOY_OPENED")]),
        (everything, []),
    ]
    before = [call().SerializeToString() for call, _ in calls]
    set_decoy(vault, decoy)
    for (call, wanted), bytes_before in zip(calls, before, strict=True):
        size = book.size()
        assert call().SerializeToString() == bytes_before
        # No waiting: it stands in front of the event that was durable before the answer left.
        events = book.since(size)
        assert alerts(events) == wanted
        assert events[-1].outcome == "OK"
        for alert in events[:-1]:
            assert alert.resource == decoy
            assert alert.call_id == (events[-1].call_id or events[-1].event_id)
            assert alert.actor == events[-1].actor
        assert "decoy" not in repr(events[-1]).lower()


def test_only_an_officer_in_person_learns_who_is_a_decoy(
    vault: RunningVault, decoy: str, files: list[str]
) -> None:
    set_decoy(vault, decoy)
    request = wp.ListDecoysRequest(parent=PARENT)
    assert list(watch(vault).ListDecoys(request).decoys) == [decoy]
    told = set()
    for who in ("compliance", "custodian", "operator", "crm", "backend", other("officer")):
        assert refusal(partial(watch(vault, who).ListDecoys, request)).code == "PERMISSION_DENIED"
        for name in (decoy, files[0], nobody_there()):
            change = wp.SetDecoyRequest(name=name, decoy=True)
            found = refusal(partial(watch(vault, who).SetDecoy, change))
            told.add((who, found.code, found.reason, found.en))
    assert len({who for who, *_ in told}) == len(told)
    absent = wp.SetDecoyRequest(name=nobody_there(), decoy=True)
    assert refusal(partial(watch(vault).SetDecoy, absent)).code == "NOT_FOUND"
    theirs = watch(vault, other("officer")).ListDecoys(
        wp.ListDecoysRequest(parent="institutions/other-bank")
    )
    assert list(theirs.decoys) == []


def test_a_decoy_that_is_taken_back_raises_nothing(
    vault: RunningVault, decoy: str, book: LogBook
) -> None:
    set_decoy(vault, decoy)
    set_decoy(vault, decoy, decoy=False)
    size = book.size()
    masked(vault, "crm", decoy)
    full(vault, "compliance", decoy)
    assert alerts(book.since(size)) == []
    entries = query(vault, filter=ap.EventFilter(actions=["watch.decoys.set"]))
    changed = [entry.event for entry in entries if entry.event.outcome == "OK"]
    assert {event.resource for event in changed} == {decoy}
    assert changed[0].rows
    assert changed[0].rows[0].row.startswith("decoys/")


# -- what is noticed -----------------------------------------------------------------------------


def test_going_through_the_customers_in_order_raises_an_alert_on_the_stream(
    vault: RunningVault, files: list[str], book: LogBook
) -> None:
    who, size = somebody(vault, "walking", "walker"), book.size()
    for name in sorted(files)[:5]:
        full(vault, who, name)
    assert alerts(book.since(size)) == [("watch.alert", "IN_ORDER")]
    (entry,) = query(vault, filter=ap.EventFilter(actions=["watch.alert"], actor=who))
    assert entry.event.count == 5
    for name in (files[9], files[3], files[12], files[1], files[30], files[0]):
        full(vault, who, name)
    assert len(alerts(book.since(size))) == 1


def test_refusals_in_a_row_raise_a_warning(
    vault: RunningVault, files: list[str], book: LogBook
) -> None:
    who, size = somebody(vault, "trying", "trier"), book.size()

    def wrong() -> object:
        request = pb.GetCustomerRequest(name=files[0])
        return vault.records(who).GetCustomer(request)

    for _ in range(3):
        refusal(wrong)
    full(vault, who, files[0])
    for _ in range(4):
        assert refusal(wrong).reason == "PURPOSE_REQUIRED"
    found = book.since(size)
    assert alerts(found) == [("watch.warning", "REFUSED")]
    assert found[-1].reason == "PURPOSE_REQUIRED"


def test_files_opened_outside_of_hours_raise_a_warning_once_an_hour(
    vault: RunningVault, files: list[str], book: LogBook
) -> None:
    who, size = somebody(vault, "owlish", "owl"), book.size()
    for name in files[:3]:
        full(vault, who, name)
    assert alerts(book.since(size)) == [("watch.warning", "AT_NIGHT")]


def test_a_decoy_that_is_taken_out_of_the_database_is_missed(
    vault: RunningVault, decoy: str, book: LogBook
) -> None:
    set_decoy(vault, decoy)
    vault.until_covered()
    source, size = StoreSource(vault.database), book.size()
    assert list(verify_rows(source, size)) == []
    key = decoy.rpartition("/")[2]
    kept = book.database.read_sync(
        lambda conn: conn.exec_driver_sql(f"SELECT * FROM decoys WHERE customer = '{key}'").all()
    )
    take = f"DELETE FROM decoys WHERE customer = '{key}'"
    book.database.write_sync(lambda conn: conn.exec_driver_sql(take))
    try:
        missed = {finding.kind.name for finding in verify_rows(source, size)}
        assert missed == {"ROW_MISSING"}
    finally:
        for row in kept:
            back = decoys.DecoyRow(*row)
            book.database.write_sync(partial(decoys.insert, row=back))
    assert list(verify_rows(source, size)) == []
