"""`vaultctl health`: whether the vault works, for people and for monitoring plug-ins.

Exit codes and the first line are as the Monitoring Plugins Development Guidelines ask
(https://www.monitoring-plugins.org/doc/guidelines.html): 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import grpc
import typer
from grpc_health.v1 import health_pb2
from rich.table import Table
from rich.text import Text

from recordsvault.admin.v1 import admin_pb2
from recordsvault_client import (
    DeadlineExceeded,
    PermissionDenied,
    Tier,
    Unauthenticated,
    Unavailable,
    Unimplemented,
    VaultError,
    VaultServices,
)
from recordsvault_masked.status import from_rpc_error
from vault.cli.vaultctl import options
from vault.cli.vaultctl.failures import explain
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import clean, console, write_json
from vault.cli.vaultctl.session import session


class Grade(IntEnum):
    """A state, by its exit code."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


_STYLES = {
    Grade.OK: "green",
    Grade.WARNING: "yellow",
    Grade.CRITICAL: "bold red",
    Grade.UNKNOWN: "magenta",
}
# From best to worst: what is known to be wrong counts for more than what is not known.
_ORDER = (Grade.OK, Grade.UNKNOWN, Grade.WARNING, Grade.CRITICAL)
_GRADES = {
    admin_pb2.HEALTH_STATE_OK: Grade.OK,
    admin_pb2.HEALTH_STATE_WARNING: Grade.WARNING,
    admin_pb2.HEALTH_STATE_CRITICAL: Grade.CRITICAL,
}


@dataclass(frozen=True, slots=True)
class Part:
    """One line of the report. One that does not `count` is shown and not graded. `answered` where
    the tier itself says that it does not serve: then it may say why."""

    tier: str
    name: str
    grade: Grade
    detail: str
    remedy: str = ""
    figures: dict[str, float] = field(default_factory=dict)
    counts: bool = True
    answered: bool = False


def health(
    context: typer.Context,
    as_json: options.Json = False,
) -> None:
    """Check both tiers; exit code 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN."""
    made = session(context)
    try:
        client = made.client()
    except Exception as error:
        sentence, _ = explain(error)
        _show([Part("-", "profile", Grade.UNKNOWN, sentence)], as_json)
        raise typer.Exit(Grade.UNKNOWN) from None
    parts: list[Part] = []
    for tier in Tier:
        if tier in client.profile.endpoints:
            parts.extend(_tier(client, tier, made.timeout))
    raise typer.Exit(_show(parts, as_json))


def worst(parts: list[Part]) -> Grade:
    """The worst grade of the parts that count; UNKNOWN if none does."""
    grades = [part.grade for part in parts if part.counts]
    return max(grades, key=_ORDER.index) if grades else Grade.UNKNOWN


def _tier(client: VaultServices, tier: Tier, timeout: float) -> list[Part]:
    """Whether a tier serves, and, if it does and the profile may ask, the state of its parts."""
    serving = _serving(client, tier, timeout)
    if serving.grade is Grade.CRITICAL and not serving.answered:
        return [serving]
    try:
        answer = client.check_health(tier=tier, timeout=timeout)
    except (PermissionDenied, Unimplemented) as error:
        return [serving, _not_shown(tier, error)]
    except VaultError as error:
        sentence, _ = explain(error)
        return [serving, Part(tier.value, "checks", _failed(error), sentence)]
    checks = [
        Part(
            tier.value,
            check.part,
            _GRADES.get(check.state, Grade.UNKNOWN),
            check.detail,
            check.remedy,
            dict(check.figures),
        )
        for check in answer.checks
    ]
    # The vault's own verdict counts too: it may know a reason that no part shows.
    overall = _GRADES.get(answer.state, Grade.UNKNOWN)
    if not checks or _ORDER.index(overall) > _ORDER.index(worst(checks)):
        verdict = say("the vault's own verdict", "保管库自身的判断")
        checks.append(Part(tier.value, "overall", overall, verdict))
    return [serving, *checks]


def _serving(client: VaultServices, tier: Tier, timeout: float) -> Part:
    endpoint = client.profile.endpoint(tier)
    check = client.channel(tier).unary_unary(
        "/grpc.health.v1.Health/Check",
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )
    try:
        answer = check(health_pb2.HealthCheckRequest(), timeout=timeout)
    except grpc.RpcError as failure:
        error = from_rpc_error(failure)
        if isinstance(error, PermissionDenied | Unimplemented):
            return _not_shown(tier, error)
        sentence, _ = explain(error)
        return Part(tier.value, "serving", _failed(error), sentence)
    if answer.status == health_pb2.HealthCheckResponse.SERVING:
        detail = say(f"{endpoint} serves", f"{endpoint} 正在服务")
        return Part(tier.value, "serving", Grade.OK, detail)
    detail = say(f"{endpoint} answers that it does not serve", f"{endpoint} 答复：暂停服务")
    return Part(tier.value, "serving", Grade.CRITICAL, detail, answered=True)


def _failed(error: VaultError) -> Grade:
    """What a failed check says of the vault: a caller who is not known learns nothing of it."""
    if isinstance(error, Unauthenticated):
        return Grade.UNKNOWN
    if isinstance(error, Unavailable | DeadlineExceeded):
        return Grade.CRITICAL
    return Grade.CRITICAL if error.code is grpc.StatusCode.INTERNAL else Grade.UNKNOWN


def _not_shown(tier: Tier, error: VaultError) -> Part:
    detail = say(
        f"this profile may not see them ({error.code.name})",
        f"此配置无权查看（{error.code.name}）",
    )
    return Part(tier.value, "checks", Grade.UNKNOWN, detail, counts=False)


def _show(parts: list[Part], as_json: bool) -> Grade:
    grade = worst(parts)
    if as_json:
        write_json(
            {
                "state": grade.name,
                "exit_code": int(grade),
                "checks": [_as_dict(part) for part in parts],
            }
        )
        return grade
    out = console()
    out.print(Text(f"VAULT {grade.name} - {_summary(parts)}", style=_STYLES[grade]))
    table = Table(
        say("tier", "层"),
        say("part", "部件"),
        say("state", "状态"),
        say("seen", "观察"),
        say("how to mend it", "处理方法"),
        box=None,
        header_style="bold",
        pad_edge=False,
    )
    for part in parts:
        state = Text(part.grade.name, style=_STYLES[part.grade] if part.counts else "dim")
        table.add_row(
            part.tier, Text(part.name), state, Text(clean(part.detail)), Text(clean(part.remedy))
        )
    out.print(table)
    return grade


def _summary(parts: list[Part]) -> str:
    bad = [f"{part.tier}/{part.name}" for part in parts if part.counts and part.grade]
    if bad:
        return ", ".join(bad)
    count = sum(part.counts for part in parts)
    return say(f"{count} checks", f"{count} 项检查")


def _as_dict(part: Part) -> dict[str, Any]:
    return {
        "tier": part.tier,
        "part": part.name,
        "state": part.grade.name,
        "detail": part.detail,
        "remedy": part.remedy,
        "figures": part.figures,
        "counts": part.counts,
    }
