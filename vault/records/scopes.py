"""What is sealed together and destroyed together: branches and scopes of keys."""

from dataclasses import dataclass
from enum import StrEnum


class Branch(StrEnum):
    """The two key branches that never meet."""

    FULL = "full"
    MASKED = "masked"


@dataclass(frozen=True, slots=True)
class ScopeRef:
    """A scope of one customer: `identity`, or `transactions/{year of booking}`."""

    institution: str
    customer: str
    scope: str
