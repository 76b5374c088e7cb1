"""Key-encryption keys as local files: reading them strictly, making them safely.

Format, one file a KEK, `{kek}.kek`, JSON (UTF-8), the newest version last:

    {"format": "recordsvault-kek-v1", "kek": "full",
     "versions": [{"version": "1", "created": "2026-01-01T00:00:00Z", "key": "<base64, 32 bytes>"}],
     "retired": []}

`retired` has the names of versions that were destroyed; it may be left out.

What a file and its folder must be is said in vault.kms.private_files.
"""

import base64
import json
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from vault.kms.errors import KekMissing, KeyFileRefused
from vault.kms.keybytes import wipe
from vault.kms.port import KekName
from vault.kms.private_files import (
    create_private,
    key_folder,
    make_key_folder,
    read_private,
    replace_private,
)

FORMAT = "recordsvault-kek-v1"
KEK_BYTES = 32

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class KekVersion:
    """One version of a KEK. `key` is the reader's to wipe."""

    version: str
    key: bytearray = field(repr=False)


def read_kek(directory: Path, kek: KekName) -> list[KekVersion]:
    """The versions of `kek` in `directory`, newest last; none where this node has no such file.

    Raises KeyFileRefused if folder or file is open to others or is no key file, KmsUnavailable if
    it cannot be read.
    """
    path = directory / f"{kek.value}.kek"
    content = kek_file(directory, kek)
    return [] if content is None else parse_kek(content, kek, path)


def kek_file(directory: Path, kek: KekName) -> bytes | None:
    """The bytes of the KEK's file; None where this node has none. Raises as `read_kek`."""
    with key_folder(directory) as folder:
        return read_private(folder, directory / f"{kek.value}.kek")


def create_local_keks(directory: Path, keks: Iterable[KekName]) -> None:
    """Make a new key file for each of `keks`; the folder is made with mode 0700 where absent.

    A file appears whole and synced, or not at all; one that is there already is never replaced.
    Raises KeyFileRefused if it is there, or if the folder is open to others.
    """
    make_key_folder(directory)
    with key_folder(directory) as folder:
        for kek in keks:
            create_private(folder, directory / f"{kek.value}.kek", _new_content(kek))


def add_kek_version(directory: Path, kek: KekName) -> str:
    """Add a version to the KEK's file, which wraps from then on; its name, which no other version
    of any KEK has. The file is exchanged as a whole. Raises KekMissing, and as `read_kek`."""

    def add(document: dict[str, Any]) -> str:
        # A number to count by, and something to search a database's bytes for.
        number = len(document["versions"]) + len(_retired(document)) + 1
        name = f"{number}-{secrets.token_hex(8)}"
        document["versions"].append(_new_version(name))
        return name

    return _change(directory, kek, add)


def remove_kek_version(directory: Path, kek: KekName, version: str) -> bool:
    """Take a version out of the KEK's file, if it is there. What it wrapped can then never be
    opened again. False for the newest version, without which there would be no KEK: whoever does
    not need the file any more destroys it. Raises KekMissing, and as `read_kek`."""

    def remove(document: dict[str, Any]) -> bool:
        versions: list[dict[str, str]] = document["versions"]
        if versions[-1]["version"] == version:
            return False
        left = [entry for entry in versions if entry["version"] != version]
        if len(left) < len(versions):
            # Its name stays: by it a process that holds it knows that this is still its file.
            document.update(versions=left, retired=[*_retired(document), version])
        return True

    return _change(directory, kek, remove)


def _change(directory: Path, kek: KekName, change: Callable[[dict[str, Any]], T]) -> T:
    path = directory / f"{kek.value}.kek"
    with key_folder(directory) as folder:
        content = read_private(folder, path)
        if content is None:
            raise KekMissing(f"this node has no KEK {kek.value!r}")
        for held in parse_kek(content, kek, path):  # refuses what is no key file
            wipe(held.key)
        document: dict[str, Any] = json.loads(content)
        said = change(document)
        replace_private(folder, path, _encoded(document))
    return said


def parse_kek(content: bytes, kek: KekName, path: Path) -> list[KekVersion]:
    """The versions in a key file's bytes, newest last. Raises KeyFileRefused."""

    def refused(why: str) -> KeyFileRefused:
        return KeyFileRefused(f"{path} is no {FORMAT} file: {why}; restore it from its backup")

    try:
        document: Any = json.loads(content)
        if document["format"] != FORMAT:
            raise refused("another format")
        if document["kek"] != kek.value:
            # A key renamed into another's place would join the branches that must never meet.
            raise refused(f"it does not hold the KEK {kek.value!r}")
        versions = [
            KekVersion(str(entry["version"]), bytearray(base64.b64decode(entry["key"], None, True)))
            for entry in document["versions"]
        ]
    # `from None`: the errors of the parsers quote what they read, which here is a key.
    except (ValueError, LookupError, TypeError, RecursionError):
        raise refused("malformed") from None
    if not versions:
        raise refused("it holds no version")
    if len({version.version for version in versions}) != len(versions):
        raise refused("two versions have one name")
    if any(len(version.key) != KEK_BYTES for version in versions):
        raise refused(f"a key is not {KEK_BYTES} bytes long")
    return versions


def retired_versions(directory: Path, kek: KekName) -> frozenset[str]:
    """The names of the versions that were taken out of the KEK's file. Raises as `read_kek`."""
    content = kek_file(directory, kek)
    try:
        return frozenset() if content is None else frozenset(_retired(json.loads(content)))
    except (ValueError, TypeError, RecursionError):
        raise KeyFileRefused(f"{kek.value}.kek is no {FORMAT} file") from None


def _retired(document: dict[str, Any]) -> list[str]:
    found = document.get("retired", [])
    return [str(name) for name in found] if isinstance(found, list) else []


def _new_content(kek: KekName) -> bytes:
    return _encoded({"format": FORMAT, "kek": kek.value, "versions": [_new_version("1")]})


def _new_version(name: str) -> dict[str, str]:
    return {
        "version": name,
        "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "key": base64.b64encode(secrets.token_bytes(KEK_BYTES)).decode("ascii"),
    }


def _encoded(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=2).encode("ascii") + b"\n"
