"""Client of the records vault for front ends that show masked data only.

What comes in is a profile (`Profile.load`): where the vault is and with which certificate to
call it. What goes out are masked views, lists that fetch their pages as they are needed, and
typed errors that say in a sentence what to do. Calls have a deadline (10 seconds unless another
is given) and are tried again, with growing pauses, where the failure passes.

    with MaskedClient(Profile.load("crm.toml")) as vault:
        for customer in vault.search_customers(phone="+8613800138000"):
            print(customer.full_name.value, customer.identity_number.value)

This distribution holds no stub that returns a full record: what is not here cannot be called by
mistake. It never speaks without mutual TLS, and no error of it holds a value of a record. Back
ends install `recordsvault-client`, which builds on this one.
"""

from recordsvault_masked.aio import AsyncMaskedClient
from recordsvault_masked.client import MaskedClient
from recordsvault_masked.errors import (
    Aborted,
    AlreadyExists,
    Cancelled,
    ClientError,
    DeadlineExceeded,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ProfileError,
    ProtocolError,
    ResourceExhausted,
    ServerFault,
    Unauthenticated,
    Unavailable,
    Unimplemented,
    VaultError,
    Violation,
)
from recordsvault_masked.paging import AsyncPager, Page, Pager
from recordsvault_masked.profile import Profile, Tier
from recordsvault_masked.receipts import ReceiptFile
from recordsvault_masked.retry import NO_RETRY, RetryPolicy

__all__ = [
    "NO_RETRY",
    "Aborted",
    "AlreadyExists",
    "AsyncMaskedClient",
    "AsyncPager",
    "Cancelled",
    "ClientError",
    "DeadlineExceeded",
    "FailedPrecondition",
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
    "VaultError",
    "Violation",
]
