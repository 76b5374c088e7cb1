"""Versioned records: the same promises on both databases."""

import dataclasses

import pytest

from tests.support import rows
from vault.store import VersionConflict, customers, documents
from vault.store.database import Database
from vault.store.rows import CustomerRow, DocumentRow, MaskedCustomerRow, MaskedDocumentRow


def masked_of(row: CustomerRow) -> MaskedCustomerRow:
    values = dataclasses.asdict(row)
    del values["sealed"]
    return MaskedCustomerRow(**values)


def masked_document_of(row: DocumentRow) -> MaskedDocumentRow:
    values = dataclasses.asdict(row)
    del values["sealed"]
    return MaskedDocumentRow(**values)


def put(database: Database, *records: CustomerRow) -> None:
    database.write_sync(lambda conn: customers.insert(conn, records))


def put_documents(database: Database, *records: DocumentRow) -> None:
    database.write_sync(lambda conn: documents.insert(conn, records))


def test_a_customer_comes_back_as_it_was_put(database: Database) -> None:
    row = CustomerRow("demo", "c1", 1, 2**50, "backend", bytes(range(256)), b"\x00\xff")
    put(database, row)
    assert database.read_sync(lambda c: customers.current(c, "demo", "c1")) == row
    assert database.read_sync(lambda c: customers.current_masked(c, "demo", "c1")) == masked_of(row)


def test_what_was_never_put_is_none(database: Database) -> None:
    put(database, rows.customer("c1"))
    read = database.read_sync
    assert read(lambda c: customers.current(c, "demo", "c2")) is None
    assert read(lambda c: customers.current(c, "other", "c1")) is None
    assert read(lambda c: customers.current_masked(c, "other", "c1")) is None
    assert read(lambda c: customers.version(c, "demo", "c1", 2)) is None


def test_the_current_version_is_the_highest(database: Database) -> None:
    versions = [rows.customer("c1", n, at=n * 100) for n in range(1, 13)]
    put(database, *versions)
    read = database.read_sync
    assert read(lambda c: customers.current(c, "demo", "c1")) == versions[-1]
    assert read(lambda c: customers.current_masked(c, "demo", "c1")) == masked_of(versions[-1])
    assert read(lambda c: customers.version(c, "demo", "c1", 7)) == versions[6]


def test_a_version_that_stands_is_never_written_over(database: Database) -> None:
    first = rows.customer("c1", 1)
    put(database, first)
    other = dataclasses.replace(first, sealed=b"other")
    with pytest.raises(VersionConflict):
        put(database, rows.customer("c0", 1), other)
    assert database.read_sync(lambda c: customers.current(c, "demo", "c1")) == first
    # and nothing of the failed insert remains
    assert database.read_sync(lambda c: customers.current(c, "demo", "c0")) is None


def test_history_goes_back_from_the_newest_by_pages(database: Database) -> None:
    put(database, *[rows.customer("c1", n) for n in range(1, 8)])
    read = database.read_sync
    first = read(lambda c: customers.history(c, "demo", "c1", limit=3))
    assert [r.version for r in first] == [7, 6, 5]
    second = read(lambda c: customers.history(c, "demo", "c1", before=5, limit=10))
    assert [r.version for r in second] == [4, 3, 2, 1]


def test_a_listing_pages_through_current_versions_of_one_institution(database: Database) -> None:
    put(
        database,
        *[rows.customer(f"c{i}", v) for i in range(7) for v in range(1, 1 + i % 3 + 1)],
        rows.customer("c3", institution="another"),
        rows.customer("c9", institution="zother"),
    )

    def page(after: str) -> list[CustomerRow]:
        return database.read_sync(lambda c: customers.page(c, "demo", after=after, limit=3))

    seen: list[CustomerRow] = []
    while found := page(seen[-1].customer if seen else ""):
        seen.extend(found)
    assert [(r.customer, r.version) for r in seen] == [(f"c{i}", i % 3 + 1) for i in range(7)]
    masked = database.read_sync(lambda c: customers.page_masked(c, "demo", after="c2", limit=2))
    assert masked == [masked_of(r) for r in seen[3:5]]


def test_many_customers_come_in_one_query_with_their_current_version(database: Database) -> None:
    put(
        database,
        *[rows.customer(f"c{i:03}", v) for i in range(60) for v in (1, 2)],
        rows.customer("c001", 3, institution="other"),
    )
    ids = [f"c{i:03}" for i in range(0, 60, 2)] + ["absent"]
    found = database.read_sync(lambda c: customers.many_masked(c, "demo", ids))
    assert found == {i: masked_of(rows.customer(i, 2)) for i in ids[:-1]}
    assert database.read_sync(lambda c: customers.many_masked(c, "demo", [])) == {}


def test_five_hundred_rows_go_in_at_once_and_all_come_back(database: Database) -> None:
    everyone = [rows.customer(f"c{i:04}") for i in range(500)]
    put(database, *everyone)
    assert database.read_sync(lambda c: customers.page(c, "demo", limit=1_000)) == everyone


def test_documents_have_versions_of_their_own(database: Database) -> None:
    put_documents(
        database,
        *[rows.document("d1", n, at=n * 100) for n in (1, 2, 3)],
        rows.document("d2"),
        rows.document("d1", 9, customer="c2"),
    )
    read = database.read_sync
    current = read(lambda c: documents.current(c, "demo", "c1", "d1"))
    assert current == rows.document("d1", 3, at=300)
    assert read(lambda c: documents.current_masked(c, "demo", "c1", "d1")) == masked_document_of(
        rows.document("d1", 3, at=300)
    )
    assert read(lambda c: documents.version(c, "demo", "c1", "d1", 2)) == rows.document(
        "d1", 2, at=200
    )
    history = read(lambda c: documents.history(c, "demo", "c1", "d1", before=3, limit=5))
    assert [r.version for r in history] == [2, 1]
    assert read(lambda c: documents.current(c, "demo", "c1", "d3")) is None
    assert read(lambda c: documents.current_masked(c, "demo", "c3", "d1")) is None
    with pytest.raises(VersionConflict):
        put_documents(database, rows.document("d1", 2))


def test_a_listing_of_documents_stays_within_the_customer(database: Database) -> None:
    put_documents(
        database,
        *[rows.document(f"d{i}", v) for i in range(5) for v in (1, 2)],
        rows.document("d0", customer="c0"),
        rows.document("d9", customer="c2"),
    )
    read = database.read_sync
    first = read(lambda c: documents.page(c, "demo", "c1", limit=3))
    assert first == [rows.document(f"d{i}", 2) for i in range(3)]
    rest = read(lambda c: documents.page_masked(c, "demo", "c1", after="d2", limit=3))
    assert rest == [masked_document_of(rows.document(f"d{i}", 2)) for i in (3, 4)]


def test_which_of_some_ids_are_customers_is_told_whatever_their_versions(
    database: Database,
) -> None:
    put(database, rows.customer("c1"), *[rows.customer("c2", n) for n in (1, 2, 3)])
    put(database, rows.customer("c3", institution="other"))
    wanted = ["c1", "c2", "c3", "c4"]
    assert database.read_sync(lambda c: customers.existing(c, "demo", wanted)) == {"c1", "c2"}
    assert database.read_sync(lambda c: customers.existing(c, "demo", [])) == set()
