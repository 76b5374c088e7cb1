"""The kinds of values that records can be found by."""

from enum import StrEnum


class IndexKind(StrEnum):
    """A kind of search term; the same text under two kinds is two terms."""

    IDENTITY = "identity"
    PHONE = "phone"
    ACCOUNT = "account"
    NAME = "name"
