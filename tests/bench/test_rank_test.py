"""The statistics by which times are told apart, where it is known whether they differ."""

import random

from tests.support.rank_test import HEAD, Compared, measured


def test_the_rank_test_tells_times_apart_where_they_differ() -> None:
    dice = random.Random(3)
    same = Compared(*([dice.gauss(900, 90) for _ in range(300)] for _ in range(2)))
    assert 0.42 < same.chance < 0.58 and same.p > 0.01
    later = Compared(same.without, [t + 100 for t in same.with_])
    assert later.chance > 0.7 and later.p < 1e-9
    # Where all are equal, the ranks are shared.
    assert Compared([1.0] * 5, [1.0] * 5).chance == 0.5


def test_the_statistics_are_those_that_are_computed_by_hand() -> None:
    # Of the nine pairs, seven are in order.
    found = Compared([1.0, 2.0, 5.0], [3.0, 4.0, 6.0])
    assert found.chance == 7 / 9
    assert abs(found.p - 0.2752) < 1e-3
    assert len(found.told("x").split()) == len(HEAD.split())


def test_both_calls_are_made_equally_often() -> None:
    made: list[str] = []
    found = measured(lambda: made.append("without"), lambda: made.append("with"))
    assert made.count("without") == made.count("with") > len(found.with_) == len(found.without)
