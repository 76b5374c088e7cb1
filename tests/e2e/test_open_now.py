"""By which check-outs a customer is open now, as `WhoCan` tells those who keep the access."""

import time
from collections.abc import Iterator

import pytest

from recordsvault.access.v1 import access_pb2 as pb
from recordsvault.admin.v1 import access_admin_pb2 as ap
from recordsvault.records.v1 import records_pb2 as rp
from recordsvault.type.v1 import purpose_pb2
from tests.e2e import people
from tests.e2e.calls import create
from tests.e2e.wire import LogBook
from tests.support.borrowing import add_person
from tests.support.lending import (
    PHONES,
    approve,
    ask,
    break_glass,
    give_back,
    until_known,
)
from tests.support.running_vault import RunningVault

SUSPICION = purpose_pb2.PURPOSE_SUSPICIOUS_ACTIVITY_INVESTIGATION


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    """With tellers, one who may break the glass, and somebody who keeps access and may know."""
    add_person(each_vault, "clerk", "teller")
    add_person(each_vault, "breaker", "teller", "break_glass")
    add_person(each_vault, "auditor", "compliance", "teller")
    add_person(each_vault, "second-keeper", "access_admin", "compliance")
    until_known(each_vault, "second-keeper")
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


def open_now(
    vault: RunningVault, file: str, who: str = "keeper", action: str = ""
) -> list[pb.CheckOut]:
    request = ap.WhoCanRequest(resource=file, action=action)
    return list(vault.access_admin(who).WhoCan(request).open_check_outs)


def names(found: list[pb.CheckOut]) -> list[str]:
    return [one.name for one in found]


def test_what_is_open_is_listed_with_who_has_it_why_and_until_when(
    vault: RunningVault, book: LogBook, file: str
) -> None:
    ask(vault, file)
    give_back(vault, approve(vault, ask(vault, file)).name)
    approve(vault, ask(vault, create(vault).name))
    assert not open_now(vault, file)
    lent = approve(vault, ask(vault, file, case_reference="K-1"), fields=[PHONES])
    paper = vault.records().CreateIdentityDocument(
        rp.CreateIdentityDocumentRequest(parent=file, identity_document=people.passport())
    )
    below = approve(
        vault, ask(vault, paper.identity_document.name, "identity_document.number", one_time=True)
    )
    broken = break_glass(vault, file)
    size = book.size()
    found = open_now(vault, file)
    assert names(found) == names([broken, below, lent])
    (event,) = book.since(size)
    assert event.resources == tuple(one.name.split("/", 2)[2] for one in found)
    assert not event.fields
    assert open_now(vault, file, "officer") == found
    of_file = found[2]
    assert (of_file.requester, of_file.subject) == ("clerk", file)
    assert [(a.approver, a.role) for a in of_file.approvals] == [("custodian", "custodian")]
    assert (list(of_file.fields), of_file.end_time) == ([PHONES], lent.end_time)
    assert found[1].subject == paper.identity_document.name and found[1].one_time
    assert found[0].break_glass
    # Why somebody asked is for who decides.
    assert not any(one.reason or one.case_reference for one in found)


def test_what_is_lent_of_all_customers_is_told_of_each_but_the_borrowers_own(
    vault: RunningVault, file: str
) -> None:
    add_person(vault, "exporter", "compliance", own_files=[file.rpartition("/")[2]])
    until_known(vault, "exporter")
    asked = ask(
        vault,
        file.rpartition("/customers/")[0],
        who="exporter",
        purpose=purpose_pb2.PURPOSE_INTERNAL_AUDIT,
        case_reference="A-1",
    )
    other = create(vault).name
    lent = approve(vault, approve(vault, asked), who="compliance")
    single = approve(vault, ask(vault, other))
    assert names(open_now(vault, other)) == names([single, lent])
    assert not open_now(vault, file)
    give_back(vault, lent.name, who="exporter")
    assert names(open_now(vault, other)) == [single.name]


def test_it_is_told_of_full_reads_of_a_customer_alone(vault: RunningVault, file: str) -> None:
    lent = approve(vault, ask(vault, file))
    assert names(open_now(vault, file, action="records.transactions.list")) == [lent.name]
    assert not open_now(vault, file, action="masked.customers.get")
    assert not open_now(vault, file, action="records.customers.create")
    assert not open_now(vault, file.rpartition("/customers/")[0])


def test_a_suspicion_is_told_to_nobody_who_may_not_know(vault: RunningVault, file: str) -> None:
    request = ap.WhoCanRequest(resource=file)

    def answers() -> list[bytes]:
        stubs = [vault.access_admin(who) for who in ("keeper", "officer")]
        return [stub.WhoCan(request).SerializeToString() for stub in stubs]

    before = answers()
    asked = ask(vault, file, who="auditor", purpose=SUSPICION, case_reference="STR-1")
    half = approve(vault, asked, who="compliance")
    lent = approve(vault, half, who="investigator")
    assert lent.state == pb.CHECK_OUT_STATE_ACTIVE
    assert answers() == before
    assert names(open_now(vault, file, "second-keeper")) == [lent.name]


def test_nobody_learns_who_has_borrowed_his_own_file(vault: RunningVault, file: str) -> None:
    approve(vault, ask(vault, file))
    add_person(vault, "keeper-of-own", "access_admin", own_files=[file.rpartition("/")[2]])
    until_known(vault, "keeper-of-own")
    assert not open_now(vault, file, "keeper-of-own")


@pytest.mark.parametrize("related", [True, False], ids=["a-relatives", "gone"])
def test_what_nobody_can_use_any_more_is_not_listed(
    vault: RunningVault, file: str, related: bool
) -> None:
    path = vault.folder / "principals.toml"
    before = path.read_text("utf-8")
    leaver = f"leaver-{related}".lower()
    add_person(vault, leaver, "teller")
    until_known(vault, leaver)
    lent = approve(vault, ask(vault, file, who=leaver))
    assert names(open_now(vault, file)) == [lent.name]
    path.write_text(before, "utf-8")
    if related:
        add_person(vault, leaver, "teller", related_files=[file.rpartition("/")[2]])
    deadline = time.monotonic() + 5
    while open_now(vault, file):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    path.write_text(before, "utf-8")
