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
from vault.services.incident import Phase, Report
from vault.services.recovery import Recovery

_STATES = {
    State.OK: pb.HEALTH_STATE_OK,
    State.WARNING: pb.HEALTH_STATE_WARNING,
    State.CRITICAL: pb.HEALTH_STATE_CRITICAL,
}


_RECOVERY_STATES = {
    Phase.OPEN: pb.RECOVERY_STATE_NONE,
    Phase.COMPARING: pb.RECOVERY_STATE_COMPARING,
    Phase.REFUSED: pb.RECOVERY_STATE_REFUSED,
}


def methods(
    health: Health, recovery: Recovery, *, version: str, tier: str, started_at: int
) -> dict[str, Method]:
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

    async def get_recovery(call: Call, _command: None) -> Message:
        call.require(ActionClass.ADMIN, "")
        return pb.GetRecoveryResponse(recovery=_recovery(recovery.report()))

    async def acknowledge(call: Call, incident: str) -> Message:
        report = await recovery.acknowledge(call, incident)
        return pb.AcknowledgeRecoveryResponse(recovery=_recovery(report))

    return table(
        pb.DESCRIPTOR.services_by_name["Admin"],
        {
            "CheckHealth": Unary(
                Action.HEALTH_CHECK, pb.CheckHealthRequest, lambda _: Target(), prepare, check
            ),
            "GetRecovery": Unary(
                Action.RECOVERY_GET,
                pb.GetRecoveryRequest,
                lambda _: Target(),
                lambda _request, _problems: None,
                get_recovery,
            ),
            "AcknowledgeRecovery": Unary(
                Action.RECOVERY_ACKNOWLEDGE,
                pb.AcknowledgeRecoveryRequest,
                lambda _: Target(),
                lambda request, _problems: request.incident,
                acknowledge,
            ),
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


def _recovery(report: Report) -> pb.Recovery:
    found = report.comparison
    message = pb.Recovery(
        state=_RECOVERY_STATES[report.phase],
        incident=report.incident,
        detail=report.detail,
        remedy=report.remedy,
        acknowledgements=[
            pb.RecoveryAcknowledgement(
                principal=word.principal, roles=sorted(word.roles), time=from_micros(word.time)
            )
            for word in report.acknowledgements
        ],
    )
    if found is not None:
        message.kept_size, message.kept_root = found.kept_size, found.kept_root
        message.log_size = found.log_size
        message.signed_size, message.signed_root = found.signed_size, found.signed_root
    return message
