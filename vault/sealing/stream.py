"""Sealed streams: content of any length, sealed and opened in bounded memory, any range readable.

The construction is C2SP chunked-encryption (https://c2sp.org/chunked-encryption), with the suite's
AEAD and its hash (docs/decisions/0013-streams-are-c2sp-chunked-encryption.md):

    salt (24) | commitment (32) | chunk 0 | chunk 1 | ... | last chunk

Key, base nonce and commitment are derived from the caller's key, the salt and the context. A chunk
holds 16 KiB of plaintext and a tag; its nonce is the base nonce XOR its number. Only the last chunk
is shorter, and it is always there, if need be empty: so it marks the end, and a stream that was
cut, lengthened, put in another order, or mixed with another does not open to its end.

Everything that is given out is authenticated at its place. That nothing is missing behind it is
known only once the last chunk has opened: whoever needs the whole reads to the end before use.

There is no way to go on with a stream that was broken off: chunks sealed twice under one nonce with
different contents would tell both. It is sealed anew, under another salt.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.constant_time import bytes_eq

from vault.kms.keybytes import wipe
from vault.sealing.derive import expand
from vault.sealing.errors import SealBroken
from vault.sealing.suites import NONCE_BYTES, TAG_BYTES, Buffer, KeyBytes, Suite

CHUNK_BYTES: Final = 16 * 1024
_SALT_BYTES: Final = 24
_COMMITMENT_BYTES: Final = 32
HEADER_BYTES: Final = _SALT_BYTES + _COMMITMENT_BYTES
_SEALED_CHUNK_BYTES: Final = CHUNK_BYTES + TAG_BYTES
_MAX_CHUNKS: Final = 1 << 38
_LABEL: Final = b"c2sp.org/chunked-encryption@v1+"
# A range is read in portions of 1 MiB: a store that is far away is asked once in 64 chunks.
_CHUNKS_A_READ: Final = 64


def seal(suite: Suite, key: KeyBytes, context: bytes, chunks: Iterable[Buffer]) -> Iterator[bytes]:
    """Seal what `chunks` give, in pieces of any size: the header, then each sealed chunk.

    `key` is uniformly random and as long as the suite says; `context` is what the stream belongs
    to, and must be given again to open it. Raises ValueError for a key of another length, and
    for more than 4 PiB.
    """
    salt = os.urandom(_SALT_BYTES)
    return _sealed(_Message(suite, key, context, salt), salt, chunks)


class StreamSealer:
    """As `seal`, for who is given the plaintext rather than asks for it: `header`, what `update`
    returns, and what `finish` returns make the stream. Raises as `seal` does."""

    __slots__ = ("_held", "_message", "_number", "header")

    def __init__(self, suite: Suite, key: KeyBytes, context: bytes) -> None:
        salt = os.urandom(_SALT_BYTES)
        self._message = _Message(suite, key, context, salt)
        self.header = salt + self._message.commitment
        self._held: Buffer = b""
        self._number = 0

    def update(self, data: Buffer) -> bytes:
        """The chunks that `data` makes full, sealed; perhaps none."""
        *full, self._held = _pieces((self._held, data), CHUNK_BYTES, CHUNK_BYTES)
        sealed = [self._message.seal(n, chunk) for n, chunk in enumerate(full, self._number)]
        self._number += len(full)
        return b"".join(sealed)

    def finish(self) -> bytes:
        """The last chunk."""
        return self._message.seal(self._number, self._held)


def open_(suite: Suite, key: KeyBytes, context: bytes, sealed: Iterable[Buffer]) -> Iterator[bytes]:
    """The plaintext of a stream, chunk by chunk, each once it has been authenticated.

    `sealed` comes in pieces of any size; the header is taken from it at once, so that the key may
    be wiped then. Raises SealBroken for a header of another key or context, at the first chunk
    that is not what was sealed there, and at the end if the last chunk is missing. Raises
    ValueError for a key of another length.
    """
    pieces = _pieces(sealed, HEADER_BYTES, _SEALED_CHUNK_BYTES)
    return _opened(_message_of(suite, key, context, next(pieces)), pieces)


def open_range(
    suite: Suite,
    key: KeyBytes,
    context: bytes,
    sealed_size: int,
    read: Callable[[int, int], Buffer],
    offset: int,
    size: int,
) -> Iterator[bytes]:
    """`size` bytes of plaintext from `offset` on; of the sealed bytes only those chunks are read.

    `read(offset, size)` gives exactly that part of the sealed bytes, whose number is `sealed_size`.
    That number is proved right by the last chunk alone, which is opened, though it may be empty,
    whenever the range reaches the end. Raises SealBroken as `open_` does, also for a `sealed_size`
    that no stream has, and ValueError for a range that is not within the plaintext.
    """
    whole = plain_size(suite, sealed_size)
    if offset < 0 or size < 0 or offset + size > whole:
        raise ValueError("the range is not within what is sealed")
    message = _message_of(suite, key, context, read(0, HEADER_BYTES))
    return _range_opened(message, sealed_size, read, offset, offset + size)


def sealed_size(suite: Suite, plain_size: int) -> int:
    """How many bytes `seal` makes of so many. Raises ValueError for what cannot be sealed."""
    _require_tags(suite)
    chunks = plain_size // CHUNK_BYTES + 1
    if plain_size < 0 or chunks > _MAX_CHUNKS:
        raise ValueError("no stream is that long")
    return HEADER_BYTES + plain_size + chunks * TAG_BYTES


def plain_size(suite: Suite, sealed_size: int) -> int:
    """How many bytes were sealed in so many. Raises SealBroken where no stream is that long."""
    _require_tags(suite)
    full, last = divmod(sealed_size - HEADER_BYTES, _SEALED_CHUNK_BYTES)
    if sealed_size < HEADER_BYTES or last < TAG_BYTES or full >= _MAX_CHUNKS:
        raise SealBroken
    return full * CHUNK_BYTES + last - TAG_BYTES


class _Message:
    """One stream's cipher, base nonce and commitment, from the caller's key, salt and context."""

    __slots__ = ("_base", "_cipher", "commitment")

    def __init__(self, suite: Suite, key: KeyBytes, context: bytes, salt: bytes) -> None:
        _require_key(suite, key)
        end = suite.key_bytes + NONCE_BYTES
        info = b"".join((_LABEL, suite.aead.encode(), b"\0", salt, context))
        derived = expand(key, info, end + _COMMITMENT_BYTES, suite.hash)
        try:
            with memoryview(derived) as view, view[: suite.key_bytes] as own:
                self._cipher = suite.cipher(own)
            self._base = int.from_bytes(derived[suite.key_bytes : end], "big")
            self.commitment = bytes(derived[end:])
        finally:
            wipe(derived)

    def seal(self, number: int, chunk: Buffer) -> bytes:
        if number >= _MAX_CHUNKS:
            raise ValueError("no stream is that long")
        return self._cipher.encrypt(self._nonce(number), chunk, None)

    def open(self, number: int, sealed: Buffer) -> bytes:
        # A stream that ends with a full chunk has lost its end, and what is shorter than a tag is
        # no chunk.
        if len(sealed) < TAG_BYTES or number >= _MAX_CHUNKS:
            raise SealBroken
        try:
            return self._cipher.decrypt(self._nonce(number), sealed, None)
        except InvalidTag:
            raise SealBroken from None

    def _nonce(self, number: int) -> bytes:
        return (self._base ^ number).to_bytes(NONCE_BYTES, "big")


def _message_of(suite: Suite, key: KeyBytes, context: bytes, header: Buffer) -> _Message:
    """The message of that header, once it has shown to be of this key and context."""
    if len(header) != HEADER_BYTES:
        raise SealBroken
    message = _Message(suite, key, context, bytes(header[:_SALT_BYTES]))
    if not bytes_eq(message.commitment, bytes(header[_SALT_BYTES:])):
        raise SealBroken
    return message


def _sealed(message: _Message, salt: bytes, chunks: Iterable[Buffer]) -> Iterator[bytes]:
    yield salt + message.commitment
    for number, chunk in enumerate(_pieces(chunks, CHUNK_BYTES, CHUNK_BYTES)):
        yield message.seal(number, chunk)


def _opened(message: _Message, pieces: Iterator[Buffer]) -> Iterator[bytes]:
    for number, piece in enumerate(pieces):
        plain = message.open(number, piece)
        if plain:
            yield plain


def _range_opened(
    message: _Message, sealed_size: int, read: Callable[[int, int], Buffer], start: int, end: int
) -> Iterator[bytes]:
    last = (sealed_size - HEADER_BYTES) // _SEALED_CHUNK_BYTES
    reaches_end = end == last * CHUNK_BYTES + _last_plain(sealed_size)
    stop = last + 1 if reaches_end else -(-end // CHUNK_BYTES)
    if start == end and not reaches_end:
        return
    for first in range(start // CHUNK_BYTES, stop, _CHUNKS_A_READ):
        at = HEADER_BYTES + first * _SEALED_CHUNK_BYTES
        until = min(first + _CHUNKS_A_READ, stop)
        portion = min(HEADER_BYTES + until * _SEALED_CHUNK_BYTES, sealed_size) - at
        sealed = memoryview(read(at, portion))
        if len(sealed) != portion:
            raise SealBroken
        for number in range(first, until):
            place = (number - first) * _SEALED_CHUNK_BYTES
            plain = message.open(number, sealed[place : place + _SEALED_CHUNK_BYTES])
            begins = number * CHUNK_BYTES
            wanted = plain[max(start - begins, 0) : end - begins]
            if wanted:
                yield wanted


def _last_plain(sealed_size: int) -> int:
    return (sealed_size - HEADER_BYTES) % _SEALED_CHUNK_BYTES - TAG_BYTES


def _pieces(data: Iterable[Buffer], first: int, then: int) -> Iterator[Buffer]:
    """`data` cut anew: `first` bytes, then pieces of `then`, and the rest, which is always there
    and always shorter, if need be empty. What comes in whole pieces is not copied.
    """
    wanted = first
    held = bytearray()
    for part in data:
        view, at = memoryview(part), 0
        if held:
            at = wanted - len(held)
            held += view[:at]
            if len(held) < wanted:
                continue
            yield held
            held, wanted = bytearray(), then
        while len(view) - at >= wanted:
            yield view[at : at + wanted]
            at, wanted = at + wanted, then
        held += view[at:]
    yield held


def _require_tags(suite: Suite) -> None:
    # Where each chunk lies, and which is the last, is reckoned with these lengths.
    if suite.overhead != NONCE_BYTES + TAG_BYTES:
        raise ValueError(f"{suite.name} has no tags of {TAG_BYTES} bytes")


def _require_key(suite: Suite, key: KeyBytes) -> None:
    if len(key) != suite.key_bytes:
        raise ValueError(f"a stream of {suite.name} takes a key of {suite.key_bytes} bytes")
