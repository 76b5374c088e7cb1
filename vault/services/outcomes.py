"""What became of each item of a write, in a form that can be kept and given again.

A request that comes a second time with its ``request_id`` gets the first answer. What is kept of it
are names, tags and refusals: none of them holds a value of a record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from vault.services.errors import (
    AlreadyExists,
    FieldViolation,
    InvalidArgument,
    NotFound,
    VaultError,
)


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored record: ``record`` is its path inside the customer, ``recorded_at`` in
    microseconds."""

    customer: str
    record: str
    version: int
    etag: str
    recorded_at: int


@dataclass(frozen=True, slots=True)
class RefusedItem:
    """An item that was refused, as it is kept."""

    code: str
    reason: str
    en: str
    zh: str
    metadata: dict[str, str]
    violations: tuple[FieldViolation, ...] = ()


@dataclass(frozen=True, slots=True)
class _Kept:
    stored: Stored | None = None
    refused: RefusedItem | None = None


Outcome = Stored | VaultError

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(tuple[_Kept, ...])


def encode_outcomes(outcomes: list[Outcome]) -> bytes:
    """The bytes that are kept."""
    return _ENCODER.encode(
        tuple(
            _Kept(stored=o) if isinstance(o, Stored) else _Kept(refused=_refused(o))
            for o in outcomes
        )
    )


def decode_outcomes(kept: bytes) -> list[Outcome]:
    """What ``encode_outcomes`` kept."""
    out: list[Outcome] = []
    for one in _DECODER.decode(kept):
        if one.stored is not None:
            out.append(one.stored)
        elif one.refused is not None:
            out.append(_error(one.refused))
    return out


def _refused(error: VaultError) -> RefusedItem:
    violations = error.violations if isinstance(error, InvalidArgument) else ()
    return RefusedItem(
        error.code, error.reason, error.en, error.zh, dict(error.metadata), violations
    )


def _error(kept: RefusedItem) -> VaultError:
    if kept.violations:
        return InvalidArgument(kept.violations)
    if kept.code == AlreadyExists.code:
        return AlreadyExists(kept.metadata.get("existing", ""))
    if kept.code == NotFound.code:
        return NotFound(kept.metadata.get("resource", ""), kept.metadata.get("field", "name"))
    error = VaultError(kept.en, kept.zh, reason=kept.reason, **kept.metadata)
    error.code = kept.code
    return error


def only(outcomes: Sequence[Outcome]) -> Stored:
    """The one outcome. Raises it if it is a refusal."""
    outcome = outcomes[0]
    if isinstance(outcome, VaultError):
        raise outcome
    return outcome
