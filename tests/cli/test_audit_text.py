"""What an officer is told of an event: its severity, and one sentence in each language."""

from __future__ import annotations

import pytest

from recordsvault.audit.v1.event_pb2 import AuditEvent, Decision, Phase
from vault.access import Action, ActionClass
from vault.cli.vaultctl.audit_text import (
    STYLES,
    Severity,
    sentence,
    severity,
    severity_name,
)
from vault.cli.vaultctl.language import Language

CUSTOMER = "institutions/demo-bank/customers/01h00000000000000000000000"


def event(**fields: object) -> AuditEvent:
    given: dict[str, object] = {
        "actor": "compliance",
        "action": "records.customers.get",
        "resource": CUSTOMER,
        "decision": Decision.DECISION_ALLOWED,
        "outcome": "OK",
    }
    return AuditEvent(**(given | fields))  # type: ignore[arg-type]  # fields of the message


DENIED = {"decision": Decision.DECISION_DENIED, "outcome": "PERMISSION_DENIED"}


@pytest.mark.parametrize(
    ("fields", "level"),
    [
        ({"action": "masked.customers.get"}, Severity.INFO),
        ({"action": "records.customers.create"}, Severity.INFO),
        ({"action": "admin.health.check"}, Severity.INFO),
        ({}, Severity.NOTICE),
        ({"action": "audit.events.query"}, Severity.NOTICE),
        ({"action": "masked.customers.get", "outcome": "NOT_FOUND"}, Severity.NOTICE),
        ({"action": "masked.customers.get", "outcome": "CANCELLED"}, Severity.INFO),
        ({**DENIED, "reason": "ROLE_MISSING"}, Severity.WARNING),
        (
            {"decision": Decision.DECISION_UNAUTHENTICATED, "outcome": "UNAUTHENTICATED"},
            Severity.WARNING,
        ),
        ({"action": "rpc.unknown", "outcome": "UNIMPLEMENTED"}, Severity.WARNING),
        ({"outcome": "INTERNAL", "reason": "INTERNAL"}, Severity.WARNING),
        ({"outcome": "RESOURCE_EXHAUSTED"}, Severity.WARNING),
        ({**DENIED, "reason": "OTHER_INSTITUTION"}, Severity.ALERT),
        ({"outcome": "DATA_LOSS", "reason": "RECORD_DAMAGED"}, Severity.ALERT),
        ({"action": "admin.recovery.acknowledge"}, Severity.ALERT),
        ({"action": "admin.recovery.get"}, Severity.INFO),
        ({"action": "watch.alert", "outcome": ""}, Severity.ALERT),
        ({"action": "watch.warning", "outcome": ""}, Severity.WARNING),
        ({"action": "lending.break_glass.open"}, Severity.ALERT),
        ({"action": "lending.break_glass.open", **DENIED}, Severity.WARNING),
        ({"outcome": "RESOURCE_EXHAUSTED", "reason": "BUDGET_EXHAUSTED"}, Severity.ALERT),
    ],
)
def test_how_much_an_event_matters(fields: dict[str, object], level: Severity) -> None:
    assert severity(event(**fields)) is level


@pytest.mark.parametrize(
    "action", [one for one in Action if one.value.startswith(("records.", "masked."))], ids=str
)
def test_what_opens_a_file_matters_more_than_what_stores_or_masks_one(action: Action) -> None:
    opens = action.action_class in (ActionClass.FULL_READ, ActionClass.BULK_READ)
    assert severity(event(action=action.value)) is (Severity.NOTICE if opens else Severity.INFO)


@pytest.mark.parametrize("action", Action, ids=str)
def test_every_action_has_words_of_its_own_in_both_languages(action: Action) -> None:
    one = event(action=action.value)
    assert action.value not in sentence(one, Language.EN)
    chinese = sentence(one, Language.ZH)
    assert action.value not in chinese
    assert any("\u4e00" <= character <= "\u9fff" for character in chinese)


def test_an_action_of_tomorrow_is_told_by_its_name() -> None:
    one = event(action="records.customers.shred", resource="")
    assert sentence(one, Language.EN) == "compliance called records.customers.shred."
    assert sentence(one, Language.ZH) == "compliance 调用 records.customers.shred。"


@pytest.mark.parametrize(
    ("fields", "english", "chinese"),
    [
        (
            {"purpose": "ONBOARDING_CDD", "fields": ["a", "b"]},
            "compliance opened a customer's full record (customers/01h00000000000000000000000) "
            "for ONBOARDING_CDD: 2 fields.",
            "compliance 打开客户完整记录（customers/01h00000000000000000000000），"
            "目的 ONBOARDING_CDD：2 个字段。",
        ),
        (
            {**DENIED, "actor": "crm", "reason": "ROLE_MISSING"},
            "crm wanted to open a customer's full record (customers/01h00000000000000000000000) "
            "and was refused: ROLE_MISSING.",
            "crm 试图打开客户完整记录（customers/01h00000000000000000000000），"
            "已拒绝：ROLE_MISSING。",
        ),
        (
            {
                "actor": "",
                "resource": "",
                "decision": Decision.DECISION_UNAUTHENTICATED,
                "outcome": "UNAUTHENTICATED",
            },
            "Somebody unknown wanted to open a customer's full record and was refused: "
            "UNAUTHENTICATED.",
            "未知主体 试图打开客户完整记录，已拒绝：UNAUTHENTICATED。",
        ),
        (
            {"outcome": "NOT_FOUND", "resource": ""},
            "compliance wanted to open a customer's full record, which failed: NOT_FOUND.",
            "compliance 打开客户完整记录，未成功：NOT_FOUND。",
        ),
        (
            {"action": "audit.events.stream", "phase": Phase.PHASE_OPENED, "resource": ""},
            "compliance began to follow the log.",
            "compliance 开始实时查看日志。",
        ),
        (
            {
                "action": "internal.index.lookup",
                "actor": "masked-node",
                "on_behalf_of": "crm",
                "resource": "",
                "count": 3,
            },
            "masked-node on behalf of crm asked the index for a masked search: 3 in number.",
            "masked-node（代表 crm） 为脱敏检索查询索引：共 3 条。",
        ),
        (
            {
                "action": "internal.index.lookup",
                "actor": "masked-node",
                "on_behalf_of": "crm",
                "person": "teller",
                "resource": "",
            },
            "masked-node on behalf of crm, for teller asked the index for a masked search.",
            "masked-node（代表 crm，使用人 teller） 为脱敏检索查询索引。",
        ),
        (
            {
                "action": "life.reminders.due",
                "actor": "",
                "on_behalf_of": "keeper",
                "decision": Decision.DECISION_NOT_EVALUATED,
                "reason": "REVIEW",
            },
            "The vault, for keeper, reminded that something of a file falls due "
            "(customers/01h00000000000000000000000): REVIEW.",
            "保险库向 keeper 提醒档案事项到期（customers/01h00000000000000000000000）：REVIEW。",
        ),
    ],
)
def test_an_event_is_one_sentence(fields: dict[str, object], english: str, chinese: str) -> None:
    assert sentence(event(**fields), Language.EN) == english
    assert sentence(event(**fields), Language.ZH) == chinese


def test_each_severity_has_its_colour_and_its_name_in_both_languages() -> None:
    assert len({STYLES[level] for level in Severity}) == len(Severity)
    for language in Language:
        assert len({severity_name(level, language) for level in Severity}) == len(Severity)
