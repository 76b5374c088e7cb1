"""What the masked tier's own database credentials can and cannot do, on both databases."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, make_url

from tests.support import rows
from tests.support.databases import PostgresServer
from vault.records.scopes import Branch, ScopeRef
from vault.store import (
    BranchKeyRow,
    Database,
    FileKeyRow,
    KeyStore,
    StoreError,
    StoreForbidden,
    blind_index,
    customers,
    decoys,
    documents,
    migrate,
    spending,
    transactions,
)
from vault.store.roles import grant_masked_role
from vault.store.schema import data_metadata, keys_metadata

REF = ScopeRef("demo", "c1", "identity")


@pytest.fixture
def masked(database: Database, masked_url: str) -> Iterator[Database]:
    """The test's database, filled, as the masked tier opens it."""

    def fill(conn: Connection) -> None:
        customers.insert(conn, [rows.customer("c1")])
        documents.insert(conn, [rows.document("d1")])
        transactions.insert(conn, [rows.transaction("t1")])

    database.write_sync(fill)
    key = FileKeyRow("demo", "c1", "identity", b"k" * 16, 1, b"w", 1)
    for branch in Branch:
        KeyStore(database).add_branch_key(branch, BranchKeyRow("demo", 1, "1", b"w", 1))
    KeyStore(database).add_file_keys([key], [key])
    opened = Database(masked_url, role="masked")
    yield opened
    opened.dispose()


def test_it_reads_masked_views_and_its_own_keys(masked: Database) -> None:
    read = masked.read_sync
    assert read(lambda c: customers.current_masked(c, "demo", "c1")) is not None
    assert len(read(lambda c: customers.page_masked(c, "demo", limit=5))) == 1
    assert len(read(lambda c: customers.many_masked(c, "demo", ["c1"]))) == 1
    assert read(lambda c: documents.current_masked(c, "demo", "c1", "d1")) is not None
    assert len(read(lambda c: documents.page_masked(c, "demo", "c1", limit=5))) == 1
    assert read(lambda c: transactions.get_masked(c, "demo", "c1", "t1"))[0] is not None
    assert len(read(lambda c: transactions.page_masked(c, "demo", "c1", limit=5))) == 1
    assert read(lambda c: transactions.links_to(c, "demo", "c1", ["t1"])) == []
    assert REF in KeyStore(masked).file_keys(Branch.MASKED, [REF])
    assert len(KeyStore(masked).branch_keys(Branch.MASKED, "demo")) == 1
    assert migrate.pending(masked) == []
    masked.ping()


def _run(sql: str) -> Callable[[Connection], object]:
    return lambda conn: conn.exec_driver_sql(sql).all()


FORBIDDEN_READS: dict[str, Callable[[Connection], object]] = {
    "a customer in full": lambda c: customers.current(c, "demo", "c1"),
    "a document in full": lambda c: documents.current(c, "demo", "c1", "d1"),
    "a transaction in full": lambda c: transactions.get(c, "demo", "c1", "t1"),
    "a blind index": lambda c: blind_index.lookup(c, "demo", "phone", b"t" * 16, limit=1),
    **{
        f"{table}.{column}": _run(f'SELECT "{column}" FROM {table}')
        for table, column in [
            ("customers", "sealed"),
            ("documents", "sealed"),
            ("transactions", "sealed"),
            ("full_file_keys", "wrapped"),
            ("full_branch_keys", "wrapped"),
            ("index_keys", "wrapped"),
            ("identity_claims", "token"),
            ("requests", "outcome"),
            ("audit_events", "leaf"),
        ]
    },
    "a sealed column through a condition": _run(
        "SELECT customer FROM customers WHERE length(sealed) > 3"
    ),
    "a star": _run("SELECT * FROM customers"),
}


@pytest.mark.parametrize("what", FORBIDDEN_READS)
def test_it_cannot_read(masked: Database, what: str) -> None:
    with pytest.raises(StoreForbidden):
        masked.read_sync(FORBIDDEN_READS[what])
    with pytest.raises(StoreForbidden):
        masked.write_sync(FORBIDDEN_READS[what])


def test_it_spends_in_its_own_tier_and_knows_decoys(masked: Database, database: Database) -> None:
    charge = spending.Charge("masked_an_hour", 1, 1, ("c1",))
    row = decoys.DecoyRow("demo", "c1", 1, 1, 1, "officer")
    database.write_sync(lambda c: decoys.insert(c, row))

    def spend(conn: Connection, table: spending.Spending = spending.MASKED) -> None:
        spending.take_turn(conn, 7)
        table.spend(conn, "demo", "person/p-one", [charge])

    masked.write_sync(spend)
    masked.write_sync(spend)
    assert masked.read_sync(lambda c: decoys.all_of(c, "demo")) == ["c1"]
    for forbidden in (
        lambda c: spend(c, spending.FULL),
        lambda c: spending.MASKED.prune(c, "demo", 2, 1),
        lambda c: decoys.insert(c, decoys.DecoyRow("demo", "c1", 2, 0, 1, "officer")),
    ):
        with pytest.raises(StoreForbidden):
            masked.write_sync(forbidden)


def _every_table() -> list[str]:
    return sorted([*data_metadata.tables, *keys_metadata.tables])


@pytest.mark.parametrize("table", _every_table())
def test_it_cannot_delete_from(masked: Database, table: str) -> None:
    with pytest.raises(StoreForbidden):
        masked.write_sync(lambda c: c.exec_driver_sql(f"DELETE FROM {table}"))


@pytest.mark.parametrize("table", [t for t in _every_table() if t != "audit_head"])
def test_it_cannot_update(masked: Database, table: str) -> None:
    column = [*data_metadata.tables.values(), *keys_metadata.tables.values()]
    name = next(t for t in column if t.name == table).columns.keys()[0]
    with pytest.raises(StoreForbidden):
        masked.write_sync(lambda c: c.exec_driver_sql(f'UPDATE {table} SET "{name}" = "{name}"'))


def test_it_cannot_write_records_or_keys(masked: Database) -> None:
    with pytest.raises(StoreForbidden):
        masked.write_sync(lambda c: customers.insert(c, [rows.customer("c2")]))
    with pytest.raises(StoreForbidden):
        masked.write_sync(lambda c: transactions.insert(c, [rows.transaction("t2")]))
    key = FileKeyRow("demo", "c9", "identity", b"k" * 16, 1, b"w", 1)
    with pytest.raises(StoreForbidden):
        KeyStore(masked).add_file_keys([], [key])


def test_it_cannot_change_the_schema_or_attach_files(masked: Database) -> None:
    statements = ["CREATE TABLE mine (a integer)", "DROP TABLE customers"]
    if masked.dialect == "sqlite":
        statements += ["ATTACH DATABASE ':memory:' AS other", "PRAGMA writable_schema = ON"]
    else:
        statements += ["GRANT SELECT ON customers TO masked_tier", "COPY customers TO STDOUT"]
    for statement in statements:
        with pytest.raises(StoreForbidden):
            masked.write_sync(_run(statement))


def test_it_does_not_move_the_heads_row_number(masked: Database) -> None:
    with pytest.raises(StoreForbidden):
        masked.write_sync(lambda c: c.exec_driver_sql("UPDATE audit_head SET id = 1"))


def test_grants_are_refused_where_they_would_hold_nobody(database: Database, dialect: str) -> None:
    role = "postgres"  # superuser of the test server
    with pytest.raises(StoreError):
        database.write_sync(lambda conn: grant_masked_role(conn, role))
    with pytest.raises(StoreError):
        database.write_sync(lambda conn: grant_masked_role(conn, "no_such_role"))


@pytest.mark.postgres
def test_granting_again_takes_away_what_was_granted_since(
    postgres_server: PostgresServer,
) -> None:
    name = postgres_server.create(migrated=True)
    owner = Database(postgres_server.url(name))
    postgres_server.execute("CREATE ROLE strong LOGIN")
    try:
        owner.write_sync(lambda c: c.exec_driver_sql("GRANT ALL ON customers TO strong"))
        owner.write_sync(
            lambda c: c.exec_driver_sql("GRANT SELECT (sealed) ON documents TO strong")
        )
        owner.write_sync(lambda c: grant_masked_role(c, "strong"))
        url = make_url(postgres_server.url(name)).set(username="strong")
        weak = Database(url.render_as_string(hide_password=False), role="masked")
        for table in ("customers", "documents"):
            with pytest.raises(StoreForbidden):
                weak.read_sync(_run(f"SELECT sealed FROM {table}"))
        weak.dispose()
    finally:
        owner.dispose()
        postgres_server.drop(name)
        postgres_server.execute("DROP ROLE strong")
