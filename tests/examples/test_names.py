"""Names as people have them."""

import unicodedata
from collections.abc import Iterator

from tests.examples.conftest import Sample
from tests.examples.test_identifiers import walk


def names(sample: Sample) -> set[str]:
    return {
        message["full_name"]
        for line in sample.customers
        for message in walk(line)
        if "full_name" in message
    }


def texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts(part)


def test_every_text_is_normalised(sample: Sample) -> None:
    for line in sample.lines():
        for text in texts(line):
            assert unicodedata.is_normalized("NFC", text)


def test_chinese_names_of_every_shape_are_there(sample: Sample) -> None:
    found = names(sample)
    assert {"欧阳雪", "司马远", "买买提·艾力", "丁一", "扎西多吉"} <= found
    assert any(len(name) == 2 and not name.isascii() for name in found)
    assert any(ord(letter) > 0xFFFF for name in found for letter in name)
    assert any(name.count("·") == 2 for name in found)


def test_european_and_american_names_of_every_shape_are_there(sample: Sample) -> None:
    found = names(sample)
    assert {"Łukasz Żółć", "Zoë van 't Hoff", "Conor O'Brien", "Étienne d'Artagnan"} <= found
    assert {"María José de la Cruz", "Anne-Marie Fortescue-Smythe", "Jin O", "Åsa Ö"} <= found
    assert "Tjahjono" in found
    assert max(len(name) for name in found) > 100
