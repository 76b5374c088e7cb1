"""The enumerations of the contract, with the proto's names without their prefix.

`UNSPECIFIED` exists in each, so that a record with a missing value can be held and refused with
all its other violations at once; validation says where it may be stored.
"""

from enum import StrEnum


class CustomerKind(StrEnum):
    """What sort of customer a file is about."""

    UNSPECIFIED = "UNSPECIFIED"
    NATURAL_PERSON = "NATURAL_PERSON"
    LEGAL_ENTITY = "LEGAL_ENTITY"
    SOLE_TRADER = "SOLE_TRADER"


class RiskClass(StrEnum):
    """Risk class of a customer; UNSPECIFIED is not rated yet."""

    UNSPECIFIED = "UNSPECIFIED"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


class Sensitivity(StrEnum):
    """Why a customer's file needs more care than others; UNSPECIFIED is refused on write."""

    UNSPECIFIED = "UNSPECIFIED"
    VIP = "VIP"
    EMPLOYEE = "EMPLOYEE"
    POLITICALLY_EXPOSED = "POLITICALLY_EXPOSED"
    MINOR = "MINOR"


class ElementSourceKind(StrEnum):
    """Where a file has an element from; UNSPECIFIED is refused on write."""

    UNSPECIFIED = "UNSPECIFIED"
    DOCUMENT = "DOCUMENT"
    REGISTRY = "REGISTRY"
    CUSTOMER = "CUSTOMER"
    OTHER = "OTHER"


class Sex(StrEnum):
    """Sex as the identity document states it."""

    UNSPECIFIED = "UNSPECIFIED"
    FEMALE = "FEMALE"
    MALE = "MALE"
    OTHER = "OTHER"


class AddressKind(StrEnum):
    """What an address is for; UNSPECIFIED is refused on write."""

    UNSPECIFIED = "UNSPECIFIED"
    RESIDENCE = "RESIDENCE"
    HABITUAL = "HABITUAL"
    WORKPLACE = "WORKPLACE"
    REGISTERED_OFFICE = "REGISTERED_OFFICE"
    BUSINESS = "BUSINESS"


class DocumentKind(StrEnum):
    """Kind of an identity document; UNSPECIFIED is refused on write."""

    UNSPECIFIED = "UNSPECIFIED"
    CN_RESIDENT_ID = "CN_RESIDENT_ID"
    PASSPORT = "PASSPORT"
    NATIONAL_ID_CARD = "NATIONAL_ID_CARD"
    RESIDENCE_PERMIT = "RESIDENCE_PERMIT"
    TRAVEL_PERMIT = "TRAVEL_PERMIT"
    DRIVING_LICENCE = "DRIVING_LICENCE"
    CN_BUSINESS_LICENCE = "CN_BUSINESS_LICENCE"
    US_SSN = "US_SSN"
    COMPANY_REGISTRATION = "COMPANY_REGISTRATION"
    OTHER = "OTHER"


class Direction(StrEnum):
    """Direction of a booking as the account holder sees it (ISO 20022 CreditDebitCode)."""

    UNSPECIFIED = "UNSPECIFIED"
    CREDIT = "CREDIT"
    DEBIT = "DEBIT"


class ChannelKind(StrEnum):
    """Where a transaction was ordered; UNSPECIFIED is refused on write."""

    UNSPECIFIED = "UNSPECIFIED"
    BRANCH = "BRANCH"
    ATM = "ATM"
    POS = "POS"
    WEB = "WEB"
    MOBILE = "MOBILE"
    TELEPHONE = "TELEPHONE"
    API = "API"
    INTERNAL = "INTERNAL"


class Instrument(StrEnum):
    """Instrument by which value moved; UNSPECIFIED is refused on write."""

    UNSPECIFIED = "UNSPECIFIED"
    CREDIT_TRANSFER = "CREDIT_TRANSFER"
    DIRECT_DEBIT = "DIRECT_DEBIT"
    CARD = "CARD"
    CASH = "CASH"
    CHEQUE = "CHEQUE"
    TRADE = "TRADE"
    ENTRY = "ENTRY"


class TransactionStatus(StrEnum):
    """Status of a transaction (ISO 20022 EntryStatus, and rejection)."""

    UNSPECIFIED = "UNSPECIFIED"
    BOOKED = "BOOKED"
    PENDING = "PENDING"
    INFORMATION = "INFORMATION"
    REJECTED = "REJECTED"


class MaskState(StrEnum):
    """How much of a value a masked view shows."""

    CLEAR = "CLEAR"
    MASKED = "MASKED"
    WITHHELD = "WITHHELD"
    ABSENT = "ABSENT"
    SHREDDED = "SHREDDED"
