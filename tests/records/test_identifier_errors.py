"""What the check digits promise: a wrong character is caught, two exchanged ones mostly."""

import string
from collections.abc import Callable

from hypothesis import assume, given
from hypothesis import strategies as st

from vault.records.identifiers import card, country, iban, lei, mrz, phone, resident_id, ssn, uscc
from vault.records.reasons import Reason
from vault.records.validation.fields import is_network_address

DIGITS = string.digits
LETTERS = string.ascii_uppercase
MODULES: list[Callable[[str], Reason | None]] = [
    resident_id.problem,
    uscc.problem,
    mrz.problem,
    card.problem,
    iban.problem,
    lei.problem,
    phone.problem,
    ssn.problem,
]


def text_of(alphabet: str, size: int) -> st.SearchStrategy[str]:
    return st.text(alphabet=alphabet, min_size=size, max_size=size)


resident_ids = st.builds(
    lambda region, born, serial: region + f"{born:%Y%m%d}" + f"{serial:03d}",
    st.sampled_from(["110105", "440524", "310101", "650102"]),
    st.dates().filter(lambda day: day.year >= 1900),
    st.integers(1, 999),
).map(lambda body: body + resident_id.check_character(body))

usccs = st.builds(
    lambda head, region, organisation: head + region + organisation,
    st.sampled_from(["91", "92", "11", "53"]),
    text_of(DIGITS, 6),
    text_of(uscc.ALPHABET, 9),
).map(lambda body: body + uscc.check_character(body))


def _with_97(rest: str, before: str) -> str:
    """Two check digits of MOD 97-10 for rest + before."""
    digits = "".join(str(int(letter, 36)) for letter in rest + before + "00")
    return f"{98 - int(digits) % 97:02d}"


ibans = st.one_of(
    text_of(DIGITS, 18).map(lambda bban: "DE" + _with_97(bban, "DE") + bban),
    st.builds(str.__add__, text_of(LETTERS, 4), text_of(DIGITS, 14)).map(
        lambda bban: "GB" + _with_97(bban, "GB") + bban
    ),
)
leis = text_of(DIGITS + LETTERS, 18).map(lambda body: body + _with_97(body, ""))
cards = text_of(DIGITS, 14).map(
    lambda body: next(number for check in DIGITS if card.luhn(number := "4" + body + check))
)


def replaced(text: str, place: int, letter: str) -> str:
    return text[:place] + letter + text[place + 1 :]


def swapped(text: str, place: int) -> str:
    return text[:place] + text[place + 1] + text[place] + text[place + 2 :]


@given(resident_ids, st.integers(0, 17), st.sampled_from(DIGITS + "X"))
def test_a_wrong_character_in_a_resident_identity_number_is_caught(
    number: str, place: int, letter: str
) -> None:
    assert resident_id.problem(number) is None
    assume(number[place] != letter)
    assert resident_id.problem(replaced(number, place, letter)) is not None


@given(resident_ids, st.integers(0, 16))
def test_two_exchanged_characters_in_a_resident_identity_number_are_caught(
    number: str, place: int
) -> None:
    assume(number[place] != number[place + 1])
    assert resident_id.problem(swapped(number, place)) is not None


@given(usccs, st.integers(0, 17), st.sampled_from(uscc.ALPHABET))
def test_a_wrong_character_in_a_unified_social_credit_code_is_caught(
    code: str, place: int, letter: str
) -> None:
    assert uscc.problem(code) is None
    assume(code[place] != letter)
    assert uscc.problem(replaced(code, place, letter)) is not None


@given(usccs, st.integers(0, 16))
def test_two_exchanged_characters_in_a_unified_social_credit_code_are_caught(
    code: str, place: int
) -> None:
    assume(code[place] != code[place + 1])
    assert uscc.problem(swapped(code, place)) is not None


@given(ibans, st.integers(0, 21), st.sampled_from(DIGITS + LETTERS))
def test_a_wrong_character_in_an_iban_is_caught(number: str, place: int, letter: str) -> None:
    assert iban.problem(number) is None
    assume(number[place] != letter)
    assert iban.problem(replaced(number, place, letter)) is not None


@given(leis, st.integers(0, 19), st.sampled_from(DIGITS + LETTERS))
def test_a_wrong_character_in_a_legal_entity_identifier_is_caught(
    code: str, place: int, letter: str
) -> None:
    assert lei.problem(code) is None
    # A digit for a letter moves all that stands before it: one such change in 97 goes unseen.
    assume(code[place] != letter and code[place].isdigit() == letter.isdigit())
    assert lei.problem(replaced(code, place, letter)) is not None


@given(cards, st.integers(0, 15), st.sampled_from(DIGITS))
def test_a_wrong_digit_in_a_card_number_is_caught(number: str, place: int, digit: str) -> None:
    assert card.problem(number) is None
    assume(number[place] != digit)
    assert card.problem(replaced(number, place, digit)) is Reason.CHECK_DIGIT


@given(cards, st.integers(0, 14))
def test_two_exchanged_digits_in_a_card_number_are_caught_save_0_and_9(
    number: str, place: int
) -> None:
    pair = {number[place], number[place + 1]}
    assume(len(pair) == 2 and pair != {"0", "9"})
    assert card.problem(swapped(number, place)) is Reason.CHECK_DIGIT


@st.composite
def zones(draw: st.DrawFn) -> str:
    number = draw(st.text(DIGITS + LETTERS, min_size=1, max_size=9)).ljust(9, "<")
    birth = draw(st.dates()).strftime("%y%m%d")
    expiry = draw(st.dates()).strftime("%y%m%d")
    assume("0229" not in birth + expiry)
    optional = draw(st.text(DIGITS + LETTERS, max_size=14)).ljust(14, "<")
    issuer = draw(st.sampled_from(sorted(country.ALPHA3.values())))
    line = number + mrz.check_digit(number) + issuer + birth + mrz.check_digit(birth)
    line += draw(st.sampled_from("FM<")) + expiry + mrz.check_digit(expiry)
    line += optional + mrz.check_digit(optional)
    line += mrz.check_digit(line[0:10] + line[13:20] + line[21:43])
    return f"P<{issuer}MUSTERMANN<<ERIKA".ljust(44, "<") + "\n" + line


# What has a check digit in a TD3 zone: not names, nationality and sex.
CHECKED = [45 + place for place in (*range(10), *range(13, 20), *range(21, 44))]


@given(zones(), st.sampled_from(CHECKED), st.sampled_from(DIGITS + LETTERS + "<"))
def test_a_wrong_character_in_a_zone_is_caught(zone: str, place: int, letter: str) -> None:
    assert mrz.problem(zone) is None
    value = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ".find
    # < counts as 0, and weights modulo 10 do not tell values that are ten apart.
    assume((max(value(zone[place]), 0) - max(value(letter), 0)) % 10 != 0)
    assert mrz.problem(replaced(zone, place, letter)) is not None


@given(st.text(), st.sampled_from(MODULES))
def test_no_identifier_check_raises_on_any_text(
    text: str, problem: Callable[[str], Reason | None]
) -> None:
    problem(text)
    is_network_address(text)


@given(st.sampled_from(MODULES), st.sampled_from("٠१０¹Ⅷ"), st.integers(0, 17))
def test_digits_of_other_scripts_are_no_digits(
    problem: Callable[[str], Reason | None], digit: str, place: int
) -> None:
    for right in ("440524188001010014", "91350100M000100Y43", "4111111111111111"):
        assert problem(replaced(right, min(place, len(right) - 1), digit)) is not None
