"""Compare a database's log with the checkpoint in the second place: is it the same history, as long
or longer?

Told from the tiles: the root of the kept size is computed from them, and so is the consistency
proof from there to the latest checkpoint, which is verified as anybody would. Reads only.
"""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection

from vault.audit import tree
from vault.audit.checkpoint import Checkpoint
from vault.audit.merkle import ProofInvalid, verify_consistency
from vault.audit.reader import head
from vault.audit.tiles import TileInvalid
from vault.store.errors import StoreDamaged
from vault.store.log_tree import CheckpointRow


class Verdict(StrEnum):
    """What a comparison found."""

    CONTINUES = "continues"
    """The log begins with the history that was kept."""
    NOTHING_KEPT = "nothing_kept"
    """The log has entries, and the second place has never seen it."""
    OLDER = "older"
    """The log is shorter than what was kept: an old backup, or its end was cut off."""
    DIFFERENT = "different"
    """The log is as long and not the same."""
    SET_BACK = "set_back"
    """The log does not have what this process has seen in it, whatever was kept."""
    UNBELIEVABLE = "unbelievable"
    """What was kept is not signed by this log's keys."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A verdict, and both sides of it. Roots are empty where there is no checkpoint. `known` is the
    head that a process has seen, where that is what the verdict is about."""

    verdict: Verdict
    kept_size: int
    kept_root: bytes
    log_size: int
    signed_size: int
    signed_root: bytes
    signed_note: bytes | None
    known_size: int = 0
    known_chain: bytes = b""


def compare(
    conn: Connection, kept: Checkpoint | None, *, begun: bool, believed: bool = True
) -> Comparison:
    """Compare. `kept` is the verified checkpoint of the second place, `begun` whether this log ever
    began to use it, `believed` whether what is kept could be verified. Raises what the store
    raises, but for damage, which is a difference."""
    log_size, latest = head(conn).size, tree.latest(conn)

    def found(verdict: Verdict) -> Comparison:
        return Comparison(
            verdict,
            kept.size if kept else 0,
            kept.root if kept else b"",
            log_size,
            latest.size if latest else 0,
            latest.root if latest else b"",
            latest.note if latest else None,
        )

    if not believed:
        return found(Verdict.UNBELIEVABLE)
    if kept is None or kept.size == 0:
        fresh = begun or (log_size == 0 and latest is None)
        return found(Verdict.CONTINUES if fresh else Verdict.NOTHING_KEPT)
    if log_size < kept.size or latest is None or latest.size < kept.size:
        return found(Verdict.OLDER)
    return found(Verdict.CONTINUES if _begins_with(conn, kept, latest) else Verdict.DIFFERENT)


def _begins_with(conn: Connection, kept: Checkpoint, latest: CheckpointRow) -> bool:
    try:
        if tree.root_at(conn, kept.size) != kept.root:
            return False
        proof = tree.consistency(conn, kept.size, latest.size)
        verify_consistency(kept.size, latest.size, kept.root, latest.root, proof)
    except (ProofInvalid, StoreDamaged, TileInvalid):
        return False
    return True
