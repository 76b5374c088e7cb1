"""Why a full record is opened."""

from enum import StrEnum


class Purpose(StrEnum):
    """A purpose of a full read: the names of `recordsvault.type.v1.Purpose` without its prefix.

    Which role may use which, and which need a case reference, stands in the policies.
    """

    NONE = ""
    """No purpose was given: a full read is refused."""
    CUSTOMER_SERVICE = "CUSTOMER_SERVICE"
    ONBOARDING_CDD = "ONBOARDING_CDD"
    ENHANCED_DUE_DILIGENCE = "ENHANCED_DUE_DILIGENCE"
    TRANSACTION_MONITORING = "TRANSACTION_MONITORING"
    SUSPICIOUS_ACTIVITY_INVESTIGATION = "SUSPICIOUS_ACTIVITY_INVESTIGATION"
    REGULATOR_REQUEST = "REGULATOR_REQUEST"
    JUDICIAL_REQUEST = "JUDICIAL_REQUEST"
    DATA_SUBJECT_REQUEST = "DATA_SUBJECT_REQUEST"
    INTERNAL_AUDIT = "INTERNAL_AUDIT"
    DATA_QUALITY = "DATA_QUALITY"
    SYSTEM_OPERATION = "SYSTEM_OPERATION"

    __hash__ = str.__hash__
