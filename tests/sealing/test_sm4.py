"""The second suite, SM4-GCM with SM3, against published vectors, good and bad.

Sources:
- GB/T 32907-2016 (SM4), appendix A, examples 1 and 2.
- GB/T 32905-2016 (SM3), appendix A, examples 1 and 2.
- RFC 8998, appendix A.1 (SM4-GCM).
- Wycheproof: github.com/C2SP/wycheproof, testvectors_v1/sm4_gcm_test.json (group of 96-bit IVs)
  and hmac_sm3_test.json (group of 256-bit keys and tags), by tcId. Apache License 2.0.

What no standard gives vectors for, HKDF with SM3, is held against another implementation
(tests/interop/test_streams.py).
"""

import copy
import os
import pickle
from collections.abc import Callable

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.hashes import SM3, Hash
from hypothesis import given
from hypothesis import strategies as st

from vault.records.index_terms import IndexKind
from vault.records.likeness import Likeness
from vault.sealing import AES_256_GCM, SM4_GCM, IndexKey, SealBroken
from vault.sealing.derive import derive
from vault.sealing.sm4 import Sm4Gcm

GBT_32907_KEY = "0123456789abcdeffedcba9876543210"
ZEROS = "00" * 12

# (name, key, iv, aad, message, ciphertext, tag)
VALID = [
    (
        "rfc8998-A.1",
        GBT_32907_KEY,
        "00001234567800000000abcd",
        "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"
        "eeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa",
        "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
        "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d",
        "83de3541e4c2b58177e065a9bf7b62ec",
    ),
    (
        "wycheproof-2",
        "bedcfb5a011ebc84600fcb296c15af0d",
        "438a547a94ea88dce46c6c85",
        "",
        "",
        "",
        "a486a45596cb92cf529de2038583707d",
    ),
    (
        "wycheproof-5",
        "dd6197cd63c963919cf0c273ef6b28bf",
        "ecb0c42f7000ef0e6f95f24d",
        "",
        "4dcc1485365866e25ac3f2ca6aba97",
        "8903a5225332b06e89bc1ad13e4406",
        "41feccc33a5a27fab0883a11e4ba3b71",
    ),
    (
        "wycheproof-13",
        "bb571c160132b0c8d5d190d0bc356ddc",
        "2596c440cf0232950ec66bc4",
        "",
        "053be1b6190a717fc74c879e6fd62dc44628495507e50d662271dee795a4ad26"
        "e0c4f86cb6b20ac6bd9d682d2d8a05c9dad875a6911b49ea0af4f17c97a5f2",
        "d02d6f100875eb876a1218e2282c7af496f9737e3653057074e28221b310d31a"
        "bb705c01c03133171615e19b658edb9cf7bcfd37c5ff3ff53d88f854b7ff01",
        "9cc97f0b5ed2f18cb703f9f791fb77b5",
    ),
    (
        "wycheproof-27",
        "f64d1bc47b081afb21181bdc16ffbcca",
        "2c03293704f79612181609d3",
        "a883d23e25a62b492f1271d3d79b8689dde7250a0575b8175a6b69d48d1b4bc2"
        "df1b4dc4a2b1eb506bc0e8c11e7dc2f3d08b475214551df7c53e581ec55c0d0a2d",
        "85b24904bf12ced33d78df7437b36fff83d1e817",
        "9492109f394275211c07739d01ab6335cd61134f",
        "f89ee2a739e6f78d2d27e9645cb26dcd",
    ),
    (
        "wycheproof-37",
        "00112233445566778899aabbccddeeff",
        ZEROS,
        "",
        "5d5078da12857e409e1f3ae19cfc8a3a",
        "70b0c110177e873599d05676fcde10ed",
        "ff" * 16,
    ),
    (
        "wycheproof-38",
        "00112233445566778899aabbccddeeff",
        "ff" * 12,
        "",
        "f3937d8216ab17e05ffb8b490a001a1c",
        "362c07b231c4525edc14db3319f19f19",
        "00" * 16,
    ),
]
# tcId 39: "flipped bit 0 in tag".
MODIFIED = (bytes(range(16)), "505152535455565758595a5b", "2610dc674b46c13dd4e2406d0c0873c4")
MODIFIED_TAG = "517976811555a04bb20921a3d81edae4"

# Wycheproof hmac_sm3_test.json: (tcId, key, message, tag)
HMAC_SM3 = [
    (
        1,
        "1e225cafb90339bba1b24076d4206c3e79c355805d851682bc818baa4f5a7779",
        "",
        "f9938b1b2515117f25dcd636c9a6a0e7f00bccaf5347e0e0df435cfca736cfc1",
    ),
    (
        2,
        "8159fd15133cd964c9a6964c94f0ea269a806fd9f43f0da58b6cd1b33d189b2a",
        "77",
        "51aaf64843b6d2fc7a244ab9cda9b7b57164ce6a865f9808c01931b46195411d",
    ),
    (
        17,
        "6fa353868c82e5deeedac7f09471a61bf749ab5498239e947e012eee3c82d7c4",
        "aeed3e4d4cb9bbb60d482e98c126c0f5",
        "d92d6e7f3f9d0158602c327f075e27226c8591f3a667d768a25e4a6dd491b754",
    ),
    (
        22,
        "8e540cb30c94836ae2a5950f355d482a7002e255207e94fda3f7ef1a099013a0",
        "d6500f95e11262e308bf3df4df4b855f33e857563d4543f195639a0a17b442eb"
        "9fdcc1367d2eee75c8f805730b89290f",
        "ffa61dc4752eae1456bf6658b83950d6514888cf48931ddf1c93fda166b7261b",
    ),
]


def test_the_block_cipher_is_sm4_as_published() -> None:
    key = bytes.fromhex(GBT_32907_KEY)
    block = Cipher(SM4(key), ECB()).encryptor()
    assert block.update(key).hex() == "681edf34d206965e86b3e94f536e4246"


def test_a_million_rounds_of_the_block_cipher_end_as_published() -> None:
    key = text = bytes.fromhex(GBT_32907_KEY)
    block = Cipher(SM4(key), ECB()).encryptor()
    for _ in range(1_000_000):
        text = block.update(text)
    assert text.hex() == "595298c7c6fd271f0402f804c33d3f66"


def test_the_suite_s_hash_is_sm3_as_published() -> None:
    for text, digest in (
        (b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        (b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
    ):
        hashing = Hash(SM4_GCM.hash())
        hashing.update(text)
        assert hashing.finalize().hex() == digest


@pytest.mark.parametrize("vector", VALID, ids=[vector[0] for vector in VALID])
def test_a_published_vector_seals_and_opens(
    vector: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    key, iv, aad, message, ciphertext, tag = (bytes.fromhex(part) for part in vector[1:])
    aead = SM4_GCM.keyed(key)
    assert aead.open(iv + ciphertext + tag, aad) == message
    assert aead.open_key(iv + ciphertext + tag, aad) == message
    assert len(iv + ciphertext + tag) == len(message) + SM4_GCM.overhead
    with monkeypatch.context() as fixed:
        fixed.setattr("vault.sealing.suites.os.urandom", lambda length: iv[:length])
        assert aead.seal(message, aad) == iv + ciphertext + tag


@pytest.mark.parametrize("vector", VALID, ids=[vector[0] for vector in VALID])
def test_a_published_vector_does_not_open_once_anything_is_changed(vector: tuple[str, ...]) -> None:
    key, iv, aad, _message, ciphertext, tag = (bytes.fromhex(part) for part in vector[1:])
    sealed = iv + ciphertext + tag
    aead = SM4_GCM.keyed(key)
    for bit in range(len(sealed) * 8):
        refused(aead, flip(sealed, bit), aad)
    for bit in range(len(aad) * 8):
        refused(aead, sealed, flip(aad, bit))
    refused(aead, sealed, aad + b"\0")
    for length in range(len(sealed)):
        refused(aead, sealed[:length], aad)
    refused(aead, sealed + b"\0", aad)
    for bit in range(len(key) * 8):
        refused(SM4_GCM.keyed(flip(key, bit)), sealed, aad)


def test_the_wycheproof_modified_tag_does_not_open_and_its_right_tag_does() -> None:
    key, iv, ciphertext = MODIFIED
    head = bytes.fromhex(iv + ciphertext)
    tag = bytes.fromhex(MODIFIED_TAG)
    refused(SM4_GCM.keyed(key), head + tag, b"")
    assert SM4_GCM.keyed(key).open(head + flip(tag, 0), b"") == bytes(range(0x20, 0x30))


@given(key=st.binary(min_size=16, max_size=16), text=st.binary(), aad=st.binary())
def test_what_is_sealed_opens(key: bytes, text: bytes, aad: bytes) -> None:
    sealed = SM4_GCM.keyed(key).seal(text, aad)
    assert SM4_GCM.keyed(key).open(sealed, aad) == text


@pytest.mark.parametrize("length", [0, 15, 17, 32])
def test_a_key_of_another_length_makes_no_cipher(length: int) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        SM4_GCM.keyed(bytes(length))
    with pytest.raises(ValueError, match="16 bytes"):
        SM4_GCM.cipher(bytes(length))


def test_a_cipher_keeps_working_after_the_key_it_was_given_is_wiped() -> None:
    key = bytearray(os.urandom(16))
    aead = SM4_GCM.keyed(key)
    sealed = aead.seal(b"text", b"")
    key[:] = bytes(16)
    assert aead.open(sealed, b"") == b"text"
    refused(SM4_GCM.keyed(key), sealed, b"")


def test_the_key_is_overwritten_when_the_cipher_is_dropped() -> None:
    cipher = Sm4Gcm(b"k" * 16)
    own = cipher._key
    assert own == b"k" * 16
    del cipher
    assert own == bytes(16)


@pytest.mark.parametrize("take", [copy.deepcopy, pickle.dumps])
def test_a_cipher_cannot_be_copied_or_serialised(take: Callable[[object], object]) -> None:
    with pytest.raises(TypeError):
        take(SM4_GCM.keyed(bytes(16)))
    with pytest.raises(TypeError):
        take(SM4_GCM.cipher(bytes(16)))


def test_what_does_not_open_leaves_no_plaintext_behind() -> None:
    cipher = SM4_GCM.cipher(bytes(16))
    sealed = cipher.encrypt(bytes(12), b"plaintext", b"")
    out = bytearray(9)
    with pytest.raises(InvalidTag):
        cipher.decrypt_into(bytes(12), flip(sealed, 0), b"", out)
    assert out == bytes(9)


# -- what is derived and looked up with SM3 ----------------------------------------------------


@pytest.mark.parametrize("vector", HMAC_SM3, ids=[str(vector[0]) for vector in HMAC_SM3])
def test_hmac_with_sm3_is_as_published(vector: tuple[int, str, str, str]) -> None:
    key, message, tag = (bytes.fromhex(part) for part in vector[1:])
    assert sm3_hmac(key, message) == tag


def test_a_token_is_hmac_sm3_under_a_key_that_hkdf_sm3_gives() -> None:
    """Worked out again from RFC 5869 and RFC 2104, so that tokens in a database stay valid."""
    material = bytes(range(32))
    prk = sm3_hmac(bytes(32), material)
    key = IndexKey("bank-one", 1, bytearray(material), SM4_GCM)
    for kind in IndexKind:
        info = b"recordsvault/index/v1/token/" + kind.value.encode()
        use = sm3_hmac(prk, info + b"\x01")
        assert key.token(kind, "13800138000") == sm3_hmac(use, b"13800138000")[:16]


def test_the_suites_have_no_token_or_fingerprint_in_common() -> None:
    material = bytes(range(32))
    one = IndexKey("bank-one", 1, bytearray(material), AES_256_GCM)
    other = IndexKey("bank-one", 1, bytearray(material), SM4_GCM)
    for kind in IndexKind:
        assert one.token(kind, "13800138000") != other.token(kind, "13800138000")
    for likeness in Likeness:
        assert one.common(likeness, "x", "me") != other.common(likeness, "x", "me")
    assert one.fingerprint(b"request") != other.fingerprint(b"request")
    assert derive(material, b"use") != derive(material, b"use", digest=SM4_GCM.hash)


def sm3_hmac(key: bytes, message: bytes) -> bytes:
    """HMAC (RFC 2104) over the library's SM3, by hand."""
    key = key.ljust(64, b"\0")

    def sm3(data: bytes) -> bytes:
        hashing = Hash(SM3())
        hashing.update(data)
        return hashing.finalize()

    inner = sm3(bytes(byte ^ 0x36 for byte in key) + message)
    return sm3(bytes(byte ^ 0x5C for byte in key) + inner)


def refused(aead: object, sealed: bytes, aad: bytes) -> None:
    """Neither way of opening gives anything, and both say the same."""
    for name in ("open", "open_key"):
        with pytest.raises(SealBroken) as caught:
            getattr(aead, name)(sealed, aad)
        assert str(caught.value) == "sealed bytes do not open here"


def flip(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)
