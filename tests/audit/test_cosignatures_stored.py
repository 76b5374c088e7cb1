"""Cosignatures that several witnesses give at once: each is stored, whoever comes in between."""

from pathlib import Path
from threading import Barrier, Thread

import pytest
from sqlalchemy import Connection

from tests.support.witness_log import MemoryLog
from vault.audit.note import KeySigner, Signature, parse_note
from vault.audit.witness import Witness, WitnessFailed, WitnessKey
from vault.store import Database, log_tree
from vault.store.log_tree import CheckpointRow


class Signing(Witness):
    """Signs in this process instead of being asked over HTTP."""

    def __init__(self, folder: Path, name: str, database: Database) -> None:
        key = WitnessKey.create(folder / name.replace("/", "-"), name)
        self.signer = KeySigner(key.verifier, key.sign, lambda: 1)
        super().__init__("http://localhost:1", key.verifier, database)

    def _cosigned(self, row: CheckpointRow) -> Signature:
        return self.signer.sign(parse_note(row.note).text)


@pytest.fixture
def row(database: Database, tmp_path: Path) -> CheckpointRow:
    tmp_path.chmod(0o700)
    log = MemoryLog.of(tmp_path)
    made = CheckpointRow(3, log.root(3), log.note(3), 1, 0)
    database.write_sync(lambda conn: log_tree.add_checkpoint(conn, made))
    return made


def names(database: Database) -> list[str]:
    row = database.read_sync(log_tree.latest)
    assert row is not None
    return sorted(one.name for one in parse_note(row.note).signatures)


def test_of_many_at_once_none_is_lost(
    database: Database, row: CheckpointRow, tmp_path: Path
) -> None:
    made = [Signing(tmp_path, f"w.example/{n}", database) for n in range(4)]
    together = Barrier(len(made))

    def deliver(one: Signing) -> None:
        together.wait(10)
        one.deliver(row)

    threads = [Thread(target=deliver, args=(one,)) for one in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert names(database) == ["demo.bank/log", *(f"w.example/{n}" for n in range(4))]


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
@pytest.mark.parametrize("times", [1, 1_000])
def test_one_that_another_replaced_meanwhile_is_added_to_what_stands_now(
    database: Database,
    row: CheckpointRow,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    times: int,
) -> None:
    """SQLite has one writer at a time: there nobody comes in between."""
    first = Signing(tmp_path, "w.example/1", database)
    look, left = log_tree.checkpoint, [times]

    def overtaken(conn: Connection, size: int) -> CheckpointRow | None:
        seen = look(conn, size)
        if left[0]:
            left[0] -= 1
            other = Signing(tmp_path, f"w.example/other-{left[0]}", database)
            text = parse_note(row.note).text
            mine = other.signer.sign(text)

            def add(there: Connection) -> None:
                now = look(there, size)
                assert now is not None
                note = parse_note(now.note)
                fresh = type(note)(note.text, (*note.signatures, mine)).encode()
                assert log_tree.replace_note(there, size, now.note, fresh)

            database.write_sync(add)
        return seen

    monkeypatch.setattr(log_tree, "checkpoint", overtaken)
    if times == 1:
        first.deliver(row)
        assert names(database)[1:] == ["w.example/1", "w.example/other-0"]
    else:
        # It is told, and tried again: not taken for stored.
        with pytest.raises(WitnessFailed, match="not be stored"):
            first.deliver(row)
        assert "w.example/1" not in names(database)
