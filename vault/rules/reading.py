"""Reads rule sets that are data: TOML with a known form, every mistake named with its file."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

MAX_BYTES = 65_536
T = TypeVar("T")


class RulesInvalid(Exception):
    """A file of rules cannot be used; says what is wrong and where."""


def read(text: str, form: type[T]) -> T:
    """A file's text in its form. Raises RulesInvalid."""
    if len(text.encode()) > MAX_BYTES:
        raise RulesInvalid(f"the file is longer than {MAX_BYTES} bytes")
    try:
        return msgspec.convert(tomllib.loads(text), form)
    except tomllib.TOMLDecodeError as problem:
        raise RulesInvalid(f"this is not TOML: {problem}") from None
    except msgspec.ValidationError as problem:
        raise RulesInvalid(str(problem)) from None


def read_folder(folder: Path, form: type[T]) -> Iterator[tuple[str, T]]:
    """Every file of a folder, in order of name, with its name. Raises RulesInvalid."""
    if not folder.is_dir():
        raise RulesInvalid(f"{folder} is no folder of rules")
    for path in sorted(folder.glob("*.toml")):
        try:
            yield path.name, read(path.read_text(encoding="utf-8"), form)
        except (RulesInvalid, UnicodeDecodeError) as problem:
            raise RulesInvalid(f"{path.name}: {problem}") from None
        except OSError as problem:
            raise RulesInvalid(f"{path.name} cannot be read: {problem.strerror}") from None
