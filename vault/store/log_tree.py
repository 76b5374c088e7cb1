"""The rows of the log's tree: tiles, checkpoints, and the lease of who may add to them.

Plain statements; that a checkpoint is right, and that whoever writes it may, is the sequencer's
work (vault/audit/sequencer.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from vault.store.errors import StoreDamaged
from vault.store.schema import log_checkpoints
from vault.store.statements import in_dialect, insert_rows
from vault.store.values import as_bytes, as_int

_LEASE = "SELECT holder, fence, expires_at FROM log_lease WHERE id = 1"
_CHECKPOINT = "SELECT size, root, note, fence, signed_at FROM log_checkpoints"
_LATEST = _CHECKPOINT + " ORDER BY size DESC LIMIT 1"
_PUT_TILE = """\
INSERT INTO log_tiles (level, tile_index, width, data) VALUES (?, ?, ?, ?)
ON CONFLICT (level, tile_index) DO UPDATE SET width = excluded.width, data = excluded.data
WHERE log_tiles.width < excluded.width"""


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """Who may integrate and sign; `expires_at` in microseconds of the holder's clock."""

    holder: str
    fence: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """A signed tree head. `note` is the C2SP signed note as it goes out."""

    size: int
    root: bytes
    note: bytes = field(repr=False)
    fence: int
    signed_at: int


@dataclass(frozen=True, slots=True)
class TileRow:
    """A hash tile: `width` hashes of 32 bytes."""

    level: int
    index: int
    width: int
    data: bytes = field(repr=False)


def lease(conn: Connection, *, lock: bool = False) -> LeaseRow:
    """The lease. `lock` holds it until the transaction's end (on SQLite the transaction has the
    database's only write lock anyway). Raises StoreDamaged when there is none."""
    locked = " FOR UPDATE" if lock and conn.dialect.name == "postgresql" else ""
    row = conn.exec_driver_sql(_LEASE + locked).first()
    if row is None:
        raise StoreDamaged("the log has no lease row")
    return LeaseRow(str(row[0]), as_int(row[1]), as_int(row[2]))


def set_lease(conn: Connection, row: LeaseRow) -> None:
    """Write the lease; the caller holds its lock."""
    conn.exec_driver_sql(
        in_dialect(conn, "UPDATE log_lease SET holder = ?, fence = ?, expires_at = ? WHERE id = 1"),
        (row.holder, row.fence, row.expires_at),
    )


def latest(conn: Connection) -> CheckpointRow | None:
    """The checkpoint of the largest tree."""
    return _checkpoint(conn.exec_driver_sql(_LATEST).first())


def checkpoint(conn: Connection, size: int) -> CheckpointRow | None:
    """The checkpoint of a size, where it is kept."""
    return _checkpoint(
        conn.exec_driver_sql(in_dialect(conn, _CHECKPOINT + " WHERE size = ?"), (size,)).first()
    )


def _checkpoint(row: Sequence[object] | None) -> CheckpointRow | None:
    if row is None:
        return None
    size, root, note, fence, signed_at = row
    return CheckpointRow(
        as_int(size), as_bytes(root), as_bytes(note), as_int(fence), as_int(signed_at)
    )


def add_checkpoint(conn: Connection, row: CheckpointRow) -> None:
    """Insert one. Raises VersionConflict when there is one of that size."""
    insert_rows(conn, log_checkpoints, [(row.size, row.root, row.note, row.fence, row.signed_at)])


def replace_note(conn: Connection, size: int, old: bytes, new: bytes) -> bool:
    """Put `new` in the place of the note `old` of a size (more signatures, say); False if it was
    not there. Root and size stay."""
    done = conn.exec_driver_sql(
        in_dialect(conn, "UPDATE log_checkpoints SET note = ? WHERE size = ? AND note = ?"),
        (new, size, old),
    )
    return done.rowcount == 1


def prune_checkpoints(conn: Connection, before: int) -> int:
    """Of the checkpoints signed before a time (microseconds), keep the last one of each hour.

    What is dropped can be told from the tiles at any time, but for its signature.
    """
    done = conn.exec_driver_sql(
        in_dialect(
            conn,
            "DELETE FROM log_checkpoints WHERE signed_at < ? AND size NOT IN"
            " (SELECT max(size) FROM log_checkpoints GROUP BY signed_at / 3600000000)",
        ),
        (before,),
    )
    return done.rowcount


def tile(conn: Connection, level: int, index: int) -> TileRow | None:
    """The widest tile there is at a place."""
    row = conn.exec_driver_sql(
        in_dialect(conn, "SELECT width, data FROM log_tiles WHERE level = ? AND tile_index = ?"),
        (level, index),
    ).first()
    return None if row is None else TileRow(level, index, as_int(row[0]), as_bytes(row[1]))


def put_tiles(conn: Connection, rows: Sequence[TileRow]) -> None:
    """Add tiles, or widen them. Raises StoreDamaged where one as wide stands already."""
    text = in_dialect(conn, _PUT_TILE)
    for row in rows:
        done = conn.exec_driver_sql(text, (row.level, row.index, row.width, row.data))
        if done.rowcount != 1:
            raise StoreDamaged(f"tile {row.level}/{row.index} stands already and is as wide")


def leaves(conn: Connection, start: int, count: int) -> list[tuple[bytes, bytes]]:
    """Leaves from index `start` (from 0) on, at most `count`, each with the chain's value behind
    it. Raises StoreDamaged at a gap."""
    rows = conn.exec_driver_sql(
        in_dialect(
            conn,
            "SELECT position, leaf, chain FROM audit_events WHERE position > ? AND position <= ?"
            " ORDER BY position",
        ),
        (start, start + count),
    ).all()
    for at, row in enumerate(rows, start + 1):
        if row[0] != at:
            raise StoreDamaged(f"the log has no event at position {at}")
    return [(as_bytes(row[1]), as_bytes(row[2])) for row in rows]


def chain_at(conn: Connection, position: int) -> bytes | None:
    """The hash chain's value behind an event."""
    row = conn.exec_driver_sql(
        in_dialect(conn, "SELECT chain FROM audit_events WHERE position = ?"), (position,)
    ).first()
    return None if row is None else as_bytes(row[0])


def leaves_there(conn: Connection, start: int, count: int) -> dict[int, bytes]:
    """As `leaves`, but whatever is there, by index: for a verifier, who has to say what is not."""
    rows = conn.exec_driver_sql(
        in_dialect(
            conn,
            "SELECT position, leaf FROM audit_events WHERE position > ? AND position <= ?",
        ),
        (start, start + count),
    ).all()
    # SQLite lets a column hold another type than its own; such a value is no event's bytes.
    return {int(row[0]) - 1: row[1] if isinstance(row[1], bytes) else b"" for row in rows}
