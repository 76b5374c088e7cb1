"""Of several versions of a rule, the one that counts on a day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Protocol, TypeVar


class Dated(Protocol):
    """A version of a rule, with the days from which and, if it ends, through which it is law."""

    @property
    def name(self) -> str:
        """What all versions of it are called."""

    @property
    def version(self) -> int:
        """Which of them it is."""

    @property
    def effective_from(self) -> date:
        """The first day."""

    @property
    def effective_until(self) -> date | None:
        """The last day, if there is one."""


_D = TypeVar("_D", bound=Dated)


def in_force(rules: Iterable[_D], day: date) -> list[_D]:
    """Of each name the version that came into force last, if it has not ended."""
    newest: dict[str, _D] = {}
    for one in rules:
        before = newest.get(one.name)
        if one.effective_from <= day and (
            before is None
            or (one.effective_from, one.version) > (before.effective_from, before.version)
        ):
            newest[one.name] = one
    return [
        one for one in newest.values() if one.effective_until is None or day <= one.effective_until
    ]
