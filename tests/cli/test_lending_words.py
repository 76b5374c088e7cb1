"""The words of the lending register are those of the rest of the house."""

from __future__ import annotations

import pytest
from google.protobuf.duration_pb2 import Duration
from hypothesis import given
from hypothesis import strategies as st

from recordsvault.access.v1 import access_pb2 as pb
from recordsvault.type.v1.purpose_pb2 import Purpose as PurposeNumber
from vault.access import matrix
from vault.access.lending import read_classes
from vault.access.purposes import Purpose
from vault.cli.vaultctl import lending_words as words
from vault.cli.vaultctl.durations import span, span_text
from vault.cli.vaultctl.failures import CommandError
from vault.cli.vaultctl.language import Language, speak
from vault.cli.vaultctl.lent_fields import everything, named, within
from vault.rpc.opened import is_known

CUSTOMER = "institutions/demo-bank/customers/01h00000000000000000000000"
DOCUMENT = f"{CUSTOMER}/documents/01h00000000000000000000000"
TRANSACTION = f"{CUSTOMER}/transactions/01h00000000000000000000000"
SCAN = "identity_document.content"


def test_every_state_and_verdict_has_words_in_both_languages() -> None:
    assert set(words.STATES) == set(pb.CheckOutState.values()) - {0}
    assert set(words.VERDICTS) == set(pb.ReviewVerdict.values()) - {0}


def test_purposes_are_called_as_in_the_decision_matrix() -> None:
    page = matrix.PAGE.read_text(encoding="utf-8")
    for number, name in words.PURPOSES.items():
        code = PurposeNumber.Name(number).removeprefix("PURPOSE_")
        assert f"| {code} {name} |" in page
    assert len(words.PURPOSES) == len(Purpose) - 1


def test_every_role_that_decides_has_a_name_as_in_the_decision_matrix() -> None:
    page = matrix.PAGE.read_text(encoding="utf-8")
    for role, name in words.ROLES.items():
        assert f"`{role}` {name}" in page
    classes = read_classes()
    assert classes.deciders | classes.initiates <= set(words.ROLES)


@pytest.mark.parametrize(
    ("written", "seconds", "english", "chinese"),
    [
        ("30m", 1800, "30 min", "30 分钟"),
        ("2h", 7200, "2 h", "2 小时"),
        ("1h30m", 5400, "1 h 30 min", "1 小时 30 分钟"),
        ("1d", 86_400, "1 d", "1 天"),
        ("36h", 129_600, "1 d 12 h", "1 天 12 小时"),
        ("90s", 90, "1 min 30 s", "1 分钟 30 秒"),
        (" 2H ", 7200, "2 h", "2 小时"),
    ],
)
def test_durations_are_read_and_said(
    written: str, seconds: int, english: str, chinese: str
) -> None:
    made = span(written, "--for")
    assert made.total_seconds() == seconds
    said = Duration()
    said.FromTimedelta(made)
    assert span_text(said) == english
    try:
        speak(Language.ZH)
        assert span_text(said) == chinese
    finally:
        speak(Language.EN)


@given(st.integers(1, 90 * 86_400))
def test_what_is_said_of_a_duration_is_read_back_as_the_same(seconds: int) -> None:
    text = span_text(Duration(seconds=seconds)).replace("min", "m").replace(" ", "")
    assert span(text, "--for").total_seconds() == seconds


def test_a_name_of_a_field_is_unfolded_to_its_whole_path() -> None:
    assert named(["phones"], CUSTOMER) == ["customer.phones"]
    assert named(["natural_person.full_name"], CUSTOMER) == ["customer.natural_person.full_name"]
    assert named(["customer.accounts", "accounts"], CUSTOMER) == ["customer.accounts"]
    assert named(["counterparty"], CUSTOMER) == ["transaction.counterparty"]
    assert named(["number", "identity_document.number"], DOCUMENT) == ["identity_document.number"]


def test_scans_and_files_have_a_name_too() -> None:
    assert named([SCAN], CUSTOMER) == [SCAN]
    assert named(["content", SCAN], DOCUMENT) == [SCAN]
    assert named(["content"], TRANSACTION) == ["transaction.content"]
    assert within(["content"], [SCAN, "customer.phones"], CUSTOMER) == [SCAN]
    assert within([SCAN], ["identity_document"], DOCUMENT) == [SCAN]
    for nothing in ("customer.content", "content.pages"):
        with pytest.raises(CommandError):
            named([nothing], CUSTOMER)


def test_of_a_customer_one_says_whether_the_scans_or_the_files_of_transactions_are_meant() -> None:
    with pytest.raises(CommandError) as refused:
        named(["content"], CUSTOMER)
    assert "say which of identity_document.content, transaction.content" in refused.value.en


def test_a_kind_of_record_stands_for_every_field_of_it_that_can_be_lent() -> None:
    """The contract has no path that is a kind alone."""
    assert named(["customer", "identity_document", "transaction"], CUSTOMER) == (
        everything(CUSTOMER)
    )
    whole = named(["identity_document"], DOCUMENT)
    assert whole == everything(DOCUMENT) and SCAN in whole and "identity_document.number" in whole
    assert all(map(is_known, everything(CUSTOMER)))
    with pytest.raises(CommandError):
        named(["transaction"], DOCUMENT)


def test_a_kind_of_record_stands_for_what_was_asked_for_of_it() -> None:
    asked = ["customer.phones", "identity_document.number", SCAN]
    assert within(["identity_document"], asked, CUSTOMER) == asked[1:]
    with pytest.raises(CommandError):
        within(["transaction"], asked, CUSTOMER)
