"""Derivation, index tokens, fingerprints and commitments."""

import hashlib
import hmac
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sealing.conftest import BANK, Keys
from vault.kms import KekMissing, LocalFileKms, create_local_keks
from vault.records.index_terms import IndexKind
from vault.records.likeness import Likeness
from vault.sealing import IndexKey, InstitutionKeysMissing, KeyRing, commitment
from vault.sealing.derive import derive

MATERIAL = bytes(range(32))

# RFC 5869, appendix A.1 to A.3 (HKDF with SHA-256): IKM, salt, info, OKM.
RFC_5869 = [
    (
        "0b" * 22,
        "000102030405060708090a0b0c",
        "f0f1f2f3f4f5f6f7f8f9",
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    ),
    (
        bytes(range(0x50)).hex(),
        bytes(range(0x60, 0xB0)).hex(),
        bytes(range(0xB0, 0x100)).hex(),
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c6"
        "5e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
    ),
    (
        "0b" * 22,
        "",
        "",
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    ),
]


@pytest.mark.parametrize("vector", RFC_5869, ids=["A.1", "A.2", "A.3"])
def test_the_derivation_is_hkdf_as_published(vector: tuple[str, str, str, str]) -> None:
    ikm, salt, info, okm = (bytes.fromhex(part) for part in vector)
    assert derive(ikm, info, salt=salt, length=len(okm)) == okm


def test_no_salt_is_the_empty_salt() -> None:
    ikm, okm = bytes.fromhex(RFC_5869[2][0]), bytes.fromhex(RFC_5869[2][3])
    assert derive(ikm, b"", length=len(okm)) == okm


def new_key(material: bytes = MATERIAL) -> IndexKey:
    return IndexKey(BANK, 1, bytearray(material))


def test_a_token_is_the_hmac_that_its_description_says() -> None:
    """Worked out again from RFC 5869 and RFC 2104, so that tokens in a database stay valid."""
    prk = hmac.digest(bytes(32), MATERIAL, "sha256")
    for kind in IndexKind:
        info = b"recordsvault/index/v1/token/" + kind.value.encode()
        use = hmac.digest(prk, info + b"\x01", "sha256")
        expected = hmac.digest(use, b"13800138000", "sha256")[:16]
        assert new_key().token(kind, "13800138000") == expected


@given(one=st.text(min_size=1), other=st.text(min_size=1))
def test_tokens_are_equal_just_when_the_values_are(one: str, other: str) -> None:
    key = new_key()
    tokens = key.token(IndexKind.NAME, one), key.token(IndexKind.NAME, other)
    assert (tokens[0] == tokens[1]) == (one == other)
    assert {len(token) for token in tokens} == {16}


def test_the_same_text_has_another_token_in_every_kind() -> None:
    assert len({new_key().token(kind, "6222021234567890") for kind in IndexKind}) == len(IndexKind)


def test_two_institutions_have_different_tokens_for_one_value(keys: Keys, ring: KeyRing) -> None:
    ring.open_institution("bank-two")
    tokens = {
        ring.index_key(bank).token(IndexKind.IDENTITY, "11010519491231002X")
        for bank in (BANK, "bank-two")
    }
    assert len(tokens) == 2


def test_a_token_is_no_plain_hash_and_depends_on_the_key() -> None:
    value = "11010519491231002X"
    token = new_key().token(IndexKind.IDENTITY, value)
    assert token != hashlib.sha256(value.encode()).digest()[:16]
    assert token != new_key(bytes(32)).token(IndexKind.IDENTITY, value)


def test_an_empty_value_has_no_token() -> None:
    with pytest.raises(ValueError, match="empty term"):
        new_key().token(IndexKind.PHONE, "")


def test_a_fingerprint_is_of_32_bytes_keyed_and_not_a_token() -> None:
    key = new_key()
    assert key.fingerprint(b"body") == new_key().fingerprint(b"body")
    assert len(key.fingerprint(b"body")) == 32
    assert key.fingerprint(b"body") != key.fingerprint(b"body ")
    assert key.fingerprint(b"body") != new_key(bytes(32)).fingerprint(b"body")
    tokens = [key.token(kind, "body") for kind in IndexKind]
    assert key.fingerprint(b"body")[:16] not in tokens
    assert key.fingerprint(b"body") != hashlib.sha256(b"body").digest()


def test_what_customers_have_in_common_stands_for_it_in_one_callers_eyes() -> None:
    key = new_key()
    mine = key.common(Likeness.SURNAME, "欧阳", "demo-bank/person/p-1")
    assert len(mine) == 16
    assert mine == new_key().common(Likeness.SURNAME, "欧阳", "demo-bank/person/p-1")
    others = {
        key.common(Likeness.SURNAME, "欧阳", "demo-bank/person/p-2"),
        key.common(Likeness.SURNAME, "司马", "demo-bank/person/p-1"),
        key.common(Likeness.STREET, "欧阳", "demo-bank/person/p-1"),
        new_key(bytes(32)).common(Likeness.SURNAME, "欧阳", "demo-bank/person/p-1"),
        # The boundary between caller and value does not move.
        key.common(Likeness.SURNAME, "1欧阳", "demo-bank/person/p-"),
        *(key.token(kind, "欧阳") for kind in IndexKind),
        key.fingerprint("欧阳".encode())[:16],
    }
    assert mine not in others
    assert len(others) == 5 + len(IndexKind) + 1
    with pytest.raises(ValueError, match="nothing in common"):
        key.common(Likeness.STREET, "", "demo-bank/person/p-1")


def test_a_common_value_is_the_hmac_that_its_description_says() -> None:
    prk = hmac.digest(bytes(32), MATERIAL, "sha256")
    for kind in Likeness:
        info = b"recordsvault/index/v1/common/" + kind.value.encode()
        use = hmac.digest(prk, info + b"\x01", "sha256")
        framed = b"\0\0\0\x02me" + b"\0\0\0\x05smith"
        expected = hmac.digest(use, framed, "sha256")[:16]
        assert new_key().common(kind, "smith", "me") == expected


def test_using_an_index_key_does_not_change_it() -> None:
    key = new_key()
    first = [key.token(IndexKind.NAME, "李小龙"), key.fingerprint(b"x")]
    assert [key.token(IndexKind.NAME, "李小龙"), key.fingerprint(b"x")] == first


def test_an_index_key_shows_no_key_and_wipes_nothing_of_its_owners() -> None:
    material = bytearray(MATERIAL)
    key = IndexKey(BANK, 1, material)
    assert repr(key) == "<IndexKey of bank-one, version 1>"
    assert material == MATERIAL


def test_all_nodes_have_one_index_key(keys: Keys, ring: KeyRing) -> None:
    other = keys.new_ring()
    assert ring.index_key(BANK).token(IndexKind.NAME, "x") == other.index_key(BANK).token(
        IndexKind.NAME, "x"
    )


def test_the_index_key_is_peeked_at_only_once_it_is_held(keys: Keys, ring: KeyRing) -> None:
    assert ring.peek_index_key(BANK) is None
    held = ring.index_key(BANK)
    assert ring.peek_index_key(BANK) is held
    keys.clock.turn(keys.limits.branch_key_ttl)
    assert ring.peek_index_key(BANK) is None


def test_an_institution_that_was_never_opened_has_no_index_key(ring: KeyRing) -> None:
    with pytest.raises(InstitutionKeysMissing):
        ring.index_key("bank-nine")


def test_a_node_without_the_index_kek_has_no_index_key(keys: Keys, ring: KeyRing) -> None:
    directory = keys.directory.parent / "masked-node"
    create_local_keks(directory, [])
    (directory / "masked.kek").write_bytes((keys.directory / "masked.kek").read_bytes())
    (directory / "masked.kek").chmod(0o600)
    node = KeyRing(LocalFileKms(directory), keys.store, frozenset())
    with pytest.raises(KekMissing):
        node.index_key(BANK)


def test_a_commitment_is_checked_with_text_and_salt_alone() -> None:
    salt = os.urandom(32)
    made = commitment("客户本人申请", salt)
    assert made == commitment("客户本人申请", salt)
    assert len(made) == 32
    assert made != commitment("客户本人申请 ", salt)
    assert made != commitment("客户本人申请", os.urandom(32))


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64, 65])
def test_a_commitment_takes_a_salt_of_its_full_length_only(length: int) -> None:
    with pytest.raises(ValueError, match="salt"):
        commitment("text", bytes(length))
