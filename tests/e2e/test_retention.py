"""Disposal and holds over TLS: planned by one, agreed to by another, certified."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.type.date_pb2 import Date

from recordsvault.compartments.v1 import compartments_pb2 as cp
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.retention.v1 import retention_pb2 as rp
from recordsvault.retention.v1 import retention_pb2_grpc as stubs
from recordsvault.type.v1 import purpose_pb2
from tests.cli.test_with_the_vault import ctl
from tests.e2e import people
from tests.e2e.calls import create, get, update
from tests.support.contents import download, scan, upload
from tests.support.running_vault import OWN, RunningVault
from vault.server.settings import TierName

PARENT = f"institutions/{OWN}"


def retention(vault: RunningVault, who: str) -> stubs.RetentionStub:
    return stubs.RetentionStub(vault.channel(who, TierName.FULL))


def holds(vault: RunningVault, who: str) -> stubs.HoldsStub:
    return stubs.HoldsStub(vault.channel(who, TierName.FULL))


def old_transaction(vault: RunningVault) -> tuple[str, str]:
    """A customer, and a transaction of his whose ten years are over."""
    stub = vault.records()
    customer = stub.CreateCustomer(
        pb.CreateCustomerRequest(parent=PARENT, customer=people.person())
    ).customer.name
    booked = people.booking(datetime(2012, 3, 4, 5, 6, 7, tzinfo=UTC))
    made = stub.CreateTransaction(pb.CreateTransactionRequest(parent=customer, transaction=booked))
    return customer, made.transaction.name


def compartment(vault: RunningVault) -> str:
    about = cp.Compartment(kind=cp.COMPARTMENT_KIND_HOLD, title="Hold")
    stub = vault.compartments("investigator")
    name = stub.CreateCompartment(
        cp.CreateCompartmentRequest(parent=PARENT, compartment=about)
    ).compartment.name
    stub.AddMember(cp.AddMemberRequest(parent=name, person="p-colleague", agree_by="p-compliance"))
    place = f"{name}/members/p-colleague"
    other = vault.compartments("compliance")
    shown = other.GetMember(cp.GetMemberRequest(name=place)).member
    other.AgreeMember(cp.AgreeMemberRequest(name=place, etag=shown.etag))
    return name


def objects(vault: RunningVault) -> list[Path]:
    """Segments of contents in the object store."""
    return [
        path
        for path in (vault.folder / "blobs").rglob("*")
        if path.is_file() and ".incoming" not in path.parts and "log" not in path.parts
    ]


def code_of(call: object, request: object) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as refused:
        call(request)  # type: ignore[operator]  # a method of a stub
    return refused.value.code()


def test_a_disposal_from_plan_to_certificate(each_vault: RunningVault) -> None:
    vault = each_vault
    customer, transaction = old_transaction(vault)
    voucher = upload(vault.records(), transaction, scan(300_000))
    assert objects(vault)
    keeper, compliance = retention(vault, "custodian"), retention(vault, "compliance")
    # -- a hold keeps it, and neither the plan nor a stranger to the compartment learns of it
    case = compartment(vault)
    hold = rp.Hold(customer=customer, authority="A court", reference="2 O 17/26")
    placed = holds(vault, "investigator").PlaceHold(
        rp.PlaceHoldRequest(parent=case, hold=hold, request_id=people.new_id())
    )
    plan = rp.PlanDisposalRequest(parent=PARENT, reason="Due.")
    assert code_of(keeper.PlanDisposal, plan) is grpc.StatusCode.FAILED_PRECONDITION
    listing = rp.ListHoldsRequest(parent=case)
    assert code_of(holds(vault, "custodian").ListHolds, listing) is (
        grpc.StatusCode.PERMISSION_DENIED
    )
    # -- two members release it
    propose = rp.ProposeHoldReleaseRequest(name=placed.hold.name, reason="Over.")
    proposed = holds(vault, "investigator").ProposeHoldRelease(propose).hold
    agree = rp.AgreeHoldReleaseRequest(name=proposed.name, etag=proposed.etag)
    assert code_of(holds(vault, "investigator").AgreeHoldRelease, agree) is (
        grpc.StatusCode.FAILED_PRECONDITION
    )
    assert holds(vault, "colleague").AgreeHoldRelease(agree).hold.released_by == "colleague"
    # -- now it is due
    made = keeper.PlanDisposal(plan).disposal
    items = keeper.ListDisposalItems(rp.ListDisposalItemsRequest(parent=made.name)).items
    assert [(one.customer, one.scope, one.rule_set) for one in items] == [
        (customer, "transactions/2012", "cn/2")
    ]
    execute = rp.ExecuteDisposalRequest(name=made.name)
    assert code_of(keeper.ExecuteDisposal, execute) is grpc.StatusCode.FAILED_PRECONDITION
    approve = rp.ApproveDisposalRequest(name=made.name, plan_sha256=made.plan_sha256)
    assert code_of(keeper.ApproveDisposal, approve) is grpc.StatusCode.PERMISSION_DENIED
    wrong = rp.ApproveDisposalRequest(name=made.name, plan_sha256="0" * 64)
    assert code_of(compliance.ApproveDisposal, wrong) is grpc.StatusCode.ABORTED
    agreed = compliance.ApproveDisposal(approve).disposal
    assert agreed.state == rp.DISPOSAL_STATE_APPROVED
    assert agreed.approved_by == "compliance"
    keeper.ExecuteDisposal(execute)
    done = _wait(keeper, made.name)
    # The transaction and its voucher, whose bytes are not in the object store any more either.
    assert (done.gone, done.passed, done.rows) == (1, 0, 2)
    assert objects(vault) == []
    with pytest.raises(grpc.RpcError):
        download(vault.records(), voucher.name, purpose=purpose_pb2.PURPOSE_DATA_QUALITY)
    # -- it is gone, and the customer is not
    read = pb.GetTransactionRequest(name=transaction, purpose=purpose_pb2.PURPOSE_DATA_QUALITY)
    assert code_of(vault.records().GetTransaction, read) is grpc.StatusCode.NOT_FOUND
    whole = pb.GetCustomerRequest(name=customer, purpose=purpose_pb2.PURPOSE_DATA_QUALITY)
    assert vault.records().GetCustomer(whole).customer.name == customer
    # -- and it is certified
    certificate = _certificate(compliance, made.name)
    text = certificate.certificate.decode()
    assert f"plan {made.plan_sha256}\n" in text
    assert "agreed" in text
    assert certificate.proof.startswith("c2sp.org/tlog-proof@v1\n")
    assert b"certificates/sha256:" in certificate.leaf
    # -- nothing is written into that year any more
    again = people.booking(datetime(2012, 7, 4, 5, 6, 7, tzinfo=UTC))
    store = pb.CreateTransactionRequest(parent=customer, transaction=again)
    assert code_of(vault.records().CreateTransaction, store) is grpc.StatusCode.NOT_FOUND


def ten_years_and(days: int) -> date:
    """So many days before ten years ago; a 29th of February counts as the 28th."""
    today = datetime.now(UTC).date()
    return today.replace(year=today.year - 10, day=min(today.day, 28)) - timedelta(days=days)


def file(vault: RunningVault, *booked: date, end: date | None, where: Iterable[str] = ()) -> str:
    """A customer whose relationship has ended on a day, or has not, with bookings."""
    about = people.person()
    about.relationship.jurisdictions.extend(where)
    if end is not None:
        about.relationship.end_date.CopyFrom(people.day(end))
    customer = create(vault, about).name
    for day in booked:
        at = datetime(day.year, day.month, day.day, 5, 6, 7, tzinfo=UTC)
        request = pb.CreateTransactionRequest(parent=customer, transaction=people.booking(at))
        vault.records().CreateTransaction(request)
    return customer


def plan_of(vault: RunningVault, *customers: str) -> tuple[rp.Disposal, list[rp.DisposalItem]]:
    """A plan of all that is due, and its items that are of these customers."""
    keeper = retention(vault, "custodian")
    request = rp.PlanDisposalRequest(parent=PARENT, reason="Due.")
    made = keeper.PlanDisposal(request).disposal
    listing = rp.ListDisposalItemsRequest(parent=made.name, page_size=200)
    items = keeper.ListDisposalItems(listing).items
    return made, [one for one in items if one.customer in customers]


def carry_out(vault: RunningVault, made: rp.Disposal) -> rp.Disposal:
    """An approved plan, to its end."""
    retention(vault, "custodian").ExecuteDisposal(rp.ExecuteDisposalRequest(name=made.name))
    return _wait(retention(vault, "custodian"), made.name)


def test_a_clock_starts_with_the_end_of_the_relationship_and_with_the_booking(
    vault: RunningVault,
) -> None:
    over, not_over, old = ten_years_and(5), ten_years_and(-10), date(2011, 6, 7)
    gone = file(vault, old, over, end=over)
    recent = file(vault, old, not_over, end=not_over)
    goes_on = file(vault, old, end=None)
    made, items = plan_of(vault, gone, recent, goes_on)
    booking, relationship = rp.CLOCK_START_BOOKING, rp.CLOCK_START_RELATIONSHIP_END

    def through(start: date) -> Date:
        return people.day(start.replace(year=start.year + 10))

    # A scope is a year: its last booking counts.
    starts = [
        (gone, "identity", relationship, over),
        *((one, "transactions/2011", booking, old) for one in (gone, recent, goes_on)),
        (gone, f"transactions/{over.year}", booking, over),
    ]
    found = [(i.customer, i.scope, i.clock, i.start, i.kept_through) for i in items]
    assert sorted(found, key=str) == sorted(
        [(c, s, clock, people.day(d), through(d)) for c, s, clock, d in starts], key=str
    )
    assert {one.rule_set for one in items} == {"cn/2"}
    approve = rp.ApproveDisposalRequest(name=made.name, plan_sha256=made.plan_sha256)
    retention(vault, "compliance").ApproveDisposal(approve)
    # The end was recorded wrongly: the clock starts when the relationship did end.
    whole = get(vault, gone)
    whole.relationship.end_date.CopyFrom(people.day(not_over))
    update(vault, whole, "relationship")
    carry_out(vault, made)
    listing = rp.ListDisposalItemsRequest(parent=made.name, page_size=200)
    after = retention(vault, "custodian").ListDisposalItems(listing).items
    states = {(one.customer, one.scope): one.state for one in after}
    assert states[gone, "identity"] == rp.ITEM_STATE_PASSED
    assert states[gone, "transactions/2011"] == rp.ITEM_STATE_DONE
    assert get(vault, gone).relationship.end_date == people.day(not_over)


def vaultctl(vault: RunningVault, who: str, *words: str) -> Any:
    """What it answers, as JSON."""
    done = ctl(vault, who, *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_conflict_of_two_laws_is_shown_and_ruled_by_two_persons_from_the_command_line(
    vault: RunningVault,
) -> None:
    """China asks for ten years, the Union for deletion after five."""
    six_years = (datetime.now(UTC) - timedelta(days=6 * 366)).date()
    both = [file(vault, end=six_years, where=("CN", "DE")) for _ in range(2)]
    union = file(vault, end=six_years, where=("DE",))
    named = ["eu/identity < cn/identity"]

    def planned() -> dict[str, tuple[str, str, list[str]]]:
        made = vaultctl(vault, "custodian", "disposal", "plan", "--reason", "Due.")
        shown = vaultctl(vault, "custodian", "disposal", "show", made["name"])
        return {
            one["customer"]: (one["state"], one.get("cause", ""), one.get("conflicts", []))
            for one in shown["items"]
            if one["customer"] in (*both, union)
        }

    blocked = ("ITEM_STATE_BLOCKED", "BLOCK_CAUSE_CONFLICT", named)
    due: tuple[str, str, list[str]] = ("ITEM_STATE_DUE", "", [])
    assert planned() == {both[0]: blocked, both[1]: blocked, union: due}
    rule = ("retention", "rule", "eu/identity", "cn/identity", "--reason", "Counsel says so.")
    made = vaultctl(vault, "custodian", *rule, "--customer", both[0])
    assert planned() == {both[0]: blocked, both[1]: blocked, union: due}
    approve = ("retention", "approve", made["name"], "--etag", made["etag"])
    assert ctl(vault, "custodian", *approve).returncode != 0
    vaultctl(vault, "compliance", *approve)
    assert planned() == {both[0]: due, both[1]: blocked, union: due}
    rulings = vaultctl(vault, "custodian", "retention", "rules")["rulings"]
    assert rulings == [{"prevails": "eu/identity", "yields": "cn/identity", "customer": both[0]}]


def test_a_rule_set_shows_its_effect_and_does_not_shorten_silently(vault: RunningVault) -> None:
    old_transaction(vault)
    keeper, compliance = retention(vault, "custodian"), retention(vault, "compliance")
    longer = _rules(3, 12)
    effect = keeper.PreviewRuleSet(rp.PreviewRuleSetRequest(parent=PARENT, rule_set=longer)).effect
    assert effect.later >= 1
    assert not effect.shortens
    assert effect.samples
    shorter = rp.ProposeRuleSetRequest(parent=PARENT, rule_set=_rules(4, 5), reason="A new law.")
    assert code_of(keeper.ProposeRuleSet, shorter) is grpc.StatusCode.FAILED_PRECONDITION
    proposed = keeper.ProposeRuleSet(
        rp.ProposeRuleSetRequest(parent=PARENT, rule_set=longer, reason="A new law.")
    ).proposal
    approve = rp.ApproveRulesRequest(name=proposed.name, etag=proposed.etag)
    assert code_of(keeper.ApproveRules, approve) is grpc.StatusCode.PERMISSION_DENIED
    compliance.ApproveRules(approve)
    found = keeper.ListRuleSets(rp.ListRuleSetsRequest(parent=PARENT)).rule_sets
    assert {(one.name, one.version) for one in found if one.in_force} >= {("cn", 3), ("fatf", 1)}


def _rules(version: int, years: int) -> str:
    rules = "".join(
        f'[[rule]]\nname = "{kind}"\nkind = "{kind}"\nclock = "{clock}"\nminimum_years = {years}\n'
        'source = "a law"\narticle = "1"\nchecked = false\n'
        for kind, clock in (("identity", "relationship_end"), ("transactions", "booking"))
    )
    return (
        f'name = "cn"\nversion = {version}\njurisdictions = ["CN"]\n'
        f"effective_from = 2026-01-01\n{rules}"
    )


def _wait(stub: stubs.RetentionStub, name: str) -> rp.Disposal:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        found = stub.GetDisposal(rp.GetDisposalRequest(name=name)).disposal
        if found.state == rp.DISPOSAL_STATE_DONE:
            return found
        time.sleep(0.1)
    raise AssertionError("not done")


def _certificate(stub: stubs.RetentionStub, name: str) -> rp.GetDisposalCertificateResponse:
    """Once a checkpoint covers its event."""
    until = time.monotonic() + 60
    while True:
        try:
            return stub.GetDisposalCertificate(rp.GetDisposalCertificateRequest(name=name))
        except grpc.RpcError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
