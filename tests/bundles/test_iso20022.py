"""Records by the names of ISO 20022: each element in its place, none that is empty."""

import json
from typing import Any

from hypothesis import given, settings

from tests.records import strategies
from tests.records.builders import (
    CUSTOMER_NAME,
    customer,
    document,
    entity_customer,
    trader_customer,
    transaction,
)
from vault.bundles.iso20022 import decimal, entry, party
from vault.bundles.iso20022 import document as identification
from vault.records import AccountStatement, Customer, Direction, Exchange, Money, Transaction

NAME = f"{CUSTOMER_NAME}/transactions/01jd0000000000000000000000"


def empty(value: Any) -> bool:
    return value in (None, "", "UNSPECIFIED") or value in ([], {})


def every(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [value, *(found for one in value.values() for found in every(one))]
    if isinstance(value, list):
        return [value, *(found for one in value for found in every(one))]
    return [value]


def test_who_pays_is_the_debtor_whichever_side_is_the_customers() -> None:
    paid = entry(NAME, transaction())["NtryDtls"]["TxDtls"]
    assert paid["RltdPties"]["Dbtr"]["Pty"]["Nm"] == "王小明"
    assert paid["RltdPties"]["CdtrAcct"]["Id"] == {"IBAN": "DE89370400440532013000"}
    assert paid["RltdAgts"]["DbtrAgt"]["FinInstnId"] == {
        "BICFI": "ICBKCNBJ",
        "ClrSysMmbId": {"ClrSysId": {"Cd": "CNAPS"}, "MmbId": "102100099996"},
    }
    got = entry(NAME, transaction(direction=Direction.CREDIT))["NtryDtls"]["TxDtls"]
    assert got["RltdPties"]["Cdtr"]["Pty"]["Nm"] == "王小明"
    assert got["CdtDbtInd"] == "CRDT"


def test_amounts_are_decimal_numbers() -> None:
    assert decimal(Money("CNY", 1250, 500_000_000)) == "1250.5"
    assert decimal(Money("CNY", 0, -10_000_000)) == "-0.01"
    assert decimal(Money("JPY", -7)) == "-7"


def test_an_exchange_and_the_place_in_the_account_are_there() -> None:
    booked = transaction(
        exchange=Exchange("7.1", Money("USD", 176)),
        sequence_number=9,
        balance_after=Money("CNY", -1),
        statement=AccountStatement("S1", 1, Money("CNY", 2), None),
    )
    made = entry(NAME, booked)
    assert made["NtryRef"] == "9"
    assert made["NtryDtls"]["TxDtls"]["AmtDtls"]["CntrValAmt"]["CcyXchg"]["XchgRate"] == "7.1"
    rest = made["SplmtryData"][0]["Envlp"]
    assert rest["balance_after"] == {"Ccy": "CNY", "Value": "-1"}
    assert rest["statement"]["statement_id"] == "S1"


def test_parties_are_persons_or_organisations() -> None:
    person = party(CUSTOMER_NAME, 1, customer())
    assert person["Id"]["PrvtId"]["Othr"][0]["SchmeNm"] == {"Cd": "NIDN"}
    organisation = party(CUSTOMER_NAME, 1, entity_customer())
    assert organisation["Id"]["OrgId"]["Othr"][0]["SchmeNm"] == {"Prtry": "USCC"}
    assert party(CUSTOMER_NAME, 1, trader_customer())["Nm"]
    assert identification(CUSTOMER_NAME, 1, document())["Id"]


@settings(max_examples=30)
@given(strategies.transactions)
def test_nothing_empty_is_in_any_entry(booked: Transaction) -> None:
    made = entry(NAME, booked)
    json.dumps(made)
    assert [one for one in every(made) if empty(one)] == []


@settings(max_examples=30)
@given(strategies.customers)
def test_nothing_empty_is_in_any_party(known: Customer) -> None:
    made = party(CUSTOMER_NAME, 1, known)
    json.dumps(made)
    assert [one for one in every(made) if empty(one)] == []
