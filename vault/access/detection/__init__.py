"""What looks like snooping: rules as data, and their evaluation.

In come calls that ended, in order: who, what kind of action, which customer, what he has in common
with others, whether it was refused, and when. Out come alerts, each with its rule, its severity and
what it counted. The rules stand in a table (`default.toml`, or the file that the settings name).

It sees names and keyed tokens only, never a value of a record, and does no input or output: who
keeps the calls that matter, over processes and restarts, is vault/services/sighting.py.
"""

from vault.access.detection.memory import Alert, Memory, Seen
from vault.access.detection.rules import (
    REMEMBERED,
    By,
    Following,
    Hours,
    Refusals,
    Rule,
    Rules,
    Sequence,
    Severity,
    Similar,
)
from vault.access.detection.rules_file import DEFAULT_RULES, DetectionInvalid, read_rules
from vault.access.detection.watching import Sentry

__all__ = [
    "DEFAULT_RULES",
    "REMEMBERED",
    "Alert",
    "By",
    "DetectionInvalid",
    "Following",
    "Hours",
    "Memory",
    "Refusals",
    "Rule",
    "Rules",
    "Seen",
    "Sentry",
    "Sequence",
    "Severity",
    "Similar",
    "read_rules",
]
