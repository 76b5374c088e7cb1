"""What customers have in common: the family name and the street."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.records import (
    Address,
    Customer,
    LegalEntity,
    Likeness,
    NaturalPerson,
    SoleTrader,
    customer_commons,
)
from vault.records.likeness import street, surname


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("王小明", "王"),
        ("王 小明", "王"),
        ("欧阳娜娜", "欧阳"),
        ("歐陽修", "歐陽"),
        ("司马", "司"),  # of two characters the first is the family's
        ("阿卜杜拉·买买提", "买买提"),
        ("阿卜杜拉•买买提", "买买提"),
        ("John Fitzgerald Smith", "smith"),
        ("SMITH, John", "smith"),
        ("van der Berg, Anna", "van der berg"),
        ("Cher", "cher"),
        ("Ｓｍｉｔｈ", "smith"),
        ("", ""),
        (" , ", ""),
    ],
)
def test_a_family_name_is_found(name: str, family: str) -> None:
    assert surname(name) == family


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("中山路100号", "中山路"),
        ("中山路１００号３栋５０２室", "中山路"),
        ("中山路 88 弄 5 号", "中山路"),
        ("中山路三号楼", "中山路"),
        ("中山路第12号", "中山路"),
        ("人民二路25号", "人民二路"),
        ("五一路", "五一路"),
        ("第五大道10号", "第五大道"),
        ("100 中山路", "中山路"),
        ("10 Downing Street", "downing street"),
        ("10 Downing St.", "downing street"),
        ("Flat 2, 10 Downing Street", "downing street"),
        ("Apt 3B, 221B Baker St", "baker street"),
        ("350 5th Avenue, Suite 3300", "5th avenue"),
        ("Hauptstraße 5a", "hauptstrasse"),
        ("Hauptstr. 12", "hauptstrasse"),
        ("100", ""),
        ("", ""),
    ],
)
def test_a_street_is_found_without_its_houses(line: str, name: str) -> None:
    found = street(Address(country="CN", city="上海市", street=line))
    assert found == (f"cn|上海市|{name}" if name else "")


def test_streets_of_one_name_in_two_places_are_two() -> None:
    here = street(Address(country="CN", city="上海市", street="中山路1号"))
    there = street(Address(country="CN", city="南京市", street="中山路1号"))
    municipal = street(Address(country="CN", region="上海市", street="中山路2号"))
    assert here != there
    assert municipal == here


@given(st.text(max_size=40))
def test_whatever_stands_there_has_a_normal_form_or_none(text: str) -> None:
    family = surname(text)
    assert family == family.strip()
    assert street(Address(country="CN", city="x", street=text)).count("|") in (0, *range(2, 50))


def test_what_a_customer_has_in_common_with_others() -> None:
    home, work = (
        Address(country="CN", street="中山路1号"),
        Address(country="CN", street="五一路2号"),
    )
    person = NaturalPerson(full_name="欧阳娜娜")
    one = Customer(natural_person=person, addresses=(home, work))
    assert customer_commons(one) == {
        (Likeness.SURNAME, "欧阳"),
        (Likeness.STREET, "cn||中山路"),
        (Likeness.STREET, "cn||五一路"),
    }
    trader = Customer(sole_trader=SoleTrader(person=person, trade_name="王记"))
    assert customer_commons(trader) == {(Likeness.SURNAME, "欧阳")}
    firm = Customer(legal_entity=LegalEntity(full_name="王府井百货"), addresses=(home,))
    assert customer_commons(firm) == {(Likeness.STREET, "cn||中山路")}
    assert customer_commons(Customer()) == frozenset()
