"""What a request of the records service is about: resource, purpose, request_id."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from recordsvault.type.v1 import purpose_pb2
from vault.rpc.methods import Target
from vault.rpc.names import target_of
from vault.rpc.servicers.resources import Resource

_PURPOSES = {
    v.number: "" if v.number == 0 else v.name.removeprefix("PURPOSE_")
    for v in purpose_pb2.DESCRIPTOR.enum_types_by_name["Purpose"].values
}


def purpose_name(number: int) -> str:
    """The purpose as policies know it; empty for none, or for one that the contract has not."""
    return _PURPOSES.get(number, "")


def with_request_id(aim: Callable[[str], Target], field: str) -> Callable[[Any], Target]:
    """The target of a write whose `field` names it."""

    def target(request: Any) -> Target:
        found = aim(getattr(request, field))
        return Target(
            found.institution, found.customer, found.resource, request_id=request.request_id
        )

    return target


def with_purpose(aim: Callable[[str], Target], field: str) -> Callable[[Any], Target]:
    """The target of a full read whose `field` names it."""

    def target(request: Any) -> Target:
        found = aim(getattr(request, field))
        return Target(
            found.institution,
            found.customer,
            found.resource,
            purpose=purpose_name(request.purpose),
            # Blanks refer to nothing.
            case_reference=request.case_reference.strip(),
            # No check-out opens the customers of an institution: that request has none.
            check_out=getattr(request, "check_out", ""),
        )

    return target


def update_target(resource: Resource) -> Callable[[Any], Target]:
    """The target of an update: the record inside it."""

    def target(request: Any) -> Target:
        found = target_of(getattr(request, resource.field).name)
        return Target(
            found.institution, found.customer, found.resource, request_id=request.request_id
        )

    return target
