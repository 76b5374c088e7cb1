"""The construction against published vectors, and against another implementation of it.

Both are of Cobblestone-256, the instance of C2SP chunked-encryption with AES-256-GCM and SHA-512.
Our suites differ from it in the hash, so that is put in its place here, and everything else is what
seals our streams (docs/decisions/0013-streams-are-c2sp-chunked-encryption.md).

Source: github.com/C2SP/wycheproof, testvectors_v1/c2sp_chunked_encryption_aes_256_gcm_test.json, by
tcId, applied as its doc/c2sp_chunked_encryption.md says. Apache License 2.0.
"""

import hashlib
import json
import os
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.hazmat.primitives.hashes import SHA512

from vault.sealing import AES_256_GCM, SealBroken, stream
from vault.sealing.stream import CHUNK_BYTES

COBBLESTONE = replace(AES_256_GCM, hash=SHA512)
_FILE = Path(__file__).parent / "vectors" / "wycheproof_cobblestone_256.json"
VECTORS: list[dict[str, Any]] = json.loads(_FILE.read_text())["tests"]
vectors = pytest.mark.parametrize("vector", VECTORS, ids=[str(one["tcId"]) for one in VECTORS])


def parts_of(vector: dict[str, Any]) -> tuple[bytes, bytes, bytes]:
    key, context, compressed = (bytes.fromhex(vector[name]) for name in ("key", "ctx", "ct"))
    return key, context, zlib.decompress(compressed)


@vectors
@pytest.mark.parametrize("piece", [1_000, 1 << 20])
def test_a_published_stream_opens_to_its_honest_part_and_ends_as_it_should(
    vector: dict[str, Any], piece: int
) -> None:
    key, context, sealed = parts_of(vector)
    out = bytearray()
    pieces = (sealed[at : at + piece] for at in range(0, len(sealed), piece))
    try:
        for chunk in stream.open_(COBBLESTONE, key, context, pieces):
            out += chunk
        result = "valid"
    except SealBroken:
        result = "invalid"
    assert result == vector["result"]
    assert len(out) == vector["msgLength"]
    assert hashlib.sha512(out).hexdigest() == vector["msgSha512"]


@vectors
def test_a_published_stream_opens_by_ranges_if_it_is_valid_and_proves_its_length(
    vector: dict[str, Any],
) -> None:
    key, context, sealed = parts_of(vector)

    def range_of(offset: int, size: int) -> bytes:
        def read(at: int, count: int) -> bytes:
            return sealed[at : at + count]

        parts = stream.open_range(COBBLESTONE, key, context, len(sealed), read, offset, size)
        return b"".join(parts)

    if vector["result"] == "valid":
        whole = range_of(0, vector["msgLength"])
        assert hashlib.sha512(whole).hexdigest() == vector["msgSha512"]
        assert range_of(vector["msgLength"], 0) == b""
        return
    with pytest.raises(SealBroken):
        range_of(0, stream.plain_size(COBBLESTONE, len(sealed)))
    if "ValidFinalChunk" not in vector["flags"]:
        with pytest.raises(SealBroken):
            range_of(stream.plain_size(COBBLESTONE, len(sealed)), 0)


@vectors
def test_a_published_message_is_sealed_to_the_published_bytes(
    vector: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    if vector["result"] != "valid":
        return
    key, context, sealed = parts_of(vector)
    plain = b"".join(stream.open_(COBBLESTONE, key, context, [sealed]))
    monkeypatch.setattr("vault.sealing.stream.os.urandom", lambda size: sealed[:size])
    assert b"".join(stream.seal(COBBLESTONE, key, context, [plain])) == sealed


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, 3 * CHUNK_BYTES + 7])
@pytest.mark.parametrize("context", [b"", b"context"], ids=["no context", "context"])
def test_another_implementation_opens_what_we_seal_and_seals_what_we_open(
    size: int, context: bytes
) -> None:
    key, plain = os.urandom(32), os.urandom(size)
    ours = b"".join(stream.seal(COBBLESTONE, key, context, [plain]))
    decryptor = Cobblestone256Decryptor(key, context)
    assert decryptor.update(ours) + decryptor.finalize() == plain
    encryptor = Cobblestone256Encryptor(key, context)
    theirs = encryptor.update(plain) + encryptor.finalize()
    assert b"".join(stream.open_(COBBLESTONE, key, context, [theirs])) == plain


def test_a_stream_of_our_own_suite_is_no_cobblestone_stream() -> None:
    """SHA-256 takes the place of SHA-512: the commitment tells the one from the other."""
    key = os.urandom(32)
    sealed = b"".join(stream.seal(AES_256_GCM, key, b"", [b"content"]))
    with pytest.raises(SealBroken):
        list(stream.open_(COBBLESTONE, key, b"", [sealed]))
