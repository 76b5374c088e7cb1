"""Compartments over the wire: named members see them, and to everybody else there are none."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest

from recordsvault.audit.v1 import audit_pb2 as ap
from recordsvault.compartments.v1 import compartments_pb2 as pb
from recordsvault.retention.v1 import retention_pb2 as rp
from recordsvault.retention.v1 import retention_pb2_grpc
from tests.e2e import people
from tests.e2e.calls import create, create_document
from tests.e2e.people import OTHER_PARENT, PARENT, new_id
from tests.e2e.wire import LogBook, Refuse, refusal
from tests.support.running_vault import RunningVault, other
from vault.audit.log_sources import StoreSource
from vault.audit.reader import head
from vault.audit.verify_rows import verify_rows
from vault.server.settings import TierName
from vault.store.schema import full_file_keys, masked_file_keys

NOWHERE = f"{PARENT}/compartments/{'0' * 26}"
SECRET = "经查，客户与境外账户往来频繁 Operation Nightjar"


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    return each_vault


def opened(vault: RunningVault, who: str = "investigator", title: str = SECRET) -> str:
    request = pb.CreateCompartmentRequest(
        parent=OTHER_PARENT if who == other("investigator") else PARENT,
        compartment=pb.Compartment(kind=pb.COMPARTMENT_KIND_SUSPICIOUS_ACTIVITY, title=title),
    )
    return vault.compartments(who).CreateCompartment(request).compartment.name


def noted(
    vault: RunningVault, at: str, customer: str, who: str = "investigator", **item: Any
) -> str:
    content = item or {"text": SECRET}
    request = pb.AddItemRequest(parent=at, item=pb.Item(customer=customer, **content))
    return vault.compartments(who).AddItem(request).item.name


def proposed(
    vault: RunningVault, at: str, person: str, agree_by: str = "p-compliance"
) -> pb.Member:
    request = pb.AddMemberRequest(parent=at, person=person, agree_by=agree_by)
    return vault.compartments().AddMember(request).member


def agreed(vault: RunningVault, member: pb.Member, who: str = "compliance") -> pb.Member:
    request = pb.AgreeMemberRequest(name=member.name, etag=member.etag)
    return vault.compartments(who).AgreeMember(request).member


def items(vault: RunningVault, at: str, who: str = "investigator", customer: str = "") -> list[Any]:
    request = pb.ListItemsRequest(parent=at, customer=customer)
    return list(vault.compartments(who).ListItems(request).items)


def every_call(vault: RunningVault, at: str, who: str) -> dict[str, Callable[[], Any]]:
    """Every call about a compartment, made by somebody."""
    stub, member = vault.compartments(who), f"{at}/members/p-investigator"
    nobody = f"{PARENT}/customers/{'0' * 26}"
    item, hold = pb.Item(customer=nobody, text="x"), rp.Hold(customer=nobody, authority="x")
    held = retention_pb2_grpc.HoldsStub(vault.channel(who, TierName.FULL))
    order = f"{at}/holds/{'0' * 26}"
    return {
        "get": partial(stub.GetCompartment, pb.GetCompartmentRequest(name=at)),
        "close": partial(stub.CloseCompartment, pb.CloseCompartmentRequest(name=at)),
        "add": partial(
            stub.AddMember, pb.AddMemberRequest(parent=at, person="p-x", agree_by="p-compliance")
        ),
        "remove": partial(
            stub.RemoveMember, pb.RemoveMemberRequest(name=member, agree_by="p-compliance")
        ),
        "member": partial(stub.GetMember, pb.GetMemberRequest(name=member)),
        "agree": partial(stub.AgreeMember, pb.AgreeMemberRequest(name=member, etag="x")),
        "note": partial(stub.AddItem, pb.AddItemRequest(parent=at, item=item)),
        "items": partial(stub.ListItems, pb.ListItemsRequest(parent=at)),
        "hold": partial(held.PlaceHold, rp.PlaceHoldRequest(parent=at, hold=hold)),
        "holds": partial(held.ListHolds, rp.ListHoldsRequest(parent=at)),
        "release": partial(
            held.ProposeHoldRelease, rp.ProposeHoldReleaseRequest(name=order, reason="x")
        ),
        "agree to it": partial(
            held.AgreeHoldRelease, rp.AgreeHoldReleaseRequest(name=order, etag="x")
        ),
    }


# -- what members do -----------------------------------------------------------------------------


def test_a_member_opens_notes_and_reads(vault: RunningVault) -> None:
    customer = create(vault).name
    paper = create_document(vault, customer, people.passport())()
    document: str = paper.identity_document.name  # type: ignore[attr-defined]  # an answer
    at = opened(vault)
    first = noted(vault, at, customer, records=[document], text="一\n  two\n***\nthree")
    second = noted(vault, at, create(vault).name, json='{"score": 97, "rule": "A-1"}')
    found = items(vault, at)
    assert [item.name for item in found] == [first, second]
    assert (found[0].customer, found[0].text) == (customer, "一\n  two\n***\nthree")
    assert list(found[0].records) == [document]
    assert (found[1].json, found[1].author) == ('{"score": 97, "rule": "A-1"}', "investigator")
    assert [item.name for item in items(vault, at, customer=customer)] == [first]
    shown = vault.compartments().GetCompartment(pb.GetCompartmentRequest(name=at)).compartment
    assert (shown.title, shown.closed) == (SECRET, False)
    assert [(m.person, m.state) for m in shown.members] == [
        ("p-investigator", pb.MEMBER_STATE_MEMBER)
    ]


def test_what_is_about_one_customer_is_found_in_all_of_ones_compartments(
    vault: RunningVault,
) -> None:
    customer, another = create(vault).name, create(vault).name
    mine = [opened(vault), opened(vault)]
    theirs = opened(vault, "colleague")
    names = [noted(vault, at, customer) for at in (*mine, mine[0])]
    noted(vault, mine[1], another)
    noted(vault, theirs, customer, "colleague")
    found = items(vault, f"{PARENT}/compartments/-", customer=customer)
    assert [item.name for item in found] == names


def test_lists_go_on_page_by_page(vault: RunningVault) -> None:
    customer, at = create(vault).name, opened(vault)
    names = [noted(vault, at, customer, text=f"{n}") for n in range(5)]
    seen, token = [], ""
    while True:
        request = pb.ListItemsRequest(parent=at, page_size=2, page_token=token)
        page = vault.compartments().ListItems(request)
        seen += [item.name for item in page.items]
        token = page.next_page_token
        if not token:
            break
    assert seen == names
    mine, token = [], ""
    while True:
        listing = pb.ListCompartmentsRequest(parent=PARENT, page_size=1, page_token=token)
        shown = vault.compartments().ListCompartments(listing)
        mine += [one.name for one in shown.compartments]
        token = shown.next_page_token
        if not token:
            break
    assert at in mine and mine == sorted(mine) and len(set(mine)) == len(mine)


def test_a_request_that_comes_again_is_carried_out_once(vault: RunningVault) -> None:
    customer, at, again = create(vault).name, opened(vault), new_id()
    request = pb.AddItemRequest(
        parent=at, item=pb.Item(customer=customer, text="once"), request_id=again
    )
    first, second = (vault.compartments().AddItem(request) for _ in range(2))
    assert first == second and len(items(vault, at)) == 1
    request.item.text = "another"
    assert refusal(lambda: vault.compartments().AddItem(request)).reason == "REQUEST_ID_REUSED"


def test_nothing_is_added_to_what_is_closed_and_it_stays_to_be_read(
    vault: RunningVault, refuse: Refuse
) -> None:
    customer, at = create(vault).name, opened(vault)
    noted(vault, at, customer)
    close = pb.CloseCompartmentRequest(name=at)
    assert vault.compartments().CloseCompartment(close).compartment.closed
    for call in (
        lambda: noted(vault, at, customer),
        lambda: vault.compartments().CloseCompartment(close),
    ):
        refused = refuse(call)
        assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "COMPARTMENT_CLOSED")
    assert len(items(vault, at)) == 1


@pytest.mark.parametrize(
    ("wrong", "field", "reason"),
    [
        ({"text": "a\x00b"}, "item.text", "CONTROL_CHARACTER"),
        ({"text": "a\u202eb"}, "item.text", "HIDDEN_CHARACTER"),
        ({"json": "{'a': 1}"}, "item.json", "FORMAT"),
        ({"json": '{"a": NaN}'}, "item.json", "FORMAT"),
        ({"json": "[" * 50_000}, "item.json", "FORMAT"),
        ({}, "item.content", "RULE_REQUIRED"),
        (
            {"text": "x", "records": [f"{PARENT}/customers/{'1' * 26}/documents/{'1' * 26}"]},
            "item.records[0]",
            "RESOURCE_NAME",
        ),
        (
            {"text": "x", "customer": f"{OTHER_PARENT}/customers/{'1' * 26}"},
            "item.customer",
            "RESOURCE_NAME",
        ),
    ],
)
def test_what_is_wrong_with_an_item_is_told(
    vault: RunningVault, refuse: Refuse, wrong: dict[str, Any], field: str, reason: str
) -> None:
    item = pb.Item(**({"customer": f"{PARENT}/customers/{'0' * 26}"} | wrong))
    request = pb.AddItemRequest(parent=NOWHERE, item=item)
    refused = refuse(lambda: vault.compartments().AddItem(request))
    assert (field, reason) in refused.fields


def test_an_item_is_about_a_customer_and_records_that_there_are(
    vault: RunningVault, refuse: Refuse
) -> None:
    at, customer = opened(vault), create(vault).name
    for item in (
        {"customer": f"{PARENT}/customers/{'0' * 26}", "text": "x"},
        {"customer": customer, "text": "x", "records": [f"{customer}/documents/{'0' * 26}"]},
        {"customer": customer, "text": "x", "records": [f"{customer}/transactions/{'0' * 26}"]},
    ):
        request = pb.AddItemRequest(parent=at, item=pb.Item(**item))
        assert refuse(lambda r=request: vault.compartments().AddItem(r)).code == "NOT_FOUND"  # type: ignore[misc]  # bound now


def test_a_list_over_all_compartments_needs_a_customer(vault: RunningVault, refuse: Refuse) -> None:
    request = pb.ListItemsRequest(parent=f"{PARENT}/compartments/-")
    refused = refuse(lambda: vault.compartments().ListItems(request))
    assert ("customer", "REQUIRED") in refused.fields


# -- four eyes -----------------------------------------------------------------------------------


def test_a_person_sees_nothing_before_another_one_has_agreed(vault: RunningVault) -> None:
    customer, at = create(vault).name, opened(vault)
    noted(vault, at, customer)
    member = proposed(vault, at, "p-colleague")
    assert refusal(lambda: items(vault, at, "colleague")).code == "NOT_FOUND"
    look = pb.GetMemberRequest(name=member.name)
    assert vault.compartments("compliance").GetMember(look).member == member
    made = agreed(vault, member)
    assert (made.state, made.agreed_by) == (pb.MEMBER_STATE_MEMBER, "compliance")
    assert len(items(vault, at, "colleague")) == 1
    # He who agreed has seen the proposal, and sees no more.
    for call in ("get", "items", "member"):
        answer = refusal(every_call(vault, at, "compliance")[call])
        assert answer.code == ("NOT_FOUND" if call == "member" else "PERMISSION_DENIED")


def test_nobody_agrees_to_what_he_has_proposed_or_to_what_has_changed(
    vault: RunningVault, refuse: Refuse
) -> None:
    at = opened(vault)
    for agree_by in ("p-investigator", "p-colleague"):
        refused = refuse(lambda by=agree_by: proposed(vault, at, "p-colleague", by))  # type: ignore[misc]  # bound now
        assert refused.reason == "COMPARTMENT_SECOND_PERSON"
    before = proposed(vault, at, "p-colleague")
    now = proposed(vault, at, "p-colleague")
    assert refuse(lambda: agreed(vault, before)).code == "ABORTED"
    assert refuse(lambda: agreed(vault, now, "colleague")).code == "PERMISSION_DENIED"
    elsewhere = proposed(vault, at, "p-colleague", "p-officer")
    # He is of compliance, and not the person who was named.
    assert refuse(lambda: agreed(vault, elsewhere)).code == "NOT_FOUND"


def test_who_was_removed_sees_nothing_from_the_answer_on(vault: RunningVault) -> None:
    customer, at = create(vault).name, opened(vault)
    noted(vault, at, customer)
    agreed(vault, proposed(vault, at, "p-colleague"))
    request = pb.RemoveMemberRequest(name=f"{at}/members/p-colleague", agree_by="p-compliance")
    asked = vault.compartments().RemoveMember(request).member
    assert len(items(vault, at, "colleague")) == 1
    agreed(vault, asked)
    nothing = refusal(lambda: items(vault, at, "colleague"))
    assert nothing.code == "NOT_FOUND"
    listed = pb.ListCompartmentsRequest(parent=PARENT)
    mine = vault.compartments("colleague").ListCompartments(listed).compartments
    assert at not in [one.name for one in mine]
    last = pb.RemoveMemberRequest(name=f"{at}/members/p-investigator", agree_by="p-compliance")
    refused = refusal(lambda: vault.compartments().RemoveMember(last))
    assert refused.reason == "COMPARTMENT_LAST_MEMBER"


def test_of_many_who_agree_at_once_one_does(vault: RunningVault) -> None:
    at = opened(vault)
    member = proposed(vault, at, "p-colleague")

    def attempt(_: int) -> str:
        try:
            agreed(vault, member)
        except grpc.RpcError as error:
            return str(error.code().name)
        return "OK"

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(attempt, range(24)))
    assert codes.count("OK") == 1
    assert set(codes) <= {"OK", "ABORTED", "NOT_FOUND"}


# -- what others see -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "who", ["colleague", "compliance", "officer", "custodian", "crm", "backend"]
)
def test_to_others_it_is_as_if_there_were_none(vault: RunningVault, who: str) -> None:
    customer, at = create(vault).name, opened(vault)
    noted(vault, at, customer)
    proposed(vault, at, "p-x", "p-y")
    there, nowhere = every_call(vault, at, who), every_call(vault, NOWHERE, who)
    for name, call in there.items():
        ours = refusal(call)
        theirs = refusal(nowhere[name])
        assert ours.text.replace(at, NOWHERE) == theirs.text, name
        assert ours.code in ("NOT_FOUND", "PERMISSION_DENIED")
    if who == "colleague":
        listing = pb.ListItemsRequest(parent=f"{PARENT}/compartments/-", customer=customer)
        assert list(vault.compartments(who).ListItems(listing).items) == []


def test_another_bank_sees_nothing_of_it(vault: RunningVault) -> None:
    at = opened(vault)
    for call in every_call(vault, at, other("investigator")).values():
        assert refusal(call).code == "PERMISSION_DENIED"


def test_no_event_of_a_compartment_names_the_customer(vault: RunningVault, log: LogBook) -> None:
    customer = create(vault).name
    identifier, before = customer.rpartition("/")[2], log.size()
    at = opened(vault)
    noted(vault, at, customer, text=SECRET)
    items(vault, at, customer=customer)
    items(vault, f"{PARENT}/compartments/-", customer=customer)
    agreed(vault, proposed(vault, at, "p-colleague"))
    vault.compartments().GetCompartment(pb.GetCompartmentRequest(name=at))
    refusal(lambda: items(vault, NOWHERE, customer=customer))
    text = log.text(before)
    assert identifier not in text
    assert "Nightjar" not in text and "经查" not in text
    events = log.since(before)
    assert all(not event.customer for event in events)
    resource = at.removeprefix(f"{PARENT}/")
    assert all(resource in e.resource or resource in str(e.resources) for e in events[:6])
    report = ap.ReportAccessRequest(parent=PARENT, customer=customer)
    told = [line.entry.event.action for a in vault.audit().ReportAccess(report) for line in a.lines]
    assert [action for action in told if action.startswith("compartments")] == []


def test_the_key_store_and_the_rows_do_not_tell_of_whom(vault: RunningVault, log: LogBook) -> None:
    customer = create(vault).name
    identifier = customer.rpartition("/")[2]
    keys = full_file_keys.select().where(full_file_keys.c.customer == identifier)
    before = log.database.read_sync(lambda c: c.execute(keys).all())
    at = opened(vault)
    noted(vault, at, customer)
    assert log.database.read_sync(lambda c: c.execute(keys).all()) == before
    masked = masked_file_keys.select().where(masked_file_keys.c.scope == "compartment")
    assert log.database.read_sync(lambda c: c.execute(masked).all()) == []
    for table in ("compartments", "compartment_members", "compartment_items"):
        rows = log.database.read_sync(
            lambda c, t=table: c.exec_driver_sql(f"SELECT * FROM {t}").all()  # type: ignore[misc]  # bound now
        )
        assert rows and identifier not in repr(rows)
        assert b"Nightjar" not in b"".join(v for row in rows for v in row if isinstance(v, bytes))


def test_nobody_reads_or_notes_what_is_about_himself(vault: RunningVault, refuse: Refuse) -> None:
    customer, at = create(vault).name, opened(vault)
    noted(vault, at, customer)
    path = vault.folder / "principals.toml"
    with OwnFile(path, "p-investigator", customer.rpartition("/")[2]):
        _until(lambda: items(vault, at) == [])
        assert items(vault, f"{PARENT}/compartments/-", customer=customer) == []
        refused = refuse(lambda: noted(vault, at, customer))
        assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "COMPARTMENT_OWN_FILE")
    _until(lambda: len(items(vault, at)) == 1)


# -- the database beside the vault ---------------------------------------------------------------


def test_a_row_that_was_put_in_changed_or_taken_away_is_found(
    vault: RunningVault, log: LogBook
) -> None:
    customer, at = create(vault).name, opened(vault)
    noted(vault, at, customer)
    identifier = at.rpartition("/")[2]
    vault.until_covered()
    source = StoreSource(vault.database)
    size = log.database.read_sync(head).size
    assert list(verify_rows(source, size)) == []

    def put(conn: Any) -> None:
        conn.exec_driver_sql(
            "INSERT INTO compartment_members SELECT institution, compartment, 'p-colleague', 1, "
            f"agree_by, recorded_at, recorded_by, sealed FROM compartment_members "
            f"WHERE compartment = '{identifier}'"
        )

    def take(conn: Any) -> None:
        conn.exec_driver_sql(
            f"DELETE FROM compartment_members WHERE person = 'p-colleague' "
            f"AND compartment = '{identifier}'"
        )

    log.database.write_sync(put)
    try:
        # The row was sealed for another person: it opens nothing, and says so.
        assert refusal(lambda: items(vault, at, "colleague")).code == "DATA_LOSS"
        found = list(verify_rows(source, size))
        assert [(f.kind.name, f.place) for f in found] == [("ROWS_UNLOGGED", "compartment_members")]
    finally:
        log.database.write_sync(take)
    assert list(verify_rows(source, size)) == []


class OwnFile:
    """A person with a file of his own, for a while."""

    def __init__(self, path: Path, person: str, customer: str) -> None:
        self._path, self._before = path, path.read_text("utf-8")
        line = f'person = "{person}"\n'
        self._with = self._before.replace(line, f'{line}own_files = ["{customer}"]\n')

    def __enter__(self) -> None:
        self._write(self._with)

    def __exit__(self, *_: object) -> None:
        self._write(self._before)

    def _write(self, text: str) -> None:
        fresh = self._path.with_suffix(".new")
        fresh.write_text(text, "utf-8")
        fresh.chmod(0o600)
        fresh.replace(self._path)


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
