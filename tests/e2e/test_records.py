"""Customers, identity documents and transactions: what is stored comes back, and stays."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.records.v1.customer_pb2 import Customer, NaturalPerson
from recordsvault.type.v1 import party_pb2 as party
from tests.e2e import people
from tests.e2e.calls import SERVING, contents, create, get, update
from tests.e2e.people import PARENT
from tests.e2e.wire import Refused, refusal
from tests.support.running_vault import RunningVault


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    """On both databases."""
    return each_vault


# -- what is stored comes back -------------------------------------------------------------------


@pytest.mark.parametrize("make", [people.person, people.company, people.trader])
def test_a_customer_comes_back_as_it_was_stored(
    vault: RunningVault, make: Callable[[], Customer]
) -> None:
    sent = make()
    receipt = create(vault, sent)
    found = get(vault, receipt.name)
    assert contents(found) == sent
    assert found.name.startswith(f"{PARENT}/customers/")
    assert (found.version, found.etag) == (1, receipt.etag)
    assert found.update_time == receipt.update_time
    # The time of creation is to the millisecond, in every version.
    assert found.create_time.ToMilliseconds() == found.update_time.ToMilliseconds()


def test_the_answer_to_a_write_repeats_nothing_of_the_record(vault: RunningVault) -> None:
    receipt = create(vault)
    assert contents(receipt) == Customer()


def test_a_document_comes_back_as_it_was_stored(vault: RunningVault) -> None:
    owner, sent = create(vault), people.passport()
    stub = vault.records()
    receipt = stub.CreateIdentityDocument(
        pb.CreateIdentityDocumentRequest(parent=owner.name, identity_document=sent)
    ).identity_document
    found = stub.GetIdentityDocument(
        pb.GetIdentityDocumentRequest(name=receipt.name, purpose=SERVING)
    ).identity_document
    assert contents(found) == sent
    assert receipt.name.startswith(f"{owner.name}/documents/")
    listed = stub.ListIdentityDocuments(
        pb.ListIdentityDocumentsRequest(parent=owner.name, purpose=SERVING)
    )
    assert list(listed.identity_documents) == [found]


def test_a_transaction_comes_back_as_it_was_stored(vault: RunningVault) -> None:
    owner, sent = create(vault), people.booking()
    stub = vault.records()
    receipt = stub.CreateTransaction(
        pb.CreateTransactionRequest(parent=owner.name, transaction=sent)
    ).transaction
    found = stub.GetTransaction(
        pb.GetTransactionRequest(name=receipt.name, purpose=SERVING)
    ).transaction
    assert contents(found) == sent
    listed = stub.ListTransactions(pb.ListTransactionsRequest(parent=owner.name, purpose=SERVING))
    assert list(listed.transactions) == [found]


def test_a_batch_is_stored_whole_and_in_order(vault: RunningVault) -> None:
    stub, sent = vault.records(), [people.person() for _ in range(20)]
    answer = stub.BatchCreateCustomers(
        pb.BatchCreateCustomersRequest(parent=PARENT, customers=sent)
    )
    assert [contents(get(vault, c.name)) for c in answer.customers] == sent
    owner = answer.customers[0].name
    papers = [people.passport() for _ in range(3)]
    documents = stub.BatchCreateIdentityDocuments(
        pb.BatchCreateIdentityDocumentsRequest(parent=owner, identity_documents=papers)
    ).identity_documents
    bookings = [people.booking() for _ in range(3)]
    transactions = stub.BatchCreateTransactions(
        pb.BatchCreateTransactionsRequest(parent=owner, transactions=bookings)
    ).transactions
    for document, paper in zip(documents, papers, strict=True):
        found = stub.GetIdentityDocument(
            pb.GetIdentityDocumentRequest(name=document.name, purpose=SERVING)
        )
        assert contents(found.identity_document) == paper
    for transaction, booked in zip(transactions, bookings, strict=True):
        read = stub.GetTransaction(pb.GetTransactionRequest(name=transaction.name, purpose=SERVING))
        assert contents(read.transaction) == booked


def test_a_batch_with_one_bad_record_stores_none(vault: RunningVault) -> None:
    stub = vault.records()
    first, second, again = people.person(), people.person(), people.person()
    holder = create(vault).name
    taken = get(vault, holder).customer_number

    def refuse() -> Refused:
        request = pb.BatchCreateCustomersRequest(parent=PARENT, customers=[first, second, again])
        return refusal(partial(stub.BatchCreateCustomers, request))

    again.customer_number = taken
    refused = refuse()
    assert (refused.code, refused.resource) == ("ALREADY_EXISTS", holder)
    # Nothing of the batch will be there, so that no name can be told of the other.
    again.customer_number = second.customer_number
    refused = refuse()
    assert refused.code == "INVALID_ARGUMENT"
    assert refused.fields == {("customers[2]", "TWICE_IN_REQUEST")}
    # Had one been stored, its number would be taken now.
    assert create(vault, first).version == create(vault, second).version == 1


def test_what_does_not_exist_is_not_found(vault: RunningVault) -> None:
    stub = vault.records()
    owner = create(vault)
    nobody = f"{PARENT}/customers/{'0' * 26}"
    calls: list[Callable[[], object]] = [
        lambda: get(vault, nobody),
        lambda: get(vault, owner.name, 2),
        lambda: stub.GetIdentityDocument(
            pb.GetIdentityDocumentRequest(
                name=f"{owner.name}/documents/{'0' * 26}", purpose=SERVING
            )
        ),
        lambda: stub.GetTransaction(
            pb.GetTransactionRequest(name=f"{owner.name}/transactions/{'0' * 26}", purpose=SERVING)
        ),
        lambda: stub.ListCustomerVersions(
            pb.ListCustomerVersionsRequest(name=nobody, purpose=SERVING)
        ),
        lambda: stub.CreateTransaction(
            pb.CreateTransactionRequest(parent=nobody, transaction=people.booking())
        ),
        lambda: stub.CreateIdentityDocument(
            pb.CreateIdentityDocumentRequest(parent=nobody, identity_document=people.passport())
        ),
        lambda: update(vault, Customer(name=nobody, etag="x"), "branch"),
    ]
    for call in calls:
        refused = refusal(call)
        assert (refused.code, refused.reason) == ("NOT_FOUND", "NOT_FOUND"), call
        assert refused.en and refused.zh


# -- versions ------------------------------------------------------------------------------------


def test_every_version_stays_readable(vault: RunningVault) -> None:
    receipt = create(vault)
    versions = [get(vault, receipt.name)]
    for n in range(2, 6):
        changed = Customer()
        changed.CopyFrom(versions[-1])
        changed.branch, changed.change_reason = f"BJ-{n:02}", f"move {n}"
        assert update(vault, changed).version == n
        versions.append(get(vault, receipt.name))
    assert [get(vault, receipt.name, v.version) for v in versions] == versions
    listed = vault.records().ListCustomerVersions(
        pb.ListCustomerVersionsRequest(name=receipt.name, purpose=SERVING)
    )
    assert list(listed.customers) == versions[::-1]
    assert len({v.etag for v in versions}) == 5
    assert len({v.create_time.ToNanoseconds() for v in versions}) == 1


def test_every_version_of_a_document_stays_readable(vault: RunningVault) -> None:
    stub, owner = vault.records(), create(vault)
    name = stub.CreateIdentityDocument(
        pb.CreateIdentityDocumentRequest(parent=owner.name, identity_document=people.passport())
    ).identity_document.name

    def read(version: int = 0) -> Any:
        request = pb.GetIdentityDocumentRequest(name=name, purpose=SERVING, version=version)
        return stub.GetIdentityDocument(request).identity_document

    first = read()
    changed = type(first)()
    changed.CopyFrom(first)
    changed.issuer = "公安部出入境管理局"
    stub.UpdateIdentityDocument(pb.UpdateIdentityDocumentRequest(identity_document=changed))
    second = read()
    assert (second.version, second.issuer) == (2, "公安部出入境管理局")
    assert read(1) == first
    listed = stub.ListIdentityDocumentVersions(
        pb.ListIdentityDocumentVersionsRequest(name=name, purpose=SERVING)
    )
    assert list(listed.identity_documents) == [second, first]


def test_an_update_with_an_old_etag_is_aborted_and_changes_nothing(vault: RunningVault) -> None:
    stale = get(vault, create(vault).name)
    update(vault, Customer(name=stale.name, etag=stale.etag, branch="SH-01"), "branch")
    refused = refusal(lambda: update(vault, Customer(name=stale.name, etag=stale.etag), "branch"))
    assert (refused.code, refused.reason) == ("ABORTED", "ETAG_MISMATCH")
    now = get(vault, stale.name)
    assert (now.version, now.branch) == (2, "SH-01")


def test_an_update_without_etag_is_refused(vault: RunningVault) -> None:
    name = create(vault).name
    refused = refusal(lambda: update(vault, Customer(name=name, branch="SH-01"), "branch"))
    assert refused.code == "INVALID_ARGUMENT"
    assert ("customer.etag", "ETAG_REQUIRED") in refused.fields
    assert get(vault, name).version == 1


def test_an_update_changes_the_fields_of_its_mask_and_no_others(vault: RunningVault) -> None:
    sent = people.person()
    receipt = create(vault, sent)
    change = Customer(
        name=receipt.name,
        etag=receipt.etag,
        branch="SH-01",
        risk_class=party.RISK_CLASS_HIGH,
        natural_person=NaturalPerson(full_name="不应写入", occupation="医生"),
        phones=["+8613900000001", "+8613900000002"],
        change_reason="customer called",
    )
    update(vault, change, "natural_person.occupation", "phones")
    sent.natural_person.occupation = "医生"
    sent.phones[:] = change.phones
    sent.change_reason = "customer called"
    assert contents(get(vault, receipt.name)) == sent


def test_a_field_of_the_mask_that_the_update_leaves_out_is_cleared(vault: RunningVault) -> None:
    sent = people.person()
    receipt = create(vault, sent)
    change = Customer(name=receipt.name, etag=receipt.etag)
    update(
        vault,
        change,
        "branch",
        "risk_class",
        "phones",
        "addresses",
        "natural_person.birth_date",
        "natural_person.occupation",
    )
    for field in ("branch", "risk_class", "phones", "addresses"):
        sent.ClearField(field)
    sent.natural_person.ClearField("birth_date")
    sent.natural_person.ClearField("occupation")
    assert contents(get(vault, receipt.name)) == sent


def test_an_update_cannot_make_a_record_that_may_not_be_stored(vault: RunningVault) -> None:
    receipt = create(vault)
    change = Customer(name=receipt.name, etag=receipt.etag)
    refused = refusal(lambda: update(vault, change, "customer_number", "natural_person.full_name"))
    assert refused.code == "INVALID_ARGUMENT"
    assert {f for f, _ in refused.fields} == {
        "customer.customer_number",
        "customer.natural_person.full_name",
    }
    refused = refusal(lambda: update(vault, change, "natural_person"))
    assert refused.code == "INVALID_ARGUMENT"
    company = Customer(name=receipt.name, etag=receipt.etag)
    company.legal_entity.business_scope = "贸易"
    refused = refusal(lambda: update(vault, company, "legal_entity.business_scope"))
    assert refused.code == "INVALID_ARGUMENT"
    assert get(vault, receipt.name).version == 1


def test_a_mask_that_names_no_field_is_refused(vault: RunningVault) -> None:
    receipt = create(vault)
    change = Customer(name=receipt.name, etag=receipt.etag, branch="SH-01")
    for path in ("nothing", "natural_person.nothing", "phones[0]", ""):
        refused = refusal(partial(update, vault, change, path))
        assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "UNKNOWN_FIELD"), path
        refused = refusal(partial(get, vault, receipt.name, 0, path))
        assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "UNKNOWN_FIELD"), path


def test_what_the_vault_makes_cannot_be_written(vault: RunningVault) -> None:
    sent = people.person()
    wanted = Customer()
    wanted.CopyFrom(sent)
    wanted.name, wanted.version, wanted.etag = f"{PARENT}/customers/{'1' * 26}", 7, "mine"
    receipt = create(vault, wanted)
    assert receipt.name != wanted.name
    assert (receipt.version, contents(get(vault, receipt.name))) == (1, sent)


def test_of_two_updates_of_one_version_one_stands(vault: RunningVault) -> None:
    receipt = create(vault)
    stub = vault.records()
    calls = [
        stub.UpdateCustomer.future(
            pb.UpdateCustomerRequest(
                customer=Customer(name=receipt.name, etag=receipt.etag, branch=f"B-{n}"),
                update_mask=FieldMask(paths=["branch"]),
            )
        )
        for n in range(8)
    ]
    codes = sorted(call.code().name for call in calls)
    assert codes == ["ABORTED"] * 7 + ["OK"]
    won = next(n for n, call in enumerate(calls) if call.code().name == "OK")
    found = get(vault, receipt.name)
    assert (found.version, found.branch) == (2, f"B-{won}")


# -- numbers that only one customer may hold -----------------------------------------------------


def test_a_number_given_up_by_an_update_is_free_again(vault: RunningVault) -> None:
    first, second = people.person(), people.person()
    receipt = create(vault, first)
    second.customer_number, kept = first.customer_number, second.customer_number
    assert refusal(lambda: create(vault, second)).resource == receipt.name
    update(
        vault,
        Customer(name=receipt.name, etag=receipt.etag, customer_number=kept),
        "customer_number",
    )
    assert create(vault, second).version == 1


def test_a_number_taken_by_an_update_is_taken(vault: RunningVault) -> None:
    first, second = people.person(), people.person()
    one, two = create(vault, first), create(vault, second)
    refused = refusal(
        lambda: update(
            vault,
            Customer(name=two.name, etag=two.etag, customer_number=first.customer_number),
            "customer_number",
        )
    )
    assert (refused.code, refused.resource) == ("ALREADY_EXISTS", one.name)
    assert contents(get(vault, two.name)) == second


# -- corrections and reversals -------------------------------------------------------------------


def test_corrections_and_reversals_point_both_ways(vault: RunningVault) -> None:
    stub, owner = vault.records(), create(vault)

    def book(**links: str) -> str:
        sent = people.booking()
        for field, target in links.items():
            setattr(sent, field, target)
        request = pb.CreateTransactionRequest(parent=owner.name, transaction=sent)
        return stub.CreateTransaction(request).transaction.name

    def read(name: str) -> Any:
        return stub.GetTransaction(pb.GetTransactionRequest(name=name, purpose=SERVING)).transaction

    wrong = book()
    before = read(wrong)
    reversal, corrected = book(reverses=wrong), book(corrects=wrong)
    after = read(wrong)
    assert (list(after.reversed_by), list(after.corrected_by)) == ([reversal], [corrected])
    assert contents(after) == contents(before) and after.etag == before.etag
    assert read(reversal).reverses == read(corrected).corrects == wrong
    listed = stub.ListTransactions(
        pb.ListTransactionsRequest(parent=owner.name, purpose=SERVING)
    ).transactions
    assert after in listed


def test_a_correction_of_nothing_or_of_anothers_transaction_is_refused(
    vault: RunningVault,
) -> None:
    stub, mine, theirs = vault.records(), create(vault), create(vault)
    foreign = stub.CreateTransaction(
        pb.CreateTransactionRequest(parent=theirs.name, transaction=people.booking())
    ).transaction.name
    for target in (foreign, f"{mine.name}/transactions/{'0' * 26}"):
        sent = people.booking()
        sent.corrects = target
        refused = refusal(
            partial(
                stub.CreateTransaction,
                pb.CreateTransactionRequest(parent=mine.name, transaction=sent),
            )
        )
        assert refused.code == "INVALID_ARGUMENT"
        assert ("transaction.corrects", "TARGET_NOT_FOUND") in refused.fields


def test_no_method_changes_a_transaction() -> None:
    service = pb.DESCRIPTOR.services_by_name["Records"]
    about = {m.name for m in service.methods if "Transaction" in m.name}
    assert about == {
        "CreateTransaction",
        "BatchCreateTransactions",
        "GetTransaction",
        "ListTransactions",
    }
