"""`vaultctl customers export` against the vault: asked for, agreed to by two, written whole."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_with_the_vault import ctl
from tests.e2e.calls import create
from tests.support.borrowing import add_person
from tests.support.lending import until_known
from tests.support.running_vault import RunningVault

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
WHY = ("--purpose", "internal_audit", "--case", "A-2026-7")


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVault]:
    folder = tmp_path_factory.mktemp("export")
    with RunningVault(folder, f"sqlite:///{folder}/vault.db") as running:
        add_person(running, "auditor", "compliance")
        until_known(running, "auditor")
        for _ in range(120):
            create(running)
        yield running


def asked(vault: RunningVault) -> str:
    """A request for all files; its name."""
    made = ctl(
        vault, "compliance", "checkout", "request", "institution", "--field", "phones", *WHY,
        "--for", "2h", "--reason", "The yearly audit", "--json",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return str(json.loads(made.stdout)["name"])


def agree(vault: RunningVault, name: str) -> str:
    for who in ("custodian", "auditor"):
        assert ctl(vault, who, "checkout", "approve", name, "--yes").returncode == 0
    return name


def test_all_customers_are_written_when_two_have_agreed_and_the_file_is_for_one(
    vault: RunningVault, tmp_path: Path
) -> None:
    name = asked(vault)
    target = tmp_path / "customers.jsonl"
    export = ("customers", "export", "--check-out", name, "--to", str(target), *WHY)
    early = ctl(vault, "compliance", *export)
    assert early.returncode == 8, early.stderr
    assert not target.exists()
    agree(vault, name)
    assert not list(tmp_path.iterdir())
    done = ctl(vault, "compliance", *export)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"120 customers are in {target}.\n"
    lines = [json.loads(line) for line in target.read_text("utf-8").splitlines()]
    assert len({line["name"] for line in lines}) == 120
    assert all(line["phones"] and "naturalPerson" not in line for line in lines)
    assert all("natural_person" not in line and line["masked"] for line in lines)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert not target.with_name("customers.jsonl.part").exists()
    taken = ctl(vault, "compliance", *export)
    assert taken.returncode == 13 and "not written over" in taken.stderr

    # The check-out was for one export.
    once_more = (*export[:5], str(tmp_path / "again.jsonl"), *WHY)
    used = ctl(vault, "compliance", *once_more)
    assert used.returncode == 8 and "CHECK_OUT_NOT_ACTIVE" in used.stderr
    assert not list(tmp_path.glob("again*"))

    # One that broke off in the middle of a line goes on behind the last whole one, by another.
    whole = target.read_bytes()
    part = tmp_path / "again.jsonl.part"
    part.write_bytes(whole[: len(whole) // 2])
    part.chmod(0o644)
    refused = ctl(vault, "compliance", *once_more)
    assert refused.returncode == 13 and "--go-on" in refused.stderr
    still = ctl(vault, "compliance", *once_more, "--go-on")
    assert still.returncode == 8 and "with another check-out, --go-on" in still.stderr
    begun = part.read_bytes()
    assert whole.startswith(begun) and begun.endswith(b"\n")
    another = agree(vault, asked(vault))
    done = ctl(vault, "compliance", *once_more[:3], another, *once_more[4:], "--go-on")
    assert (done.returncode, done.stdout) == (0, f"120 customers are in {tmp_path}/again.jsonl.\n")
    assert (tmp_path / "again.jsonl").read_bytes() == whole
    assert stat.S_IMODE((tmp_path / "again.jsonl").stat().st_mode) == 0o600


def test_without_a_check_out_it_says_how_to_ask_for_one(
    vault: RunningVault, tmp_path: Path
) -> None:
    none = ctl(vault, "compliance", "customers", "export", "--to", str(tmp_path / "f"), *WHY)
    assert none.returncode == 2
    assert "vaultctl checkout request institution" in none.stderr
