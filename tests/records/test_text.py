"""Text rules: visible, normalised, and not a mask."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.records.reasons import Reason
from vault.records.validation.text import MASK_CHARACTERS, Masks, is_masked, problem


@pytest.mark.parametrize(
    "text",
    [
        "王小明",
        "阿卜杜拉·买买提",
        "José Núñez",
        "O'Brien-Smith, Jr.",
        "김철수",
        "𠮷田",
        "辻\U000e0100",
        "\U00031350",
        "Nguyễn Văn A",
        "王\u3000小明",
        "Maxx Xavier",
        "",
    ],
)
def test_names_as_people_have_them_pass(text: str) -> None:
    assert problem(text, Masks.PERSON) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a\nb", Reason.CONTROL_CHARACTER),
        ("a\x00b", Reason.CONTROL_CHARACTER),
        ("a\x7f", Reason.CONTROL_CHARACTER),
        ("王\t明", Reason.CONTROL_CHARACTER),
        ("王\x85明", Reason.CONTROL_CHARACTER),
        ("王\u200b明", Reason.HIDDEN_CHARACTER),
        ("王\u200d明", Reason.HIDDEN_CHARACTER),
        ("a\u202eb", Reason.HIDDEN_CHARACTER),
        ("a\u2066b", Reason.HIDDEN_CHARACTER),
        ("a\ufeffb", Reason.HIDDEN_CHARACTER),
        ("a\u00adb", Reason.HIDDEN_CHARACTER),
        ("a\u2028b", Reason.HIDDEN_CHARACTER),
        ("a\u3164b", Reason.HIDDEN_CHARACTER),
        ("a\u2800b", Reason.HIDDEN_CHARACTER),
        ("a\udc80b", Reason.HIDDEN_CHARACTER),
        ("Jose\u0301", Reason.NOT_NORMALISED),
        ("\uf900", Reason.NOT_NORMALISED),
        (" John", Reason.OUTER_BLANK),
        ("John ", Reason.OUTER_BLANK),
        ("王明\u3000", Reason.OUTER_BLANK),
        ("\u00a0王明", Reason.OUTER_BLANK),
        (" ", Reason.OUTER_BLANK),
    ],
)
@pytest.mark.parametrize("masks", list(Masks))
def test_hidden_and_unnormalised_text_is_refused(text: str, reason: Reason, masks: Masks) -> None:
    assert problem(text, masks) is reason


@pytest.mark.parametrize("letter", MASK_CHARACTERS)
def test_every_mask_character_is_refused_in_numbers_and_names(letter: str) -> None:
    assert problem(f"1{letter}2", Masks.NUMBER) is Reason.MASKED_VALUE
    assert problem(f"J{letter} D", Masks.PERSON) is Reason.MASKED_VALUE
    assert problem(f"张{letter}", Masks.PARTY) is Reason.MASKED_VALUE
    assert problem(f"J{letter}{letter}", Masks.PARTY) is Reason.MASKED_VALUE
    assert problem(letter, Masks.FREE) is Reason.MASKED_VALUE


@pytest.mark.parametrize(
    ("text", "masks"),
    [
        ("411111xxxxxx1111", Masks.NUMBER),
        ("XXX-XX-1234", Masks.NUMBER),
        ("×× 1234", Masks.NUMBER),
        ("XXXX", Masks.PERSON),
        ("张××", Masks.PARTY),
        ("*小明", Masks.PARTY),
        ("*", Masks.PARTY),
        ("** - **", Masks.FREE),
        ("xxxx", Masks.FREE),
        ("××", Masks.FREE),
    ],
)
def test_masks_of_other_systems_are_refused(text: str, masks: Masks) -> None:
    assert problem(text, masks) is Reason.MASKED_VALUE


@pytest.mark.parametrize(
    ("text", "masks"),
    [
        ("E*TRADE Financial", Masks.PARTY),
        ("SQ *BLUE BOTTLE", Masks.PARTY),
        ("Rechnung 2*250", Masks.FREE),
        ("*** Miete ***", Masks.FREE),
        ("3 × 4", Masks.FREE),
        ("X", Masks.FREE),
        ("XX12", Masks.NUMBER),
        ("Exxon", Masks.PERSON),
        ("Foxx", Masks.PERSON),
    ],
)
def test_asterisks_and_exes_of_their_own_pass(text: str, masks: Masks) -> None:
    assert problem(text, masks) is None


@given(st.text(), st.sampled_from(Masks))
def test_no_text_breaks_the_text_rules(text: str, masks: Masks) -> None:
    found = problem(text, masks)
    if found is None:
        assert unicodedata.is_normalized("NFC", text)
        assert text == text.strip()
        assert not any(unicodedata.category(letter) in ("Cc", "Cf") for letter in text)
        assert not is_masked(text, masks)


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), min_size=1))
def test_the_short_path_of_ascii_decides_as_the_long_one(text: str) -> None:
    """A harmless character of another script sends the text down the long path."""
    for masks in (Masks.NUMBER, Masks.PERSON):
        assert problem("é" + text + "é", masks) is (problem("e" + text + "e", masks))
