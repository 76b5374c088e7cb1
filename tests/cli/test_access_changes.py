"""`vaultctl policy` and `vaultctl access` against the vault itself: two persons change who may do
what."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from recordsvault.admin.v1 import access_admin_pb2 as pb
from recordsvault_client import PermissionDenied
from tests.cli.conftest import Vaultctl
from tests.cli.test_with_the_vault import ctl
from tests.support.running_vault import RunningVault
from vault.access.policy_files import POLICY_FOLDER
from vault.cli.vaultctl.access_propose import read_change
from vault.cli.vaultctl.failures import CommandError
from vault.cli.vaultctl.language import Language, speak
from vault.cli.vaultctl.proposal_decide import show_proposal
from vault.cli.vaultctl.proposal_show import change_lines
from vault.cli.vaultctl.steward import Steward

Ran = subprocess.CompletedProcess[str]
CUSTOMER = f"customers/{'0' * 26}"
ROLE = """
@id("auditor-reads") @en("An auditor reads masked views.") @zh("审计人员可查看脱敏视图。")
permit (
  principal in RecordsVault::Role::"auditor",
  action in RecordsVault::Action::"masked_read",
  resource
);
"""
TESTS = """
[[test]]
name = "an auditor reads masked views"
roles = ["auditor"]
action = "masked.customers.get"
expect = "allow"
"""


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVault]:
    folder = tmp_path_factory.mktemp("access")
    with RunningVault(folder, f"sqlite:///{folder}/vault.db") as running:
        yield running


def keeper(vault: RunningVault, *arguments: str) -> Ran:
    return ctl(vault, "keeper", *arguments)


def officer(vault: RunningVault, *arguments: str) -> Ran:
    return ctl(vault, "officer", *arguments)


def identifier(ran: Ran) -> str:
    assert ran.returncode == 0, ran.stderr
    (found,) = set(re.findall(r"[0-9a-z]{26}", ran.stdout))
    return str(found)


def shown(vault: RunningVault, tmp_path: Path, **more: str) -> Path:
    """A folder of the policies in force, and more files beside them."""
    folder = tmp_path / "policies"
    assert officer(vault, "policy", "show", "--out", str(folder)).returncode == 0
    for name, text in more.items():
        (folder / name.replace("__", ".")).write_text(text, "utf-8")
    return folder


def test_a_role_is_added_by_two_persons(vault: RunningVault, tmp_path: Path) -> None:
    folder = shown(vault, tmp_path, auditor__cedar=ROLE, auditor__tests__toml=TESTS)
    assert keeper(vault, "policy", "validate", str(folder)).returncode == 0
    tested = keeper(vault, "policy", "test", str(folder))
    assert tested.returncode == 0 and "0 failed" in tested.stdout
    differs = keeper(vault, "policy", "diff", str(folder))
    assert "+++ b/auditor.cedar" in differs.stdout
    assert re.search(r"auditor +masked\.customers\.get +own +- +yes", differs.stdout)
    made = identifier(keeper(vault, "policy", "propose", str(folder), "--reason", "Audit begins"))
    seen = officer(vault, "policy", "show", made)
    assert "Audit begins" in seen.stdout and '+  principal in RecordsVault::Role::"auditor"' in (
        seen.stdout
    )
    unattended = officer(vault, "policy", "approve", made)
    assert unattended.returncode == 2 and "--yes" in unattended.stderr
    assert keeper(vault, "policy", "approve", made, "--yes").returncode == 5
    other = officer(vault, "policy", "approve", made, "--yes", "--etag", "0" * 32)
    assert other.returncode == 8
    etag = json.loads(officer(vault, "policy", "show", made, "--json").stdout)["proposal"]["etag"]
    approved = officer(vault, "policy", "approve", made, "--yes", "--etag", etag)
    assert approved.returncode == 0 and f"{made}: approved" in approved.stdout
    history = officer(vault, "policy", "history").stdout
    assert re.search(rf"1 +{made} +approved .* keeper +officer +Audit begins", history)
    in_force = json.loads(officer(vault, "policy", "show", "--json").stdout)
    assert in_force["proposal"] == f"proposals/{made}" and "auditor" in in_force["roles"]


def test_in_chinese(vault: RunningVault) -> None:
    zh = ("--lang", "zh")
    ran = officer(vault, *zh, "policy", "history")
    assert "已批准" in ran.stdout
    who = officer(vault, *zh, "access", "who-can", "--customer", CUSTOMER)
    assert "仅限已借阅内容" in who.stdout and "条件" in who.stdout


def test_failing_tests_are_told_before_and_stand_in_the_way(
    vault: RunningVault, tmp_path: Path
) -> None:
    wrong = TESTS.replace("masked.customers.get", "records.import")
    folder = shown(vault, tmp_path, wrong__tests__toml=wrong)
    tested = keeper(vault, "policy", "test", str(folder))
    assert tested.returncode == 22 and "FAILED" in tested.stdout
    as_json = json.loads(keeper(vault, "policy", "test", str(folder), "--json").stdout)
    assert [t["name"] for t in as_json if not t.get("passed")] == ["an auditor reads masked views"]
    made = identifier(keeper(vault, "policy", "propose", str(folder), "--reason", "Try"))
    refused = officer(vault, "policy", "approve", made, "--yes")
    assert refused.returncode == 8 and "POLICY_TESTS_FAILED" in refused.stderr
    assert officer(vault, "policy", "reject", made, "--yes", "--comment", "No").returncode == 0


def test_a_principal_is_put_in_place_and_removed(vault: RunningVault, tmp_path: Path) -> None:
    file = tmp_path / "change.toml"
    file.write_text(
        """
        [[principal]]
        name = "teller-9"
        person = "p-9"
        accounts = ["https://login.demo.bank|9"]
        home_branch = "上海 01"
        roles = ["teller", {role = "custodian", not_after = 2100-01-01T00:00:00Z}]
        """
    )
    made = identifier(keeper(vault, "access", "propose", str(file), "--reason", "New colleague"))
    seen = officer(vault, "access", "show", made).stdout
    assert "+ teller-9: custodian until 2100-01-01" in seen
    assert "works at 上海 01" in re.sub(r"\s+", " ", seen)
    assert officer(vault, "access", "approve", made, "--yes").returncode == 0
    listed = officer(vault, "access", "principals").stdout
    assert re.search(r"teller-9 +store +custodian, teller", listed)
    file.write_text('remove = ["teller-9"]\nleaves_files = true')
    gone = identifier(keeper(vault, "access", "propose", str(file), "--reason", "At once"))
    assert "! Files that they keep are left behind" in officer(vault, "access", "show", gone).stdout
    assert "! 其名下档案将无保管人" in officer(vault, "--lang", "zh", "access", "show", gone).stdout
    assert keeper(vault, "access", "withdraw", gone).returncode == 0
    file.write_text('remove = ["teller-9"]')
    gone = identifier(keeper(vault, "access", "propose", str(file), "--reason", "Left"))
    assert keeper(vault, "access", "withdraw", gone).returncode == 0
    gone = identifier(keeper(vault, "access", "propose", str(file), "--reason", "Left"))
    assert officer(vault, "access", "approve", gone, "--yes").returncode == 0
    listed = json.loads(officer(vault, "access", "principals", "--json").stdout)
    assert "teller-9" not in {one["entry"]["name"] for one in listed}
    history = json.loads(officer(vault, "access", "history", "--json").stdout)
    assert [one["state"].removeprefix("PROPOSAL_STATE_") for one in history[:4]] == [
        "APPROVED",
        "WITHDRAWN",
        "WITHDRAWN",
        "APPROVED",
    ]


def test_who_approves_is_shown_what_a_change_takes_away(
    vault: RunningVault, tmp_path: Path
) -> None:
    entry = """
        [[principal]]
        name = "teller-11"
        accounts = ["https://login.demo.bank|11"]
        home_branch = "sh-01"
        roles = ["teller"]
        """
    own = "0" * 25 + "1"
    file = tmp_path / "change.toml"
    file.write_text(f'{entry}person = "p-11"\nown_files = ["{own}"]\nbranches = ["sh-01"]\n')
    made = identifier(keeper(vault, "access", "propose", str(file), "--reason", "New colleague"))
    assert "- teller-11" not in officer(vault, "access", "show", made).stdout
    assert officer(vault, "access", "approve", made, "--yes").returncode == 0
    file.write_text(f'{entry}person = "p-12"\n')
    made = identifier(keeper(vault, "access", "propose", str(file), "--reason", "Tidy up"))
    for lang, person, files, branches in (
        ("en", "person", "own files", "customers of branches"),
        ("zh", "人员", "本人档案", "限网点"),
    ):
        seen = officer(vault, "--lang", lang, "access", "show", made).stdout
        was, _, now = " ".join(seen.split()).partition("- teller-11:")[2].partition("+ teller-11:")
        assert f"{person} p-11" in was and f"{person} p-12" in now
        assert f"{files} {own}" in was and files not in now
        assert f"{branches} sh-01" in was and branches not in now
    approved = officer(vault, "access", "approve", made, "--yes")
    assert approved.returncode == 0 and "- teller-11: teller" in approved.stdout
    # What is decided is not compared with what has become of it since.
    assert "- teller-11" not in officer(vault, "access", "show", made).stdout
    file.write_text('remove = ["teller-11"]')
    made = identifier(keeper(vault, "access", "propose", str(file), "--reason", "Left"))
    assert "- teller-11: teller, person p-12" in officer(vault, "access", "show", made).stdout
    assert officer(vault, "access", "approve", made, "--yes").returncode == 0


def test_how_far_roles_reach_is_proposed_shown_and_explained(
    vault: RunningVault, tmp_path: Path
) -> None:
    file = tmp_path / "change.toml"
    file.write_text(
        """
        [[principal]]
        name = "teller-10"
        person = "p-10"
        accounts = ["https://login.demo.bank|10"]
        roles = ["teller"]
        branches = ["上海 01", "sh-02"]
        classes = []
        """
    )
    made = identifier(keeper(vault, "access", "propose", str(file), "--reason", "New colleague"))
    reach = "customers of branches sh-02 上海 01"
    seen = " ".join(officer(vault, "access", "show", made).stdout.split())
    assert reach in seen and "files of classes NONE AT ALL" in seen
    assert officer(vault, "access", "approve", made, "--yes").returncode == 0
    listed = json.loads(officer(vault, "access", "principals", "--json").stdout)
    (entry,) = [one["entry"] for one in listed if one["entry"]["name"] == "teller-10"]
    assert entry["scope"] == {"branches": {"names": ["sh-02", "上海 01"]}, "classes": {}}
    ask = ("--action", "masked.customers.get", "--as", "teller-10")
    told = officer(vault, "access", "explain", *ask, "--resource", CUSTOMER)
    assert f"reaches only {reach}" in told.stdout
    assert "reaches only files of classes NONE AT ALL" in told.stdout
    able = json.loads(officer(vault, "access", "who-can", "--json").stdout)["able"]
    (one,) = [one for one in able if one["principal"] == "teller-10"]
    assert one["scope"] == entry["scope"]
    assert all("scope" not in other for other in able if other is not one)
    who = officer(vault, "--lang", "zh", "access", "who-can").stdout
    assert "限网点" in who
    review = officer(vault, "access", "review", "--format", "csv").stdout
    assert f"{reach}; files of classes NONE AT ALL" in review
    assert "all files" in review


def test_a_decision_is_explained(vault: RunningVault) -> None:
    ask = ("access", "explain", "--action", "records.customers.get", "--resource", CUSTOMER)
    refused = officer(vault, *ask, "--as", "teller", "--purpose", "customer_service")
    assert refused.returncode == 5
    assert "refused" in refused.stdout and "CHECK_OUT_REQUIRED" in refused.stdout
    lent = ("--check-out", "--purpose", "customer_service", "--for", "teller")
    allowed = officer(vault, *ask, "--as", "crm", *lent)
    assert allowed.returncode == 0 and "lent-to-read" in allowed.stdout
    wrong = officer(vault, *ask, "--as", "crm", "--purpose", "fun")
    assert wrong.returncode == 2 and "--purpose" in wrong.stderr
    assert officer(vault, *ask, "--as", "nobody").returncode == 6
    assert ctl(vault, "crm", *ask, "--as", "crm").returncode == 5


def test_who_can_open_a_customer(vault: RunningVault) -> None:
    ran = officer(vault, "access", "who-can", "--customer", CUSTOMER)
    assert re.search(r"compliance +p-compliance +compliance +for .*INTERNAL_AUDIT", ran.stdout)
    assert re.search(r"teller +p-teller +teller +what is checked out +lent-to-read", ran.stdout)
    nobody = officer(vault, "access", "who-can", "--action", "rpc.unknown")
    assert "Nobody may." in nobody.stdout


# -- without a vault -----------------------------------------------------------------------------


def test_policies_are_checked_without_a_vault(vaultctl: Vaultctl, tmp_path: Path) -> None:
    good = vaultctl("policy", "validate", POLICY_FOLDER, "--json")
    assert good.code == 0 and "access_admin" in good.json["roles"]
    assert vaultctl("policy", "test", POLICY_FOLDER).code == 0
    (tmp_path / "wrong.cedar").write_text("permit")
    wrong = vaultctl("policy", "validate", tmp_path)
    assert wrong.code == 13 and "wrong.cedar" in wrong.err
    (tmp_path / "wrong.cedar").write_text(ROLE)
    assert vaultctl("policy", "test", tmp_path).code == 22  # no test
    (tmp_path / "wrong.tests.toml").write_text("[[test]]")
    assert vaultctl("policy", "test", tmp_path).code == 13


LISTS = (
    *("roles", "branches", "classes"),
    *("certificates", "accounts", "own_files", "related_files"),
)
WHOLE = pb.PrincipalEntry(
    name="a",
    uri="spiffe://a",
    roles=[pb.RoleBinding(role="teller", not_after=Timestamp(seconds=4_000_000_000))],
    not_after="2099-12-31",
    certificates=["sha256:1", "sha256:2"],
    person="p-1",
    accounts=["issuer|1"],
    own_files=["1", "2"],
    related_files=["3"],
    home_branch="sh-01",
    scope=pb.Scope(branches=pb.Limit(names=["sh-01"]), classes=pb.Limit(names=["VIP"])),
)


@pytest.mark.parametrize(
    "field",
    # Where `scope` says it, the former place of branches says the same.
    [one for one in pb.PrincipalEntry.DESCRIPTOR.fields_by_name if one not in ("name", "branches")],
)
def test_whatever_an_entry_loses_can_be_seen(field: str) -> None:
    less = pb.PrincipalEntry()
    less.CopyFrom(WHOLE)
    less.ClearField(field)  # type: ignore[arg-type]  # one of its fields
    was, now = change_lines(pb.DirectoryChange(upsert=[less]), {"a": WHOLE})
    assert was.startswith("- a: ") and now.startswith("+ a: ") and was[1:] != now[1:]


def test_an_entry_that_stays_as_it_is_is_neither_given_nor_taken() -> None:
    (line,) = change_lines(pb.DirectoryChange(upsert=[WHOLE]), {"a": WHOLE})
    assert line.startswith("= a: ")


class _Unlisted:
    """A steward whose caller may see proposals, and not the list of principals."""

    def principals(self) -> Iterator[pb.ListedPrincipal]:
        raise PermissionDenied({"en": "refused"})


def test_who_may_not_see_what_is_in_force_is_told_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    proposed = pb.Proposal(
        state=pb.PROPOSAL_STATE_PROPOSED, directory_change=pb.DirectoryChange(upsert=[WHOLE])
    )
    monkeypatch.setattr(
        _Unlisted, "proposal", lambda *_: pb.GetProposalResponse(proposal=proposed), raising=False
    )
    for language, words in ((Language.EN, "is not shown"), (Language.ZH, "无法显示")):
        speak(language)
        try:
            show_proposal(cast(Steward, _Unlisted()), "x", False)
        finally:
            speak(Language.EN)
        told = capsys.readouterr().out
        assert "+ a: " in told and words in "".join(told.splitlines())


def change(tmp_path: Path, text: str) -> pb.DirectoryChange:
    file = tmp_path / "change.toml"
    file.write_text(text)
    return read_change(file)


def test_a_change_file_is_read_with_the_ends_of_roles(tmp_path: Path) -> None:
    entry = 'name = "a"\nnot_after = 2027-12-31\nroles = [{role = "teller", not_after = '
    found = change(tmp_path, f"[[principal]]\n{entry}2026-12-31T16:00:00+08:00}}]")
    (one,) = found.upsert
    assert one.not_after == "2027-12-31"
    assert one.roles[0].not_after.ToDatetime(UTC) == datetime(2026, 12, 31, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("lines", "branches", "classes"),
    [
        ("", None, None),
        ('branches = ["a"]', ["a"], None),
        ('branches = []\nclasses = ["VIP"]', [], ["VIP"]),
    ],
)
def test_a_limit_that_is_left_out_is_none_and_an_empty_one_is_one(
    tmp_path: Path, lines: str, branches: list[str] | None, classes: list[str] | None
) -> None:
    (one,) = change(tmp_path, f'[[principal]]\nname = "a"\nroles = ["teller"]\n{lines}').upsert
    assert one.scope.HasField("branches") is (branches is not None)
    assert one.scope.HasField("classes") is (classes is not None)
    assert list(one.scope.branches.names) == (branches or [])
    assert list(one.scope.classes.names) == (classes or [])


@pytest.mark.parametrize(
    "text",
    [
        "not TOML",
        "principals = 7",
        'principal = ["a"]',
        "[[principal]]\nroles = []",
        '[[principal]]\nname = "a"\ncolour = "red"',
        '[[principal]]\nname = "a"\nroles = [{role = "teller", not_after = "soon"}]',
        '[[principal]]\nname = "a"\nroles = [7]',
        "remove = [7]",
        '[[principal]]\nname = "a"\nroles = []\nclasses = [7]',
    ],
)
def test_a_change_file_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(CommandError):
        change(tmp_path, text)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        *((key, f'[[principal]]\nname = "a"\n{key} = "sh-01"') for key in LISTS),
        ("roles", '[[principal]]\nname = "a"\nroles = {role = "teller"}'),
        ("remove", 'remove = "officer"'),
        ("principal", '[principal]\nname = "a"'),
    ],
)
def test_what_should_be_a_list_and_is_none_is_refused_by_its_key(
    tmp_path: Path, key: str, text: str
) -> None:
    with pytest.raises(CommandError) as refused:
        change(tmp_path, text)
    assert f"{key} is no list" in refused.value.en and f"{key} 不是列表" in refused.value.zh
