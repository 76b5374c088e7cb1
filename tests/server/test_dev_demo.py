"""The demonstration, as `make demo` runs it."""

import re
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.quiet_ports import quiet_ports

ROOT = Path(__file__).parents[2]


def demo(folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "clients/examples/demo.py", "--dir", str(folder), *options]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=170, check=False
    )


@pytest.mark.slow
@pytest.mark.timeout(360)
def test_the_demonstration_shows_every_step_and_can_be_run_again(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    full, masked = map(str, quiet_ports(2))
    ports = ["--port-full", full, "--port-masked", masked]
    first = demo(folder, *ports)
    assert first.returncode == 0, first.stdout + first.stderr
    steps = re.findall(r"^ ?\d+(?=  \w)", first.stdout, re.MULTILINE)
    assert [int(step) for step in steps] == list(range(1, 17))
    assert f"$ vaultd dev --dir {folder} {' '.join(ports)}\n" in first.stdout
    for shown in ("20,000", "PERMISSION_DENIED", "CHECK_OUT_REQUIRED", "DENIED", "VAULT OK"):
        assert shown in first.stdout, shown
    lent = ("孙慧丽", "(left out)", "CHECK_OUT_NOT_ACTIVE", "on behalf of teller", "custodian")
    for shown in lent:
        assert shown in first.stdout, shown
    assert "借阅登记簿" in (folder / "register.html").read_text("utf-8")
    # The number goes in by standard input, and comes out where compliance opens the record.
    assert first.stdout.count("330211198506109963") == 1
    listen = tomllib.loads((folder / "vault.toml").read_text())["tiers"]["full"]["listen"]
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(listen.rpartition(":")[2]))) != 0

    second = demo(folder)
    assert second.returncode == 0, second.stdout + second.stderr
    assert "those that are there already" in second.stdout
    for name in ("customers", "documents", "transactions"):
        examples = ROOT / "clients" / "examples"
        assert not (examples / f"{name}.jsonl.import-state").exists()


def test_a_demonstration_that_fails_says_why_and_ends_with_a_non_zero_code(
    tmp_path: Path,
) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = str(busy.getsockname()[1])
        (free,) = map(str, quiet_ports(1))
        ended = demo(tmp_path / "demo", "--port-full", port, "--port-masked", free)
    assert ended.returncode == 1
    assert "The demonstration failed: the vault did not start." in ended.stdout
    assert f"port {port} is in use" in ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr
