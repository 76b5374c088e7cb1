"""What can be wrong with a log, and where: the words for it are the reader's business."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Kinds of fault, each found by a check of its own."""

    CHECKPOINT_MISSING = "checkpoint_missing"
    CHECKPOINT_INVALID = "checkpoint_invalid"
    EARLIER_INVALID = "earlier_invalid"
    SET_BACK = "set_back"
    FORKED = "forked"
    ROOT_DIFFERS = "root_differs"
    TILE_MISSING = "tile_missing"
    TILE_CHANGED = "tile_changed"
    BUNDLE_MISSING = "bundle_missing"
    BUNDLE_UNREADABLE = "bundle_unreadable"
    LEAF_CHANGED = "leaf_changed"
    LEAF_MISSING = "leaf_missing"
    CHAIN_BROKEN = "chain_broken"
    ARCHIVE_CHANGED = "archive_changed"
    EVENT_UNREADABLE = "event_unreadable"
    ROW_CHANGED = "row_changed"
    ROW_MISSING = "row_missing"
    ROW_BACK = "row_back"
    ROWS_UNLOGGED = "rows_unlogged"
    APPROVAL_CHANGED = "approval_changed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault. `place` is a path of the tree, a row's or a table's name, or "".

    `first` and `last` are leaf indexes or slots of a tile, from 0, or sizes; -1 where there is
    nothing to say. `detail` never quotes what is stored.
    """

    kind: Kind
    place: str = ""
    first: int = -1
    last: int = -1
    detail: str = ""
