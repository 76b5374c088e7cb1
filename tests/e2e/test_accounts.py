"""Search and accounts over TLS, on both databases: what is found, what is closed, what is told."""

from typing import Any

import pytest
from google.type.money_pb2 import Money

from recordsvault.accounts.v1 import accounts_pb2 as ap
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.records.v1.transaction_pb2 import AccountStatement
from recordsvault.type.v1 import purpose_pb2
from recordsvault.type.v1 import transaction_pb2 as kinds
from tests.e2e import people
from tests.e2e.calls import create
from tests.e2e.test_merges import agree, propose
from tests.e2e.wire import LogBook, refusal
from tests.support.bundles import accounts, book
from tests.support.running_vault import RunningVault

AUDIT = purpose_pb2.PURPOSE_INTERNAL_AUDIT
ACCOUNT = "6200005550001"
MANY = 450
PREFIX = "ACCOUNT_FINDING_KIND_"


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    return each_vault


@pytest.fixture(scope="module")
def books(vault: RunningVault) -> tuple[str, list[str]]:
    """A customer with so many bookings that one window does not hold them: 1 to 450 yuan."""
    customer = create(vault, people.person()).name
    batch = []
    for n in range(1, MANY + 1):
        booked = people.booking()
        booked.booking_time.seconds += 60 * n
        booked.amount.CopyFrom(Money(currency_code="CNY", units=n))
        booked.account.account = ACCOUNT
        booked.sequence_number = n
        if n % 100 == 7:
            booked.counterparty.name = "Zoë Quill"
        if n == 211:
            booked.end_to_end_reference = "PAYROLL-211"
        batch.append(booked)
    request = pb.BatchCreateTransactionsRequest(
        parent=customer, transactions=batch, request_id=people.new_id()
    )
    answer = vault.records().BatchCreateTransactions(request)
    return customer, [one.name for one in answer.transactions]


def search(vault: RunningVault, customer: str, who: str = "compliance", **wanted: Any) -> Any:
    values: dict[str, Any] = {"parent": customer, "purpose": AUDIT} | wanted
    return accounts(vault, who).SearchTransactions(ap.SearchTransactionsRequest(**values))


def cny(units: int) -> Money:
    return Money(currency_code="CNY", units=units)


def test_pages_come_to_all_that_is_found_and_nothing_else(
    vault: RunningVault, books: tuple[str, list[str]]
) -> None:
    customer, names = books
    found: list[str] = []
    token, looked = "", 0
    while True:
        page = search(
            vault, customer, least_amount=cny(30), greatest_amount=cny(420), page_token=token
        )
        found += [one.name for one in page.transactions]
        looked += page.looked_at
        token = page.next_page_token
        if not token:
            break
    assert found == names[29:420]
    assert looked == MANY


def found_by(vault: RunningVault, customer: str, **wanted: Any) -> list[str]:
    """All pages."""
    found: list[str] = []
    token = ""
    while True:
        page = search(vault, customer, page_token=token, **wanted)
        found += [one.name for one in page.transactions]
        token = page.next_page_token
        if not token:
            return found


def test_counterparty_reference_and_days_each_find_their_own_alone(
    vault: RunningVault, books: tuple[str, list[str]]
) -> None:
    customer, names = books
    quills = [names[n - 1] for n in (7, 107, 207, 307, 407)]
    assert found_by(vault, customer, counterparty="Quill") == quills
    assert found_by(vault, customer, reference="PAYROLL-211") == [names[210]]
    start, end = people.stamp(people.MORNING), people.stamp(people.MORNING)
    start.seconds += 60 * 100
    end.seconds += 60 * 300
    within = {"booked_from": start, "booked_to": end}
    assert found_by(vault, customer, **within) == names[99:299]
    assert found_by(vault, customer, counterparty="Quill", **within) == quills[1:3]
    assert found_by(vault, customer, counterparty="Quill", reference="PAYROLL-211") == []


def test_what_is_searched_for_stands_in_no_event(
    vault: RunningVault, books: tuple[str, list[str]], log: LogBook
) -> None:
    customer, names = books
    position = log.size()
    search(vault, customer, counterparty="Mustermann", reference="R0000", page_size=2)
    (event,) = log.since(position)
    assert event.action == "records.transactions.search"
    assert event.resources == tuple(f"{one.split('/', 2)[2]}@1" for one in names[:2])
    assert event.count == 2
    assert "Mustermann" not in str(event)


def test_bounds_are_of_one_currency_and_tokens_of_one_period(
    vault: RunningVault, books: tuple[str, list[str]]
) -> None:
    customer, _ = books
    euro = Money(currency_code="EUR", units=1)
    refused = refusal(lambda: search(vault, customer, least_amount=cny(1), greatest_amount=euro))
    assert refused.fields == {("greatest_amount.currency_code", "CONTRADICTION")}
    refused = refusal(lambda: search(vault, customer, least_amount=Money(units=1)))
    assert refused.fields == {("least_amount.currency_code", "REQUIRED")}
    token = search(vault, customer, page_size=1).next_page_token
    other = people.stamp(people.MORNING)
    refused = refusal(lambda: search(vault, customer, page_token=token, booked_from=other))
    assert refused.fields == {("page_token", "PAGE_TOKEN")}


def check(vault: RunningVault, customer: str, who: str = "compliance", **wanted: Any) -> Any:
    values: dict[str, Any] = {"parent": customer, "purpose": AUDIT, "account_number": ACCOUNT}
    values |= wanted
    return accounts(vault, who).CheckAccount(ap.CheckAccountRequest(**values))


def test_an_account_is_added_up_over_all_its_pages(
    vault: RunningVault, books: tuple[str, list[str]], log: LogBook
) -> None:
    customer, _ = books
    position = log.size()
    answer = check(vault, customer)
    assert (answer.entries, answer.first_number, answer.last_number) == (MANY, 1, MANY)
    (total,) = answer.sums
    assert total.debits.units == MANY * (MANY + 1) // 2
    assert list(answer.findings) == []
    (event,) = log.since(position)
    assert (event.action, event.count) == ("records.accounts.check", MANY)
    assert "transaction.amount" in event.fields
    assert check(vault, customer, account_number="1").entries == 0


def test_a_number_that_is_missing_is_told_with_where(vault: RunningVault) -> None:
    customer = create(vault, people.person()).name
    for n in (1, 2, 5):
        booked = people.booking()
        booked.booking_time.seconds += 60 * n
        booked.account.account = ACCOUNT
        booked.sequence_number = n
        book(vault, customer, booked)
    (gap,) = check(vault, customer).findings
    assert gap.kind == ap.ACCOUNT_FINDING_KIND_GAP
    assert (gap.first_number, gap.last_number) == (3, 4)


def test_an_account_that_stands_in_two_merged_files_is_added_up_as_one(
    vault: RunningVault, log: LogBook
) -> None:
    old, kept = (create(vault, people.person()).name for _ in range(2))

    def enter(customer: str, *numbers: int) -> None:
        for n in numbers:
            booked = people.booking()
            booked.booking_time.seconds += 60 * n
            booked.account.account = ACCOUNT
            booked.sequence_number = n
            book(vault, customer, booked)

    enter(old, 1, 2, 3)
    enter(kept, 3, 5, 6)
    assert list(check(vault, old).findings) == []
    agree(vault, propose(vault, old, kept))
    for name, other in ((old, kept), (kept, old)):
        position = log.size()
        answer = check(vault, name)
        assert (answer.entries, answer.first_number, answer.last_number) == (6, 1, 6)
        double, gap = answer.findings
        assert (double.kind, double.first_number) == (ap.ACCOUNT_FINDING_KIND_DOUBLE, 3)
        assert (gap.kind, gap.first_number, gap.last_number) == (ap.ACCOUNT_FINDING_KIND_GAP, 4, 4)
        (event,) = log.since(position)
        assert (event.customer, event.count) == (name.rpartition("/")[2], 6)
        assert event.resources == (f"customers/{other.rpartition('/')[2]}",)


S1, S2 = ("S1", 1, 100, 110), ("S2", 2, 110, 125)
# Each entry is (number, amount, balance after it, statement), of a credit; None where left out.
SOUND: list[tuple[int, int, int | None, Any]] = [(1, 4, 104, S1), (2, 6, 110, S1), (3, 15, 125, S2)]
WRONG: dict[str, tuple[list[Any], list[tuple[Any, ...]]]] = {
    "GAP": ([SOUND[0], SOUND[1], (7, 15, 125, S2)], [("GAP", "", 3, 6)]),
    "DOUBLE": ([SOUND[0], SOUND[1], (2, 15, 125, S2)], [("DOUBLE", 2, 2, 0)]),
    "UNNUMBERED": ([SOUND[0], (0, 6, 110, S1), (2, 15, 125, S2)], [("UNNUMBERED", 1, 0, 0)]),
    "ORDER": ([(2, 4, 104, S1), (1, 6, 110, S1), SOUND[2]], [("ORDER", 1, 1, 0)]),
    "BALANCE": ([SOUND[0], SOUND[1], (3, 15, 126, None)], [("BALANCE", 2, 0, 0, 125, 126)]),
    "STATEMENT_SUM": (
        [SOUND[0], SOUND[1], (3, 15, 125, ("S2", 2, 110, 126))],
        [("STATEMENT_SUM", "S2", 0, 0, 125, 126)],
    ),
    "STATEMENT_GAP": (
        [SOUND[0], SOUND[1], (3, 15, 125, ("S5", 5, 110, 125))],
        [("STATEMENT_GAP", "S5", 2, 4)],
    ),
    "STATEMENT_DOUBLE": (
        [SOUND[0], SOUND[1], (3, 15, 125, ("S9", 1, 110, 125))],
        [("STATEMENT_DOUBLE", "S9", 1, 0)],
    ),
    "STATEMENT_CARRY": (
        [SOUND[0], SOUND[1], (3, 15, None, ("S2", 2, 111, 126))],
        [("STATEMENT_CARRY", "S2", 0, 0, 110, 111)],
    ),
}


def account_of(vault: RunningVault, customer: str, number: str, entries: list[Any]) -> list[str]:
    """Books entries of one account, a minute apart; their names."""
    batch = []
    for n, (sequence, amount, balance, shown) in enumerate(entries):
        booked = people.booking()
        booked.booking_time.seconds += 60 * n
        booked.direction = kinds.DIRECTION_CREDIT
        booked.account.account = number
        booked.amount.CopyFrom(cny(amount))
        booked.sequence_number = sequence
        if balance is not None:
            booked.balance_after.CopyFrom(cny(balance))
        if shown is not None:
            named, place, opening, closing = shown
            booked.statement.CopyFrom(
                AccountStatement(
                    statement_id=named,
                    number=place,
                    opening_balance=cny(opening),
                    closing_balance=cny(closing),
                )
            )
        batch.append(booked)
    request = pb.BatchCreateTransactionsRequest(
        parent=customer, transactions=batch, request_id=people.new_id()
    )
    return [one.name for one in vault.records().BatchCreateTransactions(request).transactions]


def test_whatever_is_wrong_in_an_account_is_told_with_where_and_by_how_much(
    vault: RunningVault,
) -> None:
    customer = create(vault, people.person()).name
    every = {name.removeprefix(PREFIX) for name in ap.AccountFindingKind.keys()[1:]}
    assert set(WRONG) == every
    for place, kind in enumerate(["", *WRONG]):
        entries, expected = WRONG.get(kind, (SOUND, []))
        number = f"62000077700{place:02}"
        names = account_of(vault, customer, number, entries)
        answer = check(vault, customer, account_number=number)
        told = [
            (
                ap.AccountFindingKind.Name(one.kind).removeprefix(PREFIX),
                names.index(one.transaction) if one.transaction else one.statement_id,
                one.first_number,
                one.last_number,
                *([one.expected.units, one.stated.units] if one.HasField("expected") else []),
            )
            for one in answer.findings
        ]
        assert told == expected
        assert answer.finding_count == len(expected)
        (total,) = answer.sums
        moved = sum(amount for _, amount, _, _ in entries)
        assert (total.opening_balance.units, total.credits.units) == (100, moved)
        assert total.balanced == (kind != "BALANCE")
        sums = [one.statement_id for one in answer.statements if not one.balanced]
        assert sums == (["S2"] if kind == "STATEMENT_SUM" else [])


@pytest.mark.parametrize("ask", [search, check], ids=["search", "check"])
def test_it_takes_a_purpose_and_a_role(
    vault: RunningVault, books: tuple[str, list[str]], ask: Any
) -> None:
    customer, _ = books
    assert refusal(lambda: ask(vault, customer, purpose=0)).reason == "PURPOSE_REQUIRED"
    assert refusal(lambda: ask(vault, customer, who="officer")).reason == "ROLE_MISSING"
    elsewhere = f"institutions/other-bank/customers/{customer.rpartition('/')[2]}"
    assert refusal(lambda: ask(vault, elsewhere)).reason == "OTHER_INSTITUTION"
