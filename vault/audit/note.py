"""Signed notes (C2SP signed-note): a text, and under it a line for each key that signed it.

A parsed `Note` has been read, not believed: `signatures_by` is what tells whose it is. Verifier
keys are written `<name>+<key id in hex>+<base64 of type byte and public key>`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Protocol, Self

from vault.audit.canonical import decode_base64, encode_base64
from vault.audit.signature_types import (
    TIMESTAMP_BYTES,
    AlgorithmMissing,
    SignatureType,
    is_signature,
    signed_bytes,
)

__all__ = [
    "AlgorithmMissing",
    "KeySigner",
    "Note",
    "NoteInvalid",
    "NoteSigner",
    "Signature",
    "SignatureInvalid",
    "SignatureType",
    "VerifierKey",
    "parse_note",
    "signatures_by",
]

KEY_ID_BYTES: Final = 4
# The bounds of Go's sumdb/note: more would only be work for whoever verifies.
MAX_NOTE_BYTES: Final = 1_000_000
MAX_SIGNATURES: Final = 100

_LINE_START: Final = "\u2014 "


class NoteInvalid(ValueError):
    """Not a signed note, or not a verifier key."""


class SignatureInvalid(NoteInvalid):
    """A signature of a known key is wrong, or there is none of a known key."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: the key's name, its id (4 bytes), and what it signed with.

    For cosignatures `data` begins with the time. Raises NoteInvalid.
    """

    name: str
    key_id: bytes
    data: bytes

    def __post_init__(self) -> None:
        _require_name(self.name)
        if len(self.key_id) != KEY_ID_BYTES:
            raise NoteInvalid(f"a key id has {KEY_ID_BYTES} bytes")
        if not self.data:
            raise NoteInvalid("a signature line has no signature")

    def line(self) -> str:
        """The line, with its newline."""
        return f"{_LINE_START}{self.name} {encode_base64(self.key_id + self.data)}\n"

    @classmethod
    def parse(cls, line: str) -> Self:
        """The signature of a line without its newline. Raises NoteInvalid."""
        name, _, encoded = line.removeprefix(_LINE_START).partition(" ")
        if not line.startswith(_LINE_START):
            raise NoteInvalid("a signature line starts with an em dash")
        try:
            data = decode_base64(encoded)
        except ValueError as error:
            raise NoteInvalid(f"a signature is {error}") from error
        return cls(name, data[:KEY_ID_BYTES], data[KEY_ID_BYTES:])


@dataclass(frozen=True, slots=True)
class Note:
    """A text that ends in a newline, and its signatures, unverified. Raises NoteInvalid."""

    text: str
    signatures: tuple[Signature, ...]

    def __post_init__(self) -> None:
        if not self.text.endswith("\n"):
            raise NoteInvalid("a note's text ends in a newline")
        if any(character < " " and character != "\n" for character in self.text):
            raise NoteInvalid("a note has no control characters")
        _require_utf8(self.text)
        if not 1 <= len(self.signatures) <= MAX_SIGNATURES:
            raise NoteInvalid(f"a note has 1 to {MAX_SIGNATURES} signatures")

    def encode(self) -> bytes:
        """The bytes that `parse_note` reads."""
        lines = "".join(one.line() for one in self.signatures)
        return f"{self.text}\n{lines}".encode()

    def with_signatures(self, added: Iterable[Signature]) -> "Note":
        """The same text with more lines under it; a line that is there already is not doubled."""
        return Note(self.text, tuple(dict.fromkeys((*self.signatures, *added))))


def parse_note(data: bytes) -> Note:
    """Read a note. Raises NoteInvalid."""
    if len(data) > MAX_NOTE_BYTES:
        raise NoteInvalid(f"a note has at most {MAX_NOTE_BYTES} bytes")
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NoteInvalid("a note is UTF-8") from error
    # The text may have empty lines; signature lines have none, so the last one parts them.
    text, parted, lines = whole.rpartition("\n\n")
    if not parted or not lines.endswith("\n"):
        raise NoteInvalid("a note has a text, an empty line and signature lines")
    found = lines[:-1].split("\n")
    if len(found) > MAX_SIGNATURES:
        raise NoteInvalid(f"a note has 1 to {MAX_SIGNATURES} signatures")
    return Note(f"{text}\n", tuple(Signature.parse(line) for line in found))


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key that may sign notes, under the name that it signs with. Raises NoteInvalid."""

    name: str
    kind: SignatureType
    public_key: bytes
    key_id: bytes = field(init=False)

    def __post_init__(self) -> None:
        _require_name(self.name)
        if len(self.public_key) != self.kind.public_key_bytes:
            raise NoteInvalid(f"a public key of this type has {self.kind.public_key_bytes} bytes")
        digest = sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public_key)
        object.__setattr__(self, "key_id", digest.digest()[:KEY_ID_BYTES])

    @classmethod
    def parse(cls, vkey: str) -> Self:
        """The key of `name+id+base64`. Raises NoteInvalid, also where the id is of another key."""
        parts = vkey.split("+", 2)
        if len(parts) != 3:
            raise NoteInvalid("a verifier key is name+id+key")
        name, key_id, encoded = parts
        try:
            data = decode_base64(encoded)
            kind = SignatureType(data[0])
        except (ValueError, IndexError) as error:
            raise NoteInvalid("a verifier key of no known type") from error
        key = cls(name, kind, data[1:])
        if key.key_id.hex() != key_id:
            raise NoteInvalid("the id of a verifier key is of another key")
        return key

    @property
    def vkey(self) -> str:
        """The text that `parse` reads."""
        encoded = encode_base64(bytes([self.kind]) + self.public_key)
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    def made(self, signature: Signature) -> bool:
        """Whether the signature claims to be of this key."""
        return (signature.name, signature.key_id) == (self.name, self.key_id)

    def verify(self, text: str, signature: Signature) -> None:
        """Check a signature over the note text. Raises SignatureInvalid, AlgorithmMissing."""
        if not self.made(signature):
            raise SignatureInvalid("the signature is of another key")
        timestamp = self.signed_at(signature) if self.kind.timestamped else 0
        raw = signature.data[TIMESTAMP_BYTES:] if self.kind.timestamped else signature.data
        try:
            message = signed_bytes(self.kind, self.name, text, timestamp)
        except ValueError as error:
            raise SignatureInvalid(f"{self.name} cannot have signed this: {error}") from error
        if not is_signature(self.kind, self.public_key, raw, message):
            raise SignatureInvalid(f"the signature of {self.name} is wrong")

    def signed_at(self, signature: Signature) -> int:
        """The time in a cosignature, POSIX seconds; true only once it was verified.

        Raises SignatureInvalid where the signature has no time or another length.
        """
        if not self.kind.timestamped:
            raise SignatureInvalid("a signature of this type carries no time")
        if len(signature.data) != TIMESTAMP_BYTES + self.kind.signature_bytes:
            raise SignatureInvalid(f"the signature of {self.name} has a wrong length")
        return int.from_bytes(signature.data[:TIMESTAMP_BYTES], "big")


def signatures_by(
    note: Note, keys: Iterable[VerifierKey]
) -> tuple[tuple[VerifierKey, Signature], ...]:
    """The signatures of these keys, verified; lines of other keys are ignored.

    Raises SignatureInvalid where there is none, and where any one of a known key is wrong: with
    such a note somebody is up to something. Also AlgorithmMissing.
    """
    known: dict[tuple[str, bytes], VerifierKey] = {}
    for key in keys:
        if known.setdefault((key.name, key.key_id), key) != key:
            raise SignatureInvalid(f"two keys have the name {key.name} and one id")
    found: list[tuple[VerifierKey, Signature]] = []
    for signature in note.signatures:
        signer = known.get((signature.name, signature.key_id))
        if signer is not None:
            signer.verify(note.text, signature)
            found.append((signer, signature))
    if not found:
        raise SignatureInvalid("the note has no signature of a known key")
    return tuple(found)


class NoteSigner(Protocol):
    """Whoever signs notes."""

    @property
    def name(self) -> str:
        """The name it signs with."""

    @property
    def verifier_key(self) -> VerifierKey:
        """What its signatures are verified with."""

    def sign(self, text: str) -> Signature:
        """A signature over a note text. Raises ValueError where its kind cannot sign that."""


@dataclass(frozen=True, slots=True)
class KeySigner:
    """A `NoteSigner` over a function that signs bytes, so that no key has to come in here.

    `clock` gives POSIX seconds, for the kinds that carry a time.
    """

    verifier_key: VerifierKey
    sign_bytes: Callable[[bytes], bytes] = field(repr=False)
    clock: Callable[[], int] = field(repr=False)

    @property
    def name(self) -> str:
        """The name of its key."""
        return self.verifier_key.name

    def sign(self, text: str) -> Signature:
        """Raises ValueError where this kind of key cannot sign the text."""
        key = self.verifier_key
        timestamp = self.clock() if key.kind.timestamped else 0
        raw = self.sign_bytes(signed_bytes(key.kind, key.name, text, timestamp))
        stamp = timestamp.to_bytes(TIMESTAMP_BYTES, "big") if key.kind.timestamped else b""
        return Signature(key.name, key.key_id, stamp + raw)


def _require_name(name: str) -> None:
    if not name or "+" in name or any(one.isspace() or one < " " for one in name):
        raise NoteInvalid("a key's name has no spaces, no plus and is not empty")
    _require_utf8(name)


def _require_utf8(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        # Half of a surrogate pair, as a JSON document may have smuggled in.
        raise NoteInvalid("a note is UTF-8") from error
