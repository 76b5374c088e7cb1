"""The whole decision matrix, against tables that a person wrote and a person can read.

The tables stand in promised_matrix.txt: what the bank was promised. The policies are not looked at
to make them.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.principals import principal_of
from vault.access import Action, ActionClass, Decision, PolicyEngine, Purpose, Reason, ResourceRef
from vault.access.matrix import render

OWN, OTHER, NOWHERE = "demo-bank", "other-bank", ""


PROMISED = Path(__file__).with_name("promised_matrix.txt").read_text(encoding="utf-8")


def table(name: str) -> dict[tuple[str, str], str]:
    """The cells, by row and column, of the table whose header begins with the name."""
    lines = [line for line in PROMISED.splitlines() if not line.startswith("#")]
    start = next(n for n, line in enumerate(lines) if line.startswith(name + " "))
    rows = [line.split() for line in itertools.takewhile(str.strip, lines[start:])]
    columns = rows[0][1:]
    return {
        (row[0], column): cell
        for row in rows[1:]
        for column, cell in zip(columns, row[1:], strict=True)
    }


ACTION_TABLE = table("action")
PURPOSE_TABLE = table("purpose")
ROLES = list(dict.fromkeys(role for _, role in ACTION_TABLE))
PURPOSE_NAMES = ["", *dict.fromkeys(purpose for purpose, _ in PURPOSE_TABLE)]
EVIDENCE = {
    "TRANSACTION_MONITORING",
    "SUSPICIOUS_ACTIVITY_INVESTIGATION",
    "REGULATOR_REQUEST",
    "JUDICIAL_REQUEST",
    "DATA_SUBJECT_REQUEST",
    "INTERNAL_AUDIT",
}
BULK = {"REGULATOR_REQUEST", "JUDICIAL_REQUEST", "INTERNAL_AUDIT"}
ORDERED = {"REGULATOR_REQUEST", "JUDICIAL_REQUEST"}


class Expected(NamedTuple):
    allowed: bool
    reason: str


CASES = {"SUSPICIOUS_ACTIVITY_INVESTIGATION", "REGULATOR_REQUEST", "JUDICIAL_REQUEST"}


LEAVING = ("records.transactions.reconstruct", "records.files.produce")


def expected(
    role: str,
    action: str,
    where: str,
    purpose: str,
    case: bool,
    person: bool = False,
    lent: bool = False,
) -> Expected:
    """What the tables say, read as a person reads them."""
    cell = ACTION_TABLE[action, role]
    if cell == "-":
        return Expected(False, "ROLE_MISSING")
    if cell == "any":
        return Expected(True, "")
    if cell == "staff":
        return Expected(True, "") if person else Expected(False, "PERSON_REQUIRED")
    if where != OWN and not (cell == "steward" and where == NOWHERE):
        return Expected(False, "OTHER_INSTITUTION")
    if cell == "own":
        return Expected(True, "")
    if cell in ("person", "steward"):
        return Expected(True, "") if person else Expected(False, "PERSON_REQUIRED")
    if purpose == "":
        return Expected(False, "PURPOSE_REQUIRED")
    if action in LEAVING and purpose not in EVIDENCE:
        return Expected(False, "PURPOSE_NOT_ALLOWED")
    if cell == "lent":
        if not (person and lent):
            # A person behind the call is the least that a check-out is for.
            least = "PERSON_REQUIRED" if lent else "CHECK_OUT_REQUIRED"
            return Expected(False, least)
        if purpose in CASES and not case:
            return Expected(False, "CASE_REFERENCE_REQUIRED")
        return Expected(True, "")
    if cell in ("bulk", "order"):
        # The check-out is what is missing first, whatever for.
        if purpose not in (BULK if cell == "bulk" else ORDERED):
            return Expected(False, "PURPOSE_NOT_ALLOWED")
        if not (person and lent):
            least = "PERSON_REQUIRED" if lent else "CHECK_OUT_REQUIRED"
            return Expected(False, least)
        if purpose in CASES and not case:
            return Expected(False, "CASE_REFERENCE_REQUIRED")
        return Expected(True, "")
    assert cell == "purpose"
    match PURPOSE_TABLE[purpose, role]:
        case "yes":
            return Expected(True, "")
        case "case" if case:
            return Expected(True, "")
        case "case":
            return Expected(False, "CASE_REFERENCE_REQUIRED")
    return Expected(False, "PURPOSE_NOT_ALLOWED")


@pytest.fixture(scope="module")
def engine() -> PolicyEngine:
    return PolicyEngine.load()


def seen(decision: Decision) -> Expected:
    return Expected(decision.allowed, decision.reason or "")


def test_the_tables_speak_of_every_action_role_and_purpose(engine: PolicyEngine) -> None:
    assert [action for action, role in ACTION_TABLE if role == "ingestor"] == list(Action)
    assert engine.book.roles == set(ROLES) - {"auditor_of_tomorrow"}
    assert set(PURPOSE_NAMES) == {*Purpose, "NO_SUCH_PURPOSE"}
    readers = {role for (_, role), cell in ACTION_TABLE.items() if cell == "purpose"}
    assert readers == {role for _, role in PURPOSE_TABLE}


def purposes_of(action: Action) -> list[str]:
    """All; of those actions that need none to open anything, two are enough."""
    opens = action.action_class in (ActionClass.FULL_READ, ActionClass.BULK_READ)
    return PURPOSE_NAMES if opens else ["", "CUSTOMER_SERVICE"]


def every_call() -> Iterator[tuple[Action, str, str, bool, bool, bool]]:
    """Actions with all that can be given with them."""
    either = (False, True)
    for action in Action:
        yield from itertools.product(
            (action,), (OWN, OTHER, NOWHERE), purposes_of(action), either, either, either
        )


@pytest.mark.parametrize("role", ROLES)
def test_every_decision_is_what_the_tables_promise(engine: PolicyEngine, role: str) -> None:
    principal = principal_of(role, institution=OWN)
    differs = []
    for action, where, purpose, case, person, lent in every_call():
        resource = ResourceRef(where, "", action.kind)
        found = seen(
            engine.decide(principal, action, resource, purpose, case, person=person, check_out=lent)
        )
        promised = expected(role, action, where, purpose, case, person, lent)
        if found != promised:
            differs.append((action.value, where, purpose, case, person, lent, found, promised))
    assert differs == []


@pytest.mark.parametrize("role", ROLES)
def test_a_caller_without_institution_has_no_records_anywhere(
    engine: PolicyEngine, role: str
) -> None:
    principal = principal_of(role, institution="")
    for action, where in itertools.product(Action, (OWN, OTHER, NOWHERE)):
        resource = ResourceRef(where, "", action.kind)
        decision = engine.decide(principal, action, resource, "ONBOARDING_CDD", True)
        assert decision.allowed == (ACTION_TABLE[action, role] == "any"), (action, where)


@pytest.mark.parametrize("pair", list(itertools.combinations(ROLES, 2)), ids="+".join)
def test_two_roles_allow_what_either_allows_save_that_a_masked_node_only_looks_up(
    engine: PolicyEngine, pair: tuple[str, str]
) -> None:
    principal = principal_of(*pair, institution=OWN)
    for action, purpose in ((a, p) for a in Action for p in purposes_of(a)):
        resource = ResourceRef(OWN, "", action.kind)
        either = any(expected(role, action, OWN, purpose, True).allowed for role in pair)
        if "masked_node" in pair and action is not Action.INDEX_LOOKUP:
            either = False
        assert engine.decide(principal, action, resource, purpose, True).allowed == either


def test_a_refusal_says_in_both_languages_why(engine: PolicyEngine) -> None:
    reasons = set()
    for role, action, where, purpose in itertools.product(
        ("compliance",), (Action.CUSTOMERS_GET, Action.IMPORT), (OWN, OTHER), PURPOSE_NAMES
    ):
        principal = principal_of(role, institution=OWN)
        decision = engine.decide(principal, action, ResourceRef(where, "", action.kind), purpose)
        if decision.reason is not None:
            reasons.add(decision.reason)
            assert (decision.en, decision.zh) == (decision.reason.en, decision.reason.zh)
    assert reasons == set(Reason) - {
        Reason.POLICY_ERROR,
        Reason.PERSON_REQUIRED,
        Reason.CHECK_OUT_REQUIRED,
    }


def test_every_reason_has_its_own_words_in_both_languages() -> None:
    assert len({reason.en for reason in Reason}) == len({reason.zh for reason in Reason})
    assert all(reason.en.isascii() and not reason.zh.isascii() for reason in Reason)
    assert len({reason.en for reason in Reason}) == len(Reason)


def test_the_page_of_the_matrix_is_level_with_the_policies(engine: PolicyEngine) -> None:
    page = Path(__file__).parents[2] / "docs" / "decision-matrix.md"
    assert page.read_text(encoding="utf-8") == render(engine), "run: python -m vault.access.matrix"
