"""What was counted of budgets by this process: whoever looks at the same customer again within the
period costs nothing, and the database is not asked."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from vault.access.budgets import Meter
from vault.store.spending import Charge

_CALLERS: Final = 2_000
_ITEMS: Final = 20_000


class Counted:
    """Of a caller and meter: the period, and what was counted in it. Bounded."""

    def __init__(self) -> None:
        self._of: OrderedDict[tuple[str, str, Meter], tuple[int, set[str]]] = OrderedDict()

    def has(self, institution: str, who: str, charge: Charge) -> bool:
        """Whether all of a charge was counted before."""
        known = self._of.get((institution, who, Meter(charge.meter)))
        return (
            known is not None
            and bool(charge.items)
            and known[0] == charge.period
            and known[1].issuperset(charge.items)
        )

    def add(self, institution: str, who: str, charge: Charge) -> None:
        """Remember a charge whose transaction was committed."""
        key = (institution, who, Meter(charge.meter))
        known = self._of.get(key)
        if known is None or known[0] != charge.period:
            known = self._of[key] = (charge.period, set())
            if len(self._of) > _CALLERS * 2:
                self._of.popitem(last=False)
        self._of.move_to_end(key)
        if len(known[1]) < _ITEMS and charge.meter not in (Meter.PAGES, Meter.MISSES):
            known[1].update(charge.items)
