"""What health says of the log's checkpoints."""

import asyncio
from pathlib import Path

from tests.support.events import event
from tests.support.log_keys import clock, sequencer
from vault.audit import encode
from vault.audit.append import append
from vault.audit.sequencer import Sequencer
from vault.sealing import SystemClock
from vault.services.health import Check, State, checkpoint_probe
from vault.store import Database


class Later(SystemClock):
    """A clock that is a while ahead."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._ahead = int(seconds * 1e6)

    def now_micros(self) -> int:
        return super().now_micros() + self._ahead


def add(database: Database, count: int) -> None:
    ready = [(one, encode(one)) for one in (event(f"e{n}") for n in range(count))]
    database.write_sync(lambda conn: append(conn, ready, clock()))


def look(one: Sequencer | None, database: Database, ahead: float = 0) -> Check:
    return asyncio.run(asyncio.wait_for(checkpoint_probe(one, database, Later(ahead), 60)(), 10))


def test_a_log_that_is_signed_up_to_its_end_is_well(database: Database, tmp_path: Path) -> None:
    assert look(None, database).state is State.OK
    one = sequencer(database, tmp_path)
    add(database, 3)
    one.step()
    found = look(one, database, ahead=3_600)
    assert (found.state, found.figures["signed"], found.figures["pending"]) == (State.OK, 3, 0)


def test_entries_that_wait_for_no_longer_than_promised_are_nothing_to_tell(
    database: Database,
) -> None:
    add(database, 2)
    found = look(None, database, ahead=30)
    assert found.state is State.OK
    assert found.figures["pending"] == 2


def test_entries_that_wait_for_longer_are_whoever_should_have_signed(database: Database) -> None:
    add(database, 2)
    found = look(None, database, ahead=90)
    assert found.state is State.CRITICAL
    assert "2 entries wait" in found.detail


def test_what_keeps_the_sequencer_from_signing_is_told(database: Database, tmp_path: Path) -> None:
    one = sequencer(database, tmp_path)
    add(database, 2)
    database.write_sync(lambda c: c.exec_driver_sql("UPDATE audit_events SET leaf = chain"))
    one._guarded(one.step)
    found = look(one, database)
    assert found.state is State.CRITICAL
    assert "chain does not hold" in found.detail
