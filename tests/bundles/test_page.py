"""The readable page says what a record holds, in two languages, and runs nothing."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings

from tests.records import strategies
from tests.records.builders import customer, transaction
from vault.bundles.page import Language, Section, Table, page, rows_of, word
from vault.bundles.page_words import LABELS, WORDS, Word
from vault.records import Transaction


class Texts(HTMLParser):
    """What a browser would show, and which elements there are."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not any(name.startswith("on") or name in ("src", "href") for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read(data: bytes) -> Texts:
    out = Texts()
    out.feed(data.decode())
    return out


HOSTILE = '<script>alert(1)</script><img src="x" onerror="y">&amp;'


def test_values_are_text_whatever_they_are() -> None:
    rows = rows_of(Language.EN, transaction(remittance_text=HOSTILE, end_to_end_reference="'\""))
    made = read(page(Language.EN, HOSTILE, [Section(HOSTILE, HOSTILE, rows)], [HOSTILE]))
    assert made.texts.count(HOSTILE) == 6
    assert made.tags.isdisjoint({"script", "img"})


@settings(max_examples=30)
@given(strategies.transactions)
def test_no_record_makes_an_element_of_its_own(booked: Transaction) -> None:
    rows = rows_of(Language.ZH_CN, booked)
    table = Table("a", "b", [["c", "d"], *([name, value] for name, value in rows)])
    made = read(page(Language.ZH_CN, "t", [Section("s", "", rows), table], []))
    known = "html head meta title style body h1 h2 p table thead tbody tr th td footer"
    assert made.tags <= set(known.split())


def test_it_asks_no_other_machine_for_anything() -> None:
    made = page(Language.EN, "t", [Section("s", "", rows_of(Language.EN, customer()))], [])
    assert b"default-src 'none'" in made
    assert re.search(rb"(?:https?:)?//|url\(|@import", made) is None


def test_every_field_that_is_shown_has_a_name_in_chinese() -> None:
    for record in (transaction(), customer()):
        for name, _ in rows_of(Language.ZH_CN, record):
            assert re.search(r"[一-鿿]|BIC|LEI", name), name


@pytest.mark.parametrize("key", Word)
def test_every_word_is_there_in_both_languages(key: Word) -> None:
    english, chinese = WORDS[key]
    assert word(Language.EN, key) == english != ""
    assert re.search(r"[一-鿿]", chinese)
    assert word(Language.ZH_CN, key) == chinese


def test_labels_are_of_fields_that_there_are() -> None:
    assert all(re.fullmatch(r"[a-z_]+", name) for name in LABELS)
