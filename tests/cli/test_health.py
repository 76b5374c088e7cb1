"""`vaultctl health`: graded as monitoring plug-ins expect, also when nothing answers."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2

from recordsvault.admin.v1 import admin_pb2
from tests.cli.conftest import Vaultctl
from tests.clients.fake_vault import FakeVault, Refused
from vault.cli.vaultctl.health import Grade, Part, worst

OK = admin_pb2.HEALTH_STATE_OK
WARNING = admin_pb2.HEALTH_STATE_WARNING
CRITICAL = admin_pb2.HEALTH_STATE_CRITICAL


def answer(fake: FakeVault, overall: Any, **parts: Any) -> None:
    checks = [
        admin_pb2.HealthCheck(
            part=part,
            state=state,
            detail=f"{part} was looked at",
            remedy="" if state == OK else f"mend {part}",
            figures={"free_percent": 12.5} if part == "disk" else {},
        )
        for part, state in parts.items()
    ]
    fake.answers["CheckHealth"] = lambda request: admin_pb2.CheckHealthResponse(
        state=overall, checks=checks, version="0.1.0"
    )


@pytest.mark.parametrize(
    ("overall", "parts", "grade"),
    [
        (OK, {"database": OK, "disk": OK}, Grade.OK),
        (WARNING, {"database": OK, "disk": WARNING}, Grade.WARNING),
        (CRITICAL, {"database": CRITICAL, "disk": WARNING}, Grade.CRITICAL),
        # The vault's own verdict counts though no part shows it, and a part counts though it
        # is not in the verdict.
        (CRITICAL, {"database": OK}, Grade.CRITICAL),
        (OK, {"database": OK, "disk": CRITICAL}, Grade.CRITICAL),
        (OK, {"database": OK, "disk": 0}, Grade.UNKNOWN),
        (0, {}, Grade.UNKNOWN),
    ],
)
def test_the_exit_code_is_the_worst_of_all_parts(
    fake: FakeVault, vaultctl: Vaultctl, overall: Any, parts: dict[str, Any], grade: Grade
) -> None:
    answer(fake, overall, **parts)
    ran = vaultctl("health")
    assert ran.code == grade
    assert ran.out.startswith(f"VAULT {grade.name} - ")
    as_json = vaultctl("health", "--json")
    assert as_json.code == as_json.json["exit_code"] == grade
    assert as_json.json["state"] == grade.name


def test_the_table_says_what_was_seen_and_how_to_mend_it(
    fake: FakeVault, vaultctl: Vaultctl
) -> None:
    answer(fake, WARNING, disk=WARNING)
    ran = vaultctl("health")
    assert "disk was looked at" in ran.out
    assert "mend disk" in ran.out
    assert "full/disk" in ran.out.splitlines()[0]
    checks = vaultctl("health", "--json").json["checks"]
    disk = next(check for check in checks if check["part"] == "disk")
    assert disk["figures"] == {"free_percent": 12.5}


def test_both_tiers_are_asked_and_only_those_of_the_profile(
    fake: FakeVault, vaultctl: Vaultctl
) -> None:
    both = vaultctl("health", "--json").json["checks"]
    assert {check["tier"] for check in both} == {"full", "masked"}
    masked = vaultctl("health", "--json", profile=str(fake.profile("m", tiers="m")))
    assert {check["tier"] for check in masked.json["checks"]} == {"masked"}


def test_nothing_answers_is_critical_and_said_soon(fake: FakeVault, vaultctl: Vaultctl) -> None:
    fake.stop()
    started = time.monotonic()
    ran = vaultctl("--timeout", "1", "health")
    assert time.monotonic() - started < 4
    assert ran.code == 2
    assert ran.out.startswith("VAULT CRITICAL - full/serving, masked/serving")
    assert str(fake.port) in ran.out


def test_a_vault_that_hangs_is_critical(fake: FakeVault, vaultctl: Vaultctl) -> None:
    fake.fail("Check", 2.0, 2.0)
    assert vaultctl("--timeout", "0.3", "health").code == 2


def test_a_vault_that_does_not_serve_is_critical(fake: FakeVault, vaultctl: Vaultctl) -> None:
    fake.answers["Check"] = lambda request: health_pb2.HealthCheckResponse(
        status=health_pb2.HealthCheckResponse.NOT_SERVING
    )
    ran = vaultctl("health")
    assert ran.code == 2
    assert "does not serve" in ran.out


def test_who_may_not_see_the_parts_learns_that_the_tiers_serve(
    fake: FakeVault, vaultctl: Vaultctl
) -> None:
    denied = Refused(grpc.StatusCode.PERMISSION_DENIED)
    fake.fail("CheckHealth", denied, denied)
    ran = vaultctl("health", "--json")
    assert ran.code == 0
    assert [check["counts"] for check in ran.json["checks"]] == [True, False, True, False]


def test_a_caller_who_is_not_known_learns_nothing_of_the_vault(
    fake: FakeVault, vaultctl: Vaultctl
) -> None:
    stranger = Refused(grpc.StatusCode.UNAUTHENTICATED)
    fake.fail("Check", stranger, stranger)
    fake.fail("CheckHealth", stranger, stranger)
    assert vaultctl("health").code == 3


def test_a_profile_that_cannot_be_read_is_unknown(vaultctl: Vaultctl, tmp_path: Path) -> None:
    for as_json in (True, False):
        arguments = ["--json"] if as_json else []
        ran = vaultctl("health", *arguments, profile=str(tmp_path / "none.toml"))
        assert ran.code == 3
        assert "UNKNOWN" in ran.out


def test_what_is_known_to_be_wrong_counts_for_more_than_what_is_not_known() -> None:
    def parts(*grades: Grade) -> list[Part]:
        return [Part("full", "x", grade, "") for grade in grades]

    assert worst(parts(Grade.OK, Grade.UNKNOWN)) is Grade.UNKNOWN
    assert worst(parts(Grade.UNKNOWN, Grade.WARNING)) is Grade.WARNING
    assert worst(parts(Grade.CRITICAL, Grade.UNKNOWN)) is Grade.CRITICAL
    assert worst([]) is Grade.UNKNOWN
