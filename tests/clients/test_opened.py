"""Full reads by a check-out, and what they show of what was not opened."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from recordsvault.masked.v1 import views_pb2 as views
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.records.v1.customer_pb2 import Customer
from recordsvault.records.v1.document_pb2 import IdentityDocument
from recordsvault.records.v1.transaction_pb2 import Transaction
from recordsvault_client import AsyncVaultClient, Opened, Profile, VaultClient
from recordsvault_client.opened import opened
from tests.clients.fake_vault import FakeVault

OUT = "institutions/demo-bank/checkOuts/01h00000000000000000000000"
WHY: dict[str, Any] = {"purpose": "CUSTOMER_SERVICE", "check_out": OUT}

# What is asked, the method of the contract, and the answers with and without a masked view.
READS: dict[str, tuple[str, Any, Any]] = {
    "customers.open": (
        "GetCustomer",
        pb.GetCustomerResponse(
            customer=Customer(name="c"), masked=views.MaskedCustomer(name="c", version=1)
        ),
        pb.GetCustomerResponse(customer=Customer(name="c")),
    ),
    "documents.open": (
        "GetIdentityDocument",
        pb.GetIdentityDocumentResponse(
            identity_document=IdentityDocument(name="c"), masked=views.MaskedDocument(name="c")
        ),
        pb.GetIdentityDocumentResponse(identity_document=IdentityDocument(name="c")),
    ),
    "transactions.open": (
        "GetTransaction",
        pb.GetTransactionResponse(
            transaction=Transaction(name="c"), masked=views.MaskedTransaction(name="c")
        ),
        pb.GetTransactionResponse(transaction=Transaction(name="c")),
    ),
    "customers.open_versions": (
        "ListCustomerVersions",
        pb.ListCustomerVersionsResponse(
            customers=[Customer(name="c")], masked_customers=[views.MaskedCustomer(name="c")]
        ),
        pb.ListCustomerVersionsResponse(customers=[Customer(name="c")]),
    ),
    "documents.open_versions": (
        "ListIdentityDocumentVersions",
        pb.ListIdentityDocumentVersionsResponse(
            identity_documents=[IdentityDocument(name="c")],
            masked_identity_documents=[views.MaskedDocument(name="c")],
        ),
        pb.ListIdentityDocumentVersionsResponse(identity_documents=[IdentityDocument(name="c")]),
    ),
    "documents.open_list": (
        "ListIdentityDocuments",
        pb.ListIdentityDocumentsResponse(
            identity_documents=[IdentityDocument(name="c")],
            masked_identity_documents=[views.MaskedDocument(name="c")],
        ),
        pb.ListIdentityDocumentsResponse(identity_documents=[IdentityDocument(name="c")]),
    ),
    "transactions.open_list": (
        "ListTransactions",
        pb.ListTransactionsResponse(
            transactions=[Transaction(name="c")],
            masked_transactions=[views.MaskedTransaction(name="c")],
        ),
        pb.ListTransactionsResponse(transactions=[Transaction(name="c")]),
    ),
}
PLAIN = {"open": "get", "open_versions": "versions", "open_list": "list"}


def _same(answer: Any, request: Any) -> Any:
    return answer


def method(client: Any, path: str) -> Any:
    part, _, name = path.partition(".")
    return getattr(getattr(client, part), name)


@pytest.mark.parametrize("path", READS)
def test_a_read_names_its_check_out_and_answers_the_rest_masked(
    fake: FakeVault, vault: VaultClient, path: str
) -> None:
    rpc, with_rest, whole = READS[path]
    for answer, masked in ((with_rest, True), (whole, False)):
        fake.answers[rpc] = partial(_same, answer)
        got = method(vault, path)("c", **WHY)
        (one,) = [got] if isinstance(got, Opened) else list(got)
        assert one.record.name == "c"
        assert (one.masked is not None) == masked
        assert one.masked is None or one.masked.name == "c"
    assert [request.check_out for request in fake.called(rpc)] == [OUT, OUT]


@pytest.mark.parametrize("path", READS)
def test_who_does_not_want_the_rest_gets_the_record_alone(
    fake: FakeVault, vault: VaultClient, path: str
) -> None:
    rpc, with_rest, _ = READS[path]
    fake.answers[rpc] = lambda request: with_rest
    part, _, name = path.partition(".")
    got = method(vault, f"{part}.{PLAIN[name]}")("c", **WHY)
    (record,) = [got] if isinstance(got, Customer | IdentityDocument | Transaction) else list(got)
    assert record.name == "c"
    assert fake.called(rpc)[0].check_out == OUT


@pytest.mark.parametrize("path", READS)
def test_asyncio_does_the_same(fake: FakeVault, path: str) -> None:
    rpc, with_rest, _ = READS[path]
    fake.answers[rpc] = lambda request: with_rest

    async def play() -> tuple[Any, Any]:
        async with AsyncVaultClient(Profile.load(fake.profile())) as vault:
            part, _, name = path.partition(".")
            found = []
            for one in (name, PLAIN[name]):
                got = method(vault, f"{part}.{one}")("c", **WHY)
                found += [await got] if hasattr(got, "__await__") else [x async for x in got]
            return found[0], found[1]

    whole, record = asyncio.run(play())
    assert (whole.record.name, whole.masked.name, record.name) == ("c", "c", "c")
    assert [request.check_out for request in fake.called(rpc)] == [OUT, OUT]


def test_a_list_of_all_customers_is_not_opened_by_a_check_out(
    fake: FakeVault, vault: VaultClient
) -> None:
    fake.answers["ListCustomers"] = lambda request: pb.ListCustomersResponse(
        customers=[Customer(name="a"), Customer(name="b")],
        masked_customers=[views.MaskedCustomer(name="a"), views.MaskedCustomer(name="b")],
    )
    got = list(vault.customers.open_list(purpose="ONBOARDING_CDD"))
    assert [(one.record.name, one.masked.name) for one in got if one.masked] == [
        ("a", "a"),
        ("b", "b"),
    ]


def test_views_that_do_not_fit_the_records_are_not_paired() -> None:
    with pytest.raises(ValueError, match="zip"):
        opened(["a", "b"], ["a"])
