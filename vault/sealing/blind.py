"""Blind indexes: finding records by a keyed hash of a value, never by the value.

Whoever holds an institution's index key can enumerate identity and phone numbers against its
tokens, so only the full tier holds one.
"""

import hmac

from vault.kms.keybytes import framed, wipe
from vault.records.index_terms import IndexKind
from vault.records.likeness import Likeness
from vault.sealing.derive import derive

TOKEN_BYTES = 16
COMMITMENT_SALT_BYTES = 32

_DOMAIN = b"recordsvault/index/v1/"


class IndexKey:
    """An institution's index key, spread into one HMAC-SHA-256 key a use. Made by the key ring.

    The keys live in OpenSSL's contexts only, which clear their memory when they are freed.
    """

    __slots__ = ("_commons", "_fingerprints", "_tokens", "institution", "version")

    def __init__(self, institution: str, version: int, material: bytearray) -> None:
        self.institution = institution
        self.version = version
        self._tokens = {kind: _mac(material, b"token/" + kind.value.encode()) for kind in IndexKind}
        self._commons = {
            kind: _mac(material, b"common/" + kind.value.encode()) for kind in Likeness
        }
        self._fingerprints = _mac(material, b"fingerprint")

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
        return mac.digest()[:TOKEN_BYTES]

    def common(self, kind: Likeness, normalised: str, seen_by: str) -> bytes:
        """16 bytes that stand for what several customers have in common, in the eyes of one caller.

        No search token is like it, and what another caller has seen cannot be joined with it.
        Raises ValueError for an empty value, which is nothing in common.
        """
        if not normalised:
            raise ValueError("an empty value is nothing in common")
        mac = self._commons[kind].copy()
        mac.update(framed(seen_by.encode(), normalised.encode()))
        return mac.digest()[:TOKEN_BYTES]

    def fingerprint(self, data: bytes) -> bytes:
        """32 bytes by which a request is known again, and from which it cannot be guessed."""
        mac = self._fingerprints.copy()
        mac.update(data)
        return mac.digest()


def commitment(text: str, salt: bytes) -> bytes:
    """32 bytes that commit to a free text without telling it; `salt` is kept sealed with the text.

    Anyone who is shown text and salt can check it, so no key is needed. Raises ValueError unless
    `salt` is 32 bytes: HMAC pads a shorter key, and two salts would then give one commitment.
    """
    if len(salt) != COMMITMENT_SALT_BYTES:
        raise ValueError(f"a commitment's salt is {COMMITMENT_SALT_BYTES} bytes")
    return hmac.digest(salt, framed(b"recordsvault/commitment/v1", text.encode()), "sha256")


def _mac(material: bytearray, use: bytes) -> hmac.HMAC:
    key = derive(material, _DOMAIN + use)
    try:
        return hmac.new(key, digestmod="sha256")
    finally:
        wipe(key)
