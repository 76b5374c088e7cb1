"""`vaultctl import`: resumable after SIGKILL, nothing twice, refused rows with their reason."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import grpc
import pytest

from recordsvault_client import Profile
from tests.cli.conftest import Vaultctl
from tests.clients.fake_vault import FakeVault, Refused, unavailable
from vault.cli.vaultctl.import_state import ImportKey

ROOT = Path(__file__).parents[2]


@pytest.fixture
def customers(fake: FakeVault) -> Path:
    """A file of 250 customers, of whom three are refused by the vault and two are no records."""
    rows = [
        json.dumps({"new_customer": {"customer_number": f"{'BAD' if n % 100 == 7 else 'C'}{n}"}})
        for n in range(248)
    ]
    rows.insert(40, "{no json")
    rows.insert(41, '{"new_customer": {"phones": "11010519491231002X"}}')
    path = fake.folder / "customers.jsonl"
    path.write_text("\n".join(rows) + "\n")
    return path


def refused_rows(file: Path) -> list[dict[str, Any]]:
    lines = file.with_name(f"{file.name}.rejected.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def numbers(fake: FakeVault) -> list[str]:
    return [customer.customer_number for customer in fake.customers.values()]


def test_rows_are_stored_and_refused_rows_go_to_a_file_with_the_reason(
    fake: FakeVault, customers: Path, vaultctl: Vaultctl
) -> None:
    ran = vaultctl("import", customers, "--batch", 20, "--json")
    assert ran.code == 20
    summary = ran.json
    assert (summary["rows"], summary["stored"], summary["refused"]) == (250, 245, 5)
    assert len(numbers(fake)) == len(set(numbers(fake))) == 245
    found = {row["row"]: row for row in refused_rows(customers)}
    assert sorted(found) == [8, 41, 42, 110, 210]
    assert found[8]["code"] == "INVALID_ARGUMENT"
    assert found[8]["violations"] == [
        {
            "field": "customer_number",
            "reason": "CHECK_DIGIT",
            "description": "is not acceptable",
        }
    ]
    assert found[8]["item"] == {"new_customer": {"customer_number": "BAD7"}}
    assert found[41]["text"] == "{no json"
    assert found[42]["violations"] == [
        {
            "field": "new_customer.phones",
            "reason": "NOT_SENT",
            "description": "must be a list",
        }
    ]
    rejected = customers.with_name("customers.jsonl.rejected.jsonl")
    assert stat.S_IMODE(rejected.stat().st_mode) == 0o600


def test_rows_without_fault_end_with_0_and_no_file_of_refused_rows(
    fake: FakeVault, vaultctl: Vaultctl
) -> None:
    file = fake.folder / "one.csv"
    file.write_text("customer_number,phones[0]\nC1,+8613800138000\n")
    ran = vaultctl("import", file)
    assert ran.code == 0
    assert "1" in ran.out
    assert not file.with_name("one.csv.rejected.jsonl").exists()


def test_importing_again_stores_nothing_twice_with_or_without_the_state(
    fake: FakeVault, customers: Path, vaultctl: Vaultctl
) -> None:
    vaultctl("import", customers, "--batch", 20)
    sent = len(fake.called("ImportRecords"))
    again = vaultctl("import", customers, "--batch", 20, "--json")
    assert again.code == 20
    assert again.json["files"][0]["resumed"] == 250
    assert len(fake.called("ImportRecords")) == sent
    customers.with_name("customers.jsonl.import-state").unlink()
    afresh = vaultctl("import", customers, "--batch", 20, "--json")
    assert afresh.json["stored"] == 245
    assert afresh.json["files"][0]["resumed"] == 0
    assert len(numbers(fake)) == 245
    assert len(refused_rows(customers)) == 5


def test_an_import_is_not_continued_with_other_batches(customers: Path, vaultctl: Vaultctl) -> None:
    vaultctl("import", customers, "--batch", 20)
    ran = vaultctl("import", customers, "--batch", 30)
    assert ran.code == 13
    assert "--batch 20" in ran.err


def test_one_state_file_may_serve_several_files(fake: FakeVault, vaultctl: Vaultctl) -> None:
    files = []
    for name in "ab":
        file = fake.folder / f"{name}.jsonl"
        file.write_text(json.dumps({"new_customer": {"customer_number": name}}) + "\n")
        files.append(file)
    state = fake.folder / "state"
    assert vaultctl("import", *files, "--state", state).code == 0
    again = vaultctl("import", *files, "--state", state, "--json")
    assert [file["resumed"] for file in again.json["files"]] == [1, 1]
    assert sorted(numbers(fake)) == ["a", "b"]


def test_another_vault_gets_the_whole_file(fake: FakeVault, vaultctl: Vaultctl) -> None:
    file = fake.folder / "a.jsonl"
    file.write_text(json.dumps({"new_customer": {"customer_number": "a"}}) + "\n")
    vaultctl("import", file)
    profile = fake.folder / "crm.toml"
    with (fake.folder / "pki/crm-ca.pem").open("ab") as ca:
        ca.write(fake.ca.cert_pem.bytes())
    sent = len(fake.called("ImportRecords"))
    vaultctl("import", file, profile=str(profile))
    assert len(fake.called("ImportRecords")) == sent + 1


def _spawn(fake: FakeVault, file: Path, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", "from vault.cli.vaultctl import main; main()"]
    arguments = ["-p", str(fake.folder / "crm.toml"), "import", str(file), "--batch", "10"]
    return subprocess.Popen(
        [*command, *arguments, *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_an_import_that_is_killed_again_and_again_loses_nothing_and_repeats_nothing(
    fake: FakeVault, customers: Path
) -> None:
    fake.profile()
    # Killed now before, now after the message was stored, and while answers are on their way.
    fake.before_store = lambda request: time.sleep(0.03)
    fake.before_answer = lambda request: time.sleep(0.03)
    state = customers.with_name("customers.jsonl.import-state")
    kills = 0
    while kills < 12:
        process = _spawn(fake, customers, "--in-flight", "3")
        lines = len(state.read_bytes().splitlines()) if state.exists() else 0
        while process.poll() is None:
            now = len(state.read_bytes().splitlines()) if state.exists() else 0
            if now > lines + kills % 3:
                process.send_signal(signal.SIGKILL)
                process.wait()
                kills += 1
            time.sleep(0.005)
        if process.returncode != -signal.SIGKILL:
            break
    assert kills >= 5
    fake.before_store = fake.before_answer = lambda request: None
    last = _spawn(fake, customers, "--json")
    out, _ = last.communicate(timeout=60)
    assert last.returncode == 20
    summary = json.loads(out)
    assert (summary["rows"], summary["stored"], summary["refused"]) == (250, 245, 5)
    assert sorted(numbers(fake)) == sorted(f"C{n}" for n in range(248) if n % 100 != 7)
    assert sorted(str(row["row"]) for row in refused_rows(customers)) == [
        "110",
        "210",
        "41",
        "42",
        "8",
    ]
    bodies: dict[str, set[bytes]] = {}
    for request in fake.called("ImportRecords"):
        bodies.setdefault(request.request_id, set()).add(request.SerializeToString())
    assert all(len(found) == 1 for found in bodies.values())


def test_a_state_line_cut_short_is_no_line(
    fake: FakeVault, customers: Path, vaultctl: Vaultctl
) -> None:
    vaultctl("import", customers, "--batch", 20)
    state = customers.with_name("customers.jsonl.import-state")
    state.write_bytes(state.read_bytes()[:-9])
    ran = vaultctl("import", customers, "--batch", 20, "--json")
    assert ran.json["files"][0]["resumed"] == 240
    assert ran.json["stored"] == 245
    assert len(numbers(fake)) == 245
    assert len(refused_rows(customers)) == 5
    for line in state.read_bytes().splitlines():
        json.loads(line)


def test_two_imports_do_not_share_a_state_at_once(
    fake: FakeVault, customers: Path, vaultctl: Vaultctl
) -> None:
    fake.profile()
    fake.before_store = lambda request: time.sleep(0.1)
    process = _spawn(fake, customers)
    state = customers.with_name("customers.jsonl.import-state")
    while not state.exists() or not state.read_bytes():
        time.sleep(0.01)
    ran = vaultctl("import", customers, "--batch", 10)
    process.kill()
    process.communicate()
    assert ran.code == 13
    assert "another import" in ran.err


def test_a_file_that_is_no_state_is_left_as_it_is(customers: Path, vaultctl: Vaultctl) -> None:
    content = customers.read_bytes()
    ran = vaultctl("import", customers, "--state", customers)
    assert ran.code == 13
    assert customers.read_bytes() == content


def test_a_lost_connection_is_told_and_taken_up(
    fake: FakeVault, customers: Path, vaultctl: Vaultctl
) -> None:
    fake.fail("ImportRecords", unavailable(), unavailable())
    ran = vaultctl("import", customers, "--batch", 20, "--json")
    assert ran.json["stored"] == 245
    assert "connection lost" in ran.err


def test_a_denied_import_says_so_in_a_sentence(
    fake: FakeVault, customers: Path, vaultctl: Vaultctl
) -> None:
    fake.fail("ImportRecords", Refused(grpc.StatusCode.PERMISSION_DENIED))
    ran = vaultctl("import", customers)
    assert ran.code == 5
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("kind", ["nothing", "folder", "pipe"])
def test_what_is_no_ordinary_file_is_refused_in_a_sentence(
    fake: FakeVault, vaultctl: Vaultctl, kind: str
) -> None:
    path = fake.folder / "x.jsonl"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        # It would wait for a writer for ever if it were opened.
        os.mkfifo(path)
    ran = vaultctl("import", path)
    assert ran.code == 13
    assert ("cannot be used" if kind == "nothing" else "no ordinary file") in ran.err


def test_a_broken_csv_stores_what_came_before_and_says_where_it_broke(
    fake: FakeVault, vaultctl: Vaultctl
) -> None:
    file = fake.folder / "broken.csv"
    file.write_text("customer_number,phones[0]\n" + "C1,1\n" * 10 + 'C2,"2\n')
    ran = vaultctl("import", file, "--batch", 5)
    assert ran.code == 13
    assert "record 11" in ran.err
    assert len(fake.customers) == 10


def test_request_ids_come_from_the_file_and_the_place_of_the_batch(
    fake: FakeVault, customers: Path
) -> None:
    profile = Profile.load(fake.profile())
    with customers.open("rb") as stream:
        key = ImportKey.make(stream, profile, 500, "")
        same = ImportKey.make(stream, profile, 500, "")
        other = ImportKey.make(stream, profile, 499, "")
    assert key.request_id(0) == same.request_id(0)
    assert len({key.request_id(0), key.request_id(500), other.request_id(0)}) == 3


@pytest.mark.slow
def test_a_large_file_takes_no_more_memory_than_a_small_one(fake: FakeVault) -> None:
    fake.profile()
    fake.customers = _Forgetful()
    fake.first_answers = _Forgetful()
    fake.calls = _Forgetful()  # type: ignore[assignment]  # only append is used here
    row = json.dumps({"new_customer": {"customer_number": "C1", "branch": "x" * 400}}) + "\n"
    peaks = []
    for count in (10_000, 90_000):
        file = fake.folder / f"{count}.jsonl"
        file.write_text(row * count)
        code = (
            "import sys\n"
            "from pathlib import Path\n"
            "from vault.cli.vaultctl.app import run\n"
            "code = run(sys.argv[1:])\n"
            # Of this program alone: getrusage would inherit the peak of the test that started it.
            "status = Path('/proc/self/status').read_text()\n"
            "print(status.partition('VmHWM:')[2].split()[0])\n"
            "sys.exit(code)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, "-p", str(fake.folder / "crm.toml"), "import", str(file)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        peaks.append(int(done.stdout.splitlines()[-1]))
    # 36 MB more of file; the little that it may take is what is known of each batch.
    assert peaks[1] < peaks[0] + 4 * 1024


class _Forgetful(dict):  # type: ignore[type-arg]  # keeps nothing
    def __setitem__(self, key: object, value: object) -> None:
        self.last = value

    def __getitem__(self, key: object) -> object:
        return self.last

    def append(self, call: object) -> None:
        pass
