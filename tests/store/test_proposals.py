"""Proposals on both databases: version after version, and one order of what was approved."""

from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import Connection

from vault.store import Database, StoreAltered, VersionConflict, proposals
from vault.store.evidence import stored_hash
from vault.store.proposals import NOTHING_APPROVED, ApprovedHead, ProposalRow, SignedRow

ROW = ProposalRow("demo", "p1", 1, "DIRECTORY", "PROPOSED", "alice", "p-a", 0, 7, "alice", b"{}")
NOTE = b"signed"


def approve(conn: Connection, row: ProposalRow) -> ProposalRow:
    head = proposals.lock_head(conn)
    made = replace(row, version=row.version + 1, stage="APPROVED", applied=head.size + 1)
    proposals.apply(conn, head, made, NOTE)
    return made


@pytest.fixture
def approved(database: Database) -> list[ProposalRow]:
    """Three proposals, approved in an order that is not theirs."""
    rows = [ROW, replace(ROW, institution="", proposal="p2"), replace(ROW, proposal="p3")]

    def work(conn: Connection) -> list[ProposalRow]:
        for row in rows:
            proposals.insert(conn, row, NOTE)
        return [approve(conn, row) for row in (rows[2], rows[0], rows[1])]

    return database.write_sync(work)


def read_applied(database: Database, after: ApprovedHead = NOTHING_APPROVED) -> list[ProposalRow]:
    def work(conn: Connection) -> list[ProposalRow]:
        return [one.row for one, _ in proposals.applied(conn, proposals.read_head(conn), after)]

    return database.read_sync(work)


def test_nothing_is_approved_in_an_empty_database(database: Database) -> None:
    assert database.read_sync(proposals.read_head) == NOTHING_APPROVED
    assert read_applied(database) == []


def test_approved_proposals_come_in_the_order_of_their_approval(
    database: Database, approved: list[ProposalRow]
) -> None:
    assert read_applied(database) == approved
    after = proposals.next_head(NOTHING_APPROVED, approved[0])
    assert read_applied(database, after) == approved[1:]


def test_each_comes_with_its_signature_and_the_head_in_front_of_it(
    database: Database, approved: list[ProposalRow]
) -> None:
    database.write_sync(
        lambda conn: conn.exec_driver_sql("DELETE FROM proposal_signatures WHERE proposal = 'p1'")
    )
    found = database.read_sync(
        lambda conn: list(proposals.applied(conn, proposals.read_head(conn), NOTHING_APPROVED))
    )
    assert [signed.note for signed, _ in found] == [NOTE, None, NOTE]
    assert found[0][1] == NOTHING_APPROVED
    assert found[1][1] == proposals.next_head(NOTHING_APPROVED, approved[0])


def test_rows_behind_a_number_are_read_whatever_the_head_says(
    database: Database, approved: list[ProposalRow]
) -> None:
    database.write_sync(lambda conn: conn.exec_driver_sql("UPDATE approved_head SET size = 1"))

    def behind(size: int, limit: int) -> list[ProposalRow]:
        found = database.read_sync(lambda conn: proposals.approved_behind(conn, size, limit))
        return [signed.row for signed in found]

    assert behind(0, 9) == approved
    assert behind(1, 1) == [approved[1]]
    assert behind(3, 9) == []


def test_a_version_is_written_once(database: Database) -> None:
    database.write_sync(lambda conn: proposals.insert(conn, ROW, NOTE))
    with pytest.raises(VersionConflict):
        database.write_sync(
            lambda conn: proposals.insert(conn, replace(ROW, stage="REJECTED"), NOTE)
        )


def test_a_row_that_is_not_the_next_one_is_not_approved(database: Database) -> None:
    with pytest.raises(ValueError, match="next"):
        database.write_sync(
            lambda conn: proposals.apply(
                conn, proposals.lock_head(conn), replace(ROW, applied=2), NOTE
            )
        )


def test_current_history_and_pages(database: Database, approved: list[ProposalRow]) -> None:
    read = database.read_sync
    assert read(lambda c: proposals.current(c, "demo", "p1")) == SignedRow(approved[1], NOTE)
    assert read(lambda c: proposals.current(c, "other", "p1")) is None
    assert read(lambda c: proposals.history(c, "demo", "p1")) == [ROW, approved[1]]
    first, second, third = (SignedRow(row, NOTE) for row in approved)
    assert read(lambda c: proposals.page(c, "demo", limit=9)) == [first, second]
    assert read(lambda c: proposals.page(c, "demo", before="p3", limit=9)) == [second]
    assert read(lambda c: proposals.page(c, "", kind="DIRECTORY", limit=9)) == [third]
    assert read(lambda c: proposals.page(c, "", kind="POLICY", limit=9)) == []


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_signature_of_another_type_is_none_of_ours(
    database: Database, approved: list[ProposalRow]
) -> None:
    database.write_sync(
        lambda conn: conn.exec_driver_sql("UPDATE proposal_signatures SET note = 'text'")
    )
    with pytest.raises(StoreAltered):
        database.read_sync(lambda conn: proposals.current(conn, "demo", "p1"))


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE proposals SET body = body || body WHERE proposal = 'p1' AND applied > 0",
        "UPDATE proposals SET person = 'p-b' WHERE proposal = 'p2' AND applied > 0",
        "DELETE FROM proposals WHERE applied = 3",
        "DELETE FROM proposals WHERE applied = 1",
        "UPDATE proposals SET applied = 4 WHERE applied = 3",
        "UPDATE approved_head SET size = 2",
        "UPDATE approved_head SET size = 4",
        "DELETE FROM approved_head",
    ],
)
def test_what_was_altered_past_the_vault_is_not_taken(
    database: Database, approved: list[ProposalRow], sql: str
) -> None:
    database.write_sync(lambda conn: conn.exec_driver_sql(sql))
    with pytest.raises(StoreAltered):
        read_applied(database)


def test_events_find_the_rows_of_an_institution_and_of_the_whole_vault(
    database: Database, approved: list[ProposalRow]
) -> None:
    for row in approved:
        name = f"institutions/demo/{row.log_name}"
        assert database.read_sync(partial(stored_hash, name=name)) == row.hash()
    missing = "institutions/demo/vault/proposals/p1@2"
    assert database.read_sync(lambda c: stored_hash(c, missing)) is None
