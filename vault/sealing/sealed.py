"""Sealed records and sealed masked views: the two formats that stand in the database.

    full     1 | suite id | file key id (16) | wrapped data key | nonce | ciphertext | tag
    masked   2 | suite id | file key id (16) | nonce | ciphertext | tag

A full record is sealed under a data key of its own, made for this one message and wrapped under the
scope's file key; a masked view directly under the masked file key. What is sealed is of the suite
that the institution has now; what is opened, of the suite that its header names. Lengths are those
of the suite (wrapped data key: 60 bytes with suite 1, 44 with suite 2; nonce 12, tag 16).
Associated data is everything that stands before, followed by the context, so that every byte is
authenticated; a wrapped data key's has a mark of its own in between, so that it can never pass for
a sealed text, nor a text for a key.
"""

import os
from typing import NoReturn

from vault.kms.keybytes import wipe
from vault.sealing.context import SealContext
from vault.sealing.errors import SealBroken
from vault.sealing.hierarchy import FileKey, FullFileKey, MaskedFileKey
from vault.sealing.suites import Aead, Suite, suite_by_id

HEADER_BYTES = 18
_DATA_KEY = b"data-key|"


def seal_full(key: FullFileKey, plaintext: bytes, ctx: SealContext) -> bytes:
    """Seal a full record version. Raises ValueError if `key` is another customer's.

    Another customer's key would seal well, and then be shredded with the wrong file.
    """
    _require(key, FullFileKey, ctx)
    place = ctx.aad()
    suite = key.suite
    data_key = os.urandom(suite.key_bytes)
    header = key.header + key.aead.seal(data_key, key.header + _DATA_KEY + place)
    return header + suite.keyed(data_key).seal(plaintext, header + place)


def open_full(key: FullFileKey, sealed: bytes, ctx: SealContext) -> bytes:
    """What `seal_full` sealed under this key, for this place. Raises SealBroken, UnknownSuite."""
    suite, aead = _opening(key, sealed)
    place = ctx.aad()
    end = HEADER_BYTES + suite.key_bytes + suite.overhead
    wrapped, header = sealed[HEADER_BYTES:end], sealed[:HEADER_BYTES]
    data_key = aead.open_key(wrapped, header + _DATA_KEY + place)
    try:
        return suite.keyed(data_key).open(sealed[end:], sealed[:end] + place)
    finally:
        wipe(data_key)


def disclose(key: FullFileKey, sealed: bytes, ctx: SealContext) -> bytes:
    """The data key of one sealed record: whoever has it opens this one message and no other, and
    can show that this plaintext stood in this row. Raises SealBroken, UnknownSuite."""
    suite, aead = _opening(key, sealed)
    end = HEADER_BYTES + suite.key_bytes + suite.overhead
    header = sealed[:HEADER_BYTES]
    return bytes(aead.open_key(sealed[HEADER_BYTES:end], header + _DATA_KEY + ctx.aad()))


def open_disclosed(data_key: bytes, sealed: bytes, place: bytes) -> bytes:
    """What a full record holds, by the key that `disclose` gave of it; `place` is the associated
    data of its context. Raises SealBroken, UnknownSuite."""
    suite = suite_of(sealed)
    end = HEADER_BYTES + suite.key_bytes + suite.overhead
    if len(data_key) != suite.key_bytes:
        raise SealBroken
    return suite.keyed(data_key).open(sealed[end:], sealed[:end] + place)


def seal_masked(key: MaskedFileKey, plaintext: bytes, ctx: SealContext) -> bytes:
    """Seal a masked view. Raises ValueError if `key` is another customer's."""
    _require(key, MaskedFileKey, ctx)
    header = key.header
    return header + key.aead.seal(plaintext, header + ctx.aad())


def open_masked(key: MaskedFileKey, sealed: bytes, ctx: SealContext) -> bytes:
    """What `seal_masked` sealed under this key, for this place. Raises SealBroken, UnknownSuite."""
    _, aead = _opening(key, sealed)
    return aead.open(sealed[HEADER_BYTES:], sealed[:HEADER_BYTES] + ctx.aad())


def suite_of(sealed: bytes) -> Suite:
    """The suite that a full record or masked view says it was sealed with. Raises UnknownSuite,
    and SealBroken for what is too short to say."""
    if len(sealed) < HEADER_BYTES:
        raise SealBroken
    return suite_by_id(sealed[1])


def _opening(key: FileKey, sealed: bytes) -> tuple[Suite, Aead]:
    """What opens it: whatever suite it was sealed with, it was under this key."""
    if sealed.startswith(key.header):
        return key.suite, key.aead
    other = key.others.get(sealed[:HEADER_BYTES])
    if other is None:
        _refuse(sealed, key)
    return other


def _require(key: FileKey, kind: type[FileKey], ctx: SealContext) -> None:
    # The types say so already; but a full record under a masked key would be every masked node's.
    if type(key) is not kind:
        raise TypeError(f"sealing takes a {kind.__name__}")
    ref = key.ref
    if ref.customer != ctx.customer or ref.institution != ctx.institution:
        raise ValueError("the file key belongs to another customer")


def _refuse(sealed: bytes, key: FileKey) -> NoReturn:
    if len(sealed) >= HEADER_BYTES and sealed[0] == key.format_byte:
        suite_by_id(sealed[1])
    raise SealBroken
