"""`vaultctl audit`: the log in lines that people read and lines that machines read."""

from __future__ import annotations

import io
import subprocess
import time
from pathlib import Path
from typing import Literal

import grpc
import pytest
from google.protobuf.json_format import ParseDict
from rich.console import Console

from recordsvault.audit.v1.event_pb2 import AuditEvent, Decision, LogEntry, Phase
from tests.cli.conftest import Vaultctl
from tests.clients.fake_vault import FakeVault, Refused, unavailable
from tests.support import forked_programs
from vault.cli.vaultctl.audit_line import line

ROOT = Path(__file__).parents[2]
NAME = "institutions/demo-bank/customers/01h00000000000000000000000"


def rendered(entry: LogEntry, *, colour: bool = False) -> str:
    out = io.StringIO()
    system: Literal["standard"] | None = "standard" if colour else None
    Console(file=out, width=1000, force_terminal=colour, color_system=system).print(line(entry))
    return out.getvalue()


def test_a_line_says_when_who_what_whose_and_how_it_ended() -> None:
    entry = LogEntry(
        position=7,
        event=AuditEvent(
            actor="compliance",
            action="records.customers.get",
            resource=NAME,
            decision=Decision.DECISION_ALLOWED,
            outcome="OK",
            purpose="ONBOARDING_CDD",
            fields=["a", "b", "c", "d", "e", "f"],
            phase=Phase.PHASE_OPENED,
            count=3,
        ),
    )
    entry.append_time.FromJsonString("2026-03-01T09:30:00.000001Z")
    assert rendered(entry).strip() == (
        "2026-03-01T09:30:00.000001Z #7 NOTICE compliance began to open a customer's full record "
        "(customers/01h00000000000000000000000) for ONBOARDING_CDD. "
        "ALLOWED compliance records.customers.get/opened "
        f"{NAME} OK purpose=ONBOARDING_CDD count=3 fields=a,b,c,d,+2"
    )


def test_each_decision_has_its_colour() -> None:
    looks = set()
    for decision in Decision.values()[1:]:
        text = rendered(LogEntry(event=AuditEvent(decision=decision)), colour=True)
        name = Decision.Name(decision).removeprefix("DECISION_")
        looks.add(text.partition(name)[0].rpartition("\x1b")[2])
    assert len(looks) == 4


def test_what_an_event_holds_cannot_act_on_the_terminal() -> None:
    event = AuditEvent(actor="x\x1b[31m\r\n\u202eevil", on_behalf_of="[bold]\x9b1m", outcome="OK")
    text = rendered(LogEntry(event=event))
    assert not set(text.rstrip("\n")) & set("\x1b\r\n\x9b\u202e")
    assert "[bold]" in text


def test_a_query_writes_one_object_a_line_that_reads_back(
    fake: FakeVault, vaultctl: Vaultctl
) -> None:
    for _ in range(3):
        fake.append()
    ran = vaultctl("audit", "query", "--json")
    assert ran.code == 0
    assert [ParseDict(value, LogEntry()) for value in ran.lines] == fake.log


def test_filters_reach_the_vault(fake: FakeVault, vaultctl: Vaultctl) -> None:
    fake.append()
    fake.append(decision=Decision.DECISION_DENIED)
    ran = vaultctl(
        *("audit", "query", "--json", "--actor", "crm-frontend", "--decision", "denied"),
        *("--action", "masked.*", "--action", "records.import", "--customer", NAME[-26:]),
        *("--since", "2026-03-01", "--until", "2026-03-02T00:00:00+08:00", "--newest-first"),
    )
    assert [value["position"] for value in ran.lines] == ["1"]
    (request,) = fake.called("QueryEvents")
    assert list(request.filter.actions) == ["masked.*", "records.import"]
    assert request.filter.customer == NAME
    assert request.filter.from_time.ToJsonString() == "2026-03-01T00:00:00Z"
    assert request.filter.to_time.ToJsonString() == "2026-03-01T16:00:00Z"
    assert request.newest_first


@pytest.mark.parametrize("command", ["query", "tail"])
def test_entries_of_no_institution_are_asked_for_by_name(
    fake: FakeVault, vaultctl: Vaultctl, command: str
) -> None:
    fake.append()
    more = ("--no-follow",) if command == "tail" else ()
    assert vaultctl("audit", command, *more).code == 0
    assert vaultctl("audit", command, "--without-institution", *more).code == 0
    asked = [request.filter.without_institution for request in fake.called("QueryEvents")]
    assert asked == [False, True]


def test_a_limit_is_kept_exactly(fake: FakeVault, vaultctl: Vaultctl) -> None:
    for _ in range(9):
        fake.append()
    assert len(vaultctl("audit", "query", "--json", "--limit", 4).lines) == 4
    assert len(vaultctl("audit", "query", "--json", "--limit", 0).lines) == 9


@pytest.mark.parametrize(("limit", "told"), [(4, True), (8, True), (9, False), (10, False)])
def test_a_query_says_when_there_are_more_entries_than_it_shows(
    fake: FakeVault, vaultctl: Vaultctl, limit: int, told: bool
) -> None:
    for _ in range(9):
        fake.append()
    ran = vaultctl("audit", "query", "--json", "--limit", limit)
    assert ran.code == 0
    assert len(ran.lines) == min(limit, 9)
    assert ("--limit 0" in ran.err) == told


def test_a_query_says_so_by_itself_of_what_is_beyond_its_own_limit(
    fake: FakeVault, vaultctl: Vaultctl
) -> None:
    for _ in range(51):
        fake.append()
    ran = vaultctl("--lang", "zh", "audit", "query")
    assert "50" in ran.err
    assert "--limit 0" in ran.err
    assert vaultctl("audit", "query", "--limit", 0).err == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--decision", "maybe"], "--decision"),
        (["--since", "yesterday"], "--since"),
        (["--customer", "x"], "resource name"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused_before_the_call(
    fake: FakeVault, vaultctl: Vaultctl, arguments: list[str], said: str
) -> None:
    ran = vaultctl("audit", "query", *arguments)
    assert ran.code == 2
    assert said in ran.err
    assert not fake.calls


def test_the_last_entries_are_shown_in_their_order(fake: FakeVault, vaultctl: Vaultctl) -> None:
    for _ in range(9):
        fake.append()
    ran = vaultctl("audit", "tail", "--no-follow", "-n", 3, "--json")
    assert [value["position"] for value in ran.lines] == ["6", "7", "8"]


def test_entries_from_a_position_are_shown(fake: FakeVault, vaultctl: Vaultctl) -> None:
    for _ in range(5):
        fake.append()
    ran = vaultctl("audit", "tail", "--no-follow", "--from-position", 2, "--json")
    assert [value["position"] for value in ran.lines] == ["2", "3", "4"]


def test_a_denied_reader_is_told_why(fake: FakeVault, vaultctl: Vaultctl) -> None:
    fake.fail("QueryEvents", Refused(grpc.StatusCode.PERMISSION_DENIED))
    ran = vaultctl("audit", "tail")
    assert ran.code == 5
    assert ran.out == ""


def test_tail_follows_without_a_gap_over_a_loss_and_ends_on_ctrl_c(fake: FakeVault) -> None:
    profile = fake.profile()
    for _ in range(4):
        fake.append()
    fake.fail("StreamEvents.cut", unavailable(), unavailable())
    process = subprocess.Popen(
        [
            *forked_programs.command("vaultctl"),
            *("-p", str(profile), "audit", "tail", "-n", "2", "--json"),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    seen = [process.stdout.readline() for _ in range(2)]
    for _ in range(3):
        # Appended before the stream stands, between its messages and after its losses.
        fake.append()
        time.sleep(0.2)
    seen += [process.stdout.readline() for _ in range(3)]
    process.send_signal(2)
    _, err = process.communicate(timeout=10)
    positions = [text.split('"position": "')[1].split('"')[0] for text in seen]
    assert positions == ["2", "3", "4", "5", "6"]
    assert process.returncode == 130
    assert "connection lost" in err
    assert "Traceback" not in err
