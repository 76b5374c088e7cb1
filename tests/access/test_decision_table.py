"""What differs between two sets of policies, against asking every question."""

import pytest

from vault.access import Action
from vault.access.decision_table import Cell, Difference, decision, differences
from vault.access.policy_files import POLICY_FOLDER, book_of, read_texts

TEXTS = read_texts(POLICY_FOLDER)
NOW = book_of(TEXTS)


def added(scope: str, effect: str = "permit") -> dict[str, str]:
    return {**TEXTS, "added.cedar": f'@id("added") @en("added") @zh("新增")\n{effect} {scope};\n'}


def role(name: str) -> str:
    return f'principal in RecordsVault::Role::"{name}"'


def group(name: str) -> str:
    return f'action in RecordsVault::Action::"{name}"'


def test_the_same_policies_differ_in_nothing() -> None:
    assert differences(NOW, book_of(TEXTS)) == ()
    other_words = TEXTS["roles.cedar"].replace("A teller reads masked views.", "Reads them.")
    assert differences(NOW, book_of({**TEXTS, "roles.cedar": other_words})) == ()


def test_a_new_role_differs_in_what_it_may() -> None:
    scope = f"({role('auditor')}, {group('audit_read')}, resource)"
    assert differences(NOW, book_of(added(scope))) == tuple(
        Difference(Cell("auditor", action, "own"), "-", "yes")
        for action in (Action.AUDIT_STREAM, Action.AUDIT_QUERY, Action.AUDIT_REPORT)
    )


def test_a_purpose_that_is_added_shows_with_what_it_needs() -> None:
    condition = 'when { context.purpose == "JUDICIAL_REQUEST" }'
    scope = f"({role('operator')}, {group('full_read')}, resource) {condition}"
    found = differences(NOW, book_of(added(scope)))
    assert {(d.cell.role, d.after) for d in found} == {("operator", "JUDICIAL_REQUEST (case)")}
    assert {d.cell.where for d in found} == {"own"}


@pytest.mark.parametrize(
    "changed",
    [
        added(f"({role('teller')}, {group('masked_read')}, resource)", "forbid"),
        added(
            f"(principal, {group('masked_read')}, resource) unless {{ {role('teller')} }}", "forbid"
        ),
        added('(principal, action == RecordsVault::Action::"records.import", resource)', "forbid"),
        added(
            '(principal, action in [RecordsVault::Action::"service", '
            'RecordsVault::Action::"audit.proofs.get"], resource)',
            "forbid",
        ),
        added("(principal, action, resource) when { context.person }", "forbid"),
    ],
    ids=["one role", "all roles but one", "one action", "several actions", "everything"],
)
def test_what_is_left_out_of_the_comparison_does_not_differ(changed: dict[str, str]) -> None:
    """The actions without purposes: asked in full here, which takes a moment."""
    after = book_of(changed)
    cells = [
        Cell(name, action, where)
        for name in sorted(NOW.roles)
        for action in Action
        if not action.value.startswith("records.") or action is Action.IMPORT
        for where in ("own", "none")
    ]
    slowly = {cell for cell in cells if decision(NOW, cell) != decision(after, cell)}
    assert slowly
    assert {d.cell for d in differences(NOW, after)} & {*cells} == slowly
