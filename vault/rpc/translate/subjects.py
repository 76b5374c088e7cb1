"""Requests of persons about their own data, as the contract has them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final, cast

from recordsvault.life.v1 import subjects_pb2 as pb
from vault.rpc.translate.common import EnumTable, from_date, from_micros
from vault.rules.disclosure import Category
from vault.rules.erasure import Erasure, Ground, Verdict
from vault.rules.subjects import RequestKind
from vault.services import sealer
from vault.services.subjects.register import Shown
from vault.services.subjects.rows import GroundWords, Outcome, Said

_ENUMS: Final = pb.DESCRIPTOR.enum_types_by_name
_KIND: Final = EnumTable(_ENUMS["SubjectRequestKind"], RequestKind, "SUBJECT_REQUEST_KIND_")
_OUTCOME: Final = EnumTable(_ENUMS["SubjectRequestOutcome"], Outcome, "SUBJECT_REQUEST_OUTCOME_")
_VERDICT: Final = EnumTable(_ENUMS["ErasureVerdict"], Verdict, "ERASURE_VERDICT_")


def kind_of(number: int) -> RequestKind:
    """What is asked."""
    return cast(RequestKind, _KIND.domain(number))


def outcome_of(number: int) -> Outcome:
    """How it ended."""
    return cast(Outcome, _OUTCOME.domain(number))


def categories(all_of_them: Iterable[Category]) -> tuple[pb.RecipientCategory, ...]:
    """The categories of recipients."""
    return tuple(pb.RecipientCategory(name=one.name, en=one.en, zh=one.zh) for one in all_of_them)


def request(one: Shown) -> pb.SubjectRequest:
    """A request."""
    r, body = one.request, one.request.body
    made = pb.SubjectRequest(
        name=r.name,
        etag=one.etag,
        kind=_KIND.proto(r.kind),  # type: ignore[arg-type]  # by the table
        receive_date=from_date(r.received),
        due_date=from_date(r.due_on),
        overdue=one.overdue,
        limit=body.limit,
        source=body.source,
        article=body.article,
        extended=body.extended,
        filed_by=body.filed_by,
        file_time=from_micros(body.filed_at),
        outcome=_OUTCOME.proto(body.outcome),  # type: ignore[arg-type]  # by the table
        closed_by=body.closed_by,
        version=body.version,
        said=[_words(said) for said in one.said],
    )
    if body.longest:
        made.longest_date.CopyFrom(from_date(date.fromisoformat(body.longest)))
    if body.closed_at:
        made.close_time.CopyFrom(from_micros(body.closed_at))
    if body.corrected:
        made.corrected = sealer.resource_name(r.institution, body.corrected)
    if one.erasure is not None:
        made.erasure.CopyFrom(_erasure(one.erasure))
    made.words_gone = one.words_gone
    return made


def _words(said: Said) -> pb.SubjectWords:
    return pb.SubjectWords(
        text=said.words.text, grounds=[_kept_ground(one) for one in said.words.grounds]
    )


def _erasure(found: Erasure) -> pb.Erasure:
    made = pb.Erasure(
        verdict=_VERDICT.proto(found.verdict),  # type: ignore[arg-type]  # by the table
        grounds=[_ground(one) for one in found.grounds],
    )
    if found.not_before is not None:
        made.kept_through.CopyFrom(from_date(found.not_before))
    return made


def _ground(one: Ground) -> pb.ErasureGround:
    made = pb.ErasureGround(what=one.what, standing=one.standing.value)
    if one.rule is not None:
        made.rule = f"{one.label}/{one.rule.name}"
        made.source, made.article = one.rule.source, one.rule.article
        made.clock, made.minimum_years = one.rule.clock.value, one.rule.minimum
    if one.kept_through is not None:
        made.kept_through.CopyFrom(from_date(one.kept_through))
    return made


def _kept_ground(one: GroundWords) -> pb.ErasureGround:
    made = pb.ErasureGround(
        what=one.what,
        standing=one.standing,
        rule=one.rule,
        source=one.source,
        article=one.article,
        clock=one.clock,
        minimum_years=one.minimum_years,
    )
    if one.kept_through:
        made.kept_through.CopyFrom(from_date(date.fromisoformat(one.kept_through)))
    return made
