"""How an event names a row that its write has made, and the row's hash beside it."""

from __future__ import annotations

from typing import Protocol

from vault.audit import RowHash


class Logged(Protocol):
    """A row that events name."""

    @property
    def name(self) -> str:
        """Its name in the log: below the institution, with its version where it has one."""

    def hash(self) -> bytes:
        """Its hash, 32 bytes."""


def relative(name: str) -> str:
    """What is left of a name below its institution, as events have it."""
    return name.split("/", 2)[2]


def logged(row: Logged) -> RowHash:
    """A row for the event of its write."""
    return RowHash(relative(row.name), row.hash())
