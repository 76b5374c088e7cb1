"""`vaultctl access review`: what it finds, and what it is found from."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from recordsvault.admin.v1.access_admin_pb2 import (
    Limit,
    ListedPrincipal,
    PolicyFile,
    PrincipalEntry,
    RoleBinding,
    Scope,
)
from recordsvault.audit.v1.event_pb2 import AuditEvent
from tests.cli.test_with_the_vault import ctl
from tests.support.running_vault import RunningVault
from vault.access.policy_files import POLICY_FOLDER
from vault.cli.vaultctl.access_findings import (
    APART,
    Finding,
    Kind,
    Uses,
    findings,
    roles_of_policies,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MONTH = timedelta(days=30)
POLICIES = {"reads": frozenset({"compliance"}), "lends": frozenset({"custodian", "compliance"})}


def principal(name: str, *roles: str, person: str = "", **more: object) -> ListedPrincipal:
    bindings = [RoleBinding(role=role) for role in roles]
    entry = PrincipalEntry(name=name, roles=bindings, person=person, **more)  # type: ignore[arg-type]
    return ListedPrincipal(entry=entry, active=True, active_roles=roles)


def found(*listed: ListedPrincipal, uses: Uses | None = None) -> list[Finding]:
    return findings(listed, uses or Uses(POLICIES), NOW, MONTH)


def kinds(*listed: ListedPrincipal) -> list[Kind]:
    return [one.kind for one in found(*listed) if one.kind is not Kind.UNUSED]


def test_a_right_is_used_where_a_policy_that_names_it_let_a_call_through() -> None:
    uses = Uses(POLICIES)
    uses.add(AuditEvent(action="records.customers.get", actor="li", policies=["reads"]), NOW)
    (one,) = found(principal("li", "compliance", "operator"), uses=uses)
    assert (one.kind, one.roles, one.day) == (Kind.UNUSED, ("operator",), NOW)


def test_what_was_called_for_a_person_is_his_use_too() -> None:
    uses = Uses(POLICIES)
    event = AuditEvent(
        action="lending.check_outs.approve", actor="crm", on_behalf_of="li", policies=["lends"]
    )
    uses.add(event, NOW)
    assert found(principal("li", "custodian"), uses=uses) == []


@pytest.mark.parametrize("action", ["grpc.health", "audit.proofs.get", "rpc.unknown"])
def test_what_everybody_may_ask_uses_no_right(action: str) -> None:
    uses = Uses(POLICIES)
    uses.add(AuditEvent(action=action, actor="li", policies=["reads"]), NOW)
    (one,) = found(principal("li", "compliance"), uses=uses)
    assert one.day is None


def test_who_cannot_call_anyway_has_no_unused_rights() -> None:
    gone = principal("li", "custodian")
    gone.active = False
    assert found(gone) == []


@pytest.mark.parametrize(
    ("last_day", "ends"),
    [("2026-02-28", False), ("2026-03-01", True), ("2026-03-30", True), ("2026-03-31", False)],
)
def test_a_last_day_counts_to_its_end(last_day: str, ends: bool) -> None:
    assert kinds(principal("li", "custodian", not_after=last_day)) == [Kind.ENDING] * ends


def test_a_role_that_ends_is_told_by_itself() -> None:
    one = principal("li", "custodian", "compliance")
    one.entry.roles[1].not_after.FromDatetime(NOW + timedelta(days=3))
    (ends,) = [each for each in found(one) if each.kind is Kind.ENDING]
    assert (ends.roles, ends.day) == (("compliance",), NOW + timedelta(days=3))


@pytest.mark.parametrize("pair", APART, ids=lambda pair: "+".join(sorted(pair)))
def test_who_checks_himself_has_too_much_under_however_many_accounts(pair: frozenset[str]) -> None:
    first, second = sorted(pair)
    assert kinds(principal("a", first, second, person="p-1")) == [Kind.TOO_MUCH]
    two = [principal("a", first, person="p-1"), principal("b", second, person="p-1")]
    (one,) = [each for each in found(*two) if each.kind is Kind.TOO_MUCH]
    assert (one.roles, one.principals) == ((first, second), ("a", "b"))
    others = [principal("a", first, person="p-1"), principal("b", second, person="p-2")]
    assert kinds(*others) == []


def test_a_finding_says_how_far_the_roles_reach_where_they_are_limited() -> None:
    held = Scope(branches=Limit(names=["sh-01"]))
    (one,) = found(principal("a", "teller", person="p-1", scope=held))
    assert one.scopes == (("a", held),)
    two = [
        principal("a", "teller", person="p-1", scope=held),
        principal("b", "custodian", person="p-1"),
    ]
    (both,) = [each for each in found(*two) if each.kind is Kind.TOO_MUCH]
    assert both.scopes == (("a", held),)


def test_two_programs_are_not_one_person() -> None:
    assert kinds(principal("a", "teller"), principal("b", "custodian")) == []


def test_more_than_three_roles_are_too_much() -> None:
    roles = ("ingestor", "crm_viewer", "teller", "investigator")
    assert kinds(principal("a", *roles[:3])) == []
    assert kinds(principal("a", *roles)) == [Kind.TOO_MUCH]


def test_the_roles_of_the_packaged_policies_are_found_by_their_ids() -> None:
    files = [
        PolicyFile(name=path.name, text=path.read_text("utf-8"))
        for path in POLICY_FOLDER.glob("*.cedar")
    ]
    by_id = roles_of_policies(files)
    assert by_id["ingestor-writes"] == {"ingestor"}
    assert by_id["custodian-lends"] == {"custodian", "compliance"}
    assert by_id["purpose-required"] == frozenset()


# -- on a running vault ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVault]:
    folder = tmp_path_factory.mktemp("review")
    with RunningVault(folder, f"sqlite:///{folder}/vault.db") as running:
        yield running


@pytest.mark.slow
def test_an_officer_sees_which_rights_were_not_used(vault: RunningVault) -> None:
    assert ctl(vault, "crm", "customers", "list").returncode == 0
    ran = ctl(vault, "officer", "access", "review", "--format", "csv")
    assert ran.returncode == 0, ran.stderr
    lines = list(csv.DictReader(io.StringIO(ran.stdout)))
    unused = {line["principal"] for line in lines if line["finding"] == "not used"}
    assert "backend" in unused
    assert "crm" not in unused
    ran = ctl(vault, "officer", "access", "review", "--format", "json")
    read = [json.loads(line) for line in ran.stdout.splitlines()]
    assert {one["principal"] for one in read if one["finding"] == "unused"} == unused


@pytest.mark.slow
def test_the_review_is_for_officers_and_in_both_languages(vault: RunningVault) -> None:
    assert ctl(vault, "crm", "access", "review").returncode == 5
    for lang, words in (("en", "Access review"), ("zh", "权限复核")):
        ran = ctl(vault, "officer", "access", "review", "--lang", lang)
        assert words in ran.stdout
        ran = ctl(vault, "officer", "access", "review", "--lang", lang, "--format", "html")
        assert f"<h1>{words}</h1>" in ran.stdout
