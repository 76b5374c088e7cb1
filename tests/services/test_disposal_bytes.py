"""What was let go is on no disk of the vault: no run of 64 bytes of what was sealed is in its
databases, their journals, the key store or the object store.

On SQLite the vault sees to that itself. On PostgreSQL it deletes, and its operator has the server
write its files anew and let go of its journal (docs/explanation/retention.md); that is done here
just as it is said there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path

import pytest

from tests.services.test_disposal_pictures import owner_of, upload
from tests.support.databases import PostgresServer, temporary_server
from tests.support.disposal import BANK, Bank, bank
from tests.support.on_disk import migrated
from tests.support.sealed_bytes import Mark, Scan, marks_of
from tests.support.use_cases import run
from vault.blobs.folder import FolderBlobs
from vault.records import TransactionName
from vault.services.contents.sealed import SEGMENT_BYTES
from vault.store import Database

_DATA = (
    "customers, documents, transactions, contents, content_leaves, uploads, check_outs, "
    "subject_words, blind_index, identity_claims, pg_statistic"
)
_KEYS = "full_file_keys, masked_file_keys, pg_statistic"


class Disks:
    """A data database and a key store, and where everything of them lies."""

    def __init__(self, folder: Path, server: PostgresServer | None) -> None:
        self.folder, self._server = folder, server
        (folder / "blobs").mkdir()
        if server is None:
            self.data, self.keys = (migrated(folder / name) for name in ("data.db", "keys.db"))
        else:
            self._names = [server.create(migrated=True) for _ in range(2)]
            self.data, self.keys = (Database(server.url(name)) for name in self._names)

    @asynccontextmanager
    async def bank(self, day: date) -> AsyncIterator[Bank]:
        async with bank(self.data, self.folder, day, keys_database=self.keys) as made:
            yield made

    def marks(self, customer: str) -> list[Mark]:
        return marks_of(self.data, self.keys, FolderBlobs(self.folder / "blobs"), customer)

    def scan(self) -> Scan:
        return Scan(self.folder, *([self._server.folder] if self._server else []))

    def look(self) -> None:
        """What PostgreSQL does by itself in time: its autovacuum, and a checkpoint."""
        if self._server is not None:
            for name in self._names:
                self._server.execute("ANALYZE", name)
            self._server.execute("CHECKPOINT")

    def tidy(self) -> None:
        """What an operator of PostgreSQL does."""
        if self._server is not None:
            for name, tables in zip(self._names, (_DATA, _KEYS), strict=True):
                self._server.execute(f"VACUUM (FULL) {tables}", name)
            self._server.execute("SELECT pg_switch_wal()")
            self._server.execute("CHECKPOINT")

    def close(self) -> None:
        self.data.dispose()
        self.keys.dispose()


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    """A server all of whose files are this file's."""
    with temporary_server() as server:
        # The first is what an operator sets; the other one spares this machine's disk.
        for setting in ("wal_recycle", "fsync"):
            server.execute(f"ALTER SYSTEM SET {setting} = off")
        server.execute("SELECT pg_reload_conf()")
        yield server


@pytest.fixture
def disks(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Disks]:
    server = request.getfixturevalue("own_server") if dialect == "postgresql" else None
    made = Disks(tmp_path, server)
    yield made
    made.close()


async def file(b: Bank, number: str, size: int) -> tuple[str, str, str]:
    """A customer of two versions, with a scanned document, and two bookings of 2025, each with a
    voucher; and those."""
    customer = await b.customer(number)
    paper = await b.document(customer, number=f"E{number}", machine_readable_zone="")
    await upload(b, owner_of(customer, paper), size)
    booked = [await b.book(customer, date(2025, month, 6)) for month in (1, 6)]
    for one in booked:
        await upload(b, owner_of(customer, one), 3_000)
    return customer, booked[0], booked[1]


def test_of_a_file_that_was_let_go_no_64_bytes_are_left(disks: Disks) -> None:
    files: list[str] = []

    async def store() -> None:
        async with disks.bank(date(2025, 1, 6)) as b:
            files.append((await file(b, "GOES", SEGMENT_BYTES + 3_000))[0])
            files.append((await file(b, "STAYS", 3_000))[0])
            b.clock.on(date(2025, 7, 1))
            await b.end(files[0], date(2025, 6, 30))

    async def dispose() -> None:
        async with disks.bank(date(2035, 7, 1)) as b:
            # Of who stays the bookings of that year go as well.
            assert (await b.dispose()).counts == {"DONE": 3}
            assert await b.reads(files[1])

    run(store)
    going, staying = (disks.marks(one) for one in files)
    # What finds both of them, such as the phone they share, stays for the other.
    shared = {one.data for one in staying}
    going = [one for one in going if one.data not in shared]
    assert {one.table for one in going} == {
        *("customers", "documents", "transactions", "contents", "content_leaves"),
        *("blind_index", "identity_claims", "objects"),
        *("full_file_keys", "masked_file_keys"),
    }
    # Each lies on the disk now, and would be found; of some the server has samples.
    disks.look()
    assert disks.scan().traces(going) == going
    run(dispose)
    disks.tidy()
    scan = disks.scan()
    assert [(one.table, one.of) for one in scan.traces(going)] == []
    left = {one.of for one in scan.traces(staying)}
    assert "identity" in left
    assert "transactions/2025" not in left


def test_of_a_single_transaction_that_went_early_no_64_bytes_are_left(disks: Disks) -> None:
    """Nor of its voucher; the rest of its year, and the key of the year, are there."""
    names: list[str] = []

    async def store() -> None:
        async with disks.bank(date(2025, 1, 6)) as b:
            names.extend(await file(b, "C1", 3_000))

    async def dispose() -> None:
        async with disks.bank(date(2035, 1, 7)) as b:
            customer, early, late = names
            name = TransactionName(BANK, customer, early.partition("/")[2])
            assert (await b.dispose(name)).counts == {"DONE": 1}
            assert await b.reads_transaction(customer, late)

    run(store)
    before = disks.marks(names[0])
    disks.look()
    run(dispose)
    after = disks.marks(names[0])
    gone = [one for one in before if one not in after]
    # The booking and its masked view; the voucher's key, object and pictures.
    assert sorted(one.table for one in gone) == [
        *(["content_leaves"] * 3),
        *("contents", "objects", "transactions", "transactions"),
    ]
    assert {one.of for one in after} > {"transactions/2025", names[2]}
    disks.tidy()
    scan = disks.scan()
    assert [(one.table, one.of) for one in scan.traces(gone)] == []
    assert scan.traces(after) == after
