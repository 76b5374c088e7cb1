"""The cache of unwrapped keys: bounded, expiring, safe among threads; and keys held from a KMS."""

import gc
import threading
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.key_faults import TurnedClock
from vault.kms import KekMissing, KmsUnavailable
from vault.sealing.held import ExpiringCache, HeldKeys


class Thing:
    """Something of which it can be seen whether it is still in memory."""


def test_the_one_longest_unused_goes_first() -> None:
    clock = TurnedClock()
    cache: ExpiringCache[str, int] = ExpiringCache(2, clock.monotonic)
    until = clock.monotonic() + 10
    cache.put("a", 1, until)
    cache.put("b", 2, until)
    assert cache.get("a") == 1
    cache.put("c", 3, until)
    assert cache.get_many(["a", "b", "c"]) == {"a": 1, "c": 3}


def test_a_value_ends_at_its_time_and_not_before() -> None:
    clock = TurnedClock()
    cache: ExpiringCache[str, int] = ExpiringCache(2, clock.monotonic)
    cache.put("a", 1, clock.monotonic() + 10)
    clock.turn(9.999)
    assert cache.get("a") == 1
    clock.turn(0.001)
    assert cache.get("a") is None
    assert len(cache) == 0


def test_using_a_value_does_not_prolong_its_time() -> None:
    clock = TurnedClock()
    cache: ExpiringCache[str, int] = ExpiringCache(2, clock.monotonic)
    cache.put("a", 1, clock.monotonic() + 10)
    for _ in range(9):
        clock.turn(1)
        assert cache.get("a") == 1
    clock.turn(1)
    assert cache.get("a") is None


@given(st.lists(st.integers(min_value=0, max_value=20), max_size=200))
def test_a_cache_never_holds_more_than_its_capacity_and_always_the_latest(puts: list[int]) -> None:
    clock = TurnedClock()
    cache: ExpiringCache[int, int] = ExpiringCache(5, clock.monotonic)
    for put in puts:
        cache.put(put, put, clock.monotonic() + 1)
        assert len(cache) <= 5
        assert cache.get(put) == put


@pytest.mark.parametrize("way", ["eviction", "expiry seen", "sweep", "clear", "replacement"])
def test_nothing_that_was_let_go_of_stays_in_memory(way: str) -> None:
    clock = TurnedClock()
    cache: ExpiringCache[str, Thing] = ExpiringCache(1, clock.monotonic)
    thing = Thing()
    gone = weakref.ref(thing)
    cache.put("a", thing, clock.monotonic() + 10)
    del thing
    gc.collect()
    assert gone() is not None
    if way == "eviction":
        cache.put("b", Thing(), clock.monotonic() + 10)
    elif way == "replacement":
        cache.put("a", Thing(), clock.monotonic() + 10)
    elif way == "clear":
        cache.clear()
    else:
        clock.turn(10)
        if way == "expiry seen":
            cache.get("a")
        else:
            cache.sweep()
    assert gone() is None


def test_a_sweep_leaves_what_still_has_time() -> None:
    clock = TurnedClock()
    cache: ExpiringCache[str, int] = ExpiringCache(3, clock.monotonic)
    cache.put("short", 1, clock.monotonic() + 5)
    cache.put("long", 2, clock.monotonic() + 50)
    clock.turn(5)
    cache.sweep()
    assert len(cache) == 1
    assert cache.get("long") == 2


def test_a_cache_of_no_capacity_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        ExpiringCache[str, int](0, TurnedClock().monotonic)


def test_many_threads_never_get_a_wrong_a_lost_or_a_broken_value() -> None:
    clock = TurnedClock()
    cache: ExpiringCache[int, int] = ExpiringCache(50, clock.monotonic)
    wrong: list[object] = []

    def work(seed: int) -> None:
        try:
            for step in range(3_000):
                key = (seed * 7 + step) % 80
                cache.put(key, key, clock.monotonic() + (step % 3))
                found = cache.get_many(range(key, key + 10))
                wrong.extend((k, v) for k, v in found.items() if k != v)
                if step % 100 == 0:
                    clock.turn(1)
                    cache.sweep()
                if step % 500 == 0:
                    cache.clear()
                if len(cache) > 50:
                    wrong.append("over capacity")
        except Exception as error:  # a thread's exception would otherwise be lost
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# --- keys held from a KMS ---

TTL = 1_600.0


class Source:
    """Hands out 1, 2, 3 ..., or raises `fault`."""

    def __init__(self) -> None:
        self.calls = 0
        self.fault: Exception | None = None

    def __call__(self) -> int:
        self.calls += 1
        if self.fault is not None:
            raise self.fault
        return self.calls


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def held(clock: TurnedClock) -> HeldKeys[str, int]:
    return HeldKeys(4, TTL, clock.monotonic)


def test_a_key_is_asked_for_once_in_the_first_half_of_its_time(
    held: HeldKeys[str, int], clock: TurnedClock
) -> None:
    source = Source()
    for _ in range(799):
        assert held.get("a", source).key == 1
        clock.turn(1)
    assert source.calls == 1


def test_from_half_of_its_time_on_a_key_is_asked_for_again_and_held_anew(
    held: HeldKeys[str, int], clock: TurnedClock
) -> None:
    source = Source()
    first = held.get("a", source)
    clock.turn(TTL / 2)
    second = held.get("a", source)
    assert (second.key, source.calls) == (2, 2)
    assert second.until == first.until + TTL / 2


def test_an_outage_is_survived_until_the_keys_time_is_over_and_no_longer(
    held: HeldKeys[str, int], clock: TurnedClock
) -> None:
    source = Source()
    held.get("a", source)
    source.fault = KmsUnavailable("away")
    clock.turn(TTL - 1)
    assert held.get("a", source).key == 1
    clock.turn(1)
    assert held.peek("a") is None
    with pytest.raises(KmsUnavailable):
        held.get("a", source)
    source.fault = None
    assert held.get("a", source).key == source.calls


@pytest.mark.parametrize("begins_after", [0, 400, 799, 801, 1_200, 5_000])
def test_an_outage_is_survived_for_half_of_the_time_whenever_it_begins(
    held: HeldKeys[str, int], clock: TurnedClock, begins_after: int
) -> None:
    source = Source()
    for _ in range(begins_after + 1):
        held.get("a", source)
        clock.turn(1)
    source.fault = KmsUnavailable("away")
    clock.turn(TTL / 2 - 2)
    held.get("a", source)


def test_a_kms_that_is_away_is_asked_now_and_then_and_not_by_every_caller(
    held: HeldKeys[str, int], clock: TurnedClock
) -> None:
    source = Source()
    held.get("a", source)
    source.fault = KmsUnavailable("away")
    clock.turn(TTL / 2)
    for _ in range(799):
        held.get("a", source)
        clock.turn(1)
    assert source.calls - 1 == 8


def test_a_key_that_the_kms_refuses_is_not_held_on_to(
    held: HeldKeys[str, int], clock: TurnedClock
) -> None:
    source = Source()
    held.get("a", source)
    source.fault = KekMissing("withdrawn")
    clock.turn(TTL / 2)
    with pytest.raises(KekMissing):
        held.get("a", source)


def test_a_slow_kms_does_not_lengthen_a_keys_time(
    held: HeldKeys[str, int], clock: TurnedClock
) -> None:
    asked = clock.monotonic()

    def slow() -> int:
        clock.turn(100)
        return 1

    assert held.get("a", slow).until == asked + TTL
