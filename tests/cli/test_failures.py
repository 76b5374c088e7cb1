"""How commands fail: one sentence on stderr, an exit code of its own, no value, no traceback."""

from __future__ import annotations

import subprocess
from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2

from tests.cli.conftest import Vaultctl
from tests.clients.fake_vault import FakeVault, Refused, invalid, unavailable
from tests.support import forked_programs

ROOT = Path(__file__).parents[2]
NAME = "institutions/demo-bank/customers/01h00000000000000000000000"
GET = ("customers", "get", NAME)

CODES = {
    grpc.StatusCode.INVALID_ARGUMENT: 3,
    grpc.StatusCode.UNAUTHENTICATED: 4,
    grpc.StatusCode.PERMISSION_DENIED: 5,
    grpc.StatusCode.NOT_FOUND: 6,
    grpc.StatusCode.ALREADY_EXISTS: 7,
    grpc.StatusCode.ABORTED: 8,
    grpc.StatusCode.UNAVAILABLE: 9,
    grpc.StatusCode.DEADLINE_EXCEEDED: 10,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 11,
    grpc.StatusCode.INTERNAL: 1,
}


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.name)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_failure_has_its_exit_code_and_one_sentence(
    fake: FakeVault, vaultctl: Vaultctl, code: grpc.StatusCode, lang: str
) -> None:
    fake.fail("GetMaskedCustomer", *(Refused(code, "x", plain=True) for _ in range(6)))
    ran = vaultctl("--lang", lang, *GET)
    assert ran.code == CODES[code]
    assert ran.out == ""
    assert len(ran.err.splitlines()) == 1
    assert ran.err.startswith("vaultctl: ")
    assert ("。" in ran.err) == (lang == "zh")


def test_every_field_that_is_wrong_is_named_in_the_language_asked_for(
    fake: FakeVault, vaultctl: Vaultctl
) -> None:
    bad = invalid(("phones[0]", "is no E.164 number", "不是 E.164 号码"), ("emails[0]", "x", "y"))
    fake.fail("GetMaskedCustomer", bad, bad)
    english = vaultctl(*GET)
    assert "phones[0]: is no E.164 number; emails[0]: x" in english.err
    assert "phones[0]: 不是 E.164 号码; emails[0]: y" in vaultctl("--lang", "zh", *GET).err


def test_a_duplicate_names_the_existing_record(
    fake: FakeVault, vaultctl: Vaultctl, tmp_path: Path
) -> None:
    info = error_details_pb2.ErrorInfo(reason="IDENTITY_TAKEN", metadata={"existing": NAME})
    fake.fail("CreateCustomer", Refused(grpc.StatusCode.ALREADY_EXISTS, "It is there.", info))
    ran = vaultctl("customers", "create", "-", stdin="{}")
    assert ran.code == 7
    assert NAME in ran.err


def test_a_write_whose_outcome_is_not_known_says_how_to_repeat_it(
    fake: FakeVault, vaultctl: Vaultctl
) -> None:
    fake.fail("CreateCustomer", *(unavailable() for _ in range(6)))
    ran = vaultctl("customers", "create", "-", stdin="{}")
    assert ran.code == 9
    request_id = fake.called("CreateCustomer")[0].request_id
    assert f"--request-id {request_id}" in ran.err


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ('{"nope": "11010519491231002X"}', "nope"),
        ('{"phones": "11010519491231002X"}', "phones: must be a list"),
        ('{"natural_person": {"sex": "11010519491231002X"}}', "natural_person.sex"),
        ("{11010519491231002X", "line 1, column 2"),
        ("[]", "JSON object"),
        ("", "JSON"),
    ],
)
def test_a_record_that_is_none_is_refused_by_field_and_without_its_value(
    fake: FakeVault, vaultctl: Vaultctl, record: str, said: str
) -> None:
    ran = vaultctl("customers", "create", "-", stdin=record)
    assert ran.code == 13
    assert said in ran.err
    assert "11010519491231002X" not in ran.err
    assert not fake.calls


def test_a_careless_key_file_is_refused_with_how_to_mend_it(
    fake: FakeVault, vaultctl: Vaultctl
) -> None:
    (fake.folder / "pki/crm.key").chmod(0o644)
    ran = vaultctl(*GET)
    assert ran.code == 12
    assert "chmod 600" in ran.err


def test_an_error_that_nobody_foresaw_shows_its_kind_and_nothing_of_its_text(
    vaultctl: Vaultctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("11010519491231002X")

    monkeypatch.setattr("recordsvault_client.client.open_channel", fail)
    ran = vaultctl(*GET)
    assert ran.code == 1
    assert "RuntimeError" in ran.err
    assert "11010519491231002X" not in ran.err
    assert "Traceback" not in ran.err


def test_without_a_profile_it_says_how_to_name_one(monkeypatch: pytest.MonkeyPatch) -> None:
    done = subprocess.run(
        forked_programs.command("vaultctl", *GET),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "--profile" in done.stderr


@pytest.mark.parametrize("arguments", [["customers", "gett"], ["import"], ["--lang", "fr"]])
def test_wrong_use_ends_with_2(vaultctl: Vaultctl, arguments: list[str]) -> None:
    assert vaultctl(*arguments).code == 2


def test_a_reader_that_has_enough_ends_the_command_quietly(fake: FakeVault) -> None:
    profile = fake.profile()
    for _ in range(3000):
        fake.append()
    process = subprocess.Popen(
        [
            *forked_programs.command("vaultctl"),
            *("-p", str(profile), "audit", "query", "--limit", "0", "--json"),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    err = process.stderr.read()
    process.wait(20)
    process.stderr.close()
    assert err == b""


COMMANDS = [
    ("health",),
    ("import",),
    ("audit", "tail"),
    ("audit", "query"),
    *(("customers", verb) for verb in ("create", "get", "list", "history", "search")),
    *(("documents", verb) for verb in ("create", "get", "list", "history")),
    *(("transactions", verb) for verb in ("create", "get", "list")),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_and_has_json(
    vaultctl: Vaultctl, command: tuple[str, ...]
) -> None:
    ran = vaultctl(*command, "--help")
    assert ran.code == 0
    assert "--json" in ran.out
