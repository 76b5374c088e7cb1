"""The store: where sealed rows, wrapped keys and the log's rows lie; SQLite or PostgreSQL.

In come rows of sealed bytes, blind tokens and opaque names, as frozen dataclasses, and a SQLAlchemy
`Connection` that the caller got from `Database` (to read) or from the log's writer (to write). Out
come the same rows. Every function on a connection is plain and synchronous, and takes part in
whatever transaction its caller runs.

It never sees a key or a plaintext, never decides who may read, and writes no audit event itself:
that a write and its event are one transaction is the log's work (vault/audit). Repositories are
modules: `vault.store.customers`, `documents`, `transactions`, `blind_index`, `claims`, `requests`.
"""

from vault.store.database import Database
from vault.store.errors import (
    KeyVersionGone,
    KeyVersionInUse,
    StoreAltered,
    StoreDamaged,
    StoreError,
    StoreForbidden,
    StoreUnavailable,
    VersionConflict,
)
from vault.store.keystore import BranchKeyRow, FileKeyRow, KeyStore
from vault.store.rows import (
    CustomerRow,
    DocumentRow,
    IndexRow,
    LinkRow,
    MaskedCustomerRow,
    MaskedDocumentRow,
    MaskedTransactionRow,
    RequestRow,
    TransactionRow,
)

__all__ = [
    "BranchKeyRow",
    "CustomerRow",
    "Database",
    "DocumentRow",
    "FileKeyRow",
    "IndexRow",
    "KeyStore",
    "KeyVersionGone",
    "KeyVersionInUse",
    "LinkRow",
    "MaskedCustomerRow",
    "MaskedDocumentRow",
    "MaskedTransactionRow",
    "RequestRow",
    "StoreAltered",
    "StoreDamaged",
    "StoreError",
    "StoreForbidden",
    "StoreUnavailable",
    "TransactionRow",
    "VersionConflict",
]
