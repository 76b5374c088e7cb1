"""An account is added up: what is missing, double or wrong is found, and what is right is not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.records.builders import transaction
from vault.records import AccountStatement, Direction, Money, Transaction, TransactionStatus
from vault.records.accounts import AccountSums, FindingKind, check_account

BEGIN = datetime(2026, 1, 5, 9, tzinfo=UTC)
CREDIT, DEBIT = Direction.CREDIT, Direction.DEBIT


def cny(units: int) -> Money:
    return Money("CNY", units)


def booked(number: int, amount: int, balance: int | None, **changes: Any) -> Transaction:
    values: dict[str, Any] = {
        "booking_time": BEGIN + timedelta(minutes=number),
        "amount": cny(abs(amount)),
        "direction": CREDIT if amount >= 0 else DEBIT,
        "sequence_number": number,
        "balance_after": None if balance is None else cny(balance),
    }
    return transaction(**(values | changes))


def account(*amounts: int, opening: int = 100) -> list[tuple[str, Transaction]]:
    balance, out = opening, []
    for number, amount in enumerate(amounts, 1):
        balance += amount
        out.append((f"t{number}", booked(number, amount, balance)))
    return out


def kinds(entries: list[tuple[str, Transaction]]) -> list[tuple[FindingKind, str, int, int]]:
    return [(f.kind, f.transaction, f.first, f.last) for f in check_account(entries).findings]


def test_opening_and_movements_come_to_the_closing_balance() -> None:
    report = check_account(account(50, -30, -200))
    (total,) = report.sums
    assert report.findings == ()
    assert (total.opening, total.credits, total.debits, total.closing) == (
        cny(100),
        cny(50),
        cny(230),
        cny(-80),
    )
    assert total.balanced
    assert (report.entries, report.first, report.last) == (3, 1, 3)


@given(
    amounts=st.lists(st.integers(-50, 50), min_size=2, max_size=30),
    data=st.data(),
)
def test_whatever_entry_is_lost_it_is_missed(amounts: list[int], data: st.DataObject) -> None:
    entries = account(*amounts)
    assert kinds(entries) == []
    if len(entries) < 3:
        return
    place = data.draw(st.integers(1, len(entries) - 2))
    number = place + 1
    del entries[place]
    found = kinds(entries)
    assert (FindingKind.GAP, "", number, number) in found
    wrong = [kind for kind, *_ in found if kind is FindingKind.BALANCE]
    assert bool(wrong) == (amounts[place] != 0)


def test_a_number_that_is_there_twice_is_told() -> None:
    entries = account(5, 6, 7)
    name, last = entries[2]
    entries[2] = (name, replace(last, sequence_number=2))
    assert kinds(entries) == [(FindingKind.DOUBLE, "t3", 2, 0)]


def test_an_entry_without_a_number_among_others_is_told() -> None:
    entries = account(5, 6, 7)
    name, last = entries[2]
    entries[2] = (name, replace(last, sequence_number=0))
    assert kinds(entries) == [(FindingKind.UNNUMBERED, "t3", 0, 0)]
    assert kinds([(n, replace(e, sequence_number=0)) for n, e in account(5, 6, 7)]) == []


def test_numbers_that_go_back_are_told() -> None:
    first, second, third = account(5, 6, 7)
    swapped = [
        ("a", replace(first[1], sequence_number=2)),
        ("b", replace(second[1], sequence_number=1)),
        third,
    ]
    assert kinds(swapped) == [(FindingKind.ORDER, "b", 1, 0)]


def test_a_balance_that_does_not_follow_is_told_with_what_it_would_be() -> None:
    entries = account(5, 6, 7)
    entries[1] = ("t2", replace(entries[1][1], balance_after=cny(112)))
    first, second = check_account(entries).findings
    assert (first.transaction, first.expected, first.stated) == ("t2", cny(111), cny(112))
    assert (second.transaction, second.expected, second.stated) == ("t3", cny(119), cny(118))


def test_entries_of_one_day_without_numbers_are_held_against_the_last_balance() -> None:
    day = [
        (name, replace(entry, booking_time=BEGIN, sequence_number=0))
        for name, entry in account(5, 6, 7)
    ]
    before = ("t0", booked(0, 0, 100, booking_time=BEGIN - timedelta(days=1)))
    assert kinds([before, day[2], day[0], day[1]]) == []
    lost = kinds([before, day[2], day[0]])
    assert [kind for kind, *_ in lost] == [FindingKind.BALANCE]


def test_what_is_not_booked_moves_no_balance() -> None:
    entries = account(5, 6)
    pending = booked(3, 1_000, None, status=TransactionStatus.PENDING)
    report = check_account([*entries, ("t3", pending)])
    assert report.findings == ()
    assert report.sums[0].closing == cny(111)


def statement(name: str, number: int, opening: int, closing: int) -> AccountStatement:
    return AccountStatement(name, number, cny(opening), cny(closing))


def on(entries: list[tuple[str, Transaction]], *shown: AccountStatement) -> Any:
    return [(n, replace(e, statement=s)) for (n, e), s in zip(entries, shown, strict=True)]


def of_statements(entries: Any) -> list[tuple[FindingKind, str, int, int]]:
    return [(f.kind, f.statement, f.first, f.last) for f in check_account(entries).findings]


def test_statements_add_up_and_follow_each_other() -> None:
    one, two = statement("S1", 1, 100, 111), statement("S2", 2, 111, 118)
    report = check_account(on(account(5, 6, 7), one, one, two))
    assert report.findings == ()
    assert [(s.entries, s.movements, s.balanced) for s in report.statements] == [
        (2, cny(11), True),
        (1, cny(7), True),
    ]


def test_statements_that_do_not_are_told() -> None:
    one, two = statement("S1", 1, 100, 111), statement("S2", 2, 110, 117)
    assert of_statements(on(account(5, 6, 7), one, one, two)) == [
        (FindingKind.STATEMENT_CARRY, "S2", 0, 0)
    ]
    assert of_statements(on(account(5, 6, 7), one, two, two)) == [
        (FindingKind.STATEMENT_SUM, "S1", 0, 0),
        (FindingKind.STATEMENT_SUM, "S2", 0, 0),
        (FindingKind.STATEMENT_CARRY, "S2", 0, 0),
    ]
    four = statement("S4", 4, 111, 118)
    assert of_statements(on(account(5, 6, 7), one, one, four)) == [
        (FindingKind.STATEMENT_GAP, "S4", 2, 3)
    ]
    again = statement("S1b", 1, 111, 118)
    assert of_statements(on(account(5, 6, 7), one, one, again)) == [
        (FindingKind.STATEMENT_DOUBLE, "S1b", 1, 0)
    ]


def test_statements_may_be_numbered_anew_each_year() -> None:
    one, two = statement("S12", 12, 100, 111), statement("S1", 1, 111, 118)
    entries = account(5, 6, 7)
    entries[2] = ("t3", replace(entries[2][1], booking_time=BEGIN + timedelta(days=365)))
    assert of_statements(on(entries, one, one, two)) == []


def test_of_a_period_the_statements_at_its_ends_need_not_be_whole() -> None:
    whole = statement("S1", 1, 90, 111)
    sums = AccountSums(cut_before=True)
    for name, entry in on(account(5, 6), whole, whole):
        sums.add(name, entry)
    assert sums.report().findings == ()
