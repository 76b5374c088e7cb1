"""Seeded chance that answers the same on every machine and Python.

Built on `random.Random.random` alone, whose sequence Python promises to keep, and on multiplication
and truncation, which IEEE 754 fixes to the bit. `choice`, `shuffle` and powers are not promised.
"""

import datetime
import random
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


class Dice:
    """A stream of chance, named so that one part's draws do not shift another's."""

    __slots__ = ("random",)

    def __init__(self, seed: int, part: str) -> None:
        self.random = random.Random(f"{seed}/{part}").random

    def below(self, limit: int) -> int:
        """A number from 0 to limit - 1."""
        return int(self.random() * limit)

    def between(self, low: int, high: int) -> int:
        """A number from low to high, both included."""
        return low + int(self.random() * (high - low + 1))

    def chance(self, share: float) -> bool:
        """True in this share of calls."""
        return self.random() < share

    def pick(self, items: Sequence[Item]) -> Item:
        """One of the items."""
        return items[int(self.random() * len(items))]

    def skewed(self, low: int, high: int) -> int:
        """A number from low to high, small ones far more often, as amounts are."""
        share = self.random()
        return low + int((high - low) * share * share * share)

    def digits(self, count: int) -> str:
        """Decimal digits."""
        return f"{self.below(10**count):0{count}}"

    def letters(self, count: int, alphabet: str) -> str:
        """Characters of an alphabet."""
        return "".join(self.pick(alphabet) for _ in range(count))

    def day(self, first: datetime.date, last: datetime.date) -> datetime.date:
        """A day from first to last, both included."""
        return first + datetime.timedelta(days=self.below((last - first).days + 1))
