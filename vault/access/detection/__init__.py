"""What looks like snooping: rules as data, and their evaluation over what a process sees.

In come calls that ended, in order: who, what kind of action, which customer, whether it was
refused, and when. Out come alerts, each with its rule, its severity and the customer at hand. The
rules stand in a table (`default.toml`, or the file that the settings name).

It sees names only, never a value of a record: that many files of one surname or one street were
opened cannot be found here. What it remembers is this process's, and ends with it; budgets, which
hold over processes and restarts, are in vault/access/budgets.
"""

from vault.access.detection.rules import (
    DEFAULT_RULES,
    DetectionInvalid,
    Following,
    Hours,
    Refusals,
    Rule,
    Rules,
    Sequence,
    Severity,
    read_rules,
)
from vault.access.detection.watching import Alert, Seen, Sentry

__all__ = [
    "DEFAULT_RULES",
    "Alert",
    "DetectionInvalid",
    "Following",
    "Hours",
    "Refusals",
    "Rule",
    "Rules",
    "Seen",
    "Sentry",
    "Sequence",
    "Severity",
    "read_rules",
]
