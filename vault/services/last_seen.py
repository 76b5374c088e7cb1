"""Whose file somebody has looked at just now, so that a second look need not be remembered."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from vault.access.detection import Seen
from vault.services.callers import Caller

_CALLERS: Final = 10_000
_AGAIN: Final = 60_000_000  # microseconds


class LastSeen:
    """The last remembered call of each caller, in this process. Bounded."""

    def __init__(self) -> None:
        self._of: OrderedDict[tuple[str, str], Seen] = OrderedDict()

    def again(self, caller: Caller, seen: Seen) -> bool:
        """Whether a call opens, within a minute and in the same way, what the last one did."""
        last = self._of.get((caller.institution, caller.who))
        return (
            last is not None
            and seen.opened
            and last.opened
            and last.customer == seen.customer
            and last.action_class is seen.action_class
            and last.roles == seen.roles
            and set(seen.alike) <= set(last.alike)
            and 0 <= seen.at - last.at < _AGAIN
        )

    def keep(self, caller: Caller, seen: Seen) -> None:
        """A call was remembered."""
        key = (caller.institution, caller.who)
        self._of[key] = seen
        self._of.move_to_end(key)
        if len(self._of) > _CALLERS:
            self._of.popitem(last=False)
