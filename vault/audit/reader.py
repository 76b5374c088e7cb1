"""Read the log: a page at a time, filtered by index; the head; the check of the whole chain."""

from sqlalchemy import Connection, select

from vault.audit.chain import Head
from vault.store.errors import StoreDamaged
from vault.store.schema import audit_head

_HEAD = select(audit_head.c.size, audit_head.c.chain, audit_head.c.recorded_at)


def head(conn: Connection) -> Head:
    """The log's present head. Raises StoreDamaged when there is none."""
    row = conn.execute(_HEAD).first()
    if row is None:
        raise StoreDamaged("the log has no head")
    return Head(row[0], row[1], row[2])
