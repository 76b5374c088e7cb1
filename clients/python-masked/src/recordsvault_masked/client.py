"""The blocking client of the masked tier."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from os import PathLike

import grpc

from recordsvault.masked.v1 import masked_pb2 as pb
from recordsvault.masked.v1 import masked_pb2_grpc as stubs
from recordsvault.masked.v1 import views_pb2 as views
from recordsvault_masked import requests
from recordsvault_masked.calls import DEFAULT_TIMEOUT, Caller
from recordsvault_masked.channel import open_channel
from recordsvault_masked.closing import Closing
from recordsvault_masked.paging import Page, Pager
from recordsvault_masked.person import Token, carrying
from recordsvault_masked.pictures import PictureCursor
from recordsvault_masked.profile import Profile, Tier
from recordsvault_masked.receipts import KeptReceipts, ReceiptFile
from recordsvault_masked.recovery import OnInterrupt, Recovery
from recordsvault_masked.resumed import Resumed
from recordsvault_masked.retry import RetryPolicy


class MaskedRecordsClient:
    """The methods of MaskedRecords over a channel that somebody else opens and closes.

    Every method takes `timeout` in seconds, over all attempts, and raises VaultError. Lists take
    the `page_size` to ask for (0: the vault's own) and the `page_token` to start from.
    """

    def __init__(self, channel: grpc.Channel, parent: str, call: Caller) -> None:
        """`parent` is the institution that lists and searches are about if they name none."""
        self._stub = stubs.MaskedRecordsStub(channel)
        self._parent = parent
        self._call = call

    def get_customer(self, name: str, *, timeout: float | None = None) -> views.MaskedCustomer:
        """The masked view of a customer."""
        request = pb.GetMaskedCustomerRequest(name=name)
        return self._call(self._stub.GetMaskedCustomer, request, timeout).customer

    def list_customers(
        self,
        *,
        parent: str = "",
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> Pager[views.MaskedCustomer]:
        """The masked views of an institution's customers, in order of name."""

        def fetch(token: str) -> Page[views.MaskedCustomer]:
            request = pb.ListMaskedCustomersRequest(
                parent=parent or self._parent, page_size=page_size, page_token=token
            )
            answer = self._call(self._stub.ListMaskedCustomers, request, timeout)
            return Page(answer.customers, answer.next_page_token)

        return Pager(fetch, page_token)

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
    ) -> Pager[views.MaskedCustomer]:
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

        def fetch(token: str) -> Page[views.MaskedCustomer]:
            request = pb.SearchMaskedCustomersRequest()
            request.CopyFrom(first)
            request.page_token = token
            answer = self._call(self._stub.SearchMaskedCustomers, request, timeout)
            return Page(answer.customers, answer.next_page_token)

        return Pager(fetch, page_token)

    def get_document(self, name: str, *, timeout: float | None = None) -> views.MaskedDocument:
        """The masked view of an identity document."""
        request = pb.GetMaskedDocumentRequest(name=name)
        return self._call(self._stub.GetMaskedDocument, request, timeout).document

    def list_documents(
        self,
        customer: str,
        *,
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> Pager[views.MaskedDocument]:
        """The masked views of a customer's identity documents, in order of name."""

        def fetch(token: str) -> Page[views.MaskedDocument]:
            request = pb.ListMaskedDocumentsRequest(
                parent=customer, page_size=page_size, page_token=token
            )
            answer = self._call(self._stub.ListMaskedDocuments, request, timeout)
            return Page(answer.documents, answer.next_page_token)

        return Pager(fetch, page_token)

    def view_document(
        self,
        name: str,
        *,
        page: int = 0,
        patience: float | None = 60.0,
        on_interrupt: OnInterrupt | None = None,
    ) -> Iterator[views.MaskedPicture]:
        """Pictures of the scans and files of a document or transaction, covered and stamped with
        who looks and when; of `page` alone, or if that is 0 of all.

        A connection that is lost is taken up again behind the last picture, for `patience` seconds
        without any (None: for ever). Raises VaultError.
        """
        cursor = PictureCursor(name, page)
        while True:
            recovery = Recovery(patience, on_interrupt=on_interrupt, policy=self._call.retry)
            stub = self._stub.ViewDocument
            with Resumed(stub, cursor.request, cursor.take, lambda: True, recovery) as pictures:
                yield from pictures
            if not cursor.more:
                return

    def get_transaction(
        self, name: str, *, timeout: float | None = None
    ) -> views.MaskedTransaction:
        """The masked view of a transaction."""
        request = pb.GetMaskedTransactionRequest(name=name)
        return self._call(self._stub.GetMaskedTransaction, request, timeout).transaction

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
    ) -> Pager[views.MaskedTransaction]:
        """A customer's masked transactions in booking order; `booked_to` is exclusive.

        Raises ValueError for a time without a zone.
        """
        first = requests.list_transactions(
            customer, page_size, page_token, booked_from, booked_to, newest_first
        )

        def fetch(token: str) -> Page[views.MaskedTransaction]:
            request = pb.ListMaskedTransactionsRequest()
            request.CopyFrom(first)
            request.page_token = token
            answer = self._call(self._stub.ListMaskedTransactions, request, timeout)
            return Page(answer.transactions, answer.next_page_token)

        return Pager(fetch, page_token)


class MaskedClient(MaskedRecordsClient, Closing):
    """A client of the masked tier that owns its channel; may be shared by threads.

    with MaskedClient(Profile.load("crm.toml")) as vault:
        for customer in vault.search_customers(phone="+8613800138000"):
            print(customer.full_name.value)
    """

    def __init__(
        self,
        profile: Profile,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        retry: RetryPolicy | None = None,
        receipts: str | PathLike[str] | ReceiptFile | None = None,
    ) -> None:
        """Open a channel to the profile's masked endpoint. Raises ProfileError.

        `receipts` is a file that the vault's receipts are appended to; see `ReceiptFile`. One that
        is given open stays open.
        """
        self._receipts = KeptReceipts(receipts)
        self._channel = open_channel(profile, Tier.MASKED, self._receipts.file)
        super().__init__(self._channel, profile.parent, Caller(timeout, retry))

    def acting_for(self, token: Token) -> MaskedRecordsClient:
        """The same, for the person of a bearer token. Raises TokenError."""
        return MaskedRecordsClient(carrying(self._channel, token), self._parent, self._call)

    def close(self) -> None:
        """Close the channel; calls under way are cancelled."""
        self._channel.close()
        self._receipts.close()
