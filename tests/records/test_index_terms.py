"""What a record is found by, and what only one customer may hold."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.records import strategies
from tests.records.builders import (
    LEI,
    RESIDENT_ID,
    USCC,
    customer,
    document,
    entity_customer,
    person,
    trader_customer,
    transaction,
)
from vault.records import (
    Customer,
    DocumentKind,
    IdentityDocument,
    IdentityElement,
    IndexKind,
    claims,
    customer_terms,
    document_terms,
    normalise,
    transaction_terms,
)

IDENTITY, NAME, PHONE, ACCOUNT = (
    IndexKind.IDENTITY,
    IndexKind.NAME,
    IndexKind.PHONE,
    IndexKind.ACCOUNT,
)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        (IDENTITY, "11010519491231002X", "11010519491231002x"),
        (IDENTITY, "11010519491231002X", "110105491231002"),
        (IDENTITY, "11010519491231002X", "１１０１０５ 19491231 002Ｘ"),
        (IDENTITY, "536-90-4399", "536904399"),
        (IDENTITY, "HRB 12345", "hrb12345"),
        (PHONE, "+8613800138000", "+86 138-0013-8000"),
        (PHONE, "+8613800138000", "0086 138 0013 8000"),
        (PHONE, "+8613800138000", "＋８６ 13800138000"),
        (ACCOUNT, "GB29NWBK60161331926819", "gb29 nwbk 6016 1331 9268 19"),
        (ACCOUNT, "4111111111111111", "4111-1111-1111-1111"),
        (NAME, "Erika Mustermann", "ERIKA  MUSTERMANN"),
        (NAME, "José Núñez", "JOSE\u0301 NU\u0301N\u0303EZ"),
        (NAME, "Straße", "STRASSE"),
        (NAME, "王小明", "王 小明"),
        (NAME, "王小明", "王\u3000小明"),
        (NAME, "阿卜杜拉·买买提", "阿卜杜拉•买买提"),
        (NAME, "阿卜杜拉·买买提", "阿卜杜拉 . 买买提"),
        (NAME, "ACME（上海）有限公司", "Acme(上海)有限公司"),
        (IndexKind.CUSTOMER_NUMBER, "C000123", " c000123"),
    ],
)
def test_two_ways_of_writing_one_value_meet(kind: IndexKind, one: str, other: str) -> None:
    assert normalise(kind, one) == normalise(kind, other) != ""


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        (IDENTITY, "123456789012345", "123456789012346"),
        (PHONE, "+8613800138000", "+8613800138001"),
        (PHONE, "+8613800138000", "13800138000"),
        (NAME, "Anna Maria", "Annamaria"),
        (NAME, "王小明", "王晓明"),
        (NAME, "Jose", "José"),
        (IndexKind.CUSTOMER_NUMBER, "1-11", "11-1"),
    ],
)
def test_different_values_do_not_meet(kind: IndexKind, one: str, other: str) -> None:
    assert normalise(kind, one) != normalise(kind, other)


@given(st.sampled_from(IndexKind), strategies.texts | st.text())
def test_normalising_is_total_and_done_once(kind: IndexKind, text: str) -> None:
    once = normalise(kind, text)
    assert normalise(kind, once) == once


@given(st.sampled_from(IndexKind), st.text())
def test_unicode_forms_of_one_text_meet(kind: IndexKind, text: str) -> None:
    for form in ("NFC", "NFD"):
        assert normalise(kind, unicodedata.normalize(form, text)) == normalise(kind, text)


def test_a_person_is_found_by_all_that_is_the_persons_own() -> None:
    assert customer_terms(customer()) == {
        (IndexKind.CUSTOMER_NUMBER, "c000123"),
        (IDENTITY, "11010519491231002x"),
        (NAME, "王小明"),
        (NAME, "wang xiaoming"),
        (PHONE, "+8613800138000"),
        (ACCOUNT, "gb29nwbk60161331926819"),
        (ACCOUNT, "4111111111111111"),
        (ACCOUNT, "0200001234567890123"),
    }


def test_an_entity_is_not_found_by_its_people() -> None:
    terms = customer_terms(entity_customer())
    assert {text for kind, text in terms if kind is NAME} == {"acme widgets ltd"}
    assert {text for kind, text in terms if kind is IDENTITY} == {
        USCC.lower(),
        LEI.lower(),
        "hrb12345",
    }
    assert (PHONE, "+8613900139000") not in terms


def test_a_sole_trader_is_found_by_person_and_trade() -> None:
    terms = customer_terms(trader_customer())
    assert {(NAME, "王小明"), (NAME, "小明面馆")} <= terms
    assert {(IDENTITY, RESIDENT_ID.lower()), (IDENTITY, USCC.lower())} <= terms


def test_documents_and_transactions_are_found_by_their_own_numbers() -> None:
    assert document_terms(document()) == {
        (IDENTITY, "l898902c3"),
        (NAME, "anna maria eriksson"),
    }
    assert transaction_terms(transaction()) == {(ACCOUNT, "4111111111111111")}


def test_a_record_that_holds_nothing_has_no_terms_and_claims_nothing() -> None:
    assert customer_terms(Customer()) == claims(Customer()) == frozenset()
    assert document_terms(IdentityDocument()) == claims(IdentityDocument()) == frozenset()


def test_a_number_claims_the_same_from_a_file_and_from_a_document() -> None:
    paper = document(kind=DocumentKind.CN_RESIDENT_ID, number=RESIDENT_ID, issuing_country="CN")
    old = document(kind=DocumentKind.CN_RESIDENT_ID, number="110105491231002", issuing_country="CN")
    card = document(kind=DocumentKind.NATIONAL_ID_CARD, number=RESIDENT_ID, issuing_country="CN")
    assert claims(paper) == claims(old) == claims(card)
    assert claims(paper) < claims(customer())
    assert claims(customer()) - claims(paper) == {
        (IndexKind.CUSTOMER_NUMBER, "customer-number:c000123")
    }


def test_a_licence_claims_the_entitys_code() -> None:
    paper = document(kind=DocumentKind.CN_BUSINESS_LICENCE, number=USCC, issuing_country="CN")
    assert claims(paper) < claims(entity_customer())
    assert claims(paper) < claims(trader_customer())
    assert (IDENTITY, f"lei:{LEI.lower()}") in claims(entity_customer())


def test_one_passport_number_of_two_countries_is_two_claims() -> None:
    assert claims(document()).isdisjoint(claims(document(issuing_country="DE")))
    assert claims(document()) == {(IDENTITY, "passport:se:l898902c3")}


@pytest.mark.parametrize(
    "kind",
    [DocumentKind.DRIVING_LICENCE, DocumentKind.COMPANY_REGISTRATION, DocumentKind.OTHER],
)
def test_numbers_that_are_not_unique_in_a_country_are_not_claimed(kind: DocumentKind) -> None:
    assert claims(document(kind=kind)) == frozenset()


def test_a_social_security_number_is_claimed_without_its_hyphens() -> None:
    elements = (
        IdentityElement(DocumentKind.US_SSN, number, "US")
        for number in ("536-90-4399", "536904399")
    )
    found = [claims(Customer(natural_person=person(identity=element))) for element in elements]
    assert found == [{(IDENTITY, "us-ssn:536904399")}] * 2


@given(strategies.customers, st.text())
def test_no_search_reaches_a_claim(record: Customer, text: str) -> None:
    """A claim's token must never answer a search for some text."""
    for kind, claim in claims(record):
        assert normalise(kind, claim) != claim or kind is IndexKind.CUSTOMER_NUMBER
        if kind is IDENTITY:
            assert normalise(kind, text) != claim
