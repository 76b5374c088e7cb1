"""What differs between two versions of a record: the paths of the fields, and no value."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any


def differing(one: Any, other: Any) -> tuple[str, ...]:
    """Paths of the fields in which two records of one type differ, in order of the fields. A list
    that has become longer or shorter differs as a whole, else at its places (`phones[1]`); what
    was not there before differs as a whole too."""
    return tuple(_below(one, other, ""))


def _below(one: Any, other: Any, path: str) -> list[str]:
    if one == other:
        return []
    if is_dataclass(one) and type(one) is type(other):
        out: list[str] = []
        for field in fields(one):
            inner = f"{path}.{field.name}" if path else field.name
            out += _below(getattr(one, field.name), getattr(other, field.name), inner)
        return out
    if isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
        out = []
        for place, (left, right) in enumerate(zip(one, other, strict=True)):
            out += _below(left, right, f"{path}[{place}]")
        return out
    return [path]
