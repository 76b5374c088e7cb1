"""Who disposes of records, places a hold or takes a person's request waits for the others: one of
them at a time. It says nothing of what there is."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, text

_GATE: Final = 0x72_76_68_6F


def gate(conn: Connection) -> None:
    """Let nobody else place a hold, or dispose of anything, before this transaction ends."""
    if conn.dialect.name == "postgresql":
        conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _GATE})
