"""Reading principals.toml: who may be named in it, and what is refused with how to mend it.

A message names an entry by its position and line and a key by its name, and never shows a value:
a principal's name may be a person's.
"""

import datetime
import difflib
import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from vault.access.principals import _DIRECTORY, _NAME, Principal

_MAX_BYTES: Final = 4 * 1024 * 1024
_WRITABLE_BY_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH

_KEYS: Final = ("name", "uri", "institution", "roles", "not_after")
_INSTITUTION: Final = re.compile(r"[a-z][a-z0-9-]{1,39}")
_ROLE: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
# https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md, section 2: a trust domain of
# lower-case letters, digits, dots, dashes and underscores; a path without empty, "." or ".."
# segments and without a trailing slash; at most 2048 bytes.
_URI: Final = re.compile(r"spiffe://[a-z0-9._-]{1,255}(/(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]+)+")
_MAX_URI: Final = 2048
_HEADER: Final = re.compile(r"\s*\[\[\s*principal\s*\]\]")
_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")


class PrincipalsInvalid(Exception):
    """The principals file cannot be used; the message says where and how to mend it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A principal and his last day (UTC), if there is one."""

    principal: Principal
    not_after: datetime.date | None


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


def parse(data: bytes) -> Mapping[str, Entry]:
    """The entries by URI.

    Raises:
        PrincipalsInvalid: it is not what the module vault.access.directory describes.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PrincipalsInvalid(f"line {line} is not UTF-8; save the file as UTF-8") from None
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # A number of thousands of digits is a plain ValueError. The parser's own words may quote
        # the file; the place is enough to find it.
        found = re.search(r"\(at (line \d+, column \d+|end of document)\)", str(error))
        where = found.group(1) if found else "some line"
        raise PrincipalsInvalid(f"{where} is not TOML; mend the syntax there") from None
    _refuse_unknown(document, ("principal",), "the file")
    tables = document.get("principal")
    if not isinstance(tables, list) or not tables:
        raise PrincipalsInvalid(
            "the file names no principal, so nobody could call; add a [[principal]] entry"
        )

    entries: dict[str, Entry] = {}
    places = _places(text, len(tables))
    names: dict[str, str] = {}
    uris: dict[str, str] = {}
    for place, table in zip(places, tables, strict=True):
        entry = _entry(place, table)
        for key, value, taken in (
            ("name", entry.principal.name, names),
            ("uri", entry.principal.workload, uris),
        ):
            if value in taken:
                raise PrincipalsInvalid(
                    f"{place} has the {key} of {taken[value]}; remove one of them, "
                    f"or give each a {key} of its own"
                )
            taken[value] = place
        entries[entry.principal.workload] = entry
    return entries


def _places(text: str, count: int) -> list[str]:
    lines = [n for n, line in enumerate(text.splitlines(), start=1) if _HEADER.match(line)]
    # Entries written some other way (an inline array) have no header line to point to.
    known = lines if len(lines) == count else []
    return [f"principal {n + 1}" + (f" (line {known[n]})" if known else "") for n in range(count)]


def _entry(place: str, table: object) -> Entry:
    if not isinstance(table, dict):
        raise PrincipalsInvalid(f"{place} is not a table; write it as a [[principal]] entry")
    _refuse_unknown(table, _KEYS, place)
    for key in ("name", "uri", "roles"):
        if key not in table:
            raise PrincipalsInvalid(f"{place} has no {key}; add it")
    roles = table["roles"]
    if not isinstance(roles, list) or not roles:
        raise PrincipalsInvalid(
            f'{place}: roles is not a list of role names; write for example roles = ["operator"]'
        )
    for role in roles:
        _matching(place, "roles", role, _ROLE, "a role is lower-case letters, digits and _")
    if len(set(roles)) != len(roles):
        raise PrincipalsInvalid(f"{place}: roles names a role twice; remove one of them")
    not_after = table.get("not_after")
    if not_after is not None and (
        not isinstance(not_after, datetime.date) or isinstance(not_after, datetime.datetime)
    ):
        raise PrincipalsInvalid(
            f"{place}: not_after is not a date; write it without quotes and time, as 2027-12-31"
        )
    institution = ""
    if "institution" in table:
        institution = _matching(
            place,
            "institution",
            table["institution"],
            _INSTITUTION,
            "it is 2 to 40 lower-case letters, digits and dashes; "
            "leave the key out for a node of the vault itself",
        )
    uri = _matching(
        place, "uri", table["uri"], _URI, "write the URI of the certificate, as spiffe://bank/crm"
    )
    if len(uri) > _MAX_URI:
        raise PrincipalsInvalid(f"{place}: uri is longer than {_MAX_URI} characters; shorten it")
    name = _matching(
        place,
        "name",
        table["name"],
        _NAME,
        "it is up to 100 lower-case letters, digits, dots, dashes and underscores",
    )
    return Entry(Principal(name, institution, frozenset(roles), uri, _DIRECTORY), not_after)


def _matching(place: str, key: str, value: object, pattern: re.Pattern[str], mend: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise PrincipalsInvalid(f"{place}: {key} is not valid; {mend}")
    return value


def _refuse_unknown(table: Mapping[str, object], known: tuple[str, ...], place: str) -> None:
    for key in table:
        if key not in known:
            # A key of another shape may be a value in the wrong place.
            shown = f"an unknown key {key}" if _PLAIN_KEY.fullmatch(key) else "an unknown key"
            close = difflib.get_close_matches(key, known, 1)
            mend = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
            raise PrincipalsInvalid(f"{place} has {shown}; {mend}")
