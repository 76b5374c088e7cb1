"""Thirty years of a bank, and what is left of a file when it was let go.

Onboarding, changes, transactions, the end, an investigation, a hold, a law that doubles its period,
disposal, and then old backups come back: of the data, and of the keys.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import Connection

from tests.support.disposal import BANK, Bank, bank
from tests.support.log_keys import ORIGIN, log_signers
from tests.support.use_cases import run
from vault.access import Action
from vault.audit.chain import leaf_hash
from vault.audit.log_sources import StoreSource
from vault.audit.note import parse_note, signatures_by
from vault.audit.proof_file import verify_proof
from vault.audit.verify_rows import verify_rows
from vault.records import Branch, ScopeRef
from vault.services.compartments.entry import ChangeRefused
from vault.services.errors import NotFound, Shredded
from vault.services.retention.errors import NotAtThatStage
from vault.store import (
    CustomerRow,
    Database,
    DocumentRow,
    KeyStore,
    TransactionRow,
    customers,
    documents,
    migrate,
    transactions,
)
from vault.store.shredding import replay

GONE = (NotFound, Shredded)


def findings(b: Bank, url: str) -> list[str]:
    """What a verification of the rows finds."""
    return [f"{f.kind.value} {f.place}" for f in verify_rows(StoreSource(url), len(b.events()))]


def sealed_rows(b: Bank, customer: str) -> list[bytes]:
    """Everything sealed that there is of a customer's records."""

    def look(conn: Connection) -> list[bytes]:
        rows: tuple[CustomerRow | DocumentRow | TransactionRow, ...] = (
            *customers.history(conn, BANK, customer, limit=100),
            *documents.page(conn, BANK, customer, limit=100),
            *transactions.page(conn, BANK, customer, limit=1000),
        )
        return [x for row in rows for x in (row.sealed, row.masked)]

    return b.database.read_sync(look)


def wrapped_keys(keys: Database, refs: list[ScopeRef]) -> list[bytes]:
    """The wrapped file keys of scopes, in both branches."""
    store = KeyStore(keys)
    return [row.wrapped for branch in Branch for row in store.file_keys(branch, refs).values()]


def test_thirty_years(database: Database, migrated_url: str, tmp_path: Path) -> None:
    async def life() -> None:
        async with bank(database, tmp_path, date(2006, 3, 1)) as b:
            # -- onboarding, changes, transactions
            stays, goes = await b.customer("C-STAYS"), await b.customer("C-GOES")
            await b.document(goes)
            for year in range(2006, 2013):
                b.clock.on(date(year, 6, 1))
                await b.book(goes, date(year, 2, 3))
                await b.book(goes, date(year, 5, 3))
                await b.book(stays, date(year, 5, 3))
            # -- the end, and an investigation that outlasts the five years
            b.clock.on(date(2012, 7, 2))
            await b.end(goes, date(2012, 6, 30))
            b.clock.on(date(2016, 2, 1))
            case = await b.open_case()
            await b.join(case)
            await b.note(case, goes)
            b.clock.on(date(2018, 1, 2))
            first = await b.plan()
            due = {(r[0], r[1]) for r in b.planned(first) if r[2] == "DUE"}
            assert due == {(stays, f"transactions/{year}") for year in range(2006, 2013)}
            assert {r[3] for r in b.planned(first) if r[0] == goes} == {
                "RESERVED",
            }
            # -- a court's hold follows on the investigation, which cannot be closed over it
            hold = await b.hold(case, goes, reference="2 O 17/18")
            with pytest.raises(ChangeRefused):
                await b.cases.close(b.call("detective", Action.COMPARTMENTS_CLOSE), BANK, case)
            await b.approve(first)
            await b.begin(first)
            await b.runner.look()
            assert (await b.get(first)).counts["DONE"] == 7
            assert await b.reads(stays)
            b.clock.on(date(2024, 12, 20))
            await b.release(case, hold)
            await b.cases.close(b.call("detective", Action.COMPARTMENTS_CLOSE), BANK, case)
            # -- planned under the old law, and begun under one that asks for ten years
            second = await b.plan()
            assert second.counts["DUE"] == 8
            await b.approve(second)
            await b.begin(second)
            b.clock.on(date(2025, 1, 5))
            await b.runner.look()
            # Of the bookings of 2006 to 2014 ten years are over in 2025; none is later than 2012.
            assert (await b.get(second)).counts == {"DONE": 8}
            with pytest.raises(NotFound):
                await b.reads(goes)
            # -- who comes under the new law stays for all of its ten years
            b.clock.on(date(2025, 3, 1))
            later = await b.customer("C-LATER")
            await b.book(later, date(2025, 3, 1))
            b.clock.on(date(2026, 1, 2))
            await b.end(later, date(2025, 12, 31))
            for day in (date(2031, 1, 2), date(2035, 3, 1)):
                b.clock.on(day)
                with pytest.raises(NotAtThatStage):
                    await b.plan()
            b.clock.on(date(2035, 3, 2))
            assert [r[1] for r in b.planned(await b.dispose())] == ["transactions/2025"]
            b.clock.on(date(2035, 12, 31))
            with pytest.raises(NotAtThatStage):
                await b.plan()
            b.clock.on(date(2036, 1, 1))
            assert [r[1] for r in b.planned(await b.dispose())] == ["identity"]
            assert await b.reads(stays)
            assert findings(b, migrated_url) == []

    run(life)


def test_what_was_disposed_of_is_nowhere_and_backups_bring_back_no_more_than_is_certified(
    tmp_path: Path,
) -> None:
    """Not in the database, its journals, the objects or the key store."""
    data, keys = _migrated(tmp_path / "data.db"), _migrated(tmp_path / "keys.db")
    found: dict[str, str] = {}

    async def life() -> None:
        async with bank(data, tmp_path, date(2025, 3, 1), keys_database=keys) as b:
            goes, stays = await b.customer("C-GOES"), await b.customer("C-STAYS")
            await b.document(goes)
            await b.book(goes, date(2025, 5, 6))
            b.clock.on(date(2025, 7, 1))
            await b.end(goes, date(2025, 6, 30))
            refs = [ScopeRef(BANK, goes, s) for s in ("identity", "transactions/2025")]
            marks = (
                *sealed_rows(b, goes),
                *wrapped_keys(keys, refs[:1]),
                *wrapped_keys(keys, refs[1:]),
            )
            assert len(marks) == 8 + 4
            _copy(tmp_path / "data.db", tmp_path / "old-data.db")
            _copy(tmp_path / "keys.db", tmp_path / "old-keys.db")
            _copy(tmp_path / "keys.db", tmp_path / "old-keys-too.db")
            assert all(mark in _bytes(tmp_path) for mark in marks)
            # -- ten years later
            b.clock.on(date(2035, 7, 1))
            shown = await b.dispose()
            assert shown.counts == {"DONE": 2}
            assert await b.reads(stays)
            left = _bytes(tmp_path, without="old-")
            assert [n for n, mark in enumerate(marks) if mark in left] == []
            assert findings(b, f"sqlite:///{tmp_path / 'data.db'}") == []
            await _certified(b, tmp_path, shown.disposal.identifier)
            found.update(goes=goes, stays=stays)

    run(life)
    data.dispose()
    keys.dispose()

    async def restored(data_file: str, keys_file: str, *, replayed: bool) -> bool:
        """Whether the file opens in a vault on these files; who stays always does."""
        one, other = (Database(f"sqlite:///{tmp_path / f}") for f in (data_file, keys_file))
        if replayed:
            replay(one, other)
        async with bank(one, tmp_path, date(2035, 7, 2), keys_database=other) as b:
            assert await b.reads(found["stays"])
            try:
                await b.reads(found["goes"])
            except GONE:
                return False
            finally:
                for database in (one, other):
                    database.dispose()
            return True

    # An old backup of the data beside the keys as they are: shredded stays shredded.
    assert not asyncio.run(restored("old-data.db", "keys.db", replayed=True))
    # One of the keys beside the data as they are: the list is replayed before anything is served.
    assert not asyncio.run(restored("data.db", "old-keys.db", replayed=True))
    # And not further: whoever has kept backups of both has the file. That is what the day is for
    # from which on the certificate is final.
    assert asyncio.run(restored("old-data.db", "old-keys-too.db", replayed=True))


async def _certified(b: Bank, folder: Path, disposal: str) -> None:
    signers = log_signers(folder)
    await asyncio.to_thread(b.sequencer.step)
    call = b.call("compliance", Action.DISPOSALS_CERTIFICATE)
    made = await b.certifying.certificate(call, BANK, disposal)
    note = parse_note(made.note)
    assert signatures_by(note, b.access_keys.signers.verifiers())
    digest = sha256(note.text.encode()).hexdigest()
    assert f"certificates/sha256:{digest}".encode() in made.leaf
    verify_proof(made.proof, leaf_hash(made.leaf), signers.verifiers(), ORIGIN)
    assert made.keys_final == date(2035, 8, 6)
    assert f"keys-final {made.keys_final}\n" in note.text
    assert "destroyed 2\n" in note.text


def _migrated(path: Path) -> Database:
    made = Database(f"sqlite:///{path}")
    migrate.upgrade(made)
    return made


def _copy(path: Path, to: Path) -> None:
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


def _bytes(folder: Path, without: str = "none") -> bytes:
    """Everything that the databases and the object store have on disk."""
    return b"".join(
        path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(without) and path.suffix != ".toml"
    )
