"""The file of a backup: a line of JSON that says for whom, then a sealed stream.

    {"format": "recordsvault-key-backup-v1", "backup": "01J...", "created": "2026-...Z",
     "vault": "demo.bank/log", "revision": "k0003", "threshold": 2, "split": 12345,
     "custodians": [{"name": "alice", "public_key": "<base64>", "share": "<base64>"}, ...]}

The stream is sealed under a random key (C2SP chunked-encryption with AES-256-GCM,
vault.sealing.stream), with the whole line as its context: a line that was altered opens nothing.
The key is split by SLIP-0039, and each share sealed to one custodian by HPKE
(vault.kms.custodians). All three are published formats: decision 0015.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from vault.kms import SharesRefused
from vault.kms.custodians import Custodian, Custodians, ShareRefused, open_share, seal_share
from vault.kms.keybytes import framed, random_key, wipe
from vault.kms.shares import SECRET_BYTES, ReadShare, combine, read_share, split_secret
from vault.sealing import SealBroken
from vault.sealing.stream import open_, seal
from vault.sealing.suites import AES_256_GCM

FORMAT: Final = "recordsvault-key-backup-v1"
_MOST_HEADER: Final = 1 << 16
_MOST_LINE: Final = 1 << 20
_PIECE: Final = 1 << 16


class BackupInvalid(Exception):
    """The file is no backup of keys, or does not open; says why, and holds nothing of it."""


@dataclass(frozen=True, slots=True)
class Header:
    """The first line. `backup` is a ULID; `created` in RFC 3339; `revision` the key store's."""

    backup: str
    created: str
    vault: str
    revision: str
    custodians: Custodians
    split: int
    line: bytes = field(repr=False)
    shares: Mapping[str, bytes] = field(repr=False)


def write(
    to: IO[bytes],
    custodians: Custodians,
    facts: Mapping[str, str],
    lines: Iterable[bytes],
) -> Header:
    """Write a whole file. `facts` are `backup`, `created`, `vault` and `revision`."""
    key = random_key(SECRET_BYTES)
    try:
        shares = split_secret(key, custodians.threshold, len(custodians.all))
        if combine(shares[: custodians.threshold]) != key:
            raise SharesRefused("the shares do not give back what was split")
        line = _header_line(custodians, facts, shares)
        to.write(line)
        for piece in seal(AES_256_GCM, key, _context(line), lines):
            to.write(piece)
    finally:
        wipe(key)
    return read_header(line)


def _header_line(
    custodians: Custodians, facts: Mapping[str, str], shares: list[ReadShare]
) -> bytes:
    backup = facts["backup"].encode()
    document = {
        "format": FORMAT,
        **{name: facts[name] for name in ("backup", "created", "vault", "revision")},
        "threshold": custodians.threshold,
        "split": shares[0].split,
        "custodians": [
            {
                "name": one.name,
                "public_key": one.public_text,
                "share": base64.b64encode(seal_share(one, backup, share.words)).decode("ascii"),
            }
            for one, share in zip(custodians.all, shares, strict=True)
        ],
    }
    return json.dumps(document, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


def read_header(line: bytes) -> Header:
    """Read the first line. Raises BackupInvalid."""
    try:
        document: Any = json.loads(line)
        if document["format"] != FORMAT:
            raise ValueError
        entries = document["custodians"]
        found = tuple(
            Custodian(str(one["name"]), base64.b64decode(one["public_key"], None, True))
            for one in entries
        )
        sealed = {str(one["name"]): base64.b64decode(one["share"], None, True) for one in entries}
        return Header(
            backup=str(document["backup"]),
            created=str(document["created"]),
            vault=str(document["vault"]),
            revision=str(document["revision"]),
            custodians=Custodians(int(document["threshold"]), found),
            split=int(document["split"]),
            line=line,
            shares=sealed,
        )
    except (ValueError, LookupError, TypeError, RecursionError):
        raise BackupInvalid("this is no backup of keys, or its first line was altered") from None


class OpenedBackup:
    """A backup with enough custodians' keys: `lines` reads it, from the start each time."""

    def __init__(self, path: Path, header: Header, key: bytearray, by: tuple[str, ...]) -> None:
        self.header = header
        self.by = by
        self._path = path
        self._key = key

    def __repr__(self) -> str:
        return f"<OpenedBackup {self.header.backup}>"

    def lines(self) -> Iterator[bytes]:
        """The lines of the stream, each authenticated; that none is missing is known at the end.

        Raises BackupInvalid where it breaks.
        """
        rest = b""
        try:
            with self._path.open("rb") as file:
                if file.readline(_MOST_HEADER) != self.header.line:
                    raise BackupInvalid("the file was exchanged meanwhile")
                pieces = iter(lambda: file.read(_PIECE), b"")
                for chunk in open_(AES_256_GCM, self._key, _context(self.header.line), pieces):
                    *whole, rest = (rest + bytes(chunk)).split(b"\n")
                    if len(rest) > _MOST_LINE:
                        raise BackupInvalid("a line of the backup is too long")
                    for line in whole:
                        yield line + b"\n"
        except SealBroken:
            raise BackupInvalid(
                "the backup was altered or cut short: take another copy of it"
            ) from None
        except OSError as error:
            raise BackupInvalid(f"the backup cannot be read: {error.strerror}") from None
        if rest:
            raise BackupInvalid("the backup ends in the middle of a line")

    def close(self) -> None:
        """Wipe its key."""
        wipe(self._key)


def header_of(path: Path) -> Header:
    """The first line of a file, which may be all that it has. Raises BackupInvalid."""
    try:
        with path.open("rb") as file:
            return read_header(file.readline(_MOST_HEADER))
    except OSError as error:
        raise BackupInvalid(f"{path} cannot be read: {error.strerror}") from None


def share_of(header: Header, key: X25519PrivateKey) -> ReadShare:
    """A custodian's share, opened with his private key. Raises BackupInvalid."""
    public = key.public_key().public_bytes_raw()
    custodian = next((one for one in header.custodians.all if one.public_key == public), None)
    if custodian is None:
        names = ", ".join(one.name for one in header.custodians.all)
        raise BackupInvalid(f"a key is none of this backup's custodians: {names}")
    try:
        sealed = header.shares[custodian.name]
        return read_share(open_share(key, custodian, header.backup.encode(), sealed))
    except (ShareRefused, SharesRefused):
        raise BackupInvalid(
            f"the share of {custodian.name} was altered: take another copy of the backup"
        ) from None


def open_backup(
    path: Path, keys: Iterable[X25519PrivateKey] = (), words: Iterable[str] = ()
) -> OpenedBackup:
    """Open a backup with custodians' private keys, or with shares that they have opened with them
    elsewhere, or with some of both.

    Raises BackupInvalid: no backup, a key or words that are no custodian's, or too few of them.
    """
    header = header_of(path)
    shares = {share.number: share for share in (share_of(header, key) for key in keys)}
    for text in words:
        try:
            share = read_share(text)
        except SharesRefused as refused:
            raise BackupInvalid(str(refused)) from None
        if share.split != header.split or share.number > len(header.custodians.all):
            raise BackupInvalid("a share belongs to another backup")
        shares[share.number] = share
    need = header.custodians.threshold
    if len(shares) < need:
        raise BackupInvalid(f"{need} custodians are needed, and {len(shares)} gave their shares")
    chosen = [shares[number] for number in sorted(shares)[:need]]
    try:
        secret = combine(chosen)
    except SharesRefused:
        raise BackupInvalid("the shares do not belong together: take another copy") from None
    # In the order in which they were split: custodian by custodian.
    names = tuple(sorted(header.custodians.all[number - 1].name for number in shares))
    return OpenedBackup(path, header, secret, names)


def _context(line: bytes) -> bytes:
    return framed(FORMAT.encode(), line)
