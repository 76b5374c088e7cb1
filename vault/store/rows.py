"""The rows of records as frozen dataclasses, their names in the log, and their hashes.

A sealed row's hash stands in the event of the write that made it, so that a row edited, exchanged
or dropped later no longer matches its event:

    SHA-256("recordsvault row v1" || for the table's name and each column in order:
            4-byte big-endian length || value)

with text in UTF-8 and integers in decimal digits. All columns are covered, not only the sealed
ones.
"""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

_ROW_DOMAIN: Final = b"recordsvault row v1"


def row_hash(table: str, *values: str | int | bytes) -> bytes:
    """The 32-byte hash of a row: its table's name and its columns in the schema's order."""
    parts = [_ROW_DOMAIN]
    for value in (table, *values):
        data = value if isinstance(value, bytes) else str(value).encode()
        parts.append(len(data).to_bytes(4, "big"))
        parts.append(data)
    return sha256(b"".join(parts)).digest()


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """One version of a customer. `recorded_at` in microseconds; versions count from 1."""

    institution: str
    customer: str
    version: int
    recorded_at: int
    recorded_by: str
    sealed: bytes = field(repr=False)
    masked: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """The row's name in the log: the resource name, "@" and the version."""
        return f"institutions/{self.institution}/customers/{self.customer}@{self.version}"

    def hash(self) -> bytes:
        """The row's hash, 32 bytes."""
        return row_hash(
            "customers",
            self.institution,
            self.customer,
            self.version,
            self.recorded_at,
            self.recorded_by,
            self.sealed,
            self.masked,
        )


@dataclass(frozen=True, slots=True)
class MaskedCustomerRow:
    """What the masked branch sees of a CustomerRow."""

    institution: str
    customer: str
    version: int
    recorded_at: int
    recorded_by: str
    masked: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """One version of an identity document of a customer."""

    institution: str
    customer: str
    document: str
    version: int
    recorded_at: int
    recorded_by: str
    sealed: bytes = field(repr=False)
    masked: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """The row's name in the log: the resource name, "@" and the version."""
        return (
            f"institutions/{self.institution}/customers/{self.customer}"
            f"/documents/{self.document}@{self.version}"
        )

    def hash(self) -> bytes:
        """The row's hash, 32 bytes."""
        return row_hash(
            "documents",
            self.institution,
            self.customer,
            self.document,
            self.version,
            self.recorded_at,
            self.recorded_by,
            self.sealed,
            self.masked,
        )


@dataclass(frozen=True, slots=True)
class MaskedDocumentRow:
    """What the masked branch sees of a DocumentRow."""

    institution: str
    customer: str
    document: str
    version: int
    recorded_at: int
    recorded_by: str
    masked: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class TransactionRow:
    """A transaction: written once, never changed. `scope` is "transactions/{year of booking}"."""

    institution: str
    customer: str
    transaction: str
    scope: str
    recorded_at: int
    recorded_by: str
    sealed: bytes = field(repr=False)
    masked: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """The row's name in the log: the resource name."""
        return (
            f"institutions/{self.institution}/customers/{self.customer}"
            f"/transactions/{self.transaction}"
        )

    def hash(self) -> bytes:
        """The row's hash, 32 bytes."""
        return row_hash(
            "transactions",
            self.institution,
            self.customer,
            self.transaction,
            self.scope,
            self.recorded_at,
            self.recorded_by,
            self.sealed,
            self.masked,
        )


@dataclass(frozen=True, slots=True)
class MaskedTransactionRow:
    """What the masked branch sees of a TransactionRow."""

    institution: str
    customer: str
    transaction: str
    scope: str
    recorded_at: int
    recorded_by: str
    masked: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class LinkRow:
    """`transaction` corrects or reverses `target`, of the same customer."""

    institution: str
    customer: str
    target: str
    kind: str  # "corrects" or "reverses"
    transaction: str


@dataclass(frozen=True, slots=True)
class IndexRow:
    """A blind index entry: a record of a customer can be found by `token` (16 bytes)."""

    institution: str
    kind: str
    token: bytes
    customer: str
    record: str  # "", "documents/{id}" or "transactions/{id}"


@dataclass(frozen=True, slots=True)
class RequestRow:
    """A request that was carried out, kept so that its repetition gives the same outcome."""

    institution: str
    principal: str
    request_id: str
    method: str
    fingerprint: bytes
    outcome: bytes
    recorded_at: int
