"""Proof files: all that a court needs beside the leaf and the log's public key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.merkle_trees import Tiles, flipped, some_leaves
from tests.support.note_keys import new_signer
from vault.audit.canonical import encode_base64
from vault.audit.checkpoint import CheckpointBody, CheckpointInvalid, sign_checkpoint
from vault.audit.merkle import EMPTY_ROOT, ProofInvalid, inclusion_proof, leaf_hash
from vault.audit.note import SignatureType
from vault.audit.proof_file import format_proof, parse_proof, verify_proof
from vault.audit.tiles import frontier_from_tiles, node_from_tiles

ORIGIN = "vault.example/log"
SIGNER = new_signer(ORIGIN, SignatureType.ED25519)
KEYS = [SIGNER.verifier_key]
SIZE = 300
LEAVES = some_leaves(SIZE)
TILES = Tiles()
TILES.append(LEAVES)
ROOT = frontier_from_tiles(SIZE, TILES.read).root()
NOTE = sign_checkpoint(CheckpointBody(ORIGIN, SIZE, ROOT), [SIGNER])


def proof_of(index: int, extra: bytes = b"") -> str:
    return format_proof(
        index, inclusion_proof(index, SIZE, node_from_tiles(TILES.read)), NOTE, extra
    )


@pytest.mark.parametrize("index", [0, 1, 255, 256, 299])
def test_a_proof_file_proves_its_leaf_and_no_other(index: int) -> None:
    text = proof_of(index)
    checkpoint = verify_proof(text, leaf_hash(LEAVES[index]), KEYS, ORIGIN)
    assert (checkpoint.size, checkpoint.root, checkpoint.note) == (SIZE, ROOT, NOTE)
    for other in (LEAVES[(index + 1) % SIZE], b"", LEAVES[index] + b"."):
        with pytest.raises(ProofInvalid, match="not in this tree"):
            verify_proof(text, leaf_hash(other), KEYS, ORIGIN)


def test_a_proof_file_is_the_text_of_the_specification() -> None:
    path = inclusion_proof(7, SIZE, node_from_tiles(TILES.read))
    lines = [
        "c2sp.org/tlog-proof@v1",
        "extra ZXh0cmE=",
        "index 7",
        *map(encode_base64, path),
        "",
        NOTE.decode(),
    ]
    assert proof_of(7, b"extra") == "\n".join(lines)
    assert proof_of(7) == "\n".join(lines[:1] + lines[2:])


def test_the_only_leaf_is_proved_by_the_checkpoint_alone() -> None:
    note = sign_checkpoint(CheckpointBody(ORIGIN, 1, leaf_hash(b"only")), [SIGNER])
    text = format_proof(0, [], note)
    assert text == f"c2sp.org/tlog-proof@v1\nindex 0\n\n{note.decode()}"
    assert verify_proof(text, leaf_hash(b"only"), KEYS, ORIGIN).size == 1


def test_every_bit_of_a_proof_file_counts() -> None:
    """But for the extra data, which nobody signs."""
    leaf = leaf_hash(LEAVES[7])
    for wrong in flipped(proof_of(7).encode()):
        with pytest.raises((ProofInvalid, CheckpointInvalid)):
            verify_proof(wrong.decode("utf-8", "surrogateescape"), leaf, KEYS, ORIGIN)


def test_a_proof_under_another_log_or_key_is_refused() -> None:
    leaf = leaf_hash(LEAVES[7])
    with pytest.raises(CheckpointInvalid, match="another log"):
        verify_proof(proof_of(7), leaf, KEYS, "vault.example/other")
    stranger = new_signer(ORIGIN, SignatureType.ED25519)
    with pytest.raises(CheckpointInvalid, match="no signature"):
        verify_proof(proof_of(7), leaf, [stranger.verifier_key], ORIGIN)


def test_a_proof_under_an_empty_tree_is_refused() -> None:
    empty = sign_checkpoint(CheckpointBody(ORIGIN, 0, EMPTY_ROOT), [SIGNER])
    with pytest.raises(ProofInvalid, match="no size"):
        verify_proof(format_proof(0, [], empty), EMPTY_ROOT, KEYS, ORIGIN)


HASH = encode_base64(ROOT)
CHECKPOINT = NOTE.decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v1",
        f"c2sp.org/tlog-proof@v1\n\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v2\nindex 0\n\n{CHECKPOINT}",
        f"index 0\n\n{CHECKPOINT}",
        "c2sp.org/tlog-proof@v1\nindex 0\n",
        "c2sp.org/tlog-proof@v1\nindex 0\n\n",
        f"c2sp.org/tlog-proof@v1\nindex\n\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\nindex notanumber\n\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\nindex -5\n\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\nindex 07\n\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\nindex 7 \n\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\nindex {2**63}\n\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\nindex {'9' * 5000}\n\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\nextra !!notbase64!!\nindex 0\n\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\nextra \nindex 0\n\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\nextra\nindex 0\n\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\nextra AA==\nextra AA==\nindex 0\n\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\nindex 0\nextra AA==\n\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\nindex 0\nindex 0\n\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\nindex 0\n!!notbase64!!\n\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\nindex 0\n{HASH} \n\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\nindex 0\n{encode_base64(bytes(64))}\n\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\nindex 0\n{f'{HASH}{chr(10)}' * 64}\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\r\nindex 0\r\n\r\n{CHECKPOINT}",
        f"\ufeffc2sp.org/tlog-proof@v1\nindex 0\n\n{CHECKPOINT}",
        f"c2sp.org/tlog-proof@v1\nindex 0\n\n{CHECKPOINT}\ud800",
    ],
)
def test_a_malformed_proof_file_is_refused(text: str) -> None:
    with pytest.raises(ProofInvalid):
        parse_proof(text)


@pytest.mark.parametrize(
    ("index", "path", "note"),
    [
        (-1, [], NOTE),
        (2**63, [], NOTE),
        (0, [b"short"], NOTE),
        (0, [ROOT] * 64, NOTE),
        (0, [], b""),
        (0, [], b"\xff"),
    ],
)
def test_a_proof_file_that_nobody_could_read_is_not_made(
    index: int, path: list[bytes], note: bytes
) -> None:
    with pytest.raises(ProofInvalid):
        format_proof(index, path, note)


@given(
    st.integers(0, 2**63 - 1),
    st.lists(st.binary(min_size=32, max_size=32), max_size=63),
    st.binary(max_size=50),
)
def test_every_proof_file_reads_back(index: int, path: list[bytes], extra: bytes) -> None:
    read = parse_proof(format_proof(index, path, NOTE, extra))
    assert (read.index, list(read.path), read.checkpoint, read.extra) == (index, path, NOTE, extra)
