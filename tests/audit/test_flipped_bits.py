"""Every single bit of every leaf and tile of a log with a full tile, flipped and found.

Exhaustive here, one bit at a time: the entry bundles and hash tiles of a log of 300 leaves, full
and partial, of levels 0 and 1 (86,488 flips). What `verify_log` does is done anew for what a flip
can touch: its bundle and tile are verified anew (`verify_part`), and everything above is put
together anew under the signed root (`Tree`, `explain`); only the other part of the log, which the
flip is not in, is taken from before. Every 61st flip goes through `verify_log` itself, which must
find the same. `test_verify.py` does every bit of a smaller log, its checkpoint included, by
`verify_log` alone.

A full tile of level 1 has 65,536 leaves under it: there every 61st bit is flipped.
"""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.support.log_exports import Export, export_of
from tests.support.merkle_trees import flipped
from tests.support.note_keys import new_signer
from vault.audit.findings import Finding, Kind
from vault.audit.note import SignatureType
from vault.audit.verify import verify_log
from vault.audit.verify_parts import Part, Task, verify_part
from vault.audit.verify_tree import Tree, explain

ORIGIN = "example.com/log"
SIZE = 300
SIGNER = new_signer(ORIGIN, SignatureType.ED25519)
LOG = export_of([b"%x" % (n * 7 % 256) for n in range(SIZE)], ORIGIN, SIGNER)
PATHS = sorted(path for path in LOG.files if path != "checkpoint")
# As many runs, so that they can be shared out among processes.
SHARES = 4


class Prepared:
    """A log whose parts have been verified once; a part is a tile of level 0 and its bundle."""

    def __init__(self, log: Export, tiles_each: int = 1) -> None:
        checkpoint = verify_log(log, [SIGNER.verifier_key], ORIGIN).checkpoint
        assert checkpoint is not None
        self.log = log
        self.size, self.root = checkpoint.size, checkpoint.root
        tiles = -(-self.size // 256)
        self._spans = [(n, min(n + tiles_each, tiles)) for n in range(0, tiles, tiles_each)]
        self._parts = [self._part(log, number) for number in range(len(self._spans))]

    def _part(self, log: Export, number: int) -> Part:
        return verify_part(Task(log, self.size, *self._spans[number]))

    def findings(self, log: Export, number: int | None) -> tuple[Finding, ...]:
        """What is found in a log that differs in a part, or only in the tiles above them."""
        tree = Tree(self.size, self.root)
        for n, part in enumerate(self._parts):
            tree.add(self._part(log, n) if n == number else replace(part))
        tree.read_tiles(log)
        return tuple(explain(tree, may_lack_entries=False))


PREPARED = Prepared(LOG)


def part_of(path: str) -> int | None:
    """Which part of the log a file belongs to; None for a tile above level 0."""
    if path.startswith("tile/1/"):
        return None
    return int(path.split("/")[2].removesuffix(".p"))


def flips(share: int) -> Iterator[tuple[str, Export]]:
    """A share of all flips: the file, and the log with it."""
    for path in PATHS:
        for n, changed in enumerate(flipped(LOG.files[path])):
            if n % SHARES == share:
                yield path, Export({**LOG.files, path: changed})


def test_there_is_every_kind_of_file() -> None:
    hashes = ["tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1"]
    assert [*hashes, "tile/entries/000", "tile/entries/001.p/44"] == PATHS
    assert PREPARED.findings(LOG, None) == PREPARED.findings(LOG, 0) == ()


@pytest.mark.slow
@pytest.mark.parametrize("share", range(SHARES))
def test_every_single_bit_of_every_leaf_and_tile_counts(share: int) -> None:
    places = dict.fromkeys(PATHS, 0)
    for path, log in flips(share):
        found = PREPARED.findings(log, part_of(path))
        assert found, (path, places[path])
        if path.startswith(("tile/0/", "tile/1/")):
            # The leaves lead to the root: it is the tile that is blamed, and the very hash.
            slot = (places[path] * SHARES + share) // 256
            assert found == (Finding(Kind.TILE_CHANGED, path, slot, slot),)
        places[path] += 1
    for path, number in places.items():
        assert number == len(LOG.files[path]) * 8 // SHARES


def test_what_is_put_together_anew_is_what_the_verifier_of_the_whole_finds() -> None:
    for path in PATHS:
        for n, changed in enumerate(flipped(LOG.files[path])):
            if n % 61 == 0:
                log = Export({**LOG.files, path: changed})
                found = verify_log(log, [SIGNER.verifier_key], ORIGIN)
                assert found.findings == PREPARED.findings(log, part_of(path)) != ()


def test_bits_of_a_full_tile_of_level_1_count() -> None:
    path = "tile/1/000"
    whole = export_of([b"%x" % (n & 0xF) for n in range(65_537)], ORIGIN, SIGNER)
    prepared = Prepared(whole, tiles_each=257)
    assert len(whole.files[path]) == 8192
    for n, changed in enumerate(flipped(whole.files[path])):
        if n % 61 == 0:
            log = Export({**whole.files, path: changed})
            slot = n // 256
            assert prepared.findings(log, None) == (Finding(Kind.TILE_CHANGED, path, slot, slot),)
            if n % (61 * 97) == 0:
                found = verify_log(log, [SIGNER.verifier_key], ORIGIN)
                assert found.findings == prepared.findings(log, None)
