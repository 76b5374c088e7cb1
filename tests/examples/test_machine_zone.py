"""Names and check digits of machine-readable zones against ICAO Doc 9303."""

import datetime

import pytest

from clients.examples.machine_zone import (
    Holder,
    check_digit,
    identity_card,
    passport,
    transliterate,
)

BORN, EXPIRY = datetime.date(1974, 8, 12), datetime.date(2032, 4, 15)


# The specimen of Doc 9303 part 4, appendix B (Anna Maria Eriksson of Utopia).
@pytest.mark.parametrize(
    ("field", "digit"),
    [("L898902C3", "6"), ("740812", "2"), ("120415", "9"), ("ZE184226B<<<<<", "1")],
)
def test_check_digits_are_those_of_the_published_specimen(field: str, digit: str) -> None:
    assert check_digit(field) == digit


# Doc 9303 part 3, section 6, table A; apostrophes are left out, hyphens become fillers.
@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("Żółć", "ZOLC"),
        ("O'Brien", "OBRIEN"),
        ("O’Dónaill", "ODONAILL"),
        ("Weiß", "WEISS"),
        ("Müller", "MUELLER"),
        ("Åsa", "AASA"),
        ("María José", "MARIA<JOSE"),
        ("Fortescue-Smythe", "FORTESCUE<SMYTHE"),
        ("Nguyễn", "NGUYEN"),
        ("van 't Hoff", "VAN<T<HOFF"),
        ("Ö", "OE"),
    ],
)
def test_letters_are_transliterated_as_the_table_has_it(name: str, zone: str) -> None:
    assert transliterate(name) == zone


def test_a_name_that_is_too_long_keeps_its_family_name_and_one_given_name() -> None:
    holder = Holder("von und zu " + "Hohenbruck-" * 4 + "Au", "Anna Maria", "DE", BORN, "F")
    for zone, width, line in (
        (passport(holder, "DE", "ZZZCCCCC1", EXPIRY), 44, 0),
        (identity_card(holder, "DE", "ZZZCCCCC1", EXPIRY), 30, 2),
    ):
        lines = zone.split("\n")
        assert {len(text) for text in lines} == {width}
        names = lines[line][5:] if line == 0 else lines[line]
        family, given = names.split("<<")
        assert family.startswith("VON<UND<ZU<HOHENBRUCK")
        assert given.rstrip("<") == "ANNA"


def test_a_name_of_one_part_stands_alone() -> None:
    zone = passport(Holder("Tjahjono", "", "US", BORN, "M"), "US", "Z12345678", EXPIRY)
    assert zone.split("\n")[0] == "P<USATJAHJONO" + "<" * 31
