"""How much a person or a program may look at in an hour and a day. Data.

In come the roles of who calls, and whether he is a person; out comes a `Budget`: a limit for each
meter, or none. What each role may spend stands in a table (`default.toml`, or the file that the
settings name).

This room knows numbers only: what a call spends is the services' to say, and what has been spent
is in the store. It decides nothing about a single record: that is the policies' work.
"""

from vault.access.budgets.table import (
    DEFAULT_BUDGETS,
    UNLIMITED,
    Budget,
    BudgetsInvalid,
    BudgetTable,
    Meter,
    read_budgets,
)

__all__ = [
    "DEFAULT_BUDGETS",
    "UNLIMITED",
    "Budget",
    "BudgetTable",
    "BudgetsInvalid",
    "Meter",
    "read_budgets",
]
