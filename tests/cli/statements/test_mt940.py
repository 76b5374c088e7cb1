"""MT940: each line 61 becomes an entry, and every line that is none is accounted for."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordsvault.records.v1.records_pb2 import ImportItem
from tests.cli.statements import reading
from vault.cli.vaultctl.failures import CommandError
from vault.cli.vaultctl.statements.mt940 import mt940
from vault.cli.vaultctl.statements.mt940_fields import information, own_account, statement_line
from vault.cli.vaultctl.statements.parts import Begins, Broken, Ends, Entry, Line, Side

EXAMPLE = Path(__file__).parents[3] / "clients/examples/statements/current.mt940.sta"
GOOD = (
    ":20:STARTUMS\n:25:12030000/1020304050\n:28C:7/2\n:60F:C260302EUR100,00\n"
    ":61:2603020302C10,01NTRFREF-1//BANK-1\n:86:166?00GUTSCHRIFT?20EREF+E2E-1?21SVWZ+Rechnung 1"
    "?30RVLTDE2A?31DE17999999990032169770?32Beispiel ?33GmbH\n"
    ":61:2603020303D0,01NCHGNONREF\n:86:Kontoführung\nMärz\n"
    ":62F:C260302EUR110,00\n-\n"
)


def only(text: str) -> Entry:
    (found,) = reading.entries(text, mt=True)
    return found


def message(*fields: str, head: str = ":20:S1\n:25:ACC1\n:28C:1\n:60F:C260302EUR100,00\n") -> str:
    return head + "\n".join(fields) + "\n:62F:C260302EUR100,00\n-\n"


def test_a_line_and_what_is_told_of_it() -> None:
    first, second = reading.entries(GOOD, mt=True)
    assert (first.amount, first.credit, first.currency) == (Decimal("10.01"), True, "EUR")
    assert (first.reference, first.end_to_end, first.code) == ("BANK-1", "E2E-1", "NTRF+166")
    assert first.remittance == "Rechnung 1"
    assert first.other == Side("DE17999999990032169770", "Beispiel GmbH", "RVLTDE2A")
    assert (second.amount, second.credit, second.code) == (Decimal("0.01"), False, "NCHG")
    assert (second.booked, second.valued) == (date(2026, 3, 3), date(2026, 3, 2))
    assert second.remittance == "Kontoführung März"


def test_a_statement_has_its_account_its_number_and_adds_up() -> None:
    (begins, *_, ends) = reading.parts(GOOD, mt=True)
    assert isinstance(begins, Begins)
    assert isinstance(ends, Ends)
    statement = ends.statement
    assert (statement.own.account, statement.number, statement.page) == ("1020304050", 7, 2)
    result = reading.reconciled(GOOD, mt=True)
    assert (result.statements, result.proved, result.findings) == (1, 1, [])


def test_the_closing_balance_that_comes_last_is_known_to_every_entry() -> None:
    for item in reading.items(GOOD, mt=True):
        assert isinstance(item, ImportItem)
        told = item.transaction.statement
        assert (told.statement_id, told.number) == ("STARTUMS", 7)
        assert (told.opening_balance.units, told.closing_balance.units) == (100, 110)


@pytest.mark.parametrize(
    ("mark", "credit", "reversal"),
    [("C", True, False), ("D", False, False), ("RC", False, True), ("RD", True, True)],
)
def test_the_reversal_of_a_credit_takes_money_out(mark: str, credit: bool, reversal: bool) -> None:
    found = only(message(f":61:260302{mark}1,NTRFX"))
    assert (found.credit, found.reversal, found.amount) == (credit, reversal, Decimal(1))


@pytest.mark.parametrize(
    ("valued", "entry", "booked"),
    [
        ("260101", "1231", date(2025, 12, 31)),
        ("251231", "0101", date(2026, 1, 1)),
        ("240228", "0229", date(2024, 2, 29)),
        ("260302", "", date(2026, 3, 2)),
    ],
)
def test_the_year_of_an_entry_date_is_the_nearest(valued: str, entry: str, booked: date) -> None:
    assert only(message(f":61:{valued}{entry}C1,NTRFX")).booked == booked


@pytest.mark.parametrize(
    "line",
    [
        "260302C1.00NTRFX",
        "260302C100NTRFX",
        "260302X1,00NTRFX",
        "261302C1,00NTRFX",
        "2603020231C1,00NTRFX",
        "260302C1,00",
        "260302C1,00TRFX",
        "260302C1234567890123456,00NTRFX",
        "",
    ],
)
def test_a_line_that_cannot_be_read_is_refused_with_its_text_and_number(line: str) -> None:
    text = message(f":61:{line}", ":61:260302C1,00NTRFX")
    found = reading.lines(text, mt=True)
    assert [isinstance(one.entry, Broken) for one in found] == [True, False]
    assert found[0].number == 5
    assert reading.broken(text, mt=True)[0].text == f":61:{line}"


def test_what_is_no_field_is_accounted_for() -> None:
    text = message(":6l:260302C1,00NTRFX", ":99Z:what", ":61:260302C1,00NTRFX")
    # The first is text behind field 60F, which is then no balance.
    assert [one.text for one in reading.broken(text, mt=True)] == [
        ":60F:C260302EUR100,00\n:6l:260302C1,00NTRFX",
        ":99Z:what",
    ]
    assert not reading.reconciled(text, mt=True).adds_up


def test_an_entry_behind_the_end_is_no_accounts_and_is_accounted_for() -> None:
    text = GOOD + ":61:260302C1,00NTRFX\n"
    assert [one.text for one in reading.broken(text, mt=True)] == [":61:260302C1,00NTRFX"]


def test_headers_of_banks_and_of_swift_are_passed_over() -> None:
    text = "ABNANL2A\n940\nABNANL2A\n{1:F01}{2:I940}{4:\n" + GOOD.replace("\n-\n", "\n-}{5:}\n")
    assert len(reading.entries(text, mt=True)) == 2
    assert reading.reconciled(text, mt=True).adds_up


def test_a_message_that_begins_before_the_last_has_ended_is_told() -> None:
    cut = GOOD.split(":62F:")[0]
    result = reading.reconciled(cut + GOOD, mt=True)
    assert result.statements == 2
    assert "CUT" in [fault.value for fault in result.findings[0].faults]


def test_a_file_without_a_message_is_refused() -> None:
    for text in ("", "hello\n", "{1:F01}\n"):
        with pytest.raises(CommandError, match="MT940"):
            reading.parts(text, mt=True)


@pytest.mark.parametrize(
    ("text", "account", "bic"),
    [
        ("DE41999999994649640647", "DE41999999994649640647", ""),
        ("NL20INGB0001234567EUR", "NL20INGB0001234567", ""),
        ("12030000/1020304050", "1020304050", ""),
        ("RVLTDE2A/1020304050", "1020304050", "RVLTDE2A"),
        ("6200 0073 4922", "6200 0073 4922", ""),
    ],
)
def test_the_account_is_found_behind_its_bank_and_before_its_currency(
    text: str, account: str, bic: str
) -> None:
    assert own_account(text, "EUR") == Side(account=account, bic=bic)


def test_what_is_agreed_by_words_is_understood() -> None:
    told = information(
        "/EREF/E2E-9//CNTP/NL20INGB0001234567/INGBNL2A/Example\n BV/UTRECHT//REMI/USTD//Invoice/7/"
    )
    assert told.end_to_end == "E2E-9"
    assert told.other == Side("NL20INGB0001234567", "Example BV", "INGBNL2A")
    assert told.remittance == "Invoice/7"


def test_text_that_nobody_agreed_on_is_remittance_as_it_stands() -> None:
    told = information("166 Birthday present? 20 Euro\nfor you")
    assert (told.remittance, told.code) == ("166 Birthday present? 20 Euro for you", "")


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "iso8859-1", "cp850"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(encoding: str, end: str) -> None:
    text = GOOD.replace("ü", "u").replace("ä", "é") if encoding == "gb18030" else GOOD
    data = text.replace("\n", end).encode(encoding)
    found = reading.entries(data, mt=True, encoding=encoding)
    assert found[1].remittance.endswith(("März", "Mérz"))


def test_a_byte_order_mark_says_the_encoding() -> None:
    for encoding in ("utf-8-sig", "utf-16"):
        assert len(reading.entries(GOOD.encode(encoding), mt=True)) == 2


def test_what_is_no_utf_8_stores_nothing_and_says_where() -> None:
    data = GOOD.encode("iso8859-1")
    with pytest.raises(CommandError, match=rf"byte {data.index(0xFC):,}: give the encoding"):
        reading.parts(data, mt=True)


@given(st.text(alphabet=":6012FCDMEUR,\n-?/NTRF{} 3", max_size=200))
def test_any_text_is_read_or_refused_and_every_line_61_is_accounted_for(text: str) -> None:
    data = (":20:X\n" + text).encode()
    parts = list(mt940("file", io.BytesIO(data)))
    lines = [part for part in parts if isinstance(part, Line)]
    written = sum(line.startswith(":61:") for line in data.decode().split("\n"))
    assert len(lines) >= written
    begins = sum(isinstance(part, Begins) for part in parts)
    assert begins == sum(isinstance(part, Ends) for part in parts)


@given(st.text(max_size=60))
def test_no_text_of_a_field_breaks_its_reader(text: str) -> None:
    statement_line(text)
    information(text)
    information("166?20" + text)
    information("/EREF/" + text)
    own_account(text, "EUR")


def test_another_reader_finds_the_same() -> None:
    """Held against mt-940, the library that is kept for Python."""
    other = pytest.importorskip("mt940")
    for text in (GOOD, EXAMPLE.read_text()):
        theirs = list(other.parse(text))
        ours = reading.entries(text, mt=True)
        assert [(t.data["amount"].amount, t.data["date"]) for t in theirs] == [
            (e.signed, e.valued) for e in ours
        ]
        assert [t.data["entry_date"] for t in theirs] == [e.booked for e in ours]
        assert [t.data["id"] for t in theirs] == [e.code[:4] for e in ours]
