"""The masked tier's way to the index oracle of the full tier."""

from __future__ import annotations

import grpc
from google.rpc import error_details_pb2, status_pb2
from grpc import aio

from recordsvault.internal.v1 import index_oracle_pb2 as pb
from recordsvault.internal.v1 import index_oracle_pb2_grpc as pb_grpc
from vault.rpc.servicers.oracle import KINDS
from vault.services.call import Call
from vault.services.errors import Exhausted, Unavailable
from vault.services.masked import Lookup

_TIMEOUT_SECONDS = 5.0
_TO_PROTO = {kind: number for number, kind in KINDS.items()}


class RemoteOracle:
    """Asks the full tier over mTLS, with the node's own certificate."""

    def __init__(self, channel: aio.Channel) -> None:
        self._stub = pb_grpc.IndexOracleStub(channel)

    async def look_up(self, call: Call, lookup: Lookup) -> list[str]:
        """Identifiers of customers. Raises Exhausted, Unavailable."""
        request = pb.LookUpRequest(
            parent=f"institutions/{lookup.institution}",
            kind=_TO_PROTO[lookup.kind],
            value=lookup.value,
            on_behalf_of=call.actor,
            call_id=call.call_id,
            after_customer=lookup.after,
            limit=lookup.limit,
        )
        try:
            answer = await self._stub.LookUp(request, timeout=_TIMEOUT_SECONDS)
        except aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
                en, zh = _texts(error)
                raise Exhausted(en, zh, reason="SEARCH_BUDGET_EXHAUSTED") from None
            raise Unavailable(
                "The full tier, which answers searches, cannot be reached. Try again later.",
                "负责检索的完整层暂时无法访问。请稍后重试。",
                reason="ORACLE_UNAVAILABLE",
            ) from None
        return list(answer.customers)


def _texts(error: aio.AioRpcError) -> tuple[str, str]:
    en = zh = error.details() or ""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            for detail in status_pb2.Status.FromString(value).details:
                message = error_details_pb2.LocalizedMessage()
                if detail.Unpack(message) and message.locale == "zh-CN":
                    zh = message.message
    return en, zh
