"""What the three resources of the records service have in common, and where they differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from recordsvault.records.v1 import customer_pb2, document_pb2, transaction_pb2
from vault.records.validation import (
    Violation,
    validate_customer,
    validate_document,
    validate_transaction,
)
from vault.rpc.problems import Problems
from vault.rpc.translate import customers, documents, masked, transactions
from vault.rpc.translate.common import from_micros
from vault.services.kinds import CUSTOMERS, DOCUMENTS, TRANSACTIONS, AnyKind
from vault.services.opening import Opened
from vault.services.outcomes import Stored
from vault.services.sealer import resource_name


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource at the edge: its message, its field names in requests, and its translations."""

    kind: AnyKind
    message: type[Message]
    field: str
    plural: str
    to_domain: Callable[[Any, Problems], Any]
    to_proto: Callable[[Any], Any]
    to_masked: Callable[[str, Opened], Message]
    validate: Callable[[Any], Iterable[Violation]]

    def parse(self, message: Any, problems: Problems) -> Any:
        """The domain's record, with every problem of it reported; None where a list has so many
        entries that looking at each would take the time of everybody else's calls."""
        if problems.crowded:
            return None
        record = self.to_domain(message, problems)
        problems.extend(self.validate(record))
        return record

    def receipt(self, institution: str, stored: Stored) -> Any:
        """What a write answers: how the record is named from now on, and nothing of its
        contents."""
        out: Any = self.message()
        out.name = resource_name(institution, stored.customer, stored.record)
        out.etag = stored.etag
        if self.kind is TRANSACTIONS:
            out.create_time.CopyFrom(from_micros(stored.recorded_at))
        else:
            out.version = stored.version
            out.update_time.CopyFrom(from_micros(stored.recorded_at))
        return out

    def full(self, institution: str, opened: Opened) -> Any:
        """A record in full."""
        out = self.to_proto(opened.value)
        out.name = resource_name(institution, opened.customer, opened.record)
        out.etag = opened.etag
        out.create_time.CopyFrom(from_micros(opened.created_at))
        if self.kind is TRANSACTIONS:
            out.corrected_by.extend(opened.corrected_by)
            out.reversed_by.extend(opened.reversed_by)
        else:
            out.version = opened.version
            out.update_time.CopyFrom(from_micros(opened.recorded_at))
        return out

    def masked(self, institution: str, opened: Opened) -> Message:
        """The masked view of a record that was opened with it."""
        name = resource_name(institution, opened.customer, opened.record)
        return self.to_masked(name, opened)


def _masked_customer(name: str, opened: Opened) -> Message:
    return masked.customer(name, opened.view, opened.version, opened.recorded_at)


def _masked_document(name: str, opened: Opened) -> Message:
    return masked.document(name, opened.view, opened.version, opened.recorded_at)


def _masked_transaction(name: str, opened: Opened) -> Message:
    return masked.transaction(name, opened.view, opened.corrected_by, opened.reversed_by)


CUSTOMER = Resource(
    kind=CUSTOMERS,
    message=customer_pb2.Customer,
    field="customer",
    plural="customers",
    to_domain=customers.to_domain,
    to_proto=customers.to_proto,
    to_masked=_masked_customer,
    validate=validate_customer,
)
DOCUMENT = Resource(
    kind=DOCUMENTS,
    message=document_pb2.IdentityDocument,
    field="identity_document",
    plural="identity_documents",
    to_domain=documents.to_domain,
    to_proto=documents.to_proto,
    to_masked=_masked_document,
    validate=validate_document,
)
TRANSACTION = Resource(
    kind=TRANSACTIONS,
    message=transaction_pb2.Transaction,
    field="transaction",
    plural="transactions",
    to_domain=transactions.to_domain,
    to_proto=transactions.to_proto,
    to_masked=_masked_transaction,
    validate=validate_transaction,
)
