"""Resource names: `institutions/{institution}/customers/{customer}` and what lies below.

The names are Google AIP-122's. A name that was parsed has a type of its own; its `record` is the
path inside the customer ("" for the customer), its `scope` what is shredded together.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from vault.records.identifiers.time_zone import zone
from vault.records.ulid import is_ulid

IDENTITY_SCOPE = "identity"
# It begins with a letter, so that no identity or telephone number passes for one and gets into the
# log with a mistaken request.
_INSTITUTION = re.compile(r"[a-z][a-z0-9-]{1,39}")


class InvalidName(ValueError):
    """The text is not a resource name of the kind that was expected; it is not repeated."""


def _institution(text: str) -> str:
    if _INSTITUTION.fullmatch(text) is None:
        raise InvalidName("not the identifier of an institution")
    return text


def _identifier(text: str) -> str:
    if not is_ulid(text):
        raise InvalidName("not an identifier of the vault")
    return text


def _parts(text: str, *collections: str) -> list[str]:
    """Split `a/x/b/y` into x and y, where a and b are the collections."""
    parts = text.split("/")
    if len(parts) != 2 * len(collections) or tuple(parts[::2]) != collections:
        raise InvalidName("not of the form " + "/".join(f"{name}/*" for name in collections))
    return parts[1::2]


@dataclass(frozen=True, slots=True)
class InstitutionName:
    """`institutions/{institution}`."""

    institution: str

    def __post_init__(self) -> None:
        _institution(self.institution)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises InvalidName."""
        return cls(*_parts(text, "institutions"))

    def __str__(self) -> str:
        return f"institutions/{self.institution}"


@dataclass(frozen=True, slots=True)
class CustomerName:
    """`institutions/{institution}/customers/{customer}`."""

    institution: str
    customer: str

    def __post_init__(self) -> None:
        _institution(self.institution)
        _identifier(self.customer)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises InvalidName."""
        return cls(*_parts(text, "institutions", "customers"))

    @property
    def parent(self) -> InstitutionName:
        """The institution."""
        return InstitutionName(self.institution)

    @property
    def record(self) -> str:
        """Path inside the customer: the customer itself is ""."""
        return ""

    @property
    def scope(self) -> str:
        """What is shredded together: the identity file."""
        return IDENTITY_SCOPE

    def __str__(self) -> str:
        return f"institutions/{self.institution}/customers/{self.customer}"


@dataclass(frozen=True, slots=True)
class DocumentName:
    """`institutions/{institution}/customers/{customer}/documents/{document}`."""

    institution: str
    customer: str
    document: str

    def __post_init__(self) -> None:
        _institution(self.institution)
        _identifier(self.customer)
        _identifier(self.document)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises InvalidName."""
        return cls(*_parts(text, "institutions", "customers", "documents"))

    @property
    def parent(self) -> CustomerName:
        """The customer."""
        return CustomerName(self.institution, self.customer)

    @property
    def record(self) -> str:
        """Path inside the customer."""
        return f"documents/{self.document}"

    @property
    def scope(self) -> str:
        """What is shredded together: the identity file."""
        return IDENTITY_SCOPE

    def __str__(self) -> str:
        return f"institutions/{self.institution}/customers/{self.customer}/{self.record}"


@dataclass(frozen=True, slots=True)
class TransactionName:
    """`institutions/{institution}/customers/{customer}/transactions/{transaction}`.

    Its scope is not in the name, since the year is that of the booking's own time zone: see
    `transaction_scope`.
    """

    institution: str
    customer: str
    transaction: str

    def __post_init__(self) -> None:
        _institution(self.institution)
        _identifier(self.customer)
        _identifier(self.transaction)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises InvalidName."""
        return cls(*_parts(text, "institutions", "customers", "transactions"))

    @property
    def parent(self) -> CustomerName:
        """The customer."""
        return CustomerName(self.institution, self.customer)

    @property
    def record(self) -> str:
        """Path inside the customer."""
        return f"transactions/{self.transaction}"

    def __str__(self) -> str:
        return f"institutions/{self.institution}/customers/{self.customer}/{self.record}"


@dataclass(frozen=True, slots=True)
class SubjectRequestName:
    """`institutions/{institution}/customers/{customer}/subjectRequests/{request}`: what a customer
    has asked about his own data."""

    institution: str
    customer: str
    request: str

    def __post_init__(self) -> None:
        _institution(self.institution)
        _identifier(self.customer)
        _identifier(self.request)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises InvalidName."""
        return cls(*_parts(text, "institutions", "customers", "subjectRequests"))

    def __str__(self) -> str:
        base = f"institutions/{self.institution}/customers/{self.customer}"
        return f"{base}/subjectRequests/{self.request}"


@dataclass(frozen=True, slots=True)
class CheckOutName:
    """`institutions/{institution}/checkOuts/{check_out}`: an entry of the lending register."""

    institution: str
    check_out: str

    def __post_init__(self) -> None:
        _institution(self.institution)
        _identifier(self.check_out)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises InvalidName."""
        return cls(*_parts(text, "institutions", "checkOuts"))

    def __str__(self) -> str:
        return f"institutions/{self.institution}/checkOuts/{self.check_out}"


RecordName = CustomerName | DocumentName | TransactionName


def parse_record_name(text: str) -> RecordName:
    """Parse the name of a customer, a document or a transaction. Raises InvalidName."""
    match text.split("/"):
        case [_, _, _, _]:
            return CustomerName.parse(text)
        case [_, _, _, _, "documents", _]:
            return DocumentName.parse(text)
        case _:
            return TransactionName.parse(text)


def record_name(institution: str, customer: str, record: str) -> RecordName:
    """Put a name together from a customer and a record's path inside it. Raises InvalidName."""
    base = f"institutions/{institution}/customers/{customer}"
    return parse_record_name(f"{base}/{record}" if record else base)


def transaction_scope(booking_time: datetime, time_zone: str) -> str:
    """Return the scope of a booking, `transactions/{year}` in the booking's own time zone.

    The year has four digits. Raises ValueError for a time zone that does not exist or a naive
    time.
    """
    if booking_time.tzinfo is None:
        raise ValueError("the booking time has no time zone")
    place = zone(time_zone)
    if place is None:
        raise ValueError("the time zone does not exist")
    return f"transactions/{booking_time.astimezone(place).year:04d}"


def unix_ms(time: datetime) -> int:
    """Return the whole milliseconds since 1970 of an aware time, as a ULID takes them."""
    delta = time - _EPOCH
    return delta.days * 86_400_000 + delta.seconds * 1000 + delta.microseconds // 1000


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
