"""The key ring for the event loop: from memory at once, from the key store in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from vault.records import Branch, ScopeRef
from vault.sealing import (
    COMMITMENT_SALT_BYTES,
    FullFileKey,
    IndexKey,
    InstitutionKeysMissing,
    KeyRing,
    MaskedFileKey,
    commitment,
)
from vault.store import Database, index_state
from vault.store.index_state import IndexState

T = TypeVar("T")


class Keys:
    """File keys and index keys for use cases.

    Raises ScopeShredded, InstitutionKeysMissing, KmsUnavailable, StoreUnavailable, BranchNotHeld.
    """

    def __init__(self, ring: KeyRing, database: Database | None = None) -> None:
        """``database`` has the state of the index; without it index keys are never rotated."""
        self._ring = ring
        self._database = database
        self._states: dict[str, IndexState] = {}
        self._pool = ThreadPoolExecutor(2, "vault-keys")

    async def full(self, refs: Iterable[ScopeRef]) -> dict[ScopeRef, FullFileKey]:
        """The full file keys of all ``refs``."""
        found, missing = self._ring.peek(Branch.FULL, refs)
        if missing:
            found |= await self._run(lambda: self._ring.fetch(Branch.FULL, missing))
        return found

    async def masked(self, refs: Iterable[ScopeRef]) -> dict[ScopeRef, MaskedFileKey]:
        """The masked file keys of all ``refs``."""
        found, missing = self._ring.peek(Branch.MASKED, refs)
        if missing:
            found |= await self._run(lambda: self._ring.fetch(Branch.MASKED, missing))
        return found

    async def both(
        self, refs: Iterable[ScopeRef]
    ) -> tuple[dict[ScopeRef, FullFileKey], dict[ScopeRef, MaskedFileKey]]:
        """Both file keys of all ``refs``, made where there are none yet."""
        wanted = list(dict.fromkeys(refs))
        full, no_full = self._ring.peek(Branch.FULL, wanted)
        masked, no_masked = self._ring.peek(Branch.MASKED, wanted)
        if no_full or no_masked:
            await self._run(lambda: self._ring.ensure(wanted))
            full = await self.full(wanted)
            masked = await self.masked(wanted)
        return full, masked

    async def full_alone(self, ref: ScopeRef) -> FullFileKey:
        """The full file key of a scope that has no masked side, made where there is none yet. The
        masked branch, and who reads its tables, does not learn that there is such a scope."""
        found, missing = self._ring.peek(Branch.FULL, [ref])
        if missing:
            await self._run(lambda: self._ring.ensure([ref], (Branch.FULL,)))
            found = await self.full([ref])
        return found[ref]

    async def index(self, institution: str) -> IndexKey:
        """The index key of an institution, for all but making entries and searching them
        (vault.services.indexing): the version that searches go by."""
        state, keys = await self.index_versions(institution)
        return keys[state.reading]

    async def index_versions(self, institution: str) -> tuple[IndexState, dict[int, IndexKey]]:
        """Which versions of the index key count, as far as is known, and those versions."""
        state = self._states.get(institution)
        try:
            return await self._index_versions(institution, state)
        except InstitutionKeysMissing:
            if state is None:
                raise
            # What was remembered names a version that was retired since.
            return await self._index_versions(institution, None)

    async def _index_versions(
        self, institution: str, state: IndexState | None
    ) -> tuple[IndexState, dict[int, IndexKey]]:
        if state is None:
            state = await self._state(institution)
        keys: dict[int, IndexKey] = {}
        for version in state.writing:
            key = self._ring.peek_index_key(institution, version)
            if key is None:
                key = await self._run(partial(self._ring.index_key, institution, version))
            keys[version] = key
        self._states[institution] = state
        return state, keys

    async def _state(self, institution: str) -> IndexState:
        if self._database is None:
            return index_state.FIRST
        return await self._database.read(lambda conn: index_state.read(conn, institution))

    def index_moved(self, institution: str) -> None:
        """Ask again, at the next use, which versions count."""
        self._states.pop(institution, None)

    async def open_institution(self, institution: str) -> None:
        """Give an institution its keys, if it has none."""
        await self._run(lambda: self._ring.open_institution(institution))

    async def case_commitment(self, institution: str, call_id: str, case_reference: str) -> bytes:
        """Commitment to a case reference.

        Its salt is derived from the call under the index key, so that the vault can check a case
        reference against an event, and nobody who has only the log can guess one.
        """
        index = await self.index(institution)
        salt = index.fingerprint(b"case-reference/" + call_id.encode())
        return commitment(case_reference, salt[:COMMITMENT_SALT_BYTES])

    async def _run(self, fn: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, fn)

    def close(self) -> None:
        """Let go of every key and end the threads."""
        self._pool.shutdown(wait=True)
        self._ring.clear()
