"""A vault that has run, and copies of its database for an insider to change: SQLite or PostgreSQL.

What an insider does is written once, in SQLAlchemy, and does the same to either database. He works
past the vault: with an engine of his own, and none of the vault's checks.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Executable, NullPool, create_engine, delete, select, update

from recordsvault.records.v1 import records_pb2 as pb
from tests.cli.test_with_the_vault import EXAMPLES, ctl
from tests.e2e.access_changes import approve, entry, propose
from tests.support import lending
from tests.support.databases import PostgresServer
from tests.support.events import event
from tests.support.log_keys import clock, sequencer
from tests.support.running_vault import OWN, RunningVault
from vault.audit.append import append
from vault.audit.chain import GENESIS, extend
from vault.audit.event import encode
from vault.audit.reader import head
from vault.cli.vaultctl.app import run
from vault.kms.signing import Purpose
from vault.server.settings import TierName, load
from vault.server.signing import verifier_keys
from vault.store import Database, log_tree
from vault.store.schema import audit_events, audit_head, log_checkpoints, log_lease, log_tiles

_numbers = itertools.count(1)


class Copies:
    """Databases of one kind that are copied whole while nobody is connected to them."""

    def __init__(self, folder: Path, server: PostgresServer | None) -> None:
        self._folder = folder
        self._server = server

    def new(self) -> str:
        """URL of a new, empty database."""
        if self._server is None:
            return f"sqlite:///{self._folder}/vault-{next(_numbers)}.db"
        name = self._server.create(migrated=False)
        return self._server.url(name)

    def copy(self, url: str) -> str:
        """URL of a copy."""
        if self._server is None:
            target = self._folder / f"copy-{next(_numbers)}.db"
            with sqlite3.connect(_name(url)) as old, sqlite3.connect(target) as new:
                old.backup(new)
            old.close()
            new.close()
            return f"sqlite:///{target}"
        name = f"copy_{next(_numbers)}"
        self._server.execute(f"CREATE DATABASE {name} TEMPLATE {_name(url)}")
        return self._server.url(name)

    def drop(self, url: str) -> None:
        """Remove a database, whoever is still connected to it."""
        if self._server is None:
            Path(_name(url)).unlink()
        else:
            self._server.drop(_name(url))


def _name(url: str) -> str:
    """The file of an SQLite URL, the database's name of another."""
    if url.startswith("sqlite"):
        return url.removeprefix("sqlite:///")
    return url.partition("?")[0].rpartition("/")[2]


@dataclass(frozen=True)
class Stopped:
    """A vault that has run, and the checkpoint that an officer took home before its last calls.

    `backup` is a copy from before them.
    """

    config: Path
    database: str
    backup: str
    keys: Path
    noted: Path
    copies: Copies

    @property
    def own_keys(self) -> Path:
        """The vault's own signing keys, for an insider who has them too."""
        return self.config.parent / "kms" / "full"


def run_a_vault(folder: Path, copies: Copies) -> Stopped:
    """Let a vault take in some customers and calls, and stop it."""
    database = copies.new()
    with RunningVault(folder, database) as vault:
        settings = load(vault.config, TierName.FULL)
        keys = folder / "keys.txt"
        known = [k for p in (Purpose.LOG, Purpose.ACCESS) for k in verifier_keys(settings, p)]
        keys.write_text("".join(f"{key.vkey}\n" for key in known))
        approve(vault, propose(vault, entry("clerk", "crm_viewer", person="p-clerk")))
        approve(vault, propose(vault, remove=("clerk",)))
        rows = folder / "customers.jsonl"
        with (EXAMPLES / "customers.jsonl").open() as lines:
            rows.write_text("".join(next(lines) for _ in range(20)))
        assert ctl(vault, "backend", "import", str(rows), "--batch", "5").returncode == 0
        _lend_and_return(vault)
        vault.stop()
        backup = copies.copy(database)
        vault.start()
        for _ in range(3):
            assert ctl(vault, "crm", "customers", "list").returncode == 0
        vault.until_covered()
        ran = ctl(vault, "officer", "audit", "export", "--dir", str(folder / "noted"))
        assert ran.returncode == 0, ran.stderr
    noted = folder / "noted" / "checkpoint"
    stopped = Stopped(vault.config, database, backup, keys, noted, copies)
    # The officer's own calls are taken in on the way down.
    for url in (database, backup):
        _sign(url, stopped.own_keys)
    return stopped


def _lend_and_return(vault: RunningVault) -> None:
    """One check-out, in three versions."""
    first = pb.ListCustomersRequest(parent=lending.PARENT, purpose=lending.SERVING, page_size=1)
    (customer,) = vault.records().ListCustomers(first).customers
    asked = lending.ask(vault, customer.name, lending.PHONES, who="counter")
    lending.give_back(vault, lending.approve(vault, asked).name, who="counter")


@contextmanager
def _opened(url: str) -> Iterator[Database]:
    opened = Database(url)
    try:
        yield opened
    finally:
        opened.dispose()


def _sign(url: str, keys: Path) -> None:
    """Take in what is not signed yet, with the keys of a folder."""

    def pending(database: Database) -> bool:
        latest = database.read_sync(log_tree.latest)
        return database.read_sync(head).size > (latest.size if latest else 0)

    with _opened(url) as database:
        steps = sequencer(database, keys, lease=0.0, interval=0.0)
        while pending(database):
            steps.step()


class Bench:
    """A copy of the database on the bench, and the command that looks at it."""

    def __init__(self, stopped: Stopped, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.stopped = stopped
        self.folder = folder
        self.url = ""
        self.config = stopped.config.with_name(f"{folder.name}.toml")
        self._capsys = capsys
        self.use(stopped.database)

    def use(self, url: str) -> None:
        """Put a copy of a database on the bench."""
        self.clear()
        self.url = self.stopped.copies.copy(url)
        text = self.stopped.config.read_text()
        assert self.stopped.database in text
        self.config.write_text(text.replace(self.stopped.database, self.url))

    def clear(self) -> None:
        """Take away what is on it."""
        if self.url:
            self.stopped.copies.drop(self.url)
            self.url = ""
        self.config.unlink(missing_ok=True)

    # -- what an insider does ------------------------------------------------------------------

    def sql(self, *statements: Executable) -> list[Any]:
        """Carry out statements; the rows of the last one."""
        engine = create_engine(self.url, poolclass=NullPool)
        with engine.begin() as conn:
            results = [conn.execute(one) for one in statements]
            return list(results[-1].all()) if results[-1].returns_rows else []

    def edit_leaf(self, position: int, old: bytes, new: bytes, **columns: Any) -> None:
        """Change the bytes of an event, and perhaps its columns."""
        here = audit_events.c.position == position
        leaf: bytes = self.sql(select(audit_events.c.leaf).where(here))[0][0]
        assert old in leaf
        self.sql(update(audit_events).where(here).values(leaf=leaf.replace(old, new), **columns))

    def move(self, position: int, to: int) -> None:
        """Give an event another place."""
        here = audit_events.c.position == position
        self.sql(update(audit_events).where(here).values(position=to))

    def rechain(self) -> None:
        """What an insider who knows the code does after an edit: the chain and the head anew."""
        chain, position = GENESIS, 0
        leaves = select(audit_events.c.position, audit_events.c.leaf).order_by(
            audit_events.c.position
        )
        changes: list[Executable] = []
        for position, leaf in self.sql(leaves):
            chain = extend(chain, leaf)
            here = audit_events.c.position == position
            changes.append(update(audit_events).where(here).values(chain=chain))
        self.sql(*changes, update(audit_head).values(size=position, chain=chain))

    def resign(self, keys: Path) -> None:
        """Build and sign the whole tree anew with the keys of a folder."""
        self.sql(
            delete(log_tiles),
            delete(log_checkpoints),
            update(log_lease).values(expires_at=0, holder=""),
        )
        _sign(self.url, keys)

    def append(self, number: int) -> None:
        """Make up events."""
        more = [event(f"{n:026d}", institution=OWN) for n in range(number)]
        with _opened(self.url) as database:
            database.write_sync(lambda c: append(c, [(e, encode(e)) for e in more], clock()))

    # -- who looks at it -----------------------------------------------------------------------

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
