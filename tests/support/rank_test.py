"""Whether two kinds of calls take as long: medians, and the rank test of Mann and Whitney.

H. B. Mann and D. R. Whitney, "On a Test of Whether one of Two Random Variables is Stochastically
Larger than the Other", Annals of Mathematical Statistics 18 (1947).
"""

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Compared:
    """Times of two kinds of calls, in microseconds."""

    without: list[float]
    with_: list[float]

    @property
    def chance(self) -> float:
        """How often a call of the one kind takes longer than one of the other: 0.5 if nothing tells
        them apart. U over the number of pairs."""
        ranked = sorted([(t, 0) for t in self.without] + [(t, 1) for t in self.with_])
        ranks = {0: 0.0, 1: 0.0}
        at = 0
        while at < len(ranked):
            end = at
            while end < len(ranked) and ranked[end][0] == ranked[at][0]:
                end += 1
            for _, group in ranked[at:end]:
                ranks[group] += (at + 1 + end) / 2  # ties share the mean of their ranks
            at = end
        n = len(self.with_)
        return (ranks[1] - n * (n + 1) / 2) / (n * len(self.without))

    @property
    def p(self) -> float:
        """How likely so large a difference is where there is none (normal approximation, both
        sides)."""
        a, b = len(self.without), len(self.with_)
        sigma = math.sqrt((a + b + 1) / (12 * a * b))
        return math.erfc(abs(self.chance - 0.5) / sigma / math.sqrt(2))

    def told(self, what: str) -> str:
        """One line of the table."""
        return (
            f"{what:34} {len(self.with_):4} {median(self.without):9.0f} {median(self.with_):9.0f} "
            f"{median(self.with_) / median(self.without):7.3f} {self.chance:7.3f} {self.p:8.3f}"
        )


# With as many, a difference that shifts one time in ten is five standard deviations away from none.
ROUNDS = 150
HEAD = f"{'call':34} {'n':>4} {'without':>9} {'with':>9} {'ratio':>7} {'U/mn':>7} {'p':>8}"


def measured(
    without: Callable[[], object],
    with_: Callable[[], object],
    *,
    rounds: int = ROUNDS,
    before: int = 20,
) -> Compared:
    """Both calls in turn, which comes first by lot, so that what the machine does meets both; those
    ``before`` are not measured."""
    dice, times = random.Random(7), Compared([], [])
    for _ in range(before):
        without(), with_()
    for _ in range(rounds):
        pair = [(without, times.without), (with_, times.with_)]
        dice.shuffle(pair)
        for call, into in pair:
            began = time.perf_counter()
            call()
            into.append((time.perf_counter() - began) * 1e6)
    return times
