"""The AEAD wrapper against published vectors, good and bad.

Sources:
- NIST: D. McGrew, J. Viega, "The Galois/Counter Mode of Operation (GCM)", submission to NIST,
  appendix B, test cases 13 to 16 (AES-256, 96-bit IV). A specification's published values.
- Wycheproof: github.com/C2SP/wycheproof, testvectors_v1/aes_gcm_test.json, the group with 256-bit
  keys, 96-bit IVs and 128-bit tags, by tcId. Apache License 2.0.
"""

import copy
import os
import pickle
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.sealing import SealBroken, UnknownSuite
from vault.sealing.suites import AES_256_GCM, SM4_GCM, suite_by_id

NIST_KEY = "feffe9928665731c6d6a8f9467308308" * 2
NIST_TEXT = (
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"
)
NIST_CIPHERTEXT = (
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
)

# (name, key, iv, aad, message, ciphertext, tag)
VALID = [
    ("nist-13", "00" * 32, "00" * 12, "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"),
    (
        "nist-14",
        "00" * 32,
        "00" * 12,
        "",
        "00" * 16,
        "cea7403d4d606b6e074ec5d3baf39d18",
        "d0d1c8a799996bf0265b98b5d48ab919",
    ),
    (
        "nist-15",
        NIST_KEY,
        "cafebabefacedbaddecaf888",
        "",
        NIST_TEXT,
        NIST_CIPHERTEXT,
        "b094dac5d93471bdec1a502270e3cc6c",
    ),
    (
        "nist-16",
        NIST_KEY,
        "cafebabefacedbaddecaf888",
        "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        NIST_TEXT[:120],
        NIST_CIPHERTEXT[:120],
        "76fc6ece0f4e1768cddf8853bb2d551b",
    ),
    (
        "wycheproof-116",
        "0f112e59cdccd851c3b8e76c9f05a3b7c2e4feca5846afeb351c1cbcace82f04",
        "7147973339d86789a2c9a958",
        "37128be45f0a7f329546e1492c3c9c2d2534d5b1f5147e49ab91221e7c3edea2"
        "1bbe47bfe3619437ce3c61e6e946c504f348296918219e51bf2c5598589cff",
        "102e5804dda1fb5d656077edb15cadb5d0bdee8c",
        "618ac626ae0e8d06c2fd2fb66be253dc26ed6e38",
        "d8d93ff975cb988f09174dcd439cb6a4",
    ),
    (
        "wycheproof-117",
        "2ce6b4c15f85fb2da5cc6c269491eef281980309181249ebf2832bd6d0732d0b",
        "c064fae9173b173fd6f11f34",
        "498d3075b09fed998280583d61bb36b6ce41f130063b80824d1586e143d349b1"
        "26b16aa10fe57343ed223d6364ee602257fe313a7fc9bf9088f027795b8dc1d3",
        "f8a27a4baf00dc0555d222f2fa4fb42dc666ea3c",
        "aed58d8a252f740dba4bf6d36773bd5b41234bba",
        "01f93d7456aa184ebb49bea472b6d65d",
    ),
    (
        "wycheproof-118",
        "52350da5a572911ee0e0fcedb115af6f4570fbf9c74a11bc184444d6a621d60f",
        "d68ad045c1b9c2923cf5404c",
        "03a94b3841292d9bbf72f413c09167c54ee10537c049afe2bbcec43b18f3890b"
        "2fcdd3bb31e6d709274e199c0c4648eb3d8b38e0c1bf7f309443bef6937cde4123",
        "4e6e6dad2c16cfc6e7cac03636a4a6d88bd6a13e",
        "c7764411be13cfeaaece761bd3bb13552f088048",
        "bcc2544e79f34ea1076a12b76441d6fa",
    ),
]

# Wycheproof "ModifiedTag": one key, IV, message and ciphertext; the tag is what differs. The tag
# that is right is the one of which 134 flips bit 31 and 138 bit 64.
MODIFIED_KEY = bytes(range(32))
MODIFIED_IV = "505152535455565758595a5b"
MODIFIED_TEXT = bytes(range(0x20, 0x30))
MODIFIED_CIPHERTEXT = "b2061457c0759fc1749f174ee1ccadfa"
RIGHT_TAG = "9ce8fef6d8ab1bf1bf887232eab590dd"
MODIFIED_TAGS = {
    133: "9ce9fef6d8ab1bf1bf887232eab590dd",
    134: "9ce8fe76d8ab1bf1bf887232eab590dd",
    135: "9ce8fef6d9ab1bf1bf887232eab590dd",
    136: "9ce8fef6daab1bf1bf887232eab590dd",
    137: "9ce8fef6d8ab1b71bf887232eab590dd",
    138: "9ce8fef6d8ab1bf1be887232eab590dd",
    139: "9ce8fef6d8ab1bf13f887232eab590dd",
    140: "9ce8fef6d8ab1bf1bfa87232eab590dd",
    141: "9ce8fef6d8ab1bf1bf887332eab590dd",
    142: "9ce8fef6d8ab1bf1bf887232ebb590dd",
    143: "9ce8fef6d8ab1bf1bf887232e8b590dd",
    144: "9ce8fef6d8ab1bf1bf8872326ab590dd",
    145: "9ce8fef6d8ab1bf1bf887232eab590dc",
    146: "9ce8fef6d8ab1bf1bf887232eab590df",
    147: "9ce8fef6d8ab1bf1bf887232eab5909d",
    148: "9ce8fef6d8ab1bf1bf887232eab5905d",
    149: "9de8fef6d8ab1bf1be887232eab590dd",
    150: "9ce8fe76d8ab1b71bf887232eab590dd",
    151: "9ce8fef6d8ab1b71bf887232eab5905d",
    152: "631701092754e40e40778dcd154a6f22",
    153: "00" * 16,
    154: "ff" * 16,
    155: "1c687e76582b9b713f08f2b26a35105d",
    156: "9de9fff7d9aa1af0be897333ebb491dc",
}


@pytest.mark.parametrize("vector", VALID, ids=[vector[0] for vector in VALID])
def test_a_published_vector_seals_and_opens(
    vector: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    key, iv, aad, message, ciphertext, tag = (bytes.fromhex(part) for part in vector[1:])
    aead = AES_256_GCM.keyed(key)
    assert aead.open(iv + ciphertext + tag, aad) == message
    assert aead.open_key(iv + ciphertext + tag, aad) == message
    with monkeypatch.context() as fixed:
        fixed.setattr("vault.sealing.suites.os.urandom", lambda length: iv[:length])
        assert aead.seal(message, aad) == iv + ciphertext + tag


@pytest.mark.parametrize("vector", VALID, ids=[vector[0] for vector in VALID])
def test_a_published_vector_does_not_open_once_anything_is_changed(vector: tuple[str, ...]) -> None:
    key, iv, aad, message, ciphertext, tag = (bytes.fromhex(part) for part in vector[1:])
    sealed = iv + ciphertext + tag
    assert len(sealed) == len(message) + AES_256_GCM.overhead
    aead = AES_256_GCM.keyed(key)
    for bit in range(len(sealed) * 8):
        refused(aead, flip(sealed, bit), aad)
    for bit in range(len(aad) * 8):
        refused(aead, sealed, flip(aad, bit))
    refused(aead, sealed, aad + b"\0")
    for length in range(len(sealed)):
        refused(aead, sealed[:length], aad)
    refused(aead, sealed + b"\0", aad)
    for bit in range(256):
        refused(AES_256_GCM.keyed(flip(key, bit)), sealed, aad)


def test_the_wycheproof_message_opens_with_its_right_tag() -> None:
    aead = AES_256_GCM.keyed(MODIFIED_KEY)
    sealed = bytes.fromhex(MODIFIED_IV + MODIFIED_CIPHERTEXT + RIGHT_TAG)
    assert aead.open(sealed, b"") == MODIFIED_TEXT


@pytest.mark.parametrize("tc_id", MODIFIED_TAGS)
def test_a_wycheproof_modified_tag_does_not_open(tc_id: int) -> None:
    aead = AES_256_GCM.keyed(MODIFIED_KEY)
    refused(aead, bytes.fromhex(MODIFIED_IV + MODIFIED_CIPHERTEXT + MODIFIED_TAGS[tc_id]), b"")


@given(key=st.binary(min_size=32, max_size=32), text=st.binary(), aad=st.binary())
def test_what_is_sealed_opens_and_is_longer_by_the_overhead(
    key: bytes, text: bytes, aad: bytes
) -> None:
    sealed = AES_256_GCM.keyed(key).seal(text, aad)
    assert AES_256_GCM.keyed(key).open(sealed, aad) == text
    assert len(sealed) == len(text) + AES_256_GCM.overhead


def test_a_nonce_is_not_used_twice() -> None:
    aead = AES_256_GCM.keyed(os.urandom(32))
    assert len({aead.seal(b"", b"")[:12] for _ in range(10_000)}) == 10_000


@pytest.mark.parametrize("length", [0, 16, 24, 31, 33, 64])
def test_a_key_of_another_length_makes_no_shorter_cipher(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        AES_256_GCM.keyed(bytes(length))


def test_a_cipher_keeps_working_after_the_key_it_was_given_is_wiped() -> None:
    key = bytearray(os.urandom(32))
    sealed = AES_256_GCM.keyed(key).seal(b"text", b"")
    aead = AES_256_GCM.keyed(key)
    key[:] = bytes(32)
    assert aead.open(sealed, b"") == b"text"
    refused(AES_256_GCM.keyed(key), sealed, b"")


@pytest.mark.parametrize("take", [copy.deepcopy, pickle.dumps])
def test_a_cipher_cannot_be_copied_or_serialised(take: Callable[[object], object]) -> None:
    with pytest.raises(TypeError):
        take(AES_256_GCM.keyed(bytes(32)))


def test_a_suite_is_found_by_its_id_and_no_other_is() -> None:
    assert suite_by_id(1) is AES_256_GCM
    assert suite_by_id(2) is SM4_GCM
    for unknown in (0, *range(3, 256)):
        with pytest.raises(UnknownSuite):
            suite_by_id(unknown)


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
