"""Envelopes open to their recipient alone, whole, and as they were sealed."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.bundles import (
    EnvelopeBroken,
    NotForThisKey,
    Recipient,
    RecipientKey,
    RecipientRefused,
    Sealing,
    open_envelope,
)

KEYS = {hybrid: RecipientKey.generate(hybrid=hybrid) for hybrid in (False, True)}
BOTH = pytest.mark.parametrize("hybrid", [False, True], ids=["x25519", "hybrid"])


def sealed(recipient: Recipient, *parts: bytes) -> bytes:
    sealing = Sealing(recipient)
    return b"".join([sealing.begin(), *map(sealing.update, parts), sealing.finish()])


def opened(key: RecipientKey, data: bytes, cut: int = 1 << 16) -> bytes:
    return b"".join(open_envelope(key, (data[n : n + cut] for n in range(0, len(data), cut))))


@BOTH
@given(parts=st.lists(st.integers(0, 40_000), max_size=5), cut=st.integers(1, 70_000))
def test_what_was_sealed_comes_back_however_it_is_cut(
    hybrid: bool, parts: list[int], cut: int
) -> None:
    key = KEYS[hybrid]
    data = [bytes([n % 251]) * size for n, size in enumerate(parts)]
    assert opened(key, sealed(key.recipient, *data), cut) == b"".join(data)


@BOTH
def test_nobody_else_opens_it(hybrid: bool) -> None:
    data = sealed(KEYS[hybrid].recipient, b"records")
    with pytest.raises(NotForThisKey):
        opened(RecipientKey.generate(hybrid=hybrid), data)
    with pytest.raises(NotForThisKey):
        opened(KEYS[not hybrid], data)


@BOTH
def test_every_altered_byte_is_refused(hybrid: bool) -> None:
    key = KEYS[hybrid]
    data = sealed(key.recipient, b"a record")
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1
        with pytest.raises(EnvelopeBroken):
            opened(key, bytes(changed))


@BOTH
@pytest.mark.parametrize("size", [0, 16 * 1024, 40_000])
def test_one_that_was_cut_or_lengthened_is_refused(hybrid: bool, size: int) -> None:
    key = KEYS[hybrid]
    data = sealed(key.recipient, bytes(size))
    for changed in (data[:-1], data[:-20], data[: len(data) // 2], data + b"\0", b""):
        with pytest.raises(EnvelopeBroken):
            opened(key, changed)


def test_the_key_of_another_envelope_does_not_fit() -> None:
    key = KEYS[False]
    one, two = (
        sealed(key.recipient, b"one").split(b"\n"),
        sealed(key.recipient, b"two").split(b"\n"),
    )
    with pytest.raises(EnvelopeBroken):
        opened(key, b"\n".join([*one[:2], two[2], *one[3:]]))


@BOTH
def test_keys_are_kept_in_pem(hybrid: bool) -> None:
    key = KEYS[hybrid]
    again = RecipientKey.of_pem(key.pem())
    assert again.recipient == key.recipient == Recipient.of_pem(key.public_pem())
    assert opened(again, sealed(Recipient.of_pem(key.public_pem()), b"x")) == b"x"


def test_keys_of_openssl_will_do(tmp_path: Path) -> None:
    private, public = tmp_path / "key.pem", tmp_path / "public.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "X25519", "-out", private], check=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    recipient = Recipient.of_pem(public.read_bytes())
    assert opened(RecipientKey.of_pem(private.read_bytes()), sealed(recipient, b"x")) == b"x"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        KEYS[False].pem(),
        KEYS[False].public_pem() * 2,
        KEYS[True].public_pem().split(b"-----END PUBLIC KEY-----\n", 1)[1],
    ],
    ids=["empty", "no key", "private", "twice", "half of a hybrid"],
)
def test_what_is_no_public_key_of_a_recipient_is_refused(data: bytes) -> None:
    with pytest.raises(RecipientRefused) as refused:
        Recipient.of_pem(data)
    assert "BEGIN" not in str(refused.value)


@pytest.mark.parametrize("point", [bytes(32), b"\1" + bytes(31), b"\xff" * 5])
def test_points_that_no_secret_comes_of_are_refused(point: bytes) -> None:
    with pytest.raises(RecipientRefused):
        Recipient(point)


def test_nothing_of_a_private_key_shows() -> None:
    assert "pem" not in repr(KEYS[True]) and "object" not in repr(KEYS[True])
