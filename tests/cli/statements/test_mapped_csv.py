"""CSV of anybody's making: the mapping says what it means, and a misspelt mapping is an error."""

from __future__ import annotations

import io
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordsvault.records.v1.records_pb2 import ImportItem
from vault.cli.vaultctl.failures import CommandError
from vault.cli.vaultctl.proto_json import Refused
from vault.cli.vaultctl.statements.booking import Terms
from vault.cli.vaultctl.statements.mapped_csv import MappedCsv
from vault.cli.vaultctl.statements.mapping import ColumnRule, Mapping, read_mapping
from vault.cli.vaultctl.statements.parts import Broken, Line
from vault.cli.vaultctl.statements.rows import StatementRows

FOLDER = Path(__file__).parents[3] / "clients/examples/statements"
DEFAULTS = (
    '[defaults]\ntime_zone = "UTC"\ncurrency = "EUR"\naccount = "ACC1"\n'
    'instrument = "CASH"\nchannel = "BRANCH"\n'
)
PLAIN = DEFAULTS + '[columns]\nday = "booked"\nsum = "amount"\n'


def mapping(tmp_path: Path, text: str) -> Mapping:
    path = tmp_path / "mapping.toml"
    path.write_text(text)
    return read_mapping(path)


def rows(given: Mapping, text: str | bytes) -> StatementRows:
    data = text.encode() if isinstance(text, str) else text
    terms = Terms(given, given.time_zone)
    return StatementRows(lambda: iter(MappedCsv("file.csv", io.BytesIO(data), given, "")), terms)


def items(found: StatementRows) -> list[ImportItem | Refused]:
    out: list[ImportItem | Refused] = []
    for row in found:
        try:
            out.append(found.item(row))
        except Refused as refused:
            out.append(refused)
    return out


def one(found: StatementRows) -> ImportItem:
    (item,) = items(found)
    assert isinstance(item, ImportItem), item
    return item


def refused(found: StatementRows) -> str:
    (item,) = items(found)
    assert isinstance(item, Refused)
    return str(item)


def test_a_chinese_banks_export_is_read_as_its_mapping_says() -> None:
    given = read_mapping(FOLDER / "liushui.toml")
    found = rows(given, (FOLDER / "liushui.gb18030.csv").read_bytes())
    result = found.check(lambda rows, end: None)
    assert (result.statements, result.proved, result.entries) == (1, 1, 4)
    first, second, *_ = items(found)
    assert isinstance(first, ImportItem)
    assert isinstance(second, ImportItem)
    assert first.transaction.counterparty.name == "演示科技有限公司"
    assert first.transaction.booking_time.ToJsonString() == "2026-03-06T01:12:33Z"
    assert (first.transaction.amount.units, first.transaction.direction) == (8200, 1)
    assert (second.transaction.channel.kind, second.transaction.direction) == (3, 2)
    assert first.account_number == "6200007349225835184"
    assert first.transaction.balance_after.units == 18_200
    assert not first.transaction.HasField("statement")


def test_balances_that_do_not_follow_are_told() -> None:
    given = read_mapping(FOLDER / "liushui.toml")
    text = (FOLDER / "liushui.gb18030.csv").read_bytes().decode("gb18030")
    torn = text.replace("3,000.00", "3,000.01").encode("gb18030")
    result = rows(given, torn).check(lambda rows, end: None)
    assert result.findings[0].difference == Decimal("0.01")


def test_without_a_column_of_balances_nothing_is_proved_and_nothing_wrong(tmp_path: Path) -> None:
    result = rows(mapping(tmp_path, PLAIN), "day,sum\n2026-03-01,1\n").check(lambda rows, end: None)
    assert (result.proved, result.adds_up) == (0, True)


@pytest.mark.parametrize(
    ("cell", "form", "signed"),
    [
        ("1234.5", "", "1234.5"),
        ("-1234.5", "", "-1234.5"),
        ("1234.5-", "", "-1234.5"),
        ("+7", "", "7"),
        ("\u22127", "", "-7"),
        ("1.234,50", 'decimal = ","\nthousands = "."', "1234.50"),
        ("1'234.50", 'thousands = "\'"', "1234.50"),
        ("1 234,5", 'decimal = ","\nthousands = " "', "1234.5"),
    ],
)
def test_amounts_are_read_in_the_form_that_is_said(
    tmp_path: Path, cell: str, form: str, signed: str
) -> None:
    given = mapping(tmp_path, f'{PLAIN}[csv]\ndelimiter = ";"\n{form}\n')
    transaction = one(rows(given, f"day;sum\n2026-03-01;{cell}\n")).transaction
    amount = Decimal(transaction.amount.units) + Decimal(transaction.amount.nanos) / 10**9
    assert amount * (1 if transaction.direction == 1 else -1) == Decimal(signed)


@pytest.mark.parametrize("cell", ["1.234,50", "1e3", "12,00", "", "--1", "-1-", "NaN", "EUR 5"])
def test_an_amount_in_another_form_is_refused_and_not_guessed(tmp_path: Path, cell: str) -> None:
    text = f"day;sum\n2026-03-01;{cell}\n"
    assert "amount" in refused(rows(mapping(tmp_path, f'{PLAIN}[csv]\ndelimiter = ";"\n'), text))


def test_an_amount_may_stand_beside_its_direction(tmp_path: Path) -> None:
    text = (
        DEFAULTS + '[columns]\nday = "booked"\nsum = "amount"\n'
        'way = { field = "direction", values = { "借" = "DEBIT", "贷" = "CREDIT" } }\n'
    )
    found = rows(mapping(tmp_path, text), "day,sum,way\n2026-03-01,1,借\n2026-03-01,1,?\n")
    good, bad = items(found)
    assert isinstance(good, ImportItem)
    assert good.transaction.direction == 2
    assert isinstance(bad, Refused)


def test_credit_and_debit_in_one_record_are_refused(tmp_path: Path) -> None:
    text = DEFAULTS + '[columns]\nday = "booked"\nin = "credit"\nout = "debit"\n'
    found = rows(
        mapping(tmp_path, text), "day,in,out\n2026-03-01,1,2\n2026-03-01,,\n2026-03-01,,3\n"
    )
    assert [isinstance(item, Refused) for item in items(found)] == [True, True, False]


def test_columns_may_be_any_field_of_a_transaction(tmp_path: Path) -> None:
    text = (
        PLAIN + 'who = "counterparty.name"\nteller = "channel.teller"\nowner = "customer_number"\n'
        'act = { field = "agent.full_name" }\n'
    )
    item = one(
        rows(mapping(tmp_path, text), "day,sum,who,teller,owner,act\n2026-03-01,1,A,T7,C9,B\n")
    )
    assert item.customer_number == "C9"
    transaction = item.transaction
    assert (transaction.counterparty.name, transaction.channel.teller) == ("A", "T7")
    assert (transaction.channel.kind, transaction.agent.full_name) == (1, "B")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[defautls]\n", "defautls"),
        ('[defaults]\nchannel = "WEBSITE"\n', "defaults.channel"),
        ('[defaults]\ntime_zone = "Asia/Nowhere"\n', "time zone"),
        ('[codes.X]\ninstrumnt = "CARD"\n', "codes.X.instrumnt"),
        ('[csv]\ndelimiter = ";;"\n', "csv.delimiter"),
        ('[csv]\ndecimal = ","\nthousands = ","\n', "two things"),
        ('[csv]\nencoding = "rot13"\n', "encoding"),
        ('[columns]\na = "amount"\nb = "amount"\n', "two columns"),
        ("[columns]\na = 7\n", "columns.a"),
        ("no toml", "no TOML"),
    ],
)
def test_a_mapping_with_a_mistake_is_refused_with_its_place(
    tmp_path: Path, text: str, told: str
) -> None:
    with pytest.raises(CommandError, match=told):
        mapping(tmp_path, text)


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ('day = "booked"\n', "amount"),
        ('sum = "amount"\n', "booked"),
        ('day = "booked"\nsum = "amount"\nnone = "remittance"\n', "none"),
        ('day = "booked"\nsum = "amonut"\n', "sum"),
    ],
)
def test_a_mapping_that_does_not_fit_the_header_is_refused(
    tmp_path: Path, columns: str, told: str
) -> None:
    found = rows(mapping(tmp_path, f"{DEFAULTS}[columns]\n{columns}"), "day,sum\n2026-03-01,1\n")
    with pytest.raises(CommandError, match=told):
        found.check(lambda rows, end: None)


def test_a_record_with_too_few_cells_is_accounted_for(tmp_path: Path) -> None:
    found = rows(mapping(tmp_path, PLAIN), "day,sum\n2026-03-01\n2026-03-02,1\n\n2026-03-03,2\n")
    lines = [row.data for row in found]
    assert [isinstance(line.entry, Broken) for line in lines] == [True, False, False]
    assert isinstance(lines[0], Line)


def test_codes_of_a_banks_own_are_for_the_mapping(tmp_path: Path) -> None:
    text = (
        '[defaults]\ntime_zone = "UTC"\ncurrency = "EUR"\naccount = "ACC1"\n'
        '[codes.K7]\ninstrument = "CARD"\nchannel = "POS"\n'
        '[columns]\nday = "booked"\nsum = "amount"\nkind = "code"\n'
    )
    given = mapping(tmp_path, text)
    assert one(rows(given, "day,sum,kind\n2026-03-01,1,K7\n")).transaction.instrument == 3
    with pytest.raises(CommandError, match=r"these codes.*: K8\."):
        rows(given, "day,sum,kind\n2026-03-01,1,K8\n").check(lambda rows, end: None)


def test_an_open_quote_stores_nothing(tmp_path: Path) -> None:
    found = rows(mapping(tmp_path, PLAIN), 'day,sum\n2026-03-01,1\n2026-03-02,"2\n')
    with pytest.raises(CommandError, match="quotes"):
        found.check(lambda rows, end: None)


@given(st.text(alphabet='0123456789-.,"\n\r; EUR\u00a0借', max_size=120))
def test_any_text_is_read_or_refused(text: str) -> None:
    plain = Mapping(
        time_zone="UTC",
        instrument="CASH",
        channel="BRANCH",
        currency="EUR",
        account="A",
        columns=(ColumnRule("day", "booked"), ColumnRule("sum", "amount")),
    )
    found = rows(plain, "day,sum\n2026-03-01,1\n" + text)
    try:
        result = found.check(lambda rows, end: None)
    except CommandError:
        return
    assert result.entries == len(items(found))
