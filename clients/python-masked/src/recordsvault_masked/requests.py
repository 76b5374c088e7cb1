"""What requests are made of: pure, shared by the blocking and the asyncio clients."""

from __future__ import annotations

import uuid
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from recordsvault.masked.v1 import masked_pb2 as pb


def timestamp(value: datetime | None) -> Timestamp | None:
    """A moment as protobuf carries it. Raises ValueError for a time without a zone."""
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError("a time needs a time zone")
    out = Timestamp()
    out.FromDatetime(value)
    return out


def search_customers(
    parent: str,
    page_size: int,
    page_token: str,
    *,
    identity_number: str | None = None,
    phone: str | None = None,
    account_number: str | None = None,
    full_name: str | None = None,
    customer_number: str | None = None,
) -> pb.SearchMaskedCustomersRequest:
    """A search by exactly one value. Raises ValueError for none or several."""
    terms = {
        "identity_number": identity_number,
        "phone": phone,
        "account_number": account_number,
        "full_name": full_name,
        "customer_number": customer_number,
    }
    given = [(field, value) for field, value in terms.items() if value is not None]
    if len(given) != 1:
        raise ValueError("a search is by exactly one value")
    request = pb.SearchMaskedCustomersRequest(
        parent=parent, page_size=page_size, page_token=page_token
    )
    setattr(request, *given[0])
    return request


def list_transactions(
    parent: str,
    page_size: int,
    page_token: str,
    booked_from: datetime | None,
    booked_to: datetime | None,
    newest_first: bool,
) -> pb.ListMaskedTransactionsRequest:
    """A page of transactions within a booking period. Raises ValueError for a time without zone."""
    return pb.ListMaskedTransactionsRequest(
        parent=parent,
        page_size=page_size,
        page_token=page_token,
        booked_from=timestamp(booked_from),
        booked_to=timestamp(booked_to),
        newest_first=newest_first,
    )


def new_request_id(given: str = "") -> str:
    """The caller's request_id, or a fresh one: kept through all attempts of one write."""
    return given or str(uuid.uuid4())
