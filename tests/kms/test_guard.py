"""The guard before a provider: nobody waits for long, an outage is not made worse, and it ends."""

import threading
import time
from collections.abc import Callable

import pytest

from vault.kms import (
    GuardedKms,
    GuardLimits,
    KekMissing,
    KekName,
    KmsSealed,
    KmsUnavailable,
    UnwrapRefused,
    WrappedKey,
)

KEY = b"a key"
WRAPPED = WrappedKey(KekName.FULL, "1", b"wrapped")
AWAY = KmsUnavailable("away")


class Provider:
    """Does what `script` says, call by call: raises an error, or does something; then answers."""

    def __init__(self) -> None:
        self.script: list[Exception | Callable[[], None]] = []
        self.always: Exception | None = None
        self.calls = 0

    def _do(self) -> None:
        self.calls += 1
        step = self.script.pop(0) if self.script else self.always
        if isinstance(step, Exception):
            raise step
        if step is not None:
            step()

    def wrap(self, kek: KekName, key: bytes | bytearray, context: bytes) -> WrappedKey:
        self._do()
        return WrappedKey(kek, "1", bytes(key)[::-1])

    def unwrap(self, wrapped: WrappedKey, context: bytes) -> bytearray:
        self._do()
        return bytearray(KEY)

    def check(self) -> None:
        self._do()


class Clock:
    """Stands until it is turned; a pause turns it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guarded(provider: Provider, clock: Clock) -> GuardedKms:
    return GuardedKms(provider, GuardLimits(), clock.monotonic, clock.sleep)


# -- retries ---------------------------------------------------------------------------------


def test_an_answer_passes_through(guarded: GuardedKms) -> None:
    assert guarded.wrap(KekName.MASKED, KEY, b"") == WrappedKey(KekName.MASKED, "1", KEY[::-1])
    assert guarded.unwrap(WRAPPED, b"") == KEY
    guarded.check()


@pytest.mark.parametrize("faults", [1, 2])
def test_what_fails_once_or_twice_is_asked_for_again(
    guarded: GuardedKms, provider: Provider, faults: int
) -> None:
    provider.script = [AWAY] * faults
    assert guarded.unwrap(WRAPPED, b"") == KEY
    assert provider.calls == faults + 1


def test_attempts_are_bounded(guarded: GuardedKms, provider: Provider) -> None:
    provider.always = AWAY
    with pytest.raises(KmsUnavailable, match="away"):
        guarded.unwrap(WRAPPED, b"")
    assert provider.calls == GuardLimits().attempts


def test_pauses_grow_and_are_never_the_same_twice(provider: Provider) -> None:
    provider.always = AWAY
    first: set[float] = set()
    for _ in range(20):
        clock = Clock()
        guarded = GuardedKms(provider, GuardLimits(), clock.monotonic, clock.sleep)
        with pytest.raises(KmsUnavailable):
            guarded.check()
        one, two = clock.pauses
        assert 0.05 <= one <= 0.1 <= two <= 0.2
        first.add(one)
    assert len(first) > 15


@pytest.mark.parametrize("answer", [UnwrapRefused("no"), KekMissing("none"), KmsSealed("sealed")])
def test_a_refusal_is_an_answer_and_is_not_asked_for_again(
    guarded: GuardedKms, provider: Provider, clock: Clock, answer: Exception
) -> None:
    provider.always = answer
    for _ in range(10):
        with pytest.raises(type(answer)):
            guarded.unwrap(WRAPPED, b"")
    assert provider.calls == 10
    assert clock.pauses == []
    provider.always = None
    assert guarded.unwrap(WRAPPED, b"") == KEY  # and opens no circuit


def test_a_defect_is_raised_as_it_is(guarded: GuardedKms, provider: Provider) -> None:
    provider.always = ZeroDivisionError()
    for _ in range(5):
        with pytest.raises(ZeroDivisionError):
            guarded.check()
    assert provider.calls == 5


# -- the circuit -----------------------------------------------------------------------------


def fail(guarded: GuardedKms, times: int) -> None:
    for _ in range(times):
        with pytest.raises(KmsUnavailable):
            guarded.unwrap(WRAPPED, b"")


def test_after_some_failures_the_provider_is_left_in_peace(
    guarded: GuardedKms, provider: Provider
) -> None:
    provider.always = AWAY
    fail(guarded, 3)
    calls = provider.calls
    with pytest.raises(KmsUnavailable, match=r"away for \d s: away"):
        guarded.unwrap(WRAPPED, b"")
    assert provider.calls == calls


def test_after_its_rest_it_is_tried_and_used_again(
    guarded: GuardedKms, provider: Provider, clock: Clock
) -> None:
    provider.always = AWAY
    fail(guarded, 3)
    provider.always = None
    clock.now += 1.0
    assert guarded.unwrap(WRAPPED, b"") == KEY
    provider.always = AWAY
    fail(guarded, 1)
    calls = provider.calls
    fail(guarded, 1)
    assert provider.calls > calls  # closed: it takes three failures again


def test_rests_double_up_to_the_longest(
    guarded: GuardedKms, provider: Provider, clock: Clock
) -> None:
    provider.always = AWAY
    fail(guarded, 3)
    rests = []
    for _ in range(8):
        calls, began = provider.calls, clock.now
        while provider.calls == calls:
            clock.now += 0.25
            with pytest.raises(KmsUnavailable):
                guarded.unwrap(WRAPPED, b"")
        rests.append(round(clock.now - began))
    assert rests[:4] == sorted(rests[:4])
    assert rests[0] <= 2
    assert rests[-1] == rests[-2] <= 16


def test_a_check_is_always_let_through_and_closes_the_circuit(
    guarded: GuardedKms, provider: Provider
) -> None:
    """Health says what is so now, from the first moment of an outage to the first after it."""
    provider.always = AWAY
    fail(guarded, 3)
    with pytest.raises(KmsUnavailable):
        guarded.check()
    provider.always = None
    guarded.check()
    assert guarded.unwrap(WRAPPED, b"") == KEY


def test_one_caller_is_the_trial_and_the_others_do_not_wait(provider: Provider) -> None:
    clock = Clock()
    guarded = GuardedKms(provider, GuardLimits(), clock.monotonic, clock.sleep)
    provider.always = AWAY
    fail(guarded, 3)
    clock.now += 1.0
    provider.always = None
    asked, answer = threading.Event(), threading.Event()

    def wait() -> None:
        asked.set()
        answer.wait(10)

    provider.script = [wait]
    got: list[bytearray] = []
    trial = threading.Thread(target=lambda: got.append(guarded.unwrap(WRAPPED, b"")))
    trial.start()
    assert asked.wait(10)
    calls = provider.calls
    with pytest.raises(KmsUnavailable):
        guarded.unwrap(WRAPPED, b"")
    assert provider.calls == calls
    answer.set()
    trial.join()
    assert got == [KEY]
    assert guarded.unwrap(WRAPPED, b"") == KEY


# -- time ------------------------------------------------------------------------------------


class Hanging:
    """Calls that hang until the test is over."""

    def __init__(self) -> None:
        self.over = threading.Event()

    def __call__(self) -> None:
        self.over.wait(60)


@pytest.fixture
def hang() -> "Hanging":
    return Hanging()


def test_a_call_that_hangs_is_left_behind_in_time(provider: Provider, hang: Hanging) -> None:
    guarded = GuardedKms(provider, GuardLimits(seconds=0.3))
    provider.script = [hang]
    began = time.monotonic()
    with pytest.raises(KmsUnavailable, match=r"no answer within 0\.3 s"):
        guarded.unwrap(WRAPPED, b"")
    assert 0.25 < time.monotonic() - began < 20.0
    assert guarded.unwrap(WRAPPED, b"") == KEY
    hang.over.set()


def test_calls_that_hang_are_at_most_so_many(provider: Provider, hang: Hanging) -> None:
    guarded = GuardedKms(provider, GuardLimits(seconds=0.1, hung=2, failures=100))
    provider.script = [hang] * 2
    before = threading.active_count()
    fail(guarded, 2)
    calls = provider.calls
    with pytest.raises(KmsUnavailable, match="2 calls to it hang"):
        guarded.unwrap(WRAPPED, b"")
    assert provider.calls == calls
    assert threading.active_count() <= before + 2
    hang.over.set()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            assert guarded.unwrap(WRAPPED, b"") == KEY
            return
        except KmsUnavailable:
            time.sleep(0.01)
    pytest.fail("what came back is still counted as hanging")


def test_a_key_that_comes_too_late_is_wiped(hang: Hanging) -> None:
    key = bytearray(KEY)

    class Late(Provider):
        def unwrap(self, wrapped: WrappedKey, context: bytes) -> bytearray:
            hang()
            return key

    guarded = GuardedKms(Late(), GuardLimits(seconds=0.1))
    with pytest.raises(KmsUnavailable):
        guarded.unwrap(WRAPPED, b"")
    hang.over.set()
    deadline = time.monotonic() + 10
    while any(key) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert key == bytes(len(KEY))


def test_all_attempts_together_keep_to_the_time(guarded: GuardedKms, provider: Provider) -> None:
    clock = Clock()
    limits = GuardLimits(seconds=1.0, attempts=50)
    provider.always = AWAY
    guarded = GuardedKms(provider, limits, clock.monotonic, clock.sleep)
    with pytest.raises(KmsUnavailable):
        guarded.check()
    assert clock.now - 100.0 < limits.seconds
