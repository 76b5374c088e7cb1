"""`vaultctl audit tail --verify`: a vault that lies is caught at each lie, and the entry named."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from recordsvault.audit.v1 import audit_pb2 as pb
from recordsvault.audit.v1.event_pb2 import AuditEvent, LogEntry
from tests.cli.conftest import Ran, Vaultctl
from tests.clients.fake_vault import FakeVault
from tests.support.merkle_trees import nodes_of, some_leaves
from tests.support.note_keys import new_signer
from vault.audit.checkpoint import CheckpointBody, sign_checkpoint
from vault.audit.follower_check import KEPT_HASHES, FollowerCheck, Part
from vault.audit.merkle import Frontier, consistency_proof, leaf_hash
from vault.audit.note import SignatureType

ORIGIN = "demo.bank/log"
SIZE, STEP, HIDDEN = 40, 7, 5
Lie = Callable[["Stage"], None]


def say_instead(fake: FakeVault, events: Callable[[Any, Any], Iterator[Any]]) -> None:
    """Let the fake's stream say what a test says."""
    vars(fake)["_events"] = events


class Stage:
    """A log of 40 entries, of which every fifth is another bank's, and the messages that tell of
    it: seven entries each, a checkpoint over 21 and one over 40."""

    def __init__(self, size: int = SIZE) -> None:
        self.signer = new_signer(ORIGIN, SignatureType.ED25519)
        self.leaves = some_leaves(size)
        self.asked: list[int] = []
        self.notes = {n: self.note(n) for n in (21, size)}
        self.sent = [self.message(at, min(at + STEP, size), b"") for at in range(0, size, STEP)]
        for message in self.sent:
            note = self.notes.get(message.next_position)
            message.checkpoint = note.decode() if note else ""

    @property
    def key(self) -> str:
        return self.signer.verifier_key.vkey

    def note(self, size: int, leaves: list[bytes] | None = None, signer: Any = None) -> bytes:
        tree = Frontier.empty().append(map(leaf_hash, (leaves or self.leaves)[:size]))
        body = CheckpointBody(ORIGIN, size, tree.root())
        return sign_checkpoint(body, [signer or self.signer])

    def message(self, start: int, end: int, note: bytes) -> pb.StreamEventsResponse:
        return pb.StreamEventsResponse(
            entries=[
                LogEntry(position=at, leaf=self.leaves[at], event=AuditEvent(actor=f"a{at}"))
                for at in range(start, end)
                if at % HIDDEN
            ],
            leaf_hashes=map(leaf_hash, self.leaves[start:end]),
            next_position=end,
            checkpoint=note.decode(),
        )

    def serve(self, fake: FakeVault) -> None:
        def events(request: Any, _context: Any) -> Iterator[Any]:
            self.asked.append(request.from_position)
            yield from [m for m in self.sent if m.next_position > request.from_position]

        def checkpoint(request: Any) -> Any:
            size = len(self.leaves)
            return pb.GetCheckpointResponse(
                checkpoint=self.notes[size].decode(),
                consistency=consistency_proof(request.since_size, size, nodes_of(self.leaves)),
            )

        say_instead(fake, events)
        fake.answers["GetCheckpoint"] = checkpoint


@pytest.fixture
def stage() -> Stage:
    return Stage()


def tail(vaultctl: Vaultctl, stage: Stage, *more: object) -> Ran:
    return vaultctl(
        *("audit", "tail", "--no-follow", "--from-position", 0, "--json"),
        *("--verify", "--key", stage.key, *more),
    )


def positions(ran: Ran) -> list[int]:
    return [int(value.get("position", 0)) for value in ran.lines]


def test_an_honest_log_is_verified_up_to_its_checkpoints(
    fake: FakeVault, vaultctl: Vaultctl, stage: Stage
) -> None:
    stage.serve(fake)
    ran = tail(vaultctl, stage)
    assert ran.code == 0, ran.err
    assert positions(ran) == [at for at in range(SIZE) if at % HIDDEN]
    assert "verified up to #20" in ran.err
    assert "verified up to #39" in ran.err


def _withhold_a_hash(stage: Stage) -> None:
    del stage.sent[1].leaf_hashes[3]


def _withhold_an_entry_for_good(stage: Stage) -> None:
    """Entry 9 never was: all behind it move up."""
    honest = stage.notes
    del stage.leaves[9]
    stage.sent = [stage.message(at, at + STEP, b"") for at in range(0, 21, STEP)]
    stage.sent[-1].checkpoint = honest[21].decode()
    stage.leaves = some_leaves(SIZE)


def _withhold_the_last(stage: Stage) -> None:
    del stage.sent[-1].leaf_hashes[-1]
    del stage.sent[-1].entries[-1]
    stage.sent[-1].next_position -= 1


def _alter_bytes(stage: Stage) -> None:
    stage.sent[1].entries[1].leaf = b"something else"


def _alter_bytes_and_hash(stage: Stage) -> None:
    entry = next(e for m in stage.sent for e in m.entries if e.position == 16)
    entry.leaf = b"something else"
    stage.sent[2].leaf_hashes[2] = leaf_hash(entry.leaf)


def _alter_a_hidden_hash(stage: Stage) -> None:
    stage.sent[1].leaf_hashes[3] = bytes(32)


def _exchange_two(stage: Stage) -> None:
    first, second = stage.sent[1].entries[0], stage.sent[1].entries[1]
    first.leaf, second.leaf = second.leaf, first.leaf


def _turn_round(stage: Stage) -> None:
    entries = list(stage.sent[1].entries)
    del stage.sent[1].entries[:]
    stage.sent[1].entries.extend(reversed(entries))


def _reorder_with_hashes(stage: Stage) -> None:
    """Entries 11 and 12 change places, bytes and hashes alike."""
    stage.leaves[11], stage.leaves[12] = stage.leaves[12], stage.leaves[11]
    stage.sent[1] = stage.message(7, 14, b"")
    stage.leaves = some_leaves(SIZE)


def _forge(stage: Stage) -> None:
    other = new_signer(ORIGIN, SignatureType.ED25519)
    stage.sent[2].checkpoint = stage.note(21, signer=other).decode()


def _another_log(stage: Stage) -> None:
    other = new_signer("other.bank/log", SignatureType.ED25519)
    stage.sent[2].checkpoint = stage.note(21, signer=other).decode()


def _go_back(stage: Stage) -> None:
    stage.sent[5].checkpoint = stage.note(7).decode()


def _tell_twice(stage: Stage) -> None:
    stage.sent.insert(3, stage.sent[2])


def _show_two_histories(stage: Stage) -> None:
    leaves = [*some_leaves(20), b"another"]
    stage.sent[3].checkpoint = stage.note(21, leaves).decode()


@pytest.mark.parametrize(
    ("lie", "place", "said"),
    [
        (_withhold_a_hash, "#7 - #13", "withheld"),
        (_withhold_an_entry_for_good, "#9 - #20", "not those that the log has signed"),
        (_withhold_the_last, "#39", "withheld"),
        (_alter_bytes, "#8", "altered"),
        (_alter_bytes_and_hash, "#16 - #20", "not those that the log has signed"),
        (_alter_a_hidden_hash, "#10 - #20", "not those that the log has signed"),
        (_exchange_two, "#8", "not in its place"),
        (_turn_round, "#8", "not in its place"),
        (_reorder_with_hashes, "#11 - #20", "not those that the log has signed"),
        (_forge, "#0 - #20", "not signed by the log's key"),
        (_another_log, "#0 - #20", "not signed by the log's key"),
        (_go_back, "#7 - #20", "set back"),
        (_tell_twice, "#21", "withheld"),
        (_show_two_histories, "#0 - #20", "another history"),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else None,
)
def test_each_lie_is_caught_and_told_where(
    fake: FakeVault, vaultctl: Vaultctl, stage: Stage, lie: Lie, place: str, said: str
) -> None:
    lie(stage)
    stage.serve(fake)
    ran = tail(vaultctl, stage)
    assert ran.code == 21, ran.err
    assert any(place in text and said in text for text in ran.err.splitlines()), ran.err
    # What is wrong is not shown as if it were right.
    assert len(ran.lines) < SIZE - SIZE // HIDDEN


def test_where_the_vault_gives_no_proofs_the_whole_range_is_named(
    fake: FakeVault, vaultctl: Vaultctl, stage: Stage
) -> None:
    _alter_a_hidden_hash(stage)
    stage.serve(fake)
    fake.answers["GetCheckpoint"] = lambda _request: pb.GetCheckpointResponse(checkpoint="nothing")
    ran = tail(vaultctl, stage)
    assert ran.code == 21
    assert "#0 - #20" in ran.err


def test_a_later_run_goes_on_from_the_state_and_believes_nothing_older_again(
    fake: FakeVault, vaultctl: Vaultctl, stage: Stage, tmp_path: Path
) -> None:
    state = tmp_path / "tail.json"
    whole, stage.sent = stage.sent, stage.sent[:4]
    stage.serve(fake)
    assert tail(vaultctl, stage, "--state", state).code == 0
    saved = json.loads(state.read_text())
    assert (saved["size"], len(saved["hashes"])) == (21, 3)
    stage.sent = whole
    ran = tail(vaultctl, stage, "--state", state)
    assert ran.code == 0, ran.err
    assert stage.asked[-1] == 21
    # What was shown but not verified when the first run ended is shown once more.
    assert positions(ran) == [at for at in range(21, SIZE) if at % HIDDEN]
    assert json.loads(state.read_text())["size"] == SIZE
    # A log that was set back since is caught, though all that it tells is well signed.
    stage.sent = [stage.message(SIZE, SIZE, stage.notes[21])]
    stage.sent[0].next_position = SIZE
    say_instead(fake, lambda _request, _context: iter(stage.sent))
    ran = tail(vaultctl, stage, "--state", state)
    assert ran.code == 21
    assert "set back" in ran.err
    assert json.loads(state.read_text())["size"] == SIZE


@pytest.mark.parametrize(
    "spoil",
    [
        lambda saved: saved | {"size": 22},
        lambda saved: saved | {"hashes": saved["hashes"][::-1]},
        lambda saved: saved | {"checkpoint": saved["checkpoint"].replace("21", "22")},
        lambda saved: saved | {"kind": "audit-forward"},
        lambda _saved: {},
    ],
)
def test_a_state_that_was_tampered_with_is_refused(
    fake: FakeVault, vaultctl: Vaultctl, stage: Stage, tmp_path: Path, spoil: Any
) -> None:
    state = tmp_path / "tail.json"
    stage.sent = stage.sent[:3]
    stage.serve(fake)
    assert tail(vaultctl, stage, "--state", state).code == 0
    state.write_text(json.dumps(spoil(json.loads(state.read_text()))))
    ran = tail(vaultctl, stage, "--state", state)
    assert ran.code == 13
    assert "--state" in ran.err


def test_without_a_key_nothing_is_verified_and_that_is_said(
    fake: FakeVault, vaultctl: Vaultctl
) -> None:
    ran = vaultctl("audit", "tail", "--verify")
    assert (ran.code, fake.calls) == (2, [])
    assert "--key" in ran.err


def test_checkpoints_that_come_late_are_checked_while_their_hashes_are_kept_and_passed_over_later(
    stage: Stage,
) -> None:
    signer = stage.signer
    hashes = [leaf_hash(str(n).encode()) for n in range(KEPT_HASHES + 1000)]

    def note(size: int) -> bytes:
        root = Frontier.empty().append(hashes[:size]).root()
        return sign_checkpoint(CheckpointBody(ORIGIN, size, root), [signer])

    check = FollowerCheck([signer.verifier_key])
    assert not check.take(Part([], hashes[:1000], 1000))
    assert not check.take(Part([], hashes[1000:2000], 2000, note(500)))
    assert check.verified.size == 500
    assert not check.take(Part([], hashes[2000:], len(hashes)))
    # Too late to be checked; nothing is taken from it, and the next one covers it.
    assert not check.take(Part([], [], len(hashes), note(600)))
    assert check.verified.size == 500
    assert not check.take(Part([], [], len(hashes), note(len(hashes))))
    assert check.verified.size == len(hashes)
