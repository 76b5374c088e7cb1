"""Compartments, their members and items."""

from __future__ import annotations

from recordsvault.compartments.v1 import compartments_pb2 as pb
from vault.access.compartments import CompartmentKind, MemberState
from vault.rpc.translate.common import EnumTable, from_micros
from vault.services.compartments import Noted, Shown, ShownPlace
from vault.services.outcomes import Stored

_ENUMS = pb.DESCRIPTOR.enum_types_by_name
KIND = EnumTable(_ENUMS["CompartmentKind"], CompartmentKind, "COMPARTMENT_KIND_")
STATE = EnumTable(_ENUMS["MemberState"], MemberState, "MEMBER_STATE_")


def _name(institution: str, path: str) -> str:
    return f"institutions/{institution}/{path}"


def compartment(institution: str, shown: Shown) -> pb.Compartment:
    """As a member sees it."""
    return pb.Compartment(
        name=_name(institution, f"compartments/{shown.compartment}"),
        kind=KIND.proto(shown.body.kind),  # type: ignore[arg-type]  # by the table
        title=shown.body.title,
        closed=shown.body.closed,
        members=[member(institution, shown.compartment, one) for one in shown.members],
        create_time=from_micros(shown.body.created_at),
        update_time=from_micros(shown.updated_at),
    )


def opened(institution: str, stored: Stored) -> pb.Compartment:
    """What is answered of a compartment that was opened: nothing of its contents."""
    made = from_micros(stored.recorded_at)
    return pb.Compartment(name=_name(institution, stored.customer), create_time=made)


def member(institution: str, at: str, shown: ShownPlace) -> pb.Member:
    """A person's place."""
    place = shown.place
    return pb.Member(
        name=_name(institution, f"compartments/{at}/members/{place.person}"),
        person=place.person,
        state=STATE.proto(place.state),  # type: ignore[arg-type]  # by the table
        proposer=place.proposer,
        agree_by=place.agree_by,
        agreed_by=place.agreed_by,
        update_time=from_micros(shown.updated_at),
        etag=shown.etag,
    )


def item(institution: str, noted: Noted) -> pb.Item:
    """An item as a member sees it."""
    body = noted.body
    customer = _name(institution, f"customers/{body.customer}")
    out = pb.Item(
        name=_name(institution, f"compartments/{noted.compartment}/items/{noted.item}"),
        customer=customer,
        records=[f"{customer}/{record}" for record in body.records],
        author=noted.author,
        create_time=from_micros(noted.created_at),
    )
    if body.json:
        out.json = body.json
    else:
        out.text = body.text
    return out


def added(institution: str, stored: Stored) -> pb.Item:
    """What is answered of an item that was added: nothing of its contents."""
    name = _name(institution, f"{stored.customer}/{stored.record}")
    return pb.Item(name=name, create_time=from_micros(stored.recorded_at))
