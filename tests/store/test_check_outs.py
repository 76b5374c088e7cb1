"""A check-out's row with the file of its customer beside it, on both databases."""

import pytest
from sqlalchemy import Connection

from tests.support import rows
from vault.store import Database, check_outs, customers


@pytest.fixture
def filled(database: Database) -> Database:
    def fill(conn: Connection) -> None:
        customers.insert(conn, [rows.customer(c, v) for c in ("c1", "c2") for v in (1, 2)])
        for version in (1, 2):
            check_outs.insert(conn, rows.check_out(version=version))
        check_outs.insert(conn, rows.check_out("o2"))

    database.write_sync(fill)
    return database


@pytest.mark.parametrize(("identifier", "customer"), [("o1", "c1"), ("o2", "c2"), ("o1", "c2")])
def test_both_are_found_as_they_are_by_themselves(
    filled: Database, identifier: str, customer: str
) -> None:
    def look(conn: Connection) -> None:
        found = check_outs.current_with_file(conn, "demo", identifier, customer)
        assert None not in found
        assert found == (
            check_outs.current(conn, "demo", identifier),
            customers.current(conn, "demo", customer),
        )

    filled.read_sync(look)
    # Within a transaction as well.
    filled.write_sync(look)


def test_a_check_out_is_found_where_there_is_no_such_customer(filled: Database) -> None:
    def look(conn: Connection) -> None:
        for nobody in ("c3", ""):
            found = check_outs.current_with_file(conn, "demo", "o1", nobody)
            assert found == (rows.check_out(version=2), None)

    filled.read_sync(look)


def test_no_file_is_found_without_a_check_out_of_that_institution(filled: Database) -> None:
    def look(conn: Connection) -> None:
        assert check_outs.current_with_file(conn, "demo", "o3", "c1") == (None, None)
        assert check_outs.current_with_file(conn, "other", "o1", "c1") == (None, None)

    filled.read_sync(look)
