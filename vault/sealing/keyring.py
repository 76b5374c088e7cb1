"""The key ring: from a scope to its file key, by way of key store and KMS, or from memory."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, overload

from vault.kms import Kms
from vault.records.scopes import Branch, ScopeRef
from vault.sealing.blind import IndexKey
from vault.sealing.errors import BranchNotHeld, InstitutionKeysMissing, ScopeShredded
from vault.sealing.held import ExpiringCache, Held, HeldKeys
from vault.sealing.hierarchy import (
    BranchKey,
    FileKey,
    FullFileKey,
    MaskedFileKey,
    new_branch_key,
    new_file_key,
    new_index_key,
    open_branch_key,
    open_file_key,
    open_index_key,
)
from vault.sealing.ports import Clock, KeyStorePort, SystemClock
from vault.sealing.suites import AES_256_GCM, Suite
from vault.store.errors import KeyVersionGone
from vault.store.keystore import BranchKeyRow, FileKeyRow

ALL_BRANCHES = frozenset(Branch)


@dataclass(frozen=True, slots=True)
class KeyRingLimits:
    """How many unwrapped keys are held, and for how many seconds.

    A held file key takes 3.6 kB. `branch_key_ttl` bounds how long an outage of the KMS, or its
    owner's withdrawal of a KEK, goes unnoticed; no file key outlives the branch key it came by.
    """

    file_keys: int = 16_384  # a branch
    file_key_ttl: float = 300.0
    branch_keys: int = 1_024
    branch_key_ttl: float = 3_600.0


class KeyRing:
    """The keys of the branches that this node was given. Thread-safe.

    `peek` and `peek_index_key` never block; everything else may, and raises KmsError for the KMS,
    StoreError for the key store, SealBroken for a wrapped key that was changed, BranchNotHeld for a
    branch that this node was not given.
    """

    def __init__(
        self,
        kms: Kms,
        keystore: KeyStorePort,
        branches: frozenset[Branch],
        limits: KeyRingLimits | None = None,
        clock: Clock | None = None,
        suites: Callable[[str], Suite] = lambda institution: AES_256_GCM,
    ) -> None:
        """`suites` says with which suite an institution seals, and its new keys are made for."""
        limits = limits or KeyRingLimits()
        self._kms = kms
        self._keystore = keystore
        self._clock = clock or SystemClock()
        self.suite_of = suites
        self._file_key_ttl = limits.file_key_ttl
        tick = self._clock.monotonic
        self._files: dict[Branch, ExpiringCache[ScopeRef, FileKey]] = {
            branch: ExpiringCache(limits.file_keys, tick) for branch in branches
        }
        self._branch_keys: HeldKeys[tuple[Branch, str, int], BranchKey] = HeldKeys(
            limits.branch_keys, limits.branch_key_ttl, tick
        )
        self._index_keys: HeldKeys[tuple[str, int], IndexKey] = HeldKeys(
            limits.branch_keys, limits.branch_key_ttl, tick
        )

    def __repr__(self) -> str:
        return f"<KeyRing of {', '.join(sorted(self._files)) or 'no branch'}>"

    @overload
    def peek(
        self, branch: Literal[Branch.FULL], refs: Iterable[ScopeRef]
    ) -> tuple[dict[ScopeRef, FullFileKey], list[ScopeRef]]: ...
    @overload
    def peek(
        self, branch: Literal[Branch.MASKED], refs: Iterable[ScopeRef]
    ) -> tuple[dict[ScopeRef, MaskedFileKey], list[ScopeRef]]: ...
    @overload
    def peek(
        self, branch: Branch, refs: Iterable[ScopeRef]
    ) -> tuple[dict[ScopeRef, FileKey], list[ScopeRef]]: ...
    def peek(
        self, branch: Branch, refs: Iterable[ScopeRef]
    ) -> tuple[dict[ScopeRef, Any], list[ScopeRef]]:
        """The file keys held in memory, and the scopes whose keys are not (each once)."""
        wanted = dict.fromkeys(refs)
        found = self._held_files(branch).get_many(wanted)
        return found, [ref for ref in wanted if ref not in found]

    @overload
    def fetch(
        self, branch: Literal[Branch.FULL], refs: Iterable[ScopeRef]
    ) -> dict[ScopeRef, FullFileKey]: ...
    @overload
    def fetch(
        self, branch: Literal[Branch.MASKED], refs: Iterable[ScopeRef]
    ) -> dict[ScopeRef, MaskedFileKey]: ...
    @overload
    def fetch(self, branch: Branch, refs: Iterable[ScopeRef]) -> dict[ScopeRef, FileKey]: ...
    def fetch(self, branch: Branch, refs: Iterable[ScopeRef]) -> dict[ScopeRef, Any]:
        """The file keys of all `refs`. Raises ScopeShredded for the first that has none."""
        found, missing = self.peek(branch, refs)
        if missing:
            try:
                found |= self._fetch(branch, missing)
            except InstitutionKeysMissing:
                # Rewrapped under another version, and the one it was read with retired, in
                # between: what is read now hangs under a version that stands.
                found |= self._fetch(branch, missing)
        return found

    def _fetch(self, branch: Branch, refs: Sequence[ScopeRef]) -> dict[ScopeRef, Any]:
        rows = self._keystore.file_keys(branch, refs)
        for ref in refs:
            if ref not in rows:
                raise ScopeShredded(ref)
        return self._admit(branch, rows)

    def ensure(self, refs: Iterable[ScopeRef], branches: Sequence[Branch] = tuple(Branch)) -> None:
        """Give each scope a file key in both branches (or in those named), in one transaction of
        the key store.

        Of several nodes that do so at once one wins, and all use its keys: what stands is read
        back before it is used. Raises InstitutionKeysMissing.
        """
        refs = list(refs)
        try:
            self._ensure(refs, branches)
        except (KeyVersionGone, InstitutionKeysMissing):
            # The version that was newest was retired meanwhile, which takes a newer one first.
            self._ensure(refs, branches)

    def _ensure(self, refs: Sequence[ScopeRef], branches: Sequence[Branch]) -> None:
        held = [self._held_files(branch) for branch in branches]
        wanted = [
            ref for ref in dict.fromkeys(refs) if any(files.get(ref) is None for files in held)
        ]
        if not wanted:
            return
        standing = {branch: self._keystore.file_keys(branch, wanted) for branch in branches}
        fresh = {branch: self._new_rows(branch, wanted, standing[branch]) for branch in branches}
        if any(fresh.values()):
            self._keystore.add_file_keys(
                full=fresh.get(Branch.FULL, ()), masked=fresh.get(Branch.MASKED, ())
            )
            standing = {branch: self._keystore.file_keys(branch, wanted) for branch in branches}
        for branch in branches:
            self._admit(branch, standing[branch])

    def open_institution(self, institution: str) -> None:
        """Give a new institution its branch keys and its index key; what it has is kept."""
        for branch in Branch:
            self._held_files(branch)
        kms, store, now = self._kms, self._keystore, self._clock.now_micros()
        suite = self.suite_of(institution)
        # Wrapped first, all of them: a node that lacks one of the KEKs changes nothing.
        rows = {
            branch: new_branch_key(kms, branch, institution, 1, now, suite)
            for branch in Branch
            if store.newest_branch_key(branch, institution) is None
        }
        if store.newest_index_key(institution) is None:
            store.add_index_key(new_index_key(kms, institution, 1, now, suite))
        for branch, row in rows.items():
            store.add_branch_key(branch, row)

    def peek_index_key(self, institution: str, version: int = 0) -> IndexKey | None:
        """A version of the institution's index key (0: the newest) if it is held in memory."""
        return self._index_keys.peek((institution, version))

    def index_key(self, institution: str, version: int = 0) -> IndexKey:
        """A version of the institution's index key; 0 is the one that is the newest when it is
        taken into memory. Raises InstitutionKeysMissing, KekMissing."""

        def unwrap() -> IndexKey:
            row = (
                self._keystore.index_key(institution, version)
                if version
                else self._keystore.newest_index_key(institution)
            )
            if row is None:
                raise InstitutionKeysMissing(institution)
            return open_index_key(self._kms, row)

        return self._index_keys.get((institution, version), unwrap).key

    def forget_index_key(self, institution: str, version: int) -> None:
        """Let go of a version that was retired."""
        for held in (version, 0):
            self._index_keys.drop((institution, held))

    def forget_file_key(self, branch: Branch, ref: ScopeRef) -> None:
        """Let go of the key of a scope that was destroyed."""
        self._held_files(branch).drop(ref)

    def branch_key(self, branch: Branch, institution: str, version: int) -> BranchKey:
        """A version of a branch key, from memory or by the KMS. Raises InstitutionKeysMissing."""
        self._held_files(branch)
        return self._branch_key(branch, institution, version).key

    def forget_branch_key(self, branch: Branch, institution: str, version: int) -> None:
        """Let go of a version that was retired."""
        self._branch_keys.drop((branch, institution, version))

    def sweep(self) -> None:
        """Let go of every key whose time is over; to be called every few seconds.

        A key whose time is over is never used; this is so that it does not stay in memory either.
        """
        for files in self._files.values():
            files.sweep()
        self._branch_keys.sweep()
        self._index_keys.sweep()

    def clear(self) -> None:
        """Let go of every key."""
        for files in self._files.values():
            files.clear()
        self._branch_keys.clear()
        self._index_keys.clear()

    def _held_files(self, branch: Branch) -> ExpiringCache[ScopeRef, FileKey]:
        files = self._files.get(branch)
        if files is None:
            raise BranchNotHeld(branch)
        return files

    def _branch_key(self, branch: Branch, institution: str, version: int) -> Held[BranchKey]:
        def unwrap() -> BranchKey:
            row = self._keystore.branch_key(branch, institution, version)
            if row is None:
                raise InstitutionKeysMissing(institution)
            return open_branch_key(self._kms, branch, row)

        return self._branch_keys.get((branch, institution, version), unwrap)

    def _admit(self, branch: Branch, rows: dict[ScopeRef, FileKeyRow]) -> dict[ScopeRef, FileKey]:
        files = self._held_files(branch)
        ttl_ends = self._clock.monotonic() + self._file_key_ttl
        keys: dict[ScopeRef, FileKey] = {}
        for ref, row in rows.items():
            held = self._branch_key(branch, ref.institution, row.branch_key_version)
            keys[ref] = open_file_key(held.key, ref, row, self.suite_of(ref.institution))
            files.put(ref, keys[ref], min(ttl_ends, held.until))
        return keys

    def _new_rows(
        self, branch: Branch, refs: Sequence[ScopeRef], standing: dict[ScopeRef, FileKeyRow]
    ) -> list[FileKeyRow]:
        now = self._clock.now_micros()
        newest: dict[str, BranchKeyRow] = {}  # read anew each time: a new version serves at once
        rows = []
        for ref in refs:
            if ref in standing:
                continue
            institution = ref.institution
            if institution not in newest:
                row = self._keystore.newest_branch_key(branch, institution)
                if row is None:
                    raise InstitutionKeysMissing(institution)
                newest[institution] = row
            held = self._branch_key(branch, institution, newest[institution].version)
            rows.append(new_file_key(held.key, ref, now))
        return rows
