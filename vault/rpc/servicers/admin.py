"""The admin service: the state of the vault's parts, for operations."""

from __future__ import annotations

from google.protobuf.message import Message

from recordsvault.admin.v1 import admin_pb2 as pb
from vault.access import Action, ActionClass
from vault.rpc.methods import Method, Target, Unary, table
from vault.rpc.problems import Problems
from vault.rpc.translate.common import from_micros
from vault.services.call import Call
from vault.services.health import Check, Health, State, worst

_STATES = {
    State.OK: pb.HEALTH_STATE_OK,
    State.WARNING: pb.HEALTH_STATE_WARNING,
    State.CRITICAL: pb.HEALTH_STATE_CRITICAL,
}


def methods(health: Health, *, version: str, tier: str, started_at: int) -> dict[str, Method]:
    """The service's table; ``started_at`` in microseconds since the epoch."""

    def prepare(request: pb.CheckHealthRequest, _problems: Problems) -> tuple[str, ...]:
        return tuple(request.parts)

    async def check(call: Call, parts: tuple[str, ...]) -> Message:
        call.require(ActionClass.ADMIN, "")
        checks = await health.check(parts)
        call.touched(count=len(checks))
        return pb.CheckHealthResponse(
            state=_STATES[worst(checks)],
            checks=map(_message, checks),
            version=version,
            tier=tier,
            start_time=from_micros(started_at),
        )

    return table(
        pb.DESCRIPTOR.services_by_name["Admin"],
        {
            "CheckHealth": Unary(
                Action.HEALTH_CHECK, pb.CheckHealthRequest, lambda _: Target(), prepare, check
            )
        },
    )


def _message(check: Check) -> pb.HealthCheck:
    return pb.HealthCheck(
        part=check.part,
        state=_STATES[check.state],
        detail=check.detail,
        remedy=check.remedy,
        figures=dict(check.figures),
    )
