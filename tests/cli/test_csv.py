"""CSV files: columns are paths of the contract, cells are its values."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordsvault.records.v1.records_pb2 import ImportItem
from recordsvault.type.v1.party_pb2 import DocumentKind
from vault.cli.vaultctl.csv_paths import Kind
from vault.cli.vaultctl.failures import CommandError
from vault.cli.vaultctl.import_rows import MAX_LINE, CsvRows, JsonRows, open_rows
from vault.cli.vaultctl.proto_json import Refused

PATH = Path("rows.csv")


def read(text: str | bytes, kind: Kind | None = None) -> list[ImportItem]:
    rows = _rows(text, kind)
    return [rows.item(row) for row in rows]


def _rows(text: str | bytes, kind: Kind | None = None) -> CsvRows:
    data = text.encode() if isinstance(text, str) else text
    return CsvRows(PATH, io.BytesIO(data), kind)


def test_transactions_with_paths_from_the_item() -> None:
    (item,) = read(
        "customer_number,transaction.amount.units,transaction.amount.currency_code,"
        "transaction.direction,transaction.booking_time\n"
        "C1,1250,CNY,CREDIT,2026-03-01T09:30:00+08:00\n"
    )
    assert item.customer_number == "C1"
    assert item.transaction.amount.units == 1250
    assert item.transaction.booking_time.ToJsonString() == "2026-03-01T01:30:00Z"


def test_an_owner_may_be_named_by_his_account() -> None:
    (item,) = read(
        "account_number,amount,direction\n6200007349225835184,12.50 CNY,DEBIT\n", Kind.TRANSACTIONS
    )
    assert item.account_number == "6200007349225835184"


def test_customers_with_paths_from_the_record_and_lists() -> None:
    (item,) = read(
        "customer_number,natural_person.full_name,phones[0],phones[2],addresses[0].city\n"
        "C1,张伟,+8613800138000,+8613900139000,上海\n"
    )
    customer = item.new_customer
    assert customer.customer_number == "C1"
    assert list(customer.phones) == ["+8613800138000", "+8613900139000"]
    assert customer.addresses[0].city == "上海"
    assert item.WhichOneof("owner") is None


def test_days_amounts_and_truth_have_short_forms() -> None:
    (document,) = read(
        "customer_number,kind,number,issue_date,long_term\nC1,PASSPORT,E1,2020-02-29,true\n"
    )
    assert document.identity_document.kind == DocumentKind.DOCUMENT_KIND_PASSPORT
    assert document.identity_document.issue_date.day == 29
    assert document.identity_document.long_term
    (transaction,) = read("customer_number,transaction.amount\nC1,1250.05 CNY\n")
    amount = transaction.transaction.amount
    assert (amount.units, amount.nanos, amount.currency_code) == (1250, 50_000_000, "CNY")


def test_an_empty_cell_is_a_field_that_is_left_out() -> None:
    (item,) = read("customer_number,natural_person.full_name,natural_person.occupation\nC1,x,\n")
    assert item.new_customer.natural_person.full_name == "x"
    assert not item.new_customer.natural_person.occupation
    (bare,) = read("customer_number,legal_entity.full_name,legal_entity.lei\nC1,,\n")
    assert bare.new_customer.WhichOneof("party") is None


def test_quotes_commas_and_line_breaks_belong_to_their_cell() -> None:
    (item,) = read('customer_number,legal_entity.full_name\nC1,"A ""B"", C\nD"\n')
    assert item.new_customer.legal_entity.full_name == 'A "B", C\nD'


def test_a_byte_order_mark_is_no_part_of_the_first_column() -> None:
    assert read("\ufeffcustomer_number,phones[0]\nC1,1\n")[0].new_customer.customer_number == "C1"


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("", "empty"),
        ("customer_number,nope\n", "column 2"),
        ("C000123,张三,11010519491231002X\n", "column 1"),
        ("customer_number,phones\n", "column 2"),
        ("customer_number,phones[x]\n", "column 2"),
        ("customer_number,natural_person\n", "column 2"),
        ("customer_number,customer_number\n", "the same"),
        ("customer_number\n", "--kind"),
        ("transaction.amount.units,number\n", "column 2"),
    ],
)
def test_a_header_that_does_not_fit_names_the_column_and_shows_no_cell(
    header: str, said: str
) -> None:
    with pytest.raises(CommandError) as error:
        _rows(header)
    assert said in error.value.en
    assert "11010519491231002X" not in error.value.en + error.value.zh
    assert "张三" not in error.value.en + error.value.zh


def test_the_kind_decides_where_the_header_does_not() -> None:
    assert read("customer_number\nC1\n", Kind.CUSTOMERS)[0].new_customer.customer_number == "C1"


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("C1,soon,1.00 CNY,CREDIT", "transaction.value_date"),
        ("C1,2026-03-01,much,CREDIT", "transaction.amount"),
        ("C1,2026-03-01,1.00 CNY,UP", "transaction.direction"),
        ("C1,2026-03-01,1.00 CNY", ""),
    ],
)
def test_a_cell_that_does_not_fit_is_named_by_its_path(row: str, field: str) -> None:
    rows = _rows(
        "customer_number,transaction.value_date,transaction.amount,transaction.direction\n"
        + row
        + "\nC2,2026-03-01,1.00 CNY,DEBIT\n"
    )
    first, second = list(rows)
    with pytest.raises(Refused) as refused:
        rows.item(first)
    assert [problem.field for problem in refused.value.problems] == [field]
    assert rows.item(second).customer_number == "C2"


def test_every_cell_that_does_not_fit_is_named_at_once() -> None:
    rows = _rows("customer_number,transaction.value_date,transaction.direction\nC1,soon,UP\n")
    with pytest.raises(Refused) as refused:
        rows.item(next(iter(rows)))
    assert len(refused.value.problems) == 2


def test_a_cell_that_is_no_utf8_is_refused_and_the_next_row_is_not() -> None:
    rows = _rows(b"customer_number,phones[0]\nC1,\xff\xfe\nC2,1\n")
    first, second = list(rows)
    with pytest.raises(Refused):
        rows.item(first)
    assert rows.original(first)
    assert rows.item(second).new_customer.customer_number == "C2"


def test_an_open_quote_stops_the_file_where_it_is() -> None:
    rows = _rows('customer_number,phones[0]\nC1,1\nC2,"2\nC3,3\n')
    read_rows = iter(rows)
    next(read_rows)
    with pytest.raises(CommandError, match="record 2"):
        next(read_rows)


def test_the_end_of_a_row_is_where_the_file_has_been_read_to() -> None:
    text = "customer_number,phones[0]\nC1,1\nC2,2\n"
    ends = [row.end for row in _rows(text)]
    assert ends == [len("customer_number,phones[0]\nC1,1\n"), len(text)]


@given(st.lists(st.binary(max_size=30).filter(lambda b: b"\n" not in b), max_size=20))
def test_lines_of_any_bytes_are_rows_and_their_ends_add_up(lines: list[bytes]) -> None:
    data = b"\n".join(lines) + b"\n"
    rows = list(JsonRows(io.BytesIO(data), None))
    assert [row.data.strip() for row in rows] == [line.strip() for line in lines if line.strip()]
    for row in rows:
        assert data[: row.end].endswith(row.data)
        assert data[: row.end].count(b"\n") == row.number


def test_a_line_that_is_too_long_is_refused_in_bounded_memory_and_the_next_is_read() -> None:
    long = b'{"new_customer": {"customer_number": "' + b"x" * (MAX_LINE + 10) + b'"}}\n'
    good = b'{"new_customer": {"customer_number": "C2"}}\n'
    rows = JsonRows(io.BytesIO(long + good), None)
    first, second = list(rows)
    with pytest.raises(Refused, match="more than"):
        rows.item(first)
    assert rows.item(second).new_customer.customer_number == "C2"
    assert second.end == len(long) + len(good)


def test_a_jsonl_row_of_another_kind_is_refused_if_a_kind_is_given() -> None:
    rows = JsonRows(io.BytesIO(b'{"customer_number": "C1", "transaction": {}}\n'), Kind.CUSTOMERS)
    with pytest.raises(Refused, match="new_customer"):
        rows.item(next(iter(rows)))


def test_the_ending_of_the_file_says_what_it_is() -> None:
    header = io.BytesIO(b"customer_number,phones[0]\n")
    assert isinstance(open_rows(Path("A.CSV"), header, None), CsvRows)
    assert isinstance(open_rows(Path("a.jsonl"), io.BytesIO(), None), JsonRows)
