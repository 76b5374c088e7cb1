"""What the full tier signs of each version of a proposal, and how both tiers hold a row to it.

A signed note (C2SP signed-note) in the name of `<origin>/access`:

    demo.bank/log/access
    recordsvault proposal v1
    institution demo-bank           "-" for the vault as a whole
    proposal 01kaz0...
    version 2
    kind DIRECTORY
    stage APPROVED
    applied 7                       0 where this version does not say that it was approved
    previous <base64>               the chain of the approved rows in front of it; "-" likewise
    row <base64>                    the row's hash (vault/store/rows.py): every column

So a row that was put in, changed, numbered anew or put behind other rows is not what was signed.
Whoever can write to the database has no key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from vault.audit.canonical import decode_base64, encode_base64, parse_decimal
from vault.audit.note import (
    AlgorithmMissing,
    Note,
    NoteInvalid,
    SignatureInvalid,
    VerifierKey,
    parse_note,
    signatures_by,
)
from vault.audit.signers import Signers
from vault.store import StoreAltered
from vault.store.proposals import ApprovedHead, ProposalRow, SignedRow, behind

_FORMAT: Final = "recordsvault proposal v1"
CERTIFICATE: Final = "recordsvault certificate of disposal v1"
_NONE: Final = "-"
_HASH_BYTES: Final = 32

_ALTERED: Final = (
    "`vaultctl audit verify --live` names the rows; take out what was put in, or restore the rows "
    "as the vault wrote them. What was in force before stays in force, and nothing else is taken"
)
_KEYS: Final = (
    "give this node the keys of `vaultd keys show` on the full tier's machine: "
    "access.public_keys of a masked node, access.signing of a full one"
)


class NotSigned(StoreAltered):
    """A row of the proposals is not one that the full tier has signed. ``remedy`` says what to do
    about it."""

    def __init__(self, text: str, remedy: str = _ALTERED) -> None:
        super().__init__(text)
        self.remedy = remedy


class ProposalSigner:
    """The full tier's. For any thread."""

    def __init__(self, signers: Signers) -> None:
        self._signers = signers

    def sign(self, row: ProposalRow, before: ApprovedHead | None = None) -> bytes:
        """The note of a version; of one that says that it was approved with the head that it is
        put behind."""
        text = _text(self._signers.name, row, before.chain if before is not None else None)
        return self._signers.sign(text)

    def certificate(self, lines: Sequence[str]) -> bytes:
        """The note of a certificate of disposal (vault.services.retention.certificate)."""
        return self._signers.sign("".join(f"{line}\n" for line in self.certified(lines)))

    def certified(self, lines: Sequence[str]) -> tuple[str, ...]:
        """The lines of such a note: no proposal's, and no checkpoint's."""
        return (self._signers.name, CERTIFICATE, *lines)


class ProposalVerifier:
    """Of either tier. ``name`` is the signers', ``keys`` gives their public keys."""

    def __init__(self, name: str, keys: Callable[[], Sequence[VerifierKey]]) -> None:
        self._name = name
        self._keys = keys

    def approved(self, signed: SignedRow, before: ApprovedHead) -> None:
        """Hold an approved row to its note, behind the rows that it was put behind. Raises
        NotSigned."""
        what = f"approved change {before.size + 1}"
        note = self._believed(signed.note, what)
        if note.text != _text(self._name, signed.row, before.chain):
            raise NotSigned(f"{what} is not what was signed, or not where it was put")

    def alone(self, signed: SignedRow) -> None:
        """Hold a row to its note, wherever it stands. Raises NotSigned."""
        what = f"version {signed.row.version} of a proposal"
        note = self._believed(signed.note, what)
        try:
            previous = _previous(note.text) if signed.row.applied else None
        except ValueError:
            raise NotSigned(f"{what} is not what was signed") from None
        if note.text != _text(self._name, signed.row, previous):
            raise NotSigned(f"{what} is not what was signed")

    def head_of(self, note: bytes) -> ApprovedHead:
        """The head behind the approved row that a note is of. Raises NotSigned where it is of
        none."""
        what = "the approved change in the second place"
        text = self._believed(note, what).text
        try:
            size, previous = parse_decimal(_value(text, "applied")), _previous(text)
            row = decode_base64(_value(text, "row"))
        except ValueError:
            raise NotSigned(f"{what} is none") from None
        return behind(ApprovedHead(size - 1, previous), row)

    def _believed(self, note: bytes | None, what: str) -> Note:
        """The note, which is of ours. Raises NotSigned."""
        if note is None:
            raise NotSigned(f"{what} has no signature")
        keys = self._keys()
        try:
            read = parse_note(note)
            if not any(key.made(one) for key in keys for one in read.signatures):
                raise NotSigned(f"{what} is signed by no key that this node knows", _KEYS)
            signatures_by(read, keys)
        except (SignatureInvalid, AlgorithmMissing):
            raise NotSigned(f"the signature of {what} is wrong") from None
        except NoteInvalid:
            raise NotSigned(f"the signature of {what} is none") from None
        return read


def _text(name: str, row: ProposalRow, previous: bytes | None) -> str:
    lines = (
        name,
        _FORMAT,
        f"institution {row.institution or _NONE}",
        f"proposal {row.proposal}",
        f"version {row.version}",
        f"kind {row.kind}",
        f"stage {row.stage}",
        f"applied {row.applied}",
        f"previous {_NONE if previous is None else encode_base64(previous)}",
        f"row {encode_base64(row.hash())}",
    )
    return "".join(f"{line}\n" for line in lines)


def _previous(text: str) -> bytes:
    found = decode_base64(_value(text, "previous"))
    if len(found) != _HASH_BYTES:
        raise ValueError("no hash")
    return found


def _value(text: str, key: str) -> str:
    """The value of a line of a note that is ours. Raises ValueError."""
    lines = text.split("\n")
    if len(lines) != 11 or lines[1] != _FORMAT:
        raise ValueError("another text")
    for line in lines[2:]:
        name, _, value = line.partition(" ")
        if name == key:
            return value
    raise ValueError("no such line")
