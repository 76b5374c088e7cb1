"""Receipts: what a caller keeps, to hold the vault to its log.

A receipt says that an event stands at an index of the log, from when on, and by when the log will
prove it. The events of one batch are signed for together, over the RFC 6962 tree of their leaf
hashes; each receipt has the leaf's path in that tree. Text, so that a person can read one:

    recordsvault-receipt/v1
    index <leaf index in the log, from 0>
    leaf <base64 of the leaf's hash>
    <base64 of a hash>, lowest first: the path in the batch's tree
    <empty line>
    <origin>/receipt
    <number of events in the batch>
    <base64 of the batch's root>
    <when it was committed, RFC 3339>
    <by when it will be provable, RFC 3339>
    <leaf index of the batch's first event>
    <empty line>
    <signature lines, C2SP signed-note, of the node's receipt key>

From the empty line on it is a signed note. If the log later has another leaf at that index, or
none, or proves nothing by then, the receipt shows that the vault broke its word.
"""

from binascii import b2a_base64
from collections.abc import Sequence
from dataclasses import InitVar, dataclass
from typing import Final

from vault.audit.canonical import decode_base64, encode_base64, parse_decimal
from vault.audit.event import format_time, parse_time
from vault.audit.merkle import ProofInvalid, node_hash, verify_inclusion
from vault.audit.note import NoteInvalid, VerifierKey, parse_note, signatures_by
from vault.audit.signers import Signers, receipt_name

HEADER: Final = "recordsvault-receipt/v1"
_HEADER_BYTES: Final = HEADER.encode()
# A batch has no more than some hundred events; the bound only limits what a verifier reads.
_MAX_PATH: Final = 63
_BODY_LINES: Final = 6
_VERIFIED: Final = object()


class ReceiptInvalid(ValueError):
    """Not a receipt, or not one of this vault's nodes."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt whose signature and path were verified. Times in microseconds since 1970."""

    index: int
    leaf_hash: bytes
    batch_first: int
    batch_size: int
    batch_root: bytes
    committed_at: int
    provable_by: int
    made_by: InitVar[object]

    def __post_init__(self, made_by: object) -> None:
        if made_by is not _VERIFIED:
            raise TypeError("a Receipt is made by verify_receipt() only")


class ReceiptWriter:
    """Writes the receipts of a node. `promise` is, in microseconds, how soon after its commit an
    event is promised to be provable."""

    def __init__(self, signers: Signers, promise: int) -> None:
        self._signers = signers
        self._promise = promise

    def write(
        self, leaf_hashes: Sequence[bytes], first: int, wanted: Sequence[int], committed_at: int
    ) -> list[bytes]:
        """Receipts for the events at the places `wanted` of a batch that begins at leaf index
        `first`. Raises what signing raises."""
        levels = _levels(leaf_hashes)
        body = (
            f"{self._signers.name}\n{len(leaf_hashes)}\n{encode_base64(levels[-1][0])}\n"
            f"{format_time(committed_at)}\n{format_time(committed_at + self._promise)}\n{first}\n"
        )
        tail = b"\n" + self._signers.sign(body)
        lines = [[b2a_base64(one) for one in level] for level in levels]
        receipts = []
        for place in wanted:
            path = []
            at = place
            for level in lines:
                sibling = at ^ 1
                if sibling < len(level):
                    path.append(level[sibling])
                at >>= 1
            head = b"%b\nindex %d\nleaf %b" % (_HEADER_BYTES, first + place, lines[0][place])
            receipts.append(b"".join((head, *path, tail)))
        return receipts


def index_of(receipt: bytes) -> int:
    """The leaf index that a receipt of this process's own making names; nothing of it is verified.
    Raises ReceiptInvalid for what is none."""
    try:
        header, line = receipt.split(b"\n", 2)[:2]
        if header != _HEADER_BYTES:
            raise ReceiptInvalid("not a receipt of a known version")
        return parse_decimal(_after("index ", line.decode("ascii")))
    except (ValueError, NoteInvalid) as error:
        raise ReceiptInvalid("not a receipt") from error


def _levels(leaf_hashes: Sequence[bytes]) -> list[list[bytes]]:
    """The rows of the RFC 6962 tree, leaves first: a node without a sibling moves up as it is."""
    level = list(leaf_hashes)
    levels = [level]
    while len(level) > 1:
        above = [node_hash(level[n], level[n + 1]) for n in range(0, len(level) - 1, 2)]
        if len(level) % 2:
            above.append(level[-1])
        level = above
        levels.append(level)
    return levels


def verify_receipt(data: bytes, keys: Sequence[VerifierKey], origin: str) -> Receipt:
    """The receipt, signed by one of the receipt keys of the log `origin`.

    Raises ReceiptInvalid for anything else. That the log kept the promise is another question:
    prove the leaf hash at the index, or see that it is provable by `provable_by`.
    """
    try:
        head, parted, rest = data.decode("utf-8").partition("\n\n")
        header, index_line, leaf_line, *path_lines = head.split("\n")
        if not parted or header != HEADER:
            raise ReceiptInvalid("not a receipt of a known version")
        if len(path_lines) > _MAX_PATH:
            raise ReceiptInvalid("the receipt has too many hashes")
        index = parse_decimal(_after("index ", index_line))
        leaf_hash = decode_base64(_after("leaf ", leaf_line))
        path = [decode_base64(line) for line in path_lines]
        note = parse_note(rest.encode())
        signatures_by(note, keys)
        name, size, root, committed_at, provable_by, first = _body(note.text)
        if name != receipt_name(origin):
            raise ReceiptInvalid("the receipt is of another log")
        receipt = Receipt(
            index,
            leaf_hash,
            parse_decimal(first),
            parse_decimal(size),
            decode_base64(root),
            parse_time(committed_at),
            parse_time(provable_by),
            _VERIFIED,
        )
        place = index - receipt.batch_first
        verify_inclusion(leaf_hash, place, receipt.batch_size, path, receipt.batch_root)
    except ReceiptInvalid:
        raise
    except NoteInvalid as error:
        raise ReceiptInvalid(f"the receipt's note does not hold: {error}") from error
    except ProofInvalid as error:
        raise ReceiptInvalid(f"the leaf is not in the receipt's batch: {error}") from error
    except ValueError as error:
        raise ReceiptInvalid(f"a line of the receipt is malformed: {error}") from error
    return receipt


def _after(prefix: str, line: str) -> str:
    if not line.startswith(prefix):
        raise ReceiptInvalid(f"the receipt has no {prefix.strip()}")
    return line.removeprefix(prefix)


def _body(text: str) -> list[str]:
    lines = text[:-1].split("\n")
    if len(lines) < _BODY_LINES:
        raise ReceiptInvalid("the receipt's note is too short")
    # What a later version says besides is signed, and not known here.
    return lines[:_BODY_LINES]
