"""Which customers are decoys, as this process knows them: looked up again every second."""

from __future__ import annotations

from typing import Final

from vault.sealing import Clock
from vault.store import Database, decoys

_SECONDS: Final = 1.0


class KnownDecoys:
    """The decoys of each institution that is called about."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._known: dict[str, frozenset[str]] = {}
        self._looked: dict[str, float] = {}

    def of(self, institution: str) -> frozenset[str]:
        """Those that are known."""
        return self._known.get(institution, frozenset())

    async def look(self, institution: str) -> None:
        """See which there are, if that was not done just now. Raises StoreUnavailable."""
        looked = self._looked.get(institution)
        now = self._clock.monotonic()
        if looked is not None and now - looked < _SECONDS:
            return
        known = institution in self._known
        if known:
            # Others go on by what is known while this one looks.
            self._looked[institution] = now
        found = await self._database.read(lambda conn: decoys.all_of(conn, institution))
        self._known[institution] = frozenset(found)
        if not known:
            self._looked[institution] = now

    def forget(self, institution: str) -> None:
        """Look anew at the next call: somebody has changed them."""
        self._looked.pop(institution, None)
        self._known.pop(institution, None)
