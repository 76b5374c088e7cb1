"""The masked tier's way to the index oracle of the full tier."""

from __future__ import annotations

import grpc
import structlog
from google.rpc import error_details_pb2, status_pb2
from grpc import aio

from recordsvault.internal.v1 import index_oracle_pb2 as pb
from recordsvault.internal.v1 import index_oracle_pb2_grpc as pb_grpc
from vault.rpc.servicers.oracle import KINDS
from vault.services.call import Call
from vault.services.errors import Exhausted, Unavailable, VaultError
from vault.services.masked import Lookup

_log = structlog.get_logger("vault.rpc")

_TIMEOUT_SECONDS = 5.0
_BUDGET = "SEARCH_BUDGET_EXHAUSTED"
# Of these the transport itself tells; a server with too many calls at once is one of them.
_AWAY = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
)
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
        person = call.person
        if person is not None:
            request.person.person, request.person.principal = person.person, person.name
        try:
            answer = await self._stub.LookUp(request, timeout=_TIMEOUT_SECONDS)
        except aio.AioRpcError as error:
            raise _told(error) from None
        return list(answer.customers)


def _told(error: aio.AioRpcError) -> VaultError:
    """What the searching caller is told; the cause is for this node's own log."""
    code = error.code()
    reason, en, zh = _details(error)
    if reason == _BUDGET:
        return Exhausted(en, zh, reason=_BUDGET)
    _log.warning("the index oracle did not answer", code=code.name, reason=reason)
    if code in _AWAY:
        return Unavailable(
            "The full tier, which answers searches, cannot be reached. Try again later.",
            "负责检索的完整层暂时无法访问。请稍后重试。",
            reason="ORACLE_UNAVAILABLE",
        )
    return Unavailable(
        "The full tier does not answer the searches of this node. "
        "Operations find the cause in the node's log.",
        "完整层拒绝应答本节点的检索。运维人员可在本节点日志中查看原因。",
        reason="ORACLE_REFUSED",
    )


def _details(error: aio.AioRpcError) -> tuple[str, str, str]:
    """Reason and both texts; empty where the full tier's pipeline said nothing."""
    reason = en = zh = ""
    for key, value in error.trailing_metadata() or ():
        if key != "grpc-status-details-bin" or not isinstance(value, bytes):
            continue
        for detail in status_pb2.Status.FromString(value).details:
            info, text = error_details_pb2.ErrorInfo(), error_details_pb2.LocalizedMessage()
            if detail.Unpack(info):
                reason = info.reason
            elif detail.Unpack(text):
                en, zh = (en, text.message) if text.locale == "zh-CN" else (text.message, zh)
    return reason, en, zh
