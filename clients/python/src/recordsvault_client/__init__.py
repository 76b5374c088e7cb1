"""Client of the records vault for back ends: full records, the audit log, administration.

What comes in is a profile (`Profile.load`) and the vault's own messages (`recordsvault.records.v1`
and the others); what goes out are records, iterators over lists, a stream of log entries that
takes itself up again, and typed errors. Every write carries a request_id that is kept through all
attempts, so that trying again never stores twice; every full read names its purpose.

    with VaultClient(Profile.load("compliance.toml")) as vault:
        for customer in vault.masked.search_customers(phone="+8613800138000"):
            full = vault.customers.get(customer.name, purpose="ONBOARDING_CDD")

Scans and files go in and out by stream (`vault.contents`), from and to paths or file objects, and
go on where a connection was lost.

Who may not open records by his role borrows them: `vault.access` is the lending register
(借阅登记), and `check_out=` of a read names what was lent. A program that calls for a person
carries his token (`vault.acting_for(token)`). Who may do what is seen and changed by
`vault.access_admin`, under four eyes.

It installs without the server, and never speaks without mutual TLS. What is shared with the
masked client (profile, channel, errors, retries, pages) comes from `recordsvault_masked`, which a
front end that only shows masked data installs alone.
"""

from recordsvault_client.access_admin import AccessAdminClient, proposal_kinds
from recordsvault_client.access_admin_aio import AsyncAccessAdminClient
from recordsvault_client.aio import AsyncVaultClient, AsyncVaultServices
from recordsvault_client.audit import AuditClient, EventStream
from recordsvault_client.audit_aio import AsyncAuditClient, AsyncEventStream
from recordsvault_client.client import VaultClient, VaultServices
from recordsvault_client.compartments import CompartmentsClient, compartment_kinds
from recordsvault_client.compartments_aio import AsyncCompartmentsClient
from recordsvault_client.content_source import content_types
from recordsvault_client.contents import ContentsClient, ContentStream
from recordsvault_client.contents_aio import AsyncContentsClient, AsyncContentStream
from recordsvault_client.decoys import DecoysClient
from recordsvault_client.decoys_aio import AsyncDecoysClient
from recordsvault_client.events import decisions, event_filter
from recordsvault_client.evidence import EvidenceClient
from recordsvault_client.evidence_aio import AsyncEvidenceClient
from recordsvault_client.evidence_requests import Recipient, Wanted
from recordsvault_client.exports import ExportsClient
from recordsvault_client.exports_aio import AsyncExportsClient
from recordsvault_client.exports_requests import FileSelection
from recordsvault_client.files import FilesClient
from recordsvault_client.files_aio import AsyncFilesClient
from recordsvault_client.importing import ImportBatch, ImportedItem, ImportOutcome
from recordsvault_client.keys import KeysClient, step_of
from recordsvault_client.keys_aio import AsyncKeysClient
from recordsvault_client.opened import Opened
from recordsvault_client.retention import HoldsClient, RetentionClient
from recordsvault_client.retention_aio import AsyncHoldsClient, AsyncRetentionClient
from recordsvault_client.subjects import SubjectsClient
from recordsvault_client.subjects_aio import AsyncSubjectsClient
from recordsvault_client.transfers import TransfersClient
from recordsvault_client.transfers_aio import AsyncTransfersClient
from recordsvault_client.transfers_requests import ArrivingFile
from recordsvault_masked import (
    NO_RETRY,
    Aborted,
    AccessClient,
    AlreadyExists,
    AsyncAccessClient,
    AsyncCheckOutWatch,
    AsyncLendingRegister,
    AsyncMaskedClient,
    AsyncPager,
    Cancelled,
    CheckOutWatch,
    ClientError,
    DeadlineExceeded,
    FailedPrecondition,
    InvalidArgument,
    LendingRegister,
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
    TokenError,
    Unauthenticated,
    Unavailable,
    Unimplemented,
    VaultError,
    Violation,
    check_out_filter,
    check_out_states,
    is_over,
    opens_until,
    purposes,
    waiting_roles,
)

__all__ = [
    "NO_RETRY",
    "Aborted",
    "AccessAdminClient",
    "AccessClient",
    "AlreadyExists",
    "ArrivingFile",
    "AsyncAccessAdminClient",
    "AsyncAccessClient",
    "AsyncAuditClient",
    "AsyncCheckOutWatch",
    "AsyncCompartmentsClient",
    "AsyncContentStream",
    "AsyncContentsClient",
    "AsyncDecoysClient",
    "AsyncEventStream",
    "AsyncEvidenceClient",
    "AsyncExportsClient",
    "AsyncFilesClient",
    "AsyncHoldsClient",
    "AsyncKeysClient",
    "AsyncLendingRegister",
    "AsyncMaskedClient",
    "AsyncPager",
    "AsyncRetentionClient",
    "AsyncSubjectsClient",
    "AsyncTransfersClient",
    "AsyncVaultClient",
    "AsyncVaultServices",
    "AuditClient",
    "Cancelled",
    "CheckOutWatch",
    "ClientError",
    "CompartmentsClient",
    "ContentStream",
    "ContentsClient",
    "DeadlineExceeded",
    "DecoysClient",
    "EventStream",
    "EvidenceClient",
    "ExportsClient",
    "FailedPrecondition",
    "FileSelection",
    "FilesClient",
    "HoldsClient",
    "ImportBatch",
    "ImportOutcome",
    "ImportedItem",
    "InvalidArgument",
    "KeysClient",
    "LendingRegister",
    "MaskedClient",
    "NotFound",
    "Opened",
    "Page",
    "Pager",
    "PermissionDenied",
    "Profile",
    "ProfileError",
    "ProtocolError",
    "ReceiptFile",
    "Recipient",
    "ResourceExhausted",
    "RetentionClient",
    "RetryPolicy",
    "ServerFault",
    "SubjectsClient",
    "Tier",
    "TokenError",
    "TransfersClient",
    "Unauthenticated",
    "Unavailable",
    "Unimplemented",
    "VaultClient",
    "VaultError",
    "VaultServices",
    "Violation",
    "Wanted",
    "check_out_filter",
    "check_out_states",
    "compartment_kinds",
    "content_types",
    "decisions",
    "event_filter",
    "is_over",
    "opens_until",
    "proposal_kinds",
    "purposes",
    "step_of",
    "waiting_roles",
]
