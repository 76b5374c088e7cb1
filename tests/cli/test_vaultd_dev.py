"""`vaultd dev` and `vaultd serve` as processes, from the first start to the last."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from recordsvault.admin.v1 import admin_pb2
from recordsvault_client import PermissionDenied, Profile, Tier, VaultClient
from tests.support.quiet_ports import quiet_ports

VAULTD = (sys.executable, "-m", "vault.cli.vaultd")
_SECONDS = 60.0


def eventually(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _SECONDS
    while not what():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


def ended(process: psutil.Process) -> bool:
    """Also where nobody has asked for its exit code."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Dev:
    """A `vaultd dev` process."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        self.folder = folder
        self.ports = quiet_ports(2)
        self.ready = scratch / "ready"
        self.out, self.err = scratch / "out", scratch / "err"
        self._arguments = ["--dir", str(folder), "--once-ready-file", str(self.ready)]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *more: str) -> "subprocess.Popen[bytes]":
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [*VAULTD, "dev", *self._arguments, *more], stdout=out, stderr=err
            )
        return self.process

    def start_and_wait(self) -> "subprocess.Popen[bytes]":
        full, masked = map(str, self.ports)
        process = self.start("--port-full", full, "--port-masked", masked)
        eventually(lambda: self.ready.exists() or process.poll() is not None)
        assert self.ready.exists(), self.err.read_text()
        return process

    def tiers(self) -> list[psutil.Process]:
        assert self.process is not None
        return psutil.Process(self.process.pid).children()

    def client(self, name: str) -> VaultClient:
        return VaultClient(Profile.load(self.folder / "profiles" / f"{name}.toml"))

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(_SECONDS)


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[Dev]:
    made = Dev(tmp_path / "dev", tmp_path)
    yield made
    made.close()


def test_both_tiers_serve_each_profile_and_ctrl_c_stops_them(dev: Dev) -> None:
    process = dev.start_and_wait()
    tiers = dev.tiers()
    assert len(tiers) == 2
    with dev.client("operator") as operator:
        for tier in Tier:
            # A warning is about this machine's disk.
            state = operator.check_health(tier=tier).state
            assert state in (admin_pb2.HEALTH_STATE_OK, admin_pb2.HEALTH_STATE_WARNING), tier
    with dev.client("crm") as crm:
        assert list(crm.masked.list_customers()) == []
        with pytest.raises(PermissionDenied):
            list(crm.customers.list(purpose="CUSTOMER_SERVICE"))
    # The commands that it proposes name files that are there.
    said = dev.out.read_text()
    profiles = [word for word in said.split() if word.endswith(".toml")]
    assert len(profiles) == 5
    assert all(Path(profile).is_file() for profile in profiles)
    for line in dev.err.read_text().splitlines():
        name, _, rest = line.partition(" | ")
        assert name.strip() in ("full", "masked")
        json.loads(rest)

    process.send_signal(signal.SIGINT)
    assert process.wait(_SECONDS) == 0
    assert all(map(ended, tiers))
    assert not any(map(taken, dev.ports))
    assert not dev.ready.exists()
    assert dev.out.read_text().endswith("Both tiers have stopped.\n")


@pytest.mark.slow
def test_what_was_stored_is_there_after_a_second_start(dev: Dev) -> None:
    def start_count() -> int:
        dev.start_and_wait()
        with dev.client("officer") as officer:
            count = len(list(officer.audit.query()))
        dev.close()
        return count

    first = start_count()
    assert (dev.folder / "second-place" / "checkpoint").exists()
    keys = {path: path.read_bytes() for path in dev.folder.rglob("*.k*") if path.is_file()}
    assert keys
    # The first call's own event is stored by then.
    assert start_count() == first + 1
    assert {path: path.read_bytes() for path in keys} == keys


@pytest.mark.parametrize("dies", ["full", "masked"])
def test_a_tier_that_dies_ends_it_with_a_non_zero_code(dev: Dev, dies: str) -> None:
    process = dev.start_and_wait()
    tiers = dev.tiers()
    (victim,) = [tier for tier in tiers if dies in tier.cmdline()]
    victim.kill()
    assert process.wait(_SECONDS) == 1
    assert f"vaultd: the {dies} tier ended (exit code -9)" in dev.err.read_text()
    assert "Traceback" not in dev.err.read_text()
    assert not any(map(taken, dev.ports))


def test_no_tier_outlives_it_even_if_it_is_killed(dev: Dev) -> None:
    process = dev.start_and_wait()
    tiers = dev.tiers()
    process.kill()
    process.wait()
    eventually(lambda: not any(map(taken, dev.ports)))
    eventually(lambda: all(map(ended, tiers)))


def test_a_second_one_on_the_same_folder_is_told(dev: Dev, tmp_path: Path) -> None:
    dev.start_and_wait()
    second = subprocess.run(
        [*VAULTD, "dev", "--dir", str(dev.folder)], capture_output=True, text=True, timeout=_SECONDS
    )
    assert second.returncode == 2
    assert second.stderr.startswith("vaultd: ")
    assert "is running already" in second.stderr
    assert len(second.stderr.splitlines()) == 1


def test_a_port_in_use_is_told_and_nothing_is_started(dev: Dev) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        process = dev.start("--port-full", str(port), "--port-masked", str(dev.ports[1]))
        assert process.wait(_SECONDS) == 2
    told = f"vaultd: port {port} is in use by another program; "
    assert dev.err.read_text().startswith(told)
    assert len(dev.err.read_text().splitlines()) == 1


@pytest.mark.slow
def test_serve_says_when_it_is_ready_and_stops_with_its_standard_input(dev: Dev) -> None:
    dev.start_and_wait()
    dev.close()
    config = dev.folder / "vault.toml"
    process = subprocess.Popen(
        [*VAULTD, "serve", "--config", str(config), "--stop-with-stdin"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stdin is not None
    assert process.stdout.readline() == f"ready full localhost:{dev.ports[0]}\n".encode()
    process.stdin.close()
    assert process.wait(_SECONDS) == 0


@pytest.mark.slow
def test_a_second_server_on_the_port_is_told(dev: Dev) -> None:
    dev.start_and_wait()
    second = subprocess.run(
        [*VAULTD, "serve", "--config", str(dev.folder / "vault.toml")],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        env={**os.environ, "GRPC_VERBOSITY": "NONE"},
    )
    assert second.returncode == 2
    assert f"localhost:{dev.ports[0]} cannot be listened on" in second.stderr
    assert "Traceback" not in second.stderr
