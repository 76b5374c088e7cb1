"""Which decisions policies make, as far as roles alone are looked at, and how two sets of policies
differ in them."""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cedarpy

from vault.access.actions import Action, ActionClass
from vault.access.cedar import NAMESPACE, Question, ask
from vault.access.policy_files import POLICIES, PolicyBook
from vault.access.purposes import Purpose

_OWN: Final = "own-institution"
_PLACES: Final = {"own": _OWN, "other": "other-institution", "none": ""}
_PURPOSES: Final = [purpose for purpose in Purpose if purpose is not Purpose.NONE]
REFUSED: Final = "-"


@dataclass(frozen=True, slots=True)
class Cell:
    """What is asked: one role, one action, and where."""

    role: str
    action: Action
    where: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A cell that two sets of policies decide otherwise."""

    cell: Cell
    before: str
    after: str


def differences(before: PolicyBook, after: PolicyBook) -> tuple[Difference, ...]:
    """Every cell that differs, by role. Where a policy of all roles and actions has changed, some
    ten thousand questions are asked, which takes seconds."""
    scopes = _changed(before, after)
    found = []
    for role in sorted(before.roles | after.roles):
        for action in Action:
            if not any(scope.covers(role, action) for scope in scopes):
                continue
            for where in _PLACES:
                cell = Cell(role, action, where)
                was, now = decision(before, cell), decision(after, cell)
                if was != now:
                    found.append(Difference(cell, was, now))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Scope:
    """Whom and what a policy can be about at all, whatever its conditions; empty: everything."""

    role: str
    actions: frozenset[str]

    def covers(self, role: str, action: Action) -> bool:
        mine = not self.actions or bool(self.actions & {action.value, action.action_class.value})
        return mine and self.role in ("", role)


def _changed(before: PolicyBook, after: PolicyBook) -> set[_Scope]:
    """The scopes of policies that are not the same in both."""
    return {_scope(rule) for rule in _rules(before) ^ _rules(after)}


def _rules(book: PolicyBook) -> set[str]:
    """What each policy does, as JSON: without its annotations, which decide nothing."""
    found: set[str] = set()
    for name, text in book.texts.items():
        if not name.endswith(POLICIES):
            continue
        for rule in json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"].values():
            rule.pop("annotations", None)
            found.add(json.dumps(rule, sort_keys=True))
    return found


def _scope(rule: str) -> _Scope:
    whole = json.loads(rule)
    principal, action = whole["principal"], whole["action"]
    entity = principal.get("entity", {})
    named = principal["op"] == "in" and entity.get("type") == f"{NAMESPACE}::Role"
    entities = action.get("entities") or ([action["entity"]] if "entity" in action else [])
    return _Scope(entity["id"] if named else "", frozenset(one["id"] for one in entities))


def decision(book: PolicyBook, cell: Cell) -> str:
    """`-` refused, `yes`, `person` (to a person alone); of a full read the purposes for which it is
    allowed, each with what it needs in parentheses: `case`, `person`, `lent`."""
    return _table(book).of(cell)


@lru_cache(maxsize=2)
def _table(book: PolicyBook) -> "_Table":
    return _Table(book)


class _Table:
    def __init__(self, book: PolicyBook) -> None:
        self._book = book
        self._known: dict[Cell, str] = {}

    def of(self, cell: Cell) -> str:
        if cell not in self._known:
            self._known[cell] = self._decide(cell)
        return self._known[cell]

    def _decide(self, cell: Cell) -> str:
        if cell.action.action_class is not ActionClass.FULL_READ:
            if self._asked(cell, Purpose.NONE):
                return "yes"
            return "person" if self._asked(cell, Purpose.NONE, person=True) else REFUSED
        if cell.where != "own" and not self._asked_all(cell):
            return REFUSED
        return ", ".join(filter(None, (self._for(cell, p) for p in _PURPOSES))) or REFUSED

    def _for(self, cell: Cell, purpose: Purpose) -> str:
        for needs, flags in (
            ("", {}),
            ("(case)", {"case": True}),
            ("(person)", {"person": True}),
            ("(lent)", {"person": True, "lent": True}),
            ("(lent, case)", {"case": True, "person": True, "lent": True}),
        ):
            if self._asked(cell, purpose, **flags):
                return f"{purpose} {needs}".strip()
        return ""

    def _asked_all(self, cell: Cell) -> bool:
        return any(self._asked(cell, p, case=True, person=True, lent=True) for p in _PURPOSES)

    def _asked(
        self,
        cell: Cell,
        purpose: Purpose,
        *,
        case: bool = False,
        person: bool = False,
        lent: bool = False,
    ) -> bool:
        question = Question(
            _OWN,
            frozenset({cell.role}),
            cell.action,
            _PLACES[cell.where],
            cell.action.kind,
            purpose,
            case,
            person,
            lent,
        )
        return ask(self._book.policy_set, self._book.schema, question).allowed
