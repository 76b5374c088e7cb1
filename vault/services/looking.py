"""Looks at the second place, in a thread of its own and one look at a time: a folder that hangs
holds up nobody."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from vault.audit.second_place import SecondPlace, SecondPlaceAway
from vault.services.off_loop import in_thread

ATTEMPT_SECONDS = 5.0
"""How long a look may take before it counts as hanging."""
_MARGIN_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Kept:
    """What was found there; ``note`` unverified."""

    begun: bool
    note: bytes | None = field(repr=False)
    recoveries: int


class PlaceLook:
    """Asks a place again and again. ``begins`` whether a log without an entry is begun there by
    this process, or only by another."""

    def __init__(self, place: SecondPlace, *, begins: bool) -> None:
        self._place = place
        self._begins = begins
        self._attempt: asyncio.Future[Kept] | None = None
        self._since = 0.0

    async def kept(self, *, fresh: bool, patience: float) -> Kept | None:
        """What is there; None where that is not known within ``patience`` seconds, and nothing is
        wrong yet. ``fresh`` says that the log has no entry.

        Raises SecondPlaceAway, SecondPlaceRefused.
        """
        if self._attempt is None:
            self._attempt = in_thread(lambda: self._look(fresh), "vault-recovery")
            self._since = time.monotonic()
        try:
            found = await asyncio.wait_for(asyncio.shield(self._attempt), patience)
        except TimeoutError:
            if time.monotonic() - self._since < ATTEMPT_SECONDS - _MARGIN_SECONDS:
                return None
            # Not given up: of those that hang there is never a second.
            raise SecondPlaceAway(
                f"the second place has not answered for {ATTEMPT_SECONDS:.0f} s"
            ) from None
        except Exception:
            self._attempt = None
            raise
        self._attempt = None
        return found

    def _look(self, fresh: bool) -> Kept:
        if fresh and self._begins:
            # A log without an entry: it begins in its second place before it has any.
            self._place.begin()
        begun = self._place.begun()
        if not begun and fresh:
            raise SecondPlaceAway("the log has not begun there yet: start the full tier")
        recoveries = self._place.recoveries()
        return Kept(begun, self._place.read(), recoveries)
