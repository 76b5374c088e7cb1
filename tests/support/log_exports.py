"""Exported logs in memory, to spoil and to verify."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.support.merkle_trees import Tiles
from vault.audit.checkpoint import CheckpointBody, sign_checkpoint
from vault.audit.merkle import Frontier, leaf_hash
from vault.audit.note import NoteSigner
from vault.audit.tiles import (
    TILE_WIDTH,
    Tile,
    bundles_of,
    decode_bundle,
    encode_bundle,
    entries_path,
    tiles_of,
)


@dataclass
class Export:
    """The files of a log by path; a `LogSource`."""

    files: dict[str, bytes] = field(default_factory=dict)

    def checkpoint(self) -> bytes | None:
        return self.files.get("checkpoint")

    def tile(self, tile: Tile) -> bytes | None:
        return self.files.get(tile.path())

    def leaves(self, index: int, width: int) -> Sequence[bytes | None] | None:
        data = self.files.get(entries_path(index, width))
        return None if data is None else decode_bundle(data)


def export_of(leaves: Sequence[bytes], origin: str, signer: NoteSigner) -> Export:
    """What a vault with these leaves exports."""
    tiles = Tiles()
    tiles.append(leaves)
    size = len(leaves)
    files = {t.path(): tiles.read(t.level, t.index) for t in tiles_of(size)}
    for index, width in bundles_of(size):
        start = index * TILE_WIDTH
        files[entries_path(index, width)] = encode_bundle(leaves[start : start + width])
    root = Frontier.empty().append(map(leaf_hash, leaves)).root()
    files["checkpoint"] = sign_checkpoint(CheckpointBody(origin, size, root), [signer])
    return Export(files)
