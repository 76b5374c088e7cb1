"""Published vectors of the identifiers' standards.

The numbers are facts taken from the sources named beside them; none of the sources' text is.
"""

import string
from datetime import date

import pytest
from stdnum import luhn as stdnum_luhn
from stdnum.cn import ric as stdnum_ric
from stdnum.cn import uscc as stdnum_uscc

from tests.records.builders import TD3
from vault.records.identifiers import (
    bic,
    card,
    country,
    currency,
    iban,
    lei,
    mrz,
    phone,
    resident_id,
    ssn,
    uscc,
)
from vault.records.identifiers.time_zone import zone
from vault.records.reasons import Reason

# ICAO Doc 9303, 8th edition: part 5 appendix A (TD1), part 6 appendix A (TD2), part 4 appendix A
# (TD3), and part 11 appendix D.2 (numbers of more than nine characters).
TD1 = (
    "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<"
)
TD2 = "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6"
TD1_LONG = (
    "I<UTOD23145890<7349<<<<<<<<<<<\n3407127M9507122UTO<<<<<<<<<<<2\nSTEVENSON<<PETER<JOHN<<<<<<<<<"
)
TD2_LONG = "I<UTOSTEVENSON<<PETER<JOHN<<<<<<<<<<\nD23145890<UTO3407127M95071227349<<<8"
ZONES = [TD1, TD2, TD3, TD1_LONG, TD2_LONG]


@pytest.mark.parametrize(
    "number",
    [
        # GB 11643-1999, annexes A and B.
        "11010519491231002X",
        "440524188001010014",
        # python-stdnum 2.2, documentation of stdnum.cn.ric (LGPL-2.1-or-later).
        "360426199101010071",
    ],
)
def test_published_resident_identity_numbers_pass(number: str) -> None:
    assert resident_id.problem(number) is None
    assert stdnum_ric.calc_check_digit(number) == number[-1]


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("110105194912310021", Reason.CHECK_DIGIT),
        ("11010519491231002x", Reason.CHARACTERS),
        ("1101051949123100２X", Reason.CHARACTERS),
        ("11010519491231002", Reason.LENGTH),
        ("", Reason.LENGTH),
    ],
)
def test_other_resident_identity_numbers_are_refused(number: str, reason: Reason) -> None:
    assert resident_id.problem(number) is reason


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("99010519491231002", Reason.REGION),
        ("11010519490229002", Reason.DATE),
        ("11010519491331002", Reason.DATE),
        ("11010519491231000", Reason.CHARACTERS),
    ],
)
def test_a_right_check_character_does_not_make_up_for_the_rest(body: str, reason: Reason) -> None:
    assert resident_id.problem(body + resident_id.check_character(body)) is reason


def test_someone_older_than_their_county_is_not_refused() -> None:
    # 441900 (Dongguan) became a region in 1988: stdnum refuses those born there before.
    body = "44190019700101001"
    number = body + resident_id.check_character(body)
    assert resident_id.problem(number) is None
    assert not stdnum_ric.is_valid(number)


def test_birth_date_and_sex_are_read_from_a_resident_identity_number() -> None:
    assert resident_id.birth_date("440524188001010014") == date(1880, 1, 1)
    assert resident_id.is_male("440524188001010014")
    assert not resident_id.is_male("11010519491231002X")
    with pytest.raises(ValueError, match="not a resident identity number"):
        resident_id.birth_date("440524188001010015")


def test_a_fifteen_digit_number_becomes_that_of_the_same_person() -> None:
    assert resident_id.upgrade("110105491231002") == "11010519491231002X"


@pytest.mark.parametrize(
    "number", ["11010549123100", "990105491231002", "110105490229002", "110105491231996", "x" * 15]
)
def test_what_is_no_fifteen_digit_number_is_not_upgraded(number: str) -> None:
    assert resident_id.upgrade(number) is None


@pytest.mark.parametrize(
    "code",
    [
        # GB 32100-2015, the standard's example.
        "91350100M000100Y43",
        # python-stdnum 2.2, documentation of stdnum.cn.uscc (LGPL-2.1-or-later).
        "91110000600037341L",
        # National Enterprise Credit Information Publicity System: Huawei Technologies; Baidu.
        "914403001922038216",
        "91110000802100433B",
    ],
)
def test_published_unified_social_credit_codes_pass(code: str) -> None:
    assert uscc.problem(code) is None
    assert stdnum_uscc.is_valid(code)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("91350100M000100Y44", Reason.CHECK_DIGIT),
        ("91350100M000100Y4", Reason.LENGTH),
        ("91350100I000100Y43", Reason.CHARACTERS),
        ("91350100m000100y43", Reason.CHARACTERS),
        ("9135A100M000100Y43", Reason.CHARACTERS),
    ],
)
def test_other_unified_social_credit_codes_are_refused(code: str, reason: Reason) -> None:
    assert uscc.problem(code) is reason


@pytest.mark.parametrize("zone_text", ZONES)
def test_the_specimen_zones_of_icao_9303_pass(zone_text: str) -> None:
    assert mrz.problem(zone_text) is None


@pytest.mark.parametrize(
    ("zone_text", "form", "number"),
    [
        (TD1, "TD1", "D23145890"),
        (TD2, "TD2", "D23145890"),
        (TD3, "TD3", "L898902C3"),
        (TD1_LONG, "TD1", "D23145890734"),
        (TD2_LONG, "TD2", "D23145890734"),
    ],
)
def test_a_zone_is_taken_apart(zone_text: str, form: str, number: str) -> None:
    zone_read = mrz.parse(zone_text)
    assert isinstance(zone_read, mrz.Zone)
    assert (zone_read.format, zone_read.number, zone_read.issuer) == (form, number, "UTO")


def test_the_worked_check_digits_of_icao_9303_part_3_appendix_a() -> None:
    assert mrz.check_digit("520727") == "3"
    assert mrz.check_digit("AB2134<<<") == "5"
    assert mrz.check_digit("HA672242<658022549601086<<<<<<<<<<<<<<0") == "8"


def _td3(birth: str = "740812", sex: str = "F", expiry: str = "120415") -> str:
    """The specimen with other values and the check digits that belong to them."""
    line = "L898902C36UTO" + birth + mrz.check_digit(birth) + sex + expiry + mrz.check_digit(expiry)
    line += "ZE184226B<<<<<1"
    composite = mrz.check_digit(line[0:10] + line[13:20] + line[21:43])
    return TD3.split("\n")[0] + "\n" + line + composite


@pytest.mark.parametrize(
    ("zone_text", "reason"),
    [
        (TD3.replace("\n", ""), Reason.LENGTH),
        (TD3.lower(), Reason.CHARACTERS),
        (TD3 + "\n", Reason.LENGTH),
        (TD3.replace("C36", "C37"), Reason.CHECK_DIGIT),
        (_td3(birth="740230"), Reason.DATE),
        (_td3(birth="741301"), Reason.DATE),
        (_td3(expiry="120431"), Reason.DATE),
        (_td3(expiry="12<<<<"), Reason.DATE),
        (_td3(sex="Q"), Reason.CHARACTERS),
    ],
)
def test_other_zones_are_refused(zone_text: str, reason: Reason) -> None:
    assert mrz.problem(zone_text) is reason


def test_a_birth_date_known_in_part_is_right_in_a_zone() -> None:
    # Part 3, section 4.8: unknown parts are fillers.
    assert _td3() == TD3
    assert mrz.problem(_td3(birth="74<<<<")) is None
    assert mrz.problem(_td3(birth="<<<<<<")) is None


def test_the_filler_for_the_check_digit_of_no_optional_data_is_right() -> None:
    # Part 4, section 4.2.2.2; the two spellings have the same composite digit.
    line = "L898902C36UTO7408122F1204159" + "<" * 14
    for check in "<0":
        composite = mrz.check_digit(line[0:10] + line[13:20] + line[21:42] + check)
        assert mrz.problem(TD3.split("\n")[0] + "\n" + line + check + composite) is None


@pytest.mark.parametrize(
    "number",
    [
        # Test numbers that the schemes and their processors publish.
        "4111111111111111",
        "4012888888881881",
        "5555555555554444",
        "5105105105105100",
        "2223003122003222",
        "378282246310005",
        "371449635398431",
        "6011111111111117",
        "3530111333300000",
        "6205500000000000004",
        "6200000000000005",
    ],
)
def test_published_test_card_numbers_pass(number: str) -> None:
    assert card.problem(number) is None
    assert card.looks_like_card(number)
    assert stdnum_luhn.is_valid(number)


def test_the_example_of_iso_7812_annex_b_passes() -> None:
    assert card.luhn("49927398716")
    assert not card.luhn("49927398717")


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("4111111111111112", Reason.CHECK_DIGIT),
        ("411111111111111１", Reason.CHARACTERS),
        ("4111 1111 1111 1111", Reason.CHARACTERS),
        ("411111111111", Reason.LENGTH),
    ],
)
def test_other_card_numbers_are_refused(number: str, reason: Reason) -> None:
    assert card.problem(number) is reason


@pytest.mark.parametrize(
    "number",
    ["0200001234567890123", "1000000000000000", "123456789012345", "62123456789", "٤" * 16],
)
def test_an_institutions_own_number_does_not_look_like_a_card(number: str) -> None:
    assert not card.looks_like_card(number)


@pytest.mark.parametrize(
    "number",
    [
        # SWIFT IBAN registry, release 101: the countries' own examples.
        "AD1200012030200359100100",
        "BE68539007547034",
        "BR1800360305000010009795493C1",
        "CH9300762011623852957",
        "DE89370400440532013000",
        "ES9121000418450200051332",
        "FR1420041010050500013M02606",
        "GB29NWBK60161331926819",
        "IT60X0542811101000000123456",
        "LC55HEMM000100010012001200023015",
        "MT84MALT011000012345MTLCAST001S",
        "NL91ABNA0417164300",
        "NO9386011117947",
        "PL61109010140000071219812874",
        "SA0380000000608010167519",
        "SC18SSCB11010000000000001497USD",
        "SE4550000000058398257466",
        "TR330006100519786457841326",
        "XK051212012345678906",
    ],
)
def test_the_examples_of_the_iban_registry_pass(number: str) -> None:
    assert iban.problem(number) is None
    assert iban.looks_like_iban(number)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("DE89370400440532013001", Reason.CHECK_DIGIT),
        ("DE8937040044053201300", Reason.FORMAT),
        ("DE89 3704 0044 0532 0130 00", Reason.CHARACTERS),
        ("de89370400440532013000", Reason.CHARACTERS),
        ("GB29NWBK6016133192681A", Reason.FORMAT),
        ("US89370400440532013000", Reason.COUNTRY),
        ("DE89", Reason.LENGTH),
    ],
)
def test_other_ibans_are_refused(number: str, reason: Reason) -> None:
    assert iban.problem(number) is reason


@pytest.mark.parametrize("wrong", ["00", "01", "99"])
def test_check_digits_that_are_never_computed_are_refused(wrong: str) -> None:
    """Each of 97, 98 and 02 has a twin that gives the same remainder."""
    twin = {"00": "97", "01": "98", "99": "02"}[wrong]
    found = 0
    for serial in range(2000):
        right = f"NO{twin}{serial:011d}"
        if iban.problem(right) is None:
            found += 1
            assert iban.problem(f"NO{wrong}{serial:011d}") is Reason.CHECK_DIGIT
    assert found > 0


@pytest.mark.parametrize(
    # GLEIF's index (CC0): GLEIF itself, Apple, Deutsche Bank, Bank of China.
    "code",
    [
        "506700GE1G29325QX363",
        "HWUPKR0MPOU8FGXBT394",
        "7LTWFZYICNSX8D621K86",
        "54930053HGCFWVHYZX42",
    ],
)
def test_published_legal_entity_identifiers_pass(code: str) -> None:
    assert lei.problem(code) is None


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("506700GE1G29325QX364", Reason.CHECK_DIGIT),
        ("506700GE1G29325QX36", Reason.LENGTH),
        ("506700ge1g29325qx363", Reason.CHARACTERS),
        ("506700GE1G29325QX3A3", Reason.CHARACTERS),
    ],
)
def test_other_legal_entity_identifiers_are_refused(code: str, reason: Reason) -> None:
    assert lei.problem(code) is reason


@pytest.mark.parametrize("code", ["DEUTDEFF", "DEUTDEFFXXX", "ICBKCNBJ", "NEDSZAJJXXX", "1A2BGB2L"])
def test_business_identifier_codes_pass(code: str) -> None:
    assert bic.problem(code) is None


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("DEUTDEF", Reason.LENGTH),
        ("DEUTDEFFXX", Reason.LENGTH),
        ("deutdeff", Reason.CHARACTERS),
        ("DEUT11FF", Reason.CHARACTERS),
        ("DEUTQQFF", Reason.COUNTRY),
    ],
)
def test_other_business_identifier_codes_are_refused(code: str, reason: Reason) -> None:
    assert bic.problem(code) is reason


@pytest.mark.parametrize(
    ("code", "decimals"),
    # ISO 4217 List One as published 2026-01-01.
    [
        ("CNY", 2),
        ("EUR", 2),
        ("USD", 2),
        ("JPY", 0),
        ("KRW", 0),
        ("KWD", 3),
        ("BHD", 3),
        ("CLF", 4),
    ],
)
def test_currencies_have_the_minor_units_of_iso_4217(code: str, decimals: int) -> None:
    assert currency.MINOR_UNITS[code] == decimals


def test_the_currency_table_is_whole() -> None:
    # 178 codes of List One less XTS and XXX, and eleven of List Three.
    assert len(currency.MINOR_UNITS) == 176 + 11
    assert all(len(code) == 3 and code.isupper() for code in currency.MINOR_UNITS)
    assert not currency.exists("XXX")
    assert not currency.exists("XTS")
    assert not currency.exists("cny")


def test_the_country_table_is_whole() -> None:
    # ISO 3166-1 has 249 entries; XK is the one beside them.
    assert len(country.ALPHA3) == 250
    assert len(set(country.ALPHA3.values())) == 250
    letters = set(string.ascii_uppercase)
    assert all(len(code) == 2 and set(code) <= letters for code in country.ALPHA3)
    assert country.exists("CN")
    assert not country.exists("UK")
    assert not country.exists("cn")


def test_passports_codes_of_countries_are_known() -> None:
    assert country.from_icao("CHN") == "CN"
    assert country.from_icao("D") == "DE"
    assert country.from_icao("UNO") == ""


@pytest.mark.parametrize(
    "number", ["+8613800138000", "+14155552671", "+442071838750", "+3726123456"]
)
def test_telephone_numbers_in_e164_form_pass(number: str) -> None:
    assert phone.problem(number) is None


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("13800138000", Reason.FORMAT),
        ("+86 138 0013 8000", Reason.FORMAT),
        ("+86138001380000", Reason.LENGTH),
        ("+2101234567", Reason.COUNTRY),
        ("+0123456789", Reason.FORMAT),
    ],
)
def test_other_telephone_numbers_are_refused(number: str, reason: Reason) -> None:
    assert phone.problem(number) is reason


def test_a_telephone_number_is_taken_apart() -> None:
    mobile = phone.split("+8613800138000")
    assert mobile is not None
    assert (mobile.country_code, mobile.national, mobile.mobile) == ("86", "13800138000", True)
    fixed = phone.split("+390612345678")
    assert fixed is not None
    assert (fixed.country_code, fixed.national, fixed.mobile) == ("39", "0612345678", False)
    assert phone.split("0612345678") is None


@pytest.mark.parametrize("number", ["536-90-4399", "536904399"])
def test_social_security_numbers_pass(number: str) -> None:
    # python-stdnum 2.2, documentation of stdnum.us.ssn (LGPL-2.1-or-later).
    assert ssn.problem(number) is None


@pytest.mark.parametrize(
    "number", ["000-12-3456", "666-12-3456", "900-12-3456", "536-00-4399", "536-90-0000"]
)
def test_social_security_numbers_that_are_never_assigned_are_refused(number: str) -> None:
    assert ssn.problem(number) is Reason.OUT_OF_RANGE


@pytest.mark.parametrize("number", ["536-904399", "53690439", "536 90 4399", "５３６904399"])
def test_other_social_security_numbers_are_refused(number: str) -> None:
    assert ssn.problem(number) is Reason.FORMAT


def test_only_listed_time_zones_exist() -> None:
    assert zone("Asia/Shanghai") is not None
    assert zone("UTC") is not None
    for name in ("asia/shanghai", "Asia/../Asia/Shanghai", "/etc/localtime", "Mars/Base", ""):
        assert zone(name) is None
