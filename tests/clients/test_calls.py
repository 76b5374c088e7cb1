"""Calls over real TLS: deadlines, retries, request_ids, pages and errors, sync and asyncio."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
import uuid
from datetime import UTC, datetime

import grpc
import pytest
import trustme

from recordsvault.records.v1.customer_pb2 import Customer
from recordsvault.records.v1.document_pb2 import IdentityDocument
from recordsvault.records.v1.transaction_pb2 import Transaction
from recordsvault.type.v1.purpose_pb2 import Purpose
from recordsvault_client import (
    NO_RETRY,
    AsyncMaskedClient,
    AsyncVaultClient,
    DeadlineExceeded,
    InvalidArgument,
    MaskedClient,
    NotFound,
    PermissionDenied,
    Profile,
    RetryPolicy,
    Tier,
    Unavailable,
    VaultClient,
)
from tests.clients.fake_vault import FakeVault, Refused, invalid, unavailable

PARENT = "institutions/demo-bank"


def test_a_read_is_tried_again_until_the_vault_is_back(fake: FakeVault, vault: VaultClient) -> None:
    name = vault.customers.create(Customer(customer_number="1")).name
    fake.fail("GetMaskedCustomer", unavailable(), unavailable())
    assert vault.masked.get_customer(name).name == name
    assert len(fake.called("GetMaskedCustomer")) == 3


def test_a_write_keeps_its_request_id_through_all_attempts_and_stores_once(
    fake: FakeVault, vault: VaultClient
) -> None:
    fake.fail("CreateCustomer", unavailable(), unavailable())
    vault.customers.create(Customer(customer_number="1"))
    ids = [request.request_id for request in fake.called("CreateCustomer")]
    assert len(ids) == 3
    assert len(set(ids)) == 1
    assert uuid.UUID(ids[0]).version == 4
    assert len(fake.customers) == 1


def test_two_writes_have_two_request_ids(fake: FakeVault, vault: VaultClient) -> None:
    for _ in range(2):
        vault.customers.create(Customer(customer_number="1"))
    first, second = fake.called("CreateCustomer")
    assert first.request_id != second.request_id


def test_a_write_that_failed_can_be_repeated_by_its_request_id(
    fake: FakeVault, vault: VaultClient
) -> None:
    fake.fail("CreateCustomer", *(unavailable() for _ in range(6)))
    with pytest.raises(Unavailable) as failed:
        vault.customers.create(Customer(customer_number="1"))
    vault.customers.create(Customer(customer_number="1"), request_id=failed.value.request_id)
    assert len({request.request_id for request in fake.called("CreateCustomer")}) == 1


def test_retry_info_is_waited_for(fake: FakeVault, vault: VaultClient) -> None:
    fake.fail("ListMaskedCustomers", unavailable(retry_after=0.4))
    started = time.monotonic()
    list(vault.masked.list_customers())
    assert time.monotonic() - started >= 0.4


@pytest.mark.parametrize(
    "refused",
    [
        invalid(("name", "is wrong", "错误")),
        Refused(grpc.StatusCode.PERMISSION_DENIED),
        Refused(grpc.StatusCode.ABORTED),
        Refused(grpc.StatusCode.INTERNAL),
        Refused(grpc.StatusCode.DEADLINE_EXCEEDED),
    ],
    ids=lambda refused: refused.code.name,
)
def test_a_judgement_of_the_vault_is_not_asked_for_twice(
    fake: FakeVault, vault: VaultClient, refused: Refused
) -> None:
    fake.fail("GetCustomer", refused)
    with pytest.raises(Exception, match=r"."):
        vault.customers.get(f"{PARENT}/customers/x", purpose="ONBOARDING_CDD")
    assert len(fake.called("GetCustomer")) == 1


def test_a_call_has_a_deadline_of_ten_seconds_unless_another_is_given(fake: FakeVault) -> None:
    with VaultClient(Profile.load(fake.profile())) as vault:
        list(vault.masked.list_customers())
        list(vault.masked.list_customers(timeout=3))
    default, own = (call.remaining or 0 for call in fake.calls)
    assert 8 < default < 10.5
    assert 2 < own < 3.5


def test_the_deadline_is_over_all_attempts(fake: FakeVault) -> None:
    with VaultClient(Profile.load(fake.profile())) as vault:
        fake.fail("ListMaskedCustomers", 0.6, *(unavailable() for _ in range(9)))
        fake.answers["ListMaskedCustomers"] = lambda request: (_ for _ in ()).throw(unavailable())
        started = time.monotonic()
        with pytest.raises((Unavailable, DeadlineExceeded)):
            list(vault.masked.list_customers(timeout=1))
        assert time.monotonic() - started < 1.5
    left = [call.remaining or 0 for call in fake.calls]
    assert left == sorted(left, reverse=True)


def test_a_silent_vault_is_given_up_at_the_deadline(fake: FakeVault, vault: VaultClient) -> None:
    fake.fail("ListMaskedCustomers", 3.0)
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        list(vault.masked.list_customers(timeout=0.3))
    assert time.monotonic() - started < 2


def test_errors_come_typed(fake: FakeVault, vault: VaultClient) -> None:
    with pytest.raises(NotFound):
        vault.customers.get(f"{PARENT}/customers/x", purpose="ONBOARDING_CDD")
    fake.fail("GetCustomer", Refused(grpc.StatusCode.PERMISSION_DENIED, plain=True))
    with pytest.raises(PermissionDenied) as denied:
        vault.customers.get(f"{PARENT}/customers/x", purpose="ONBOARDING_CDD")
    # gRPC's own error hangs on no error of ours: its text may quote what was sent.
    assert denied.value.__cause__ is None
    assert denied.value.__suppress_context__


def test_pages_are_fetched_as_they_are_needed(fake: FakeVault, vault: VaultClient) -> None:
    for number in range(7):
        vault.customers.create(Customer(customer_number=str(number)))
    listed = iter(vault.masked.list_customers(page_size=3))
    next(listed)
    assert len(fake.called("ListMaskedCustomers")) == 1
    assert len(list(listed)) == 6
    assert [request.page_token for request in fake.called("ListMaskedCustomers")] == ["", "3", "6"]


def test_a_page_that_fails_is_tried_again_without_losing_or_repeating_any(
    fake: FakeVault, vault: VaultClient
) -> None:
    for number in range(5):
        vault.customers.create(Customer(customer_number=str(number)))
    listed = iter(vault.customers.list(purpose="DATA_QUALITY", page_size=2))
    got = [next(listed), next(listed)]
    fake.fail("ListCustomers", unavailable())
    got += list(listed)
    assert [customer.customer_number for customer in got] == ["0", "1", "2", "3", "4"]


def test_a_list_goes_on_from_a_page_token(fake: FakeVault, vault: VaultClient) -> None:
    for number in range(5):
        vault.customers.create(Customer(customer_number=str(number)))
    page = next(vault.masked.list_customers(page_size=2).pages())
    rest = list(vault.masked.list_customers(page_size=2, page_token=page.next_page_token))
    assert len(page.items) + len(rest) == 5


def test_a_full_read_carries_purpose_case_and_fields(fake: FakeVault, vault: VaultClient) -> None:
    name = vault.customers.create(Customer(customer_number="1")).name
    vault.customers.get(
        name, purpose="REGULATOR_REQUEST", case_reference="R-1", fields=["phones"], version=1
    )
    (request,) = fake.called("GetCustomer")
    assert request.purpose == Purpose.PURPOSE_REGULATOR_REQUEST
    assert request.case_reference == "R-1"
    assert list(request.read_mask.paths) == ["phones"]
    assert request.version == 1


def test_without_fields_no_mask_is_sent(fake: FakeVault, vault: VaultClient) -> None:
    name = vault.customers.create(Customer(customer_number="1")).name
    vault.customers.get(name, purpose="PURPOSE_ONBOARDING_CDD")
    assert not fake.called("GetCustomer")[0].HasField("read_mask")


def test_a_purpose_that_does_not_exist_is_refused_before_the_call(
    fake: FakeVault, vault: VaultClient
) -> None:
    with pytest.raises(ValueError, match="ONBOARDING_CDD"):
        vault.customers.get(f"{PARENT}/customers/x", purpose="CURIOSITY")
    assert not fake.calls


def test_documents_and_transactions_are_stored_under_their_customer(
    fake: FakeVault, vault: VaultClient
) -> None:
    owner = vault.customers.create(Customer(customer_number="1")).name
    document = vault.documents.create(owner, IdentityDocument(number="x"))
    transaction = vault.transactions.create(owner, Transaction(institution_reference="r"))
    assert document.name.startswith(f"{owner}/documents/")
    assert transaction.name.startswith(f"{owner}/transactions/")
    assert vault.documents.get(document.name, purpose="DATA_QUALITY").number == "x"
    assert (
        vault.transactions.get(transaction.name, purpose="DATA_QUALITY").institution_reference
        == "r"
    )


def test_a_time_without_a_zone_is_refused(vault: VaultClient) -> None:
    with pytest.raises(ValueError, match="time zone"):
        vault.masked.list_transactions(
            f"{PARENT}/customers/x",
            booked_from=datetime(2026, 1, 1),  # noqa: DTZ001 - the slip that is refused
        )


def test_a_booking_period_is_sent(fake: FakeVault, vault: VaultClient) -> None:
    list(
        vault.masked.list_transactions(
            f"{PARENT}/customers/x",
            booked_from=datetime(2026, 1, 1, tzinfo=UTC),
            booked_to=datetime(2026, 2, 1, tzinfo=UTC),
            newest_first=True,
        )
    )
    (request,) = fake.called("ListMaskedTransactions")
    assert request.booked_from.ToJsonString() == "2026-01-01T00:00:00Z"
    assert request.booked_to.ToJsonString() == "2026-02-01T00:00:00Z"
    assert request.newest_first


@pytest.mark.parametrize("terms", [{}, {"phone": "+8613800138000", "full_name": "x"}])
def test_a_search_is_by_exactly_one_value(vault: VaultClient, terms: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="exactly one"):
        vault.masked.search_customers(**terms)  # type: ignore[arg-type]  # the slip under test


def test_a_search_finds_by_the_value_given(fake: FakeVault, vault: VaultClient) -> None:
    name = vault.customers.create(Customer(customer_number="1", phones=["+8613800138000"])).name
    vault.customers.create(Customer(customer_number="2"))
    found = list(vault.masked.search_customers(phone="+8613800138000"))
    assert [view.name for view in found] == [name]


def test_a_vault_of_another_ca_is_not_spoken_to_and_not_asked_twice(fake: FakeVault) -> None:
    profile = Profile.load(fake.profile("lost", ca=trustme.CA()))
    with VaultClient(profile) as vault:
        started = time.monotonic()
        with pytest.raises(Unavailable, match="handshake") as failed:
            list(vault.masked.list_customers())
        assert time.monotonic() - started < 2
    assert failed.value.reason == "TLS_HANDSHAKE"
    assert not fake.calls


def test_a_vault_that_is_not_there_is_named_by_its_address(fake: FakeVault) -> None:
    with VaultClient(Profile.load(fake.profile()), retry=NO_RETRY) as vault:
        fake.stop()
        with pytest.raises(Unavailable, match=f":{fake.port}") as failed:
            list(vault.masked.list_customers())
    assert failed.value.reason == "NO_CONNECTION"


def test_a_vault_that_comes_back_is_found_again(fake: FakeVault) -> None:
    retry = RetryPolicy(attempts=50, maximum=0.3)
    with VaultClient(Profile.load(fake.profile()), retry=retry) as vault:
        list(vault.masked.list_customers())
        fake.stop()
        fake.start()
        list(vault.masked.list_customers())


def test_channels_are_opened_when_they_are_needed(fake: FakeVault) -> None:
    profile = Profile.load(fake.profile(tiers="m"))
    with VaultClient(profile) as vault:
        list(vault.masked.list_customers())
        assert Tier.FULL not in profile.endpoints
    with MaskedClient(profile) as masked:
        assert list(masked.list_customers()) == []


async def _masked_reads(profile: Profile, fast: RetryPolicy, name: str) -> list[str]:
    async with AsyncMaskedClient(profile, retry=fast) as masked:
        one = await masked.get_customer(name)
        many = [view.name async for view in masked.list_customers(page_size=1)]
        found = [view.name async for view in masked.search_customers(phone="+8613800138000")]
        with pytest.raises(NotFound):
            await masked.get_customer(f"{PARENT}/customers/none")
        return [one.name, *many, *found]


def test_the_asyncio_masked_client_does_the_same(
    fake: FakeVault, vault: VaultClient, fast: RetryPolicy
) -> None:
    first = vault.customers.create(Customer(phones=["+8613800138000"])).name
    second = vault.customers.create(Customer()).name
    fake.fail("GetMaskedCustomer", unavailable())
    got = asyncio.run(_masked_reads(vault.profile, fast, first))
    assert got == [first, first, second, first]
    assert len(fake.called("GetMaskedCustomer")) == 3


def test_the_asyncio_full_client_does_the_same(fake: FakeVault, fast: RetryPolicy) -> None:
    profile = Profile.load(fake.profile())

    async def story() -> None:
        async with AsyncVaultClient(profile, retry=fast) as vault:
            fake.fail("CreateCustomer", unavailable(), unavailable())
            owner = (await vault.customers.create(Customer(customer_number="1"))).name
            document = await vault.documents.create(owner, IdentityDocument(number="x"))
            read = await vault.documents.get(document.name, purpose="DATA_QUALITY")
            assert read.number == "x"
            made = await vault.transactions.create(owner, Transaction(institution_reference="r"))
            assert made.name.startswith(owner)
            versions = vault.customers.versions(owner, purpose="DATA_QUALITY")
            assert [version.name async for version in versions] == [owner]
            fake.fail("GetCustomer", invalid(("purpose", "is wrong", "错误")))
            with pytest.raises(InvalidArgument):
                await vault.customers.get(owner, purpose="DATA_QUALITY")
            assert (await vault.check_health(tier=Tier.FULL)).version == "0.1.0"

    asyncio.run(story())
    assert len({request.request_id for request in fake.called("CreateCustomer")}) == 1


def test_the_masked_client_brings_no_stub_of_a_full_record() -> None:
    code = (
        "import sys, recordsvault_masked;"
        "print([m for m in sys.modules if m.startswith(('recordsvault.records',"
        " 'recordsvault.audit', 'recordsvault.admin', 'recordsvault_client', 'vault'))])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
