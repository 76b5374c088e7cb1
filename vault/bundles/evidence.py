"""What proves that a plaintext stood in a row, and the row in the log.

For each row of a bundle two files:

    rows/{n}.json    the row's name in the log, its table and columns; where its sealed column
                     belongs; the data key that opens that column and no other; the indexes of the
                     events that name the row
    rows/{n}.plain   what the sealed column holds

and for each event of the log `events/{index}.json`, its leaf as the log has it, and
`events/{index}.tlog-proof` (C2SP tlog-proof), all under the one `checkpoint`.

Whoever verifies hashes the columns as the vault does (vault/store/rows.py), finds the hash in the
first event, and opens the sealed column with the data key. A row that was sealed anew since is
named by further events, each with the hash until then and the one since.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from vault.audit.canonical import encode_base64

CHECKPOINT: Final = "checkpoint"

Column = str | int | bytes


@dataclass(frozen=True, slots=True)
class RowEvidence:
    """A row, opened. `name` is as events have it, `place` the associated data of its sealed column,
    `events` the leaf indexes of the events that name it, in order. `content`: the file whose
    SHA-256 the plaintext of a content's row ends in."""

    name: str
    table: str
    columns: Mapping[str, Column] = field(repr=False)
    place: bytes = field(repr=False)
    data_key: bytes = field(repr=False)
    plain: bytes = field(repr=False)
    events: Sequence[int]
    content: str = ""

    def encode(self, plain_path: str) -> bytes:
        """The bytes of `rows/{n}.json`."""
        whole: dict[str, object] = {
            "name": self.name,
            "table": self.table,
            "columns": {name: _json(value) for name, value in self.columns.items()},
            "place": self.place.decode(),
            "data_key": encode_base64(self.data_key),
            "plain": plain_path,
            "events": list(self.events),
        }
        if self.content:
            whole["content"] = self.content
        return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()


def row_path(number: int) -> str:
    """Where the evidence of a row is; `number` from 1."""
    return f"rows/{number}.json"


def plain_path(number: int) -> str:
    """Where its plaintext is."""
    return f"rows/{number}.plain"


def leaf_path(index: int) -> str:
    """Where an event's leaf is."""
    return f"events/{index}.json"


def proof_path(index: int) -> str:
    """Where its proof is."""
    return f"events/{index}.tlog-proof"


def _json(value: Column) -> object:
    return {"base64": encode_base64(value)} if isinstance(value, bytes) else value
