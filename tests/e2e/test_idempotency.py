"""A request sent again gets its first answer, and nothing is stored twice."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.records.v1.customer_pb2 import Customer
from recordsvault.type.v1 import purpose_pb2
from tests.e2e import people
from tests.e2e.people import PARENT, new_id
from tests.e2e.wire import LogBook, refusal
from tests.support.running_vault import RunningVault, other
from vault.audit import Decision

SERVING = purpose_pb2.PURPOSE_CUSTOMER_SERVICE
TABLES = ("customers", "documents", "transactions", "blind_index", "identity_claims", "requests")


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    """On both databases."""
    return each_vault


@pytest.fixture
def rows(log: LogBook) -> Callable[[], dict[str, int]]:
    """Counts the rows of every table that a write touches."""

    def count() -> dict[str, int]:
        return log.database.read_sync(
            lambda conn: {
                table: conn.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
                for table in TABLES
            }
        )

    return count


def one_customer(vault: RunningVault) -> str:
    request = pb.CreateCustomerRequest(parent=PARENT, customer=people.person())
    return vault.records().CreateCustomer(request).customer.name


def writes(vault: RunningVault) -> Iterator[tuple[str, Any, Any, Callable[[Any], None]]]:
    """Every method that writes: its name, a request, and how to make another body of it."""
    stub, owner = vault.records(), one_customer(vault)

    def change_branch(request: Any) -> None:
        request.customer.branch = "SH-99"

    yield (
        "CreateCustomer",
        stub.CreateCustomer,
        pb.CreateCustomerRequest(parent=PARENT, customer=people.person(), request_id=new_id()),
        change_branch,
    )
    yield (
        "BatchCreateCustomers",
        stub.BatchCreateCustomers,
        pb.BatchCreateCustomersRequest(
            parent=PARENT, customers=[people.person(), people.person()], request_id=new_id()
        ),
        lambda r: r.customers.pop(),
    )
    current = stub.GetCustomer(pb.GetCustomerRequest(name=owner, purpose=SERVING)).customer
    yield (
        "UpdateCustomer",
        stub.UpdateCustomer,
        pb.UpdateCustomerRequest(
            customer=Customer(name=owner, etag=current.etag, branch="SH-01"),
            update_mask=FieldMask(paths=["branch"]),
            request_id=new_id(),
        ),
        change_branch,
    )
    yield (
        "CreateIdentityDocument",
        stub.CreateIdentityDocument,
        pb.CreateIdentityDocumentRequest(
            parent=owner, identity_document=people.passport(), request_id=new_id()
        ),
        lambda r: r.identity_document.ClearField("issuer"),
    )
    yield (
        "BatchCreateIdentityDocuments",
        stub.BatchCreateIdentityDocuments,
        pb.BatchCreateIdentityDocumentsRequest(
            parent=owner, identity_documents=[people.passport()], request_id=new_id()
        ),
        lambda r: r.identity_documents[0].ClearField("issuer"),
    )
    document = stub.CreateIdentityDocument(
        pb.CreateIdentityDocumentRequest(parent=owner, identity_document=people.passport())
    ).identity_document
    changed = people.passport()
    changed.name, changed.etag = document.name, document.etag
    yield (
        "UpdateIdentityDocument",
        stub.UpdateIdentityDocument,
        pb.UpdateIdentityDocumentRequest(identity_document=changed, request_id=new_id()),
        lambda r: r.identity_document.ClearField("issuer"),
    )
    yield (
        "CreateTransaction",
        stub.CreateTransaction,
        pb.CreateTransactionRequest(
            parent=owner, transaction=people.booking(), request_id=new_id()
        ),
        lambda r: r.transaction.ClearField("purpose_code"),
    )
    yield (
        "BatchCreateTransactions",
        stub.BatchCreateTransactions,
        pb.BatchCreateTransactionsRequest(
            parent=owner, transactions=[people.booking(), people.booking()], request_id=new_id()
        ),
        lambda r: r.transactions.pop(),
    )


def copy_of(request: Any) -> Any:
    out = type(request)()
    out.CopyFrom(request)
    return out


def test_every_write_sent_again_gets_its_first_answer_and_stores_nothing(
    vault: RunningVault, rows: Callable[[], dict[str, int]]
) -> None:
    tried = set()
    for name, method, request, _ in writes(vault):
        first = method(request)
        stored = rows()
        assert method(request) == method(copy_of(request)) == first, name
        assert rows() == stored, name
        tried.add(name)
    service = pb.DESCRIPTOR.services_by_name["Records"]
    assert tried == {
        m.name for m in service.methods if m.name.startswith(("Create", "BatchCreate", "Update"))
    }


def test_a_request_id_with_another_body_is_refused(
    vault: RunningVault, rows: Callable[[], dict[str, int]]
) -> None:
    for name, method, request, change in writes(vault):
        method(request)
        stored = rows()
        reused = copy_of(request)
        change(reused)
        refused = refusal(partial(method, reused))
        assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "REQUEST_ID_REUSED"), name
        assert refused.fields == {("request_id", "REQUEST_ID_REUSED")}
        assert rows() == stored, name


def test_a_request_id_of_another_method_is_refused(vault: RunningVault) -> None:
    stub, owner, request_id = vault.records(), one_customer(vault), new_id()
    stub.CreateIdentityDocument(
        pb.CreateIdentityDocumentRequest(
            parent=owner, identity_document=people.passport(), request_id=request_id
        )
    )
    refused = refusal(
        lambda: stub.CreateTransaction(
            pb.CreateTransactionRequest(
                parent=owner, transaction=people.booking(), request_id=request_id
            )
        )
    )
    assert refused.reason == "REQUEST_ID_REUSED"


def test_a_first_answer_outlives_the_state_that_it_spoke_of(vault: RunningVault) -> None:
    stub, owner = vault.records(), one_customer(vault)
    etag = stub.GetCustomer(pb.GetCustomerRequest(name=owner, purpose=SERVING)).customer.etag
    request = pb.UpdateCustomerRequest(
        customer=Customer(name=owner, etag=etag, branch="SH-01"),
        update_mask=FieldMask(paths=["branch"]),
        request_id=new_id(),
    )
    first = stub.UpdateCustomer(request)
    stub.UpdateCustomer(
        pb.UpdateCustomerRequest(
            customer=Customer(name=owner, etag=first.customer.etag, branch="SH-02"),
            update_mask=FieldMask(paths=["branch"]),
        )
    )
    assert stub.UpdateCustomer(request) == first
    now = stub.GetCustomer(pb.GetCustomerRequest(name=owner, purpose=SERVING)).customer
    assert (now.version, now.branch) == (3, "SH-02")


def test_a_refused_request_may_be_mended_and_sent_again(vault: RunningVault) -> None:
    stub, request_id = vault.records(), new_id()
    bad = people.person()
    bad.phones[:] = ["12"]
    request = pb.CreateCustomerRequest(parent=PARENT, customer=bad, request_id=request_id)
    assert refusal(lambda: stub.CreateCustomer(request)).code == "INVALID_ARGUMENT"
    request.customer.phones[:] = ["+8613800138000"]
    assert stub.CreateCustomer(request).customer.version == 1


def test_copies_of_a_request_at_the_same_time_get_one_answer(
    vault: RunningVault, rows: Callable[[], dict[str, int]]
) -> None:
    for name, method, request, _ in writes(vault):
        before = rows()
        calls = [method.future(copy_of(request)) for _ in range(12)]
        answers = [call.result() for call in calls]
        assert all(answer == answers[0] for answer in answers), name
        assert rows()["requests"] == before["requests"] + 1, name


def test_copies_of_an_import_message_at_the_same_time_get_one_answer(
    vault: RunningVault, rows: Callable[[], dict[str, int]]
) -> None:
    message = pb.ImportRecordsRequest(
        parent=PARENT,
        request_id=new_id(),
        items=[pb.ImportItem(new_customer=people.person()) for _ in range(5)],
    )
    before = rows()
    streams = [vault.records().ImportRecords(iter([message])) for _ in range(6)]
    answers = [list(stream) for stream in streams]
    # One carried it out; the others say that it was carried out before.
    assert sum(not answer.repeated for (answer,) in answers) == 1
    assert len({tuple(r.name for r in answer.results) for (answer,) in answers}) == 1
    assert rows()["customers"] == before["customers"] + 5


def test_an_import_message_sent_again_gets_its_answer_with_its_refused_items(
    vault: RunningVault, rows: Callable[[], dict[str, int]]
) -> None:
    stub, taken = vault.records(), people.person()
    holder = stub.CreateCustomer(
        pb.CreateCustomerRequest(parent=PARENT, customer=taken)
    ).customer.name
    bad, double = people.person(), people.person()
    bad.phones[:] = ["12"]
    double.customer_number = taken.customer_number
    message = pb.ImportRecordsRequest(
        parent=PARENT,
        request_id=new_id(),
        items=[
            pb.ImportItem(new_customer=people.person()),
            pb.ImportItem(new_customer=bad),
            pb.ImportItem(new_customer=double),
            pb.ImportItem(customer_number="NOBODY-1", transaction=people.booking()),
        ],
    )
    (first,) = stub.ImportRecords(iter([message]))
    assert [r.WhichOneof("result") for r in first.results] == ["name", "error", "error", "error"]
    assert holder in first.results[2].error.message
    stored = rows()
    (again,) = stub.ImportRecords(iter([message]))
    assert again.repeated and again.results == first.results
    assert rows() == stored
    changed = copy_of(message)
    changed.items[1].new_customer.phones[:] = ["13"]
    refused = refusal(lambda: stub.ImportRecords(iter([changed])))
    assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "REQUEST_ID_REUSED")
    assert rows() == stored


def test_another_principals_same_id_is_another_request(vault: RunningVault) -> None:
    request_id = new_id()
    mine, theirs = people.person(), people.person()
    own = vault.records().CreateCustomer(
        pb.CreateCustomerRequest(parent=PARENT, customer=mine, request_id=request_id)
    )
    foreign = vault.records(other("backend")).CreateCustomer(
        pb.CreateCustomerRequest(parent=people.OTHER_PARENT, customer=theirs, request_id=request_id)
    )
    assert foreign.customer.name.startswith(people.OTHER_PARENT)
    assert own.customer.name != foreign.customer.name


def test_a_repetition_is_logged_without_rows_and_decided_anew(
    vault: RunningVault, log: LogBook
) -> None:
    request = pb.CreateCustomerRequest(parent=PARENT, customer=people.person(), request_id=new_id())
    first = log.one(lambda: vault.records().CreateCustomer(request))
    again = log.one(lambda: vault.records().CreateCustomer(request))
    assert len(first.rows) == 1 and again.rows == ()
    assert first.request_id == again.request_id == request.request_id
    # Whoever learns of a request_id does not get at its answer.
    denied = log.one(lambda: vault.records("compliance").CreateCustomer(request))
    assert denied.decision is Decision.DENIED


def test_a_request_without_id_is_carried_out_each_time(vault: RunningVault) -> None:
    owner = one_customer(vault)
    request = pb.CreateTransactionRequest(parent=owner, transaction=people.booking())
    stub = vault.records()
    names = {stub.CreateTransaction(request).transaction.name for _ in range(2)}
    assert len(names) == 2


def test_an_id_that_is_no_uuid_is_refused(vault: RunningVault) -> None:
    for request_id in ("1", "x" * 36, new_id() + "0"):
        request = pb.CreateCustomerRequest(
            parent=PARENT, customer=people.person(), request_id=request_id
        )
        refused = refusal(partial(vault.records().CreateCustomer, request))
        assert refused.code == "INVALID_ARGUMENT"
        assert {f for f, _ in refused.fields} == {"request_id"}
