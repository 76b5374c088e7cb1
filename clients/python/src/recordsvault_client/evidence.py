"""Evidence of transactions: the blocking client."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import grpc

from recordsvault.accounts.v1 import accounts_pb2 as ap
from recordsvault.accounts.v1 import accounts_pb2_grpc
from recordsvault.bundles.v1 import bundles_pb2_grpc
from recordsvault.records.v1.transaction_pb2 import Transaction
from recordsvault_client.evidence_requests import (
    Recipient,
    Wanted,
    account_check,
    reconstruction,
    search,
)
from recordsvault_client.streaming import ending
from recordsvault_masked.calls import Caller
from recordsvault_masked.paging import Page, Pager


class EvidenceClient:
    """Reconstructs transactions, searches them, and adds up accounts, each for a `purpose`, with
    the `case_reference` that some purposes need, and by a `check_out` for who reads by one. Raises
    VaultError."""

    def __init__(self, channel: grpc.Channel, call: Caller) -> None:
        """Use a channel that somebody else opens and closes."""
        self._bundles = bundles_pb2_grpc.BundlesStub(channel)
        self._accounts = accounts_pb2_grpc.AccountsStub(channel)
        self._call = call

    def reconstruct(
        self,
        transaction: str,
        recipient: Recipient,
        *,
        purpose: str | int,
        case_reference: str = "",
        check_out: str = "",
        chinese: bool = False,
    ) -> Iterator[bytes]:
        """The bundle of a transaction, sealed to `recipient`, in pieces; whole once they end."""
        request = reconstruction(
            transaction, purpose, case_reference, check_out, recipient, chinese
        )
        with ending(self._bundles.ReconstructTransaction(request)) as call:
            for answer in call:
                yield answer.data

    def search(
        self,
        customer: str,
        wanted: Wanted,
        *,
        purpose: str | int,
        case_reference: str = "",
        check_out: str = "",
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> Pager[Transaction]:
        """Those of a customer's transactions that are `wanted`, in order of booking. A page may be
        short although more follow."""

        def fetch(token: str) -> Page[Transaction]:
            request = search(customer, wanted, purpose, case_reference, check_out, page_size, token)
            answer = self._call(self._accounts.SearchTransactions, request, timeout)
            return Page(tuple(answer.transactions), answer.next_page_token)

        return Pager(fetch, page_token)

    def check_account(
        self,
        customer: str,
        account_number: str,
        *,
        purpose: str | int,
        case_reference: str = "",
        check_out: str = "",
        booked_from: datetime | None = None,
        booked_to: datetime | None = None,
        timeout: float | None = None,
    ) -> ap.CheckAccountResponse:
        """What the entries of an account come to, and what is missing, double or wrong."""
        request = account_check(
            customer, account_number, purpose, case_reference, check_out, booked_from, booked_to
        )
        return self._call(self._accounts.CheckAccount, request, timeout)
