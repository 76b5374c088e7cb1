"""`records status` and the monthly report against the vault: its own figures, in both languages;
and holds, of which only the members of their compartments learn."""

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from recordsvault.audit.v1 import event_pb2 as events
from recordsvault.compartments.v1 import compartments_pb2 as cp
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.records.v1.customer_pb2 import Customer, Relationship
from recordsvault.retention.v1 import retention_pb2 as rp
from recordsvault.retention.v1 import retention_pb2_grpc
from recordsvault.type.v1 import party_pb2 as party
from tests.cli.test_with_the_vault import ctl
from tests.e2e import people
from tests.e2e.access_changes import approve, certify, entry, propose
from tests.e2e.calls import create, get, query
from tests.e2e.people import PARENT
from tests.support.running_vault import RunningVault
from vault.server.settings import TierName

pytestmark = pytest.mark.slow

MONTH = f"{datetime.now(UTC):%Y-%m}"
TODAY = datetime.now(UTC).date()
ROLES = ("custodian", "security_officer", "operator", "investigator")
_MADE = re.compile(r"[0-9-]{10} [0-9:]{8} UTC")
OF_FILES = [
    option
    for part in ("completeness", "due", "custodians", "disposal", "holds")
    for option in ("--part", part)
]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVault]:
    """Both tiers, on SQLite, with somebody who may see every part."""
    folder = tmp_path_factory.mktemp("real")
    with RunningVault(folder, f"sqlite:///{folder}/vault.db") as vault:
        certify(vault, "chief")
        approve(vault, propose(vault, entry("chief", *ROLES, person="p-chief")))
        yield vault


def retention(vault: RunningVault, who: str) -> retention_pb2_grpc.RetentionStub:
    return retention_pb2_grpc.RetentionStub(vault.channel(who, TierName.FULL))


@pytest.fixture(scope="module")
def held(real: RunningVault) -> Customer:
    """The first of four files: one whose document ends soon, one whose custodian has left, one with
    a booking that was disposed of, and one that nothing is the matter with."""
    soon = people.person()
    soon.risk_class = party.RISK_CLASS_HIGH
    soon.natural_person.identity.long_term = False
    ends = TODAY + timedelta(days=20)
    soon.natural_person.identity.expiry_date.CopyFrom(people.day(ends))
    first = create(real, soon)
    left = people.person()
    left.relationship.CopyFrom(Relationship(custodian="left-long-ago"))
    real.employ("left-long-ago")
    create(real, left)
    real.employ()
    create(real)
    old = create(real).name
    booked = people.booking(datetime(2012, 3, 4, 5, 6, 7, tzinfo=UTC))
    real.records().CreateTransaction(pb.CreateTransactionRequest(parent=old, transaction=booked))
    keeper, compliance = retention(real, "custodian"), retention(real, "compliance")
    plan = keeper.PlanDisposal(rp.PlanDisposalRequest(parent=PARENT, reason="Due.")).disposal
    compliance.ApproveDisposal(
        rp.ApproveDisposalRequest(name=plan.name, plan_sha256=plan.plan_sha256)
    )
    keeper.ExecuteDisposal(rp.ExecuteDisposalRequest(name=plan.name))
    deadline = time.monotonic() + 60
    wanted = rp.GetDisposalRequest(name=plan.name)
    while keeper.GetDisposal(wanted).disposal.state != rp.DISPOSAL_STATE_DONE:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    for _ in range(3):
        get(real, first.name)
    with pytest.raises(grpc.RpcError):
        real.records("counter").GetCustomer(pb.GetCustomerRequest(name=first.name))
    return first


def status(real: RunningVault, who: str, *more: str) -> dict[str, Any]:
    ran = ctl(real, who, "records", "status", "--json", *more)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def page(real: RunningVault, who: str, lang: str, out: Path, *more: str) -> str:
    made = ("--lang", lang, "records", "report", "--month", MONTH, "--out", str(out), *more)
    ran = ctl(real, who, *made)
    assert ran.returncode == 0, ran.stderr
    # But for the second in which it was made.
    text, made_at = _MADE.subn("", out.read_text("utf-8"))
    assert made_at == 1
    return text


def test_the_figures_are_those_of_the_vault(real: RunningVault, held: Customer) -> None:
    denied = sum(one.event.decision != events.DECISION_ALLOWED for one in query(real))
    found = status(real, "chief")
    assert found["not_open"] == {}
    assert found["files"] == {"HIGH": 1, "LOW": 3}
    # Nobody has verified the names of any.
    assert sum(found["complete"].values()) == 0
    assert found["amiss"]["full_name"] == 4
    assert found["coming"]["DOCUMENT_EXPIRY"] == 1
    assert found["coming"]["CUSTODIAN_LEFT"] == 1
    assert found["overdue"] == {}
    assert found["custodians"] == {"here": 3, "left": 1}
    assert found["disposed"] == {"plans": 1, "scopes": 1, "rows": 1}
    assert (found["plans"], found["blocked"], found["going"]) == ({}, {}, 0)
    assert found["kinds"]["full_reads"] == 3
    assert set(found["accesses"]) == {TODAY.isoformat()}
    assert found["accesses"][TODAY.isoformat()]["denied"] == denied > 0
    health = {one["part"]: one["state"] for one in found["health"]}
    assert health["log"] == "OK" and health["database"] == "OK"
    # What is not open to somebody is named; nothing of it is counted.
    keeper = status(real, "custodian")
    assert set(keeper["not_open"]) >= {"holds", "accesses"}
    assert keeper["files"] == found["files"] and keeper["kinds"] == {}


@pytest.mark.parametrize(
    ("lang", "sentences"),
    [
        (
            "en",
            (
                f"Custodian&#x27;s report, demo-bank, {MONTH}",
                "Nothing is amiss in 0 of 4 files (0.0%).",
                "0 are overdue; 2 fall due within ninety days.",
                "custodian has left",
                "Plans carried out in the month: 1; scopes given up: 1; rows taken away: 1.",
                "full records read",
                "health of vault and log",
                "works",
            ),
        ),
        (
            "zh",
            (
                f"档案保管月报（demo-bank，{MONTH}）",
                "4 份档案中 0 份完整（0.0%）。",
                "0 项已逾期；2 项将在九十天内到期。",
                "保管人已离任",
                "本月执行计划 1 个：处置 1 个范围，删除 1 行。",
                "读取完整记录",
                "系统与日志健康",
                "正常",
            ),
        ),
    ],
)
def test_the_month_is_printed_with_the_vaults_figures(
    real: RunningVault, held: Customer, tmp_path: Path, lang: str, sentences: tuple[str, ...]
) -> None:
    text = page(real, "chief", lang, tmp_path / "month.html")
    for one in sentences:
        assert one.lower() in text.lower(), one
    assert ("未对报告生成者开放" in text) is False and "Not open to" not in text
    # A disposal is of the month in which it ended, and of no other.
    before = ctl(
        real, "chief", "--lang", lang, "records", "report", "--out", str(tmp_path / "b.html")
    )
    assert before.returncode == 0, before.stderr
    last = (tmp_path / "b.html").read_text("utf-8")
    assert ("Plans carried out in the month: 0;" in last) or ("本月执行计划 0 个" in last)


def test_holds_are_told_to_the_members_of_their_compartments_and_change_no_byte_for_others(
    real: RunningVault, held: Customer, tmp_path: Path
) -> None:
    def others() -> list[str]:
        """What is seen and printed by a custodian, by compliance, by an investigator who is in no
        compartment, and by one who may see every part and is in none."""
        out = tmp_path / "page.html"
        seen = [
            page(real, who, lang, out, *OF_FILES)
            for who in ("custodian", "compliance", "colleague")
            for lang in ("en", "zh")
        ]
        for who in ("custodian", "compliance", "colleague", "chief"):
            for lang in ("en", "zh"):
                ran = ctl(real, who, "--lang", lang, "records", "status", *OF_FILES)
                seen.append(ran.stdout + ran.stderr + str(ran.returncode))
        seen.append(page(real, "chief", "en", out, *OF_FILES))
        return seen

    before = others()
    assert status(real, "investigator", "--part", "holds")["holds"] == {}
    about = cp.Compartment(kind=cp.COMPARTMENT_KIND_HOLD, title="Hold")
    case = real.compartments("investigator").CreateCompartment(
        cp.CreateCompartmentRequest(parent=PARENT, compartment=about)
    )
    name = case.compartment.name
    stub = holds_of_a_member(real)
    for more in ({}, {"account": people.card(7)}, {"first_day": people.day(TODAY)}):
        hold = rp.Hold(customer=held.name, authority="A court", **more)
        stub.PlaceHold(rp.PlaceHoldRequest(parent=name, hold=hold, request_id=people.new_id()))
    # -- the member sees them, by kind
    found = status(real, "investigator", "--part", "holds")
    assert found["holds"] == {"customer": 1, "account": 1, "period": 1}
    text = page(real, "investigator", "en", tmp_path / "mine.html", "--part", "holds")
    assert "on an account" in text and "Show it to no others" in text
    text = page(real, "investigator", "zh", tmp_path / "mine.html", "--part", "holds")
    assert "不得向其他人出示" in text
    # -- to everybody else all is as it was, byte by byte
    assert others() == before


def holds_of_a_member(vault: RunningVault) -> retention_pb2_grpc.HoldsStub:
    return retention_pb2_grpc.HoldsStub(vault.channel("investigator", TierName.FULL))
