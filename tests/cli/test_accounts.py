"""`vaultctl accounts check`: whatever is wrong in an account is said in a sentence, in both
languages, and by the exit code."""

from __future__ import annotations

import json

import pytest
from google.type.money_pb2 import Money

from recordsvault.accounts.v1 import accounts_pb2 as pb
from tests.cli.conftest import Vaultctl
from tests.clients.fake_vault import FakeVault

PREFIX = "ACCOUNT_FINDING_KIND_"
CHECK = ("accounts", "check", "0" * 26, "6200001", "--purpose", "INTERNAL_AUDIT")
TOLD = {
    "GAP": ("T1: entries 3 to 6 are missing", "T1: 缺少第 3 至 6 笔"),
    "DOUBLE": ("T1: number 3 is there twice", "T1: 序号 3 重复"),
    "UNNUMBERED": ("T1: the entry has no number", "T1: 该笔无序号"),
    "ORDER": ("T1: number 3 comes after a greater one", "T1: 序号 3 排在更大的序号之后"),
    "BALANCE": (
        "T1: the balance is -7.5 CNY, and would have to be 110 CNY",
        "T1: 余额为 -7.5 CNY，应为 110 CNY",
    ),
    "STATEMENT_SUM": (
        "S1: ends with -7.5 CNY, and its entries come to 110 CNY",
        "S1: 期末余额为 -7.5 CNY，按分录应为 110 CNY",
    ),
    "STATEMENT_GAP": (
        "S1: no entry of the statements 3 to 6 before it is stored",
        "S1: 此前第 3 至 6 期对账单没有任何分录",
    ),
    "STATEMENT_DOUBLE": (
        "S1: the statement is there twice, or its entries differ about it",
        "S1: 对账单重复，或各分录对其记载不一致",
    ),
    "STATEMENT_CARRY": (
        "S1: begins with -7.5 CNY, and the one before ends with 110 CNY",
        "S1: 期初余额为 -7.5 CNY，上期期末为 110 CNY",
    ),
}


def finding(kind: str) -> pb.AccountFinding:
    of_statement = kind.startswith("STATEMENT")
    return pb.AccountFinding(
        kind=pb.AccountFindingKind.Value(PREFIX + kind),
        transaction="" if of_statement else "T1",
        statement_id="S1" if of_statement else "",
        first_number=3,
        last_number=6,
        expected=Money(currency_code="CNY", units=110),
        stated=Money(currency_code="CNY", units=-7, nanos=-500_000_000),
    )


def answers(fake: FakeVault, answer: pb.CheckAccountResponse) -> None:
    fake.answers["CheckAccount"] = lambda _: answer


def test_every_finding_that_there_is_has_its_sentence(fake: FakeVault, vaultctl: Vaultctl) -> None:
    kinds = [name.removeprefix(PREFIX) for name in pb.AccountFindingKind.keys()[1:]]
    assert set(kinds) == set(TOLD)
    found = [finding(kind) for kind in kinds]
    answers(fake, pb.CheckAccountResponse(entries=9, findings=found, finding_count=len(found) + 3))
    for place, options in enumerate(((), ("--lang", "zh"))):
        ran = vaultctl(*options, *CHECK)
        assert ran.code == 23
        assert ran.out.splitlines()[1:] == [
            *(TOLD[kind][place] for kind in kinds),
            ("... and 3 more", "……另有 3 项")[place],
        ]


def test_an_account_that_is_sound_ends_with_0_and_what_is_wrong_with_23(
    fake: FakeVault, vaultctl: Vaultctl
) -> None:
    """Also where so much is wrong that the list of it is cut short, and where all is wrong."""
    answers(fake, pb.CheckAccountResponse(entries=3, first_number=1, last_number=3))
    sound = vaultctl(*CHECK)
    assert (sound.code, sound.out) == (0, "3 entries, numbers 1–3\n")
    for answer in (
        pb.CheckAccountResponse(entries=3, finding_count=1),
        pb.CheckAccountResponse(entries=3, finding_count=1, findings=[finding("GAP")]),
    ):
        answers(fake, answer)
        assert vaultctl(*CHECK).code == 23
        ran = vaultctl(*CHECK, "--json")
        assert ran.code == 23 and json.loads(ran.out)["finding_count"] == "1"


@pytest.mark.parametrize("balanced", [True, False])
def test_the_sums_say_whether_they_add_up(
    fake: FakeVault, vaultctl: Vaultctl, balanced: bool
) -> None:
    def cny(units: int) -> Money:
        return Money(currency_code="CNY", units=units)

    closing = cny(107 if balanced else 108)
    total = pb.AccountSum(
        opening_balance=cny(100),
        credits=cny(9),
        debits=cny(2),
        closing_balance=closing,
        balanced=balanced,
    )
    one = pb.StatementCheck(
        statement_id="S1",
        number=4,
        entries=2,
        opening_balance=cny(100),
        movements=cny(7),
        closing_balance=closing,
        balanced=balanced,
    )
    answers(fake, pb.CheckAccountResponse(entries=2, sums=[total], statements=[one]))
    word, shown = "yes" if balanced else "no", f"{closing.units}"
    _, _, sums, _, listed = vaultctl(*CHECK).out.splitlines()
    assert sums.split() == ["100", "CNY", "9", "CNY", "2", "CNY", shown, "CNY", word]
    assert listed.split() == ["S1", "4", "2", "100", "CNY", "7", "CNY", shown, "CNY", word]
