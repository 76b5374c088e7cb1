"""ULIDs: one form, sorted by time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.records.ulid import MAX_MS, first_ulid, is_ulid, new_ulid, ulid_between, ulid_ms

times = st.integers(0, MAX_MS)
randomness = st.binary(min_size=10, max_size=10)


def test_the_example_of_the_ulid_specification_is_made() -> None:
    # github.com/ulid/spec and its reference implementation: encodeTime(1469918176385).
    assert new_ulid(1469918176385, bytes(10))[:10] == "01ARYZ6S41".lower()
    assert new_ulid(MAX_MS, b"\xff" * 10) == "7ZZZZZZZZZZZZZZZZZZZZZZZZZ".lower()


@given(times, randomness)
def test_a_ulid_gives_its_time_back(ms: int, rand: bytes) -> None:
    ulid = new_ulid(ms, rand)
    assert is_ulid(ulid)
    assert ulid_ms(ulid) == ms


@given(st.tuples(times, randomness), st.tuples(times, randomness))
def test_ulids_sort_as_their_times_and_randomness(
    one: tuple[int, bytes], other: tuple[int, bytes]
) -> None:
    assert (new_ulid(*one) < new_ulid(*other)) == (one < other)


@given(times, randomness)
def test_the_first_ulid_of_a_millisecond_is_not_after_any_of_it(ms: int, rand: bytes) -> None:
    assert first_ulid(ms) <= new_ulid(ms, rand)


def test_ulids_made_without_randomness_differ() -> None:
    assert len({new_ulid(0) for _ in range(100)}) == 100


@pytest.mark.parametrize("ms", [-1, MAX_MS + 1])
def test_a_time_that_does_not_fit_is_refused(ms: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        new_ulid(ms)


def test_randomness_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="10 random bytes"):
        new_ulid(0, bytes(9))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0" * 25,
        "0" * 27,
        "8" + "0" * 25,
        "0" * 25 + "i",
        "0" * 25 + "A",
        "0" * 26 + "\n",
        "٠" * 26,
    ],
)
def test_what_has_another_form_is_no_ulid(text: str) -> None:
    assert not is_ulid(text)
    with pytest.raises(ValueError, match="not a ULID"):
        ulid_ms(text)


@given(st.tuples(times, randomness), st.tuples(times, randomness))
def test_a_place_between_two_ulids_is_one_and_has_the_second_behind_it(
    one: tuple[int, bytes], other: tuple[int, bytes]
) -> None:
    low, high = sorted((new_ulid(*one), new_ulid(*other)))
    if low == high:
        with pytest.raises(ValueError, match="nothing between"):
            ulid_between(low, high)
        return
    place = ulid_between(low, high)
    assert is_ulid(place)
    assert low <= place < high


def test_a_place_between_two_ulids_tells_neither_unless_they_touch() -> None:
    low, high = new_ulid(5, bytes(10)), new_ulid(5, bytes(9) + b"\x02")
    assert ulid_between(low, high) == new_ulid(5, bytes(9) + b"\x01")
    assert ulid_between(low, new_ulid(5, bytes(9) + b"\x01")) == low
    far = new_ulid(9)
    assert len({ulid_between(low, far) for _ in range(100)} | {low, far}) == 102


@pytest.mark.parametrize(("low", "high"), [("", first_ulid(1)), (first_ulid(1), "~"), ("x", "y")])
def test_there_is_no_place_between_what_are_no_ulids(low: str, high: str) -> None:
    with pytest.raises(ValueError, match="not a ULID"):
        ulid_between(low, high)
