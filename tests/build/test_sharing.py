"""Several processes share the tests of a run without being in each other's way."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.support.sharing import longest_first

ROOT = Path(__file__).resolve().parents[2]
# Takes turns for a second, and prints from when until when each lasted.
TURNS = """
import json, sys, time
from tests.support.sharing import alone, together
turn = {"alone": alone, "together": together}[sys.argv[1]]
print(flush=True)
input()
end, spans = time.monotonic() + 1.0, []
while time.monotonic() < end:
    with turn():
        began = time.monotonic()
        time.sleep(0.02)
        spans.append((began, time.monotonic()))
    if turn is alone:
        time.sleep(0.02)
print(json.dumps(spans))
"""
CONFTEST = """
from tests.support.sharing import ByFile, longest_first

def pytest_configure(config):
    for mark in ("alone", "slow"):
        config.addinivalue_line("markers", mark)

def pytest_collection_modifyitems(items):
    longest_first(items)

def pytest_xdist_make_scheduler(config, log):
    return ByFile(config, log)
"""
RUN = os.urandom(16).hex()
PORTS = "from tests.support.quiet_ports import quiet_ports; print(*quiet_ports(200)); input()"


def begun(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTEST_XDIST_TESTRUNUID": RUN},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def told(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdin is not None
    process.stdin.write(text)
    process.stdin.flush()


def overlap(one: list[list[float]], other: list[list[float]]) -> bool:
    return any(a[0] < b[1] and b[0] < a[1] for a in one for b in other)


def test_who_is_alone_runs_while_no_other_does_and_gets_his_turn() -> None:
    processes = [begun(TURNS, how) for how in ("together", "together", "alone")]
    for process in processes:
        line(process)
    for process in processes:
        told(process, "\n")
    first, second, alone = (json.loads(process.communicate()[0]) for process in processes)
    assert overlap(first, second)
    assert not overlap(alone, first) and not overlap(alone, second)
    assert len(alone) > 3


def test_no_port_is_given_to_two_processes() -> None:
    processes = [begun(PORTS) for _ in range(4)]
    given = [line(process).split() for process in processes]
    for process in processes:
        process.communicate("\n")
    assert len({port for ports in given for port in ports}) == 800


def item(path: str, *marks: str, timeout: float = 0) -> pytest.Item:
    found: Any = SimpleNamespace(path=Path(path))
    given = {mark: SimpleNamespace(args=()) for mark in marks}
    if timeout:
        given["timeout"] = SimpleNamespace(args=(timeout,))
    found.get_closest_marker = given.get
    return cast(pytest.Item, found)


def test_files_that_take_long_are_begun_first_and_stay_whole() -> None:
    items = (
        [item("quick")] * 9
        + [item("vault", "flaky")] * 2
        + [item("long"), item("long", "slow")]
        + [item("campaign", "slow", timeout=600)]
    )
    longest_first(items)
    order = ["campaign", "long", "long", *["vault"] * 2, *["quick"] * 9]
    assert [str(one.path) for one in items] == order
    assert items[2].get_closest_marker("slow")


def test_what_is_to_be_alone_comes_last_and_apart_from_its_file(tmp_path: Path) -> None:
    slow = "import pytest\npytestmark = pytest.mark.slow\n"
    first = slow + "@pytest.mark.alone\ndef test_a(): ...\ndef test_b(): ...\n"
    files = {"conftest": CONFTEST, "test_first": first, "test_second": "def test_c(): ...\n"}
    for name, text in files.items():
        (tmp_path / f"{name}.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-n", "1", "-v", "-p", "no:cacheprovider"]
    ran = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line for line in ran.stdout.splitlines() if "PASSED" in line]
    tests = [line.partition("::")[2].strip() for line in lines]
    assert tests == ["test_b", "test_c", "test_a"], ran.stdout
