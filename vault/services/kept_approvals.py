"""The latest approved change of access in the second place, where whoever can write to the database
cannot reach.

By it a process knows at its start, when it has seen nothing yet, that nothing was taken out of the
end of what was approved.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final, Protocol

from vault.audit.second_place import SecondPlaceAway, SecondPlaceRefused
from vault.services.looking import ATTEMPT_SECONDS
from vault.services.off_loop import in_thread
from vault.services.proposal_signing import NotSigned, ProposalVerifier
from vault.store.proposals import ApprovedHead

_AGAIN_SECONDS: Final = 1.0
_HANGS: Final = f"the second place has not answered for {ATTEMPT_SECONDS:.0f} s"


class Place(Protocol):
    """The second place, as far as approved changes go. Both methods may block, and raise
    SecondPlaceAway and SecondPlaceRefused."""

    def approved(self) -> bytes | None:
        """The note kept last, unverified."""

    def keep_approved(self, note: bytes, follows: Callable[[bytes], bool]) -> bool:
        """Keep a note that `follows` the one kept; whether it does."""


class KeptApprovals:
    """Of one process; ``keeps`` whether it also writes there. For the event loop."""

    def __init__(self, place: Place, verifier: ProposalVerifier, *, keeps: bool) -> None:
        self._place = place
        self._verifier = verifier
        self._keeps = keeps
        self._kept: ApprovedHead | None = None
        self._attempt: asyncio.Future[None] | None = None
        self._wanted: ApprovedHead | None = None
        self._since = self._next = 0.0
        self.problem = ""
        """Why the latest change is not kept there; empty where it is, or is about to be."""

    async def read(self) -> ApprovedHead | None:
        """The head that is known there; None where nothing was approved yet.

        Raises SecondPlaceAway, SecondPlaceRefused, NotSigned.
        """
        try:
            note = await asyncio.wait_for(
                in_thread(self._place.approved, "vault-kept-approvals"), ATTEMPT_SECONDS
            )
        except TimeoutError:
            raise SecondPlaceAway(_HANGS) from None
        return None if note is None else self._verifier.head_of(note)

    def keep(self, note: bytes, head: ApprovedHead) -> None:
        """Have the latest change, whose head is in force, kept there: now, and until it is. To be
        called again and again; returns at once."""
        if not self._keeps:
            return
        now = time.monotonic()
        if self._attempt is not None:
            if not self._attempt.done():
                # Not given up: of those that hang there is never a second.
                if now - self._since > ATTEMPT_SECONDS:
                    self.problem = _HANGS
                return
            self._settle(self._attempt)
            self._attempt = None
        if head == self._kept or now < self._next:
            return
        self._since, self._wanted = now, head
        self._attempt = in_thread(lambda: self._put(note, head), "vault-kept-approvals")

    def forget(self) -> None:
        """What was kept there was put aside."""
        self._kept = None
        self._next = 0.0

    def _settle(self, attempt: asyncio.Future[None]) -> None:
        error = attempt.exception()
        if error is None:
            self._kept, self.problem = self._wanted, ""
            return
        self._next = time.monotonic() + _AGAIN_SECONDS
        if isinstance(error, (SecondPlaceAway, SecondPlaceRefused, NotSigned)):
            self.problem = str(error)
        else:
            # A text that nobody foresaw may quote a value.
            self.problem = type(error).__name__

    def _put(self, note: bytes, head: ApprovedHead) -> None:
        def follows(kept: bytes) -> bool:
            there = self._verifier.head_of(kept)
            if there.size == head.size and there != head:
                raise SecondPlaceRefused("the second place knows of another approved change")
            return there.size <= head.size

        # Of a later one another process has seen to it, and this one is about to see it.
        self._place.keep_approved(note, follows)
