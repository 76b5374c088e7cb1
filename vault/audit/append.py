"""Append events to the log's tables within the caller's transaction."""

from collections.abc import Sequence

from sqlalchemy import Connection

from vault.audit.chain import StoredEvent, extend
from vault.audit.event import AuditEvent, customers_of
from vault.audit.known import KnownHead
from vault.store.errors import StoreDamaged
from vault.store.schema import audit_customers, audit_events
from vault.store.statements import insert_rows

# Straight to the driver: three short statements a batch, whose texts never change.
_HEAD = "SELECT size, chain, recorded_at FROM audit_head WHERE id = 1"
_HEAD_LOCKED = _HEAD + " FOR UPDATE"
_MOVE = {
    "sqlite": "UPDATE audit_head SET size = ?, chain = ?, recorded_at = ? WHERE id = 1",
    "postgresql": "UPDATE audit_head SET size = %s, chain = %s, recorded_at = %s WHERE id = 1",
}


def append(
    conn: Connection,
    events: Sequence[tuple[AuditEvent, bytes]],
    now: int,
    known: KnownHead | None = None,
) -> list[StoredEvent]:
    """Append events (each with its encoded bytes) and move the head; return what now stands.

    `now` is in microseconds; should it lie before the head's time, the head's time is used.

    The head row is the lock by which several processes append to one chain. On PostgreSQL it is
    taken here and held until the commit, so call this last in a transaction; on SQLite the
    transaction has the database's only write lock from its beginning. Raises StoreDamaged when
    there is no head, LogSetBack when it is behind what is `known`, VersionConflict when events
    stand beyond it (the log was tampered with).
    """
    dialect = conn.dialect.name
    row = conn.exec_driver_sql(_HEAD_LOCKED if dialect == "postgresql" else _HEAD).first()
    if row is None:
        raise StoreDamaged("the log has no head")
    size, chain, before = int(row[0]), bytes(row[1]), int(row[2])
    if known is not None:
        known.require(size, chain)
    recorded_at = max(now, before)
    stored: list[StoredEvent] = []
    rows = []
    mentions: list[tuple[str, str, int]] = []
    for event, leaf in events:
        size += 1
        chain = extend(chain, leaf)
        stored.append(StoredEvent(size, recorded_at, leaf, chain))
        rows.append(
            (
                size,
                event.institution,
                event.actor,
                event.action,
                event.decision.value,
                recorded_at,
                leaf,
                chain,
            )
        )
        mentions.extend((event.institution, c, size) for c in customers_of(event))
    insert_rows(conn, audit_events, rows)
    insert_rows(conn, audit_customers, mentions)
    moved = conn.exec_driver_sql(_MOVE[dialect], (size, chain, recorded_at))
    if moved.rowcount != 1:
        raise StoreDamaged("the log's head did not move")
    return stored
