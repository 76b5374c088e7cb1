"""A key store in memory, with the races of a real one: every call is atomic, none is more."""

import threading
from collections.abc import Sequence

from vault.records.scopes import Branch, ScopeRef
from vault.store.errors import KeyVersionGone
from vault.store.keystore import BranchKeyRow, FileKeyRow


class MemoryKeyStore:
    """KeyStorePort over dictionaries. `calls` counts what a database would have been asked."""

    def __init__(self) -> None:
        self.branch_rows: dict[tuple[Branch, str], dict[int, BranchKeyRow]] = {}
        self.index_rows: dict[str, dict[int, BranchKeyRow]] = {}
        self.file_rows: dict[Branch, dict[ScopeRef, FileKeyRow]] = {b: {} for b in Branch}
        self.calls = 0
        self._lock = threading.Lock()

    def branch_keys(self, branch: Branch, institution: str) -> list[BranchKeyRow]:
        with self._lock:
            self.calls += 1
            return _ascending(self.branch_rows.get((branch, institution), {}))

    def branch_key(self, branch: Branch, institution: str, version: int) -> BranchKeyRow | None:
        with self._lock:
            self.calls += 1
            return self.branch_rows.get((branch, institution), {}).get(version)

    def newest_branch_key(self, branch: Branch, institution: str) -> BranchKeyRow | None:
        with self._lock:
            self.calls += 1
            return _newest(self.branch_rows.get((branch, institution), {}))

    def add_branch_key(self, branch: Branch, row: BranchKeyRow) -> list[BranchKeyRow]:
        with self._lock:
            self.calls += 1
            rows = self.branch_rows.setdefault((branch, row.institution), {})
            rows.setdefault(row.version, row)
            return _ascending(rows)

    def index_keys(self, institution: str) -> list[BranchKeyRow]:
        with self._lock:
            self.calls += 1
            return _ascending(self.index_rows.get(institution, {}))

    def index_key(self, institution: str, version: int) -> BranchKeyRow | None:
        with self._lock:
            self.calls += 1
            return self.index_rows.get(institution, {}).get(version)

    def newest_index_key(self, institution: str) -> BranchKeyRow | None:
        with self._lock:
            self.calls += 1
            return _newest(self.index_rows.get(institution, {}))

    def add_index_key(self, row: BranchKeyRow) -> list[BranchKeyRow]:
        with self._lock:
            self.calls += 1
            rows = self.index_rows.setdefault(row.institution, {})
            rows.setdefault(row.version, row)
            return _ascending(rows)

    def file_keys(self, branch: Branch, refs: Sequence[ScopeRef]) -> dict[ScopeRef, FileKeyRow]:
        with self._lock:
            self.calls += 1
            rows = self.file_rows[branch]
            return {ref: rows[ref] for ref in refs if ref in rows}

    def add_file_keys(self, full: Sequence[FileKeyRow], masked: Sequence[FileKeyRow]) -> None:
        with self._lock:
            self.calls += 1
            both = ((Branch.FULL, full), (Branch.MASKED, masked))
            for branch, rows in both:
                for row in rows:
                    if row.branch_key_version not in self.branch_rows[branch, row.institution]:
                        raise KeyVersionGone("the branch key was retired")
            for branch, rows in both:
                for row in rows:
                    ref = ScopeRef(row.institution, row.customer, row.scope)
                    self.file_rows[branch].setdefault(ref, row)


def _newest(rows: dict[int, BranchKeyRow]) -> BranchKeyRow | None:
    return rows[max(rows)] if rows else None


def _ascending(rows: dict[int, BranchKeyRow]) -> list[BranchKeyRow]:
    return [rows[version] for version in sorted(rows)]
