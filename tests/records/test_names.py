"""Resource names: one way in, one way out."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.records import (
    CheckOutName,
    CustomerName,
    DocumentName,
    InstitutionName,
    InvalidName,
    TransactionName,
    is_ulid,
    new_ulid,
    parse_record_name,
    record_name,
    transaction_scope,
    ulid_ms,
    unix_ms,
)
from vault.records.ulid import MAX_MS

institutions = st.from_regex(r"[a-z][a-z0-9-]{1,39}", fullmatch=True)
ulids = st.builds(new_ulid, st.integers(0, MAX_MS), st.binary(min_size=10, max_size=10))
names = st.one_of(
    st.builds(CustomerName, institutions, ulids),
    st.builds(DocumentName, institutions, ulids, ulids),
    st.builds(TransactionName, institutions, ulids, ulids),
)
ID = "01jd0000000000000000000000"


@given(names)
def test_a_record_name_round_trips(name: CustomerName | DocumentName | TransactionName) -> None:
    assert parse_record_name(str(name)) == name
    assert type(name).parse(str(name)) == name
    assert record_name(name.institution, name.customer, name.record) == name


@given(institutions)
def test_an_institution_name_round_trips(institution: str) -> None:
    name = InstitutionName(institution)
    assert InstitutionName.parse(str(name)) == name


@given(institutions, ulids)
def test_a_check_outs_name_round_trips_and_has_no_other_form(institution: str, ulid: str) -> None:
    name = CheckOutName(institution, ulid)
    assert CheckOutName.parse(str(name)) == name
    for text in (f"{name}\n", f"{name}/", f"{name}@1", str(name).upper(), str(name)[13:]):
        with pytest.raises(InvalidName):
            CheckOutName.parse(text)


@given(st.text())
def test_any_other_text_is_refused_by_name_alone(text: str) -> None:
    for parse in (InstitutionName.parse, CustomerName.parse, CheckOutName.parse, parse_record_name):
        with pytest.raises(InvalidName) as refusal:
            parse(text)
        # The refusal says the same to every such text, so it says nothing of it.
        with pytest.raises(InvalidName, match=f"^{re.escape(str(refusal.value))}$"):
            parse("")


@pytest.mark.parametrize(
    "text",
    [
        f"institutions/demo-bank/customers/{ID.upper()}",
        f"institutions/Demo/customers/{ID}",
        f"institutions/110101199003074258/customers/{ID}",
        f"institutions/d/customers/{ID}",
        f"institutions/-demo/customers/{ID}",
        f"institutions/{'d' * 41}/customers/{ID}",
        f"institutions/demo-bank/customers/{ID}/",
        f"/institutions/demo-bank/customers/{ID}",
        f"institutions/demo-bank/customers/{ID}\n",
        f"institutions/demo-bank\n/customers/{ID}",
        f"institutions/demo-bank/clients/{ID}",
        f"institutions/demo-bank/customers/{ID}/vouchers/{ID}",
        f"institutions/demo-bank/customers/{ID}/documents",
    ],
)
def test_names_of_another_form_are_refused(text: str) -> None:
    with pytest.raises(InvalidName):
        parse_record_name(text)


def test_a_name_cannot_be_made_from_parts_that_break_out_of_it() -> None:
    with pytest.raises(InvalidName):
        CustomerName("demo-bank/customers", ID)
    with pytest.raises(InvalidName):
        DocumentName("demo-bank", ID, "../transactions")
    with pytest.raises(InvalidName):
        TransactionName("demo-bank", ID, "")


def test_names_know_their_record_scope_and_parent() -> None:
    customer = CustomerName("demo-bank", ID)
    document = DocumentName("demo-bank", ID, ID)
    transaction = TransactionName("demo-bank", ID, ID)
    assert (customer.record, customer.scope) == ("", "identity")
    assert (document.record, document.scope) == (f"documents/{ID}", "identity")
    assert transaction.record == f"transactions/{ID}"
    assert document.parent == transaction.parent == customer
    assert customer.parent == InstitutionName("demo-bank")


def test_the_scope_of_a_booking_is_the_year_of_its_own_time_zone() -> None:
    eve = datetime(2025, 12, 31, 16, 30, tzinfo=UTC)
    assert transaction_scope(eve, "UTC") == "transactions/2025"
    assert transaction_scope(eve, "Asia/Shanghai") == "transactions/2026"
    with pytest.raises(ValueError, match="time zone"):
        transaction_scope(eve, "Asia/Atlantis")
    with pytest.raises(ValueError, match="no time zone"):
        transaction_scope(eve.replace(tzinfo=None), "UTC")


@given(
    st.datetimes(timezones=st.just(UTC)).filter(lambda time: 1970 <= time.year < 9999),
    st.integers(-12, 12),
)
def test_unix_milliseconds_are_those_of_a_ulid(time: datetime, hours: int) -> None:
    aware = time.astimezone(timezone(timedelta(hours=hours)))
    ms = unix_ms(aware)
    assert datetime.fromtimestamp(ms // 1000, UTC) == time.replace(microsecond=0)
    assert ms % 1000 == time.microsecond // 1000
    ulid = new_ulid(ms)
    assert is_ulid(ulid)
    assert ulid_ms(ulid) == ms
