"""Index entries under every version of the index key that counts, and searches by one of them.

While an index key is rotated there are two: entries are made under both, and searches go by the old
one until all records have entries under the new one. Which versions count stands in the database
(vault/store/index_state.py); what a process remembers of that is held against it at each write and
behind each search, and worked out again where it is out of date.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeVar

from sqlalchemy import Connection

from vault.records import IndexKind
from vault.sealing import IndexKey
from vault.services.keys import Keys
from vault.store import StoreUnavailable, index_state
from vault.store.blind_index import kind_text
from vault.store.index_state import IndexMoved, IndexState

T = TypeVar("T")
Entry = tuple[str, bytes]
"""What an entry is found by: its kind, as the store has it, and its token."""

_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class Index:
    """An institution's index, as its state is known: `keys` by version, all that `state` names."""

    institution: str
    state: IndexState
    keys: dict[int, IndexKey]

    def fingerprint(self, data: bytes) -> bytes:
        """As IndexKey.fingerprint, which is the same by every version."""
        return self.keys[self.state.reading].fingerprint(data)

    def wanted(self, kind: IndexKind, normalised: str) -> Entry:
        """What a search goes by."""
        version = self.state.reading
        return kind_text(kind.value, version), self.keys[version].token(kind, normalised)

    def entries(self, kind: IndexKind, normalised: str) -> tuple[Entry, ...]:
        """What a record is to be found by: an entry a version."""
        return tuple(
            (kind_text(kind.value, version), self.keys[version].token(kind, normalised))
            for version in self.state.writing
        )

    def tokens(self, terms: Iterable[tuple[IndexKind, str]]) -> list[bytes]:
        """The tokens of these terms by all versions, in the terms' order."""
        return [token for term in terms for _, token in self.entries(*term)]

    def require_writing(self, conn: Connection) -> None:
        """Inside the transaction that makes entries. Raises IndexMoved."""
        index_state.require_writing(conn, self.institution, self.state)

    def require_complete(self, conn: Connection) -> None:
        """Behind a search. Raises IndexMoved."""
        index_state.require_complete(conn, self.institution, self.state.reading)


async def by_index(keys: Keys, institution: str, attempt: Callable[[Index], Awaitable[T]]) -> T:
    """What `attempt` gives by the index as it stands; tried again where it has moved meanwhile."""
    for _ in range(_TRIES):
        state, found = await keys.index_versions(institution)
        try:
            return await attempt(Index(institution, state, found))
        except IndexMoved:
            keys.index_moved(institution)
    raise StoreUnavailable("the index key is being rotated again and again")
