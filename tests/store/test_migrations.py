"""The migrated database is the schema that the program was written against."""

import threading
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, inspect, text

from vault.records.scopes import Branch, ScopeRef
from vault.store import KeyStore, migrate
from vault.store.database import Database
from vault.store.schema import data_metadata, keys_metadata

LOG_TREE = {"log_tiles", "log_checkpoints", "log_lease", "log_bundles"}


def test_an_empty_database_lacks_every_revision_and_a_migrated_one_none(database_url: str) -> None:
    database = Database(database_url)
    written = Path(migrate.__file__).parent / "migrations" / "data" / "versions"
    # In the order of the chains, which is not that of the numbers.
    assert sorted(migrate.pending(database)) == [
        *sorted(f"data:{path.name[:5]}" for path in written.glob("d*.py")),
        *sorted(
            f"keys:{path.name[:5]}" for path in (written / "../../keys/versions").glob("k*.py")
        ),
    ]
    assert migrate.current(database, "data") is None
    migrate.upgrade(database)
    assert migrate.pending(database) == []
    assert migrate.current(database, "data") == migrate.head("data")
    assert migrate.current(database, "keys") == migrate.head("keys")
    database.dispose()


def test_the_migrated_tables_equal_the_schema(database: Database) -> None:
    both = MetaData()
    for metadata in (data_metadata, keys_metadata):
        for table in metadata.tables.values():
            table.to_metadata(both)

    def differences(conn: Connection) -> object:
        context = MigrationContext.configure(
            conn,
            opts={
                "compare_type": True,
                "compare_server_default": True,
                "include_name": lambda name, kind, _: (
                    not (kind == "table" and str(name).startswith("alembic_version_"))
                ),
            },
        )
        return compare_metadata(context, both)

    assert database.read_sync(differences) == []


def test_primary_keys_and_indexes_have_the_columns_and_order_of_the_schema(
    database: Database,
) -> None:
    """What compare_metadata does not look at: the order within keys and indexes."""

    def check(conn: Connection) -> None:
        inspector = inspect(conn)
        for metadata in (data_metadata, keys_metadata):
            for table in metadata.tables.values():
                key = inspector.get_pk_constraint(table.name)
                assert key["constrained_columns"] == [c.name for c in table.primary_key.columns]
                assert key["name"] == table.primary_key.name
                found = {i["name"]: i["column_names"] for i in inspector.get_indexes(table.name)}
                wanted = {i.name: [c.name for c in i.columns] for i in table.indexes}
                assert found == wanted

    database.read_sync(check)


def test_every_key_and_index_leads_with_the_institution() -> None:
    for metadata in (data_metadata, keys_metadata):
        for table in metadata.tables.values():
            if table.name in {"audit_events", "audit_head", "approved_head", *LOG_TREE}:
                continue  # one chain, one tree and one order of approvals for all
            indexes = [i for i in table.indexes if i.name != "ix_proposals_applied"]
            lists = [list(table.primary_key.columns), *(list(i.columns) for i in indexes)]
            assert all(columns[0].name == "institution" for columns in lists)


def test_the_two_chains_can_live_in_two_databases(sqlite_url: str) -> None:
    data, keys = Database(sqlite_url), Database(sqlite_url.replace("vault.db", "keys.db"))
    migrate.upgrade(data, "data")
    migrate.upgrade(keys, "keys")
    assert migrate.pending(data, "data") == []
    assert migrate.pending(keys, "keys") == []
    tables = data.read_sync(lambda conn: inspect(conn).get_table_names())
    assert "full_file_keys" not in tables
    assert "customers" in tables
    data.dispose()
    keys.dispose()


def test_processes_that_migrate_at_once_do_so_one_after_another(database_url: str) -> None:
    errors: list[BaseException] = []

    def run() -> None:
        database = Database(database_url)
        try:
            migrate.upgrade(database)
        except BaseException as error:
            errors.append(error)
        finally:
            database.dispose()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    database = Database(database_url)
    assert migrate.pending(database) == []
    database.dispose()


def test_a_revision_of_a_newer_program_is_reported(database: Database) -> None:
    database.write_sync(
        lambda conn: conn.exec_driver_sql("UPDATE alembic_version_data SET version_num = 'd9999'")
    )
    assert migrate.pending(database) == ["data:unknown:d9999"]


def test_keys_of_an_old_vault_get_ids_that_their_wrapped_keys_name(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def first(self: ScriptDirectory, revision: str, current: Any) -> Any:
        return whole(self, "k0001" if revision == "heads" else revision, current)

    whole = ScriptDirectory._upgrade_revs
    database = Database(database_url)
    with monkeypatch.context() as patched:
        patched.setattr(ScriptDirectory, "_upgrade_revs", first)
        migrate.upgrade(database, "keys")

    def fill(conn: Connection) -> None:
        for branch in ("full", "masked"):
            for bank, version in (("a", 1), ("a", 2), ("b", 1)):
                conn.execute(
                    text(f"INSERT INTO {branch}_branch_keys VALUES (:b, :v, '1', :w, 7)"),
                    {"b": bank, "v": version, "w": b"w"},
                )
                conn.execute(
                    text(f"INSERT INTO {branch}_file_keys VALUES (:b, 'c', :s, :k, :v, :w, 7)"),
                    {"b": bank, "s": f"s{version}", "k": b"k" * 16, "v": version, "w": b"w"},
                )

    database.write_sync(fill)
    migrate.upgrade(database, "keys")
    store = KeyStore(database)
    for branch in Branch:
        versions = {(b, k.version): k for b in ("a", "b") for k in store.branch_keys(branch, b)}
        assert len({key.key_id for key in versions.values()}) == 3
        for (bank, version), key in versions.items():
            assert len(key.key_id) == 16
            ref = ScopeRef(bank, "c", f"s{version}")
            row = store.file_keys(branch, [ref])[ref]
            assert (row.branch_key_id, row.branch_key_version) == (key.key_id, version)
            assert (row.key_id, row.wrapped, row.created_at) == (b"k" * 16, b"w", 7)
    database.dispose()
