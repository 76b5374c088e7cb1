"""Opening + movements = closing, and each statement goes on from the one before."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.statements.reading import reconciled
from tests.support.statements import entry, message, statement
from vault.cli.vaultctl.statements import reconcile
from vault.cli.vaultctl.statements.reconcile import Fault, Reconciliation


def faults(found: Reconciliation) -> list[str]:
    return [fault.value for finding in found.findings for fault in finding.faults]


def test_a_statement_that_adds_up_is_proved() -> None:
    found = reconciled(message(statement(entry(1, "5.00"), closing="105.00")))
    assert (found.statements, found.proved, found.entries, found.adds_up) == (1, 1, 1, True)


def test_a_difference_is_told_with_its_amount_and_the_end_of_the_account() -> None:
    found = reconciled(message(statement(entry(1, "5.00"), closing="104.99")))
    (one,) = found.findings
    assert (one.faults, one.difference, one.account_end) == ((Fault.SUM,), Decimal("-0.01"), "0647")
    assert not found.proved


def test_what_is_not_booked_is_not_in_the_balance() -> None:
    pending = entry(1, "5.00", status="<Cd>PDNG</Cd>")
    found = reconciled(message(statement(pending)))
    assert (found.proved, found.not_booked) == (1, 1)


def test_a_refused_entry_whose_amount_is_known_is_in_the_sum() -> None:
    bad = entry(1, "5.00").replace("<BookgDt><Dt>2026-03-02</Dt></BookgDt>", "")
    found = reconciled(message(statement(bad, closing="105.00")))
    assert (found.proved, found.broken) == (1, 1)


def test_an_amount_that_nobody_can_read_proves_nothing() -> None:
    bad = entry(1, "five")
    assert faults(reconciled(message(statement(bad)))) == ["AMOUNT_UNKNOWN"]


@pytest.mark.parametrize("code", ["OPBD", "CLBD"])
def test_without_both_balances_nothing_is_proved(code: str) -> None:
    text = message(statement("")).replace(f"<Cd>{code}</Cd>", "<Cd>XXXX</Cd>")
    assert faults(reconciled(text)) == ["NO_BALANCE"]


def test_statements_go_on_from_each_other() -> None:
    good = [
        statement(entry(1, "5.00"), opening="100.00", closing="105.00", number=7),
        statement(entry(2, "5.00"), opening="105.00", closing="110.00", number=8),
    ]
    assert reconciled(message(*good)).adds_up
    torn = good[1].replace("105.00", "106.00").replace("110.00", "111.00")
    assert faults(reconciled(message(good[0], torn))) == ["CONTINUITY"]


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ((1, 2, 3), []),
        ((1, 3), ["GAP"]),
        ((2, 2), ["DOUBLE"]),
        ((3, 2), ["GAP"]),
        # A new year begins anew.
        ((250, 1), []),
    ],
)
def test_gaps_and_doubles_of_numbers_are_told(numbers: tuple[int, ...], told: list[str]) -> None:
    assert faults(reconciled(message(*(statement("", number=n) for n in numbers)))) == told


def test_accounts_do_not_mix() -> None:
    one = statement("", number=1, account="DE41999999994649640647")
    other = statement("", number=9, account="DE17999999990032169770", opening="1", closing="1")
    assert reconciled(message(one, other, one.replace(">1<", ">2<"))).adds_up


def test_what_a_statement_says_of_itself_is_held_to_it() -> None:
    summary = (
        "<TxsSummry><TtlNtries><NbOfNtries>{}</NbOfNtries></TtlNtries><TtlCdtNtries><Sum>{}</Sum>"
        "</TtlCdtNtries><TtlDbtNtries><Sum>0</Sum></TtlDbtNtries></TxsSummry>"
    )
    entries = entry(1, "5.00")

    def told(count: int, total: str) -> list[str]:
        text = statement(summary.format(count, total) + entries, closing="105.00")
        return faults(reconciled(message(text)))

    assert told(1, "5.00") == []
    assert told(2, "5.00") == ["COUNT"]
    assert told(1, "6.00") == ["DECLARED_SUM"]


def test_findings_beyond_what_a_person_reads_are_counted() -> None:
    wrong = "".join(statement("", closing="1", opening="0", number=n) for n in range(1, 301))
    found = reconciled(message(wrong))
    assert len(found.findings) == reconcile._SHOWN
    assert found.unlisted == 300 - reconcile._SHOWN


def test_every_fault_has_its_words() -> None:
    assert set(reconcile.TELLS) == set(Fault)


amounts = st.decimals(min_value=0, max_value=10**9, places=2, allow_nan=False)


@given(
    st.decimals(-(10**6), 10**6, places=2), st.lists(st.tuples(amounts, st.booleans()), max_size=8)
)
def test_whatever_was_made_to_add_up_does(
    opening: Decimal, moved: list[tuple[Decimal, bool]]
) -> None:
    closing = opening + sum((a if c else -a for a, c in moved), Decimal(0))
    text = "".join(
        entry(n, f"{amount:f}", "CRDT" if credit else "DBIT")
        for n, (amount, credit) in enumerate(moved, 1)
    )
    whole = message(statement(text, opening=f"{opening:f}", closing=f"{closing:f}"))
    assert reconciled(whole).proved == 1
    off = message(statement(text, opening=f"{opening:f}", closing=f"{closing + 1:f}"))
    assert reconciled(off).proved == 0
