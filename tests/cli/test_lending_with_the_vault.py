"""`vaultctl checkout` against the vault: a teller borrows at a front end, a custodian lends."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from recordsvault.masked.v1 import masked_pb2
from recordsvault_client import AccessClient, FailedPrecondition, NotFound, Profile, VaultClient
from tests.cli.test_with_the_vault import EXAMPLES, command, ctl, profile
from tests.support.running_vault import RunningVault

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

ASK = ("--purpose", "customer_service", "--reason", "Calls back about a lost card")
FIELDS = ("--field", "natural_person.full_name", "--field", "natural_person.identity.number")
Ran = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVault]:
    folder = tmp_path_factory.mktemp("lending")
    with RunningVault(folder, f"sqlite:///{folder}/vault.db") as running:
        rows = folder / "customers.jsonl"
        with (EXAMPLES / "customers.jsonl").open() as lines:
            people = [line for line in lines if '"natural_person"' in line][:3]
        numbers = {json.loads(line)["new_customer"]["customer_number"] for line in people}
        with (EXAMPLES / "documents.jsonl").open() as lines:
            papers = [line for line in lines if json.loads(line)["customer_number"] in numbers]
        rows.write_text("".join([*people, *papers]))
        assert ctl(running, "backend", "import", str(rows)).returncode == 0
        yield running


@pytest.fixture(scope="module")
def customer(vault: RunningVault) -> str:
    request = masked_pb2.ListMaskedCustomersRequest(parent="institutions/demo-bank", page_size=1)
    return str(vault.masked().ListMaskedCustomers(request).customers[0].name)


@pytest.fixture
def token(vault: RunningVault, tmp_path: Path) -> Path:
    """The file of the teller's token, bound to the CRM's certificate."""
    file = tmp_path / "teller.jwt"
    file.write_text(vault.token(), "ascii")
    return file


def teller(vault: RunningVault, token: Path, *arguments: str) -> Ran:
    return ctl(vault, "crm", "--token", str(token), *arguments)


def custodian(vault: RunningVault, *arguments: str) -> Ran:
    return ctl(vault, "custodian", "checkout", *arguments)


def asked(vault: RunningVault, token: Path, customer: str, *more: str) -> str:
    ran = teller(vault, token, "checkout", "request", customer, *FIELDS, *ASK, *more)
    assert ran.returncode == 0, ran.stderr
    assert "waits for custodian" in ran.stdout
    (name,) = re.findall(r"checkOuts/[0-9a-z]{26}", ran.stdout)
    return str(name)


def read(vault: RunningVault, token: Path, customer: str, out: str, *more: str) -> Ran:
    why = ("--full", "--purpose", "customer_service", "--check-out", out)
    return teller(vault, token, "customers", "get", customer, *why, *more)


def test_from_asking_to_the_end(vault: RunningVault, token: Path, customer: str) -> None:
    out = asked(vault, token, customer, "--for", "2h")
    assert read(vault, token, customer, out).returncode == 8
    inbox = custodian(vault, "inbox")
    assert out in inbox.stdout
    shown = custodian(vault, "show", out)
    for said in ("teller", "CUSTOMER_SERVICE", "Calls back about a lost card", "2 h"):
        assert said in shown.stdout
    ran = custodian(vault, "approve", out, "--field", "full_name", "--for", "4s", "--yes")
    assert ran.returncode == 0, ran.stderr
    assert "identity.number (left out)" in ran.stdout
    got = json.loads(read(vault, token, customer, out, "--json").stdout)
    assert set(got["natural_person"]) == {"full_name"}
    assert "*" in got["masked"]["full_name"]["value"]
    time.sleep(4)
    over = read(vault, token, customer, out)
    assert over.returncode == 8
    assert "CHECK_OUT_NOT_ACTIVE" in over.stderr
    lines = csv.DictReader(io.StringIO(custodian(vault, "register", "--format", "csv").stdout))
    (line,) = [one for one in lines if one["name"] in out]
    assert (line["requester"], line["outcome"]) == ("teller", "expired")
    assert line["approvals"].startswith("custodian (custodian) ")
    assert line["fields"] == "customer.natural_person.full_name"


def test_the_scan_alone_is_asked_for_and_lent(
    vault: RunningVault, token: Path, customer: str
) -> None:
    why = ("--purpose", "data_subject_request", "--reason", "What we hold of him", "--for", "1h")
    for field in ("identity_document.content", "identity_document"):
        ran = teller(vault, token, "checkout", "request", customer, "--field", field, *why)
        assert ran.returncode == 0, ran.stderr
        (out,) = re.findall(r"checkOuts/[0-9a-z]{26}", ran.stdout)
        ran = custodian(vault, "approve", str(out), "--field", "content", "--yes", "--json")
        assert ran.returncode == 0, ran.stderr
        assert json.loads(ran.stdout)["fields"] == ["identity_document.content"]
        assert teller(vault, token, "checkout", "return", str(out)).returncode == 0


def test_fields_that_are_not_lent_are_named_and_not_counted(
    vault: RunningVault, token: Path, customer: str
) -> None:
    for whole in (("--whole-file",), ("--field", "risk_class,phones,transaction.content")):
        ran = teller(vault, token, "checkout", "request", customer, *whole, *ASK, "--for", "1h")
        assert ran.returncode == 3
        assert re.search(r"customer\.risk_class, .*transaction\.content.*: is not op", ran.stderr)
        assert "customer.phones" not in ran.stderr
        # Nobody typed a list with places, and what is wrong is said once.
        assert "fields[" not in ran.stderr and ran.stderr.count("is not opened") == 1
        assert not re.search(r": ;|: $|more$", ran.stderr)


def test_a_program_alone_asks_for_nothing(vault: RunningVault, customer: str) -> None:
    ran = ctl(vault, "crm", "checkout", "request", customer, *FIELDS, *ASK, "--for", "1h")
    assert ran.returncode == 5
    assert "PERSON_REQUIRED" in ran.stderr


def test_the_teller_decides_on_nothing(vault: RunningVault, token: Path, customer: str) -> None:
    out = asked(vault, token, customer, "--for", "1h")
    for decision in (("approve", out, "--yes"), ("deny", out, "--yes"), ("revoke", out)):
        assert teller(vault, token, "checkout", *decision).returncode == 5


def test_what_is_returned_or_revoked_opens_no_more(
    vault: RunningVault, token: Path, customer: str
) -> None:
    for end in ("return", "revoke"):
        out = asked(vault, token, customer, "--for", "1h")
        assert custodian(vault, "approve", out, "--yes").returncode == 0
        assert read(vault, token, customer, out).returncode == 0
        who = teller(vault, token, "checkout", end, out) if end == "return" else None
        ran = who or custodian(vault, end, out)
        assert ran.returncode == 0, ran.stderr
        assert read(vault, token, customer, out).returncode == 8


def test_who_can_tells_who_has_the_file_now(
    vault: RunningVault, token: Path, customer: str
) -> None:
    who_can = ("access", "who-can", "--customer", customer)
    out = asked(vault, token, customer, "--for", "1h")
    assert out not in ctl(vault, "officer", *who_can).stdout
    assert custodian(vault, "approve", out, "--yes").returncode == 0
    found = " ".join(ctl(vault, "officer", *who_can).stdout.split())
    told = rf"Open now, by check-outs: {out} teller · CUSTOMER_SERVICE · 1 h .*/{customer[-26:]} "
    assert re.search(told + r".* agreed: custodian \(custodian\) .* open until", found)
    assert "当前借出：" in ctl(vault, "officer", "--lang", "zh", *who_can).stdout
    listed = json.loads(ctl(vault, "officer", *who_can, "--json").stdout)["open_check_outs"]
    assert [one["name"].endswith(out) for one in listed] == [True]
    assert teller(vault, token, "checkout", "return", out).returncode == 0
    assert out not in ctl(vault, "officer", *who_can).stdout


def test_a_second_look_is_needed_after_a_change(
    vault: RunningVault, token: Path, customer: str
) -> None:
    out = asked(vault, token, customer, "--for", "1h")
    seen = json.loads(custodian(vault, "show", out, "--json").stdout)["etag"]
    assert teller(vault, token, "checkout", "return", out).returncode == 0
    assert custodian(vault, "approve", out, "--etag", seen, "--yes").returncode == 8


def test_a_renewal_is_agreed_to_anew(vault: RunningVault, token: Path, customer: str) -> None:
    out = asked(vault, token, customer, "--for", "1h")
    assert custodian(vault, "approve", out, "--yes").returncode == 0
    more = ("--for", "30m", "--reason", "Not done yet")
    ran = teller(vault, token, "checkout", "renew", out, *more)
    assert ran.returncode == 0, ran.stderr
    assert "waits for custodian" in ran.stdout
    (again,) = re.findall(r"checkOuts/[0-9a-z]{26}", ran.stdout)
    assert again != out
    assert out in custodian(vault, "show", again).stdout


def test_a_duration_beyond_the_class_is_refused_with_what_to_do(
    vault: RunningVault, token: Path, customer: str
) -> None:
    ran = teller(vault, token, "checkout", "request", customer, *FIELDS, *ASK, "--for", "5d")
    assert ran.returncode != 0
    assert ran.returncode == 3
    assert "check_out.duration: The duration is longer than the class allows" in ran.stderr


def test_nobody_breaks_the_glass_where_nobody_may(vault: RunningVault, customer: str) -> None:
    ran = ctl(vault, "custodian", "break-glass", "open", customer, *ASK, "--yes")
    assert ran.returncode == 5


def test_a_watch_sees_the_decision_when_it_is_made(
    vault: RunningVault, token: Path, customer: str
) -> None:
    out = asked(vault, token, customer, "--for", "1h")
    watch = subprocess.Popen(
        command(vault, "custodian", "checkout", "watch", "--requester", "teller"),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert watch.stdout is not None
        for line in watch.stdout:
            if out in line:
                assert "waiting for custodian" in line
                break
        assert custodian(vault, "deny", out, "--yes").returncode == 0
        for line in watch.stdout:
            if out in line:
                assert "denied by custodian" in line
                break
    finally:
        watch.terminate()
        watch.wait()


def test_the_clients_do_the_same(vault: RunningVault, customer: str) -> None:
    crm, lends = (Profile.load(profile(vault, name)) for name in ("crm", "custodian"))
    with VaultClient(crm) as front, AccessClient(lends) as access:
        person = front.acting_for(vault.token)
        made = person.access.request_check_out(
            customer,
            fields=["customer.phones"],
            purpose="CUSTOMER_SERVICE",
            reason="Calls back",
            duration=timedelta(hours=1),
            one_time=True,
        )
        why, name = "CUSTOMER_SERVICE", made.name
        with pytest.raises(FailedPrecondition):
            person.customers.get(customer, purpose=why, check_out=name)
        access.approve(made.name, etag=made.etag)
        got = person.customers.open(customer, purpose=why, check_out=name)
        assert got.record.phones
        assert not got.record.natural_person.full_name
        assert got.masked is not None
        with pytest.raises(FailedPrecondition):
            person.customers.get(customer, purpose=why, check_out=name)
        with pytest.raises(NotFound):
            person.access.get(made.name.replace(made.name[-6:], "000000"))


def test_a_document_is_borrowed_by_itself(vault: RunningVault, token: Path, customer: str) -> None:
    listed = json.loads(ctl(vault, "crm", "documents", "list", customer, "--json").stdout)
    name = listed["documents"][0]["name"]
    ask = ("checkout", "request", name, "--field", "number", *ASK, "--for", "1h")
    ran = teller(vault, token, *ask)
    assert ran.returncode == 0, ran.stderr
    (out,) = re.findall(r"checkOuts/[0-9a-z]{26}", ran.stdout)
    assert custodian(vault, "approve", out, "--yes").returncode == 0
    why = ("--full", "--purpose", "customer_service", "--check-out", out, "--json")
    got = json.loads(teller(vault, token, "documents", "get", name, *why).stdout)
    assert got["number"].isalnum()
    assert "issuer" not in got
    refused = teller(vault, token, "documents", "list", customer, *why)
    assert refused.returncode == 5
    assert "CHECK_OUT_OTHER_RECORD" in refused.stderr
