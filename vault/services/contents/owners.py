"""The document or transaction that a content belongs to: that it is there, and whether the caller
reaches it."""

from __future__ import annotations

from dataclasses import dataclass

from vault.access import ActionClass
from vault.records import (
    IDENTITY_SCOPE,
    DocumentKind,
    DocumentName,
    ScopeRef,
    Transaction,
    TransactionName,
    transaction_scope,
)
from vault.services.call import Call
from vault.services.reading import Reading


@dataclass(frozen=True, slots=True)
class Owner:
    """What owns contents: its path inside the customer, its scope, and of which kind a document
    is."""

    scope: ScopeRef
    record: str
    kind: DocumentKind | None


async def owner_of(
    reading: Reading, call: Call, name: DocumentName | TransactionName, needed: ActionClass
) -> Owner:
    """The owner of that name. Raises what reading a record raises: whoever may not open it, or not
    write it, has nothing to do with its contents."""
    institution, customer = name.institution, name.customer
    if isinstance(name, DocumentName):
        opened = await reading.document(call, institution, customer, name.document, needed=needed)
        scope, kind = IDENTITY_SCOPE, opened.value.kind
    else:
        opened = await reading.transaction(
            call, institution, customer, name.transaction, needed=needed
        )
        booked: Transaction = opened.value
        scope, kind = transaction_scope(booked.booking_time, booked.time_zone), None
    return Owner(ScopeRef(institution, customer, scope), name.record, kind)
