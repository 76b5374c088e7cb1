"""Where objects are kept in an S3-compatible store, and by which key."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class LockMode(StrEnum):
    """How a locked object is kept (S3 Object Lock): GOVERNANCE can be lifted by whoever has that
    right at the store, COMPLIANCE by nobody."""

    GOVERNANCE = "governance"
    COMPLIANCE = "compliance"


@dataclass(frozen=True, slots=True)
class S3Lock:
    """Every object is kept for so many days from its put, whoever asks to delete it."""

    days: int
    mode: LockMode = LockMode.COMPLIANCE


@dataclass(frozen=True, slots=True)
class S3Key:
    """An access key. The secret is in no repr."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class S3Place:
    """A bucket, and a prefix in it (empty, or with `/` at its end).

    `endpoint` is https, or http on this machine; empty is Amazon's own in `region`. `ca` holds
    authorities in PEM beside the system's. `timeout` is in seconds, for a whole request;
    `attempts` is how often one is made, `patience` the seconds from the first after which there is
    none again. Requests are path-style.
    """

    bucket: str
    key: S3Key
    endpoint: str = ""
    region: str = "us-east-1"
    prefix: str = ""
    ca: bytes = field(default=b"", repr=False)
    lock: S3Lock | None = None
    timeout: float = 30.0
    attempts: int = 4
    patience: float = 10.0

    def url(self) -> str:
        """The address of the store, without a slash at its end."""
        return self.endpoint.rstrip("/") or f"https://s3.{self.region}.amazonaws.com"
