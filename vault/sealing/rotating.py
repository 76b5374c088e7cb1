"""New versions of keys, and wrapped keys moved from one version to another.

Nothing is stored here, and no key of any kind leaves: wrapped rows come in, wrapped rows go out.
"""

from collections.abc import Sequence
from typing import Final

from vault.kms import KekName, Kms
from vault.records.scopes import Branch, ScopeRef
from vault.sealing.errors import InstitutionKeysMissing, SealBroken
from vault.sealing.hierarchy import (
    institution_key_opens,
    new_branch_key,
    next_index_key,
    open_file_key,
    rewrap_file_key,
    rewrap_institution_key,
)
from vault.sealing.keyring import KeyRing
from vault.sealing.ports import Clock, KeyStorePort
from vault.store.keystore import BranchKeyRow, FileKeyRow

PROBE: Final = b"recordsvault/kek-probe/v1"


class Rotating:
    """Of a node that holds the branches it rotates. Thread-safe; every method may block, and raises
    KmsError for the KMS and StoreError for the key store."""

    def __init__(self, ring: KeyRing, kms: Kms, keystore: KeyStorePort, clock: Clock) -> None:
        self._ring = ring
        self._kms = kms
        self._keystore = keystore
        self._clock = clock

    def newest_kek(self, kek: KekName) -> str:
        """The version that the KMS wraps under now. Raises KekMissing."""
        return self._kms.wrap(kek, bytes(32), PROBE).kek_version

    def next_branch_key(self, branch: Branch, institution: str, version: int) -> BranchKeyRow:
        """A version of a branch key that is there if it is stored; wrapped, and opened again. It is
        of the suite that the institution has now."""
        now, suite = self._clock.now_micros(), self._ring.suite_of(institution)
        return new_branch_key(self._kms, branch, institution, version, now, suite)

    def next_index_key(self, before: BranchKeyRow, version: int) -> BranchKeyRow:
        """A version of an index key that is there if it is stored. It takes over the key by which
        requests, and case references in the log, are known again."""
        now, suite = self._clock.now_micros(), self._ring.suite_of(before.institution)
        return next_index_key(self._kms, before, version, now, suite)

    def rewrapped(
        self, branch: Branch, rows: Sequence[FileKeyRow], version: int
    ) -> tuple[list[FileKeyRow], list[ScopeRef]]:
        """The file keys of one institution under a version of its branch key; and the scopes
        whose keys do not open, or whose branch key is gone. Those are left as they are."""
        moved: list[FileKeyRow] = []
        broken: list[ScopeRef] = []
        for row in rows:
            after = self._ring.branch_key(branch, row.institution, version)
            try:
                before = self._ring.branch_key(branch, row.institution, row.branch_key_version)
                moved.append(rewrap_file_key(before, after, row))
            except (SealBroken, InstitutionKeysMissing):
                broken.append(row.ref)
        return moved, broken

    def unopened(self, branch: Branch, rows: Sequence[FileKeyRow]) -> list[ScopeRef]:
        """Those of the scopes whose keys do not open under the version that they name, or name
        another key's id than that version's."""
        broken: list[ScopeRef] = []
        for row in rows:
            try:
                key = self._ring.branch_key(branch, row.institution, row.branch_key_version)
                if key.key_id != row.branch_key_id:
                    raise SealBroken
                open_file_key(key, row.ref, row)
            except (SealBroken, InstitutionKeysMissing):
                broken.append(row.ref)
        return broken

    def rewrapped_by_kms(self, kek: KekName, row: BranchKeyRow) -> BranchKeyRow:
        """A branch or index key under what the KMS wraps with now. Raises SealBroken."""
        return rewrap_institution_key(self._kms, kek, row)

    def opens(self, kek: KekName, row: BranchKeyRow) -> bool:
        """Whether the KMS gives back a branch or index key."""
        return institution_key_opens(self._kms, kek, row)
