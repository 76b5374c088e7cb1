"""Writes docs/decision-matrix.md: what every role may do, as the policies decide it.

python -m vault.access.matrix [FILE]
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from vault.access.actions import Action, ActionClass
from vault.access.cedar import Question, ask
from vault.access.policy import PolicyEngine
from vault.access.purposes import Purpose

PAGE: Final = Path(__file__).parents[2] / "docs" / "decision-matrix.md"
"""Where the page stands in the repository."""

_ROLES: Final = {
    "ingestor": "录入系统",
    "crm_viewer": "CRM 查看",
    "teller": "柜员",
    "custodian": "档案保管人",
    "break_glass": "紧急调阅",
    "compliance": "合规",
    "investigator": "调查员",
    "security_officer": "安全官",
    "access_admin": "权限管理员",
    "operator": "运维",
    "masked_node": "脱敏节点",
}
_PURPOSES: Final = {
    Purpose.NONE: ("(none given)", "未说明"),
    Purpose.CUSTOMER_SERVICE: ("CUSTOMER_SERVICE", "客户服务"),
    Purpose.ONBOARDING_CDD: ("ONBOARDING_CDD", "开户尽职调查"),
    Purpose.ENHANCED_DUE_DILIGENCE: ("ENHANCED_DUE_DILIGENCE", "强化尽职调查"),
    Purpose.TRANSACTION_MONITORING: ("TRANSACTION_MONITORING", "交易监测"),
    Purpose.SUSPICIOUS_ACTIVITY_INVESTIGATION: (
        "SUSPICIOUS_ACTIVITY_INVESTIGATION",
        "可疑交易调查",
    ),
    Purpose.REGULATOR_REQUEST: ("REGULATOR_REQUEST", "监管查询"),
    Purpose.JUDICIAL_REQUEST: ("JUDICIAL_REQUEST", "司法查询"),
    Purpose.DATA_SUBJECT_REQUEST: ("DATA_SUBJECT_REQUEST", "客户本人请求"),
    Purpose.INTERNAL_AUDIT: ("INTERNAL_AUDIT", "内部审计"),
    Purpose.DATA_QUALITY: ("DATA_QUALITY", "数据质量"),
    Purpose.SYSTEM_OPERATION: ("SYSTEM_OPERATION", "系统运行"),
}
_OWN: Final = "own-institution"
_OTHER: Final = "other-institution"

_INTRODUCTION: Final = """\
# Decision matrix

Written by `python -m vault.access.matrix`, which asks the policies in `vault/access/policies/`
every question below. A test fails if this page and the policies differ.

What is not allowed here is refused: deny is the default, a limit wins over every role, and a role
that no policy names allows nothing. A caller with several roles may do what any of them may, within
the limits.
"""
_ACTIONS: Final = """\
## Actions

Each cell: in the caller's **own** institution / in an**other** one.

- `yes`: allowed.
- `person`: allowed to a person, by his certificate or with his token; refused to a program alone.
- `purpose`: allowed for a purpose of the [table of purposes](#purposes).
- `lent`: allowed to a person for what is checked out to him.
- `-`: refused.
"""
_PURPOSE_TABLE: Final = """\
## Purposes

For which purposes a role opens full records of its own institution; `case` needs a case reference
as well.
"""
_POLICIES: Final = """\
## Policies

The log names the policies that decided a call by these ids.
"""


def render(engine: PolicyEngine) -> str:
    """The page, as Markdown."""
    roles = [role for role in _ROLES if role in engine.book.roles]
    roles += sorted(engine.book.roles - set(roles))
    titles = [f"`{role}` {_ROLES.get(role, '')}".strip() for role in roles]

    def action_cell(action: Action, role: str) -> str:
        places = [_in_place(engine, role, action, place) for place in (_OWN, _OTHER)]
        return " / ".join(places)

    actions = [[f"`{action}`", *(action_cell(action, role) for role in roles)] for action in Action]
    readers = [
        role for role in roles if _in_place(engine, role, Action.CUSTOMERS_GET, _OWN) == "purpose"
    ]
    purposes = [
        [
            f"{_PURPOSES[purpose][0]} {_PURPOSES[purpose][1]}",
            *(_for_purpose(engine, role, purpose) for role in readers),
        ]
        for purpose in Purpose
    ]
    policies = [
        [f"`{policy.id}`", policy.effect, policy.en, policy.zh]
        for policy in engine.book.policies.values()
    ]
    parts = [
        _INTRODUCTION,
        _ACTIONS,
        _table(["Action", *titles], actions),
        _PURPOSE_TABLE,
        _table(["Purpose", *(titles[roles.index(role)] for role in readers)], purposes),
        _POLICIES,
        _table(["Policy", "Effect", "Says", "说明"], policies),
    ]
    return "\n".join(parts)


def _allowed(
    engine: PolicyEngine,
    role: str,
    action: Action,
    place: str,
    purpose: Purpose,
    case: bool,
    *,
    person: bool = False,
    check_out: bool = False,
) -> bool:
    question = Question(
        _OWN, frozenset({role}), action, place, action.kind, purpose, case, person, check_out
    )
    return ask(engine.book.policy_set, engine.book.schema, question).allowed


def _in_place(engine: PolicyEngine, role: str, action: Action, place: str) -> str:
    if _allowed(engine, role, action, place, Purpose.NONE, False):
        return "yes"
    if _allowed(engine, role, action, place, Purpose.NONE, False, person=True):
        return "person"
    if action.action_class is ActionClass.FULL_READ:
        if any(_allowed(engine, role, action, place, purpose, True) for purpose in Purpose):
            return "purpose"
        if any(
            _allowed(engine, role, action, place, purpose, True, person=True, check_out=True)
            for purpose in Purpose
        ):
            return "lent"
    return "-"


def _for_purpose(engine: PolicyEngine, role: str, purpose: Purpose) -> str:
    if _allowed(engine, role, Action.CUSTOMERS_GET, _OWN, purpose, False):
        return "yes"
    return "case" if _allowed(engine, role, Action.CUSTOMERS_GET, _OWN, purpose, True) else "-"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def main(arguments: Sequence[str]) -> None:
    """Write the page to the file that is named, or to its place in the repository."""
    page = Path(arguments[0]) if arguments else PAGE
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(render(PolicyEngine.load()), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
