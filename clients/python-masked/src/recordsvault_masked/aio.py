"""The asyncio client of the masked tier: the methods of `client`, awaited."""

# ruff: noqa: ASYNC109 - `timeout` becomes the deadline of the RPC, which the vault sees as well

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from os import PathLike

from grpc import aio

from recordsvault.masked.v1 import masked_pb2 as pb
from recordsvault.masked.v1 import masked_pb2_grpc as stubs
from recordsvault.masked.v1 import views_pb2 as views
from recordsvault_masked import requests
from recordsvault_masked.calls import DEFAULT_TIMEOUT, AsyncCaller
from recordsvault_masked.channel import open_async_channel
from recordsvault_masked.closing import AsyncClosing
from recordsvault_masked.paging import AsyncPager, Page
from recordsvault_masked.person import Token, carrying
from recordsvault_masked.pictures import PictureCursor
from recordsvault_masked.profile import Profile, Tier
from recordsvault_masked.receipts import KeptReceipts, ReceiptFile
from recordsvault_masked.recovery import OnInterrupt, Recovery
from recordsvault_masked.resumed_aio import AsyncResumed
from recordsvault_masked.retry import RetryPolicy


class AsyncMaskedRecordsClient:
    """The methods of MaskedRecords over a channel that somebody else opens and closes.

    As MaskedRecordsClient: `timeout` is in seconds, over all attempts; VaultError is raised.
    """

    def __init__(self, channel: aio.Channel, parent: str, call: AsyncCaller) -> None:
        """`parent` is the institution that lists and searches are about if they name none."""
        self._stub = stubs.MaskedRecordsStub(channel)
        self._parent = parent
        self._call = call

    async def get_customer(
        self, name: str, *, timeout: float | None = None
    ) -> views.MaskedCustomer:
        """The masked view of a customer."""
        request = pb.GetMaskedCustomerRequest(name=name)
        return (await self._call(self._stub.GetMaskedCustomer, request, timeout)).customer

    def list_customers(
        self,
        *,
        parent: str = "",
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> AsyncPager[views.MaskedCustomer]:
        """The masked views of an institution's customers, in order of name."""

        async def fetch(token: str) -> Page[views.MaskedCustomer]:
            request = pb.ListMaskedCustomersRequest(
                parent=parent or self._parent, page_size=page_size, page_token=token
            )
            answer = await self._call(self._stub.ListMaskedCustomers, request, timeout)
            return Page(answer.customers, answer.next_page_token)

        return AsyncPager(fetch, page_token)

    def search_customers(
        self,
        *,
        identity_number: str | None = None,
        phone: str | None = None,
        account_number: str | None = None,
        full_name: str | None = None,
        customer_number: str | None = None,
        parent: str = "",
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> AsyncPager[views.MaskedCustomer]:
        """The customers that exactly one known value points to.

        Raises ValueError for no value or several.
        """
        first = requests.search_customers(
            parent or self._parent,
            page_size,
            page_token,
            identity_number=identity_number,
            phone=phone,
            account_number=account_number,
            full_name=full_name,
            customer_number=customer_number,
        )

        async def fetch(token: str) -> Page[views.MaskedCustomer]:
            request = pb.SearchMaskedCustomersRequest()
            request.CopyFrom(first)
            request.page_token = token
            answer = await self._call(self._stub.SearchMaskedCustomers, request, timeout)
            return Page(answer.customers, answer.next_page_token)

        return AsyncPager(fetch, page_token)

    async def get_document(
        self, name: str, *, timeout: float | None = None
    ) -> views.MaskedDocument:
        """The masked view of an identity document."""
        request = pb.GetMaskedDocumentRequest(name=name)
        return (await self._call(self._stub.GetMaskedDocument, request, timeout)).document

    def list_documents(
        self,
        customer: str,
        *,
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> AsyncPager[views.MaskedDocument]:
        """The masked views of a customer's identity documents, in order of name."""

        async def fetch(token: str) -> Page[views.MaskedDocument]:
            request = pb.ListMaskedDocumentsRequest(
                parent=customer, page_size=page_size, page_token=token
            )
            answer = await self._call(self._stub.ListMaskedDocuments, request, timeout)
            return Page(answer.documents, answer.next_page_token)

        return AsyncPager(fetch, page_token)

    async def view_document(
        self,
        name: str,
        *,
        page: int = 0,
        patience: float | None = 60.0,
        on_interrupt: OnInterrupt | None = None,
    ) -> AsyncIterator[views.MaskedPicture]:
        """As `MaskedRecordsClient.view_document`, for `async for`."""
        cursor = PictureCursor(name, page)
        while True:
            recovery = Recovery(patience, on_interrupt=on_interrupt, policy=self._call.retry)
            stub = self._stub.ViewDocument
            async for picture in AsyncResumed(
                stub, cursor.request, cursor.take, lambda: True, recovery
            ):
                yield picture
            if not cursor.more:
                return

    async def get_transaction(
        self, name: str, *, timeout: float | None = None
    ) -> views.MaskedTransaction:
        """The masked view of a transaction."""
        request = pb.GetMaskedTransactionRequest(name=name)
        return (await self._call(self._stub.GetMaskedTransaction, request, timeout)).transaction

    def list_transactions(
        self,
        customer: str,
        *,
        booked_from: datetime | None = None,
        booked_to: datetime | None = None,
        newest_first: bool = False,
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> AsyncPager[views.MaskedTransaction]:
        """A customer's masked transactions in booking order; `booked_to` is exclusive.

        Raises ValueError for a time without a zone.
        """
        first = requests.list_transactions(
            customer, page_size, page_token, booked_from, booked_to, newest_first
        )

        async def fetch(token: str) -> Page[views.MaskedTransaction]:
            request = pb.ListMaskedTransactionsRequest()
            request.CopyFrom(first)
            request.page_token = token
            answer = await self._call(self._stub.ListMaskedTransactions, request, timeout)
            return Page(answer.transactions, answer.next_page_token)

        return AsyncPager(fetch, page_token)


class AsyncMaskedClient(AsyncMaskedRecordsClient, AsyncClosing):
    """A client of the masked tier that owns its channel, for one event loop.

    async with AsyncMaskedClient(Profile.load("crm.toml")) as vault:
        view = await vault.get_customer(name)
    """

    def __init__(
        self,
        profile: Profile,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        retry: RetryPolicy | None = None,
        receipts: str | PathLike[str] | ReceiptFile | None = None,
    ) -> None:
        """Open a channel to the profile's masked endpoint, inside a running event loop.

        `receipts` is a file that the vault's receipts are appended to; see `ReceiptFile`. One that
        is given open stays open. Raises ProfileError.
        """
        self._receipts = KeptReceipts(receipts)
        self._channel = open_async_channel(profile, Tier.MASKED, self._receipts.keeper)
        super().__init__(self._channel, profile.parent, AsyncCaller(timeout, retry))

    def acting_for(self, token: Token) -> AsyncMaskedRecordsClient:
        """The same, for the person of a bearer token. Raises TokenError."""
        return AsyncMaskedRecordsClient(carrying(self._channel, token), self._parent, self._call)

    async def close(self) -> None:
        """Close the channel; calls under way are cancelled."""
        await self._channel.close()
        await self._receipts.aclose()
