"""Blind indexes: finding records by a keyed hash of a value, never by the value.

Whoever holds an institution's index key can enumerate identity and phone numbers against its
tokens, so only the full tier holds one.
"""

import hmac

from cryptography.hazmat.primitives.hmac import HMAC

from vault.kms.keybytes import framed, wipe
from vault.records.index_terms import IndexKind
from vault.records.likeness import Likeness
from vault.sealing.derive import derive
from vault.sealing.suites import AES_256_GCM, Suite

TOKEN_BYTES = 16
COMMITMENT_SALT_BYTES = 32

_DOMAIN = b"recordsvault/index/v1/"


class IndexKey:
    """An institution's index key, spread into one HMAC key a use. Made by the key ring.

    The hash is the suite's: HMAC-SHA-256, or HMAC-SM3. The keys live in OpenSSL's contexts only,
    which clear their memory when they are freed.

    `carried` is the key of fingerprints, and its suite, where an earlier version has handed it on:
    what stands in the log can never be made anew under another.
    """

    __slots__ = ("_commons", "_fingerprints", "_tokens", "institution", "suite", "version")

    def __init__(
        self,
        institution: str,
        version: int,
        material: bytearray,
        suite: Suite = AES_256_GCM,
        carried: tuple[bytearray, Suite] | None = None,
    ) -> None:
        self.institution = institution
        self.version = version
        self.suite = suite

        def mac(use: str) -> HMAC:
            return _mac(suite, material, use.encode())

        self._tokens = {kind: mac(f"token/{kind.value}") for kind in IndexKind}
        self._commons = {kind: mac(f"common/{kind.value}") for kind in Likeness}
        if carried is None:
            carried = fingerprint_key(material, suite), suite
        key, of = carried
        self._fingerprints = HMAC(key, of.hash())
        wipe(key)

    def __repr__(self) -> str:
        return f"<IndexKey of {self.institution}, version {self.version}>"

    def token(self, kind: IndexKind, normalised: str) -> bytes:
        """16 bytes that stand for a value already brought to its one spelling.

        Raises ValueError for an empty value, which would find every record that has none.
        """
        if not normalised:
            raise ValueError("an empty term is no index term")
        mac = self._tokens[kind].copy()
        mac.update(normalised.encode())
        return mac.finalize()[:TOKEN_BYTES]

    def common(self, kind: Likeness, normalised: str, seen_by: str) -> bytes:
        """16 bytes that stand for what several customers have in common, in the eyes of one caller.

        No search token is like it, and what another caller has seen cannot be joined with it.
        Raises ValueError for an empty value, which is nothing in common.
        """
        if not normalised:
            raise ValueError("an empty value is nothing in common")
        mac = self._commons[kind].copy()
        mac.update(framed(seen_by.encode(), normalised.encode()))
        return mac.finalize()[:TOKEN_BYTES]

    def fingerprint(self, data: bytes) -> bytes:
        """32 bytes by which a request is known again, and from which it cannot be guessed."""
        mac = self._fingerprints.copy()
        mac.update(data)
        return mac.finalize()


def commitment(text: str, salt: bytes) -> bytes:
    """32 bytes that commit to a free text without telling it; `salt` is kept sealed with the text.

    Anyone who is shown text and salt can check it, so no key is needed. Raises ValueError unless
    `salt` is 32 bytes: HMAC pads a shorter key, and two salts would then give one commitment.
    """
    if len(salt) != COMMITMENT_SALT_BYTES:
        raise ValueError(f"a commitment's salt is {COMMITMENT_SALT_BYTES} bytes")
    return hmac.digest(salt, framed(b"recordsvault/commitment/v1", text.encode()), "sha256")


def fingerprint_key(material: bytearray, suite: Suite) -> bytearray:
    """The key of fingerprints of a first version of an index key; the caller wipes it."""
    return derive(material, _DOMAIN + b"fingerprint", digest=suite.hash)


def _mac(suite: Suite, material: bytearray, use: bytes) -> HMAC:
    key = derive(material, _DOMAIN + use, digest=suite.hash)
    try:
        return HMAC(key, suite.hash())
    finally:
        wipe(key)
