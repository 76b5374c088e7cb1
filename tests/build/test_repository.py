"""What is committed, and what is not."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted([*(ROOT / "requirements").glob("*.lock"), ROOT / "package-lock.json"])
# A folder of somebody's machine at the start of a path.
MACHINE_PATH = re.compile(rb"(?<![\w.\-/])/(?:root|work|home|Users)/[\w.\-]+")
HOST = re.compile(r"://|--(?:extra-)?index-url|--find-links|--trusted-host|\bregistry\.")


def tracked(*patterns: str) -> list[str]:
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, check=True, capture_output=True
    )
    return [name for name in listing.stdout.decode().split("\0") if name]


def test_generated_code_is_not_tracked() -> None:
    assert tracked("protos/*.proto"), "git lists the protos, so it would list these too"
    assert tracked("*_pb2.py", "*_pb2.pyi", "*_pb2_grpc.py", "*_pb2_grpc.pyi") == []
    assert tracked("stubs", "build", "clients/*/generated") == []


@pytest.mark.parametrize(
    "path",
    [
        "stubs/recordsvault/internal/v1/index_oracle_pb2.py",
        "clients/python/generated/recordsvault/records/v1/records_pb2.py",
        "clients/python-masked/generated/buf/validate/validate_pb2.py",
        "build/image.binpb",
        ".demo/vault.db",
        ".bench/latest.json",
    ],
)
def test_git_ignores_what_the_build_and_the_demo_make(path: str) -> None:
    ignored = subprocess.run(["git", "check-ignore", "--quiet", path], cwd=ROOT, check=False)
    assert ignored.returncode == 0


def test_this_folder_of_tests_is_not_ignored_for_its_name() -> None:
    ignored = subprocess.run(
        ["git", "check-ignore", "--quiet", "tests/build/x.py"], cwd=ROOT, check=False
    )
    assert ignored.returncode == 1


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_names_no_host(lock: Path) -> None:
    # npm writes the addresses where its packages ask for donations; nothing is fetched from them.
    lines = [
        line
        for line in lock.read_text(encoding="utf-8").splitlines()
        if not (lock.suffix == ".json" and line.strip().startswith('"url": '))
    ]
    assert [line for line in lines if HOST.search(line)] == []


def test_every_locked_requirement_has_a_hash() -> None:
    locks = [lock for lock in LOCKS if lock.suffix == ".lock"]
    assert len(locks) >= 2
    for lock in locks:
        text = re.sub(r"\\\n\s*", "", lock.read_text(encoding="utf-8"))
        pins = [line for line in text.splitlines() if line and not line.startswith("#")]
        assert pins
        assert [pin for pin in pins if "==" not in pin or "--hash=sha256:" not in pin] == []


def test_the_server_is_locked_to_what_the_tests_run_with() -> None:
    def pins(name: str) -> set[str]:
        text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
        return set(re.findall(r"^[\w.\-]+(?:\[[\w,]+\])?==[^\s;]+", text, re.MULTILINE))

    assert pins("server.lock") <= pins("dev.lock")


def test_no_tracked_file_has_a_machine_path() -> None:
    here = os.fsencode(ROOT)
    found = []
    for name in tracked():
        path = ROOT / name
        data = path.read_bytes() if path.is_file() else b""
        if here in data or MACHINE_PATH.search(data):
            found.append(name)
    assert found == []


# This file is tracked too: the slashes of the samples are put in when they are used.
@pytest.mark.parametrize("path", ["|home|ann|vault", '"|Users|ann"', "cd |root|vault"])
def test_the_pattern_knows_a_machine_path(path: str) -> None:
    assert MACHINE_PATH.search(path.replace("|", "/").encode())


def test_the_pattern_leaves_resource_names_and_addresses_alone() -> None:
    assert not MACHINE_PATH.search(b"institutions/demo/customers/01j /etc/vault example.org/home/x")


def test_make_alone_prints_the_targets() -> None:
    environment = {name: text for name, text in os.environ.items() if not name.startswith("MAKE")}
    listing = subprocess.run(
        ["make"], cwd=ROOT, check=True, capture_output=True, text=True, env=environment
    )
    named = set(re.findall(r"^  make (\w+)", listing.stdout, re.MULTILINE))
    expected = {"setup", "stubs", "check", "test", "demo", "dev", "bench", "lock", "clean"}
    assert expected <= named


def test_ci_runs_what_a_developer_runs() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "make test" in script.read_text(encoding="utf-8")
