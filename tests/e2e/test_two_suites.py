"""Two banks in one vault and one database, with AES-256-GCM and with SM4-GCM: every main call of
both, over the wire; and a bank that changes its suite."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recordsvault.admin.v1 import admin_pb2
from recordsvault.masked.v1 import masked_pb2 as mp
from recordsvault.records.v1 import records_pb2 as pb
from tests.e2e import people
from tests.e2e.calls import SERVING, contents
from tests.e2e.people import OTHER_PARENT, PARENT
from tests.e2e.suites import change_suites, sealed_with
from tests.support.running_vault import OTHER, OWN, RunningVault, other
from vault.sealing import AES_256_GCM, SM4_GCM, Suite

BANKS = pytest.mark.parametrize(
    ("parent", "backend", "crm", "suite"),
    [
        (PARENT, "backend", "crm", AES_256_GCM),
        (OTHER_PARENT, other("backend"), other("crm"), SM4_GCM),
    ],
    ids=[AES_256_GCM.name, SM4_GCM.name],
)


@pytest.fixture(scope="module")
def tables() -> dict[str, str]:
    return {"suites": f'{{ "{OTHER}" = "sm4-gcm" }}'}


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    """On both databases."""
    return each_vault


def stored(vault: RunningVault, institution: str) -> set[Suite]:
    """The suites of all that an institution has stored."""
    return set().union(*sealed_with(vault, institution).values())


def health(vault: RunningVault, part: str) -> Any:
    answer = vault.admin().CheckHealth(admin_pb2.CheckHealthRequest(parts=[part]))
    return answer.checks[0]


def found(vault: RunningVault, crm: str, parent: str, **by: Any) -> list[str]:
    request = mp.SearchMaskedCustomersRequest(parent=parent, **by)
    return [c.name for c in vault.masked(crm).SearchMaskedCustomers(request).customers]


@BANKS
def test_every_main_call_of_a_bank_works_with_its_suite(
    vault: RunningVault, parent: str, backend: str, crm: str, suite: Suite
) -> None:
    records, masked = vault.records(backend), vault.masked(crm)
    sent = people.person()
    owner = records.CreateCustomer(pb.CreateCustomerRequest(parent=parent, customer=sent)).customer
    full = pb.GetCustomerRequest(name=owner.name, purpose=SERVING)
    assert contents(records.GetCustomer(full).customer) == sent

    changed = records.GetCustomer(full).customer
    changed.emails[:] = ["another@example.com"]
    records.UpdateCustomer(pb.UpdateCustomerRequest(customer=changed))
    assert records.GetCustomer(full).customer.emails == ["another@example.com"]
    earlier = pb.GetCustomerRequest(name=owner.name, purpose=SERVING, version=1)
    assert contents(records.GetCustomer(earlier).customer) == sent

    paper = people.passport()
    document = records.CreateIdentityDocument(
        pb.CreateIdentityDocumentRequest(parent=owner.name, identity_document=paper)
    ).identity_document
    read = pb.GetIdentityDocumentRequest(name=document.name, purpose=SERVING)
    assert contents(records.GetIdentityDocument(read).identity_document) == paper

    booked = people.booking()
    transaction = records.CreateTransaction(
        pb.CreateTransactionRequest(parent=owner.name, transaction=booked)
    ).transaction
    look = pb.GetTransactionRequest(name=transaction.name, purpose=SERVING)
    assert contents(records.GetTransaction(look).transaction) == booked
    listed = records.ListTransactions(
        pb.ListTransactionsRequest(parent=owner.name, purpose=SERVING)
    ).transactions
    assert [one.name for one in listed] == [transaction.name]

    shown = masked.GetMaskedCustomer(mp.GetMaskedCustomerRequest(name=owner.name)).customer
    assert sent.natural_person.identity.number not in str(shown)
    assert found(vault, crm, parent, identity_number=sent.natural_person.identity.number) == [
        owner.name
    ]
    assert found(vault, crm, parent, phone=sent.phones[0]) == [owner.name]
    assert stored(vault, parent.removeprefix("institutions/")) == {suite}


@BANKS
def test_a_bank_s_claims_are_kept_with_its_suite(
    vault: RunningVault, parent: str, backend: str, crm: str, suite: Suite
) -> None:
    sent = people.person()
    request = pb.CreateCustomerRequest(parent=parent, customer=sent, request_id=people.new_id())
    stub = vault.records(backend)
    made = stub.CreateCustomer(request).customer
    # Asked again it is known by its fingerprint; a second one with its numbers is refused.
    assert stub.CreateCustomer(request).customer.name == made.name
    request.request_id = people.new_id()
    with pytest.raises(Exception, match="ALREADY_EXISTS"):
        stub.CreateCustomer(request)


def test_health_says_which_suite_each_bank_has(vault: RunningVault) -> None:
    check = health(vault, "suites")
    assert check.state == admin_pb2.HEALTH_STATE_OK
    assert check.detail == f"{OWN}: AES-256-GCM; {OTHER}: SM4-GCM"


def test_the_key_store_has_branch_keys_of_either_suite_only_where_they_belong(
    vault: RunningVault,
) -> None:
    assert stored(vault, OWN) == {AES_256_GCM}
    assert stored(vault, OTHER) == {SM4_GCM}


@pytest.fixture
def own(tmp_path: Path) -> Iterator[RunningVault]:
    """A vault for one test, whose configuration is changed."""
    with RunningVault(tmp_path, f"sqlite:///{tmp_path}/vault.db") as running:
        yield running


def test_a_bank_that_changes_its_suite_reads_and_finds_what_it_had_and_seals_with_the_new_one(
    own: RunningVault,
) -> None:
    vault = own
    before = people.person()
    stub = vault.records()
    old = stub.CreateCustomer(pb.CreateCustomerRequest(parent=PARENT, customer=before)).customer
    assert stored(vault, OWN) == {AES_256_GCM}
    change_suites(vault, f'{{ "{OWN}" = "sm4-gcm" }}')

    full = pb.GetCustomerRequest(name=old.name, purpose=SERVING)
    assert contents(stub.GetCustomer(full).customer) == before
    newer = people.person()
    new = stub.CreateCustomer(pb.CreateCustomerRequest(parent=PARENT, customer=newer)).customer
    assert stored(vault, OWN) == {AES_256_GCM, SM4_GCM}
    for name, sent in ((old.name, before), (new.name, newer)):
        # The masked node was not restarted, and opens either.
        vault.masked().GetMaskedCustomer(mp.GetMaskedCustomerRequest(name=name))
        assert found(vault, "crm", PARENT, phone=sent.phones[0]) == [name]
    # A number that is claimed stays claimed.
    with pytest.raises(Exception, match="ALREADY_EXISTS"):
        stub.CreateCustomer(pb.CreateCustomerRequest(parent=PARENT, customer=before))

    check = health(vault, "suites")
    assert check.state == admin_pb2.HEALTH_STATE_WARNING
    assert f"{OWN}: branch-full, branch-masked, index" in check.detail
    change_suites(vault, "{}")
    for name in (old.name, new.name):
        stub.GetCustomer(pb.GetCustomerRequest(name=name, purpose=SERVING))
