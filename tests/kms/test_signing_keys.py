"""Signing keys: made and read strictly, several at once during a rotation."""

import json
import stat
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from vault.kms import KekMissing, KeyFileRefused
from vault.kms.signing import (
    Algorithm,
    Purpose,
    SigningKeys,
    create_signing_keys,
    read_signing_keys,
    retire_signing_keys,
    rotate_signing_keys,
    signing_file,
)


def file(folder: Path) -> Path:
    return signing_file(folder, Purpose.LOG)


def states(folder: Path) -> list[tuple[str, str, bool]]:
    return [(k.id, k.algorithm.value, k.active) for k in read_signing_keys(folder, Purpose.LOG)]


def test_a_key_signs_what_its_public_half_verifies(tmp_path: Path) -> None:
    (made,) = create_signing_keys(tmp_path, Purpose.LOG)
    (read,) = read_signing_keys(tmp_path, Purpose.LOG)
    assert read.public == made.public
    public = Ed25519PublicKey.from_public_bytes(read.public)
    public.verify(read.sign(b"text"), b"text")
    with pytest.raises(InvalidSignature):
        public.verify(read.sign(b"text"), b"texts")


def test_a_key_file_is_private_and_never_replaced(tmp_path: Path) -> None:
    create_signing_keys(tmp_path / "keys", Purpose.LOG)
    path = file(tmp_path / "keys")
    before = path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    with pytest.raises(KeyFileRefused, match="exists"):
        create_signing_keys(tmp_path / "keys", Purpose.LOG)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o700])
def test_a_file_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    create_signing_keys(tmp_path, Purpose.LOG)
    file(tmp_path).chmod(mode)
    with pytest.raises(KeyFileRefused, match="chmod 600"):
        read_signing_keys(tmp_path, Purpose.LOG)


def test_no_key_shows_in_what_is_printed_of_it(tmp_path: Path) -> None:
    create_signing_keys(tmp_path, Purpose.LOG)
    (key,) = read_signing_keys(tmp_path, Purpose.LOG)
    shown = repr(key) + repr(SigningKeys(tmp_path, Purpose.LOG))
    assert key.seed not in shown.encode("latin-1", "replace")
    assert repr(key.seed) not in shown
    assert "Private" not in shown


def test_a_receipt_key_in_the_logs_place_is_refused(tmp_path: Path) -> None:
    create_signing_keys(tmp_path, Purpose.RECEIPT)
    signing_file(tmp_path, Purpose.RECEIPT).rename(file(tmp_path))
    with pytest.raises(KeyFileRefused, match="not for the log"):
        read_signing_keys(tmp_path, Purpose.LOG)


@pytest.mark.parametrize(
    ("field", "value"),
    [("seed", "AAAA"), ("public", "A" * 43 + "="), ("state", "resting"), ("algorithm", "rsa")],
)
def test_a_damaged_file_is_refused_without_a_word_of_what_is_in_it(
    tmp_path: Path, field: str, value: str
) -> None:
    create_signing_keys(tmp_path, Purpose.LOG)
    document = json.loads(file(tmp_path).read_text())
    seed = document["keys"][0]["seed"]
    document["keys"][0][field] = value
    file(tmp_path).write_text(json.dumps(document))
    with pytest.raises(KeyFileRefused, match="malformed") as caught:
        read_signing_keys(tmp_path, Purpose.LOG)
    assert seed not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_rotation_adds_a_key_and_retiring_takes_the_old_ones_private_half(
    tmp_path: Path,
) -> None:
    create_signing_keys(tmp_path, Purpose.LOG)
    rotate_signing_keys(tmp_path, Purpose.LOG)
    assert states(tmp_path) == [("1", "ed25519", True), ("2", "ed25519", True)]
    old = json.loads(file(tmp_path).read_text())["keys"][0]["seed"]
    retire_signing_keys(tmp_path, Purpose.LOG)
    assert states(tmp_path) == [("1", "ed25519", False), ("2", "ed25519", True)]
    assert old not in file(tmp_path).read_text()
    assert stat.S_IMODE(file(tmp_path).stat().st_mode) == 0o600
    first, second = read_signing_keys(tmp_path, Purpose.LOG)
    with pytest.raises(KekMissing, match="retired"):
        first.sign(b"x")
    assert second.sign(b"x")
    with pytest.raises(KeyFileRefused, match="rotate first"):
        retire_signing_keys(tmp_path, Purpose.LOG)
    rotate_signing_keys(tmp_path, Purpose.LOG)
    assert [key_id for key_id, _, _ in states(tmp_path)] == ["1", "2", "3"]


def test_a_key_of_another_kind_can_be_added_and_is_then_rotated_with_the_first(
    tmp_path: Path,
) -> None:
    create_signing_keys(tmp_path, Purpose.LOG)
    rotate_signing_keys(tmp_path, Purpose.LOG, [Algorithm.ML_DSA_44])
    retire_signing_keys(tmp_path, Purpose.LOG)
    assert states(tmp_path) == [
        ("1", "ed25519", False),
        ("2", "ed25519", True),
        ("3", "ml-dsa-44", True),
    ]
    rotate_signing_keys(tmp_path, Purpose.LOG)
    assert [a for _, a, active in states(tmp_path) if active] == ["ed25519", "ml-dsa-44"] * 2


def test_held_keys_follow_their_file_and_outlive_a_broken_one(tmp_path: Path) -> None:
    create_signing_keys(tmp_path, Purpose.LOG)
    held = SigningKeys(tmp_path, Purpose.LOG)
    assert len(held.refresh()) == 1
    rotate_signing_keys(tmp_path, Purpose.LOG)
    assert len(held.refresh()) == 2
    assert held.problem is None
    file(tmp_path).chmod(0o644)
    assert len(held.refresh()) == 2
    assert "chmod 600" in str(held.problem)
    file(tmp_path).unlink()
    assert len(held.refresh()) == 2
    assert held.problem == "the key file is missing"


def test_a_node_without_the_file_is_told_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(KekMissing, match="vaultd keys create"):
        SigningKeys(tmp_path, Purpose.RECEIPT)
