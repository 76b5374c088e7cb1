"""Seals a record and its masked view for their place, and opens them again."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any

from vault.records import FileMarks, RecordUndecodable, ScopeRef, decode_marks
from vault.sealing import (
    FullFileKey,
    MaskedFileKey,
    SealBroken,
    SealContext,
    UnknownSuite,
    open_full,
    open_masked,
    seal_full,
    seal_masked,
)
from vault.services.errors import Corrupted
from vault.services.kinds import AnyKind

_SEALED, _MASKED = "sealed", "masked"


def place(scope: ScopeRef, record: str, version: int, column: str) -> SealContext:
    """Where a sealed column stands: what its associated data binds."""
    return SealContext(scope.institution, scope.customer, record, version, column)


def seal(
    kind: AnyKind,
    value: Any,
    scope: ScopeRef,
    record: str,
    version: int,
    keys: tuple[FullFileKey, MaskedFileKey],
    today: date,
) -> tuple[bytes, bytes]:
    """The sealed record and its sealed masked view."""
    full, masked = keys
    return (
        seal_full(full, kind.encode(value), place(scope, record, version, _SEALED)),
        seal_masked(
            masked,
            kind.encode_view(value, today),
            place(scope, record, version, _MASKED),
        ),
    )


def unseal(
    kind: AnyKind, sealed: bytes, scope: ScopeRef, record: str, version: int, key: FullFileKey
) -> Any:
    """The record. Raises Corrupted for anything that was not sealed for just this place."""
    try:
        return kind.decode(open_full(key, sealed, place(scope, record, version, _SEALED)))
    except (SealBroken, UnknownSuite, RecordUndecodable):
        raise Corrupted(resource_name(scope.institution, scope.customer, record)) from None


def unseal_view(
    kind: AnyKind, masked: bytes, scope: ScopeRef, record: str, version: int, key: MaskedFileKey
) -> Any:
    """The masked view. Raises Corrupted for anything that was not sealed for just this place."""
    try:
        return kind.decode_view(open_masked(key, masked, place(scope, record, version, _MASKED)))
    except (SealBroken, UnknownSuite, RecordUndecodable):
        raise Corrupted(resource_name(scope.institution, scope.customer, record)) from None


def unseal_marks(masked: bytes, scope: ScopeRef, version: int, key: MaskedFileKey) -> FileMarks:
    """What of a customer's masked view tells whether his file is within a reach. Raises as
    ``unseal_view``."""
    try:
        return decode_marks(open_masked(key, masked, place(scope, "", version, _MASKED)))
    except (SealBroken, UnknownSuite, RecordUndecodable):
        raise Corrupted(resource_name(scope.institution, scope.customer)) from None


def resource_name(institution: str, customer: str, record: str = "") -> str:
    """A resource's full name from parts that are already valid."""
    base = f"institutions/{institution}/customers/{customer}"
    return f"{base}/{record}" if record else base


def etag_of(sealed: bytes) -> str:
    """Tag of a version. Every version is sealed under a fresh key, so its bytes are its own."""
    return base64.urlsafe_b64encode(sha256(sealed).digest()[:15]).decode()


def utc_day(micros: int) -> date:
    """The day of a time in microseconds since the epoch."""
    return datetime.fromtimestamp(micros / 1_000_000, UTC).date()
