"""Customers in full: the blocking client."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime

import grpc

from recordsvault.masked.v1.views_pb2 import MaskedCustomer
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.records.v1 import records_pb2_grpc as stubs
from recordsvault.records.v1.customer_pb2 import Customer
from recordsvault_client.files import google_date
from recordsvault_client.opened import Opened, opened, record_of
from recordsvault_client.requests import mask, reading
from recordsvault_client.streaming import ending
from recordsvault_masked.calls import Caller
from recordsvault_masked.paging import Page, Pager
from recordsvault_masked.requests import new_request_id, timestamp


class CustomersClient:
    """Stores, opens and changes customers.

    Every method takes `timeout` in seconds, over all attempts, and raises VaultError. Writes take
    a `request_id` (a UUID; a fresh one if left out): the same write sent again with it is not
    done twice. Reads take the `purpose`, the `case_reference` that some purposes need, and the
    `fields` wanted (paths in the record; all if left out). Who opens records by the lending
    register names the `check_out`. What is opened may be less than what is wanted: `get` and the
    like answer it alone, `open` and the like also the masked view of the rest.
    """

    def __init__(self, channel: grpc.Channel, parent: str, call: Caller) -> None:
        """`parent` is the institution, for methods that name none."""
        self._stub = stubs.RecordsStub(channel)
        self._parent = parent
        self._call = call

    def create(
        self,
        customer: Customer,
        *,
        parent: str = "",
        request_id: str = "",
        timeout: float | None = None,
    ) -> Customer:
        """Store a customer. Answers its name, etag and version, without contents."""
        request = pb.CreateCustomerRequest(
            parent=parent or self._parent, customer=customer, request_id=new_request_id(request_id)
        )
        return self._call(self._stub.CreateCustomer, request, timeout).customer

    def batch_create(
        self,
        customers: Sequence[Customer],
        *,
        parent: str = "",
        request_id: str = "",
        timeout: float | None = None,
    ) -> Sequence[Customer]:
        """Store 1 to 500 customers, all or none. Answers as `create`, in order."""
        request = pb.BatchCreateCustomersRequest(
            parent=parent or self._parent,
            customers=customers,
            request_id=new_request_id(request_id),
        )
        return self._call(self._stub.BatchCreateCustomers, request, timeout).customers

    def get(
        self,
        name: str,
        *,
        purpose: str | int,
        case_reference: str = "",
        check_out: str = "",
        fields: Sequence[str] = (),
        version: int = 0,
        as_of: date | None = None,
        known_at: datetime | None = None,
        timeout: float | None = None,
    ) -> Customer:
        """Open a customer in full; `version` 0 is the current one. `as_of` a day of the customer's
        life, and `known_at` a moment (with its zone) of the vault's, the one that stood then."""
        return self.open(
            name,
            purpose=purpose,
            case_reference=case_reference,
            check_out=check_out,
            fields=fields,
            version=version,
            as_of=as_of,
            known_at=known_at,
            timeout=timeout,
        ).record

    def open(
        self,
        name: str,
        *,
        purpose: str | int,
        case_reference: str = "",
        check_out: str = "",
        fields: Sequence[str] = (),
        version: int = 0,
        as_of: date | None = None,
        known_at: datetime | None = None,
        timeout: float | None = None,
    ) -> Opened[Customer, MaskedCustomer]:
        """As `get`, with the masked view of what was not opened."""
        read = reading(purpose, case_reference, fields)
        request = pb.GetCustomerRequest(
            name=name,
            purpose=read.purpose,
            case_reference=read.case_reference,
            check_out=check_out,
            read_mask=read.read_mask,
            version=version,
            as_of=google_date(as_of),
            known_at=timestamp(known_at),
        )
        answer = self._call(self._stub.GetCustomer, request, timeout)
        masked = answer.masked if answer.HasField("masked") else None
        return Opened(answer.customer, masked)

    def list(
        self,
        *,
        parent: str = "",
        purpose: str | int,
        case_reference: str = "",
        fields: Sequence[str] = (),
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> Pager[Customer]:
        """Open an institution's customers in full, in order of name."""
        return self.open_list(
            parent=parent,
            purpose=purpose,
            case_reference=case_reference,
            fields=fields,
            page_size=page_size,
            page_token=page_token,
            timeout=timeout,
        ).map(record_of)

    def open_list(
        self,
        *,
        parent: str = "",
        purpose: str | int,
        case_reference: str = "",
        fields: Sequence[str] = (),
        page_size: int = 0,
        page_token: str = "",
        as_of: date | None = None,
        known_at: datetime | None = None,
        timeout: float | None = None,
    ) -> Pager[Opened[Customer, MaskedCustomer]]:
        """As `list`, each with the masked view of what was not opened."""
        read = reading(purpose, case_reference, fields)

        def fetch(token: str) -> Page[Opened[Customer, MaskedCustomer]]:
            request = pb.ListCustomersRequest(
                parent=parent or self._parent,
                page_size=page_size,
                page_token=token,
                purpose=read.purpose,
                case_reference=read.case_reference,
                read_mask=read.read_mask,
                as_of=google_date(as_of),
                known_at=timestamp(known_at),
            )
            answer = self._call(self._stub.ListCustomers, request, timeout)
            items = opened(answer.customers, answer.masked_customers)
            return Page(items, answer.next_page_token)

        return Pager(fetch, page_token)

    def export(
        self,
        *,
        parent: str = "",
        purpose: str | int,
        check_out: str,
        case_reference: str = "",
        fields: Sequence[str] = (),
        after: str = "",
    ) -> Iterator[Opened[Customer, MaskedCustomer]]:
        """Open all customers of an institution, by a check-out of the whole institution.

        In order of name, behind the customer `after` if one is named: that is how an export goes
        on that was broken off, by another check-out, since each is for one. It ends when its
        check-out does. Raises VaultError.
        """
        read = reading(purpose, case_reference, fields)
        request = pb.ExportCustomersRequest(
            parent=parent or self._parent,
            purpose=read.purpose,
            case_reference=read.case_reference,
            check_out=check_out,
            read_mask=read.read_mask,
            after=after,
        )
        with ending(self._stub.ExportCustomers(request)) as call:
            for answer in call:
                yield from opened(answer.customers, answer.masked_customers)

    def update(
        self,
        customer: Customer,
        *,
        fields: Sequence[str] = (),
        request_id: str = "",
        timeout: float | None = None,
    ) -> Customer:
        """Make a new version of a customer, which carries the name and etag read before.

        `fields` are the ones to change, the whole record if left out. Raises Aborted if the
        record has changed since.
        """
        request = pb.UpdateCustomerRequest(
            customer=customer, update_mask=mask(fields), request_id=new_request_id(request_id)
        )
        return self._call(self._stub.UpdateCustomer, request, timeout).customer

    def versions(
        self,
        name: str,
        *,
        purpose: str | int,
        case_reference: str = "",
        check_out: str = "",
        fields: Sequence[str] = (),
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> Pager[Customer]:
        """Open the versions of a customer in full, newest first."""
        return self.open_versions(
            name,
            purpose=purpose,
            case_reference=case_reference,
            check_out=check_out,
            fields=fields,
            page_size=page_size,
            page_token=page_token,
            timeout=timeout,
        ).map(record_of)

    def open_versions(
        self,
        name: str,
        *,
        purpose: str | int,
        case_reference: str = "",
        check_out: str = "",
        fields: Sequence[str] = (),
        page_size: int = 0,
        page_token: str = "",
        as_of: date | None = None,
        known_at: datetime | None = None,
        timeout: float | None = None,
    ) -> Pager[Opened[Customer, MaskedCustomer]]:
        """As `versions`, each with the masked view of what was not opened."""
        read = reading(purpose, case_reference, fields)

        def fetch(token: str) -> Page[Opened[Customer, MaskedCustomer]]:
            request = pb.ListCustomerVersionsRequest(
                name=name,
                page_size=page_size,
                page_token=token,
                purpose=read.purpose,
                case_reference=read.case_reference,
                check_out=check_out,
                read_mask=read.read_mask,
                as_of=google_date(as_of),
                known_at=timestamp(known_at),
            )
            answer = self._call(self._stub.ListCustomerVersions, request, timeout)
            items = opened(answer.customers, answer.masked_customers)
            return Page(items, answer.next_page_token)

        return Pager(fetch, page_token)
