"""Client of the records vault for back ends: full records, the audit log, administration.

What comes in is a profile (`Profile.load`) and the vault's own messages (`recordsvault.records.v1`
and the others); what goes out are records, iterators over lists, a stream of log entries that
takes itself up again, and typed errors. Every write carries a request_id that is kept through all
attempts, so that trying again never stores twice; every full read names its purpose.

    with VaultClient(Profile.load("compliance.toml")) as vault:
        for customer in vault.masked.search_customers(phone="+8613800138000"):
            full = vault.customers.get(customer.name, purpose="ONBOARDING_CDD")

It installs without the server, and never speaks without mutual TLS. What is shared with the
masked client (profile, channel, errors, retries, pages) comes from `recordsvault_masked`, which a
front end that only shows masked data installs alone.
"""

from recordsvault_client.aio import AsyncVaultClient
from recordsvault_client.audit import AuditClient, EventStream
from recordsvault_client.audit_aio import AsyncAuditClient, AsyncEventStream
from recordsvault_client.client import VaultClient
from recordsvault_client.events import decisions, event_filter
from recordsvault_client.importing import ImportBatch, ImportedItem, ImportOutcome
from recordsvault_masked import (
    NO_RETRY,
    Aborted,
    AlreadyExists,
    AsyncMaskedClient,
    AsyncPager,
    Cancelled,
    ClientError,
    DeadlineExceeded,
    FailedPrecondition,
    InvalidArgument,
    MaskedClient,
    NotFound,
    Page,
    Pager,
    PermissionDenied,
    Profile,
    ProfileError,
    ProtocolError,
    ReceiptFile,
    ResourceExhausted,
    RetryPolicy,
    ServerFault,
    Tier,
    Unauthenticated,
    Unavailable,
    Unimplemented,
    VaultError,
    Violation,
)
from recordsvault_masked.purposes import purposes

__all__ = [
    "NO_RETRY",
    "Aborted",
    "AlreadyExists",
    "AsyncAuditClient",
    "AsyncEventStream",
    "AsyncMaskedClient",
    "AsyncPager",
    "AsyncVaultClient",
    "AuditClient",
    "Cancelled",
    "ClientError",
    "DeadlineExceeded",
    "EventStream",
    "FailedPrecondition",
    "ImportBatch",
    "ImportOutcome",
    "ImportedItem",
    "InvalidArgument",
    "MaskedClient",
    "NotFound",
    "Page",
    "Pager",
    "PermissionDenied",
    "Profile",
    "ProfileError",
    "ProtocolError",
    "ReceiptFile",
    "ResourceExhausted",
    "RetryPolicy",
    "ServerFault",
    "Tier",
    "Unauthenticated",
    "Unavailable",
    "Unimplemented",
    "VaultClient",
    "VaultError",
    "Violation",
    "decisions",
    "event_filter",
    "purposes",
]
