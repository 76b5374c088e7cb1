"""camt.053: each entry becomes a transaction with what ISO 20022 says of it, in every version."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from recordsvault.records.v1.records_pb2 import ImportItem
from tests.cli.statements.reading import TERMS, broken, entries, items, lines, parts
from tests.support.statements import OTHER, OWN, entry, message, statement
from vault.cli.vaultctl.failures import CommandError
from vault.cli.vaultctl.proto_json import Refused
from vault.cli.vaultctl.statements.booking import Terms
from vault.cli.vaultctl.statements.mapping import Mapping
from vault.cli.vaultctl.statements.parts import Exchange, Side


def one(text: str) -> ImportItem:
    (item,) = items(text)
    assert isinstance(item, ImportItem), item
    return item


def times(text: str) -> list[Timestamp]:
    return [item.transaction.booking_time for item in items(text) if isinstance(item, ImportItem)]


@pytest.mark.parametrize("version", range(2, 14))
def test_every_version_is_read(version: int) -> None:
    assert len(entries(message(statement(entry(1)), version=version))) == 1


@pytest.mark.parametrize(
    ("namespace", "word"),
    [
        ("urn:iso:std:iso:20022:tech:xsd:camt.053.001.01", "version 01"),
        ("urn:iso:std:iso:20022:tech:xsd:camt.053.001.14", "version 14"),
        ("urn:iso:std:iso:20022:tech:xsd:camt.054.001.08", "camt.054"),
        ("urn:iso:std:iso:20022:tech:xsd:pain.001.001.03", "no camt.053"),
        ("", "no camt.053"),
    ],
)
def test_what_is_no_statement_is_named(namespace: str, word: str) -> None:
    with pytest.raises(CommandError, match=word):
        parts(f'<Document xmlns="{namespace}"><X/></Document>')


def test_an_envelope_around_the_message_is_passed_over() -> None:
    inner = message(statement(entry(1))).split("?>", 1)[1]
    text = f'<e:Envelope xmlns:e="urn:x"><AppHdr xmlns="urn:h"><Fr/></AppHdr>{inner}</e:Envelope>'
    assert len(entries(text)) == 1


def test_an_incoming_payment_has_its_debtor_on_the_other_side() -> None:
    transaction = one(message(statement(entry(1, "12.30")))).transaction
    assert transaction.institution_reference == "REF000000000001"
    assert transaction.end_to_end_reference == "E2E-1"
    assert (transaction.amount.units, transaction.amount.nanos) == (12, 300_000_000)
    assert transaction.amount.currency_code == "EUR"
    assert transaction.direction == 1
    assert transaction.account.account == OWN
    assert transaction.counterparty.account == OTHER
    assert transaction.counterparty.name == "Example Company 1 Ltd"
    assert transaction.counterparty.bic == "RVLTDE2A"
    assert transaction.remittance_text == "Invoice 1, with thanks"
    assert transaction.instrument == 1
    assert transaction.channel.kind == 7


def test_the_owner_is_who_holds_the_account_unless_he_is_named() -> None:
    text = message(statement(entry(1)))
    assert one(text).account_number == OWN
    named = Terms(Mapping(channel="API"), "Europe/Berlin", customer_number="C1")
    (item,) = items(text, named)
    assert isinstance(item, ImportItem)
    assert item.customer_number == "C1"


def test_entries_of_one_day_keep_the_order_of_the_statement() -> None:
    text = message(statement("".join(entry(n) for n in range(1, 5))))
    booked = [moment.ToDatetime(UTC) for moment in times(text)]
    midnight = datetime(2026, 3, 2, tzinfo=timezone(timedelta(hours=1)))
    assert booked == [midnight + timedelta(milliseconds=n) for n in range(1, 5)]


def test_a_time_that_is_told_is_kept() -> None:
    moments = ("2026-03-02T09:41:07+08:00", "2026-03-02T09:41:07Z", "2026-03-02T09:41:07")
    text = message(
        statement(
            "".join(
                entry(n).replace("<BookgDt><Dt>2026-03-02</Dt>", f"<BookgDt><DtTm>{m}</DtTm>")
                for n, m in enumerate(moments)
            )
        )
    )
    hours = [moment.ToDatetime(UTC).hour for moment in times(text)]
    assert hours == [1, 9, 8]


@pytest.mark.parametrize("form", ["BOOK", "<Cd>BOOK</Cd>"])
def test_the_status_is_read_in_both_forms(form: str) -> None:
    assert entries(message(statement(entry(1, status=form))))[0].status == "BOOKED"


@pytest.mark.parametrize(
    ("code", "status"), [("PDNG", "PENDING"), ("INFO", "INFORMATION"), ("FUTR", "PENDING")]
)
def test_what_is_not_booked_is_stored_as_such_and_not_counted(code: str, status: str) -> None:
    (found,) = entries(message(statement(entry(1, status=f"<Cd>{code}</Cd>"))))
    assert (found.status, found.counts) == (status, False)


def test_a_collected_entry_whose_details_add_up_becomes_one_a_detail() -> None:
    details = "<NtryDtls>" + "".join(
        f"<TxDtls><Refs><EndToEndId>E{n}</EndToEndId></Refs><Amt Ccy='EUR'>{n}.50</Amt>"
        "<CdtDbtInd>DBIT</CdtDbtInd></TxDtls>"
        for n in (1, 2, 3)
    )
    text = message(statement(entry(7, "7.50", "DBIT", details=details + "</NtryDtls>")))
    found = entries(text)
    assert [(e.reference, e.end_to_end, e.amount) for e in found] == [
        ("REF000000000007/1", "E1", Decimal("1.50")),
        ("REF000000000007/2", "E2", Decimal("2.50")),
        ("REF000000000007/3", "E3", Decimal("3.50")),
    ]
    assert [line.number for line in lines(text)] == [1, 1, 1]


@pytest.mark.parametrize("amount", ["2.00", "x", ""], ids=["too much", "no amount", "none"])
def test_a_collected_entry_whose_details_do_not_add_up_stays_one(amount: str) -> None:
    details = "<NtryDtls>" + "".join(
        f"<TxDtls><Amt Ccy='EUR'>{a}</Amt></TxDtls>" for a in ("1.00", amount)
    )
    text = message(statement(entry(7, "2.50", details=details + "</NtryDtls>")))
    assert [e.amount for e in entries(text)] == [Decimal("2.50")]


def test_a_reversal_keeps_its_own_direction_and_the_roles_of_before() -> None:
    details = (
        "<NtryDtls><TxDtls><RltdPties><Dbtr><Nm>Holder</Nm></Dbtr><Cdtr><Nm>Shop</Nm></Cdtr>"
        "</RltdPties></TxDtls></NtryDtls>"
    )
    reversal = "<RvslInd>true</RvslInd>"
    (found,) = entries(message(statement(entry(1, "5.00", "CRDT", details=details, more=reversal))))
    assert (found.credit, found.reversal, found.other) == (True, True, Side(name="Shop"))


def test_an_exchange_has_the_rate_in_units_of_the_other_currency() -> None:
    def exchanged(unit: str, rate: str) -> Exchange | None:
        details = (
            "<NtryDtls><TxDtls><AmtDtls><InstdAmt><Amt Ccy='USD'>95.00</Amt></InstdAmt><TxAmt>"
            f"<Amt Ccy='EUR'>87.80</Amt><CcyXchg><SrcCcy>EUR</SrcCcy><UnitCcy>{unit}</UnitCcy>"
            f"<XchgRate>{rate}</XchgRate></CcyXchg></TxAmt></AmtDtls></TxDtls></NtryDtls>"
        )
        (found,) = entries(message(statement(entry(1, "87.80", "DBIT", details=details))))
        return found.exchange

    assert exchanged("EUR", "1.0820") == Exchange("1.082", Decimal("95.00"), "USD")
    assert exchanged("USD", "0.5") == Exchange("2", Decimal("95.00"), "USD")
    computed = exchanged("", "")
    assert computed is not None
    assert computed.rate.startswith("1.08200455")


def test_texts_are_composed_and_on_one_line() -> None:
    details = (
        "<NtryDtls><TxDtls><RmtInf><Ustrd>Mu\u0308ller\n  und</Ustrd><Ustrd>So\u0308hne</Ustrd>"
        "<Strd><CdtrRefInf><Ref>RF18539007547034</Ref></CdtrRefInf></Strd></RmtInf></TxDtls>"
        "</NtryDtls>"
    )
    (found,) = entries(message(statement(entry(1, details=details))))
    assert found.remittance == "Müller und Söhne RF18539007547034"


def test_a_chinese_bank_has_its_clearing_number() -> None:
    details = (
        "<NtryDtls><TxDtls><RltdAgts><DbtrAgt><FinInstnId><ClrSysMmbId><ClrSysId><Cd>CNAPS</Cd>"
        "</ClrSysId><MmbId>998499674084</MmbId></ClrSysMmbId><Nm>东海银行</Nm></FinInstnId></DbtrAgt>"
        "</RltdAgts></TxDtls></NtryDtls>"
    )
    (found,) = entries(message(statement(entry(1, details=details))))
    assert found.other == Side(cnaps="998499674084", institution_name="东海银行")


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("10.01", "1e5", "amount"),
        ("10.01", "-3", "amount"),
        ("10.01", "NaN", "amount"),
        ("CRDT", "CREDIT", "direction"),
        ("<BookgDt><Dt>2026-03-02</Dt></BookgDt>", "", "booking_time"),
        ("<BookgDt><Dt>2026-03-02<", "<BookgDt><Dt>2026-02-30<", "booking_time"),
        ("<Cd>BOOK</Cd>", "<Cd>SOON</Cd>", "status"),
    ],
)
def test_an_entry_that_cannot_be_understood_is_one_with_its_text(
    old: str, new: str, field: str
) -> None:
    text = message(statement(entry(1).replace(old, new, 1) + entry(2)))
    found = lines(text)
    assert len(found) == 2
    (bad,) = broken(text)
    assert [problem.field for problem in bad.problems] == [field]
    assert "REF000000000001" in bad.text
    known = field == "booking_time"
    assert bad.signed == (Decimal("10.01") if known else None)


def test_an_entry_without_a_reference_gets_one_that_is_always_the_same() -> None:
    bare = entry(3).replace("<NtryRef>3</NtryRef>", "")
    bare = bare.replace("<AcctSvcrRef>REF000000000003</AcctSvcrRef>", "")
    transaction = one(message(statement(bare, number=9))).transaction
    assert transaction.institution_reference == "S9/1"


@pytest.mark.parametrize("mark", ["DUPL", "CODU"])
def test_a_statement_marked_as_a_duplicate_is_refused_unless_it_is_asked_for(mark: str) -> None:
    text = message(statement(entry(1), head=f"<CpyDplctInd>{mark}</CpyDplctInd>"))
    (refused,) = items(text)
    assert isinstance(refused, Refused)
    assert "duplicate" in str(refused)
    terms = Terms(TERMS.mapping, TERMS.time_zone, copies=True)
    (taken,) = items(text, terms)
    assert isinstance(taken, ImportItem)


def test_an_entry_says_which_statement_shows_it() -> None:
    text = message(statement(entry(1), opening="-5.50", closing="4.51", number=7))
    told = one(text).transaction.statement
    assert (told.statement_id, told.number) == ("S7", 7)
    opening, closing = told.opening_balance, told.closing_balance
    assert (opening.units, opening.nanos, opening.currency_code) == (-5, -500_000_000, "EUR")
    assert (closing.units, closing.nanos) == (4, 510_000_000)


def test_balances_between_two_pages_are_no_statements_own() -> None:
    text = message(statement(entry(1))).replace("<Cd>CLBD</Cd>", "<Cd>ITBD</Cd>")
    told = one(text).transaction.statement
    assert told.HasField("opening_balance")
    assert not told.HasField("closing_balance")


def test_a_value_date_with_a_zone_stays_that_day() -> None:
    text = message(
        statement(entry(1).replace("<ValDt><Dt>2026-03-02<", "<ValDt><Dt>2026-03-05+01:00<"))
    )
    assert entries(text)[0].valued == date(2026, 3, 5)
