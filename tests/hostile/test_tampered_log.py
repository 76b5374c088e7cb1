"""What an insider with the database can change, and which check of `audit verify` finds it.

The table in docs/explanation/tampering.md is this file's, case by case.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_with_the_vault import EXAMPLES, ctl
from tests.support.events import event
from tests.support.log_keys import clock, sequencer
from tests.support.running_vault import OWN, RunningVault
from vault.audit.append import append
from vault.audit.chain import GENESIS, extend
from vault.audit.event import encode
from vault.cli.vaultctl.app import run
from vault.kms.signing import Purpose
from vault.server.settings import TierName, load
from vault.server.signing import verifier_keys
from vault.store import Database

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Stopped:
    """A vault that has run, and the checkpoint that an officer took home before its last calls."""

    config: Path
    database: Path
    backup: Path
    keys: Path
    noted: Path


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Stopped:
    folder = tmp_path_factory.mktemp("tampered")
    database = folder / "vault.db"
    with RunningVault(folder, f"sqlite:///{database}") as vault:
        settings = load(vault.config, TierName.FULL)
        keys = folder / "keys.txt"
        keys.write_text("".join(f"{k.vkey}\n" for k in verifier_keys(settings, Purpose.LOG)))
        rows = folder / "customers.jsonl"
        with (EXAMPLES / "customers.jsonl").open() as lines:
            rows.write_text("".join(next(lines) for _ in range(20)))
        assert ctl(vault, "backend", "import", str(rows), "--batch", "5").returncode == 0
        vault.stop()
        backup = folder / "backup.db"
        _copy(database, backup)
        vault.start()
        for _ in range(3):
            assert ctl(vault, "crm", "customers", "list").returncode == 0
        ran = ctl(vault, "officer", "audit", "export", "--dir", str(folder / "noted"))
        assert ran.returncode == 0, ran.stderr
        # The officer's own calls are taken in on the way down.
        vault.stop()
        _sign(database, folder)
    return Stopped(vault.config, database, backup, keys, folder / "noted" / "checkpoint")


def _copy(source: Path, target: Path) -> None:
    with sqlite3.connect(source) as old, sqlite3.connect(target) as new:
        old.backup(new)
    old.close()
    new.close()


def _sign(database: Path, folder: Path) -> None:
    """Take in what is not signed yet, with the vault's own key."""
    opened = Database(f"sqlite:///{database}")
    steps = sequencer(opened, folder / "kms" / "full", lease=0.0, interval=0.0)
    while opened.read_sync(lambda c: c.exec_driver_sql(_PENDING).scalar()):
        steps.step()
    opened.dispose()


_PENDING = (
    "SELECT (SELECT size FROM audit_head) - coalesce((SELECT max(size) FROM log_checkpoints), 0)"
)


class Bench:
    """A copy of the database on the bench, and the command that looks at it."""

    def __init__(self, stopped: Stopped, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.stopped = stopped
        self.folder = folder
        self.database = folder / "vault.db"
        self._capsys = capsys
        self.use(stopped.database)
        text = stopped.config.read_text()
        self.config = stopped.config.with_name(f"{folder.name}.toml")
        self.config.write_text(text.replace(str(stopped.database), str(self.database)))

    def use(self, database: Path) -> None:
        _copy(database, self.database)

    def sql(self, text: str, *values: Any) -> list[Any]:
        connection = sqlite3.connect(self.database)
        try:
            with connection:
                return connection.execute(text, values).fetchall()
        finally:
            connection.close()

    def rechain(self) -> None:
        """What an insider who knows the code does after an edit: the chain and the head anew."""
        chain = GENESIS
        for position, leaf in self.sql("SELECT position, leaf FROM audit_events ORDER BY position"):
            chain = extend(chain, leaf)
            self.sql("UPDATE audit_events SET chain = ? WHERE position = ?", chain, position)
        size = self.sql("SELECT max(position) FROM audit_events")[0][0]
        self.sql("UPDATE audit_head SET size = ?, chain = ?", size, chain)

    def resign(self, folder: Path) -> None:
        """Build and sign the whole tree anew with the keys of a folder."""
        for table in ("log_tiles", "log_checkpoints"):
            self.sql(f"DELETE FROM {table}")
        self.sql("UPDATE log_lease SET expires_at = 0, holder = ''")
        opened = Database(f"sqlite:///{self.database}")
        steps = sequencer(opened, folder, lease=0.0, interval=0.0)
        while opened.read_sync(lambda c: c.exec_driver_sql(_PENDING).scalar()):
            steps.step()
        opened.dispose()

    def append(self, number: int) -> None:
        opened = Database(f"sqlite:///{self.database}")
        more = [event(f"{n:026d}", institution=OWN) for n in range(number)]
        opened.write_sync(lambda c: append(c, [(e, encode(e)) for e in more], clock()))
        opened.dispose()

    def found(self, *arguments: str) -> tuple[int, set[str], list[Any]]:
        """Exit code, kinds and findings."""
        self._capsys.readouterr()
        code = run(
            [
                *("audit", "verify", "--live", "--config", str(self.config)),
                *("--key", str(self.stopped.keys), "--json", *arguments),
            ]
        )
        out = self._capsys.readouterr().out
        findings = json.loads(out)["findings"]
        return code, {one["kind"] for one in findings}, findings


@pytest.fixture
def bench(stopped: Stopped, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Bench]:
    made = Bench(stopped, tmp_path, capsys)
    yield made
    made.config.unlink()


def test_an_untouched_vault_is_proved(bench: Bench) -> None:
    assert bench.found("--since", str(bench.stopped.noted)) == (0, set(), [])


def test_a_value_of_an_event_changed_is_found_by_its_leaf(bench: Bench) -> None:
    bench.sql(
        "UPDATE audit_events SET leaf = cast(replace(cast(leaf AS TEXT), 'crm', 'cRm') AS BLOB)"
        " WHERE position = (SELECT min(position) FROM audit_events WHERE actor = 'crm')"
    )
    code, kinds, _ = bench.found()
    assert (code, kinds) == (21, {"leaf_changed", "chain_broken"})


def test_a_value_changed_with_chain_and_head_written_anew_is_found_by_its_leaf(
    bench: Bench,
) -> None:
    position = bench.sql("SELECT min(position) FROM audit_events WHERE actor = 'crm'")[0][0]
    bench.sql(
        "UPDATE audit_events SET actor = 'cRm',"
        " leaf = cast(replace(cast(leaf AS TEXT), '\"crm\"', '\"cRm\"') AS BLOB)"
        " WHERE position = ?",
        position,
    )
    bench.rechain()
    code, kinds, findings = bench.found()
    assert (code, kinds) == (21, {"leaf_changed"})
    assert findings[0]["first"] == findings[0]["last"] == position - 1


def test_two_events_exchanged_are_found_by_their_leaves(bench: Bench) -> None:
    bench.sql("UPDATE audit_events SET position = -1 WHERE position = 3")
    bench.sql("UPDATE audit_events SET position = 3 WHERE position = 4")
    bench.sql("UPDATE audit_events SET position = 4 WHERE position = -1")
    bench.rechain()
    code, kinds, findings = bench.found()
    assert code == 21
    assert "leaf_changed" in kinds
    assert (findings[0]["first"], findings[0]["last"]) == (2, 3)


def test_a_deleted_event_is_missed(bench: Bench) -> None:
    bench.sql("DELETE FROM audit_events WHERE position = 5")
    code, kinds, findings = bench.found()
    assert code == 21
    assert ("leaf_missing", 4, 4) in {(f["kind"], f["first"], f["last"]) for f in findings}
    assert "chain_broken" in kinds


def test_a_deleted_event_with_the_rest_moved_up_is_found(bench: Bench) -> None:
    bench.sql("DELETE FROM audit_events WHERE position = 5")
    for (position,) in bench.sql(
        "SELECT position FROM audit_events WHERE position > 5 ORDER BY position"
    ):
        bench.sql("UPDATE audit_events SET position = ? WHERE position = ?", position - 1, position)
    bench.rechain()
    code, kinds, _ = bench.found()
    assert code == 21
    assert {"leaf_changed", "leaf_missing"} <= kinds


def test_a_tail_cut_off_is_missed(bench: Bench) -> None:
    size = bench.sql("SELECT max(position) FROM audit_events")[0][0]
    bench.sql("DELETE FROM audit_events WHERE position > ?", size - 3)
    bench.rechain()
    code, kinds, findings = bench.found()
    assert code == 21
    assert "leaf_missing" in kinds
    assert (findings[0]["first"], findings[0]["last"]) == (size - 3, size - 1)


def test_a_tail_cut_off_with_its_checkpoints_is_found_by_an_earlier_checkpoint(
    bench: Bench, stopped: Stopped
) -> None:
    bench.sql("DELETE FROM audit_events WHERE position > 6")
    bench.sql("DELETE FROM audit_customers WHERE position > 6")
    bench.rechain()
    # The insider holds the log's own key: nothing but memory elsewhere is against him.
    bench.resign(stopped.config.parent / "kms" / "full")
    code, kinds, _ = bench.found("--since", str(stopped.noted))
    assert code == 21
    assert "set_back" in kinds


def test_a_forged_tail_is_found_by_its_signature(bench: Bench) -> None:
    last = bench.sql("SELECT max(position) FROM audit_events")[0][0]
    bench.sql(
        "UPDATE audit_events SET leaf = cast(replace(cast(leaf AS TEXT), 'officer', 'operato')"
        " AS BLOB) WHERE position = ?",
        last,
    )
    bench.rechain()
    keys = bench.folder / "forger"
    keys.mkdir(mode=0o700)
    bench.resign(keys)
    code, kinds, _ = bench.found()
    assert code == 21
    assert "checkpoint_invalid" in kinds


def test_a_restored_backup_is_found_by_an_earlier_checkpoint(
    bench: Bench, stopped: Stopped
) -> None:
    bench.use(stopped.backup)
    assert bench.found()[:2] == (0, set()), "by itself an old state is a whole one"
    code, kinds, _ = bench.found("--since", str(stopped.noted))
    assert (code, kinds) == (21, {"set_back"})


def test_two_histories_shown_to_two_readers_are_found_by_either_checkpoint(
    bench: Bench, stopped: Stopped
) -> None:
    bench.use(stopped.backup)
    bench.append(40)
    bench.resign(stopped.config.parent / "kms" / "full")
    assert bench.found()[:2] == (0, set()), "each history is whole"
    code, kinds, _ = bench.found("--since", str(stopped.noted))
    assert (code, kinds) == (21, {"forked"})


@pytest.mark.parametrize("column", ["sealed", "masked"])
@pytest.mark.parametrize("type_", ["BLOB", "TEXT"])
def test_an_edited_record_is_found_by_its_event(bench: Bench, column: str, type_: str) -> None:
    bench.sql(
        f"UPDATE customers SET {column} = cast({column} || x'00' AS {type_})"
        " WHERE customer = (SELECT min(customer) FROM customers)"
    )
    code, kinds, findings = bench.found()
    assert (code, kinds) == (21, {"row_changed"})
    assert len(findings) == 1
    name = bench.sql("SELECT min(customer) FROM customers")[0][0]
    assert findings[0]["place"] == f"institutions/{OWN}/customers/{name}@1"


def test_two_exchanged_records_are_found_by_their_events(bench: Bench) -> None:
    one, two = bench.sql("SELECT customer, sealed, masked FROM customers LIMIT 2")
    for name, (_, sealed, masked) in ((one[0], two), (two[0], one)):
        bench.sql(
            "UPDATE customers SET sealed = ?, masked = ? WHERE customer = ?", sealed, masked, name
        )
    code, kinds, findings = bench.found()
    assert (code, kinds, len(findings)) == (21, {"row_changed"}, 2)


def test_a_deleted_record_is_missed_by_its_event(bench: Bench) -> None:
    bench.sql("DELETE FROM customers WHERE customer = (SELECT min(customer) FROM customers)")
    code, kinds, findings = bench.found()
    assert (code, kinds, len(findings)) == (21, {"row_missing"}, 1)
    assert findings[0]["first"] >= 0


def test_a_record_put_in_past_the_vault_is_found_by_its_number(bench: Bench) -> None:
    bench.sql(
        "INSERT INTO customers SELECT institution, customer, version + 1, recorded_at, recorded_by,"
        " sealed, masked FROM customers LIMIT 1"
    )
    code, kinds, findings = bench.found()
    assert (code, kinds) == (21, {"rows_unlogged"})
    assert findings[0]["place"] == "customers"


def test_a_changed_tile_is_found_by_its_leaves(bench: Bench) -> None:
    data = bytearray(bench.sql("SELECT data FROM log_tiles WHERE level = 0")[0][0])
    data[70] ^= 1
    bench.sql("UPDATE log_tiles SET data = ? WHERE level = 0", bytes(data))
    code, kinds, findings = bench.found()
    assert (code, kinds) == (21, {"tile_changed"})
    assert findings[0]["first"] == 2


@pytest.mark.parametrize(
    ("table", "column", "kind"),
    [
        ("audit_events", "leaf", "leaf_changed"),
        ("log_tiles", "data", "tile_changed"),
        ("log_checkpoints", "note", "checkpoint_invalid"),
    ],
)
def test_a_value_of_another_type_is_found(bench: Bench, table: str, column: str, kind: str) -> None:
    bench.sql(f"UPDATE {table} SET {column} = 'text'")
    code, kinds, _ = bench.found()
    assert code == 21
    assert kind in kinds


def test_an_event_hidden_from_the_officers_filter_is_found_by_its_columns(bench: Bench) -> None:
    bench.sql("UPDATE audit_events SET actor = 'nobody' WHERE position = 3")
    code, kinds, _ = bench.found()
    assert (code, kinds) == (21, {"chain_broken"})


@pytest.mark.parametrize("change", ["root", "note"])
def test_an_edited_checkpoint_is_found_by_its_signature(bench: Bench, change: str) -> None:
    edits: dict[str, Callable[[bytes], bytes]] = {
        "root": lambda note: note.replace(b"\n", b"\n1", 1),
        "note": lambda note: note[:-8] + b"AAAAAA=\n",
    }
    size, note = bench.sql("SELECT size, note FROM log_checkpoints ORDER BY size DESC LIMIT 1")[0]
    bench.sql("UPDATE log_checkpoints SET note = ? WHERE size = ?", edits[change](note), size)
    code, kinds, _ = bench.found()
    assert code == 21
    assert "checkpoint_invalid" in kinds
