"""Scans and their masked pictures go with the record that they belong to: rows, objects, bytes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator, Callable
from datetime import date
from pathlib import Path

from sqlalchemy import Connection, func, select

from tests.services.test_disposal import live
from tests.support.disposal import BANK, Bank, bank
from tests.support.on_disk import bytes_on_disk, migrated
from tests.support.use_cases import run
from vault.access import Action
from vault.records import ContentType, DocumentKind, DocumentName, TransactionName
from vault.sealing import MaskedFileKey, seal_masked
from vault.services.contents.picturing import place_of_picture
from vault.services.contents.sealed import SEGMENT_BYTES
from vault.services.contents.sweeping import Sweeping
from vault.services.contents.uploading import ContentLimits, Start, Uploading
from vault.services.recording import Recorder
from vault.store import Database
from vault.store.contents import ContentRow, LeafRow
from vault.store.schema import content_leaves, content_segments, contents, uploads

PICTURES = 3
Owner = DocumentName | TransactionName


class Noise:
    """Pictures of noise, sealed as others are: what they show is another test's matter."""

    def check_start(self, content_type: ContentType, start: bytes) -> None:
        """Everything is what it says."""

    async def leaves(
        self,
        key: MaskedFileKey,
        row: ContentRow,
        kind: DocumentKind | None,
        pieces: Callable[[int], AsyncIterator[bytes]],
    ) -> list[LeafRow]:
        """Some."""
        place = (row.institution, row.customer, row.record, row.page, row.version)
        return [
            LeafRow(
                *place,
                number,
                seal_masked(key, os.urandom(5_000), place_of_picture(row, number, PICTURES)),
            )
            for number in range(1, PICTURES + 1)
        ]


async def upload(b: Bank, owner: Owner, size: int, *, whole: bool = True) -> None:
    """A scan of noise; one that breaks off, if it is not to be whole."""
    uploading = Uploading(
        b.database,
        b.keys,
        b.reading,
        Recorder(b.log, b.clock),
        b.blobs,
        Noise(),
        b.clock,
        ContentLimits(1 << 30, 3_600.0),
    )
    call, data = b.call("backend", Action.CONTENTS_UPLOAD, owner.customer), os.urandom(size)
    start = Start(owner, 1, ContentType.PNG, size, os.urandom(8).hex(), 0)
    begun = await uploading.begin(call, start)
    await uploading.take(begun, 0, data if whole else data[:-1])
    if whole:
        await uploading.finish(call, begun, hashlib.sha256(data).digest())
    else:
        await uploading.break_off(begun)


def owner_of(customer: str, record: str) -> Owner:
    kind, _, identifier = record.partition("/")
    made = DocumentName if kind == "documents" else TransactionName
    return made(BANK, customer, identifier)


async def scanned(b: Bank, number: str = "C1") -> tuple[str, str, str]:
    """A customer with a document of two scans, one in place of the other, and a voucher; the
    relationship ended in 2012."""
    customer = await b.customer(number)
    paper = await b.document(customer)
    booked = await b.book(customer, date(2011, 5, 6))
    for record, size in ((paper, 1_000), (paper, SEGMENT_BYTES + 1), (booked, 3_000)):
        await upload(b, owner_of(customer, record), size)
    b.clock.on(date(2012, 7, 1))
    await b.end(customer, date(2012, 6, 30))
    return customer, paper, booked


def counts(b: Bank, customer: str) -> dict[str, int]:
    """Rows of each table of contents that are a customer's."""

    def look(conn: Connection) -> dict[str, int]:
        return {
            table.name: conn.execute(
                select(func.count()).select_from(table).where(table.c.customer == customer)
            ).scalar_one()
            for table in (contents, content_leaves, content_segments, uploads)
        }

    return b.database.read_sync(look)


def marks(b: Bank, customer: str) -> list[bytes]:
    """All that is sealed of a customer's contents: keys, pictures, and what objects begin with."""

    def look(conn: Connection) -> tuple[list[bytes], list[str]]:
        sealed = [
            *conn.execute(select(contents.c.sealed).where(contents.c.customer == customer)),
            *conn.execute(
                select(content_leaves.c.masked).where(content_leaves.c.customer == customer)
            ),
            *conn.execute(select(uploads.c.sealed).where(uploads.c.customer == customer)),
        ]
        segments = content_segments.c
        objects = conn.execute(select(segments.object).where(segments.customer == customer))
        return [bytes(row[0]) for row in sealed], list(objects.scalars())

    sealed, objects = b.database.read_sync(look)
    # A row of SQLite that is longer than a page is cut up: its first bytes lie together.
    there = {one.name for one in b.blobs.list("contents/")}
    stored = [b"".join(b.blobs.get(one)) for one in objects if one in there]
    # An upload that has ended keeps no key of its own.
    return [one[:200] for one in sealed + stored if one]


NONE = {"contents": 0, "content_leaves": 0, "content_segments": 0, "uploads": 0}


def test_pictures_go_with_the_record_and_those_of_others_stay(
    database: Database, tmp_path: Path
) -> None:
    (tmp_path / "blobs").mkdir()

    async def life(b: Bank) -> None:
        customer, _, _ = await scanned(b)
        b.clock.on(date(2015, 8, 1))
        stays = await b.customer("C2")
        await upload(b, owner_of(stays, await b.book(stays, date(2015, 7, 6))), 1_000)
        before = counts(b, stays)
        assert counts(b, customer) == {
            "contents": 3,
            "content_leaves": 3 * PICTURES,
            "content_segments": 4,
            "uploads": 3,
        }
        b.clock.on(date(2017, 12, 31))
        assert (await b.dispose()).counts == {"DONE": 1}
        # The voucher has gone with the transactions of its year; the file is kept a day longer.
        assert counts(b, customer)["content_leaves"] == 2 * PICTURES
        b.clock.on(date(2018, 1, 1))
        assert (await b.dispose()).counts == {"DONE": 1}
        assert counts(b, customer) == NONE
        assert counts(b, stays) == before
        assert len(list(b.blobs.list("contents/"))) == 1

    live(database, tmp_path, life)


def test_a_single_transaction_takes_its_voucher_along_and_no_other(
    database: Database, tmp_path: Path
) -> None:
    (tmp_path / "blobs").mkdir()

    async def life(b: Bank) -> None:
        customer = await b.customer()
        early, late = [await b.book(customer, date(2011, month, 6)) for month in (1, 12)]
        for record in (early, late):
            await upload(b, owner_of(customer, record), 1_000)
        b.clock.on(date(2017, 1, 4))
        await b.dispose(TransactionName(BANK, customer, early.partition("/")[2]))

        def left(conn: Connection) -> list[str]:
            found = conn.execute(select(content_leaves.c.record).distinct())
            return list(found.scalars())

        assert b.database.read_sync(left) == [late]
        assert counts(b, customer)["content_leaves"] == PICTURES
        assert len(list(b.blobs.list("contents/"))) == 1

    live(database, tmp_path, life)


def test_no_byte_of_scans_and_pictures_is_left_nor_of_uploads_that_came_to_nothing(
    tmp_path: Path,
) -> None:
    (tmp_path / "blobs").mkdir()

    async def life() -> None:
        data = migrated(tmp_path / "data.db")
        async with bank(data, tmp_path, date(2010, 1, 4)) as b:
            customer = await b.customer()
            paper = await b.document(customer)
            await upload(b, owner_of(customer, paper), SEGMENT_BYTES + 1)
            await upload(b, owner_of(customer, paper), SEGMENT_BYTES + 2, whole=False)
            booked = await b.book(customer, date(2011, 5, 6))
            await upload(b, owner_of(customer, booked), 3_000)
            found = marks(b, customer)
            # Keys of two contents and of an upload, pictures, objects.
            assert len(found) == 3 + 2 * PICTURES + 4
            there = bytes_on_disk(tmp_path)
            assert [n for n, one in enumerate(found) if one not in there] == []
            b.clock.on(date(2012, 7, 1))
            await b.end(customer, date(2012, 6, 30))
            # An upload under way keeps the file: nobody has gone on with it for an hour.
            sweep(b)
            b.clock.on(date(2018, 1, 1))
            assert (await b.dispose()).counts == {"DONE": 2}
            left = bytes_on_disk(tmp_path)
            assert [n for n, one in enumerate(found) if one in left] == []
        data.dispose()

    run(life)


def sweep(b: Bank) -> None:
    Sweeping(b.database, b.blobs, b.clock, [BANK], 3_600.0).sweep()
