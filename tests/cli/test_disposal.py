"""`vaultctl disposal`, `retention` and `hold`: what is typed is what is asked for, and what is
answered is shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.type.date_pb2 import Date

from recordsvault.retention.v1 import retention_pb2 as pb
from tests.cli.conftest import Vaultctl
from tests.clients.fake_vault import FakeVault

PARENT = "institutions/demo-bank"
ID = "0" * 26
PLAN, CASE = f"{PARENT}/disposals/{ID}", f"{PARENT}/compartments/{ID}"
HOLD = f"{CASE}/holds/{ID}"
CUSTOMER = f"{PARENT}/customers/{ID}"
HASH = "5a" * 32


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "240")


def disposal(state: pb.DisposalState.ValueType = pb.DISPOSAL_STATE_PLANNED) -> pb.Disposal:
    return pb.Disposal(name=PLAN, state=state, plan_sha256=HASH, due=2, blocked=1)


@pytest.fixture
def vault(fake: FakeVault) -> FakeVault:
    """A vault whose one answer to everything is friendly."""
    proposal = pb.RulesProposal(name=f"{PARENT}/proposals/{ID}", etag="e" * 32)
    item = pb.DisposalItem(
        number=1,
        customer=CUSTOMER,
        scope="identity",
        state=pb.ITEM_STATE_BLOCKED,
        cause=pb.BLOCK_CAUSE_RESERVED,
        rule_set="cn/2",
        kept_through=Date(year=2035, month=6, day=30),
    )
    rule = pb.Rule(name="identity", minimum_years=10, source="反洗钱法", article="第三十四条")
    sets = [pb.RuleSet(name="cn", version=2, jurisdictions=["CN"], rules=[rule], in_force=True)]
    fake.answers |= {
        "PlanDisposal": lambda _: pb.PlanDisposalResponse(disposal=disposal()),
        "GetDisposal": lambda _: pb.GetDisposalResponse(disposal=disposal(pb.DISPOSAL_STATE_DONE)),
        "ListDisposals": lambda _: pb.ListDisposalsResponse(disposals=[disposal()]),
        "ListDisposalItems": lambda _: pb.ListDisposalItemsResponse(items=[item]),
        "ApproveDisposal": lambda _: pb.ApproveDisposalResponse(
            disposal=disposal(pb.DISPOSAL_STATE_APPROVED)
        ),
        "ExecuteDisposal": lambda _: pb.ExecuteDisposalResponse(
            disposal=disposal(pb.DISPOSAL_STATE_EXECUTING)
        ),
        "GetDisposalCertificate": lambda _: pb.GetDisposalCertificateResponse(
            certificate=b"demo.bank/log/access\nrecordsvault certificate of disposal v1\n",
            leaf=b'{"v":1}',
            proof="c2sp.org/tlog-proof@v1\n",
            keys_final=Date(year=2035, month=8, day=6),
            rows_final=Date(year=2045, month=7, day=9),
        ),
        "ListRuleSets": lambda _: pb.ListRuleSetsResponse(rule_sets=sets),
        "PreviewRuleSet": lambda _: pb.PreviewRuleSetResponse(effect=pb.Effect(later=7)),
        "ProposeRuleSet": lambda _: pb.ProposeRuleSetResponse(proposal=proposal),
        "ProposeRuling": lambda _: pb.ProposeRulingResponse(proposal=proposal),
        "ApproveRules": lambda _: pb.ApproveRulesResponse(proposal=proposal),
        "PlaceHold": lambda _: pb.PlaceHoldResponse(hold=pb.Hold(name=HOLD)),
        "ListHolds": lambda _: pb.ListHoldsResponse(holds=[pb.Hold(name=HOLD, authority="Court")]),
        "ProposeHoldRelease": lambda _: pb.ProposeHoldReleaseResponse(hold=pb.Hold(name=HOLD)),
        "AgreeHoldRelease": lambda _: pb.AgreeHoldReleaseResponse(hold=pb.Hold(name=HOLD)),
    }
    return fake


def test_a_plan_is_made_and_says_who_does_what_next(vault: FakeVault, vaultctl: Vaultctl) -> None:
    one = f"customers/{ID}/transactions/{ID}"
    shown = vaultctl("disposal", "plan", "--reason", " Yearly ", "--transaction", one)
    assert shown.code == 0
    (sent,) = vault.called("PlanDisposal")
    assert (sent.parent, sent.reason) == (PARENT, "Yearly")
    assert list(sent.transactions) == [f"{PARENT}/{one}"]
    assert f"vaultctl disposal approve {ID} --plan {HASH}" in shown.out
    chinese = vaultctl("--lang", "zh", "disposal", "plan", "--reason", "x")
    assert "由合规部门的另一人执行" in chinese.out


def test_a_plan_is_shown_with_what_is_blocked_and_by_what_kind_of_cause(
    vault: FakeVault, vaultctl: Vaultctl
) -> None:
    shown = vaultctl("disposal", "show", ID, "--state", "blocked").out
    assert "RESERVED" in shown
    assert "cn/2" in shown
    (sent,) = vault.called("ListDisposalItems")
    assert (sent.parent, sent.state) == (PLAN, pb.ITEM_STATE_BLOCKED)
    assert vaultctl("disposal", "show", ID, "--json").json["items"][0]["number"] == "1"


def test_a_plan_is_approved_by_its_whole_hash_alone(vault: FakeVault, vaultctl: Vaultctl) -> None:
    assert vaultctl("disposal", "approve", ID, "--plan", HASH[:10]).code != 0
    assert vault.called("ApproveDisposal") == []
    assert vaultctl("disposal", "approve", PLAN, "--plan", HASH.upper()).code == 0
    (sent,) = vault.called("ApproveDisposal")
    assert (sent.name, sent.plan_sha256) == (PLAN, HASH)


def test_who_waits_is_told_when_it_is_done(vault: FakeVault, vaultctl: Vaultctl) -> None:
    shown = vaultctl("disposal", "execute", ID, "--wait")
    assert shown.code == 0
    assert len(vault.called("GetDisposal")) == 1


def test_a_certificate_is_shown_and_written_with_its_proof(
    vault: FakeVault, vaultctl: Vaultctl, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    shown = vaultctl("disposal", "certificate", ID, "--out", str(folder)).out
    assert "recordsvault certificate of disposal v1" in shown
    assert "2035-08-06" in shown
    assert "2045-07-09" in shown
    assert sorted(path.name for path in folder.iterdir()) == [
        "certificate.note",
        "leaf.json",
        "leaf.tlog-proof",
    ]


@pytest.mark.parametrize(
    "typed",
    [
        ["disposal", "plan"],
        ["disposal", "plan", "--reason", " "],
        ["disposal", "show", "nothing"],
        ["disposal", "show", ID, "--state", "GONE"],
        ["hold", "release", ID, "--reason", "x"],
        ["retention", "propose", "/no/such/file", "--reason", "x"],
    ],
)
def test_what_is_not_enough_is_refused_before_the_vault_is_asked(
    vault: FakeVault, vaultctl: Vaultctl, typed: list[str]
) -> None:
    assert vaultctl(*typed).code != 0
    assert vault.calls == []


def test_rules_are_shown_with_their_sources_and_proposed(
    vault: FakeVault, vaultctl: Vaultctl, tmp_path: Path
) -> None:
    assert "反洗钱法, 第三十四条" in vaultctl("retention", "rules").out
    file = tmp_path / "cn-3.toml"
    file.write_text('name = "cn"\n', encoding="utf-8")
    assert "7" in vaultctl("retention", "preview", str(file)).out
    shown = vaultctl("retention", "propose", str(file), "--reason", "A law", "--shortens")
    assert f"vaultctl retention approve {ID} --etag {'e' * 32}" in shown.out
    (sent,) = vault.called("ProposeRuleSet")
    assert (sent.rule_set, sent.shortens) == ('name = "cn"\n', True)
    rule = ("retention", "rule", "cn/identity", "eu/identity", "--reason", "Counsel")
    assert vaultctl(*rule, "--customer", ID).code == 0
    (ruled,) = vault.called("ProposeRuling")
    assert ruled.ruling == pb.Ruling(
        prevails="cn/identity", yields="eu/identity", customer=CUSTOMER
    )
    assert vaultctl("retention", "approve", ID, "--etag", "e").code == 0


def test_a_hold_is_placed_listed_and_released_by_two(vault: FakeVault, vaultctl: Vaultctl) -> None:
    typed = ["hold", "place", ID, ID, "--authority", "Court", "--from", "2026-01-02"]
    assert vaultctl(*typed).code == 0
    (sent,) = vault.called("PlaceHold")
    assert (sent.parent, sent.hold.customer, sent.hold.authority) == (CASE, CUSTOMER, "Court")
    assert sent.hold.first_day == Date(year=2026, month=1, day=2)
    assert not sent.hold.HasField("last_day")
    assert "Court" in vaultctl("hold", "list", ID).out
    assert vaultctl("hold", "release", HOLD, "--reason", "Over").code == 0
    below = HOLD.removeprefix(f"{PARENT}/")
    assert vaultctl("hold", "agree", below, "--etag", "e").code == 0
    assert [one.name for one in vault.called("AgreeHoldRelease")] == [HOLD]
