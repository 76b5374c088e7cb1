"""A vault from before the tree: migrated, its events become leaves as they are."""

from pathlib import Path
from typing import Any

from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from tests.support.events import event
from tests.support.log_keys import ORIGIN, clock, log_signers, sequencer
from vault.audit import encode
from vault.audit.append import append
from vault.audit.checkpoint import verify_checkpoint
from vault.audit.merkle import Frontier, leaf_hash
from vault.audit.reader import read, verify_chain
from vault.store import Database, log_tree, migrate


def first_release(database: Database) -> None:
    """Tables as the first release made them."""

    def work(conn: Connection) -> None:
        script = ScriptDirectory.from_config(migrate._config("data"))

        def step(revision: Any, _context: Any) -> Any:
            return script._upgrade_revs("d0001", revision)

        migrate._run(conn, "data", step)

    database.write_sync(work)


def test_its_events_become_leaves_unchanged_and_in_order(database_url: str, tmp_path: Path) -> None:
    database = Database(database_url)
    first_release(database)
    tables = database.read_sync(lambda conn: inspect(conn).get_table_names())
    assert "audit_events" in tables
    assert "log_tiles" not in tables
    ready = [(e, encode(e)) for e in (event(f"old{n}") for n in range(700))]
    database.write_sync(lambda conn: append(conn, ready, clock()))
    before = database.read_sync(lambda c: read(c, 0, 1_000)).events

    migrate.upgrade(database)
    assert migrate.pending(database) == []
    assert database.read_sync(lambda c: read(c, 0, 1_000)).events == before
    assert database.read_sync(log_tree.latest) is None

    one = sequencer(database, tmp_path, chunk=256)
    assert [one.step() for _ in range(4)] == [True, True, False, False]
    row = database.read_sync(log_tree.latest)
    assert row is not None
    checkpoint = verify_checkpoint(row.note, log_signers(tmp_path).verifiers(), ORIGIN)
    leaves = [leaf_hash(leaf) for _, leaf in ready]
    assert (checkpoint.size, checkpoint.root) == (700, Frontier.empty().append(leaves).root())
    assert database.read_sync(lambda c: read(c, 0, 1_000)).events == before
    assert database.read_sync(verify_chain).size == 700
    database.dispose()
