"""The three kinds of records, as far as storing and reading treat them alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, TypeVar

from vault.records import (
    Customer,
    IdentityDocument,
    IndexKind,
    MaskedCustomer,
    MaskedDocument,
    MaskedTransaction,
    Transaction,
    classes_of,
    customer_terms,
    decode_customer,
    decode_document,
    decode_masked_customer,
    decode_masked_document,
    decode_masked_transaction,
    decode_transaction,
    document_terms,
    encode_marked_view,
    encode_record,
    encode_view,
    transaction_terms,
)
from vault.records.masks import mask_customer, mask_document, mask_transaction

R = TypeVar("R")
V = TypeVar("V")
Terms = frozenset[tuple[IndexKind, str]]


@dataclass(frozen=True, slots=True)
class Kind(Generic[R, V]):
    """How a kind of record is encoded, masked and indexed."""

    collection: str
    encode: Callable[[R], bytes]
    decode: Callable[[bytes], R]
    encode_view: Callable[[R, date], bytes]
    """The masked view of a record, masked on a day, as it is sealed."""
    decode_view: Callable[[bytes], V]
    terms: Callable[[R], Terms]


CUSTOMERS: Kind[Customer, MaskedCustomer] = Kind(
    collection="customers",
    encode=encode_record,
    decode=decode_customer,
    encode_view=lambda customer, today: encode_marked_view(
        mask_customer(customer, today), classes_of(customer, today)
    ),
    decode_view=decode_masked_customer,
    terms=customer_terms,
)
DOCUMENTS: Kind[IdentityDocument, MaskedDocument] = Kind(
    collection="documents",
    encode=encode_record,
    decode=decode_document,
    encode_view=lambda document, _: encode_view(mask_document(document)),
    decode_view=decode_masked_document,
    terms=document_terms,
)
TRANSACTIONS: Kind[Transaction, MaskedTransaction] = Kind(
    collection="transactions",
    encode=encode_record,
    decode=decode_transaction,
    encode_view=lambda transaction, _: encode_view(mask_transaction(transaction)),
    decode_view=decode_masked_transaction,
    terms=transaction_terms,
)

AnyKind = Kind[Any, Any]
