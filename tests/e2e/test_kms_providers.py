"""A whole vault on each provider of key-encryption keys: both tiers, over TLS, from the start."""

import os
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from recordsvault.admin.v1 import admin_pb2
from recordsvault.masked.v1 import masked_pb2
from tests.e2e import calls, people
from tests.e2e.people import PARENT
from tests.hostile.driving import events, opened
from tests.support import forked_programs
from tests.support.faulty_http import Fault, FaultyHttp
from tests.support.go_servers import LocalAws, TransitServer
from tests.support.go_tool import BUILD_SECONDS
from tests.support.kms_providers import TIERS, Tiers, aws_tiers, transit_tiers
from tests.support.running_vault import ROOT, RunningVault
from vault.kms import KekName
from vault.server.settings import TierName

pytestmark = [pytest.mark.timeout(BUILD_SECONDS), pytest.mark.slow]

FULL, MASKED = TierName
SHORT = "[cache]\nfile_key_seconds = 0.1\nbranch_key_seconds = 8.0"
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVING = health_pb2.HealthCheckResponse.SERVING
Give = Callable[[Path, Path], Tiers]


class ProvidedVault(RunningVault):
    """Its KEKs come from a provider. Its processes have the environment of this one."""

    def __init__(self, folder: Path, give: Give, limits: str = "") -> None:
        super().__init__(folder, f"sqlite:///{folder}/vault.db", limits=limits)
        folders = [folder / "kms" / tier.value for tier in TierName]
        self.given = give(folders[0], folders[1])
        text = self.config.read_text("utf-8")
        for tier, table in zip(TierName, (self.given.full, self.given.masked), strict=True):
            place = f'directory = "kms/{tier.value}"'
            text = text.replace(f'provider = "local-file", {place}', f"{table}, {place}")
        self.config.write_text(text, "utf-8")
        if "local-file" not in self.given.full:
            for where in folders:
                for kek in where.glob("*.kek"):
                    kek.unlink()

    def start(self, *tiers: TierName) -> None:
        super().start(*tiers)
        if self.given.shares:
            for tier in tiers or tuple(TierName):
                unseal(self, tier)

    def sealed_start(self, *tiers: TierName) -> None:
        super().start(*tiers)


def shares_of(vault: ProvidedVault, tier: TierName) -> tuple[str, ...]:
    return vault.given.shares if tier is FULL else vault.given.masked_shares


def vaultctl(*arguments: object, given: str = "") -> subprocess.CompletedProcess[str]:
    command = forked_programs.command("vaultctl", "kms", *arguments)
    return subprocess.run(
        command, input=given, capture_output=True, text=True, check=False, cwd=ROOT, timeout=60
    )


def unseal(vault: ProvidedVault, tier: TierName) -> None:
    socket = vault.folder / "kms" / tier.value / "unseal.sock"
    need = 3 if tier is FULL else 2
    shares = "\n".join(shares_of(vault, tier)[-need:])
    done = vaultctl("unseal", "--socket", socket, "--from-fd", "0", given=shares)
    assert done.returncode == 0, done.stderr
    until(lambda: standing(vault, tier) == SERVING)


def until(met: Callable[[], bool], seconds: float = 30.0) -> None:
    ends = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < ends
        time.sleep(0.05)


def standing(vault: RunningVault, tier: TierName) -> int:
    stub: Any = health_pb2_grpc.HealthStub(vault.channel("operator", tier))
    return int(stub.Check(health_pb2.HealthCheckRequest()).status)


def kms_health(vault: RunningVault, tier: TierName = FULL) -> tuple[str, str]:
    request = admin_pb2.CheckHealthRequest(parts=["kms"])
    (check,) = vault.admin(tier=tier).CheckHealth(request).checks
    return admin_pb2.HealthState.Name(check.state), check.detail


def outcome(call: Callable[[], Any]) -> str:
    """ "OK", or the code and the reason of a refusal."""
    try:
        call()
    except grpc.RpcError as error:
        status: Any = rpc_status.from_call(error)  # type: ignore[arg-type]  # it is a call, too
        for detail in status.details:
            info = error_details_pb2.ErrorInfo()
            if detail.Unpack(info):
                return str(info.reason)
        return str(status)
    return "OK"


def read_masked(vault: RunningVault, name: str) -> Any:
    return vault.masked().GetMaskedCustomer(masked_pb2.GetMaskedCustomerRequest(name=name))


def search(vault: RunningVault, customer: Any) -> list[str]:
    request = masked_pb2.SearchMaskedCustomersRequest(
        parent=PARENT, customer_number=customer.customer_number
    )
    return [one.name for one in vault.masked().SearchMaskedCustomers(request).customers]


@pytest.mark.parametrize("kind", TIERS)
def test_a_vault_works_on_every_provider_and_goes_on_after_a_restart(
    kind: str, tmp_path: Path
) -> None:
    with ProvidedVault(tmp_path, TIERS[kind]) as vault:
        for tier in TierName:
            assert kms_health(vault, tier)[0] == "HEALTH_STATE_OK"
        wanted = people.person()
        made = calls.create(vault, wanted)
        for again in (False, True):
            if again:
                vault.terminate(FULL)
                vault.terminate(MASKED)
                vault.start()
            assert calls.contents(calls.get(vault, made.name)) == calls.contents(wanted)
            assert read_masked(vault, made.name).customer.name == made.name
            assert search(vault, wanted) == [made.name]
        second = calls.create(vault, people.person())
        assert calls.get(vault, second.name).name == second.name


@pytest.mark.parametrize("kind", TIERS)
def test_a_masked_node_that_could_use_another_kek_does_not_start(kind: str, tmp_path: Path) -> None:
    vault = ProvidedVault(tmp_path, TIERS[kind])
    try:
        vault.start()
        vault.terminate(MASKED)
        vault.given.too_much()
        with pytest.raises(RuntimeError, match="the masked tier must not have"):
            vault.sealed_start(MASKED)
    finally:
        vault.stop()


# -- outages ---------------------------------------------------------------------------------


# It waits more than it works: other tests run meanwhile, and branch keys are held for long enough.
@pytest.mark.parametrize("how", [Fault.HUNG, Fault.REFUSED], ids=["hung", "refused"])
@pytest.mark.parametrize("kind", ["transit", "aws"])
def test_an_outage_is_told_at_once_and_survived_for_as_long_as_branch_keys_are_held(
    kind: str, how: Fault, tmp_path: Path
) -> None:
    (folder := tmp_path / "server").mkdir()
    server: TransitServer | LocalAws
    with ExitStack() as stack:
        if kind == "transit":
            server = made = TransitServer(folder)
            give: Give = lambda full, masked: transit_tiers(full, masked, made)  # noqa: E731
        else:
            server = local = LocalAws(folder)
            give = lambda full, masked: aws_tiers(full, masked, local)  # noqa: E731
        server.start()
        stack.callback(server.stop)
        proxy = stack.enter_context(FaultyHttp(server.port))
        server.front = proxy.address
        (vault_folder := tmp_path / "vault").mkdir()
        vault = stack.enter_context(ProvidedVault(vault_folder, give, SHORT))
        name = calls.create(vault).name

        def read() -> str:
            return outcome(lambda: calls.get(vault, name))

        assert read() == "OK"
        proxy.fault = how
        try:
            assert read() == "OK"
            state, detail = kms_health(vault)
            assert state == "HEALTH_STATE_CRITICAL"
            assert detail
            until(lambda: read() == "KMS_UNAVAILABLE", 40.0)
            began = time.monotonic()
            assert outcome(lambda: calls.create(vault)) == "KMS_UNAVAILABLE"
            assert time.monotonic() - began < 20.0
        finally:
            proxy.fault = Fault.NONE
        until(lambda: read() == "OK")
        assert outcome(lambda: calls.create(vault)) == "OK"
        until(lambda: kms_health(vault)[0] == "HEALTH_STATE_OK")


def test_a_start_without_its_kms_says_what_is_away(tmp_path: Path) -> None:
    (folder := tmp_path / "server").mkdir()
    server = TransitServer(folder)
    server.start()
    (vault_folder := tmp_path / "vault").mkdir()
    vault = ProvidedVault(vault_folder, lambda full, masked: transit_tiers(full, masked, server))
    server.stop()
    try:
        with pytest.raises(RuntimeError, match="transit cannot be reached"):
            vault.start(FULL)
    finally:
        vault.stop()


# -- split -----------------------------------------------------------------------------------


def test_a_vault_of_split_keys_answers_health_alone_until_its_custodians_have_come(
    tmp_path: Path,
) -> None:
    vault = ProvidedVault(tmp_path, TIERS["split"])
    try:
        vault.start()
        made = calls.create(vault)
        vault.terminate(FULL)
        vault.sealed_start(FULL)
        socket = vault.folder / "kms" / "full" / "unseal.sock"
        assert socket.stat().st_mode & 0o777 == 0o600
        assert standing(vault, FULL) == NOT_SERVING
        assert kms_health(vault) == ("HEALTH_STATE_CRITICAL", "sealed: 0 of 3 shares were given")
        assert outcome(lambda: calls.get(vault, made.name)) == "KMS_SEALED"
        assert outcome(lambda: calls.create(vault)) == "KMS_SEALED"

        shares = vault.given.shares

        def give(words: str) -> subprocess.CompletedProcess[str]:
            return vaultctl("unseal", "--socket", socket, "--from-fd", "0", given=words)

        assert "1 of 3" in give(shares[4]).stdout
        again = give(shares[4])
        assert again.returncode == 13
        assert "given already" in again.stderr
        slip = shares[0].split()
        slip[5], slip[6] = slip[6], slip[5]
        assert "look for a slip" in give(" ".join(slip)).stderr
        assert "another key" in give(vault.given.masked_shares[0]).stderr
        assert "2 of 3" in give(shares[0].upper()).stdout
        assert kms_health(vault)[1] == "sealed: 2 of 3 shares were given"
        assert "2 of 3" in vaultctl("status", "--socket", socket).stdout
        assert outcome(lambda: calls.get(vault, made.name)) == "KMS_SEALED"
        assert give(shares[2]).returncode == 0

        until(lambda: standing(vault, FULL) == SERVING)
        assert kms_health(vault)[0] == "HEALTH_STATE_OK"
        assert calls.get(vault, made.name).name == made.name
        assert not socket.exists()
        assert "not running, or is unsealed" in give(shares[3]).stderr
        with opened(vault) as database:
            told = [e for e in events(database) if e.action == "keys.shares.unsealed"]
        of_full = [(e.count, list(e.resources)) for e in told if e.tier == "full"]
        assert of_full == [(3, [f"uids/{os.geteuid()}"])] * 2
        log = vault.log_text(FULL)
    finally:
        vault.stop()
    for words in shares:
        assert " ".join(words.split()[4:6]) not in log
    for path in vault.folder.rglob("*"):
        if path.is_file() and "postgres" not in path.parts:
            assert path.suffix != ".kek"
            assert b"recordsvault-kek-v1" not in path.read_bytes(), path


def test_shares_of_an_earlier_split_open_nothing(tmp_path: Path) -> None:
    from vault.kms.split import FILE, split_keks

    vault = ProvidedVault(tmp_path, TIERS["local-file"])
    folder = vault.folder / "kms" / "full"
    old = split_keks(folder, folder, 2, 3)
    (folder / FILE).unlink()
    new = split_keks(folder, folder, 2, 3)
    vault.config.write_text(vault.config.read_text().replace('"local-file"', '"split"', 1))
    try:
        vault.sealed_start(FULL)
        socket = folder / "unseal.sock"
        for share in old:
            done = vaultctl("unseal", "--socket", socket, "--from-fd", "0", given=share.words)
            assert "another key, or to an earlier split" in done.stderr
        words = "\n".join(share.words for share in new[:2])
        vaultctl("unseal", "--socket", socket, "--from-fd", "0", given=words)
        until(lambda: standing(vault, FULL) == SERVING)
        assert {kek.value for kek in KekName} == {path.stem for path in folder.glob("*.kek")}
    finally:
        vault.stop()
