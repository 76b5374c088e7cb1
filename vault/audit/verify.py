"""Verify a whole log with nothing but public keys: signature, every tile, every leaf, growth.

Leaves are hashed from the bottom up, tiles are read from the top down, and both have to lead to the
signed root. Where they do not, what is wrong is told from which side still agrees with the root: a
tile that its leaves contradict while these lead to the root is the tile's fault, and so on. Nothing
is believed because another part of the same log says so.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from vault.audit.checkpoint import (
    Checkpoint,
    CheckpointBody,
    CheckpointInvalid,
    read_checkpoint,
    verify_checkpoint,
)
from vault.audit.findings import Finding, Kind
from vault.audit.log_sources import LogSource, start_method
from vault.audit.note import AlgorithmMissing, VerifierKey
from vault.audit.tiles import TILE_WIDTH, frontier_from_tiles
from vault.audit.verify_parts import Part, Task, verify_part
from vault.audit.verify_tree import Tree, explain

Progress = Callable[[int, int], None]
# Tiles of one task: a tenth of a second's work, so that a bar moves and all cores end together.
_TILES = 64


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of it. `checkpoint` is None where its signature does not hold.

    `size` is what the checkpoint says, `leaves` how many leaves were hashed; `withheld` how many
    stand in the tree by their hash only. Their bundles are not there: `noted` of them were not
    expected to be, `unnoted` others.
    """

    checkpoint: Checkpoint | None
    size: int
    leaves: int
    withheld: int
    noted: int = 0
    unnoted: int = 0
    findings: tuple[Finding, ...] = field(default=())

    @property
    def holds(self) -> bool:
        """Nothing at all is wrong."""
        return self.checkpoint is not None and not self.findings


def verify_log(
    source: LogSource,
    keys: Sequence[VerifierKey],
    origin: str,
    *,
    since: bytes | None = None,
    may_lack_entries: bool = False,
    withheld: Collection[str] = (),
    workers: int = 1,
    progress: Progress | None = None,
) -> Verification:
    """Verify everything under the latest checkpoint of `source`.

    `since` is an earlier checkpoint (a signed note) that the log must continue. With
    `may_lack_entries`, bundles that are not there are counted and not found fault with; without it
    only those whose path is in `withheld`. `progress` is told (leaves done, of how many). Raises
    AlgorithmMissing, and what reading raises.
    """
    note = source.checkpoint()
    if note is None:
        return Verification(
            None, 0, 0, 0, findings=(Finding(Kind.CHECKPOINT_MISSING, "checkpoint"),)
        )
    findings: list[Finding] = []
    checkpoint = _checked(note, keys, origin, findings)
    body = _body(note)
    if body is None:
        return Verification(None, 0, 0, 0, findings=tuple(findings))
    tree = Tree(body.size, body.root)
    with _mapped(workers, body.size, start_method(source)) as mapped:
        for part in mapped(_tasks(source, body.size)):
            tree.add(part)
            if progress is not None:
                progress(min(part.end * TILE_WIDTH, body.size), body.size)
    tree.read_tiles(source)
    findings += explain(tree, may_lack_entries=may_lack_entries, withheld=withheld)
    if since is not None:
        findings += _continues(tree, body, since, keys, origin)
    lacking = tree.lacking()
    noted = sum(path in withheld for path in lacking)
    return Verification(
        checkpoint,
        body.size,
        tree.hashed,
        tree.withheld,
        noted,
        len(lacking) - noted,
        tuple(findings),
    )


def _checked(
    note: bytes, keys: Sequence[VerifierKey], origin: str, findings: list[Finding]
) -> Checkpoint | None:
    try:
        return verify_checkpoint(note, keys, origin)
    except AlgorithmMissing:
        raise
    except CheckpointInvalid as error:
        findings.append(Finding(Kind.CHECKPOINT_INVALID, "checkpoint", detail=str(error)))
        return None


def _body(note: bytes) -> CheckpointBody | None:
    """What the checkpoint says, signed or not: where it is not, the tree is still looked at."""
    try:
        return read_checkpoint(note).body
    except CheckpointInvalid:
        return None


def _continues(
    tree: Tree, body: CheckpointBody, since: bytes, keys: Sequence[VerifierKey], origin: str
) -> Iterator[Finding]:
    try:
        earlier = verify_checkpoint(since, keys, origin)
    except CheckpointInvalid as error:
        yield Finding(Kind.EARLIER_INVALID, detail=str(error))
        return
    if earlier.size > body.size:
        yield Finding(Kind.SET_BACK, first=body.size, last=earlier.size)
    elif earlier.size and _root_at(tree, earlier.size) != earlier.root:
        yield Finding(Kind.FORKED, first=earlier.size, last=body.size)


def _root_at(tree: Tree, size: int) -> bytes | None:
    if size == tree.size:
        return tree.root
    try:
        return frontier_from_tiles(size, tree.read_tile).root()
    except (KeyError, ValueError):
        return None


def _tasks(source: LogSource, size: int) -> Iterator[Task]:
    tiles = -(-size // TILE_WIDTH)
    for start in range(0, tiles, _TILES):
        yield Task(source, size, start, min(tiles, start + _TILES))


Mapped = Callable[[Iterator[Task]], Iterator[Part]]


@contextmanager
def _mapped(workers: int, size: int, method: str) -> Iterator[Mapped]:
    if workers <= 1 or size <= _TILES * TILE_WIDTH:
        yield lambda tasks: map(verify_part, tasks)
        return
    with multiprocessing.get_context(method).Pool(workers) as pool:
        yield lambda tasks: pool.imap(verify_part, tasks)
