"""`vaultctl keys`: what is typed is what is asked for, and what is answered is shown."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from recordsvault.admin.v1 import access_admin_pb2 as ap
from recordsvault.admin.v1 import keys_pb2 as pb
from recordsvault_client import step_of
from tests.cli.conftest import Vaultctl
from tests.clients.fake_vault import FakeVault, Refused

PARENT = "institutions/demo-bank"
ID = "0" * 26
MINE, OF_VAULT = f"{PARENT}/proposals/{ID}", f"proposals/{ID}"
ETAG = "0" * 32
AT = datetime(2026, 12, 1, 1, 2, 3, tzinfo=UTC)
WHY = ("--reason", "Once a year")


@pytest.fixture(autouse=True)
def shanghai(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine's time zone, as the commands show times; and a wide terminal."""
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    monkeypatch.setenv("COLUMNS", "200")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def proposal(name: str = MINE, **fields: object) -> ap.Proposal:
    fields.setdefault("key_step", step_of("branch-full", "rotate"))
    made = ap.Proposal(
        name=name,
        etag=ETAG,
        kind=ap.PROPOSAL_KIND_KEYS,
        state=ap.PROPOSAL_STATE_PROPOSED,
        proposer="operator",
        reason="Once a year",
        **fields,  # type: ignore[arg-type]  # fields of the message
    )
    made.propose_time.FromDatetime(AT)
    return made


def work(state: str, **fields: object) -> pb.KeyWork:
    fields.setdefault("step", step_of("branch-full", "rewrap", rate=2_000))
    made = pb.KeyWork(
        name=MINE,
        state=pb.KeyWorkState.Value(f"KEY_WORK_STATE_{state}"),
        **fields,  # type: ignore[arg-type]  # fields of the message
    )
    made.update_time.FromDatetime(AT)
    return made


@pytest.fixture
def vault(fake: FakeVault) -> FakeVault:
    """A vault whose one answer to everything is friendly."""

    def versions(request: pb.ListKeyVersionsRequest) -> pb.ListKeyVersionsResponse:
        if not request.parent:
            kek = pb.KeyVersion(key=ap.KEY_KEK_FULL, version="2-af", newest=True, hanging=3)
            return pb.ListKeyVersionsResponse(versions=[kek], providers=["hsm"])
        made = pb.KeyVersion(key=ap.KEY_INDEX, version="1", searched=True, hanging=9)
        made.create_time.FromDatetime(AT)
        made.kek_version = "@hsm/1"
        return pb.ListKeyVersionsResponse(versions=[made])

    answers: dict[str, Callable[[Any], Message]] = {
        "ListKeyVersions": versions,
        "ListKeySteps": lambda _: pb.ListKeyStepsResponse(),
        "ProposeKeyStep": lambda r: pb.ProposeKeyStepResponse(proposal=proposal(key_step=r.step)),
        "WithdrawKeyStep": lambda r: pb.WithdrawKeyStepResponse(proposal=proposal(r.name)),
        "GetKeyStep": lambda r: pb.GetKeyStepResponse(proposal=proposal(r.name)),
        "GetProposal": lambda r: ap.GetProposalResponse(proposal=proposal(r.name)),
        "ApproveProposal": lambda r: ap.ApproveProposalResponse(proposal=proposal(r.name)),
    }
    fake.answers |= answers
    return fake


def no_such(fake: FakeVault, method: str) -> None:
    fake.fail(method, Refused(grpc.StatusCode.NOT_FOUND, "no such proposal"))


@pytest.mark.parametrize(
    ("typed", "parent", "step"),
    [
        (["rotate", "branch-full"], PARENT, step_of("branch-full", "rotate")),
        (["rotate", "kek-masked"], "", step_of("kek-masked", "rotate")),
        (
            ["rotate", "kek-full", "--to-provider", "hsm"],
            "",
            step_of("kek-full", "rotate", provider="hsm"),
        ),
        (["rewrap", "index"], PARENT, step_of("index", "rewrap", rate=2_000)),
        (
            ["rewrap", "branch-masked", "--rate", "50"],
            PARENT,
            step_of("branch-masked", "rewrap", rate=50),
        ),
        (
            ["retire", "branch-full", "--version", "3"],
            PARENT,
            step_of("branch-full", "retire", version="3"),
        ),
    ],
)
def test_what_is_typed_is_what_is_proposed(
    vault: FakeVault, vaultctl: Vaultctl, typed: list[str], parent: str, step: ap.KeyStep
) -> None:
    ran = vaultctl("keys", *typed, *WHY)
    assert (ran.code, ID in ran.out) == (0, True)
    (sent,) = vault.called("ProposeKeyStep")
    assert (sent.parent, sent.step, sent.reason) == (parent, step, "Once a year")


@pytest.mark.parametrize(
    "typed",
    [
        ["rotate", "kek", *WHY],
        ["rotate", "branch-full"],
        ["retire", "branch-full", *WHY],
        ["rewrap", "index", "--rate", "0", *WHY],
    ],
)
def test_what_is_not_enough_is_refused_before_the_vault_is_asked(
    vault: FakeVault, vaultctl: Vaultctl, typed: list[str]
) -> None:
    assert vaultctl("keys", *typed).code != 0
    assert vault.calls == []


def test_versions_are_listed_with_what_hangs_under_them(
    vault: FakeVault, vaultctl: Vaultctl
) -> None:
    shown = vaultctl("keys", "list").out
    assert re.search(r"kek-full +2-af +3 +newest", shown)
    assert re.search(r"index +1 +9 +@hsm/1 +2026-12-01 09:02:03 \S+ +searched by", shown)
    assert "other providers: hsm" in shown
    listed = vaultctl("keys", "list", "--json").json
    assert [one["version"] for one in listed["versions"]] == ["2-af", "1"]
    assert listed["providers"] == ["hsm"]
    assert "最新" in vaultctl("--lang", "zh", "keys", "list").out


def test_status_shows_what_waits_and_how_far_the_work_is(
    vault: FakeVault, vaultctl: Vaultctl
) -> None:
    assert "Nothing is being done with keys." in vaultctl("keys", "status").out
    failed = work("FAILED", done=9, total=10, target="2", detail="1 file keys do not open")
    vault.answers["ListKeySteps"] = lambda r: (
        pb.ListKeyStepsResponse(work=[work("RUNNING", done=3, total=10, target="2"), failed])
        if r.parent
        else pb.ListKeyStepsResponse(waiting=[proposal(OF_VAULT)])
    )
    shown = vaultctl("keys", "status").out
    assert "waiting for another person" in shown
    assert re.search(rf"{ID} +rotate branch-full +operator +Once a year", shown)
    line = r"rewrap all that hangs under branch-full, 2000 keys a second +running +2 +3/10"
    assert re.search(line, shown)
    assert re.search(r"failed +2 +9/10.*1 file keys do not open", shown)
    told = vaultctl("keys", "status", "--json").json
    assert [len(told["work"]), len(told["waiting"])] == [2, 1]


@pytest.mark.parametrize(("ends", "code"), [("DONE", 0), ("FAILED", 1)])
def test_waiting_ends_with_the_work_and_says_whether_it_was_done(
    vault: FakeVault, vaultctl: Vaultctl, ends: str, code: int
) -> None:
    states = iter(["WAITING", "RUNNING", "CHECKING"])

    def steps(request: pb.ListKeyStepsRequest) -> pb.ListKeyStepsResponse:
        if not request.parent:
            return pb.ListKeyStepsResponse()
        return pb.ListKeyStepsResponse(work=[work(next(states, ends))])

    vault.answers["ListKeySteps"] = steps
    ran = vaultctl("keys", "status", "--wait")
    assert (ran.code, ends.lower() in ran.out) == (code, True)


def test_a_proposal_is_found_by_its_identifier_whatevers_key_it_is(
    vault: FakeVault, vaultctl: Vaultctl
) -> None:
    assert vaultctl("keys", "withdraw", ID).code == 0
    no_such(vault, "WithdrawKeyStep")
    assert vaultctl("keys", "withdraw", ID).code == 0
    assert [one.name for one in vault.called("WithdrawKeyStep")] == [MINE, MINE, OF_VAULT]
    no_such(vault, "GetKeyStep")
    assert "rotate branch-full" in vaultctl("keys", "show", ID).out
    assert [one.name for one in vault.called("GetKeyStep")] == [MINE, OF_VAULT]


def test_what_is_approved_is_shown_first_and_named_by_its_etag(
    vault: FakeVault, vaultctl: Vaultctl
) -> None:
    no_such(vault, "GetProposal")
    ran = vaultctl("keys", "approve", ID, "--yes", "--etag", ETAG)
    assert ran.code == 0, ran.err
    assert "rotate branch-full" in ran.out
    (sent,) = vault.called("ApproveProposal")
    assert (sent.name, sent.etag) == (OF_VAULT, ETAG)
