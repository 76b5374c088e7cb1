"""The keys between the KEK and the data, one type each, and the only ways to make them.

A branch key's bytes are its suite's id followed by the key itself: it wraps with one suite for
life. A file key is 32 bytes, whatever the suite: the first suite takes them as they are, if the
key was made for it; otherwise each suite has a key of its own, derived from them with the suite's
hash. So an institution that changes its suite opens what it sealed before under the same file key.
Key bytes pass through wipeable memory for the moment between unwrapping and handing them to the
cipher; after that only the cipher holds them. Dropping the last reference to a key is what wipes
it: so a cache can let go of a key that another thread is just using, and no key is ever used half
wiped.

Branch keys are wrapped by the KMS, file keys under their branch key with the scope, the key's id
and the branch key's version as associated data: a wrapped key moved to another customer, scope or
branch does not open.
"""

import hmac
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import ClassVar, Final, NoReturn

from vault.kms import KekName, Kms, UnwrapRefused, WrappedKey
from vault.kms.keybytes import framed, random_key, wipe
from vault.records.scopes import Branch, ScopeRef
from vault.sealing.blind import IndexKey, fingerprint_key
from vault.sealing.derive import derive
from vault.sealing.errors import SealBroken
from vault.sealing.suites import AES_256_GCM, SUITES, Aead, Suite, suite_by_id
from vault.store.keystore import BranchKeyRow, FileKeyRow

KEY_ID_BYTES: Final = 16
FILE_KEY_BYTES: Final = 32
INDEX_KEY_BYTES: Final = 32
_CARRYING_BYTES: Final = 2 * (1 + INDEX_KEY_BYTES)

# Held by this module alone, so that a key type is proof of where its key came from.
_MINT: Final = object()


class _Key:
    __slots__ = ("aead", "suite")
    suite: Suite
    aead: Aead

    def __init__(self, mint: object) -> None:
        if mint is not _MINT:
            raise TypeError(f"{type(self).__name__} is made by the key ring only")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is never copied or serialised")


class BranchKey(_Key):
    """An institution's key of one branch; it wraps file keys."""

    __slots__ = ("branch", "institution", "key_id", "version")

    def __init__(
        self, mint: object, branch: Branch, row: BranchKeyRow, material: bytearray
    ) -> None:
        super().__init__(mint)
        self.suite, self.aead = _keyed(material)
        self.branch = branch
        self.institution = row.institution
        self.version = row.version
        self.key_id = row.key_id

    def __repr__(self) -> str:
        return f"<BranchKey {self.branch.value} of {self.institution}, version {self.version}>"


class _FileKey(_Key):
    """`header` is how every value that is sealed under this key now begins: format, suite id, key
    id. `others` is how values begin that other suites have sealed under it, and what opens them.
    """

    __slots__ = ("header", "key_id", "others", "ref")
    format_byte: ClassVar[int]

    def __init__(
        self,
        mint: object,
        ref: ScopeRef,
        key_id: bytes,
        material: bytearray,
        suite: Suite = AES_256_GCM,
    ) -> None:
        super().__init__(mint)
        self.ref = ref
        self.key_id = key_id
        aeads = _file_key_aeads(material)
        self.suite, self.aead = suite, aeads.pop(suite)
        self.header = self._header_of(suite)
        self.others = {self._header_of(other): (other, aead) for other, aead in aeads.items()}

    def _header_of(self, suite: Suite) -> bytes:
        return bytes((self.format_byte, suite.suite_id)) + self.key_id

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.key_id.hex()}>"


class FullFileKey(_FileKey):
    """A scope's key in the full branch; it wraps data keys."""

    __slots__ = ()
    format_byte = 1


class MaskedFileKey(_FileKey):
    """A scope's key in the masked branch; it seals masked views."""

    __slots__ = ()
    format_byte = 2


FileKey = FullFileKey | MaskedFileKey

_FILE_KEY_TYPES: Final[dict[Branch, type[FullFileKey] | type[MaskedFileKey]]] = {
    Branch.FULL: FullFileKey,
    Branch.MASKED: MaskedFileKey,
}
KEKS: Final = {Branch.FULL: KekName.FULL, Branch.MASKED: KekName.MASKED}


def new_branch_key(
    kms: Kms,
    branch: Branch,
    institution: str,
    version: int,
    created_at: int,
    suite: Suite = AES_256_GCM,
) -> BranchKeyRow:
    """A fresh branch key of that suite, wrapped. Raises KmsError, nothing being kept then."""
    material = _new_material(suite)
    context = _branch_context(branch, institution, version)
    return _wrapped_row(kms, KEKS[branch], material, context, (institution, version, created_at))


def open_branch_key(kms: Kms, branch: Branch, row: BranchKeyRow) -> BranchKey:
    """Raises KmsError, or SealBroken if the KMS gave back what is no key."""
    wrapped = WrappedKey(KEKS[branch], row.kek_version, row.wrapped)
    context = _branch_context(branch, row.institution, row.version)
    return BranchKey(_MINT, branch, row, kms.unwrap(wrapped, context))


def new_index_key(
    kms: Kms, institution: str, version: int, created_at: int, suite: Suite = AES_256_GCM
) -> BranchKeyRow:
    """A fresh index key of that suite, wrapped. Raises KmsError, nothing being kept then."""
    material = random_key(_index_key_bytes(suite))
    if suite is not AES_256_GCM:
        material[0] = suite.suite_id
    context = _index_context(institution, version)
    return _wrapped_row(kms, KekName.INDEX, material, context, (institution, version, created_at))


def next_index_key(
    kms: Kms, before: BranchKeyRow, version: int, created_at: int, suite: Suite = AES_256_GCM
) -> BranchKeyRow:
    """A fresh index key to follow another one of the institution, wrapped.

    It takes over the key of fingerprints: suite id, key, suite id of the fingerprints, their key.
    Raises KmsError, SealBroken, nothing being kept then.
    """
    institution = before.institution
    with _index_material(kms, before) as (own, of, carried):
        key, carried_suite = (fingerprint_key(own, of), of) if carried is None else carried
        material = bytearray((suite.suite_id,))
        material += random_key(INDEX_KEY_BYTES)
        material.append(carried_suite.suite_id)
        material += key
        wipe(key)
    context = _index_context(institution, version)
    return _wrapped_row(kms, KekName.INDEX, material, context, (institution, version, created_at))


def open_index_key(kms: Kms, row: BranchKeyRow) -> IndexKey:
    """Raises KmsError, or SealBroken if the KMS gave back what is no key."""
    with _index_material(kms, row) as (own, suite, carried):
        return IndexKey(row.institution, row.version, own, suite, carried)


@contextmanager
def _index_material(
    kms: Kms, row: BranchKeyRow
) -> Iterator[tuple[bytearray, Suite, tuple[bytearray, Suite] | None]]:
    """An index key, its suite, and what it has taken over; wiped at the end."""
    wrapped = WrappedKey(KekName.INDEX, row.kek_version, row.wrapped)
    material = kms.unwrap(wrapped, _index_context(row.institution, row.version))
    parts: list[bytearray] = []
    try:
        if len(material) == _CARRYING_BYTES:
            half = _CARRYING_BYTES // 2
            parts = [material[1:half], material[half + 1 :]]
            suite, of = suite_by_id(material[0]), suite_by_id(material[half])
            yield parts[0], suite, (parts[1], of)
            return
        if len(material) < INDEX_KEY_BYTES:
            raise SealBroken
        suite = AES_256_GCM if len(material) == INDEX_KEY_BYTES else suite_by_id(material[0])
        if len(material) != _index_key_bytes(suite):
            raise SealBroken
        parts = [material[-INDEX_KEY_BYTES:]]
        yield parts[0], suite, None
    finally:
        for part in (*parts, material):
            wipe(part)


def new_file_key(branch_key: BranchKey, ref: ScopeRef, created_at: int) -> FileKeyRow:
    """A fresh file key of the branch key's own branch, made for its suite, wrapped under it."""
    key_id = os.urandom(KEY_ID_BYTES)
    material = random_key(1 + FILE_KEY_BYTES)
    material[0] = branch_key.suite.suite_id
    wrapped = branch_key.aead.seal(material, _file_key_aad(branch_key, ref, key_id))
    wipe(material)
    return FileKeyRow(
        ref.institution,
        ref.customer,
        ref.scope,
        key_id,
        branch_key.version,
        wrapped,
        created_at,
        branch_key.key_id,
    )


def rewrap_file_key(before: BranchKey, after: BranchKey, row: FileKeyRow) -> FileKeyRow:
    """The same file key, wrapped under another version of its branch key.

    What was wrapped is opened again and compared: a scope is never left with a key that does not
    open. Raises SealBroken for a row that does not open under `before`.
    """
    material = before.aead.open_key(row.wrapped, _file_key_aad(before, row.ref, row.key_id))
    try:
        aad = _file_key_aad(after, row.ref, row.key_id)
        wrapped = after.aead.seal(material, aad)
        back = after.aead.open_key(wrapped, aad)
        same = hmac.compare_digest(back, material)
        wipe(back)
        if not same:
            raise SealBroken
    finally:
        wipe(material)
    return replace(
        row, branch_key_version=after.version, branch_key_id=after.key_id, wrapped=wrapped
    )


def rewrap_institution_key(kms: Kms, kek: KekName, row: BranchKeyRow) -> BranchKeyRow:
    """The same branch or index key, wrapped under what the KMS wraps with now.

    Raises KmsError, or SealBroken if the KMS does not give back what it was given.
    """
    context = _context_of(kek, row)
    material = kms.unwrap(WrappedKey(kek, row.kek_version, row.wrapped), context)
    named = (row.institution, row.version, row.created_at)
    return replace(_wrapped_row(kms, kek, material, context, named), key_id=row.key_id)


def institution_key_opens(kms: Kms, kek: KekName, row: BranchKeyRow) -> bool:
    """Whether the KMS gives the key back. Raises KmsError but for what it refuses."""
    try:
        wipe(kms.unwrap(WrappedKey(kek, row.kek_version, row.wrapped), _context_of(kek, row)))
    except UnwrapRefused:
        return False
    return True


def open_file_key(
    branch_key: BranchKey, ref: ScopeRef, row: FileKeyRow, suite: Suite = AES_256_GCM
) -> FileKey:
    """The file key of `ref`, which is what was asked for, whatever the row says of itself.

    It seals with `suite`, and opens what any suite has sealed under it. Raises SealBroken.
    """
    aad = _file_key_aad(branch_key, ref, row.key_id)
    make = _FILE_KEY_TYPES[branch_key.branch]
    return make(_MINT, ref, row.key_id, branch_key.aead.open_key(row.wrapped, aad), suite)


def _index_key_bytes(suite: Suite) -> int:
    # There were index keys of the first suite before there was another: they have no id in front.
    return INDEX_KEY_BYTES if suite is AES_256_GCM else 1 + INDEX_KEY_BYTES


def _new_material(suite: Suite) -> bytearray:
    material = random_key(1 + suite.key_bytes)
    material[0] = suite.suite_id
    return material


def _keyed(material: bytearray) -> tuple[Suite, Aead]:
    try:
        if not material:
            raise SealBroken
        suite = suite_by_id(material[0])
        if len(material) != 1 + suite.key_bytes:
            raise SealBroken
        with memoryview(material) as view, view[1:] as key:
            return suite, suite.keyed(key)
    finally:
        wipe(material)


def _file_key_aeads(material: bytearray) -> dict[Suite, Aead]:
    try:
        if len(material) != 1 + FILE_KEY_BYTES:
            raise SealBroken
        made_for = suite_by_id(material[0])
        aeads = {}
        with memoryview(material) as view, view[1:] as key:
            for suite in SUITES:
                if suite is made_for is AES_256_GCM:
                    # As before there was another suite, so that what was sealed then opens.
                    aeads[suite] = suite.keyed(key)
                    continue
                info = b"recordsvault/file-key/v1/" + suite.aead.encode()
                own = derive(key, info, length=suite.key_bytes, digest=suite.hash)
                aeads[suite] = suite.keyed(own)
                wipe(own)
        return aeads
    finally:
        wipe(material)


def _wrapped_row(
    kms: Kms, kek: KekName, material: bytearray, context: bytes, named: tuple[str, int, int]
) -> BranchKeyRow:
    institution, version, created_at = named
    try:
        wrapped = kms.wrap(kek, material, context)
        # Everything of the institution will hang on this key: what the KMS cannot give back now
        # must not be stored.
        back = kms.unwrap(wrapped, context)
        if back != material:
            raise SealBroken
        wipe(back)
    finally:
        wipe(material)
    key_id = os.urandom(KEY_ID_BYTES)
    return BranchKeyRow(institution, version, wrapped.kek_version, wrapped.blob, created_at, key_id)


def _context_of(kek: KekName, row: BranchKeyRow) -> bytes:
    for branch, its in KEKS.items():
        if its is kek:
            return _branch_context(branch, row.institution, row.version)
    return _index_context(row.institution, row.version)


def _branch_context(branch: Branch, institution: str, version: int) -> bytes:
    parts = (branch.value.encode(), institution.encode(), str(version).encode())
    return framed(b"recordsvault/branch-key/v1", *parts)


def _index_context(institution: str, version: int) -> bytes:
    return framed(b"recordsvault/index-key/v1", institution.encode(), str(version).encode())


def _file_key_aad(branch_key: BranchKey, ref: ScopeRef, key_id: bytes) -> bytes:
    return framed(
        b"recordsvault/file-key/v1",
        branch_key.branch.value.encode(),
        str(branch_key.version).encode(),
        ref.institution.encode(),
        ref.customer.encode(),
        ref.scope.encode(),
        key_id,
    )
