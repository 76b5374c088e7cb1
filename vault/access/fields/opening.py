"""What is opened to a caller: all fields, or those of some paths."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from vault.access.lending.paths import intersection, within


@dataclass(frozen=True, slots=True)
class Opening:
    """All fields, or the paths of those that are opened, sorted, none inside another.

    A path has the kind of record in front, such as "customer.natural_person.full_name"; one of a
    message stands for all in it, and a kind alone for the whole record.
    """

    all: bool
    paths: tuple[str, ...] = ()

    @classmethod
    def of(cls, paths: Iterable[str]) -> Opening:
        """That of some paths, in any order, perhaps inside each other."""
        kept: list[str] = []
        # No letter of a name sorts before the dot: what lies in a path comes right behind it.
        for path in sorted(set(paths)):
            if not kept or not within(path, kept[-1]):
                kept.append(path)
        return cls(False, tuple(kept))

    def __and__(self, other: Opening) -> Opening:
        """What both open."""
        if self.all:
            return other
        if other.all:
            return self
        return Opening(False, intersection(self.paths, other.paths))

    def __or__(self, other: Opening) -> Opening:
        """What one of them opens."""
        if self.all or other.all:
            return ALL
        return Opening.of((*self.paths, *other.paths))

    def inside(self, kind: str) -> tuple[str, ...] | None:
        """The paths inside one kind of record, without the kind; None for all of it."""
        if self.all or kind in self.paths:
            return None
        front = f"{kind}."
        return tuple(path.removeprefix(front) for path in self.paths if path.startswith(front))


ALL: Final = Opening(True)
NOTHING: Final = Opening(False)
