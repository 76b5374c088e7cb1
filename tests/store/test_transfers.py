"""What a file came with: a file comes once, rows are what their events say, and with what is let go
of goes what told where it came from."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from tests.support import rows
from vault.records.scopes import ScopeRef
from vault.store import Database, VersionConflict, contents, customers, transactions, transfers
from vault.store.contents import ContentRow
from vault.store.disposing import take_rows
from vault.store.evidence import stored_hash
from vault.store.transfers import ArrivalRow, DepartureRow, OriginRow

YEAR = "transactions/2026"
ARRIVAL = ArrivalRow("demo", "c1", 1, 5, "keeper", "a.bank/log", "there", b"m", "transfers/b", b"")
LEFT = DepartureRow("demo", "c1", "d", 1, 5, "keeper", "f" * 64, b"m", "", b"")
ORIGINS = [
    OriginRow("demo", "c1", "", 1, "identity", 1, "clerk"),
    OriginRow("demo", "c1", "transactions/t1", 1, YEAR, 2, "clerk"),
    OriginRow("demo", "c1", "transactions/t1/contents/1", 1, YEAR, 3, "clerk"),
    OriginRow("demo", "c1", "transactions/t2", 1, YEAR, 4, "clerk"),
]


def proof(page: int, scope: str) -> ContentRow:
    of = ("demo", "c1", "transfers/b", page, 1, scope, 5, "keeper", f"u{page}")
    return ContentRow(*of, "UNSPECIFIED", 10, 1, b"s", 0, b"l", b"sealed")


PROOFS = [proof(1, "identity"), proof(2, YEAR)]


@pytest.fixture
def filled(database: Database) -> Database:
    def fill(conn: Any) -> None:
        customers.insert(conn, [rows.customer("c1", 1)])
        transactions.insert(conn, [rows.transaction("t1"), rows.transaction("t2")])
        transfers.arrive(conn, ARRIVAL)
        transfers.depart(conn, LEFT)
        transfers.put_origins(conn, ORIGINS)
        for one in PROOFS:
            contents.insert(conn, one)

    database.write_sync(fill)
    return database


def test_every_row_is_found_by_its_name_in_the_log(filled: Database) -> None:
    every: list[Any] = [ARRIVAL, LEFT, *ORIGINS, *PROOFS]
    for row in every:
        assert filled.read_sync(partial(stored_hash, name=row.name)) == row.hash()


def test_a_file_comes_once_under_whatever_name(filled: Database) -> None:
    again = replace(ARRIVAL, customer="c2")
    with pytest.raises(VersionConflict):
        filled.write_sync(lambda conn: transfers.arrive(conn, again))
    filled.write_sync(lambda conn: transfers.arrive(conn, replace(ARRIVAL, version=2, note=b"n")))
    found = filled.read_sync(
        lambda conn: transfers.arrival_from(conn, "demo", "a.bank/log", "there")
    )
    assert found is not None and (found.version, found.note) == (2, b"n")


def test_a_departure_is_shown_as_it_stands(filled: Database) -> None:
    done = replace(LEFT, version=2, received_as="elsewhere", note=b"n")
    filled.write_sync(lambda conn: transfers.depart(conn, done))
    assert filled.read_sync(lambda c: transfers.departures_of(c, "demo", "c1")) == [done]


@pytest.mark.parametrize(
    ("scope", "record", "gone"),
    [
        (YEAR, "", [PROOFS[1], *ORIGINS[1:], rows.transaction("t1"), rows.transaction("t2")]),
        # What proves one of its scope has it among the others.
        (YEAR, "transactions/t1", [PROOFS[1], *ORIGINS[1:3], rows.transaction("t1")]),
        ("identity", "", [PROOFS[0], ORIGINS[0], rows.customer("c1", 1)]),
    ],
    ids=["a scope", "one transaction", "the identity file"],
)
def test_with_what_is_let_go_of_goes_what_told_where_it_came_from(
    filled: Database, scope: str, record: str, gone: list[Any]
) -> None:
    ref = ScopeRef("demo", "c1", scope)
    taken = filled.write_sync(lambda conn: take_rows(conn, ref, record, 100))
    assert {(one.name, one.sha256) for one in taken} == {
        (row.name.removeprefix("institutions/demo/"), row.hash()) for row in gone
    }
    # That it came, and that it left, is no part of what it holds.
    for row in (ARRIVAL, LEFT):
        assert filled.read_sync(partial(stored_hash, name=row.name)) == row.hash()
