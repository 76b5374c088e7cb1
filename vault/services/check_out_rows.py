"""Check-outs into rows of the register, and back."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Final

import msgspec

from vault.access.lending import Approval, CheckOut, Stage, Verdict
from vault.records import IDENTITY_SCOPE, ScopeRef
from vault.sealing import SealContext
from vault.store import StoreAltered
from vault.store.check_outs import CheckOutRow

_COLUMN: Final = "sealed"
_ALTERED: Final = "a row of the lending register is not what was written"
# In place of a customer's identifier, which it cannot be.
_EVERYBODY: Final = "customers"


class Words(msgspec.Struct, frozen=True):
    """What is sealed: why, and the case reference. Both may name somebody."""

    reason: str
    case_reference: str = ""


class _Body(msgspec.Struct, frozen=True, omit_defaults=True):
    """What has no column of its own. Append only; format version 1."""

    record: str
    fields: tuple[str, ...]
    purpose: str
    duration: int
    one_time: bool
    class_name: str
    needed_roles: tuple[str, ...]
    requested_at: int
    approvals: tuple[tuple[str, str, str, int], ...] = ()
    starts_at: int = 0
    ended_by: str = ""
    break_glass: bool = False
    review_by: int = 0
    verdict: Verdict = Verdict.NONE
    reviewer: str = ""
    renews: str = ""
    v: int = 1
    confidential: bool = False
    seen_by: tuple[str, ...] = ()
    used_for: str = ""
    used_after: str = ""
    used_whole: bool = False
    mark: str = ""


_encoder = msgspec.json.Encoder()
_body = msgspec.json.Decoder(_Body)
_words = msgspec.json.Decoder(Words)


def to_row(out: CheckOut, sealed: bytes, now: int, actor: str) -> CheckOutRow:
    """The row of a version that `actor` makes at `now` (microseconds)."""
    body = _Body(
        record=out.record,
        fields=out.fields,
        purpose=out.purpose,
        duration=out.duration,
        one_time=out.one_time,
        class_name=out.class_name,
        needed_roles=out.needed_roles,
        requested_at=out.requested_at,
        approvals=tuple((a.approver, a.person, a.role, a.time) for a in out.approvals),
        starts_at=out.starts_at,
        ended_by=out.ended_by,
        break_glass=out.break_glass,
        review_by=out.review_by,
        verdict=out.verdict,
        reviewer=out.reviewer,
        renews=out.renews,
        confidential=out.confidential,
        seen_by=out.seen_by,
        used_for=out.used_for,
        used_after=out.used_after,
        used_whole=out.used_whole,
    )
    return CheckOutRow(
        institution=out.institution,
        check_out=out.identifier,
        version=out.version,
        customer=out.customer,
        requester=out.requester,
        person=out.requester_person,
        stage=out.stage.value,
        decide_by=out.decide_by,
        ends_at=out.ends_at,
        recorded_at=now,
        recorded_by=actor,
        body=_encoder.encode(body),
        sealed=sealed,
    )


def from_row(row: CheckOutRow) -> CheckOut:
    """The check-out of a row. Raises StoreAltered for what the vault did not write."""
    body = _body_of(row)
    try:
        stage = Stage(row.stage)
    except (ValueError, TypeError) as error:
        raise StoreAltered(_ALTERED) from error
    return CheckOut(
        institution=row.institution,
        identifier=row.check_out,
        version=row.version,
        customer=row.customer,
        record=body.record,
        fields=body.fields,
        purpose=body.purpose,
        duration=body.duration,
        one_time=body.one_time,
        class_name=body.class_name,
        needed_roles=body.needed_roles,
        requester=row.requester,
        requester_person=row.person,
        requested_at=body.requested_at,
        decide_by=row.decide_by,
        stage=stage,
        approvals=tuple(Approval(*a) for a in body.approvals),
        starts_at=body.starts_at,
        ends_at=row.ends_at,
        ended_by=body.ended_by,
        break_glass=body.break_glass,
        review_by=body.review_by,
        verdict=body.verdict,
        reviewer=body.reviewer,
        renews=body.renews,
        confidential=body.confidential,
        seen_by=body.seen_by,
        used_for=body.used_for,
        used_after=body.used_after,
        used_whole=body.used_whole,
    )


def mark_of(row: CheckOutRow) -> str:
    """The mark in a row (vault.services.check_out_marks), in ASCII; empty if it has none. Raises
    StoreAltered."""
    mark = _body_of(row).mark
    return mark if mark.isascii() else ""


def with_mark(row: CheckOutRow, mark: str) -> CheckOutRow:
    """The row with another mark. Raises StoreAltered."""
    body = msgspec.structs.replace(_body_of(row), mark=mark)
    return replace(row, body=_encoder.encode(body))


def _body_of(row: CheckOutRow) -> _Body:
    try:
        return _body.decode(row.body)
    except msgspec.MsgspecError as error:
        raise StoreAltered(_ALTERED) from error


def etag_of(row: CheckOutRow) -> str:
    """Tag of a version: of all that stands in its row, sealed or not."""
    return base64.urlsafe_b64encode(row.hash()[:15]).decode()


def scope_of(institution: str, customer: str) -> ScopeRef:
    """The scope whose key seals the words: with the customer's file they are shredded. What is
    asked for all customers is of nobody's file; its scope has a full side alone."""
    if not customer:
        return ScopeRef(institution, _EVERYBODY, "lending")
    return ScopeRef(institution, customer, IDENTITY_SCOPE)


def place(institution: str, customer: str, check_out: str) -> SealContext:
    """Where the words are sealed for. They stay the same from version to version."""
    return SealContext(institution, customer or _EVERYBODY, f"checkOuts/{check_out}", 1, _COLUMN)


def encode_words(words: Words) -> bytes:
    """The bytes that are sealed."""
    return _encoder.encode(words)


def decode_words(data: bytes) -> Words:
    """Raises StoreAltered."""
    try:
        return _words.decode(data)
    except msgspec.MsgspecError as error:
        raise StoreAltered("the words of a check-out are not what was sealed") from error
