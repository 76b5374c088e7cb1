"""The index oracle, for the nodes of the masked tier: a value in, identifiers out."""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.message import Message

from recordsvault.internal.v1 import index_oracle_pb2 as pb
from vault.access import Action
from vault.records import IndexKind, is_ulid
from vault.rpc.methods import Method, Target, Unary, table
from vault.rpc.names import target_of_parent
from vault.rpc.problems import Problems
from vault.services.call import Behind, Call
from vault.services.lookup import LocalOracle
from vault.services.masked import Lookup

KINDS = {
    pb.TERM_KIND_IDENTITY: IndexKind.IDENTITY,
    pb.TERM_KIND_PHONE: IndexKind.PHONE,
    pb.TERM_KIND_ACCOUNT: IndexKind.ACCOUNT,
    pb.TERM_KIND_NAME: IndexKind.NAME,
    pb.TERM_KIND_CUSTOMER_NUMBER: IndexKind.CUSTOMER_NUMBER,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A look-up: of which call of the masked tier, for which person, and what for."""

    call_id: str
    behind: Behind | None
    lookup: Lookup


def methods(oracle: LocalOracle) -> dict[str, Method]:
    """The service's table."""

    def target(request: pb.LookUpRequest) -> Target:
        found = target_of_parent(request.parent)
        return Target(found.institution, on_behalf_of=request.on_behalf_of)

    def prepare(request: pb.LookUpRequest, problems: Problems) -> Asked | None:
        # The call's identifier goes into the log; the other one to the database.
        for field in ("call_id", "after_customer"):
            text = getattr(request, field)
            if text and not is_ulid(text):
                problems.add(
                    field,
                    "IDENTIFIER",
                    "must be an identifier of the vault",
                    "必须为本保险库的标识",
                )
        if problems:
            return None
        lookup = Lookup(
            target_of_parent(request.parent).institution,
            KINDS[request.kind],
            request.value,
            request.after_customer,
            request.limit,
        )
        who = request.person
        behind = Behind(who.principal, who.person) if request.HasField("person") else None
        return Asked(request.call_id, behind, lookup)

    async def look_up(call: Call, asked: Asked) -> Message:
        # The two events of one search share the identifier of the masked tier's call.
        call.joined_call_id = asked.call_id
        call.oracle_kind = asked.lookup.kind.value
        call.behind = asked.behind
        return pb.LookUpResponse(customers=await oracle.look_up(call, asked.lookup))

    return table(
        pb.DESCRIPTOR.services_by_name["IndexOracle"],
        {"LookUp": Unary(Action.INDEX_LOOKUP, pb.LookUpRequest, target, prepare, look_up)},
    )
