"""vaultctl and the client against the vault itself, with the example files and real kills."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from recordsvault_client import Profile, VaultClient
from tests.support import forked_programs
from tests.support.running_vault import OWN, RunningVault
from vault.server.settings import TierName

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "clients/examples"
CUSTOMERS = 60

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVault]:
    """Both tiers, on SQLite."""
    folder = tmp_path_factory.mktemp("real")
    with RunningVault(folder, f"sqlite:///{folder}/vault.db") as vault:
        yield vault


def profile(real: RunningVault, who: str) -> str:
    path = real.folder / f"{who}.toml"
    path.write_text(
        f'name = "{who}"\ninstitution = "{OWN}"\n[endpoints]\n'
        f'full = "{real.target(TierName.FULL)}"\nmasked = "{real.target(TierName.MASKED)}"\n'
        f'[tls]\nca = "pki/ca.pem"\ncertificate = "pki/{who}.pem"\nkey = "pki/{who}.key"\n'
    )
    return str(path)


def command(real: RunningVault, who: str, *arguments: str) -> list[str]:
    return forked_programs.command("vaultctl", "-p", profile(real, who), *arguments)


def started(real: RunningVault, who: str, *arguments: str) -> list[str]:
    """What is to be killed half way."""
    return forked_programs.by_itself("vaultctl", "-p", profile(real, who), *arguments)


def ctl(real: RunningVault, who: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(real, who, *arguments), cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def files(real: RunningVault) -> list[Path]:
    """The first example customers, with all that is theirs."""
    found: dict[str, list[str]] = {"customers": [], "documents": [], "transactions": []}
    with (EXAMPLES / "customers.jsonl").open() as lines:
        found["customers"] = [next(lines) for _ in range(CUSTOMERS)]
    numbers = {json.loads(row)["new_customer"]["customer_number"] for row in found["customers"]}
    for kind in ("documents", "transactions"):
        with (EXAMPLES / f"{kind}.jsonl").open() as lines:
            found[kind] = [row for row in lines if json.loads(row)["customer_number"] in numbers]
    paths = []
    for kind, rows in found.items():
        path = real.folder / f"{kind}.jsonl"
        path.write_text("".join(rows))
        paths.append(path)
    return paths


def test_an_import_goes_on_over_kills_of_the_vault_and_of_itself(
    real: RunningVault, files: list[Path]
) -> None:
    arguments = ("import", *map(str, files), "--batch", "10", "--in-flight", "4", "--json")
    state = real.folder / "transactions.jsonl.import-state"
    rows = sum(len(file.read_text().splitlines()) for file in files)

    def done() -> int:
        return len(state.read_bytes().splitlines()) if state.exists() else 0

    # Itself killed in the middle of the transactions.
    first = subprocess.Popen(
        started(real, "backend", *arguments),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while done() < 6:
        assert first.poll() is None
        time.sleep(0.005)
    first.kill()
    first.wait()
    # Then the vault, while it is at it again.
    before = done()
    second = subprocess.Popen(
        command(real, "backend", *arguments),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while done() < before + 5:
        assert second.poll() is None
        time.sleep(0.005)
    real.kill(TierName.FULL)
    real.start(TierName.FULL)
    out, err = second.communicate(timeout=100)
    assert second.returncode == 0, err
    assert "connection lost" in err
    summary = json.loads(out)
    assert (summary["rows"], summary["stored"], summary["refused"]) == (rows, rows, 0)
    assert summary["files"][0]["resumed"] == CUSTOMERS
    assert _stored(real) == [len(file.read_text().splitlines()) for file in files]


def filled(real: RunningVault, files: list[Path]) -> None:
    """Import the files unless that is done: the same batches have the same request_ids."""
    assert ctl(real, "backend", "import", *map(str, files), "--batch", "10").returncode == 0


def _stored(real: RunningVault) -> list[int]:
    counts = [0, 0, 0]
    with VaultClient(Profile.load(profile(real, "crm"))) as vault:
        for customer in vault.masked.list_customers(page_size=200):
            counts[0] += 1
            counts[1] += len(list(vault.masked.list_documents(customer.name)))
            counts[2] += len(list(vault.masked.list_transactions(customer.name, page_size=200)))
    return counts


def test_every_row_that_should_be_refused_is_with_its_fields(real: RunningVault) -> None:
    copy = real.folder / "rejected.jsonl"
    copy.write_bytes((EXAMPLES / "rejected.jsonl").read_bytes())
    ran = ctl(real, "backend", "import", str(copy), "--json")
    assert ran.returncode == 20, ran.stderr
    summary = json.loads(ran.stdout)
    assert summary["stored"] == 0
    assert summary["refused"] == len(copy.read_text().splitlines())
    for text in (real.folder / "rejected.jsonl.rejected.jsonl").read_text().splitlines():
        row: dict[str, Any] = json.loads(text)
        assert row["code"] in ("INVALID_ARGUMENT", "ALREADY_EXISTS", "NOT_FOUND")
        if row["code"] == "INVALID_ARGUMENT":
            assert row["violations"]
            for one in row["violations"]:
                assert one["field"] and one["description"]
                assert one["reason"] and one["reason"] != "NOT_SENT"


def test_the_log_is_followed_over_a_kill_without_loss_or_repetition(
    real: RunningVault, files: list[Path]
) -> None:
    filled(real, files)
    assert ctl(real, "crm", "customers", "list").returncode == 0
    seen: list[int] = []
    caught_up = threading.Event()
    with VaultClient(Profile.load(profile(real, "officer"))) as officer:
        with officer.audit.stream(from_position=0, patience=60) as stream:

            def read() -> None:
                for entry in stream:
                    seen.append(entry.position)
                    if entry.event.request_id == "" and entry.event.actor == "crm":
                        caught_up.set()

            reader = threading.Thread(target=read)
            reader.start()
            assert caught_up.wait(30)
            real.kill(TierName.FULL)
            real.start(TierName.FULL)
            caught_up.clear()
            assert ctl(real, "crm", "customers", "list").returncode == 0
            assert caught_up.wait(30)
            stream.close()
            reader.join(10)
        logged = [entry.position for entry in officer.audit.query(page_size=500)]
    assert seen == logged[: len(seen)]
    assert len(seen) > 20


def test_statements_are_stored_for_who_holds_the_account_and_not_twice(
    real: RunningVault, files: list[Path]
) -> None:
    filled(real, files)
    folder = real.folder / "statements"
    if not folder.exists():
        shutil.copytree(EXAMPLES / "statements", folder)
    giro = folder / "girokonto.camt053.v02.xml"
    terms = ("--time-zone", "Europe/Berlin", "--json")
    ran = ctl(real, "backend", "import", str(giro), *terms)
    assert ran.returncode == 0, ran.stderr
    (one,) = json.loads(ran.stdout)["files"]
    assert (one["stored"], one["already_there"], one["statements"]["proved"]) == (4, 0, 1)
    giro.with_name(f"{giro.name}.import-state").unlink()
    again = ctl(real, "backend", "import", str(giro), *terms)
    (one,) = json.loads(again.stdout)["files"]
    assert (one["stored"], one["already_there"]) == (4, 4)
    assert one["sums"]["already_there"] == one["sums"]["read"]
    found = ctl(real, "crm", "customers", "search", "--customer-number", "C0000036", "--json")
    name = json.loads(found.stdout)["customers"][0]["name"]
    full = ("--full", "--purpose", "CUSTOMER_SERVICE", "--from", "2026-03-01", "--json")
    listed = ctl(real, "backend", "transactions", "list", name, *full)
    references = [
        one["institution_reference"]
        for one in json.loads(listed.stdout)["transactions"]
        if one["institution_reference"].startswith("RVLT0302")
    ]
    # In the statement's order; the withdrawal has a time of day.
    assert references == [f"RVLT030200000{n}" for n in (1, 2, 4, 3)]
    by_other_terms = ctl(
        real, "backend", "import", str(giro), "--time-zone", "UTC", "--state", str(folder / "other")
    )
    assert by_other_terms.returncode != 0
    assert "imported before by other options" in by_other_terms.stderr


def test_a_custodian_sees_how_the_files_stand_and_prints_it(
    real: RunningVault, files: list[Path]
) -> None:
    filled(real, files)
    ran = ctl(real, "custodian", "records", "status", "--json")
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert sum(found["files"].values()) >= CUSTOMERS - 1
    assert "completeness" not in found["not_open"]
    assert "due" not in found["not_open"]
    page = real.folder / "month.html"
    month = f"{datetime.now(UTC):%Y-%m}"
    ran = ctl(
        real, "custodian", "--lang", "zh", "records", "report", "--month", month, "--out", str(page)
    )
    assert ran.returncode == 0, ran.stderr
    assert "档案保管月报" in page.read_text("utf-8")
    officer = ctl(real, "officer", "records", "status", "--part", "accesses", "--json")
    assert officer.returncode == 0, officer.stderr
    calls = json.loads(officer.stdout)["accesses"]
    assert sum(day.get("allowed", 0) for day in calls.values()) > 0


def test_who_may_see_what(real: RunningVault, files: list[Path]) -> None:
    filled(real, files)
    listed = json.loads(ctl(real, "crm", "customers", "list", "--limit", "1", "--json").stdout)
    name = listed["customers"][0]["name"]
    full = ("customers", "get", name, "--full", "--purpose", "ONBOARDING_CDD", "--json")
    refused = ctl(real, "crm", *full)
    assert (refused.returncode, refused.stdout) == (5, "")
    assert "CHECK_OUT_REQUIRED" in refused.stderr
    opened = ctl(real, "compliance", *full)
    assert opened.returncode == 0
    number = json.loads(opened.stdout)["customer_number"]
    found = ctl(real, "crm", "customers", "search", "--customer-number", number, "--json")
    assert [one["name"] for one in json.loads(found.stdout)["customers"]] == [name]
    denied = ctl(real, "officer", "audit", "query", "--decision", "DENIED", "--json")
    assert any(
        json.loads(line)["event"]["action"] == "records.customers.get"
        for line in denied.stdout.splitlines()
    )


def test_health_of_the_vault_and_of_one_that_is_gone(real: RunningVault) -> None:
    assert ctl(real, "operator", "health").returncode == 0
    real.kill(TierName.MASKED)
    gone = ctl(real, "operator", "--timeout", "2", "health", "--json")
    real.start(TierName.MASKED)
    assert gone.returncode == 2
    states = {(one["tier"], one["part"]): one["state"] for one in json.loads(gone.stdout)["checks"]}
    assert states["masked", "serving"] == "CRITICAL"
    assert states["full", "database"] == "OK"
