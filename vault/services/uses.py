"""What each action spends of a budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vault.access import Action, ActionClass
from vault.access.budgets import Meter


@dataclass(frozen=True, slots=True)
class Use:
    """What an action spends: the customers that it names (`named`) or shows (`shown`), a page, a
    search."""

    meters: tuple[Meter, ...] = ()
    named: bool = False
    shown: bool = False
    page: Meter | None = None
    search: bool = False
    full: bool = False


def use_of(action: Action) -> Use | None:
    """What it spends; None where that is nothing."""
    full = action.action_class is ActionClass.FULL_READ
    if not full and action.action_class is not ActionClass.MASKED_READ:
        return None
    meters = (Meter.FULL_HOUR, Meter.FULL_DAY) if full else (Meter.MASKED_HOUR, Meter.MASKED_DAY)
    verb = action.value.rpartition(".")[2]
    page = None if verb in ("get", "download", "view") else Meter.PAGES
    if action is Action.CUSTOMERS_LIST:
        return Use(meters, shown=True, page=Meter.FULL_PAGES, full=True)
    if action is Action.MASKED_CUSTOMERS_LIST:
        return Use(page=page)
    if action is Action.MASKED_CUSTOMERS_SEARCH:
        return Use(meters, shown=True, search=True)
    return Use(meters, named=True, page=page, full=full)


USES: Final = {action.value: use for action in Action if (use := use_of(action)) is not None}
