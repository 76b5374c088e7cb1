"""A process and what was approved: level with the store, whole or not at all, on both databases."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection

from tests.support.pipeline import uri, write_principals
from tests.support.signed_access import AccessKeys
from vault.access import PolicyEngine, PolicyInvalid
from vault.access.policy_files import POLICY_FOLDER, read_texts
from vault.access.proposals import Kind, Party, Proposal, approve, propose
from vault.access.stored_directory import StoredDirectory
from vault.services.access_state import AccessState, AccessUnread
from vault.services.approved_rows import ApprovedRows
from vault.services.health import State
from vault.services.proposal_rows import policies_content, to_row
from vault.store import Database, StoreAltered, StoreError, migrate, proposals
from vault.store.schema import approved_head

ROLE = """@id("new") @en("new") @zh("新")
permit (principal in RecordsVault::Role::"newcomer",
  action in RecordsVault::Action::"masked_read", resource);"""
NOW = 1_795_000_000_000_000
REMOVE = json.dumps({"upsert": [], "remove": ["crm"]}).encode()


class Process:
    """What a process has in force."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.keys = AccessKeys(folder)
        path = folder / "principals.toml"
        write_principals(path, {"crm": "crm_viewer", "compliance": "compliance"})
        self.directory = StoredDirectory(path)
        self.policy = PolicyEngine.load()
        rows = ApprovedRows(database, self.keys.verifier)
        self.state = AccessState(rows, self.policy, self.directory)

    def look(self) -> State:
        """Look once; how the part is."""
        asyncio.run(self.state.look())

        async def check() -> State:
            return (await self.state.probe()()).state

        return asyncio.run(check())

    @property
    def in_force(self) -> tuple[bool, bool]:
        """Whether the new role is known, and whether the CRM is."""
        return "newcomer" in self.policy.book.roles, self.directory.lookup(uri("crm")) is not None


@pytest.fixture
def process(database: Database, tmp_path: Path) -> Process:
    return Process(database, tmp_path)


def put(process: Process, kind: Kind, content: bytes, number: int) -> Proposal:
    """Approve something, past the use case."""
    signer = process.keys.signer
    institution = "" if kind is Kind.POLICY else "demo-bank"
    identifier = f"{number:026d}"
    made = propose(kind, institution, identifier, Party("a", "p-a"), content, "why", NOW)

    def work(conn: Connection) -> Proposal:
        head = proposals.lock_head(conn)
        done = approve(
            made,
            Party("b", "p-b"),
            made.etag,
            lambda _: True,
            lambda _: False,
            head.size + 1,
            NOW,
        )
        first, second = to_row(made, NOW, "a"), to_row(done, NOW, "b")
        proposals.insert(conn, first, signer.sign(first))
        proposals.apply(conn, head, second, signer.sign(second, head))
        return done

    return process.database.write_sync(work)


def policies(**more: str) -> bytes:
    return policies_content(read_texts(POLICY_FOLDER) | {f"{k}.cedar": v for k, v in more.items()})


def test_nothing_is_answered_before_it_was_read(process: Process) -> None:
    assert isinstance(process.state.refusal(), AccessUnread)
    assert process.look() is State.OK
    assert process.state.refusal() is None


def test_what_is_approved_is_in_force_after_the_next_look(process: Process) -> None:
    assert process.look() is State.OK
    generation, book = process.directory.generation, process.policy.book
    brought = put(process, Kind.POLICY, policies(new=ROLE), 1)
    put(process, Kind.DIRECTORY, REMOVE, 2)
    assert process.look() is State.OK
    assert process.in_force == (True, False)
    assert process.directory.generation > generation
    assert process.policy.book is not book
    assert process.state.policies_of == brought
    put(process, Kind.POLICY, policies(), 3)
    process.look()
    assert process.in_force == (False, False)


def test_a_new_process_has_it_in_force_at_its_start(process: Process, tmp_path: Path) -> None:
    put(process, Kind.POLICY, policies(new=ROLE), 1)
    put(process, Kind.DIRECTORY, REMOVE, 2)
    asyncio.run(process.state.open())
    assert process.in_force == (True, False)


def test_policies_that_do_not_fit_any_more_keep_the_others_and_stop_a_start(
    process: Process, tmp_path: Path
) -> None:
    process.look()
    put(process, Kind.DIRECTORY, REMOVE, 1)
    put(process, Kind.POLICY, policies_content({"a.cedar": "permit"}), 2)
    assert process.look() is State.WARNING
    # All of it or nothing: also the change that was approved just before.
    assert process.in_force == (False, True)
    with pytest.raises(PolicyInvalid):
        asyncio.run(Process(process.database, tmp_path).state.open())
    put(process, Kind.POLICY, policies(new=ROLE), 3)
    assert process.look() is State.OK
    assert process.in_force == (True, False)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE proposals SET person = 'p-z' WHERE applied = 2",
        "UPDATE proposals SET stage = 'PROPOSED' WHERE applied = 2",
        "DELETE FROM proposals WHERE applied = 2",
        "UPDATE approved_head SET size = 3",
    ],
)
def test_an_altered_row_keeps_what_is_in_force_and_stops_a_start(
    process: Process, tmp_path: Path, sql: str
) -> None:
    put(process, Kind.POLICY, policies(new=ROLE), 1)
    process.look()
    put(process, Kind.DIRECTORY, REMOVE, 2)
    process.database.write_sync(lambda conn: conn.exec_driver_sql(sql))
    assert process.look() is State.CRITICAL
    assert process.in_force == (True, True)
    with pytest.raises(StoreAltered):
        asyncio.run(Process(process.database, tmp_path).state.open())


def test_what_is_in_force_is_not_taken_back_by_taking_it_out_of_the_database(
    process: Process,
) -> None:
    put(process, Kind.DIRECTORY, REMOVE, 1)
    process.look()

    def set_back(conn: Connection) -> None:
        conn.exec_driver_sql("DELETE FROM proposals")
        conn.exec_driver_sql("UPDATE approved_head SET size = 0")

    process.database.write_sync(set_back)
    assert process.look() is State.CRITICAL
    assert process.in_force == (False, False)


def test_after_a_recovery_was_acknowledged_it_begins_anew(process: Process) -> None:
    put(process, Kind.DIRECTORY, REMOVE, 1)
    process.look()
    empty = proposals.NOTHING_APPROVED

    def restore(conn: Connection) -> None:
        conn.exec_driver_sql("DELETE FROM proposals")
        conn.execute(approved_head.update().values(size=empty.size, chain=empty.chain))

    process.database.write_sync(restore)
    assert process.look() is State.CRITICAL
    process.state.forget()
    assert process.state.refusal() is None  # what was read stays in force until the next look
    assert process.look() is State.OK
    assert process.in_force == (False, True)


def test_a_database_that_is_not_migrated_says_so(database_url: str, tmp_path: Path) -> None:
    database = Database(database_url)
    try:
        process = Process(database, tmp_path)
        with pytest.raises(StoreError, match="vaultd migrate"):
            asyncio.run(process.state.open())
        assert process.look() is State.CRITICAL
        migrate.upgrade(database)
        assert process.look() is State.OK
    finally:
        database.dispose()


def test_a_row_that_says_approved_and_has_no_number_is_none_of_ours(process: Process) -> None:
    done = put(process, Kind.DIRECTORY, REMOVE, 1)
    row = replace(to_row(done, NOW, "b"), version=9, applied=0)
    note = process.keys.signer.sign(row)
    process.database.write_sync(lambda conn: proposals.insert(conn, row, note))
    assert process.look() is State.OK  # it is not among the approved
    assert process.in_force == (False, False)
