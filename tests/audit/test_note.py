"""Signed notes: published examples, every way to spell one wrongly, and who signed what."""

import base64
import json
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from tests.support.merkle_trees import flipped
from tests.support.note_keys import new_signer
from vault.audit.note import (
    KeySigner,
    Note,
    NoteInvalid,
    NoteSigner,
    Signature,
    SignatureInvalid,
    SignatureType,
    VerifierKey,
    parse_note,
    signatures_by,
)

# golang.org/x/mod, sumdb/note/note_test.go (BSD-3-Clause).
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
PETERS_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpR"
    "Zb6KE6RyyBwJnAM=\n"
)
ENOCHS_LINE = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33"
    "WWd1RvMc+QQ=\n"
)

# The test vector of c2sp.org/signed-note (CC-BY-4.0).
C2SP = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
C2SP_NOTE = (
    "This is an example message.\n"
    "\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuw"
    "HjG1Yu72IneyaQM=\n"
)
# The example in the text of c2sp.org/signed-note: a note with an empty line in it.
QUASIMODO = (
    "Ognuno sta solo sul cuor della terra\n"
    "trafitto da un raggio di sole:\n"
    "\n"
    "ed è subito sera.\n"
    "\n"
    "— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU"
    "0xMcXxj99ihAQwaqP3ZekRwNtIc=\n"
)
CHECKPOINTS = json.loads((Path(__file__).parent / "vectors" / "checkpoints.json").read_text())


def known(*vkeys: str) -> list[VerifierKey]:
    return [VerifierKey.parse(vkey) for vkey in vkeys]


def test_the_note_of_the_specification_is_verified() -> None:
    note = parse_note(C2SP_NOTE.encode())
    [(key, signature)] = signatures_by(note, known(C2SP))
    assert key.public_key.hex() == (
        "e932791ae6e7a840a46164c904786426d5e7821dd8b29a00d61cae72afdd4da4"
    )
    assert (key.name, key.key_id.hex()) == ("example.com/foo", "530d903a")
    assert signature.key_id == key.key_id
    assert note.encode() == C2SP_NOTE.encode()


def test_the_example_of_the_specification_is_read_with_its_empty_line() -> None:
    note = parse_note(QUASIMODO.encode())
    assert note.text == QUASIMODO[: QUASIMODO.index("\n— ")]
    assert note.text.endswith("raggio di sole:\n\ned è subito sera.\n")
    assert [one.name for one in note.signatures] == ["quasimodo.example/salvatore"]
    assert note.encode() == QUASIMODO.encode()


def test_gos_note_is_verified_and_made_byte_for_byte() -> None:
    signed = f"{TEXT}\n{PETERS_LINE}".encode()
    key = VerifierKey.parse(PETER)
    assert signatures_by(parse_note(signed), [key])[0][0] == key
    private = Ed25519PrivateKey.from_private_bytes(PETER_SEED)
    signer: NoteSigner = KeySigner(key, private.sign, lambda: 0)
    assert signer.name == "PeterNeumann"
    assert Note(TEXT, (signer.sign(TEXT),)).encode() == signed


def test_lines_of_unknown_keys_are_ignored_and_kept() -> None:
    note = parse_note(f"{TEXT}\n{PETERS_LINE}{ENOCHS_LINE}".encode())
    assert len(note.signatures) == 2
    assert [key.name for key, _ in signatures_by(note, known(PETER))] == ["PeterNeumann"]
    assert len(signatures_by(note, known(PETER, ENOCH))) == 2


def test_a_note_without_a_signature_of_a_known_key_is_refused() -> None:
    note = parse_note(f"{TEXT}\n{PETERS_LINE}".encode())
    for keys in ([], known(ENOCH), known(ENOCH, C2SP)):
        with pytest.raises(SignatureInvalid, match="no signature of a known key"):
            signatures_by(note, keys)


def test_a_key_that_shares_only_name_or_only_id_is_unknown() -> None:
    name, _, rest = PETERS_LINE.removeprefix("— ").partition(" ")
    other_name = parse_note(f"{TEXT}\n— {name}2 {rest}".encode())
    data = base64.b64decode(rest)
    other_id = parse_note(
        f"{TEXT}\n— {name} {base64.b64encode(b'1234' + data[4:]).decode()}\n".encode()
    )
    for note in (other_name, other_id):
        with pytest.raises(SignatureInvalid, match="no signature of a known key"):
            signatures_by(note, known(PETER))


def test_one_wrong_signature_of_a_known_key_refuses_the_note_with_a_right_one_beside_it() -> None:
    right = parse_note(f"{TEXT}\n{PETERS_LINE}{ENOCHS_LINE}".encode())
    peter, enoch = right.signatures
    damaged = Signature(enoch.name, enoch.key_id, enoch.data[:-1] + b"\0")
    with pytest.raises(SignatureInvalid, match="EnochRoot is wrong"):
        signatures_by(Note(TEXT, (peter, damaged)), known(PETER, ENOCH))
    # To those who do not know the key it is just another line.
    assert signatures_by(Note(TEXT, (peter, damaged)), known(PETER))


def test_every_bit_of_text_and_signature_counts() -> None:
    key = VerifierKey.parse(PETER)
    [signature] = parse_note(f"{TEXT}\n{PETERS_LINE}".encode()).signatures
    for wrong in flipped(signature.data):
        with pytest.raises(SignatureInvalid):
            key.verify(TEXT, Signature(signature.name, signature.key_id, wrong))
    for wrong in flipped(TEXT.encode()):
        with pytest.raises(SignatureInvalid):
            key.verify(wrong.decode("latin-1"), signature)
    for data in (signature.data[:-1], signature.data + b"\0", b"\0"):
        with pytest.raises(SignatureInvalid):
            key.verify(TEXT, Signature(signature.name, signature.key_id, data))


def test_two_different_keys_of_one_name_and_id_are_refused() -> None:
    key = VerifierKey.parse(PETER)
    twin = VerifierKey(key.name, key.kind, VerifierKey.parse(ENOCH).public_key)
    object.__setattr__(twin, "key_id", key.key_id)
    note = parse_note(f"{TEXT}\n{PETERS_LINE}".encode())
    with pytest.raises(SignatureInvalid, match="two keys"):
        signatures_by(note, [key, twin])
    assert signatures_by(note, [key, key])


@pytest.mark.parametrize("flaw", range(9))
def test_a_malformed_note_is_refused(flaw: int) -> None:
    """The malformed notes of golang.org/x/mod, sumdb/note/note_test.go, and two more."""
    malformed = [
        TEXT.encode(),
        f"{TEXT}\n".encode(),
        f"{TEXT}\n{PETERS_LINE[:-1]}".encode(),
        f"\x01{TEXT}\n{PETERS_LINE}".encode(),
        b"\xff" + f"{TEXT}\n{PETERS_LINE}".encode(),
        f"{TEXT}\n{PETERS_LINE.replace('PeterNeumann', 'Bad Name')}".encode(),
        f"{TEXT}\n{PETERS_LINE}Unexpected line.\n".encode(),
        f"{TEXT}\r\n\r\n{PETERS_LINE}".encode(),
        b"",
    ]
    with pytest.raises(NoteInvalid):
        parse_note(malformed[flaw])


@pytest.mark.parametrize(
    "line",
    [
        "- name AAAAAAAA",
        "—name AAAAAAAA",
        "— AAAAAAAA",
        "—  AAAAAAAA",
        "— name",
        "— name ",
        "— na+me AAAAAAAA",
        "— na\u2003me AAAAAAAA",
        "— na\u00a0me AAAAAAAA",
        "— name AAAA",
        "— name AAAAAA==",
        "— name AAAAAAB=",
        "— name AAAAAAAA=",
        "— name AAAAA-A=",
        "— name AAAA AAAA",
        "— name AAAAAAAA ",
        "— name  AAAAAAAA",
    ],
)
def test_a_malformed_signature_line_is_refused(line: str) -> None:
    with pytest.raises(NoteInvalid):
        parse_note(f"text\n\n{line}\n".encode())


def test_a_signature_of_an_unknown_kind_may_be_as_short_as_a_byte() -> None:
    [signature] = parse_note("text\n\n— name AAAAAAA=\n".encode()).signatures
    assert (signature.key_id, signature.data) == (bytes(4), b"\0")


def test_a_note_has_bounds() -> None:
    note = parse_note(f"{TEXT}\n{PETERS_LINE * 100}".encode())
    assert len(note.signatures) == 100
    with pytest.raises(NoteInvalid, match="100"):
        parse_note(f"{TEXT}\n{PETERS_LINE * 101}".encode())
    with pytest.raises(NoteInvalid, match="1000000"):
        parse_note(f"{'x' * 1_000_000}\n\n{PETERS_LINE}".encode())


@pytest.mark.parametrize(
    "text", ["", "no newline", "tab\there\n", "nul\0\n", "half a pair \ud800\n"]
)
def test_a_text_that_is_none_is_refused(text: str) -> None:
    [signature] = parse_note(f"{TEXT}\n{PETERS_LINE}".encode()).signatures
    with pytest.raises(NoteInvalid):
        Note(text, (signature,))


NAMES = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="+"), min_size=1)


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60),
    st.lists(st.tuples(NAMES, st.binary(min_size=1, max_size=40)), min_size=1, max_size=4),
)
def test_every_note_reads_back(text: str, lines: list[tuple[str, bytes]]) -> None:
    signatures = tuple(Signature(name, b"\0\1\2\3", data) for name, data in lines)
    note = Note(f"{text}\n", signatures)
    assert parse_note(note.encode()) == note
    assert parse_note(Note(f"{text}\n\n\n", signatures).encode()).text == f"{text}\n\n\n"


def test_a_signature_added_twice_stands_there_once() -> None:
    note = parse_note(f"{TEXT}\n{PETERS_LINE}".encode())
    [enochs] = parse_note(f"{TEXT}\n{ENOCHS_LINE}".encode()).signatures
    both = note.with_signatures([enochs, *note.signatures, enochs])
    assert both.encode() == f"{TEXT}\n{PETERS_LINE}{ENOCHS_LINE}".encode()


@pytest.mark.parametrize("vkey", [PETER, ENOCH, C2SP])
def test_a_verifier_key_reads_back_and_no_change_of_it_does(vkey: str) -> None:
    """Every part and every changed character of Go's tests."""
    assert VerifierKey.parse(vkey).vkey == vkey
    for start in range(len(vkey)):
        for end in range(start + 1, len(vkey) + 1):
            if (start, end) != (0, len(vkey)):
                with pytest.raises(NoteInvalid):
                    VerifierKey.parse(vkey[start:end])
    for at in range(len(vkey)):
        with pytest.raises(NoteInvalid):
            VerifierKey.parse(vkey[:at] + chr(ord(vkey[at]) + 1) + vkey[at + 1 :])


@pytest.mark.parametrize(
    "vkey",
    [
        # Go's tests: a key of a wrong length and one of an unknown type, both with the right id.
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        PETER.replace("c74f20a3", "C74F20A3"),
        "name+00000000+",
        "name+00000000+AQ==",
        "",
    ],
)
def test_a_verifier_key_that_is_none_is_refused(vkey: str) -> None:
    with pytest.raises(NoteInvalid):
        VerifierKey.parse(vkey)


@pytest.mark.parametrize(
    ("vkey", "kind"),
    [
        # transparency-dev/formats v0.1.1, note/note_cosigv1_test.go (Apache-2.0).
        ("TEST+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6", SignatureType.ED25519),
        (
            "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
            SignatureType.COSIGNATURE_ED25519,
        ),
        (
            CHECKPOINTS["ml-dsa-44"]["key"],
            SignatureType.COSIGNATURE_ML_DSA_44,
        ),
    ],
    ids=["0x01", "0x04", "0x06"],
)
def test_published_keys_of_every_type_are_read(vkey: str, kind: SignatureType) -> None:
    key = VerifierKey.parse(vkey)
    assert (key.kind, key.vkey) == (kind, vkey)


@pytest.mark.parametrize("kind", SignatureType)
def test_a_key_id_is_the_hash_that_the_specification_gives(kind: SignatureType) -> None:
    key = new_signer("vault.example/log", kind).verifier_key
    hashed = b"vault.example/log\n" + bytes([kind]) + key.public_key
    assert key.key_id == sha256(hashed).digest()[:4]


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u2003b", "a\nb", "a\x00b", "\ud800"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(NoteInvalid):
        VerifierKey(name, SignatureType.ED25519, bytes(32))
    with pytest.raises(NoteInvalid):
        Signature(name, bytes(4), b"x")


def test_a_public_key_that_is_no_point_verifies_nothing() -> None:
    key = VerifierKey("name", SignatureType.ED25519, b"\x02" + bytes(31))
    with pytest.raises(SignatureInvalid):
        key.verify("text\n", Signature("name", key.key_id, bytes(64)))


def test_a_signer_shows_no_key() -> None:
    shown = repr(new_signer("vault.example/log", SignatureType.ED25519))
    assert "sign_bytes" not in shown
    assert "clock" not in shown
