"""Calls that many tests make, as the back end."""

from collections.abc import Callable
from functools import partial
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask

from recordsvault.audit.v1 import audit_pb2 as ap
from recordsvault.audit.v1 import event_pb2 as ep
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.records.v1.customer_pb2 import Customer
from recordsvault.type.v1 import purpose_pb2
from tests.e2e import people
from tests.e2e.people import OTHER_PARENT, PARENT
from tests.support.running_vault import RunningVault, other

SERVING = purpose_pb2.PURPOSE_CUSTOMER_SERVICE
MADE_BY_THE_VAULT = ("name", "version", "etag", "create_time", "update_time")


def create(vault: RunningVault, customer: Customer | None = None) -> Customer:
    """Store a customer; a new one, if none is given."""
    request = pb.CreateCustomerRequest(parent=PARENT, customer=customer or people.person())
    return vault.records().CreateCustomer(request).customer


def get(vault: RunningVault, name: str, version: int = 0, *paths: str) -> Customer:
    """Read a customer in full: a version, or fields only."""
    request = pb.GetCustomerRequest(
        name=name, purpose=SERVING, version=version, read_mask=FieldMask(paths=paths)
    )
    return vault.records().GetCustomer(request).customer


def update(vault: RunningVault, customer: Customer, *paths: str) -> Customer:
    """Change the fields of a mask, or all."""
    request = pb.UpdateCustomerRequest(customer=customer, update_mask=FieldMask(paths=paths))
    return vault.records().UpdateCustomer(request).customer


def contents(record: Any) -> Any:
    """A record without what the vault adds."""
    out = type(record)()
    out.CopyFrom(record)
    for field in (*MADE_BY_THE_VAULT, "corrected_by", "reversed_by"):
        if field in out.DESCRIPTOR.fields_by_name:
            out.ClearField(field)
    return out


def create_customer(vault: RunningVault, customer: Customer) -> Callable[[], object]:
    """The call, ready to be made."""
    request = pb.CreateCustomerRequest(parent=PARENT, customer=customer)
    return partial(vault.records().CreateCustomer, request)


def create_document(vault: RunningVault, owner: str, document: Any) -> Callable[[], object]:
    """The call, ready to be made."""
    request = pb.CreateIdentityDocumentRequest(parent=owner, identity_document=document)
    return partial(vault.records().CreateIdentityDocument, request)


def create_transaction(vault: RunningVault, owner: str, transaction: Any) -> Callable[[], object]:
    """The call, ready to be made."""
    request = pb.CreateTransactionRequest(parent=owner, transaction=transaction)
    return partial(vault.records().CreateTransaction, request)


def query(vault: RunningVault, who: str = "officer", **wanted: Any) -> list[ep.LogEntry]:
    """Entries of the log: all pages of a query."""
    out: list[ep.LogEntry] = []
    parent = OTHER_PARENT if who == other("officer") else PARENT
    token = ""
    while True:
        page = vault.audit(who).QueryEvents(
            ap.QueryEventsRequest(parent=parent, page_size=50, page_token=token, **wanted)
        )
        out.extend(page.entries)
        token = page.next_page_token
        if not token:
            return out
