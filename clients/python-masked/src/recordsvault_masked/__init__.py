"""Client of the records vault for front ends that show masked data only.

What comes in is a profile (`Profile.load`): where the vault is and with which certificate to
call it. What goes out are masked views, lists that fetch their pages as they are needed, and
typed errors that say in a sentence what to do. Calls have a deadline (10 seconds unless another
is given) and are tried again, with growing pauses, where the failure passes.

    with MaskedClient(Profile.load("crm.toml")) as vault:
        for customer in vault.search_customers(phone="+8613800138000"):
            print(customer.full_name.value, customer.identity_number.value)

This distribution holds no stub that returns a full record: what is not here cannot be called by
mistake. `AccessClient` asks for more in the lending register (借阅登记), and lets those who may
decide on it; a front end does so for the person at its screen, with that person's token
(`acting_for`). It never speaks without mutual TLS, and no error of it holds a value of a record.
Back ends install `recordsvault-client`, which builds on this one.
"""

from recordsvault_masked.access import AccessClient, CheckOutWatch, LendingRegister
from recordsvault_masked.access_aio import (
    AsyncAccessClient,
    AsyncCheckOutWatch,
    AsyncLendingRegister,
)
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
from recordsvault_masked.lending import (
    check_out_filter,
    check_out_states,
    is_over,
    opens_until,
    waiting_roles,
)
from recordsvault_masked.paging import AsyncPager, Page, Pager
from recordsvault_masked.person import TokenError
from recordsvault_masked.profile import Profile, Tier
from recordsvault_masked.purposes import purposes
from recordsvault_masked.receipts import ReceiptFile
from recordsvault_masked.retry import NO_RETRY, RetryPolicy

__all__ = [
    "NO_RETRY",
    "Aborted",
    "AccessClient",
    "AlreadyExists",
    "AsyncAccessClient",
    "AsyncCheckOutWatch",
    "AsyncLendingRegister",
    "AsyncMaskedClient",
    "AsyncPager",
    "Cancelled",
    "CheckOutWatch",
    "ClientError",
    "DeadlineExceeded",
    "FailedPrecondition",
    "InvalidArgument",
    "LendingRegister",
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
    "TokenError",
    "Unauthenticated",
    "Unavailable",
    "Unimplemented",
    "VaultError",
    "Violation",
    "check_out_filter",
    "check_out_states",
    "is_over",
    "opens_until",
    "purposes",
    "waiting_roles",
]
