"""What an S3-compatible store has answered, told from obstore's errors.

They are told apart by type as far as that goes; beyond it only their text has the status, and the
error code of the S3 API reference ("Error responses"). No text of theirs is passed on: it holds
addresses, names, and what was signed.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

from vault.blobs.errors import BlobsRefused, BlobsUnavailable

_STATUS: Final = re.compile(r"non-2xx status code: (\d{3})")
_CODE: Final = re.compile(r"<Code>([A-Za-z]{1,60})</Code>")
_TIMED_OUT: Final = re.compile(r"TimedOut|timed out|kind: Timeout")


class Refusal(Enum):
    """Why a request was not done."""

    MISSING = "missing"
    NO_TEXT = "404 without a text"
    NO_BUCKET = "no bucket"
    RANGE = "range"
    DENIED = "denied"
    TIMED_OUT = "timed out"
    OTHER = "other"


def refusal(error: Exception) -> Refusal:
    """Why obstore's request failed."""
    text = str(error)
    code, status = _found(_CODE, text), _found(_STATUS, text)
    if code == "NoSuchBucket":
        return Refusal.NO_BUCKET
    # obstore takes every 404 for a missing object: that of a missing bucket, of a proxy, of HEAD.
    if isinstance(error, FileNotFoundError):
        if code == "NoSuchKey":
            return Refusal.MISSING
        return Refusal.OTHER if code else Refusal.NO_TEXT
    if isinstance(error, (PermissionDeniedError, UnauthenticatedError)) or status in ("401", "403"):
        return Refusal.DENIED
    if status == "416":
        return Refusal.RANGE
    if not status and _TIMED_OUT.search(text):
        return Refusal.TIMED_OUT
    return Refusal.OTHER


def unavailable(error: Exception) -> BlobsUnavailable:
    """The house's own error, without what is not to be told."""
    text = str(error)
    why = refusal(error)
    answer = _found(_CODE, text) or _found(_STATUS, text)
    if why is Refusal.NO_BUCKET:
        return BlobsRefused("the object store has no such bucket")
    if why is Refusal.DENIED:
        return BlobsRefused(f"the object store refuses our key ({answer or 'denied'})")
    if why is Refusal.TIMED_OUT:
        return BlobsUnavailable("the object store does not answer in time")
    if answer:
        return BlobsUnavailable(f"the object store cannot serve now ({answer})")
    return BlobsUnavailable("the object store cannot be reached")


def _found(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match[1] if match else ""
