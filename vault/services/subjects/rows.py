"""Requests of persons about their own data into rows, and back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Final

import msgspec

from vault.records import IDENTITY_SCOPE, ScopeRef
from vault.rules.erasure import Erasure
from vault.rules.subjects import RequestKind
from vault.sealing import FullFileKey, SealBroken, SealContext, UnknownSuite, open_full, seal_full
from vault.services import sealer
from vault.services.errors import Corrupted
from vault.store import StoreAltered
from vault.store.subject_requests import RequestRow, WordsRow

_COLUMN: Final = "sealed"


class Outcome(StrEnum):
    """How a request ended; OPEN where it has not."""

    OPEN = "OPEN"
    ANSWERED = "ANSWERED"
    """The person was told what he asked for."""
    CORRECTED = "CORRECTED"
    ERASED = "ERASED"
    REFUSED = "REFUSED"
    WITHDRAWN = "WITHDRAWN"

    __hash__ = str.__hash__


class RequestBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """What has no column of its own. Append only; format version 1. Days as ISO 8601, times in
    microseconds. No word of what was asked or answered, which stands sealed elsewhere.

    `limit`, `source` and `article` are of the rule that `due_on` is by. `longest` is the last day
    where a longer time is taken, "" where none may be. Of a correction, `corrected` is the customer
    and `version` the version by which it was met.
    """

    received: str
    filed_by: str
    filed_at: int
    limit: str
    source: str
    article: str
    longest: str = ""
    extended: bool = False
    outcome: Outcome = Outcome.OPEN
    closed_by: str = ""
    closed_at: int = 0
    corrected: str = ""
    version: int = 0
    v: int = 1


class GroundWords(msgspec.Struct, frozen=True, omit_defaults=True):
    """A ground on which an erasure was refused: what is kept, by which rule, until when."""

    what: str
    standing: str
    rule: str = ""
    source: str = ""
    article: str = ""
    clock: str = ""
    minimum_years: int = 0
    kept_through: str = ""


class Words(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was said at a step: by the person when he asked, by the institution later."""

    text: str = ""
    grounds: tuple[GroundWords, ...] = ()
    v: int = 1


@dataclass(frozen=True, slots=True)
class Said:
    """What was said with a version of a request."""

    version: int
    words: Words = field(repr=False)


@dataclass(frozen=True, slots=True)
class Request:
    """A version of a request. `recorded_at` in microseconds."""

    institution: str
    customer: str
    identifier: str
    version: int
    kind: RequestKind
    due_on: date
    recorded_at: int
    body: RequestBody

    @property
    def name(self) -> str:
        """Resource name."""
        return name_of(self.institution, self.customer, self.identifier)

    @property
    def closed(self) -> bool:
        """Whether it was answered."""
        return self.body.outcome is not Outcome.OPEN

    @property
    def received(self) -> date:
        """The day it came in."""
        return date.fromisoformat(self.body.received)

    def next(self, now: int, **changes: object) -> Request:
        """The version after it, with other values of its body; `due_on` among them."""
        due_on = changes.pop("due_on", self.due_on)
        assert isinstance(due_on, date)  # noqa: S101  # for the type checker
        body = msgspec.structs.replace(self.body, **changes)
        return replace(self, version=self.version + 1, due_on=due_on, recorded_at=now, body=body)


_encoder: Final = msgspec.json.Encoder(order="deterministic")
_body: Final = msgspec.json.Decoder(RequestBody)
_words: Final = msgspec.json.Decoder(Words)


def name_of(institution: str, customer: str, identifier: str) -> str:
    """A request's resource name."""
    return sealer.resource_name(institution, customer, f"subjectRequests/{identifier}")


def to_row(one: Request, actor: str) -> RequestRow:
    """The row of a version that `actor` makes."""
    return RequestRow(
        one.institution,
        one.customer,
        one.identifier,
        one.version,
        one.kind.value,
        int(one.closed),
        one.due_on.toordinal(),
        one.recorded_at,
        actor,
        _encoder.encode(one.body),
    )


def from_row(row: RequestRow) -> Request:
    """The request of a row. Raises StoreAltered for what the vault did not write."""
    try:
        body, kind = _body.decode(row.body), RequestKind(row.kind)
        due_on = date.fromordinal(row.due_on)
        for day in (body.received, *([body.longest] if body.longest else [])):
            date.fromisoformat(day)
        if bool(row.closed) is (body.outcome is Outcome.OPEN):
            raise ValueError("closed without an outcome, or the reverse")
    except (msgspec.MsgspecError, ValueError, OverflowError) as error:
        raise StoreAltered("a row of the subject requests is not what was written") from error
    return Request(
        row.institution,
        row.customer,
        row.request,
        row.version,
        kind,
        due_on,
        row.recorded_at,
        body,
    )


def scope_of(institution: str, customer: str) -> ScopeRef:
    """The scope whose key seals the words: they are shredded with the customer's file."""
    return ScopeRef(institution, customer, IDENTITY_SCOPE)


def place(institution: str, customer: str, identifier: str, version: int) -> SealContext:
    """Where the words of a version are sealed for."""
    return SealContext(institution, customer, f"subjectRequests/{identifier}", version, _COLUMN)


def words_row(key: FullFileKey, one: Request, words: Words) -> WordsRow:
    """The row of what is said with a version."""
    where = place(one.institution, one.customer, one.identifier, one.version)
    sealed = seal_full(key, _encoder.encode(words), where)
    return WordsRow(one.institution, one.customer, one.identifier, one.version, sealed)


def open_words(key: FullFileKey, row: WordsRow) -> Said:
    """What was said. Raises Corrupted for anything that was not sealed for just this place."""
    where = place(row.institution, row.customer, row.request, row.version)
    try:
        return Said(row.version, _words.decode(open_full(key, row.sealed, where)))
    except (SealBroken, UnknownSuite, msgspec.MsgspecError, UnicodeDecodeError):
        pass
    # Out here, since the decoder's own message can quote what it read.
    raise Corrupted(name_of(row.institution, row.customer, row.request))


def ground_words(found: Erasure) -> tuple[GroundWords, ...]:
    """The grounds of a refusal, as they are kept: those alone that keep something."""
    return tuple(
        GroundWords(
            one.what,
            one.standing.value,
            f"{one.label}/{one.rule.name}" if one.rule is not None else "",
            one.rule.source if one.rule is not None else "",
            one.rule.article if one.rule is not None else "",
            one.rule.clock.value if one.rule is not None else "",
            one.rule.minimum if one.rule is not None else 0,
            one.kept_through.isoformat() if one.kept_through is not None else "",
        )
        for one in found.grounds
        if one.kept
    )
