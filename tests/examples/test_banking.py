"""Transactions: both sides, exchange, refunds, calendar."""

from collections import Counter, defaultdict
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from clients.examples.banking import FIRST_DAY, LAST_DAY
from clients.examples.shapes import DECIMALS
from tests.examples.conftest import Sample

Record = dict[str, Any]


def amount(money: Record) -> Decimal:
    return Decimal(money["units"]) + Decimal(money["nanos"]) / 10**9


def test_exchanges_are_rate_times_amount_rounded_to_the_counter_currency(sample: Sample) -> None:
    pairs = set()
    for line in sample.transactions:
        exchange = line["transaction"].get("exchange")
        if exchange is None:
            continue
        own, counter = line["transaction"]["amount"], exchange["counter_amount"]
        assert own["currency_code"] != counter["currency_code"]
        step = Decimal(1).scaleb(-DECIMALS[counter["currency_code"]])
        expected = (amount(own) * Decimal(exchange["rate"])).quantize(step, ROUND_HALF_UP)
        assert amount(counter) == expected
        pairs.add((own["currency_code"], counter["currency_code"]))
    assert len(pairs) > 8
    assert ("CNY", "JPY") in pairs


def test_a_transfer_between_customers_stands_on_both_sides(sample: Sample) -> None:
    numbers = {line["new_customer"]["customer_number"] for line in sample.customers}
    sides: dict[str, list[Record]] = defaultdict(list)
    for line in sample.transactions:
        transaction = line["transaction"]
        if transaction["instrument"] == "INSTRUMENT_CREDIT_TRANSFER":
            sides[transaction.get("end_to_end_reference", "")].append(line)
    pairs = [pair for pair in sides.values() if len(pair) == 2]
    assert len(pairs) > 500
    for payer, payee in pairs:
        debit, credit = payer["transaction"], payee["transaction"]
        assert {payer["customer_number"], payee["customer_number"]} <= numbers
        assert (debit["direction"], credit["direction"]) == ("DIRECTION_DEBIT", "DIRECTION_CREDIT")
        assert debit["amount"] == credit["amount"]
        assert debit["account"] == credit["counterparty"]
        assert debit["counterparty"] == credit["account"]
        assert debit["booking_time"] < credit["booking_time"]


def test_the_account_is_one_of_the_customers(sample: Sample) -> None:
    accounts = {
        line["new_customer"]["customer_number"]: line["new_customer"]["accounts"]
        for line in sample.customers
    }
    for line in sample.transactions:
        assert line["transaction"]["account"]["account"] in accounts[line["customer_number"]]


def test_references_are_unique_and_days_ascend_from_2024_to_2026(sample: Sample) -> None:
    references, days = set(), []
    for line in sample.transactions:
        transaction = line["transaction"]
        references.add(transaction["institution_reference"])
        booked = datetime.fromisoformat(transaction["booking_time"])
        local = booked.astimezone(ZoneInfo(transaction["time_zone"])).date()
        assert transaction["institution_reference"][1:9] == f"{local:%Y%m%d}"
        days.append(local)
    assert len(references) == len(sample.transactions)
    assert days == sorted(days)
    assert (days[0], days[-1]) == (FIRST_DAY, LAST_DAY)


def test_everything_that_a_bank_books_is_there(sample: Sample) -> None:
    seen: Counter[str] = Counter()
    for line in sample.transactions:
        transaction = line["transaction"]
        seen[transaction["instrument"]] += 1
        seen[transaction["channel"]["kind"]] += 1
        seen[transaction["status"]] += 1
        seen[transaction.get("purpose_code", "")] += 1
        seen["agent"] += "agent" in transaction
        seen["reversal"] += "冲正" in transaction["remittance_text"]
        assert "corrects" not in transaction
        assert "reverses" not in transaction
    expected = (
        "INSTRUMENT_CARD INSTRUMENT_CASH INSTRUMENT_ENTRY INSTRUMENT_DIRECT_DEBIT "
        "CHANNEL_KIND_ATM CHANNEL_KIND_POS CHANNEL_KIND_MOBILE CHANNEL_KIND_BRANCH "
        "TRANSACTION_STATUS_PENDING TRANSACTION_STATUS_REJECTED SALA RENT FREX FEES INTE SUPP "
        "agent reversal"
    ).split()
    assert [name for name in expected if seen[name] < 10] == []


def test_nobody_is_paid_twice_in_a_month(sample: Sample) -> None:
    paid: Counter[tuple[str, str]] = Counter()
    for line in sample.transactions:
        if line["transaction"].get("purpose_code") == "SALA":
            paid[line["customer_number"], line["transaction"]["booking_time"][:7]] += 1
    assert paid
    assert max(paid.values()) == 1


def test_value_dates_are_not_before_the_booking(sample: Sample) -> None:
    for line in sample.transactions:
        transaction = line["transaction"]
        value = date(*(transaction["value_date"][part] for part in ("year", "month", "day")))
        reference = transaction["institution_reference"]
        booked = datetime.strptime(reference[1:9], "%Y%m%d").date()  # noqa: DTZ007 (a day)
        assert 0 <= (value - booked).days <= 2
