"""The masked tier's way to the index: what it tells of a full tier that does not answer."""

import asyncio
from typing import Any, cast

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc import aio
from structlog.testing import capture_logs

from recordsvault.internal.v1 import index_oracle_pb2 as pb
from tests.support.use_cases import BANK, allowed
from vault.access import Action
from vault.records import IndexKind
from vault.rpc.errors import Fault
from vault.rpc.oracle_client import RemoteOracle
from vault.services.errors import Exhausted, Unavailable, VaultError
from vault.services.masked import Lookup

LOOKUP = Lookup(BANK, IndexKind.PHONE, "+8613800138000", "", 11)


def failing(code: grpc.StatusCode, reason: str = "") -> aio.AioRpcError:
    fault = Fault(code, reason, "en text", "中文", {})
    trailing = (("grpc-status-details-bin", fault.status().SerializeToString()),) if reason else ()
    return aio.AioRpcError(code, aio.Metadata(), aio.Metadata(*trailing), "details")


class FakeChannel:
    """A channel whose one call gives an answer or fails."""

    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome
        self.requests: list[pb.LookUpRequest] = []

    def unary_unary(self, *_: Any, **__: Any) -> Any:
        async def call(request: pb.LookUpRequest, **options: float) -> pb.LookUpResponse:
            assert options["timeout"] > 0
            self.requests.append(request)
            if isinstance(self.outcome, Exception):
                raise self.outcome
            return cast(pb.LookUpResponse, self.outcome)

        return call


def ask(channel: FakeChannel) -> list[str]:
    call = allowed(Action.MASKED_CUSTOMERS_SEARCH, role="crm_viewer", name="crm")
    return asyncio.run(RemoteOracle(cast(aio.Channel, channel)).look_up(call, LOOKUP))


def refused(error: Exception) -> VaultError:
    with pytest.raises(VaultError) as raised:
        ask(FakeChannel(error))
    return raised.value


def test_it_says_for_whom_it_asks_and_joins_the_two_events() -> None:
    channel = FakeChannel(pb.LookUpResponse(customers=["a", "b"]))
    assert ask(channel) == ["a", "b"]
    (request,) = channel.requests
    assert (request.on_behalf_of, request.parent) == ("crm", f"institutions/{BANK}")
    assert request.call_id == "01jd0000000000000000000000"


def test_a_used_up_budget_is_told_in_the_full_tiers_words() -> None:
    error = refused(failing(grpc.StatusCode.RESOURCE_EXHAUSTED, "SEARCH_BUDGET_EXHAUSTED"))
    assert isinstance(error, Exhausted)
    assert (error.reason, error.zh) == ("SEARCH_BUDGET_EXHAUSTED", "中文")


@pytest.mark.parametrize(
    ("code", "reason", "told"),
    [
        (grpc.StatusCode.UNAVAILABLE, "", "ORACLE_UNAVAILABLE"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "", "ORACLE_UNAVAILABLE"),
        # The transport's own, of a server with too many calls: not the caller's budget.
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "", "ORACLE_UNAVAILABLE"),
        (grpc.StatusCode.UNAUTHENTICATED, "UNKNOWN_PRINCIPAL", "ORACLE_REFUSED"),
        (grpc.StatusCode.PERMISSION_DENIED, "ROLE_MISSING", "ORACLE_REFUSED"),
        (grpc.StatusCode.INTERNAL, "INTERNAL", "ORACLE_REFUSED"),
    ],
)
def test_a_full_tier_that_refuses_is_not_taken_for_one_that_is_away(
    code: grpc.StatusCode, reason: str, told: str
) -> None:
    with capture_logs() as logged:
        error = refused(failing(code, reason))
    assert isinstance(error, Unavailable)
    assert error.reason == told
    # At three in the morning the cause is in this node's own log, without what was searched for.
    assert [(line["code"], line["reason"]) for line in logged] == [(code.name, reason)]
    assert "13800138000" not in str(logged)


def test_the_details_are_read_as_they_are_sent() -> None:
    fault = Fault(grpc.StatusCode.UNAVAILABLE, "R", "en", "zh", {})
    (first, *_) = fault.status().details
    info = error_details_pb2.ErrorInfo()
    assert first.Unpack(info) and info.reason == "R"
