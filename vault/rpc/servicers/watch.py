"""The watch service: decoys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from recordsvault.admin.v1 import watch_pb2 as pb
from vault.access import Action
from vault.records import CustomerName
from vault.rpc.methods import Method, Unary, table
from vault.rpc.names import target_of, target_of_parent
from vault.rpc.problems import Problems
from vault.services.call import Call
from vault.services.decoying import Decoying


@dataclass(frozen=True, slots=True)
class _Set:
    name: CustomerName
    decoy: bool


def methods(decoying: Decoying) -> dict[str, Method]:
    """The service's table."""

    def prepare(request: Any, problems: Problems) -> _Set | None:
        return None if problems else _Set(CustomerName.parse(request.name), request.decoy)

    async def set_decoy(call: Call, wanted: _Set) -> Message:
        await decoying.set(call, wanted.name, decoy=wanted.decoy)
        return pb.SetDecoyResponse()

    async def list_decoys(call: Call, institution: str) -> Message:
        found = await decoying.all(call, institution)
        return pb.ListDecoysResponse(
            decoys=(str(CustomerName(institution, customer)) for customer in found)
        )

    return table(
        pb.DESCRIPTOR.services_by_name["Watch"],
        {
            "SetDecoy": Unary(
                Action.DECOYS_SET,
                pb.SetDecoyRequest,
                lambda request: target_of(request.name),
                prepare,
                set_decoy,
            ),
            "ListDecoys": Unary(
                Action.DECOYS_LIST,
                pb.ListDecoysRequest,
                lambda request: target_of_parent(request.parent),
                lambda request, _problems: target_of_parent(request.parent).institution,
                list_decoys,
            ),
        },
    )
