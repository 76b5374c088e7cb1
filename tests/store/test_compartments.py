"""Compartments in the store: rows are added, the newest counts, and the masked role has none."""

from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError, ProgrammingError

from vault.store import Database, StoreError, VersionConflict, compartments
from vault.store.compartments import CompartmentRow, ItemRow, MemberRow
from vault.store.evidence import stored_hash
from vault.store.schema import MASKED_READABLE

BANK = "demo-bank"
FIRST, SECOND = "01a", "01b"
HERE = CompartmentRow(BANK, FIRST, 1, 5, "zhao", b"sealed")
PLACE = MemberRow(BANK, FIRST, "p-1", 1, "", 5, "zhao", b"sealed")
NOTE = ItemRow(BANK, FIRST, "01x", b"s" * 16, 5, "zhao", b"sealed")


@pytest.fixture
def filled(database: Database) -> Database:
    def fill(conn: Connection) -> None:
        compartments.insert(
            conn,
            compartments_=[HERE, replace(HERE, version=2), replace(HERE, compartment=SECOND)],
            members=[
                PLACE,
                replace(PLACE, version=2, agree_by="p-9"),
                replace(PLACE, person="p-2"),
                replace(PLACE, compartment=SECOND),
                replace(PLACE, institution="other-bank"),
            ],
            items=[
                NOTE,
                replace(NOTE, item="01y", subject=b"t" * 16),
                replace(NOTE, compartment=SECOND),
            ],
        )

    database.write_sync(fill)
    return database


def test_the_current_version_is_the_newest(filled: Database) -> None:
    read = filled.read_sync
    assert read(lambda c: compartments.current(c, BANK, FIRST)) == replace(HERE, version=2)
    assert read(lambda c: compartments.current(c, "other-bank", FIRST)) is None
    newest = replace(PLACE, version=2, agree_by="p-9")
    assert read(lambda c: compartments.member(c, BANK, FIRST, "p-1")) == newest
    assert read(lambda c: compartments.member(c, BANK, FIRST, "p-3")) is None
    everybody = [newest, replace(PLACE, person="p-2")]
    assert read(lambda c: compartments.members(c, BANK, FIRST)) == everybody


def test_the_places_of_a_person_come_by_compartment(filled: Database) -> None:
    read = filled.read_sync
    mine = [replace(PLACE, version=2, agree_by="p-9"), replace(PLACE, compartment=SECOND)]
    assert read(lambda c: compartments.places(c, BANK, "p-1", limit=10)) == mine
    assert read(lambda c: compartments.places(c, BANK, "p-1", limit=1)) == mine[:1]
    assert read(lambda c: compartments.places(c, BANK, "p-1", after=FIRST, limit=10)) == mine[1:]


def test_items_come_by_time_and_by_subject(filled: Database) -> None:
    read = filled.read_sync
    other = replace(NOTE, item="01y", subject=b"t" * 16)
    assert read(lambda c: compartments.items(c, BANK, FIRST, limit=10)) == [NOTE, other]
    assert read(lambda c: compartments.items(c, BANK, FIRST, after="01x", limit=10)) == [other]
    found = read(lambda c: compartments.items(c, BANK, FIRST, subject=b"t" * 16, limit=10))
    assert found == [other]
    assert read(lambda c: compartments.items(c, BANK, FIRST, subject=b"u" * 16, limit=10)) == []


def test_a_row_that_stands_is_not_written_again(filled: Database) -> None:
    for again in (
        partial(compartments.insert, compartments_=[HERE]),
        partial(compartments.insert, members=[PLACE]),
        partial(compartments.insert, items=[NOTE]),
    ):
        with pytest.raises(VersionConflict):
            filled.write_sync(again)


def test_every_row_is_found_by_its_name_with_its_hash(filled: Database) -> None:
    for row in (HERE, replace(HERE, version=2), PLACE, NOTE):
        assert filled.read_sync(partial(stored_hash, name=row.name)) == row.hash()
    gone = replace(NOTE, item="01z")
    assert filled.read_sync(lambda c: stored_hash(c, gone.name)) is None


def test_no_row_shows_what_it_holds() -> None:
    assert "sealed" not in repr(HERE) + repr(PLACE) + repr(NOTE)
    assert "ssss" not in repr(NOTE)


@pytest.mark.parametrize("table", ["compartments", "compartment_members", "compartment_items"])
def test_the_masked_role_has_no_way_to_a_compartment(filled: Database, table: str) -> None:
    assert table not in MASKED_READABLE
    if filled.sqlite_path:
        masked = Database(f"sqlite:///{filled.sqlite_path}", role="masked")
        with pytest.raises((StoreError, OperationalError, ProgrammingError)):
            masked.read_sync(lambda c: c.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar())
        masked.dispose()
