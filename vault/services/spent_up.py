"""That a budget is used up: what is told, and until when."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from vault.access.budgets import Meter
from vault.services.errors import Exhausted

# A client that waits as long as it is told should look again now and then: somebody may have given
# it another budget.
LONGEST_WAIT: Final = 3_600
_MICROS: Final = 1_000_000
_WHAT: Final = {
    Meter.FULL_HOUR: ("customers opened in full an hour", "每小时查阅 {} 位客户完整档案"),
    Meter.FULL_DAY: ("customers opened in full a day", "每天查阅 {} 位客户完整档案"),
    Meter.MASKED_HOUR: ("customers looked at an hour", "每小时查看 {} 位客户"),
    Meter.MASKED_DAY: ("customers looked at a day", "每天查看 {} 位客户"),
    Meter.MISSES: ("searches without a result an hour", "每小时 {} 次无结果检索"),
    Meter.PAGES: ("pages of lists an hour", "每小时 {} 页列表"),
    Meter.FULL_PAGES: ("pages of full customers an hour", "每小时 {} 页客户完整档案列表"),
}


class BudgetExhausted(Exhausted):
    """Somebody has looked at as much as he may for now. `retry_seconds` until there is room again,
    an hour at most."""

    def __init__(self, meter: Meter, limit: int, now: int, end: int) -> None:
        """`now` and `end` of the meter's period in microseconds since the epoch."""
        en, zh = _WHAT[meter]
        until = datetime.fromtimestamp(end / _MICROS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        super().__init__(
            f"The budget of {limit} {en} is used up until {until}. "
            "The security officer has been told.",
            f"{zh.format(limit)}的额度已用完，{until} 起恢复。已通知安全官。",
            reason="BUDGET_EXHAUSTED",
            budget=meter.value,
            limit=str(limit),
            room_again=until,
        )
        # Upwards: whoever waits just that long must find room.
        self.retry_seconds = max(1, min(LONGEST_WAIT, -(-(end - now) // _MICROS)))
