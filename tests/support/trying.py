"""Trying something on a whole tier, and holding what came of it against what should have."""

from collections import Counter
from typing import TypeVar

from google.protobuf.message import Message

from tests.support.lending_facts import Account
from tests.support.pipeline import Refused
from tests.support.whole_tier import WholeTier

M = TypeVar("M", bound=Message)

# What a caller is told who may not; anything else would be a fault of the vault.
NO = frozenset(
    {
        "UNAUTHENTICATED",
        "PERMISSION_DENIED",
        "NOT_FOUND",
        "INVALID_ARGUMENT",
        "FAILED_PRECONDITION",
        "ABORTED",
    }
)


class Trying:
    """Counts by what was tried: how often it was ``granted``, how often ``refused``."""

    def __init__(self, tier: WholeTier) -> None:
        self.tier = tier
        self.granted: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

    async def __call__(
        self, what: str, may: bool, who: Account, method: str, request: Message, answer: type[M]
    ) -> M | None:
        """The answer; None where it was refused. Raises AssertionError where it was not to be
        refused, or was to be, or where the log says that a refusal showed something."""
        try:
            done = await self.tier.call(who.slug, method, request, answer)
        except Refused as error:
            assert error.code.name in NO, (what, str(error))
            assert not may, (what, error.reason)
            assert not self.tier.last_event().fields, what
            self.refused[what] += 1
            return None
        assert may, what
        self.granted[what] += 1
        return done
