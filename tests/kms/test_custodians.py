"""Recovery custodians: their file is strict, their keys are theirs, and HPKE is RFC 9180's, which
is written down here a second time to hold the library against."""

import base64
import hashlib
import hmac
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vault.kms import KeyFileRefused
from vault.kms.custodians import (
    HPKE,
    Custodian,
    Custodians,
    CustodiansInvalid,
    ShareRefused,
    _info,
    make_custodian_key,
    open_share,
    read_custodian_key,
    read_custodians,
    seal_share,
)

WORDS = "academic acid " * 16 + "acid"
KEYS = {name: X25519PrivateKey.generate() for name in ("alice", "bo")}


def public(key: X25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


ALICE, BO = (Custodian(name, public(key)) for name, key in KEYS.items())


# -- HPKE ------------------------------------------------------------------------------------


def extract(salt: bytes, key: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), key, "sha256")


def expand(key: bytes, info: bytes, length: int) -> bytes:
    out, block, number = b"", b"", 1
    while len(out) < length:
        block = hmac.digest(key, block + info + bytes([number]), "sha256")
        out, number = out + block, number + 1
    return out[:length]


class Rfc9180:
    """Base mode, single-shot, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, as section 4 to 6 say it."""

    def __init__(self, aead: int, key_bytes: int) -> None:
        self.key_bytes = key_bytes
        self.suite = b"HPKE" + b"".join(n.to_bytes(2, "big") for n in (0x20, 1, aead))
        self.kem = b"KEM" + (0x20).to_bytes(2, "big")

    @staticmethod
    def labelled_extract(suite: bytes, salt: bytes, label: bytes, key: bytes) -> bytes:
        return extract(salt, b"HPKE-v1" + suite + label + key)

    @staticmethod
    def labelled_expand(suite: bytes, key: bytes, label: bytes, info: bytes, length: int) -> bytes:
        return expand(key, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info, length)

    def shared(self, private: X25519PrivateKey, enc: bytes) -> bytes:
        dh = private.exchange(X25519PublicKey.from_public_bytes(enc))
        prk = self.labelled_extract(self.kem, b"", b"eae_prk", dh)
        context = enc + public(private)
        return self.labelled_expand(self.kem, prk, b"shared_secret", context, 32)

    def key_and_nonce(self, shared: bytes, info: bytes) -> tuple[bytes, bytes]:
        psk_id = self.labelled_extract(self.suite, b"", b"psk_id_hash", b"")
        info_hash = self.labelled_extract(self.suite, b"", b"info_hash", info)
        context = b"\0" + psk_id + info_hash
        secret = self.labelled_extract(self.suite, shared, b"secret", b"")
        key = self.labelled_expand(self.suite, secret, b"key", context, self.key_bytes)
        return key, self.labelled_expand(self.suite, secret, b"base_nonce", context, 12)

    def open(
        self, private: X25519PrivateKey, sealed: bytes, info: bytes, aad: bytes = b""
    ) -> bytes:
        key, nonce = self.key_and_nonce(self.shared(private, sealed[:32]), info)
        return AESGCM(key).decrypt(nonce, sealed[32:], aad)


def test_the_second_writing_is_right_by_the_vectors_of_the_rfc() -> None:
    """RFC 9180, A.1.1: base mode with AES-128-GCM, first message."""
    private = X25519PrivateKey.from_private_bytes(
        bytes.fromhex("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8")
    )
    enc = bytes.fromhex("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431")
    info = bytes.fromhex("4f6465206f6e2061204772656369616e2055726e")
    sealed = bytes.fromhex(
        "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a"
    )
    opened = Rfc9180(1, 16).open(private, enc + sealed, info, b"Count-0")
    assert opened == b"Beauty is truth, truth beauty"


def test_what_the_library_seals_opens_by_the_rfc() -> None:
    sealed = seal_share(ALICE, b"backup", WORDS)
    opened = Rfc9180(2, 32).open(KEYS["alice"], sealed, _info(ALICE, b"backup"))
    assert opened.decode() == WORDS


def test_a_share_opens_for_its_custodian_and_its_backup() -> None:
    sealed = seal_share(ALICE, b"backup", WORDS)
    assert open_share(KEYS["alice"], ALICE, b"backup", sealed) == WORDS
    assert sealed != seal_share(ALICE, b"backup", WORDS)
    wrong = [
        (KEYS["bo"], ALICE, b"backup"),
        (KEYS["alice"], BO, b"backup"),
        (KEYS["alice"], ALICE, b"another"),
    ]
    for key, custodian, backup in wrong:
        with pytest.raises(ShareRefused):
            open_share(key, custodian, backup, sealed)


def test_no_bit_of_a_sealed_share_can_be_changed_and_none_left_out() -> None:
    sealed = seal_share(ALICE, b"backup", "acid")
    for place in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[place // 8] ^= 1 << place % 8
        # X25519 passes over the highest bit of a point (RFC 7748, section 5); the key schedule of
        # HPKE, which has the point itself in it, does not.
        with pytest.raises(ShareRefused):
            open_share(KEYS["alice"], ALICE, b"backup", bytes(changed))
    for length in range(len(sealed)):
        with pytest.raises(ShareRefused):
            open_share(KEYS["alice"], ALICE, b"backup", sealed[:length])


def test_the_suite_is_the_one_that_is_written_down() -> None:
    assert len(HPKE.encrypt(b"", KEYS["alice"].public_key(), b"")) == 32 + 16


# -- the file --------------------------------------------------------------------------------


def entry(name: str, key: bytes) -> str:
    return f'[[custodian]]\nname = "{name}"\npublic_key = "{base64.b64encode(key).decode()}"\n'


GOOD = f"threshold = 2\n{entry('alice', ALICE.public_key)}{entry('bo', BO.public_key)}"


def test_the_file_says_who_they_are(tmp_path: Path) -> None:
    path = tmp_path / "recovery.toml"
    path.write_text(GOOD)
    assert read_custodians(path) == Custodians(2, (ALICE, BO))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "threshold"),
        ("threshold = ", "not TOML"),
        (GOOD.replace("threshold = 2", "threshold = 1"), "threshold of 2"),
        (GOOD.replace("threshold = 2", "threshold = 3"), "threshold of 2"),
        (GOOD.replace("threshold = 2", "threshold = true"), "threshold"),
        (GOOD.replace('"bo"', '"alice"'), "twice"),
        (f"threshold = 2\n{entry('alice', b'k' * 32)}{entry('bo', b'k' * 32)}", "key twice"),
        (f"threshold = 2\n{entry('alice', ALICE.public_key)}{entry('bo', bytes(32))}", "is none"),
        (f"threshold = 2\n{entry('alice', ALICE.public_key)}{entry('bo', b'short')}", "is none"),
        (GOOD.replace('"bo"', '"../bo"'), "lower-case"),
        (GOOD + "email = 1\n", "no more"),
        ("more = 1\n" + GOOD, "no more"),
    ],
)
def test_a_file_that_is_none_says_what_is_wrong(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "recovery.toml"
    path.write_text(text)
    with pytest.raises(CustodiansInvalid, match=told):
        read_custodians(path)


def test_another_custodian_is_another_digest() -> None:
    digests = {
        Custodians(2, (ALICE, BO)).digest,
        Custodians(2, (BO, ALICE)).digest,
        Custodians(2, (ALICE, Custodian("bo", public(X25519PrivateKey.generate())))).digest,
        Custodians(3, (ALICE, BO)).digest,
    }
    assert len(digests) == 4
    assert all(len(digest) == hashlib.sha256().digest_size * 2 for digest in digests)


# -- their keys ------------------------------------------------------------------------------


def test_a_key_file_opens_with_its_passphrase_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    path = tmp_path / "alice.key"
    made = make_custodian_key(path, b"of alice")
    assert path.stat().st_mode & 0o777 == 0o600
    assert public(read_custodian_key(path, lambda: b"of alice")) == made
    for wrong in (b"", b"of bo"):
        with pytest.raises(KeyFileRefused, match="another passphrase"):
            read_custodian_key(path, lambda wrong=wrong: wrong)  # type: ignore[misc]  # a default, not a parameter
    with pytest.raises(KeyFileRefused, match="never replaced"):
        make_custodian_key(path, b"of alice")


def test_a_key_that_openssl_has_made_is_taken(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    path = tmp_path / "alice.key"
    path.touch(mode=0o600)
    command = ["openssl", "genpkey", "-algorithm", "X25519", "-out", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    path.chmod(0o600)
    key = read_custodian_key(path, lambda: pytest.fail("it has no passphrase"))
    assert len(public(key)) == 32


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    path = tmp_path / "alice.key"
    path.touch(mode=0o600)
    command = ["openssl", "genpkey", "-algorithm", "ED25519", "-out", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    path.chmod(0o600)
    with pytest.raises(KeyFileRefused, match="not a key of X25519"):
        read_custodian_key(path, lambda: b"")


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    path = tmp_path / "alice.key"
    make_custodian_key(path, b"of alice")
    path.chmod(0o640)
    with pytest.raises(KeyFileRefused, match="chmod 600"):
        read_custodian_key(path, lambda: b"of alice")
