"""Retries: only what passes, never longer than the deadline, never sooner than the vault asks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordsvault_masked import (
    NO_RETRY,
    InvalidArgument,
    ResourceExhausted,
    RetryPolicy,
    Unavailable,
    VaultError,
)
from recordsvault_masked.retry import Attempts, passes

TEXTS = {"en": "away"}


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@given(
    failures=st.integers(1, 100_000),
    draw=st.floats(0, 1, exclude_max=True),
    asked=st.none() | st.floats(0, 60),
)
def test_a_pause_is_bounded_and_never_shorter_than_what_the_vault_asks(
    failures: int, draw: float, asked: float | None
) -> None:
    policy = RetryPolicy(initial=0.1, factor=2, maximum=5)
    pause = policy.pause(failures, asked, lambda: draw)
    whole = min(5, 0.1 * 2 ** min(failures - 1, 30))
    assert pause >= whole / 2
    assert pause >= (asked or 0)
    assert pause <= max(whole, (asked or 0) * 1.2)


def test_callers_who_failed_together_do_not_come_back_together() -> None:
    policy = RetryPolicy()
    parts = iter(range(10))
    pauses = {policy.pause(3, 1.0, lambda: next(parts) / 10) for _ in range(5)}
    assert len(pauses) == 5


def test_pauses_grow() -> None:
    pauses = [RetryPolicy().pause(n, None, lambda: 1.0) for n in range(1, 8)]
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0]


def test_a_retry_that_would_miss_the_deadline_is_not_made() -> None:
    clock = Clock()
    attempts = Attempts(RetryPolicy(), 10, clock=clock, draw=lambda: 0.5)
    error = Unavailable(TEXTS, retry_delay=3.0)
    assert attempts.pause_after(error) >= 3
    clock.now += 8
    assert attempts.remaining() == pytest.approx(2)
    with pytest.raises(Unavailable):
        attempts.pause_after(error)


def test_attempts_come_to_an_end() -> None:
    attempts = Attempts(RetryPolicy(attempts=3), 1000, clock=Clock())
    error = Unavailable(TEXTS)
    attempts.pause_after(error)
    attempts.pause_after(error)
    with pytest.raises(Unavailable):
        attempts.pause_after(error)


def test_without_retries_the_first_failure_is_the_last() -> None:
    with pytest.raises(Unavailable):
        Attempts(NO_RETRY, 10).pause_after(Unavailable(TEXTS))


def test_only_what_passes_is_tried_again() -> None:
    assert passes(Unavailable(TEXTS))
    assert passes(ResourceExhausted(TEXTS))
    assert not passes(ResourceExhausted(TEXTS, reason="MESSAGE_TOO_LARGE"))
    handshake = Unavailable(TEXTS)
    handshake.handshake = True
    assert not passes(handshake)
    for error in (InvalidArgument(TEXTS), VaultError(TEXTS)):
        assert not passes(error)
