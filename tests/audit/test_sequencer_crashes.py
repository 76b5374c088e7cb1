"""The sequencer killed or suspended at every step, with a second one racing it and clocks that are
wrong: never two trees of one size, no event lost or doubled."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.audit.sequencer_rounds import POINTS
from tests.support.log_keys import ORIGIN, clock, log_signers, sequencer
from vault.audit import decode
from vault.audit.checkpoint import verify_checkpoint
from vault.audit.merkle import Frontier, leaf_hash
from vault.audit.reader import read, verify_chain
from vault.store import Database, log_tree

ROOT = Path(__file__).parents[2]
ROUNDS = 100


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_crash_pause_or_race_makes_two_trees_of_one_size_or_loses_an_event(
    database: Database, migrated_url: str, tmp_path: Path
) -> None:
    keys, out = tmp_path / "keys", tmp_path / "out"
    log_signers(keys)
    rounds = [sys.executable, "-m", "tests.audit.sequencer_rounds"]
    rounds += [migrated_url, str(keys), str(out), str(ROUNDS)]
    subprocess.run(rounds, cwd=ROOT, check=True, timeout=500)
    lines = [line.split() for line in out.read_text().splitlines()]

    # The campaign did what it says: killed at each point, suspended, and the other one lived on.
    ended = [line[1:] for line in lines if line[0] == "ended"]
    assert len(ended) == ROUNDS
    assert {point for point, how, code, _ in ended if (how, code) == ("kill", "-9")} == set(POINTS)
    assert {point for point, how, _, _ in ended if how == "continued"} == set(POINTS)
    assert {(how, code) for _, how, code, _ in ended} == {("kill", "-9"), ("continued", "0")}
    assert {code for _, _, _, code in ended} == {"0"}

    # Whatever is left is taken in by the next one.
    last = sequencer(database, keys, lease=0.1, clock=lambda: clock() + 10**17)
    while last.step():
        pass

    stored = database.read_sync(lambda c: read(c, 0, 10**6)).events
    assert database.read_sync(verify_chain).size == len(stored)
    ids = Counter(decode(e.leaf).event_id for e in stored)
    assert set(ids.values()) == {1}
    told = [line[1] for line in lines if line[0] == "event"]
    assert set(told) <= set(ids)

    roots = {0: Frontier.empty().root()}
    tree = Frontier.empty()
    for event in stored:
        tree = tree.append([leaf_hash(event.leaf)])
        roots[tree.size] = tree.root()
    signed = {
        (int(size), bytes.fromhex(root))
        for kind, size, root, *_ in map(_pad, lines)
        if kind == "signed"
    }
    assert len({size for size, _ in signed}) == len(signed)
    assert all(roots[size] == root for size, root in signed)

    rows = database.read_sync(
        lambda c: c.execute(
            text("SELECT size, root, note, fence FROM log_checkpoints ORDER BY size")
        ).all()
    )
    assert rows[-1].size == len(stored)
    assert [r.fence for r in rows] == sorted(r.fence for r in rows)
    verifiers = log_signers(keys).verifiers()
    for row in rows:
        checkpoint = verify_checkpoint(bytes(row.note), verifiers, ORIGIN)
        assert (checkpoint.size, checkpoint.root) == (row.size, roots[row.size])
    assert database.read_sync(log_tree.lease).fence >= rows[-1].fence
    assert rows[-1].fence > ROUNDS // 4


def _pad(line: list[str]) -> list[str]:
    return [*line, "", "", ""]
