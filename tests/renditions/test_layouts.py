"""Layouts are data, and what is wrong with them is found when they are read."""

import pytest

from vault.records.enums import DocumentKind
from vault.renditions import LAYOUTS, LayoutsInvalid, load_layouts
from vault.renditions.layouts import Covers, turned

GOOD = """
[[layouts]]
name = "one"
kinds = ["PASSPORT"]
size = [125.0, 88.0]
source = "a standard"
areas = [{ covers = "NUMBER", box = [0.1, 0.1, 0.4, 0.2] }]
marks = [{ look = "lines", count = 2, box = [0.0, 0.7, 1.0, 0.9] }]
"""


def test_layouts_that_are_right_are_read() -> None:
    (layout,) = load_layouts(GOOD)
    assert layout.kinds == {DocumentKind.PASSPORT}
    assert layout.aspect == pytest.approx(1.42, abs=0.01)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[[layouts]]", "[layouts"),
        ("[[layouts]]", "[[layout]]"),
        ('name = "one"', 'name = ""'),
        ('name = "one"', 'name = "one"\nnote = "?"'),
        ('["PASSPORT"]', '["PASPORT"]'),
        ('["PASSPORT"]', "[]"),
        ("[125.0, 88.0]", "[125.0]"),
        ("[125.0, 88.0]", "[125.0, -88.0]"),
        ('"a standard"', '""'),
        ('"NUMBER"', '"NUMBERS"'),
        ("[0.1, 0.1, 0.4, 0.2]", "[0.4, 0.1, 0.1, 0.2]"),
        ("[0.1, 0.1, 0.4, 0.2]", "[0.1, 0.1, 0.4]"),
        ("[0.1, 0.1, 0.4, 0.2]", "[0.1, 0.1, 1.4, 0.2]"),
        ('covers = "NUMBER"', 'covers = "NUMBER", why = "?"'),
        ('look = "lines", ', 'look = "rows", '),
        ("count = 2", "count = 4"),
        ("count = 2, ", ""),
        ('look = "lines", count = 2', 'look = "colour", colour = "green"'),
        ('look = "lines", count = 2', 'look = "picture", count = 2'),
    ],
)
def test_a_layout_that_says_something_wrong_is_refused(old: str, new: str) -> None:
    assert old in GOOD
    with pytest.raises(LayoutsInvalid):
        load_layouts(GOOD.replace(old, new, 1))


def test_two_layouts_of_one_name_are_refused() -> None:
    with pytest.raises(LayoutsInvalid, match="same name"):
        load_layouts(GOOD + GOOD)


def test_each_layout_names_its_source_and_covers_what_identifies() -> None:
    for layout in LAYOUTS:
        assert layout.source
        covered = {area.covers for area in layout.areas}
        # The side with the emblem bears nothing of its holder.
        assert covered & {Covers.NUMBER, Covers.PERSONAL} or layout.name == "cn-resident-id-emblem"


def test_a_box_that_is_turned_twice_lies_where_it_lay() -> None:
    box = (0.1, 0.2, 0.5, 0.9)
    assert turned(turned(box)) == pytest.approx(box)
