"""A vault with a few records on it, whose database others can write to."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from sqlalchemy import Connection, Table, and_, bindparam, select, update

from recordsvault.masked.v1 import masked_pb2 as mp
from recordsvault.records.v1 import records_pb2 as pb
from tests.hostile.driving import (
    CDD,
    OTHER_PARENT,
    PARENT,
    SERVICE,
    WAIT,
    details_of,
    events,
    everything_said,
    examples,
    import_all,
    laid_out,
    opened,
    outcome,
    reason_of,
    texts_of,
)
from tests.hostile.scanner import Scanner
from tests.support.databases import PostgresServer
from tests.support.running_vault import OWN, RunningVault, other
from vault.records import parse_record_name
from vault.store import Database, schema

FILE_KEY_SECONDS = 0.06
DAMAGED = ("DATA_LOSS", "RECORD_DAMAGED")
KEY_DAMAGED = ("DATA_LOSS", "KEY_DAMAGED")
COLUMNS = ("sealed", "masked")


OWN_ROWS = ("customer", "document", "transaction")


@dataclass(frozen=True)
class Row:
    """A stored row: its table, its primary key, and the resource that it is a version of."""

    table: Table
    key: Mapping[str, Any]
    name: str

    def here(self) -> Any:
        return and_(*(self.table.c[c] == v for c, v in self.key.items()))

    def get(self, conn: Connection, column: str) -> Any:
        return conn.execute(select(self.table.c[column]).where(self.here())).scalar_one()

    def put(self, conn: Connection, **values: Any) -> None:
        assert conn.execute(update(self.table).where(self.here()).values(**values)).rowcount == 1

    def putting(self, conn: Connection, column: str) -> Callable[[Any], None]:
        """As `put` of one column, hundreds of times: the statement is made once."""
        statement = update(self.table).where(self.here()).values({column: bindparam("other")})

        def put(value: Any) -> None:
            assert conn.execute(statement, {"other": value}).rowcount == 1

        return put


@dataclass
class Stage:
    """A running vault with a few records in it, and its database opened from outside."""

    vault: RunningVault
    database: Database
    rows: dict[str, Row]
    secrets: Scanner

    def of(self, row: Row, *columns: str) -> dict[str, Any]:
        """Values that stand in a row."""
        return self.database.read_sync(lambda conn: {c: row.get(conn, c) for c in columns})

    def get(self, row: str, column: str) -> Any:
        return self.of(self.rows[row], column)[column]

    @contextmanager
    def instead(self, row: Row, **values: Any) -> Iterator[None]:
        """Other values in a row for a while."""
        before = self.of(row, *values)
        self.database.write_sync(lambda conn: row.put(conn, **values))
        # A primary key that changed is how the row is found again.
        moved = Row(row.table, {k: values.get(k, v) for k, v in row.key.items()}, row.name)
        try:
            yield
        finally:
            self.database.write_sync(lambda conn: moved.put(conn, **before))

    def reading(self, name: str, column: str) -> tuple[Callable[..., Any], Any]:
        """The call, and its request, that opens a column of a resource."""
        bank = str if name.startswith(PARENT + "/") else other
        kind = type(parse_record_name(name)).__name__
        if column == "masked":
            masked: Any = self.vault.masked(bank("crm"))
            choices: dict[str, tuple[Any, Any]] = {
                "CustomerName": (masked.GetMaskedCustomer, mp.GetMaskedCustomerRequest),
                "DocumentName": (masked.GetMaskedDocument, mp.GetMaskedDocumentRequest),
                "TransactionName": (masked.GetMaskedTransaction, mp.GetMaskedTransactionRequest),
            }
            call, request = choices[kind]
            return call, request(name=name)
        full: Any = self.vault.records(bank("compliance"))
        choices = {
            "CustomerName": (full.GetCustomer, pb.GetCustomerRequest),
            "DocumentName": (full.GetIdentityDocument, pb.GetIdentityDocumentRequest),
            "TransactionName": (full.GetTransaction, pb.GetTransactionRequest),
        }
        call, request = choices[kind]
        return call, request(name=name, purpose=CDD)

    def refused(self, name: str, column: str, expected: tuple[str, str] = DAMAGED) -> None:
        """Opening the column fails as damage, is logged so, and tells nothing."""
        seen = len(events(self.database))
        call, request = self.reading(name, column)
        with pytest.raises(grpc.RpcError) as caught:
            call(request, timeout=WAIT)
        assert reason_of(caught.value) == expected
        said = everything_said(caught.value) + details_of(caught.value).SerializeToString()
        assert self.secrets.scan(said) == []
        (event,) = events(self.database)[seen:]
        assert (event.outcome, event.reason) == expected
        assert event.resource == name
        assert event.fields == ()
        assert event.count == 0

    def opens(self, name: str, column: str) -> None:
        call, request = self.reading(name, column)
        assert outcome(call, request) == ("OK", "")


def _customer(name: str, version: int) -> Row:
    n = parse_record_name(name)
    key = {"institution": n.institution, "customer": n.customer, "version": version}
    return Row(schema.customers, key, name)


def _document(name: str, version: int) -> Row:
    n: Any = parse_record_name(name)
    key = {"institution": n.institution, "customer": n.customer, "document": n.document}
    return Row(schema.documents, key | {"version": version}, name)


def _transaction(name: str) -> Row:
    n: Any = parse_record_name(name)
    key = {"institution": n.institution, "customer": n.customer, "transaction": n.transaction}
    return Row(schema.transactions, key, name)


def fill(vault: RunningVault) -> tuple[dict[str, Row], Scanner]:
    """Two customers of one bank and one of another; the first with everything twice."""
    items = examples(customers=12, transactions=200)
    customers = [i for i in items if i.HasField("new_customer")]
    # Of customers that are not stored here, whose numbers nobody has claimed.
    numbers = {c.new_customer.customer_number for c in customers[:2]}
    papers = [
        i for i in items if i.HasField("identity_document") and i.customer_number not in numbers
    ]
    booked = [i for i in items if i.HasField("transaction")]
    first, second, third = import_all(vault, customers[:2]) + import_all(
        vault, customers[:1], other("backend"), OTHER_PARENT
    )

    def owned(owner: str, pattern: Any, **changes: Any) -> Any:
        item = type(pattern)()
        item.CopyFrom(pattern)
        item.customer = owner
        if item.HasField("transaction"):
            item.transaction.booking_time.FromJsonString(f"{changes['year']}-06-15T08:00:00Z")
            item.transaction.institution_reference += changes["mark"]
            item.transaction.ClearField("value_date")
        return item

    docs = import_all(
        vault,
        [owned(first, papers[0]), owned(first, papers[1]), owned(second, papers[2])],
    )
    payments = import_all(
        vault,
        [
            owned(first, booked[0], year=2024, mark="a"),
            owned(first, booked[0], year=2024, mark="b"),
            owned(first, booked[0], year=2025, mark="c"),
            owned(second, booked[0], year=2024, mark="d"),
        ],
    )
    far = import_all(
        vault,
        [owned(third, papers[0]), owned(third, booked[0], year=2024, mark="e")],
        other("backend"),
        OTHER_PARENT,
    )
    backend = vault.records()
    current = backend.GetCustomer(pb.GetCustomerRequest(name=first, purpose=SERVICE)).customer
    current.branch = "CN-0000-99"
    backend.UpdateCustomer(pb.UpdateCustomerRequest(customer=current))
    paper = backend.GetIdentityDocument(
        pb.GetIdentityDocumentRequest(name=docs[0], purpose=SERVICE)
    ).identity_document
    paper.change_reason = "Read again"
    backend.UpdateIdentityDocument(pb.UpdateIdentityDocumentRequest(identity_document=paper))
    rows = {
        "customer": _customer(first, 2),
        "its earlier version": _customer(first, 1),
        "another customer": _customer(second, 1),
        "another bank's customer": _customer(third, 1),
        "document": _document(docs[0], 2),
        "the document's earlier version": _document(docs[0], 1),
        "another document": _document(docs[1], 1),
        "another customer's document": _document(docs[2], 1),
        "another bank's document": _document(far[0], 1),
        "transaction": _transaction(payments[0]),
        "another transaction": _transaction(payments[1]),
        "a transaction of another year": _transaction(payments[2]),
        "another customer's transaction": _transaction(payments[3]),
        "another bank's transaction": _transaction(far[1]),
    }
    fields = "number full_name latin_name phones emails accounts account street name".split()
    secrets = {t for item in items for t in texts_of(item, fields)}
    return rows, Scanner(t for t in secrets if not t.startswith("institutions/"))


@pytest.fixture(
    scope="session",
    # The last one: with the second suite, beside another bank with the first.
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres), "sqlite-sm4"],
)
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    server: PostgresServer | None = None
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres_server")
    folder = tmp_path_factory.mktemp("moved")
    limits = (
        f"[cache]\nfile_key_seconds = {FILE_KEY_SECONDS}\nbranch_key_seconds = {FILE_KEY_SECONDS}"
    )
    dialect, _, second = str(request.param).partition("-")
    suites = f'{{ "{OWN}" = "sm4-gcm" }}' if second else "{}"
    with laid_out(folder, dialect, server, limits=limits, suites=suites) as vault:
        vault.start()
        rows, secrets = fill(vault)
        with opened(vault) as database:
            yield Stage(vault, database, rows, secrets)
