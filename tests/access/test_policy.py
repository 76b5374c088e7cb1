"""The engine: deny by default, forbids win, the cache changes nothing, misfits stop the start."""

import dataclasses
import re
import shutil
from pathlib import Path
from typing import Any

import cedarpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.principals import principal_of
from vault.access import (
    Action,
    ActionClass,
    Decision,
    Grant,
    GrantMismatch,
    PolicyEngine,
    PolicyInvalid,
    Principal,
    Purpose,
    Reason,
    ResourceKind,
    ResourceRef,
)
from vault.access.policy_files import POLICY_FOLDER, SCHEMA_FILE

CUSTOMER = ResourceRef("demo-bank", "01hzzzzzzzzzzzzzzzzzzzzzzz", ResourceKind.CUSTOMER)
CRM = principal_of("crm_viewer")
REPLACE: Any = dataclasses.replace
"""Untyped: mypy refuses already what is to be refused when it runs."""


@pytest.fixture(scope="module")
def engine() -> PolicyEngine:
    return PolicyEngine.load()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the vault's own policies to change."""
    return Path(shutil.copytree(POLICY_FOLDER, tmp_path / "policies"))


def add(folder: Path, scope: str, *, policy: str = "added", effect: str = "permit") -> None:
    """Add a policy to the folder."""
    text = f'@id("{policy}") @en("added") @zh("新增")\n{effect} {scope};\n'
    (folder / f"{policy}.cedar").write_text(text, encoding="utf-8")


# --- deny by default --------------------------------------------------------------------------


def test_a_role_that_no_policy_names_may_do_nothing(engine: PolicyEngine) -> None:
    stranger = principal_of("crm_viewr")
    for action in Action:
        decision = engine.decide(stranger, action, dataclasses.replace(CUSTOMER, kind=action.kind))
        assert (decision.allowed, decision.grant) == (False, None)


def test_an_action_that_the_schema_does_not_know_is_refused(
    engine: PolicyEngine, folder: Path
) -> None:
    # Such an Action cannot be made, so the schema is what lacks it: a fault in the program.
    add(folder, "(principal, action, resource)")
    wide = PolicyEngine.load(folder)
    text = (folder / SCHEMA_FILE).read_text(encoding="utf-8")
    narrow = cedarpy.Schema.from_str(text.replace('"masked.customers.get", ', ""))
    for whole in (engine, wide):
        assert whole.decide(CRM, Action.MASKED_CUSTOMERS_GET, CUSTOMER).allowed
        broken = PolicyEngine(dataclasses.replace(whole.book, schema=narrow))
        decision = broken.decide(CRM, Action.MASKED_CUSTOMERS_GET, CUSTOMER)
        assert (decision.allowed, decision.reason) == (False, Reason.POLICY_ERROR)


def test_a_method_that_does_not_exist_is_allowed_to_nobody(folder: Path) -> None:
    add(folder, "(principal, action, resource)")
    engine = PolicyEngine.load(folder)
    nowhere = ResourceRef("", "", ResourceKind.VAULT)
    assert engine.decide(CRM, Action.HEALTH_CHECK, nowhere).allowed
    decision = engine.decide(CRM, Action.RPC_UNKNOWN, nowhere)
    assert (decision.reason, decision.policies) == (Reason.ROLE_MISSING, ("no-such-method",))


def test_an_action_on_the_wrong_kind_of_resource_is_refused(engine: PolicyEngine) -> None:
    assert engine.decide(CRM, Action.MASKED_CUSTOMERS_GET, CUSTOMER).allowed
    document = dataclasses.replace(CUSTOMER, kind=ResourceKind.DOCUMENT)
    decision = engine.decide(CRM, Action.MASKED_CUSTOMERS_GET, document)
    assert decision.reason is Reason.POLICY_ERROR


@pytest.mark.parametrize(("mine", "its"), [("", "demo-bank"), ("demo-bank", ""), ("", "")])
def test_a_missing_institution_equals_no_institution_not_even_a_missing_one(
    engine: PolicyEngine, mine: str, its: str
) -> None:
    caller = principal_of("crm_viewer", institution=mine)
    resource = dataclasses.replace(CUSTOMER, institution=its)
    decision = engine.decide(caller, Action.MASKED_CUSTOMERS_GET, resource)
    assert decision.reason is Reason.OTHER_INSTITUTION


@pytest.mark.parametrize(
    "odd", ["CUSTOMER_SERVICE ", "customer_service", "*", '"] || true || ["', "\0", "甲"]
)
def test_a_purpose_that_is_none_of_ours_is_refused(engine: PolicyEngine, odd: str) -> None:
    ingestor = principal_of("ingestor")
    decision = engine.decide(ingestor, Action.CUSTOMERS_GET, CUSTOMER, odd, True)
    assert decision.reason is Reason.PURPOSE_NOT_ALLOWED


def test_a_purpose_that_is_no_text_at_all_is_refused(engine: PolicyEngine) -> None:
    ingestor = principal_of("ingestor")
    decision = engine.decide(ingestor, Action.CUSTOMERS_GET, CUSTOMER, "\ud800", True)
    assert decision.reason is Reason.POLICY_ERROR


def test_a_policy_that_fails_to_evaluate_refuses_the_call(folder: Path) -> None:
    # Cedar skips a policy that fails, so that this forbid alone would let the call through.
    overflow = "when { 9223372036854775807 + 1 == 1 }"
    add(folder, f"(principal, action, resource) {overflow}", effect="forbid")
    decision = PolicyEngine.load(folder).decide(CRM, Action.MASKED_CUSTOMERS_GET, CUSTOMER)
    assert (decision.allowed, decision.reason) == (False, Reason.POLICY_ERROR)


# --- forbids win ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("caller", "action", "resource", "purpose", "forbid"),
    [
        (
            principal_of("crm_viewer", institution="other-bank"),
            Action.MASKED_CUSTOMERS_GET,
            CUSTOMER,
            Purpose.NONE,
            "own-institution-only",
        ),
        (CRM, Action.CUSTOMERS_GET, CUSTOMER, Purpose.NONE, "purpose-required"),
        (
            CRM,
            Action.CUSTOMERS_GET,
            CUSTOMER,
            Purpose.JUDICIAL_REQUEST,
            "case-reference-required",
        ),
        (
            principal_of("masked_node"),
            Action.MASKED_CUSTOMERS_GET,
            CUSTOMER,
            Purpose.NONE,
            "masked-node-looks-up-only",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and "-" in value else "",
)
def test_a_limit_holds_against_a_policy_that_permits_everything(
    folder: Path,
    caller: Principal,
    action: Action,
    resource: ResourceRef,
    purpose: Purpose,
    forbid: str,
) -> None:
    add(folder, "(principal, action, resource)")
    decision = PolicyEngine.load(folder).decide(caller, action, resource, purpose)
    assert (decision.allowed, decision.policies) == (False, (forbid,))

    text = (folder / "limits.cedar").read_text(encoding="utf-8")
    without = re.sub(rf'@id\("{forbid}"\).*?;\n', "", text, flags=re.DOTALL)
    (folder / "limits.cedar").write_text(without, encoding="utf-8")
    assert PolicyEngine.load(folder).decide(caller, action, resource, purpose).allowed


def test_an_added_forbid_wins_over_the_permits_that_stand(folder: Path) -> None:
    assert PolicyEngine.load(folder).decide(CRM, Action.MASKED_CUSTOMERS_GET, CUSTOMER).allowed
    add(
        folder, '(principal in RecordsVault::Role::"crm_viewer", action, resource)', effect="forbid"
    )
    decision = PolicyEngine.load(folder).decide(CRM, Action.MASKED_CUSTOMERS_GET, CUSTOMER)
    assert (decision.reason, decision.policies) == (Reason.ROLE_MISSING, ("added",))


def test_a_new_role_needs_a_policy_and_no_code(folder: Path) -> None:
    auditor = principal_of("internal_auditor")
    add(
        folder,
        '(principal in RecordsVault::Role::"internal_auditor", '
        'action in RecordsVault::Action::"full_read", resource) '
        'when { context.purpose == "INTERNAL_AUDIT" }',
    )
    engine = PolicyEngine.load(folder)
    assert "internal_auditor" in engine.book.roles
    assert engine.decide(auditor, Action.CUSTOMERS_GET, CUSTOMER, "INTERNAL_AUDIT").allowed
    refused = engine.decide(auditor, Action.CUSTOMERS_GET, CUSTOMER, "DATA_QUALITY")
    assert refused.reason is Reason.PURPOSE_NOT_ALLOWED


# --- the cache --------------------------------------------------------------------------------

_ROLES = ("ingestor", "crm_viewer", "compliance", "security_officer", "operator", "masked_node")
_SMALL = PolicyEngine.load(cache_size=7)
_CACHED = PolicyEngine.load()
_UNCACHED = PolicyEngine.load(cache_size=0)
_PRINCIPALS = st.builds(
    lambda roles, institution: principal_of(*roles, institution=institution),
    st.lists(st.sampled_from((*_ROLES, "nobody")), min_size=1, max_size=3, unique=True),
    st.sampled_from(("demo-bank", "other-bank", "")),
)
_CALLS = st.tuples(
    _PRINCIPALS,
    st.sampled_from(Action),
    st.builds(
        ResourceRef,
        st.sampled_from(("demo-bank", "other-bank", "")),
        st.sampled_from(("", "01hzzzzzzzzzzzzzzzzzzzzzzz")),
        st.sampled_from(ResourceKind),
    ),
    st.one_of(st.sampled_from(Purpose), st.text(max_size=5)),
    st.booleans(),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_CALLS, min_size=1, max_size=12))
def test_cached_decisions_equal_uncached_ones(
    calls: list[tuple[Principal, Action, ResourceRef, str, bool]],
) -> None:
    for call in calls + calls[::-1]:
        decision = _UNCACHED.decide(*call)
        assert _CACHED.decide(*call) == decision
        assert _SMALL.decide(*call) == decision


def test_a_cached_decision_grants_each_caller_his_own_call(engine: PolicyEngine) -> None:
    other = principal_of("crm_viewer", name="somebody-else")
    elsewhere = dataclasses.replace(CUSTOMER, customer="01hyyyyyyyyyyyyyyyyyyyyyyy")
    for caller, resource in ((CRM, CUSTOMER), (other, elsewhere), (CRM, elsewhere)):
        grant = granted(engine.decide(caller, Action.MASKED_CUSTOMERS_GET, resource))
        assert (grant.principal, grant.resource) == (caller, resource)


# --- grants -----------------------------------------------------------------------------------


def granted(decision: Decision) -> Grant:
    assert decision.grant is not None
    return decision.grant


def test_an_allowed_decision_names_its_policies_and_says_them(engine: PolicyEngine) -> None:
    both = principal_of("crm_viewer", "compliance")
    decision = engine.decide(both, Action.MASKED_CUSTOMERS_GET, CUSTOMER)
    assert decision.policies == ("compliance-reads-masked", "crm-viewer-reads-masked")
    assert granted(decision).policies == decision.policies
    assert decision.en == "Compliance reads masked views. A CRM front end reads masked views."
    assert decision.zh == "合规人员可查看脱敏视图。CRM 前台可查看脱敏视图。"


def test_nobody_but_the_engine_makes_a_grant_nor_changes_one(engine: PolicyEngine) -> None:
    with pytest.raises(TypeError, match="made by PolicyEngine"):
        Grant(CRM, Action.CUSTOMERS_GET, CUSTOMER, "", (), object())
    grant = granted(engine.decide(CRM, Action.MASKED_CUSTOMERS_GET, CUSTOMER))
    with pytest.raises(ValueError, match="made_by"):
        REPLACE(grant, action=Action.CUSTOMERS_GET)
    with pytest.raises(dataclasses.FrozenInstanceError):
        grant.action = Action.CUSTOMERS_GET  # type: ignore[misc]  # the refusal is what is tested


def test_nobody_but_the_directory_makes_a_principal_nor_changes_one() -> None:
    with pytest.raises(TypeError, match="Directory"):
        Principal("me", "demo-bank", frozenset({"compliance"}), "spiffe://demo.bank/me", object())
    with pytest.raises(ValueError, match="made_by"):
        REPLACE(CRM, roles=frozenset({"compliance"}))


def test_a_grant_covers_its_action_institution_and_customer_alone(engine: PolicyEngine) -> None:
    action, customer = Action.MASKED_CUSTOMERS_GET, CUSTOMER.customer
    one = granted(engine.decide(CRM, action, CUSTOMER))
    whole = granted(engine.decide(CRM, action, dataclasses.replace(CUSTOMER, customer="")))
    one.covers(action, "demo-bank", customer)
    whole.covers(action, "demo-bank", customer)
    whole.covers(action, "demo-bank")
    for grant, wrong in (
        (one, (Action.MASKED_CUSTOMERS_LIST, "demo-bank", customer)),
        (one, (action, "other-bank", customer)),
        (one, (action, "demo-bank", "01hyyyyyyyyyyyyyyyyyyyyyyy")),
        (one, (action, "demo-bank", "")),
        (whole, (action, "other-bank", customer)),
    ):
        with pytest.raises(GrantMismatch):
            grant.covers(*wrong)


def test_no_representation_shows_a_name_or_a_certificate(engine: PolicyEngine) -> None:
    caller = principal_of("crm_viewer", name="zhang.wei", uri="spiffe://demo.bank/zhang.wei")
    decision = engine.decide(caller, Action.MASKED_CUSTOMERS_GET, CUSTOMER)
    for shown in (repr(caller), repr(decision), repr(decision.grant), str(caller)):
        assert "zhang" not in shown
        assert "crm_viewer" in shown


# --- what stops the start ---------------------------------------------------------------------


def test_every_action_is_in_the_class_that_its_name_says() -> None:
    classes = {
        action.value: action.action_class
        for action in Action
        if action.value.startswith("records.") and action.action_class is not ActionClass.FULL_READ
    }
    for export in ("records.customers.export", "records.files.export", "records.files.transfer"):
        assert classes.pop(export) is ActionClass.BULK_READ
    assert set(classes.values()) == {ActionClass.WRITE}
    assert set(classes) == {
        "records.customers.create",
        "records.customers.batch_create",
        "records.customers.update",
        "records.documents.create",
        "records.documents.batch_create",
        "records.documents.update",
        "records.contents.upload",
        "records.contents.progress",
        "records.transactions.create",
        "records.transactions.batch_create",
        "records.import",
    }


def test_the_schema_has_no_action_that_the_vault_does_not_have() -> None:
    text = (POLICY_FOLDER / SCHEMA_FILE).read_text(encoding="utf-8")
    quoted = set(re.findall(r'"([a-z_.]+)"', text))
    groups = {group.value for group in ActionClass if group is not ActionClass.NONE}
    assert quoted == {action.value for action in Action} | groups


@pytest.mark.parametrize(
    "scope",
    [
        '(principal in RecordsVault::Role::"x", action, resource) when { context.purposes == "" }',
        "(principal, action, resource) when { context.purpose == 1 }",
        '(principal, action == RecordsVault::Action::"records.customers.delete", resource)',
        '(principal in RecordsVault::Group::"x", action, resource)',
        '(principal == Role::"x", action, resource)',
        "(principal, action, resource) when { principal.institution == resource.institution }",
        "(principal, action, resource) when { resource.owner == principal }",
    ],
    ids=["attribute", "type", "action", "entity", "namespace", "optional", "unknown"],
)
def test_a_policy_that_does_not_fit_the_schema_stops_the_start(folder: Path, scope: str) -> None:
    add(folder, scope)
    with pytest.raises(PolicyInvalid, match=r"^added\.cedar: does not fit schema\.cedarschema: "):
        PolicyEngine.load(folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("permit (principal, action", r"added\.cedar: not Cedar policies"),
        ("permit (principal, action, resource);", r"policy 1 has no @id and no @en and no @zh"),
        ('@id("a") @en("b") permit (principal, action, resource);', r"policy 1 has no @zh"),
        ('@id("a") @en(" ") @zh("c") permit (principal, action, resource);', r"has no @en"),
        (
            '@id("operator-checks-health") @en("b") @zh("c") permit (principal, action, resource);',
            r'a second policy with @id\("operator-checks-health"\)',
        ),
        (
            '@id("a") @en("b") @zh("c") permit (principal == ?principal, action, resource);',
            r"holds a template",
        ),
    ],
)
def test_a_policy_that_could_not_be_named_or_read_stops_the_start(
    folder: Path, text: str, message: str
) -> None:
    # It sorts after the vault's own, whose ids are taken by then.
    (folder / "added.cedar").write_text(text, encoding="utf-8")
    if "second policy" in message:
        (folder / "added.cedar").rename(folder / "z.cedar")
    with pytest.raises(PolicyInvalid, match=message):
        PolicyEngine.load(folder)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("entity Role;", "entity Role", "not a Cedar schema"),
        ('"rpc.unknown" appliesTo', '"rpc.unheard" appliesTo', "lacks the action rpc.unknown"),
        (
            '"records.files.produce"\n    in ["full_read"]',
            '"records.files.produce"\n    in ["masked_read"]',
            r"records\.customers\.get is in the groups \(masked_read\); it belongs to full_read",
        ),
        ('in ["admin"]', 'in ["admin", "write"]', r"\(admin, write\); it belongs to admin alone"),
        ('"rpc.unknown" appliesTo', '"rpc.unknown" in ["admin"] appliesTo', "rpc.unknown is in"),
        ("resource: [Import]", "resource: [Customer]", "lacks the action records.import on a Im"),
    ],
)
def test_a_schema_that_does_not_fit_the_vault_stops_the_start(
    folder: Path, old: str, new: str, message: str
) -> None:
    schema = folder / SCHEMA_FILE
    text = schema.read_text(encoding="utf-8")
    assert old in text
    schema.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(PolicyInvalid, match=message):
        PolicyEngine.load(folder)


def test_a_schema_without_a_group_stops_the_start(folder: Path) -> None:
    schema = folder / SCHEMA_FILE
    text = schema.read_text(encoding="utf-8").replace('"oracle"', '"prophet"')
    schema.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyInvalid, match="lacks a group of actions"):
        PolicyEngine.load(folder)


def test_missing_files_stop_the_start(folder: Path) -> None:
    for file in folder.glob("*.cedar"):
        file.unlink()
    with pytest.raises(PolicyInvalid, match=r"no \*\.cedar file"):
        PolicyEngine.load(folder)
    (folder / SCHEMA_FILE).unlink()
    with pytest.raises(PolicyInvalid, match="cannot be read"):
        PolicyEngine.load(folder)


def test_a_role_in_a_comment_or_text_is_no_known_role(folder: Path) -> None:
    (folder / "added.cedar").write_text(
        '// permit (principal in RecordsVault::Role::"ghost", action, resource);\n'
        '@id("http://a") @en("RecordsVault::Role::x") @zh("字")\n'
        "permit (principal, action, resource)\n"
        'when { principal in RecordsVault::Role::"real" };\n',
        encoding="utf-8",
    )
    known = PolicyEngine.load(folder).book.roles
    assert "real" in known
    assert not known & {"ghost", "x"}
