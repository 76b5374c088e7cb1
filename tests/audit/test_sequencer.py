"""The sequencer: every event into the tree once, in order, under one signed checkpoint a size."""

import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from tests.support.events import event
from tests.support.log_keys import ORIGIN, clock, log_signers, sequencer
from vault.audit import encode
from vault.audit.append import append
from vault.audit.checkpoint import Checkpoint, verify_checkpoint
from vault.audit.merkle import Frontier, leaf_hash, verify_consistency, verify_inclusion
from vault.audit.sequencer import Outpaced, Sequencer
from vault.audit.tree import consistency, inclusion, root_at
from vault.kms.signing import Algorithm, Purpose, retire_signing_keys, rotate_signing_keys
from vault.store import Database, StoreDamaged, StoreUnavailable, log_tree
from vault.store.log_tree import CheckpointRow, LeaseRow


def add(database: Database, count: int, name: str = "e") -> list[bytes]:
    """Append events as the log does; their leaves."""
    events = [event(f"{name}{n}") for n in range(count)]
    ready = [(one, encode(one)) for one in events]
    database.write_sync(lambda conn: append(conn, ready, clock()))
    return [leaf for _, leaf in ready]


def latest(database: Database) -> CheckpointRow:
    row = database.read_sync(log_tree.latest)
    assert row is not None
    return row


def verified(database: Database, folder: Path) -> Checkpoint:
    return verify_checkpoint(latest(database).note, log_signers(folder).verifiers(), ORIGIN)


def run_out(one: Sequencer) -> None:
    while one.step():
        pass


def write(database: Database, sql: str, *values: Any) -> None:
    if database.dialect == "postgresql":
        sql = sql.replace("?", "%s")

    def work(conn: Connection) -> None:
        assert conn.exec_driver_sql(sql, values).rowcount

    database.write_sync(work)


def test_pending_events_are_signed_for_and_every_one_can_be_proved(
    database: Database, tmp_path: Path
) -> None:
    one = sequencer(database, tmp_path)
    assert one.step() is False
    assert database.read_sync(log_tree.latest) is None
    leaves: list[bytes] = []
    old: CheckpointRow | None = None
    for count in (1, 2, 300, 1, 700):
        leaves += add(database, count)
        run_out(one)
        new = verified(database, tmp_path)
        assert new.size == len(leaves)
        assert new.root == Frontier.empty().append(map(leaf_hash, leaves)).root()
        for index in {0, len(leaves) // 2, len(leaves) - 1}:
            path = database.read_sync(partial(inclusion, index=index, size=new.size))
            verify_inclusion(leaf_hash(leaves[index]), index, new.size, path, new.root)
        if old is not None:
            proof = database.read_sync(partial(consistency, old_size=old.size, size=new.size))
            verify_consistency(old.size, new.size, old.root, new.root, proof)
            assert database.read_sync(partial(root_at, size=old.size)) == old.root
        old = latest(database)
    assert one.step() is False
    assert old is not None
    assert old.fence == 1


def test_a_long_log_is_taken_in_by_chunks_each_with_its_checkpoint(
    database: Database, tmp_path: Path
) -> None:
    leaves = add(database, 1_000)
    one = sequencer(database, tmp_path, chunk=300)
    assert [one.step() for _ in range(4)] == [True, True, True, False]
    sizes = database.read_sync(
        lambda c: [r[0] for r in c.exec_driver_sql("SELECT size FROM log_checkpoints")]
    )
    assert sorted(sizes) == [300, 600, 900, 1_000]
    assert latest(database).root == Frontier.empty().append(map(leaf_hash, leaves)).root()


def test_a_restarted_sequencer_goes_on_from_the_tiles_alone(
    database: Database, tmp_path: Path
) -> None:
    leaves = add(database, 600)
    run_out(sequencer(database, tmp_path))
    # Were the leaves read again, this would be noticed.
    later = add(database, 5, "later")
    write(database, "UPDATE audit_events SET leaf = ? WHERE position = 10", b"x")
    clocked = sequencer(database, tmp_path, clock=lambda: clock() + 60_000_000)
    run_out(clocked)
    expected = Frontier.empty().append(map(leaf_hash, leaves + later)).root()
    assert verified(database, tmp_path).root == expected
    assert latest(database).fence == 2


# -- what is wrong is not signed -------------------------------------------------------------


def test_an_event_changed_before_its_checkpoint_is_not_signed_for(
    database: Database, tmp_path: Path
) -> None:
    one = sequencer(database, tmp_path)
    add(database, 10)
    run_out(one)
    add(database, 10)
    write(database, "UPDATE audit_events SET leaf = ? WHERE position = 15", b"{}")
    with pytest.raises(StoreDamaged, match="chain does not hold in positions 11 to 20"):
        one.step()
    assert latest(database).size == 10


def test_an_event_taken_out_before_its_checkpoint_is_not_signed_for(
    database: Database, tmp_path: Path
) -> None:
    add(database, 10)
    write(database, "DELETE FROM audit_events WHERE position = 4")
    with pytest.raises(StoreDamaged, match="no event at position 4"):
        sequencer(database, tmp_path).step()


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("UPDATE log_tiles SET data = ? WHERE level = 0", "do not lead to the checkpoint"),
        ("DELETE FROM log_tiles WHERE level = 0 AND data <> ?", "no tile 0/0"),
        ("UPDATE log_checkpoints SET root = ?", "says something else"),
        ("UPDATE log_checkpoints SET note = ?", "was not signed by this vault"),
    ],
)
def test_a_tree_that_was_tampered_with_is_not_continued(
    database: Database, tmp_path: Path, sql: str, told: str
) -> None:
    add(database, 10)
    run_out(sequencer(database, tmp_path))
    add(database, 1)
    write(database, sql, bytes(320) if "log_tiles" in sql else bytes(32))
    with pytest.raises(StoreDamaged, match=told):
        sequencer(database, tmp_path, clock=lambda: clock() + 60_000_000).step()


def test_a_log_set_back_under_a_running_sequencer_is_not_continued(
    database: Database, tmp_path: Path
) -> None:
    one = sequencer(database, tmp_path)
    add(database, 10)
    run_out(one)
    add(database, 10)
    run_out(one)
    write(database, "DELETE FROM log_checkpoints WHERE size = 20")
    with pytest.raises(StoreDamaged, match="the log was set back"):
        one.step()


def test_a_log_shorter_than_what_was_signed_is_not_continued(
    database: Database, tmp_path: Path
) -> None:
    add(database, 10)
    run_out(sequencer(database, tmp_path))
    write(database, "UPDATE audit_head SET size = 9")
    with pytest.raises(StoreDamaged, match="has 9 events, and 10 were signed"):
        sequencer(database, tmp_path).step()


def test_keys_of_another_vault_do_not_continue_this_ones_log(
    database: Database, tmp_path: Path
) -> None:
    add(database, 1)
    run_out(sequencer(database, tmp_path / "a"))
    add(database, 1)
    with pytest.raises(StoreDamaged, match="not signed by this vault"):
        sequencer(database, tmp_path / "b").step()


# -- keys ------------------------------------------------------------------------------------


def test_both_keys_sign_during_a_rotation_and_the_old_checkpoint_stays_valid(
    database: Database, tmp_path: Path
) -> None:
    one = sequencer(database, tmp_path)
    (first,) = log_signers(tmp_path).verifiers()
    add(database, 1)
    run_out(one)
    rotate_signing_keys(tmp_path, Purpose.LOG)
    _, second = log_signers(tmp_path).verifiers()
    add(database, 1)
    run_out(one)
    for alone in (first, second):
        assert verify_checkpoint(latest(database).note, [alone], ORIGIN).size == 2
    retire_signing_keys(tmp_path, Purpose.LOG)
    # One that starts now still knows the retired key's signature from before.
    again = sequencer(database, tmp_path, clock=lambda: clock() + 60_000_000)
    add(database, 1)
    run_out(again)
    assert verify_checkpoint(latest(database).note, [second], ORIGIN).size == 3
    with pytest.raises(ValueError, match="no signature of a known key"):
        verify_checkpoint(latest(database).note, [first], ORIGIN)


def test_a_key_of_a_lattice_signs_beside_the_other(database: Database, tmp_path: Path) -> None:
    signers = log_signers(tmp_path, Algorithm.ED25519, Algorithm.ML_DSA_44)
    add(database, 3)
    run_out(sequencer(database, tmp_path))
    assert len(signers.verifiers()) == 2
    for alone in signers.verifiers():
        assert verify_checkpoint(latest(database).note, [alone], ORIGIN).size == 3


# -- the lease -------------------------------------------------------------------------------


def test_a_second_sequencer_leaves_the_work_to_the_first(
    database: Database, tmp_path: Path
) -> None:
    first, second = sequencer(database, tmp_path), sequencer(database, tmp_path)
    add(database, 1)
    run_out(first)
    add(database, 1)
    assert second.step() is False
    assert latest(database).size == 1
    run_out(first)
    assert (latest(database).size, latest(database).fence) == (2, 1)


def test_a_lease_that_is_over_is_taken_and_its_fence_grows(
    database: Database, tmp_path: Path
) -> None:
    first = sequencer(database, tmp_path)
    add(database, 1)
    run_out(first)
    second = sequencer(database, tmp_path, clock=lambda: clock() + 10_000_000)
    add(database, 1)
    run_out(second)
    assert latest(database).fence == 2
    # The first one, told by nobody, finds out and does nothing.
    add(database, 1)
    assert first.step() is False
    run_out(second)
    assert (latest(database).size, latest(database).fence) == (3, 2)


def test_a_dead_holders_lease_of_a_clock_gone_wrong_is_taken_all_the_same(
    database: Database, tmp_path: Path
) -> None:
    """It would be over in a thousand years, or, by the second's clock, never."""
    dead = sequencer(database, tmp_path, clock=lambda: clock() + 10**15)
    add(database, 1)
    run_out(dead)
    add(database, 1)
    heir = sequencer(database, tmp_path, clock=lambda: 1, lease=0.3)
    deadline = time.monotonic() + 10
    while latest(database).size == 1 and time.monotonic() < deadline:
        heir.step()
        time.sleep(0.05)
    assert (latest(database).size, latest(database).fence) == (2, 2)


def test_who_lost_the_lease_between_planning_and_writing_writes_nothing(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a process suspended just there, while another took over and went on."""
    slow = sequencer(database, tmp_path)
    add(database, 5)

    def meanwhile(name: str) -> None:
        if name == "planned":
            monkeypatch.undo()
            other = sequencer(database, tmp_path)
            run_out(other)

    monkeypatch.setattr("vault.audit.sequencer.point", meanwhile)
    with pytest.raises(Outpaced):
        slow.step()
    row = latest(database)
    assert (row.size, row.fence) == (5, 1)
    lease = database.read_sync(log_tree.lease)
    assert lease.holder != slow._name


def test_a_plan_on_a_checkpoint_that_was_overtaken_is_dropped(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even by one with the same lease: what stands decides."""
    one = sequencer(database, tmp_path)
    twin = sequencer(database, tmp_path)
    twin._name = one._name
    add(database, 2)
    run_out(one)
    add(database, 5)

    def meanwhile(name: str) -> None:
        if name == "planned":
            monkeypatch.undo()
            run_out(twin)

    monkeypatch.setattr("vault.audit.sequencer.point", meanwhile)
    with pytest.raises(Outpaced):
        one.step()
    assert latest(database).size == 7


# -- the thread ------------------------------------------------------------------------------


def wait_for(condition: Any, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_running_it_signs_within_the_interval_and_publishes_what_it_signed(
    database: Database, tmp_path: Path
) -> None:
    published: list[int] = []
    one = sequencer(
        database, tmp_path, interval=0.4, publish=[lambda row: published.append(row.size)]
    )
    one.start()
    try:
        waited = []
        for n in range(1, 4):
            add(database, 1)
            began = time.monotonic()
            wait_for(partial(published.__contains__, n))
            waited.append(time.monotonic() - began)
        assert min(waited) < 0.4
    finally:
        add(database, 7)
        one.stop()
    # What was there when it was told to stop is taken in, and the lease given back.
    assert latest(database).size == 10
    assert database.read_sync(log_tree.lease) == LeaseRow("", 1, 0)
    assert published == [1, 2, 3, 10]


def test_a_receiver_that_fails_does_not_keep_the_log_from_being_signed(
    database: Database, tmp_path: Path
) -> None:
    def fail(_row: CheckpointRow) -> None:
        raise OSError("gone")

    one = sequencer(database, tmp_path, publish=[fail])
    add(database, 1)
    run_out(one)
    assert latest(database).size == 1


def test_what_was_committed_and_not_published_is_so_at_the_next_start(
    database: Database, tmp_path: Path
) -> None:
    add(database, 3)
    run_out(sequencer(database, tmp_path))
    published: list[int] = []
    one = sequencer(database, tmp_path, publish=[lambda row: published.append(row.size)])
    one.start()
    wait_for(lambda: published)
    one.stop()
    assert published == [3]


def test_a_database_that_was_away_is_caught_up_with(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = sequencer(database, tmp_path, interval=0.1)
    real = database.read_sync
    away = threading.Event()
    away.set()

    def read(work: Any) -> Any:
        if away.is_set() and threading.current_thread().name == "vault-sequencer":
            raise StoreUnavailable("away")
        return real(work)

    monkeypatch.setattr(database, "read_sync", read)
    add(database, 3)
    one.start()
    try:
        wait_for(lambda: one.failure == "away")
        away.clear()
        wait_for(lambda: real(log_tree.latest))
        wait_for(lambda: one.failure is None)
    finally:
        one.stop()
    assert latest(database).size == 3


def test_old_checkpoints_are_thinned_out_to_the_last_of_each_hour(database: Database) -> None:
    hour = 3_600_000_000
    times = [1, 2, hour + 1, hour + 2, 2 * hour + 1, 2 * hour + 2]

    def work(conn: Connection) -> int:
        for size, signed_at in enumerate(times, 1):
            log_tree.add_checkpoint(conn, CheckpointRow(size, bytes(32), b"n", 1, signed_at))
        return log_tree.prune_checkpoints(conn, 2 * hour)

    assert database.write_sync(work) == 2
    kept = database.read_sync(
        lambda c: [r[0] for r in c.exec_driver_sql("SELECT size FROM log_checkpoints ORDER BY 1")]
    )
    assert kept == [2, 4, 5, 6]
