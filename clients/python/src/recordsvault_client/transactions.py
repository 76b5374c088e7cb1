"""Transactions in full: the blocking client."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import grpc

from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.records.v1 import records_pb2_grpc as stubs
from recordsvault.records.v1.transaction_pb2 import Transaction
from recordsvault_client.requests import reading
from recordsvault_masked.calls import Caller
from recordsvault_masked.paging import Page, Pager
from recordsvault_masked.requests import new_request_id, timestamp


class TransactionsClient:
    """Stores and opens transactions, which are never changed: a later one corrects or reverses.

    Every method takes `timeout` in seconds, over all attempts, and raises VaultError. Writes take
    a `request_id` (a UUID; a fresh one if left out): the same write sent again with it is not
    done twice. Reads take the `purpose`, the `case_reference` that some purposes need, and the
    `fields` wanted (paths in the record; all if left out).
    """

    def __init__(self, channel: grpc.Channel, call: Caller) -> None:
        """Use a channel that somebody else opens and closes."""
        self._stub = stubs.RecordsStub(channel)
        self._call = call

    def create(
        self,
        customer: str,
        transaction: Transaction,
        *,
        request_id: str = "",
        timeout: float | None = None,
    ) -> Transaction:
        """Store a transaction of a customer, named by resource name.

        Answers its name and etag, without contents.
        """
        request = pb.CreateTransactionRequest(
            parent=customer, transaction=transaction, request_id=new_request_id(request_id)
        )
        return self._call(self._stub.CreateTransaction, request, timeout).transaction

    def batch_create(
        self,
        customer: str,
        transactions: Sequence[Transaction],
        *,
        request_id: str = "",
        timeout: float | None = None,
    ) -> Sequence[Transaction]:
        """Store 1 to 500 transactions of a customer, all or none; answers as `create`, in order."""
        request = pb.BatchCreateTransactionsRequest(
            parent=customer, transactions=transactions, request_id=new_request_id(request_id)
        )
        return self._call(self._stub.BatchCreateTransactions, request, timeout).transactions

    def get(
        self,
        name: str,
        *,
        purpose: str | int,
        case_reference: str = "",
        fields: Sequence[str] = (),
        timeout: float | None = None,
    ) -> Transaction:
        """Open a transaction in full."""
        read = reading(purpose, case_reference, fields)
        request = pb.GetTransactionRequest(
            name=name,
            purpose=read.purpose,
            case_reference=read.case_reference,
            read_mask=read.read_mask,
        )
        return self._call(self._stub.GetTransaction, request, timeout).transaction

    def list(
        self,
        customer: str,
        *,
        purpose: str | int,
        case_reference: str = "",
        fields: Sequence[str] = (),
        booked_from: datetime | None = None,
        booked_to: datetime | None = None,
        newest_first: bool = False,
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> Pager[Transaction]:
        """Open a customer's transactions in full, in booking order; `booked_to` is exclusive."""
        read = reading(purpose, case_reference, fields)
        start, end = timestamp(booked_from), timestamp(booked_to)

        def fetch(token: str) -> Page[Transaction]:
            request = pb.ListTransactionsRequest(
                parent=customer,
                page_size=page_size,
                page_token=token,
                purpose=read.purpose,
                case_reference=read.case_reference,
                read_mask=read.read_mask,
                booked_from=start,
                booked_to=end,
                newest_first=newest_first,
            )
            answer = self._call(self._stub.ListTransactions, request, timeout)
            return Page(answer.transactions, answer.next_page_token)

        return Pager(fetch, page_token)
