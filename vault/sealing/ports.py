"""What the key ring asks of the rooms around it."""

import time
from collections.abc import Sequence
from typing import Protocol

from vault.records.scopes import Branch, ScopeRef
from vault.store.keystore import BranchKeyRow, FileKeyRow


class KeyStorePort(Protocol):
    """Wrapped keys, durably. Thread-safe; each call blocks, and is one transaction."""

    def branch_keys(self, branch: Branch, institution: str) -> list[BranchKeyRow]:
        """The institution's keys of a branch, by ascending version."""
        ...

    def branch_key(self, branch: Branch, institution: str, version: int) -> BranchKeyRow | None:
        """One version of the institution's key of a branch."""
        ...

    def newest_branch_key(self, branch: Branch, institution: str) -> BranchKeyRow | None:
        """The version under which new file keys are wrapped."""
        ...

    def add_branch_key(self, branch: Branch, row: BranchKeyRow) -> list[BranchKeyRow]:
        """Insert unless that version stands already; what stands now, by ascending version."""
        ...

    def index_keys(self, institution: str) -> list[BranchKeyRow]:
        """The institution's index keys, by ascending version."""
        ...

    def index_key(self, institution: str, version: int) -> BranchKeyRow | None:
        """One version of the institution's index key."""
        ...

    def newest_index_key(self, institution: str) -> BranchKeyRow | None:
        """The version that was made last."""
        ...

    def add_index_key(self, row: BranchKeyRow) -> list[BranchKeyRow]:
        """As `add_branch_key`, for the index key."""
        ...

    def file_keys(self, branch: Branch, refs: Sequence[ScopeRef]) -> dict[ScopeRef, FileKeyRow]:
        """The file keys of those scopes that have one."""
        ...

    def add_file_keys(self, full: Sequence[FileKeyRow], masked: Sequence[FileKeyRow]) -> None:
        """Insert in one transaction; a scope's key that stands already is kept.

        Raises KeyVersionGone where a branch key that wraps them was retired meanwhile.
        """
        ...


class Clock(Protocol):
    """Time, so that a test can turn it."""

    def now_micros(self) -> int:
        """Microseconds since the Unix epoch, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards, from an arbitrary start."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_micros(self) -> int:
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        return time.monotonic()
