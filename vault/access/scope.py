"""How far a principal's roles reach within his institution: which branches, which classes of files.

A limit that is not there limits nothing, and an empty one lets nothing through. What is not known
of a file is not covered by a limit on it.
"""

from dataclasses import dataclass
from typing import Final

Limit = frozenset[str] | None
"""The names that are let through; None where there is no limit."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The files that somebody's roles reach.

    `branches` are customers' branches as their files write them, `classes` names of
    `vault.records.FILE_CLASSES`.
    """

    branches: Limit = None
    classes: Limit = None

    @property
    def limits(self) -> bool:
        """Whether there is a file that it does not cover. Cheap: most callers are not limited."""
        return self.branches is not None or self.classes is not None

    @property
    def empty(self) -> bool:
        """Whether it covers no file at all."""
        return self.branches == frozenset() or self.classes == frozenset()

    def covers(self, branch: str, classes: frozenset[str] | None) -> bool:
        """Whether it covers the file of a customer of this branch and of these classes: of all of
        them, so that whoever may see employees sees no employee who is politically exposed too.

        `classes` is None or empty, `branch` is empty, where it is not known.
        """
        if self.branches is not None and (not branch or branch not in self.branches):
            return False
        if self.classes is None:
            return True
        return bool(classes) and classes is not None and classes <= self.classes

    def within(self, other: "Scope") -> bool:
        """Whether `other` covers whatever this one does."""
        narrower = _narrower(self.branches, other.branches)
        return self.empty or (narrower and _narrower(self.classes, other.classes))

    def __and__(self, other: "Scope") -> "Scope":
        """What both cover."""
        if not other.limits:
            return self
        if not self.limits:
            return other
        return Scope(_both(self.branches, other.branches), _both(self.classes, other.classes))


EVERYWHERE: Final = Scope()
"""The reach of who is not limited."""


def _both(one: Limit, other: Limit) -> Limit:
    if one is None or other is None:
        return other if one is None else one
    return one & other


def _narrower(one: Limit, other: Limit) -> bool:
    return other is None or (one is not None and one <= other)
