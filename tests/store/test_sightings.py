"""What was seen of callers: rows that are added in order, found again, and removed when old."""

import pytest
from sqlalchemy import Connection

from vault.store import Database, VersionConflict
from vault.store.sightings import DONE, FULL, MASKED, OPENED, REFUSED, Sighting

BANK, WHO = "demo-bank", "person/p"


def seen(number: int, what: str = OPENED) -> Sighting:
    """One at a time of its own."""
    return Sighting(number, number * 10, "full_read", "c", what, "teller", "a b", "x:1")


def add(database: Database, *rows: Sighting, who: str = WHO, bank: str = BANK) -> None:
    def work(conn: Connection) -> None:
        for row in rows:
            FULL.add(conn, bank, who, row)

    database.write_sync(work)


def test_a_callers_rows_come_back_in_order_from_a_number_on(database: Database) -> None:
    rows = [seen(number) for number in range(1, 6)]
    add(database, *rows)
    add(database, seen(1), who="person/q")
    add(database, seen(1), bank="other-bank")
    since = database.read_sync(lambda c: FULL.since(c, BANK, WHO, 3))
    assert since == rows[2:]
    # As within the transaction that adds the next.
    assert database.write_sync(lambda c: FULL.since(c, BANK, WHO, 3)) == rows[2:]
    assert database.read_sync(lambda c: FULL.newest(c, BANK, WHO, 2)) == rows[3:]
    assert database.read_sync(lambda c: FULL.newest(c, BANK, WHO, 10)) == rows
    assert database.read_sync(lambda c: FULL.since(c, BANK, "person/r", 1)) == []
    assert database.read_sync(lambda c: MASKED.since(c, BANK, WHO, 1)) == []


def test_a_number_is_given_once(database: Database) -> None:
    add(database, seen(1))
    with pytest.raises(VersionConflict):
        add(database, seen(1, REFUSED))


def test_who_was_refused_lately_and_when_last(database: Database) -> None:
    add(database, seen(1, REFUSED), seen(2, REFUSED), seen(3))
    add(database, seen(1, REFUSED), who="person/early")
    add(database, seen(9, DONE), who="person/done")
    add(database, seen(9, REFUSED), bank="other-bank")
    assert database.read_sync(lambda c: FULL.refused(c, BANK, 20)) == {WHO: 20}
    assert database.read_sync(lambda c: FULL.refused(c, BANK, 10)) == {WHO: 20, "person/early": 10}


def test_old_rows_of_every_kind_are_removed_so_many_at_once(database: Database) -> None:
    add(database, seen(1), seen(2, REFUSED), seen(3, DONE), seen(4), seen(5))
    add(database, seen(1), bank="other-bank")
    prune = [database.write_sync(lambda c: FULL.prune(c, BANK, 45, 3)) for _ in range(3)]
    assert prune == [3, 1, 0]
    assert database.read_sync(lambda c: FULL.since(c, BANK, WHO, 1)) == [seen(5)]
    assert database.read_sync(lambda c: FULL.since(c, "other-bank", WHO, 1)) == [seen(1)]
