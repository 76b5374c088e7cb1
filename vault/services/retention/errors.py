"""What is refused where rules of retention are changed, and records disposed of."""

from __future__ import annotations

from vault.services.errors import VaultError


class RulesShorten(VaultError):
    """A rule set by which something may go earlier does not say so."""

    code = "FAILED_PRECONDITION"
    reason = "RULES_SHORTEN"

    def __init__(self, earlier: int) -> None:
        super().__init__(
            f"By this rule set records may go earlier ({earlier} of those that are kept now). If "
            "that is meant, propose it again and say that it shortens.",
            f"依此规则集，部分档案将提前到期（现存档案中有 {earlier} 份）。"
            "如确属本意，请重新提出并注明缩短期限。",
            earlier=str(earlier),
        )


class RulesRefused(VaultError):
    """A rule set or a ruling cannot be used as things stand."""

    code = "FAILED_PRECONDITION"
    reason = "RULES_REFUSED"

    def __init__(self, why: str) -> None:
        super().__init__(
            f"That cannot be put in force: {why}. See `vaultctl retention rules`.",
            f"无法生效：{why}。请参阅 `vaultctl retention rules`。",
        )


class PlanChanged(VaultError):
    """The hash is not that of the plan, or its rows are not those that were planned."""

    code = "ABORTED"
    reason = "DISPOSAL_PLAN_CHANGED"

    def __init__(self) -> None:
        super().__init__(
            "That is not the hash of this plan as it stands. Look at the plan again, or make a new "
            "one.",
            "该哈希与计划现状不符。请重新查看计划，或重新制定。",
        )


class NotAtThatStage(VaultError):
    """The disposal is not where this could be done."""

    code = "FAILED_PRECONDITION"
    reason = "DISPOSAL_STAGE"

    def __init__(self, why_en: str, why_zh: str) -> None:
        super().__init__(f"{why_en}.", f"{why_zh}。")
