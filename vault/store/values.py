"""Values as the vault wrote them: SQLite lets a column hold another type than its own, which then
came from somebody else."""

from __future__ import annotations

from vault.store.errors import StoreAltered


def as_bytes(value: object) -> bytes:
    """Bytes. Raises StoreAltered. (`bytes(n)` of a huge number would fill the memory.)"""
    if isinstance(value, bytes):
        return value
    if isinstance(value, memoryview | bytearray):
        return bytes(value)
    raise StoreAltered("a value of the log is of another type than it was written")


def as_int(value: object) -> int:
    """A whole number. Raises StoreAltered."""
    if type(value) is int:
        return value
    raise StoreAltered("a value of the log is of another type than it was written")
