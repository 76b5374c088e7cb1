"""The tables of budgets and of detection that a configuration names, or the vault's own."""

from __future__ import annotations

from vault.access.budgets import BudgetTable, read_budgets
from vault.access.detection import Rules, read_rules
from vault.server.settings import Settings


def budget_table(settings: Settings) -> BudgetTable:
    """The budgets. Raises BudgetsInvalid."""
    named = settings.table.budgets
    return read_budgets(settings.path(named)) if named else read_budgets()


def detection_rules(settings: Settings) -> Rules:
    """The rules of detection. Raises DetectionInvalid."""
    named = settings.table.detection
    return read_rules(settings.path(named)) if named else read_rules()
