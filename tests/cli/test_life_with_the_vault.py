"""vaultctl against the vault itself: what is missing, what falls due, who keeps it, as it was."""

import asyncio
import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from recordsvault.records.v1.customer_pb2 import Customer, Relationship
from recordsvault_client import AsyncVaultClient, Profile
from tests.cli.test_with_the_vault import ctl, profile
from tests.e2e import people
from tests.e2e.calls import create, get, update
from tests.support.running_vault import RunningVault
from vault.bundles import RecipientKey, open_envelope

pytestmark = pytest.mark.slow

QUALITY = ("--full", "--purpose", "DATA_QUALITY")
TODAY = datetime.now(UTC).date()


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVault]:
    """Both tiers, on SQLite."""
    folder = tmp_path_factory.mktemp("real")
    with RunningVault(folder, f"sqlite:///{folder}/vault.db") as vault:
        yield vault


@pytest.fixture(scope="module")
def customer(real: RunningVault) -> Customer:
    """One whose document ends in twenty days, kept by somebody who has left."""
    record = people.person()
    record.branch = "HZ-01"
    record.natural_person.occupation = ""
    record.relationship.CopyFrom(Relationship(custodian="left-long-ago", segments=["retail"]))
    record.natural_person.identity.long_term = False
    ends = TODAY + timedelta(days=20)
    record.natural_person.identity.expiry_date.CopyFrom(people.day(ends))
    real.employ("left-long-ago")
    stored = create(real, record)
    real.employ()
    return stored


def test_the_report_counts_and_names(real: RunningVault, customer: Customer) -> None:
    arguments = ("records", "completeness", "--branch", "HZ-01", "--files")
    told = ctl(real, "custodian", *arguments, "--json")
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    assert found["examined"] == "1" or found["examined"] == 1
    (file,) = found["files"]
    assert (file["customer"], file["missing"]) == (customer.name, ["occupation"])
    shown = ctl(real, "custodian", *arguments)
    assert "occupation: missing" in shown.stdout
    refused = ctl(real, "crm", *arguments)
    assert refused.returncode != 0
    assert "ROLE_MISSING" in refused.stderr


def test_what_falls_due_is_a_list_a_calendar_and_a_table(
    real: RunningVault, customer: Customer, tmp_path: Path
) -> None:
    arguments = ("records", "due", "--branch", "HZ-01", "--kind", "document-expiry")
    (row,) = json.loads(ctl(real, "custodian", *arguments, "--json").stdout)["due"]
    assert date.fromisoformat(row["due_date"]) == TODAY + timedelta(days=20)
    assert row["customer"] == customer.name
    ics = tmp_path / "due.ics"
    assert ctl(real, "custodian", *arguments, "--ics", str(ics)).returncode == 0
    text = ics.read_bytes().decode()
    assert text.count("BEGIN:VEVENT\r\n") == 1
    assert f"DTSTART;VALUE=DATE:{TODAY + timedelta(days=20):%Y%m%d}\r\n" in text
    read = ctl(real, "custodian", *arguments, "--csv", "-").stdout
    assert len(list(csv.reader(io.StringIO(read, newline="")))) == 2
    both = ctl(real, "custodian", *arguments, "--csv", "-", "--ics", "-")
    assert both.returncode != 0


def test_files_are_counted_by_segment_and_asked_for_by_it(
    real: RunningVault, customer: Customer
) -> None:
    arguments = ("records", "completeness", "--branch", "HZ-01")
    counts = json.loads(ctl(real, "custodian", *arguments, "--json").stdout)["segments"]
    assert [(one["segment"], int(one["files"])) for one in counts] == [("retail", 1)]
    shown = ctl(real, "custodian", "--lang", "zh", *arguments).stdout
    assert "分类" in shown and "retail" in shown
    other = ctl(real, "custodian", *arguments, "--segment", "abroad", "--json")
    assert int(json.loads(other.stdout)["examined"]) == 0
    due = ("records", "due", "--branch", "HZ-01", "--kind", "document-expiry")
    for by, counted in (("segment", {"retail": 1}), ("risk", {"LOW": 1}), ("branch", {"HZ-01": 1})):
        found = ctl(real, "custodian", *due, "--count", by, "--json")
        assert json.loads(found.stdout) == {"counts": counted}
    assert "retail" in ctl(real, "custodian", *due, "--count", "segment").stdout
    (row,) = json.loads(ctl(real, "custodian", *due, "--segment", "retail", "--json").stdout)["due"]
    assert (row["segments"], row["risk_class"]) == (["retail"], "LOW")
    for one in (("--segment", "abroad"), ("--risk", "high")):
        assert json.loads(ctl(real, "custodian", *due, *one, "--json").stdout) == {"due": []}
    refused = ctl(real, "custodian", *due, "--count", "kind", "--csv", "-")
    assert refused.returncode != 0 and "--count" in refused.stderr


def test_files_are_handed_over_and_the_feed_says_so(real: RunningVault, customer: Customer) -> None:
    shown = ctl(real, "custodian", "records", "custodians", "--files").stdout
    assert "has left" in shown
    assert customer.name in shown
    left = ("records", "due", "--branch", "HZ-01", "--kind", "custodian-left", "--json")
    (row,) = json.loads(ctl(real, "custodian", *left).stdout)["due"]
    assert (row["customer"], row["custodian"]) == (customer.name, "left-long-ago")
    done = ctl(
        real,
        "custodian",
        "records",
        "hand-over",
        *("--from", "left-long-ago", "--to", "custodian", "--reason", "He has left."),
        "--json",
    )
    assert json.loads(done.stdout) == {"handed_over": 1, "files": [customer.name]}
    assert json.loads(ctl(real, "custodian", *left).stdout)["due"] == []
    lines = ctl(real, "custodian", "records", "changes").stdout.splitlines()
    assert f"HANDED_OVER\t{customer.name}@2" in lines[-1]


def test_a_customer_is_shown_as_he_stood_and_what_has_changed_is_named(
    real: RunningVault, customer: Customer
) -> None:
    current = get(real, customer.name)
    before = current.update_time.ToDatetime(tzinfo=UTC).isoformat()
    current.branch = "HZ-02"
    changed = update(real, current, "branch")
    names = ("customers", "get", customer.name, *QUALITY, "--fields", "branch", "--json")
    then = json.loads(ctl(real, "compliance", *names, "--known-at", before).stdout)
    now = json.loads(ctl(real, "compliance", *names).stdout)
    assert (then["branch"], now["branch"]) == ("HZ-01", "HZ-02")
    diff = ctl(
        real, "compliance", "customers", "diff", customer.name, "--purpose", "DATA_QUALITY"
    ).stdout.splitlines()
    assert diff[0] == f"Version {changed.version - 1} to version {changed.version}:"
    assert "branch" in diff


def test_the_asyncio_client_asks_the_same(real: RunningVault, customer: Customer) -> None:
    async def ask() -> None:
        path = Path(profile(real, "custodian"))
        async with AsyncVaultClient(Profile.load(path)) as client:
            parts = [part async for part in client.files.completeness(branch="HZ-02")]
            assert parts[-1].counts[0].files == 1
            due = [one async for one in client.files.due(branch="HZ-02")]
            assert customer.name in {one.customer for one in due}
            kept = [part async for part in client.files.custodians()]
            assert "custodian" in {one.custodian for part in kept for one in part.custodians}
            fed = [part async for part in client.files.changes(follow=False)]
            assert fed[-1].next_position > 0

    asyncio.run(ask())


def test_a_person_is_given_his_data_sealed_to_his_key_and_who_has_used_them(
    real: RunningVault, customer: Customer, tmp_path: Path
) -> None:
    made = ctl(
        real, "compliance", "subject", "request", customer.name, "--kind", "access",
        "--text", "What do you hold of me?", "--json",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    name = json.loads(made.stdout)["name"]
    assert ctl(real, "compliance", "bundle", "keygen", str(tmp_path / "his.pem")).returncode == 0
    out = tmp_path / "for-him"
    done = ctl(
        real, "compliance", "--lang", "zh", "subject", "report", name, "--out", str(out),
        "--recipient", str(tmp_path / "his.pem.pub"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    page = (out / "who-used-it.html").read_text(encoding="utf-8")
    assert 'lang="zh-CN"' in page and name in page and "反洗钱法" in page
    key = RecipientKey.of_pem((tmp_path / "his.pem").read_bytes())
    tar = b"".join(open_envelope(key, [(out / "data.sealed").read_bytes()]))
    assert get(real, customer.name).phones[0].encode() in tar
    refused = ctl(real, "custodian", "subject", "show", name)
    assert refused.returncode != 0 and "ROLE_MISSING" in refused.stderr
