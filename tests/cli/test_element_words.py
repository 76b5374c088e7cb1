"""The elements of the vault's own rules have words in both languages."""

import tomllib
from pathlib import Path

import vault.rules
from vault.cli.vaultctl.element_words import element_word
from vault.cli.vaultctl.language import Language, language, speak


def names() -> set[str]:
    """Every element of the rules that come with the vault."""
    folder = Path(vault.rules.__file__).parent / "data" / "elements"
    return {
        element["name"]
        for file in folder.glob("*.toml")
        for element in tomllib.loads(file.read_text("utf-8"))["element"]
    }


def test_every_element_has_words_for_people() -> None:
    assert len(names()) > 15
    english = {name: element_word(name) for name in names()}
    assert not [name for name, word in english.items() if "_" in word]
    before = language()
    speak(Language.ZH)
    try:
        assert all(not element_word(name).isascii() for name in names())
    finally:
        speak(before)


def test_an_element_of_ones_own_rules_is_called_as_it_is_there() -> None:
    assert element_word("tax_residence") == "tax_residence"
