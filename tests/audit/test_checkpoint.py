"""Checkpoints: a root is relied on only after the log's signature over it was verified."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.merkle_trees import flipped
from tests.support.note_keys import NOW, new_signer
from vault.audit.checkpoint import (
    Checkpoint,
    CheckpointBody,
    CheckpointInvalid,
    cosignatures,
    read_checkpoint,
    sign_checkpoint,
    verify_checkpoint,
)
from vault.audit.merkle import EMPTY_ROOT, leaf_hash
from vault.audit.note import (
    KeySigner,
    Note,
    Signature,
    SignatureInvalid,
    SignatureType,
    VerifierKey,
    parse_note,
)

ED25519 = SignatureType.ED25519
COSIGNATURE = SignatureType.COSIGNATURE_ED25519
ML_DSA = SignatureType.COSIGNATURE_ML_DSA_44

ORIGIN = "vault.example/log"
ROOT = leaf_hash(b"the root of these tests")
BODY = CheckpointBody(ORIGIN, 21, ROOT)
LOG = new_signer(ORIGIN, ED25519)
LOG_ML_DSA = new_signer(ORIGIN, ML_DSA)
WITNESS = new_signer("witness.example/w1", COSIGNATURE)
WITNESS_ML_DSA = new_signer("witness.example/w2", ML_DSA)
STRANGER = new_signer(ORIGIN, ED25519)

# Published checkpoints; each tells its source and licence.
VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent / "vectors" / "checkpoints.json").read_text()
)


def keys(*signers: KeySigner) -> list[VerifierKey]:
    return [signer.verifier_key for signer in signers]


@pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)
def test_a_published_checkpoint_is_verified(vector: dict[str, Any]) -> None:
    key, note = VerifierKey.parse(vector["key"]), vector["note"]
    checkpoint = verify_checkpoint(note.encode(), [key], vector["origin"])
    assert (checkpoint.origin, checkpoint.size) == (vector["origin"], vector["size"])
    assert checkpoint.note == note.encode()
    with pytest.raises(CheckpointInvalid, match="another log"):
        verify_checkpoint(note.encode(), [key], vector["origin"] + "2")
    resized = note.replace(f"\n{vector['size']}\n", f"\n{vector['size'] + 1}\n")
    with pytest.raises(CheckpointInvalid, match="wrong"):
        verify_checkpoint(resized.encode(), [key], vector["origin"])


def test_the_cosignature_of_a_public_witness_is_verified() -> None:
    vector = VECTORS["ct"]
    key, witness = VerifierKey.parse(vector["key"]), VerifierKey.parse(vector["witness"])
    checkpoint = verify_checkpoint(vector["note"].encode(), [key], vector["origin"])
    [cosignature] = cosignatures(checkpoint, [witness])
    assert (cosignature.key, cosignature.time) == (witness, vector["witnessed_at"])


def test_a_log_that_signs_with_ml_dsa_need_not_say_when() -> None:
    vector = VECTORS["ml-dsa-44"]
    key = VerifierKey.parse(vector["key"])
    checkpoint = verify_checkpoint(vector["note"].encode(), [key], vector["origin"])
    assert [one.time for one in cosignatures(checkpoint, [key])] == [0]


def test_a_body_is_the_text_of_the_specification() -> None:
    body = CheckpointBody.parse(
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    )
    assert (body.origin, body.size, body.extensions) == (
        "example.com/behind-the-sofa",
        20852163,
        (),
    )
    assert body.root.hex() == "0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62"
    extended = CheckpointBody("o", 0, EMPTY_ROOT, ("one", "two"))
    assert CheckpointBody.parse(extended.text()) == extended
    assert extended.text() == "o\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\none\ntwo\n"


ROOT_LINE = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "o\n1\n",
        f"o\n1\n{ROOT_LINE}",
        f"\n1\n{ROOT_LINE}\n",
        f"o\n\n{ROOT_LINE}\n",
        f"o\n1\n{ROOT_LINE}\n\n",
        f"o\n1\n{ROOT_LINE}\n\nx\n",
        f"o\n01\n{ROOT_LINE}\n",
        f"o\n+1\n{ROOT_LINE}\n",
        f"o\n-1\n{ROOT_LINE}\n",
        f"o\n 1\n{ROOT_LINE}\n",
        f"o\n1_0\n{ROOT_LINE}\n",
        f"o\n\u0661\n{ROOT_LINE}\n",
        f"o\n1.0\n{ROOT_LINE}\n",
        f"o\n{2**63}\n{ROOT_LINE}\n",
        f"o\n{'9' * 5000}\n{ROOT_LINE}\n",
        f"o\n0\n{ROOT_LINE}\n",
        f"o\n1\n{ROOT_LINE[:-1]}\n",
        f"o\n1\n{ROOT_LINE.replace('2I=', '2J=')}\n",
        f"o\n1\n{ROOT_LINE.replace('/', '_')}\n",
        f"o\n1\n{ROOT_LINE} \n",
        "o\n1\nAAAA\n",
        f"o\r\n1\r\n{ROOT_LINE}\r\n",
        f"o\t\n1\n{ROOT_LINE}\n",
    ],
)
def test_a_body_with_another_spelling_is_refused(text: str) -> None:
    with pytest.raises(CheckpointInvalid):
        CheckpointBody.parse(text)


@pytest.mark.parametrize(
    ("origin", "size", "root", "extensions"),
    [
        ("", 1, ROOT, ()),
        ("two\nlines", 1, ROOT, ()),
        ("o", -1, ROOT, ()),
        ("o", 2**63, ROOT, ()),
        ("o", 1, ROOT[:31], ()),
        ("o", 0, ROOT, ()),
        ("o", 1, ROOT, ("",)),
        ("o", 1, ROOT, ("a\nb",)),
    ],
)
def test_a_body_that_cannot_be_read_back_is_not_made(
    origin: str, size: int, root: bytes, extensions: tuple[str, ...]
) -> None:
    with pytest.raises(CheckpointInvalid):
        CheckpointBody(origin, size, root, extensions)


@pytest.mark.parametrize("signer", [LOG, LOG_ML_DSA], ids=["Ed25519", "ML-DSA-44"])
def test_a_signed_checkpoint_is_verified(signer: KeySigner) -> None:
    note = sign_checkpoint(BODY, [signer])
    checkpoint = verify_checkpoint(note, keys(signer), ORIGIN)
    assert (checkpoint.origin, checkpoint.size, checkpoint.root) == (ORIGIN, 21, ROOT)
    assert checkpoint.note == note
    assert read_checkpoint(note).verify(keys(signer), ORIGIN) == checkpoint


@pytest.mark.parametrize("signer", [LOG, LOG_ML_DSA], ids=["Ed25519", "ML-DSA-44"])
def test_every_bit_of_a_signed_checkpoint_counts(signer: KeySigner) -> None:
    note = sign_checkpoint(BODY, [signer])
    for wrong in flipped(note):
        with pytest.raises(CheckpointInvalid):
            verify_checkpoint(wrong, keys(signer), ORIGIN)


def test_a_checkpoint_signed_with_another_key_is_refused() -> None:
    with pytest.raises(CheckpointInvalid, match="no signature"):
        verify_checkpoint(sign_checkpoint(BODY, [STRANGER]), keys(LOG), ORIGIN)
    with pytest.raises(CheckpointInvalid, match="no signature"):
        verify_checkpoint(sign_checkpoint(BODY, [LOG]), [], ORIGIN)


def test_during_an_overlap_either_key_is_enough_and_both_are_checked() -> None:
    new = new_signer(ORIGIN, ED25519)
    note = sign_checkpoint(BODY, [LOG, new, LOG_ML_DSA])
    for trusted in ([LOG], [new], [LOG_ML_DSA], [LOG, new], [LOG, new, LOG_ML_DSA]):
        assert verify_checkpoint(note, keys(*trusted), ORIGIN).size == 21
    read = parse_note(note)
    old_line, new_line, _ = read.signatures
    swapped = Signature(new_line.name, new_line.key_id, old_line.data)
    forged = Note(read.text, (old_line, swapped)).encode()
    assert verify_checkpoint(forged, keys(LOG), ORIGIN).size == 21
    with pytest.raises(CheckpointInvalid, match="is wrong"):
        verify_checkpoint(forged, keys(LOG, new), ORIGIN)


def test_a_signature_of_one_kind_is_none_of_another_though_the_key_is_one() -> None:
    """A witness' signature over a checkpoint is not the log's, nor the other way round."""
    as_log = WITNESS.verifier_key.public_key
    plain = KeySigner(VerifierKey("witness.example/w1", ED25519, as_log), WITNESS.sign_bytes, int)
    [cosigned] = parse_note(sign_checkpoint(BODY, [WITNESS])).signatures
    [signed] = parse_note(sign_checkpoint(BODY, [plain])).signatures
    posing = Signature(signed.name, signed.key_id, cosigned.data[8:])
    with pytest.raises(SignatureInvalid):
        plain.verifier_key.verify(BODY.text(), posing)
    stamped = Signature(cosigned.name, cosigned.key_id, bytes(8) + signed.data)
    with pytest.raises(SignatureInvalid):
        WITNESS.verifier_key.verify(BODY.text(), stamped)
    with pytest.raises(SignatureInvalid, match="another key"):
        WITNESS.verifier_key.verify(BODY.text(), signed)


def test_a_checkpoint_is_made_by_verification_only() -> None:
    with pytest.raises(TypeError, match="verify_checkpoint"):
        Checkpoint(ORIGIN, 21, ROOT, b"", object())


@pytest.mark.parametrize("witness", [WITNESS, WITNESS_ML_DSA], ids=["Ed25519", "ML-DSA-44"])
def test_a_cosignature_tells_who_has_seen_it_and_when(witness: KeySigner) -> None:
    note = sign_checkpoint(BODY, [LOG, witness])
    checkpoint = verify_checkpoint(note, keys(LOG), ORIGIN)
    [seen] = cosignatures(checkpoint, keys(witness))
    assert (seen.key, seen.time) == (witness.verifier_key, NOW)
    assert cosignatures(checkpoint, []) == ()
    stranger = new_signer(witness.name, witness.verifier_key.kind)
    assert cosignatures(checkpoint, keys(stranger)) == ()


@pytest.mark.parametrize("witness", [WITNESS, WITNESS_ML_DSA], ids=["Ed25519", "ML-DSA-44"])
def test_another_time_in_a_cosignature_is_refused(witness: KeySigner) -> None:
    read = parse_note(sign_checkpoint(BODY, [LOG, witness]))
    signed, seen = read.signatures
    for stamp in flipped(seen.data[:8]):
        later = Signature(seen.name, seen.key_id, stamp + seen.data[8:])
        note = Note(read.text, (signed, later)).encode()
        checkpoint = verify_checkpoint(note, keys(LOG), ORIGIN)
        with pytest.raises(CheckpointInvalid):
            cosignatures(checkpoint, keys(witness))


def test_of_two_cosignatures_of_one_witness_the_later_one_counts() -> None:
    later = KeySigner(WITNESS.verifier_key, WITNESS.sign_bytes, lambda: NOW + 5)
    for order in ([WITNESS, later], [later, WITNESS]):
        note = sign_checkpoint(BODY, [LOG, *order])
        [seen] = cosignatures(verify_checkpoint(note, keys(LOG), ORIGIN), keys(WITNESS))
        assert seen.time == NOW + 5


def test_a_key_without_a_time_is_no_witness() -> None:
    checkpoint = verify_checkpoint(sign_checkpoint(BODY, [LOG]), keys(LOG), ORIGIN)
    with pytest.raises(ValueError, match="cosignatures"):
        cosignatures(checkpoint, keys(LOG))
    [signed] = parse_note(checkpoint.note).signatures
    with pytest.raises(SignatureInvalid, match="no time"):
        LOG.verifier_key.signed_at(signed)


def test_the_bytes_that_cosigners_sign_are_those_of_the_specification() -> None:
    said: list[bytes] = []

    def listen(message: bytes) -> bytes:
        said.append(message)
        return b"x"

    for signer in (LOG, WITNESS, WITNESS_ML_DSA):
        KeySigner(signer.verifier_key, listen, lambda: 1679315147).sign(BODY.text())
    assert said == [
        BODY.text().encode(),
        b"cosignature/v1\ntime 1679315147\n" + BODY.text().encode(),
        b"subtree/v1\n\0"
        + b"\x12witness.example/w2"
        + (1679315147).to_bytes(8, "big")
        + b"\x11vault.example/log"
        + bytes(8)
        + (21).to_bytes(8, "big")
        + ROOT,
    ]


def test_ml_dsa_signs_checkpoints_only_and_no_extension_lines() -> None:
    with pytest.raises(CheckpointInvalid):
        LOG_ML_DSA.sign("any other text\n")
    extended = CheckpointBody(ORIGIN, 21, ROOT, ("said by nobody",))
    with pytest.raises(ValueError, match="extension"):
        LOG_ML_DSA.sign(extended.text())
    [signature] = parse_note(sign_checkpoint(BODY, [LOG_ML_DSA])).signatures
    with pytest.raises(SignatureInvalid, match="cannot have signed"):
        LOG_ML_DSA.verifier_key.verify(extended.text(), signature)
    assert verify_checkpoint(sign_checkpoint(extended, [LOG]), keys(LOG), ORIGIN).size == 21


@pytest.mark.parametrize("time", [-1, 2**63])
def test_a_time_out_of_range_is_not_signed(time: int) -> None:
    signer = KeySigner(WITNESS.verifier_key, WITNESS.sign_bytes, lambda: time)
    with pytest.raises(ValueError, match="63 bits"):
        signer.sign(BODY.text())


def test_a_name_too_long_for_ml_dsa_is_not_signed() -> None:
    signer = new_signer("x" * 256, ML_DSA)
    with pytest.raises(ValueError, match="255"):
        signer.sign(BODY.text())
