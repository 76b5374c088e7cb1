"""Evidence by either client: what is sent, and what comes back."""

from __future__ import annotations

import asyncio
import inspect
from datetime import UTC, datetime
from typing import Any

import pytest
from google.type.money_pb2 import Money

from recordsvault.accounts.v1 import accounts_pb2 as ap
from recordsvault.bundles.v1 import bundles_pb2 as bp
from recordsvault.records.v1.transaction_pb2 import Transaction
from recordsvault_client import (
    AsyncEvidenceClient,
    AsyncVaultClient,
    EvidenceClient,
    Profile,
    Recipient,
    Unavailable,
    VaultClient,
    Wanted,
)
from tests.clients.conftest import Ask
from tests.clients.fake_vault import FakeVault, unavailable

CUSTOMER = "institutions/demo-bank/customers/01h00000000000000000000000"
NAME = f"{CUSTOMER}/transactions/01h00000000000000000000001"
KEY = Recipient(b"x" * 32, b"y" * 1184)


@pytest.fixture
def vault(fake: FakeVault) -> FakeVault:
    """A vault that answers."""

    def search(request: Any) -> ap.SearchTransactionsResponse:
        more = "" if request.page_token else "more"
        found = [Transaction(name=f"{NAME}{request.page_token}")]
        return ap.SearchTransactionsResponse(transactions=found, next_page_token=more)

    fake.answers |= {
        "ReconstructTransaction": lambda _: [
            bp.ReconstructTransactionResponse(data=b"one"),
            bp.ReconstructTransactionResponse(data=b"two"),
        ],
        "SearchTransactions": search,
        "CheckAccount": lambda _: ap.CheckAccountResponse(entries=3),
    }
    return fake


def test_both_clients_take_the_same() -> None:
    def shape(kind: type) -> dict[str, list[tuple[str, object]]]:
        return {
            name: [(p.name, p.default) for p in inspect.signature(method).parameters.values()]
            for name, method in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_")
        }

    assert shape(EvidenceClient) == shape(AsyncEvidenceClient) != {}


def test_a_search_asks_for_all_that_is_wanted_and_goes_on(vault: FakeVault, ask: Ask) -> None:
    wanted = Wanted(
        least_amount=Money(currency_code="CNY", units=1),
        counterparty="li",
        booked_from=datetime(2026, 1, 1, tzinfo=UTC),
    )
    found = ask(
        lambda c: c.evidence.search(
            CUSTOMER, wanted, purpose="INTERNAL_AUDIT", case_reference="A-1", page_size=1
        )
    )
    assert [one.name for one in found] == [NAME, f"{NAME}more"]
    first, second = vault.called("SearchTransactions")
    assert (first.parent, first.counterparty, first.case_reference) == (CUSTOMER, "li", "A-1")
    assert first.least_amount.units == 1 and not first.HasField("greatest_amount")
    assert first.booked_from.seconds == 1767225600 and not first.HasField("booked_to")
    assert second.page_token == "more"


def test_an_account_is_asked_for_again_where_the_vault_is_away(vault: FakeVault, ask: Ask) -> None:
    vault.fail("CheckAccount", unavailable(), unavailable())
    answer = ask(lambda c: c.evidence.check_account(CUSTOMER, "62", purpose="INTERNAL_AUDIT"))
    assert answer.entries == 3
    assert [one.account_number for one in vault.called("CheckAccount")] == ["62"] * 3


def reconstructed(fake: FakeVault, blocking: bool) -> bytes:
    profile = Profile.load(fake.profile())

    async def asynchronous() -> bytes:
        async with AsyncVaultClient(profile) as client:
            pieces = client.evidence.reconstruct(NAME, KEY, purpose="INTERNAL_AUDIT", chinese=True)
            return b"".join([one async for one in pieces])

    if not blocking:
        return asyncio.run(asynchronous())
    with VaultClient(profile) as client:
        return b"".join(
            client.evidence.reconstruct(NAME, KEY, purpose="INTERNAL_AUDIT", chinese=True)
        )


@pytest.mark.parametrize("blocking", [True, False], ids=["blocking", "asyncio"])
def test_a_bundle_comes_in_pieces_and_once(vault: FakeVault, blocking: bool) -> None:
    assert reconstructed(vault, blocking) == b"onetwo"
    (sent,) = vault.called("ReconstructTransaction")
    assert (sent.name, sent.language) == (NAME, bp.LANGUAGE_ZH_CN)
    assert (sent.recipient.x25519, sent.recipient.ml_kem_768) == (KEY.x25519, KEY.ml_kem_768)
    # One that broke off was logged, and is not asked for again behind the caller's back.
    vault.fail("ReconstructTransaction", unavailable())
    with pytest.raises(Unavailable):
        reconstructed(vault, blocking)
    assert len(vault.called("ReconstructTransaction")) == 2
