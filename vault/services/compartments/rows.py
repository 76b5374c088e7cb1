"""What stands sealed in the rows of a compartment, and back."""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec

from vault.access.compartments import CompartmentKind, MemberState, Place
from vault.records import ScopeRef
from vault.sealing import (
    FullFileKey,
    IndexKey,
    SealBroken,
    SealContext,
    UnknownSuite,
    open_full,
    seal_full,
)
from vault.services.errors import Corrupted
from vault.store.compartments import CompartmentRow, ItemRow, MemberRow

_COLUMN: Final = "sealed"
_SUBJECT_BYTES: Final = 16
T = TypeVar("T", bound=msgspec.Struct)


class CaseBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of a compartment. Append only; format version 1. Times in microseconds."""

    kind: CompartmentKind
    title: str
    created_at: int
    closed: bool = False
    v: int = 1


class PlaceBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of a member."""

    state: MemberState
    proposer: str
    proposer_person: str
    agree_by: str = ""
    agreed_by: str = ""
    v: int = 1


class ItemBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of an item: ``customer`` is the identifier, ``records`` are paths inside the customer."""

    customer: str
    text: str = ""
    json: str = ""
    records: tuple[str, ...] = ()
    v: int = 1


_encoder = msgspec.json.Encoder()
_case = msgspec.json.Decoder(CaseBody)
_place = msgspec.json.Decoder(PlaceBody)
_item = msgspec.json.Decoder(ItemBody)


def resource_name(institution: str, compartment: str, below: str = "") -> str:
    """A full name from parts that are already valid."""
    base = f"institutions/{institution}/compartments/{compartment}"
    return f"{base}/{below}" if below else base


def scope_of(institution: str, compartment: str) -> ScopeRef:
    """The scope of a compartment: one for each, and none of its customers'. It has a full side
    alone."""
    return ScopeRef(institution, f"compartments/{compartment}", "compartment")


def subject_of(index: IndexKey, compartment: str, customer: str) -> bytes:
    """What stands for a customer in a compartment's items: not told without the index key, and
    another one in each compartment, so that two with one customer do not look alike."""
    text = f"compartment-subject/{compartment}/{customer}"
    return index.fingerprint(text.encode())[:_SUBJECT_BYTES]


def seal(
    key: FullFileKey,
    body: msgspec.Struct,
    institution: str,
    compartment: str,
    below: str = "",
    version: int = 1,
) -> bytes:
    """The sealed column of a row."""
    return seal_full(
        key, _encoder.encode(body), context_of(institution, compartment, below, version)
    )


def open_case(key: FullFileKey, row: CompartmentRow) -> CaseBody:
    """Raises Corrupted."""
    context = context_of(row.institution, row.compartment, "", row.version)
    return _open(key, row.sealed, context, _case)


def open_place(key: FullFileKey, row: MemberRow) -> Place:
    """A person's place. Raises Corrupted for anything that was not sealed for just this one."""
    below = f"members/{row.person}"
    context = context_of(row.institution, row.compartment, below, row.version)
    body = _open(key, row.sealed, context, _place)
    if body.agree_by != row.agree_by:
        raise Corrupted(resource_name(row.institution, row.compartment, below))
    return Place(
        row.person,
        row.version,
        body.state,
        body.proposer,
        body.proposer_person,
        body.agree_by,
        body.agreed_by,
    )


def open_item(key: FullFileKey, index: IndexKey, row: ItemRow) -> ItemBody:
    """Raises Corrupted."""
    below = f"items/{row.item}"
    body = _open(key, row.sealed, context_of(row.institution, row.compartment, below, 1), _item)
    if subject_of(index, row.compartment, body.customer) != row.subject:
        raise Corrupted(resource_name(row.institution, row.compartment, below))
    return body


def place_row(
    key: FullFileKey, institution: str, compartment: str, place: Place, now: int, actor: str
) -> MemberRow:
    """The row of a place that `actor` makes at `now` (microseconds)."""
    body = PlaceBody(
        place.state, place.proposer, place.proposer_person, place.agree_by, place.agreed_by
    )
    below = f"members/{place.person}"
    sealed = seal(key, body, institution, compartment, below, place.version)
    return MemberRow(
        institution,
        compartment,
        place.person,
        place.version,
        place.agree_by,
        now,
        actor,
        sealed,
    )


def context_of(institution: str, compartment: str, below: str, version: int) -> SealContext:
    """Where a sealed column stands: what its associated data binds."""
    return SealContext(institution, f"compartments/{compartment}", below, version, _COLUMN)


def _open(
    key: FullFileKey, sealed: bytes, context: SealContext, decoder: msgspec.json.Decoder[T]
) -> T:
    try:
        return decoder.decode(open_full(key, sealed, context))
    except (SealBroken, UnknownSuite, msgspec.MsgspecError, UnicodeDecodeError):
        pass
    # Out here, since the decoder's own message can quote what it read.
    name = f"institutions/{context.institution}/{context.customer}"
    raise Corrupted(f"{name}/{context.record}" if context.record else name)
