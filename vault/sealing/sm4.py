"""SM4-GCM with the calls of `cryptography`'s AESGCM, which that library does not offer for SM4.

SM4 is GB/T 32907-2016; its GCM, with nonces of 12 bytes and tags of 16, is RFC 8998, section 3.1.
"""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.ciphers.modes import GCM

from vault.kms.keybytes import wipe

KEY_BYTES: Final = 16
_TAG_BYTES: Final = 16

Buffer = bytes | bytearray | memoryview


class Sm4Gcm:
    """A key, and sealing and opening under nonces that the caller chooses, each once.

    A context is made for each message, so that the key is kept beside them, in memory of its own
    that is overwritten when the last reference is dropped.
    """

    __slots__ = ("_algorithm", "_key")

    def __init__(self, key: Buffer) -> None:
        self._key = bytearray(key)
        # It takes any buffer, and keeps this one rather than a copy.
        self._algorithm = SM4(self._key)  # type: ignore[arg-type]

    def __del__(self) -> None:
        wipe(self._key)

    def __reduce__(self) -> str:
        raise TypeError("a cipher is never copied or serialised")

    def encrypt(self, nonce: Buffer, data: Buffer, associated_data: Buffer | None) -> bytes:
        """Ciphertext and tag."""
        context = Cipher(self._algorithm, GCM(bytes(nonce))).encryptor()
        if associated_data:
            context.authenticate_additional_data(associated_data)
        return b"".join((context.update(data), context.finalize(), context.tag))

    def decrypt(self, nonce: Buffer, data: Buffer, associated_data: Buffer | None) -> bytes:
        """The plaintext. Raises InvalidTag, and gives out nothing then."""
        plain = bytearray(max(len(data) - _TAG_BYTES, 0))
        self.decrypt_into(nonce, data, associated_data, plain)
        return bytes(plain)

    def decrypt_into(
        self, nonce: Buffer, data: Buffer, associated_data: Buffer | None, buf: bytearray
    ) -> int:
        """As `decrypt`, into `buf` of exactly the plaintext's length, which is returned.

        `buf` holds zeros after InvalidTag.
        """
        if len(data) < _TAG_BYTES:
            raise InvalidTag
        context = Cipher(self._algorithm, GCM(bytes(nonce))).decryptor()
        if associated_data:
            context.authenticate_additional_data(associated_data)
        view = memoryview(data)
        size = context.update_into(view[:-_TAG_BYTES], buf)
        try:
            context.finalize_with_tag(bytes(view[-_TAG_BYTES:]))
        except InvalidTag:
            wipe(buf)
            raise
        return size
