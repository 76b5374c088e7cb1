"""The lending register (借阅): who may open which file, for what, with whose agreement, until when.

In come a wish and the person who has it; out come check-outs, version after version, and the reason
where a change is refused. Pure: no clock but the one that is handed in, no database.

It never lets a person decide on his own request, his own file or a relative's, under whichever
account; never widens what was asked; and knows no check-out without an end.
"""

from vault.access.lending.check_out import Approval, CheckOut, Stage, State, Verdict
from vault.access.lending.classes import (
    BreakGlass,
    ClassesInvalid,
    LendingClass,
    LendingClasses,
    read_classes,
)
from vault.access.lending.refusals import LendingRefused, Why
from vault.access.lending.transitions import Party, Wish

__all__ = [
    "Approval",
    "BreakGlass",
    "CheckOut",
    "ClassesInvalid",
    "LendingClass",
    "LendingClasses",
    "LendingRefused",
    "Party",
    "Stage",
    "State",
    "Verdict",
    "Why",
    "Wish",
    "read_classes",
]
