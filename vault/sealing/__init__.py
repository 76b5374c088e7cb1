"""Envelope encryption: what is stored is sealed here, and only here is it opened.

In come plaintext bytes and the place where they will stand (SealContext), with the file key of the
customer's scope from the KeyRing; out go bytes that open at that place, under that key, and nowhere
else. Blind-index tokens and request fingerprints come from the IndexKey, commitments to free texts
from `commitment`. Content of any length goes through `stream`, chunk by chunk.

There are two key branches, with a type of file key each: FullFileKey for records, MaskedFileKey for
their masked views. A node that was given only the masked branch has no way to the other.

This room never stores a key or a plaintext, and never says why something did not open. Keys leave
memory when their time is over; what cannot be sealed raises, and nothing goes on unsealed.
"""

from vault.sealing import stream
from vault.sealing.blind import COMMITMENT_SALT_BYTES, TOKEN_BYTES, IndexKey, commitment
from vault.sealing.context import SealContext
from vault.sealing.errors import (
    BranchNotHeld,
    InstitutionKeysMissing,
    ScopeShredded,
    SealBroken,
    SealingError,
    UnknownSuite,
)
from vault.sealing.hierarchy import FileKey, FullFileKey, MaskedFileKey
from vault.sealing.keyring import ALL_BRANCHES, KeyRing, KeyRingLimits
from vault.sealing.ports import Clock, KeyStorePort, SystemClock
from vault.sealing.sealed import (
    disclose,
    open_disclosed,
    open_full,
    open_masked,
    seal_full,
    seal_masked,
    suite_of,
)
from vault.sealing.suites import AES_256_GCM, SM4_GCM, SUITES, Suite, suite_by_id

__all__ = [
    "AES_256_GCM",
    "ALL_BRANCHES",
    "COMMITMENT_SALT_BYTES",
    "SM4_GCM",
    "SUITES",
    "TOKEN_BYTES",
    "BranchNotHeld",
    "Clock",
    "FileKey",
    "FullFileKey",
    "IndexKey",
    "InstitutionKeysMissing",
    "KeyRing",
    "KeyRingLimits",
    "KeyStorePort",
    "MaskedFileKey",
    "ScopeShredded",
    "SealBroken",
    "SealContext",
    "SealingError",
    "Suite",
    "SystemClock",
    "UnknownSuite",
    "commitment",
    "disclose",
    "open_disclosed",
    "open_full",
    "open_masked",
    "seal_full",
    "seal_masked",
    "stream",
    "suite_by_id",
    "suite_of",
]
