"""Transactions in full: the asyncio client."""

# ruff: noqa: ASYNC109 - `timeout` becomes the deadline of the RPC, which the vault sees as well

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from grpc import aio

from recordsvault.masked.v1.views_pb2 import MaskedTransaction
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.records.v1 import records_pb2_grpc as stubs
from recordsvault.records.v1.transaction_pb2 import Transaction
from recordsvault_client.files import google_date
from recordsvault_client.opened import Opened, opened, record_of
from recordsvault_client.requests import reading
from recordsvault_masked.calls import AsyncCaller
from recordsvault_masked.paging import AsyncPager, Page
from recordsvault_masked.requests import new_request_id, timestamp


class AsyncTransactionsClient:
    """Stores and opens transactions, which are never changed: a later one corrects or reverses.

    Every method takes `timeout` in seconds, over all attempts, and raises VaultError. Writes take
    a `request_id` (a UUID; a fresh one if left out): the same write sent again with it is not
    done twice. Reads take the `purpose`, the `case_reference` that some purposes need, and the
    `fields` wanted (paths in the record; all if left out). Who opens records by the lending
    register names the `check_out`. What is opened may be less than what is wanted: `get` and the
    like answer it alone, `open` and the like also the masked view of the rest.
    """

    def __init__(self, channel: aio.Channel, call: AsyncCaller) -> None:
        """Use a channel that somebody else opens and closes."""
        self._stub = stubs.RecordsStub(channel)
        self._call = call

    async def create(
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
        return (await self._call(self._stub.CreateTransaction, request, timeout)).transaction

    async def batch_create(
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
        return (await self._call(self._stub.BatchCreateTransactions, request, timeout)).transactions

    async def get(
        self,
        name: str,
        *,
        purpose: str | int,
        case_reference: str = "",
        check_out: str = "",
        fields: Sequence[str] = (),
        as_of: date | None = None,
        known_at: datetime | None = None,
        timeout: float | None = None,
    ) -> Transaction:
        """Open a transaction in full: if it was booked by the day `as_of` and recorded by the
        moment `known_at` (with its zone), with what had corrected or reversed it by then."""
        return (
            await self.open(
                name,
                purpose=purpose,
                case_reference=case_reference,
                check_out=check_out,
                fields=fields,
                as_of=as_of,
                known_at=known_at,
                timeout=timeout,
            )
        ).record

    async def open(
        self,
        name: str,
        *,
        purpose: str | int,
        case_reference: str = "",
        check_out: str = "",
        fields: Sequence[str] = (),
        as_of: date | None = None,
        known_at: datetime | None = None,
        timeout: float | None = None,
    ) -> Opened[Transaction, MaskedTransaction]:
        """As `get`, with the masked view of what was not opened."""
        read = reading(purpose, case_reference, fields)
        request = pb.GetTransactionRequest(
            name=name,
            purpose=read.purpose,
            case_reference=read.case_reference,
            check_out=check_out,
            read_mask=read.read_mask,
            as_of=google_date(as_of),
            known_at=timestamp(known_at),
        )
        answer = await self._call(self._stub.GetTransaction, request, timeout)
        masked = answer.masked if answer.HasField("masked") else None
        return Opened(answer.transaction, masked)

    def list(
        self,
        customer: str,
        *,
        purpose: str | int,
        case_reference: str = "",
        check_out: str = "",
        fields: Sequence[str] = (),
        booked_from: datetime | None = None,
        booked_to: datetime | None = None,
        newest_first: bool = False,
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> AsyncPager[Transaction]:
        """Open a customer's transactions in full, in booking order; `booked_to` is exclusive."""
        return self.open_list(
            customer,
            purpose=purpose,
            case_reference=case_reference,
            check_out=check_out,
            fields=fields,
            booked_from=booked_from,
            booked_to=booked_to,
            newest_first=newest_first,
            page_size=page_size,
            page_token=page_token,
            timeout=timeout,
        ).map(record_of)

    def open_list(
        self,
        customer: str,
        *,
        purpose: str | int,
        case_reference: str = "",
        check_out: str = "",
        fields: Sequence[str] = (),
        booked_from: datetime | None = None,
        booked_to: datetime | None = None,
        newest_first: bool = False,
        as_of: date | None = None,
        known_at: datetime | None = None,
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> AsyncPager[Opened[Transaction, MaskedTransaction]]:
        """As `list`, each with the masked view of what was not opened."""
        read = reading(purpose, case_reference, fields)
        start, end = timestamp(booked_from), timestamp(booked_to)

        async def fetch(token: str) -> Page[Opened[Transaction, MaskedTransaction]]:
            request = pb.ListTransactionsRequest(
                parent=customer,
                page_size=page_size,
                page_token=token,
                purpose=read.purpose,
                case_reference=read.case_reference,
                check_out=check_out,
                read_mask=read.read_mask,
                booked_from=start,
                booked_to=end,
                newest_first=newest_first,
                as_of=google_date(as_of),
                known_at=timestamp(known_at),
            )
            answer = await self._call(self._stub.ListTransactions, request, timeout)
            items = opened(answer.transactions, answer.masked_transactions)
            return Page(items, answer.next_page_token)

        return AsyncPager(fetch, page_token)
