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
    customer_terms,
    decode_customer,
    decode_document,
    decode_masked_customer,
    decode_masked_document,
    decode_masked_transaction,
    decode_transaction,
    document_terms,
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
    mask: Callable[[R, date], V]
    encode_view: Callable[[V], bytes]
    decode_view: Callable[[bytes], V]
    terms: Callable[[R], Terms]


CUSTOMERS: Kind[Customer, MaskedCustomer] = Kind(
    collection="customers",
    encode=encode_record,
    decode=decode_customer,
    mask=mask_customer,
    encode_view=encode_view,
    decode_view=decode_masked_customer,
    terms=customer_terms,
)
DOCUMENTS: Kind[IdentityDocument, MaskedDocument] = Kind(
    collection="documents",
    encode=encode_record,
    decode=decode_document,
    mask=lambda document, _: mask_document(document),
    encode_view=encode_view,
    decode_view=decode_masked_document,
    terms=document_terms,
)
TRANSACTIONS: Kind[Transaction, MaskedTransaction] = Kind(
    collection="transactions",
    encode=encode_record,
    decode=decode_transaction,
    mask=lambda transaction, _: mask_transaction(transaction),
    encode_view=encode_view,
    decode_view=decode_masked_transaction,
    terms=transaction_terms,
)

AnyKind = Kind[Any, Any]
