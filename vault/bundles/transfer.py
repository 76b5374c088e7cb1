"""The bundle of a customer's file that goes to another vault: what is in it, once it is proved.

    rows/{n}.json, rows/{n}.plain    every version of the customer, of his documents, of their
                                     contents; his transactions
    contents/{n}.{ending}            the bytes of contents
    events/, checkpoint              what the log says of these rows
    manifest.json, manifest.note

It is a bundle as of a transaction (evidence.py), of all rows of a file. It is known by the
SHA-256 of its manifest.

The acknowledgement of it is a signed note (C2SP signed-note) of the receiving vault's log over

    <origin>/transfer
    recordsvault transfer v1
    manifest <base64 of the SHA-256 of the bundle's manifest.json>
    from <the log that proves the bundle> <the file's name there>
    as <the file's name in the receiving vault>
    at <RFC 3339>

which is no checkpoint, and no bundle's manifest.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from vault.audit.canonical import decode_base64, encode_base64
from vault.audit.event import EventUnreadable, format_time, parse_time
from vault.audit.note import NoteInvalid, VerifierKey, parse_note, signatures_by
from vault.bundles.manifest import MANIFEST
from vault.bundles.verifying import BundleFiles, BundleInvalid, verify_bundle
from vault.records import CustomerName, InvalidName

KIND: Final = "transfer"
FORMAT: Final = "recordsvault transfer v1"
_ULID: Final = "[0-9a-hjkmnp-tv-z]{26}"
_ROW: Final = re.compile(
    rf"customers/({_ULID})(?:/((?:documents|transactions|transfers)/{_ULID}))?"
    rf"(/contents/[1-9][0-9]{{0,2}})?(?:@([1-9][0-9]{{0,8}}))?"
)
_TABLES: Final = {"documents": "documents", "transactions": "transactions"}


@dataclass(frozen=True, slots=True)
class TransferRow:
    """A row of a file: of the customer where `record` is empty, else of "documents/{id}" or
    "transactions/{id}"; with `page` of a content of it, whose bytes are the file `content`.
    `number` is that of its files in the bundle, `events` are the numbers of those that name it;
    `recorded_at` in microseconds, and `scope`, of a content, are as they were there."""

    number: int
    record: str
    page: int
    version: int
    recorded_at: int
    recorded_by: str
    content: str = ""
    content_type: str = ""
    size: int = 0
    scope: str = ""
    events: tuple[int, ...] = ()

    @property
    def path(self) -> str:
        """What names it in its file: the record, and the content where it is one."""
        return f"{self.record}/contents/{self.page}" if self.page else self.record


@dataclass(frozen=True, slots=True)
class Transfer:
    """A bundle that is proved. `name` is the file's name where it comes from, `log` the log that
    proves it; rows in order: the customer's, the records', the
    contents'."""

    name: CustomerName
    log: str
    manifest_sha256: bytes
    made_at: int
    rows: tuple[TransferRow, ...]


def read_transfer(files: BundleFiles, keys: Sequence[VerifierKey]) -> Transfer:
    """Verify a bundle wholly and say what is in it. Raises BundleInvalid."""
    rows: list[TransferRow] = []
    found: dict[str, str] = {}

    def each(path: str, row: Mapping[str, Any], _plain: bytes) -> None:
        rows.append(_row(files, path, row, found))

    manifest = files.read(MANIFEST)
    verified = verify_bundle(files, keys, each)
    facts = _facts(manifest)
    try:
        name = CustomerName.parse(verified.name)
    except InvalidName:
        raise BundleInvalid("it is of no customer's file") from None
    if found != {name.customer: name.institution}:
        raise BundleInvalid("it has rows of another file")
    _require_whole(rows, facts)
    return Transfer(name, verified.log, sha256(manifest).digest(), verified.made_at, tuple(rows))


def _row(
    files: BundleFiles, path: str, row: Mapping[str, Any], found: dict[str, str]
) -> TransferRow:
    columns, number = row["columns"], int(path[5:-5])
    match = _ROW.fullmatch(row["name"])
    if match is None:
        raise BundleInvalid(f"{path} is of no record of a file")
    customer, record, contents, version = match[1], match[2] or "", match[3] or "", match[4]
    collection = record.partition("/")[0]
    table = "contents" if contents else _TABLES.get(collection, "" if collection else "customers")
    page = int(contents.rpartition("/")[2]) if contents else 0
    at = (columns["institution"], columns["customer"])
    if row["table"] != table or (version is None) != (table == "transactions"):
        raise BundleInvalid(f"{path} is of another table than its name says")
    if at[1] != customer or columns.get("page", 0) != page:
        raise BundleInvalid(f"{path} is another record than its name says")
    found[customer] = at[0]
    if not contents:
        return TransferRow(
            number,
            record,
            0,
            int(version or 1),
            columns["recorded_at"],
            columns["recorded_by"],
            events=tuple(row["events"]),
        )
    size = files.at[row["content"]][1]
    if columns["record"] != record or columns["size"] != size:
        raise BundleInvalid(f"{path} is another content than its name says")
    return TransferRow(
        number,
        record,
        page,
        int(version),
        columns["recorded_at"],
        columns["recorded_by"],
        row["content"],
        columns["content_type"],
        size,
        columns["scope"],
        tuple(row["events"]),
    )


def _facts(manifest: bytes) -> Mapping[str, Any]:
    try:
        whole = json.loads(manifest)
        if whole["kind"] != KIND:
            raise BundleInvalid("it is no file that goes to another vault")
        facts: Mapping[str, Any] = whole["facts"]
    except (ValueError, LookupError, TypeError):
        raise BundleInvalid("its manifest is malformed") from None
    return facts


def _require_whole(rows: Sequence[TransferRow], facts: Mapping[str, Any]) -> None:
    """Every version from the first one on, and as many as the manifest counts."""
    versions = Counter(row.path for row in rows)
    for row in rows:
        if row.version > versions[row.path]:
            raise BundleInvalid("a version is missing")
    if len({(row.path, row.version) for row in rows}) != len(rows):
        raise BundleInvalid("a version is there twice")
    if facts.get("rows") != len(rows) or not versions[""]:
        raise BundleInvalid("it has another number of rows than its manifest says")
    last = [(row.page > 0, row.record != "", row.record, row.page, row.version) for row in rows]
    if last != sorted(last):
        raise BundleInvalid("its rows are in another order")


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """That a file was received whole: by which log's vault, which bundle, under which name, and
    when (microseconds)."""

    log: str
    manifest_sha256: bytes
    from_log: str
    origin: str
    received_as: str
    at: int

    @property
    def text(self) -> str:
        """What is signed."""
        return (
            f"{self.log}/transfer\n{FORMAT}\n"
            f"manifest {encode_base64(self.manifest_sha256)}\n"
            f"from {self.from_log} {self.origin}\n"
            f"as {self.received_as}\n"
            f"at {format_time(self.at)}\n"
        )


def read_acknowledgement(data: bytes, keys: Sequence[VerifierKey]) -> Acknowledgement:
    """The acknowledgement in a note that one of these keys has signed. Raises NoteInvalid."""
    note = parse_note(data)
    signers = {key.name for key, _ in signatures_by(note, keys)}
    try:
        first, form, manifest, origin, received, at = note.text.removesuffix("\n").split("\n")
        log, name = origin.removeprefix("from ").split(" ")
        found = Acknowledgement(
            first.removesuffix("/transfer"),
            decode_base64(manifest.removeprefix("manifest ")),
            log,
            str(CustomerName.parse(name)),
            str(CustomerName.parse(received.removeprefix("as "))),
            parse_time(at.removeprefix("at ")),
        )
    except (ValueError, EventUnreadable):
        raise NoteInvalid("it is no acknowledgement of a transfer") from None
    # The same text again: no other spelling is taken for it.
    if form != FORMAT or found.text != note.text or found.log not in signers:
        raise NoteInvalid("it is no acknowledgement of a transfer")
    return found
