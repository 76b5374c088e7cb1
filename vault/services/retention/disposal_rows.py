"""Disposals into rows, and back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

from vault.audit import RowHash
from vault.store import StoreAltered
from vault.store.disposals import DisposalRow


class DisposalStage(StrEnum):
    """How far a disposal is; that a second person has agreed stands in its proposal."""

    PLANNED = "PLANNED"
    EXECUTING = "EXECUTING"
    DONE = "DONE"

    __hash__ = str.__hash__


class DisposalBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of a disposal. Append only; format version 1. Times in microseconds, the day as ISO 8601.

    `proposal` is what a second person agrees to, `sha256` the plan's hash in hexadecimal. Of one
    that is done: how many items went and how many were passed over, how many rows that was, the
    digest of the certificate, at which index of the log the event stands that names it, and for how
    many days backups of the key store and of the data were kept then.
    """

    day: str
    sha256: str
    due: int
    blocked: int
    reason: str
    planned_by: str
    planned_at: int
    proposal: str
    started_by: str = ""
    started_at: int = 0
    finished_at: int = 0
    gone: int = 0
    passed: int = 0
    rows: int = 0
    certificate_sha256: str = ""
    leaf_index: int = -1
    keys_days: int = 0
    data_days: int = 0
    v: int = 1


@dataclass(frozen=True, slots=True)
class Disposal:
    """A version of a disposal."""

    institution: str
    identifier: str
    version: int
    stage: DisposalStage
    recorded_at: int
    body: DisposalBody

    @property
    def name(self) -> str:
        """Resource name."""
        return f"institutions/{self.institution}/disposals/{self.identifier}"


_encoder: Final = msgspec.json.Encoder(order="deterministic")
_decoder: Final = msgspec.json.Decoder(DisposalBody)


def to_row(one: Disposal, actor: str) -> DisposalRow:
    """The row of a version that `actor` makes."""
    return DisposalRow(
        one.institution,
        one.identifier,
        one.version,
        one.stage.value,
        one.recorded_at,
        actor,
        _encoder.encode(one.body),
    )


def from_row(row: DisposalRow) -> Disposal:
    """The disposal of a row. Raises StoreAltered for what the vault did not write."""
    try:
        body, stage = _decoder.decode(row.body), DisposalStage(row.stage)
    except (msgspec.MsgspecError, ValueError) as error:
        raise StoreAltered("a row of the disposals is not what was written") from error
    return Disposal(row.institution, row.disposal, row.version, stage, row.recorded_at, body)


def hashes(row: DisposalRow) -> tuple[RowHash, ...]:
    """The row of a write, as its event tells of it."""
    return (RowHash(row.log_name, row.hash()),)
