"""Reading principals.toml: who may be named in it, and what is refused with how to mend it.

A message names an entry by its position and line and a key by its name, and never shows a value:
a principal's name may be a person's.
"""

import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Final, NamedTuple

from vault.access.principals_entry import (
    Entry,
    PrincipalsInvalid,
    certificates,
    entry,
    refuse_unknown,
)
from vault.access.roll import Roll

_MAX_BYTES: Final = 4 * 1024 * 1024
_WRITABLE_BY_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH
_REVOKED: Final = "revoked_certificates"

_HEADER: Final = re.compile(r"\s*\[\[\s*principal\s*\]\]")


class Signature(NamedTuple):
    """What differs when a file was replaced, written or given other permissions."""

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int
    mode: int
    owner: int


def signature(status: os.stat_result) -> Signature:
    """The signature of a file."""
    return Signature(
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_mode,
        status.st_uid,
    )


def read_file(path: Path) -> tuple[bytes, Signature]:
    """The file's bytes and its signature from before they were read.

    Raises:
        PrincipalsInvalid: it cannot be read, or others than its owner can write it: whoever writes
            it decides who may open records.
    """
    try:
        # Non-blocking, so that a pipe in the file's place does not hold up the server.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise PrincipalsInvalid(
            f"{path} cannot be opened ({error.strerror}); make it readable to the server"
        ) from error
    try:
        status = os.fstat(descriptor)
        _refuse_unsafe(path, status)
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise PrincipalsInvalid(f"{path} cannot be read ({error.strerror})") from error
    finally:
        os.close(descriptor)
    if len(data) > _MAX_BYTES:
        raise PrincipalsInvalid(f"{path} is larger than {_MAX_BYTES} bytes; shorten it")
    return data, signature(status)


def _refuse_unsafe(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise PrincipalsInvalid(f"{path} is not a file; put the principals file there")
    if status.st_mode & _WRITABLE_BY_OTHERS:
        raise PrincipalsInvalid(
            f"{path} is writable by group or others (mode "
            f"{stat.S_IMODE(status.st_mode):04o}); run: chmod go-w {path}"
        )
    if status.st_uid not in (0, os.geteuid()):
        raise PrincipalsInvalid(
            f"{path} belongs to user {status.st_uid}, who could change it; "
            f"run: chown {os.geteuid()} {path}"
        )


def parse(data: bytes) -> Roll:
    """Who is in the file.

    Raises:
        PrincipalsInvalid: it is not what the module vault.access.directory describes.
    """
    text, document = _toml(data)
    refuse_unknown(document, ("principal", _REVOKED), "the file")
    revoked = certificates("the file", document, _REVOKED)
    tables = document.get("principal")
    if not isinstance(tables, list) or not tables:
        raise PrincipalsInvalid(
            "the file names no principal, so nobody could call; add a [[principal]] entry"
        )
    entries: list[Entry] = []
    places = _places(text, len(tables))
    taken: dict[tuple[str, object], str] = {}
    for place, table in zip(places, tables, strict=True):
        found = entry(place, table)
        uri = found.principal.workload
        for key, value in (
            ("name", found.principal.name),
            *((("uri", uri),) if uri else ()),
            *(("account", account) for account in found.accounts),
        ):
            if (key, value) in taken:
                raise PrincipalsInvalid(
                    f"{place} has the {key} of {taken[key, value]}; remove one of them, "
                    f"or give each a {key} of its own"
                )
            taken[key, value] = place
        entries.append(found)
    return Roll.of(entries, revoked)


def _toml(data: bytes) -> tuple[str, dict[str, object]]:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PrincipalsInvalid(f"line {line} is not UTF-8; save the file as UTF-8") from None
    try:
        return text, tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # A number of thousands of digits is a plain ValueError. The parser's own words may quote
        # the file; the place is enough to find it.
        found = re.search(r"\(at (line \d+, column \d+|end of document)\)", str(error))
        where = found.group(1) if found else "some line"
        raise PrincipalsInvalid(f"{where} is not TOML; mend the syntax there") from None


def _places(text: str, count: int) -> list[str]:
    lines = [n for n, line in enumerate(text.splitlines(), start=1) if _HEADER.match(line)]
    # Entries written some other way (an inline array) have no header line to point to.
    known = lines if len(lines) == count else []
    return [f"principal {n + 1}" + (f" (line {known[n]})" if known else "") for n in range(count)]
