"""What the rules notice, over TLS, on both databases: over processes and restarts, of families and
streets that stand nowhere in clear, and told before the answer leaves."""

import time
from collections.abc import Iterator
from functools import partial

import pytest

from recordsvault.audit.v1 import audit_pb2 as ap
from recordsvault.masked.v1 import masked_pb2 as mp
from recordsvault.masked.v1 import masked_pb2_grpc
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.records.v1 import records_pb2_grpc
from tests.e2e import people
from tests.e2e.calls import SERVING, create, query
from tests.e2e.two_processes import (
    MONITORING,
    Process,
    alerts,
    full,
    masked,
    second,
    somebody,
)
from tests.e2e.wire import LogBook, refusal
from tests.support.running_vault import RunningVault
from tests.support.written import everything_in
from vault.server.settings import TierName

FAMILY, STREET = "澹台", "琉璃井胡同"
DETECTION = """\
[[sequence]]
id = "in-order"
severity = "alert"
roles = ["walker"]
count = 4
within = "10m"

[[refusals]]
id = "refused"
severity = "warning"
roles = ["trier"]
count = 4
within = "10m"

[[similar]]
id = "one-family"
severity = "alert"
roles = ["cousin"]
by = "surname"
count = 3
within = "1h"

[[similar]]
id = "one-street"
severity = "warning"
roles = ["neighbour"]
by = "street"
count = 3
within = "1h"

[[similar]]
id = "not-his-branch"
severity = "warning"
roles = ["clerk"]
by = "other-branch"
count = 3
within = "1h"
"""


@pytest.fixture(scope="module")
def tables() -> dict[str, str]:
    return {"detection": DETECTION}


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    """On both databases; on PostgreSQL the masked tier has a role held to what it needs."""
    return each_vault


@pytest.fixture(scope="module")
def book(vault: RunningVault) -> Iterator[LogBook]:
    opened = LogBook(vault.database)
    yield opened
    opened.close()


def family(vault: RunningVault, count: int) -> list[str]:
    """Customers of one family in one street, in the order of their names."""
    made = []
    for number in range(count):
        sent = people.person()
        sent.natural_person.full_name = f"{FAMILY}{'甲乙丙丁戊己庚辛'[number]}"
        sent.addresses[0].street = f"{STREET}{number + 1}号"
        made.append(create(vault, sent).name)
    return sorted(made)


def stranger(vault: RunningVault, name: str, road: str) -> str:
    """A customer of another family in another street."""
    sent = people.person()
    sent.natural_person.full_name = f"{name}某"
    sent.addresses[0].street = f"{road}字路1号"
    return create(vault, sent).name


def elsewhere(process: Process, who: str, name: str) -> object:
    request = pb.GetCustomerRequest(name=name, purpose=MONITORING)
    return records_pb2_grpc.RecordsStub(process.channel(who)).GetCustomer(request)


def restart(vault: RunningVault, tier: TierName) -> None:
    vault.terminate(tier)
    vault.start(tier)


@pytest.mark.parametrize(
    ("role", "alert"),
    [("cousin", ("watch.alert", "ONE_FAMILY")), ("neighbour", ("watch.warning", "ONE_STREET"))],
)
def test_files_of_one_family_or_street_are_noticed_over_processes_and_a_restart(
    vault: RunningVault, book: LogBook, role: str, alert: tuple[str, str]
) -> None:
    # Tried again, it is somebody else.
    who, files = somebody(vault, f"a-{role}-{book.size()}", role), family(vault, 6)
    strangers = [stranger(vault, *each) for each in zip("赵钱孙", "甲乙丙", strict=True)]
    size = book.size()
    with second(vault, TierName.FULL) as process:
        full(vault, who, files[0])
        for name in strangers:
            full(vault, who, name)
        elsewhere(process, who, files[1])
        assert alerts(book.since(size)) == []
        elsewhere(process, who, files[2])
        # No waiting: it stands in front of the event that was durable before the answer left.
        told, opened = book.since(size)[-2:]
        assert (told.action, told.reason) == alert
        assert (told.resource, told.count, told.actor) == (files[2], 3, who)
        assert (opened.resource, opened.outcome) == (files[2], "OK")
        full(vault, who, files[3])
        elsewhere(process, who, files[4])
    restart(vault, TierName.FULL)
    assert alerts(book.since(size)) == [alert]
    # What is below a customer is his.
    request = pb.ListIdentityDocumentsRequest(parent=files[5], purpose=MONITORING)
    vault.records(who).ListIdentityDocuments(request)
    assert alerts(book.since(size)) == [alert, alert]
    entries = query(vault, filter=ap.EventFilter(actions=[alert[0]], actor=who))
    assert [entry.event.reason for entry in entries] == [alert[1]] * 2


def test_a_program_may_open_a_whole_family(vault: RunningVault, book: LogBook) -> None:
    files, size = family(vault, 4), book.size()
    serving = partial(pb.GetCustomerRequest, purpose=SERVING)
    for name in files:
        vault.records().GetCustomer(serving(name=name))
    assert alerts(book.since(size)) == []


def test_neither_family_nor_street_stands_anywhere_in_clear(
    vault: RunningVault, book: LogBook
) -> None:
    who = somebody(vault, "a-cousin-and-neighbour", "cousin", "neighbour")
    size = book.size()
    for name in family(vault, 3):
        full(vault, who, name)
    assert len(alerts(book.since(size))) == 2
    kept = everything_in(book.database, vault.folder)
    said = vault.log_text(TierName.FULL).encode()
    assert b"street:" in kept
    for text in (FAMILY, STREET, f"{FAMILY}甲"):
        for written in (
            text.encode(),
            text.encode("utf-16-le"),
            text.encode("gb18030"),
            text.encode("unicode_escape"),
            text.encode().hex().encode(),
        ):
            assert written not in kept
            assert written not in said


def test_files_of_other_branches_than_ones_own_are_noticed(
    vault: RunningVault, book: LogBook
) -> None:
    def at(branch: str) -> str:
        sent = people.person()
        sent.branch = branch
        return create(vault, sent).name

    here = somebody(vault, "a-clerk", "clerk", home_branch="BJ-01")
    anywhere = somebody(vault, "another-clerk", "clerk")
    own, others = [at("BJ-01") for _ in range(4)], [at(f"SH-0{n}") for n in range(3)]
    for who, wanted in ((here, [("watch.warning", "NOT_HIS_BRANCH")]), (anywhere, [])):
        size = book.size()
        for name in (*own, *others[:2]):
            full(vault, who, name)
        assert alerts(book.since(size)) == []
        full(vault, who, others[2])
        assert alerts(book.since(size)) == wanted


def test_an_order_in_the_masked_tier_is_noticed_over_processes_and_a_restart(
    vault: RunningVault, book: LogBook
) -> None:
    who = somebody(vault, "walking", "walker")
    files = sorted(create(vault).name for _ in range(7))
    size = book.size()
    with second(vault, TierName.MASKED) as process:
        stub = masked_pb2_grpc.MaskedRecordsStub(process.channel(who))
        masked(vault, who, files[0])
        stub.GetMaskedCustomer(mp.GetMaskedCustomerRequest(name=files[1]))
        masked(vault, who, files[2])
        assert alerts(book.since(size)) == []
        stub.GetMaskedCustomer(mp.GetMaskedCustomerRequest(name=files[3]))
        assert alerts(book.since(size)) == [("watch.alert", "IN_ORDER")]
        stub.GetMaskedCustomer(mp.GetMaskedCustomerRequest(name=files[4]))
    restart(vault, TierName.MASKED)
    masked(vault, who, files[5])
    assert len(alerts(book.since(size))) == 1
    masked(vault, who, files[6])
    assert len(alerts(book.since(size))) == 2


def test_refusals_are_noticed_over_processes_until_one_call_is_allowed(
    vault: RunningVault, book: LogBook
) -> None:
    who, name = somebody(vault, "trying", "trier"), create(vault).name

    def wrong() -> object:
        return vault.records(who).GetCustomer(pb.GetCustomerRequest(name=name))

    with second(vault, TierName.FULL) as process:
        there = records_pb2_grpc.RecordsStub(process.channel(who))

        def wrong_there() -> object:
            return there.GetCustomer(pb.GetCustomerRequest(name=name))

        full(vault, who, name)
        size = book.size()
        for call in (wrong, wrong_there, wrong):
            refusal(call)
        # That somebody was refused is known in every process within a second.
        time.sleep(1.1)
        elsewhere(process, who, name)
        for call in (wrong, wrong_there, wrong):
            refusal(call)
        assert alerts(book.since(size)) == []
        refusal(wrong_there)
        assert alerts(book.since(size)) == [("watch.warning", "REFUSED")]
