"""Verifies a bundle of a transaction, or of a file that is transferred, with the vault's own code;
clients/verifier does so without.

Every byte counts: the tar is written anew from what it says and compared, each file is the one of
the manifest, the manifest and the checkpoint are signed by the log, each event is proved under that
one checkpoint, each row has the hash that the log has, and its sealed column opens to the plaintext
beside it.
"""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, BinaryIO, Final

from vault.audit.canonical import decode_base64
from vault.audit.checkpoint import Checkpoint, CheckpointInvalid, verify_checkpoint
from vault.audit.event import EventUnreadable, decode, parse_time
from vault.audit.merkle import leaf_hash, verify_inclusion
from vault.audit.note import NoteInvalid, VerifierKey, parse_note, signatures_by
from vault.audit.proof_file import ProofInvalid, parse_proof
from vault.bundles.archive import BLOCK, END, header
from vault.bundles.evidence import CHECKPOINT, proof_path
from vault.bundles.manifest import MANIFEST, NOTE, note_text
from vault.sealing import SealBroken, UnknownSuite, open_disclosed
from vault.store.evidence import BEFORE
from vault.store.rows import row_hash

_PIECE: Final = 1 << 20
_SECOND: Final = 1_000_000
MOST_FILES: Final = 5_000_000
"""Files of a bundle: more than ten times what a customer's file of 100,000 bookings has."""
MOST_BYTES: Final = 512 * 1024 * 1024
"""Of a file that is read whole, such as the manifest."""


class BundleInvalid(Exception):
    """The bundle does not hold; the text names the file, and nothing that is in it."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What was proved. `made_at` in microseconds since the epoch. Of a customer's file, `records`
    are its files, and `size` and `events` are 0."""

    name: str
    log: str
    size: int
    made_at: int
    records: int
    events: int


class BundleFiles:
    """The files of an opened bundle. Raises BundleInvalid for a tar that is not written as ours."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.at: dict[str, tuple[int, int]] = {}
        self.seconds: set[int] = set()
        end, place = file.seek(0, 2), 0
        while (block := self._block(place, BLOCK)) != END[:BLOCK]:
            try:
                info = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
                seconds = int(info.mtime)
                written = header(info.name, info.size, seconds)
            except (tarfile.TarError, ValueError, OverflowError):
                raise BundleInvalid("it is no tar of a bundle") from None
            if written != block or info.name in self.at:
                raise BundleInvalid("a header of the tar was altered")
            if len(self.at) == MOST_FILES:
                raise BundleInvalid("it has more files than any bundle")
            self.at[info.name] = (place + BLOCK, info.size)
            self.seconds.add(seconds)
            place += BLOCK + info.size
            padding = -info.size % BLOCK
            if self._block(place, padding) != bytes(padding):
                raise BundleInvalid("padding of the tar was altered")
            place += padding
        if place + len(END) != end or self._block(place, len(END)) != END:
            raise BundleInvalid("something stands behind the tar's end, or it is cut short")

    def read(self, path: str) -> bytes:
        """A whole file."""
        if path in self.at and self.at[path][1] > MOST_BYTES:
            raise BundleInvalid(f"{path} is too large")
        return b"".join(self._pieces(path))

    def part(self, path: str, offset: int, size: int) -> bytes:
        """Some bytes of a file that has them."""
        return self._block(self.at[path][0] + offset, size)

    def digest(self, path: str) -> bytes:
        """A file's SHA-256."""
        found = sha256()
        for piece in self._pieces(path):
            found.update(piece)
        return found.digest()

    def _pieces(self, path: str) -> Iterator[bytes]:
        if path not in self.at:
            raise BundleInvalid(f"{path} is missing")
        start, size = self.at[path]
        for done in range(0, size, _PIECE):
            yield self._block(start + done, min(size - done, _PIECE))

    def _block(self, place: int, size: int) -> bytes:
        self._file.seek(place)
        return self._file.read(size)


Each = Callable[[str, Mapping[str, Any], bytes], None]
"""Takes the path of a row, what is beside it, and its plaintext, once they are proved."""


def _nothing(_path: str, _row: Mapping[str, Any], _plain: bytes) -> None:
    """The proof alone."""


def verify_bundle(
    files: BundleFiles, keys: Sequence[VerifierKey], each: Each = _nothing
) -> Verified:
    """What the bundle proves, by the log's public keys. Raises BundleInvalid; what `each` was told
    until then counts for nothing."""
    return _guarded(lambda: _verify(files, keys, each))


def _guarded(prove: Callable[[], Verified]) -> Verified:
    try:
        return prove()
    except (NoteInvalid, CheckpointInvalid, ProofInvalid, EventUnreadable) as error:
        raise BundleInvalid(str(error)) from None
    except (SealBroken, UnknownSuite):
        raise BundleInvalid("a sealed row does not open to what is beside it") from None
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError):
        raise BundleInvalid("a file of the bundle is malformed") from None


def _verify(files: BundleFiles, keys: Sequence[VerifierKey], each: Each) -> Verified:
    data = files.read(MANIFEST)
    manifest = json.loads(data)
    origin = manifest["log"]
    note = parse_note(files.read(NOTE))
    signatures_by(note, keys)
    if note.text != note_text(origin, data):
        raise BundleInvalid("another manifest was signed")
    listed = {one["path"]: one for one in manifest["files"]}
    if list(files.at) != [*listed, MANIFEST, NOTE]:
        raise BundleInvalid("there are other files than the manifest lists")
    for path, one in listed.items():
        if files.at[path][1] != one["size"] or files.digest(path).hex() != one["sha256"]:
            raise BundleInvalid(f"{path} was altered")
    made_at = parse_time(manifest["made_at"])
    if files.seconds != {made_at // _SECOND}:
        raise BundleInvalid("a time in the tar was altered")
    if manifest["kind"] == "file":
        # A customer's file has no rows with it: the log has signed what the vault gave out.
        return Verified(manifest["name"], origin, 0, made_at, len(listed), 0)
    proved = _proved(files, listed, keys, origin, each)
    if manifest["name"].split("/", 2)[-1] not in proved.names:
        raise BundleInvalid("the record that the bundle is of is not proved")
    return Verified(manifest["name"], origin, proved.size, made_at, proved.rows, proved.events)


@dataclass(frozen=True, slots=True)
class _Proved:
    """Rows that are proved, by how many events and under a checkpoint of which size; the names of
    their records, without versions."""

    names: frozenset[str]
    rows: int
    events: int
    size: int


def _proved(
    files: BundleFiles,
    listed: Iterable[str],
    keys: Sequence[VerifierKey],
    origin: str,
    each: Each,
) -> _Proved:
    checkpoint = verify_checkpoint(files.read(CHECKPOINT), keys, origin)
    paths = list(listed)
    rows_of = _events(files, paths, checkpoint)
    names: set[str] = set()
    number = 0
    for path in paths:
        if re.fullmatch(r"rows/[0-9]+\.json", path):
            row, number = json.loads(files.read(path)), number + 1
            each(path, row, _row(files, row, rows_of))
            names.add(row["name"].partition("@")[0])
    return _Proved(frozenset(names), number, len(rows_of), checkpoint.size)


def is_evidence(files: BundleFiles) -> bool:
    """Whether these are rows and proofs alone."""
    return {path.split("/")[0] for path in files.at} == {"rows", "events", CHECKPOINT}


def verify_evidence(files: BundleFiles, keys: Sequence[VerifierKey], origin: str) -> Verified:
    """What rows and proofs without a manifest prove, such as a vault keeps of a file that it has
    taken over: by the keys of the log `origin`, which the rows are in. The bytes of contents are
    not with them. Raises BundleInvalid."""

    def prove() -> Verified:
        if not is_evidence(files):
            raise BundleInvalid(f"{MANIFEST} is missing")
        proved = _proved(files, files.at, keys, origin, _nothing)
        (customer,) = {"/".join(name.split("/")[:2]) for name in proved.names}
        return Verified(customer, origin, proved.size, 0, proved.rows, proved.events)

    return _guarded(prove)


def _events(
    files: BundleFiles, listed: Iterable[str], checkpoint: Checkpoint
) -> dict[int, dict[str, bytes]]:
    """The rows that each event names, of events that are in the log under the checkpoint."""
    found = {}
    for path in listed:
        match = re.fullmatch(r"events/([0-9]+)\.json", path)
        if match is None:
            continue
        index, leaf = int(match[1]), files.read(path)
        proof = parse_proof(files.read(proof_path(index)).decode())
        if proof.checkpoint != checkpoint.note or proof.index != index:
            raise BundleInvalid(f"{path} has the proof of something else")
        verify_inclusion(leaf_hash(leaf), index, checkpoint.size, proof.path, checkpoint.root)
        found[index] = {row.name: row.sha256 for row in decode(leaf).rows}
    return found


def _row(files: BundleFiles, row: Any, rows_of: Mapping[int, Mapping[str, bytes]]) -> bytes:
    """The plaintext of a row that is proved."""
    name, stands = row["name"], None
    for index in row["events"]:
        said = rows_of[index]
        if stands is not None and said.get(name + BEFORE) != stands:
            raise BundleInvalid(f"the events of {name} do not follow each other")
        stands = said[name]
    columns = {key: _column(value) for key, value in row["columns"].items()}
    if row_hash(row["table"], *columns.values()) != stands:
        raise BundleInvalid(f"{name} is not the row that the log has")
    sealed = columns["sealed"]
    if not isinstance(sealed, bytes):
        raise TypeError
    plain = open_disclosed(decode_base64(row["data_key"]), sealed, row["place"].encode())
    if plain != files.read(row["plain"]):
        raise BundleInvalid(f"{row['plain']} is not what the row holds")
    if "content" not in row:
        json.loads(plain)  # without a place where bytes do not count
    elif MANIFEST in files.at and files.digest(row["content"]) != plain[3 + plain[2] :]:
        raise BundleInvalid(f"{row['content']} is another file than was stored")
    return plain


def _column(value: Any) -> str | int | bytes:
    if isinstance(value, dict):
        return decode_base64(value["base64"])
    if isinstance(value, str | int):
        return value
    raise TypeError
