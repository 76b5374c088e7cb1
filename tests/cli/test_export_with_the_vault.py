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


def test_all_customers_are_written_when_two_have_agreed_and_the_file_is_for_one(
    vault: RunningVault, tmp_path: Path
) -> None:
    asked = ctl(
        vault, "compliance", "checkout", "request", "institution", "--field", "phones", *WHY,
        "--for", "2h", "--reason", "The yearly audit", "--json",
    )  # fmt: skip
    assert asked.returncode == 0, asked.stderr
    name = json.loads(asked.stdout)["name"]
    target = tmp_path / "customers.jsonl"
    export = ("customers", "export", "--check-out", name, "--to", str(target), *WHY)
    early = ctl(vault, "compliance", *export)
    assert early.returncode == 8, early.stderr
    assert not target.exists()
    for who in ("custodian", "auditor"):
        assert ctl(vault, who, "checkout", "approve", name, "--yes").returncode == 0
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

    # One that broke off in the middle of a line goes on behind the last whole one.
    whole = target.read_bytes()
    part = tmp_path / "again.jsonl.part"
    part.write_bytes(whole[: len(whole) // 2])
    once_more = (*export[:5], str(tmp_path / "again.jsonl"), *WHY)
    refused = ctl(vault, "compliance", *once_more)
    assert refused.returncode == 13 and "--go-on" in refused.stderr
    assert ctl(vault, "compliance", *once_more, "--go-on").returncode == 0
    assert (tmp_path / "again.jsonl").read_bytes() == whole


def test_without_a_check_out_it_says_how_to_ask_for_one(
    vault: RunningVault, tmp_path: Path
) -> None:
    none = ctl(vault, "compliance", "customers", "export", "--to", str(tmp_path / "f"), *WHY)
    assert none.returncode == 2
    assert "vaultctl checkout request institution" in none.stderr
