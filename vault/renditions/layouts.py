"""Layouts as data: where each kind of document carries what has to be covered.

`layouts.toml` is read strictly: a key that is unknown, a box outside of the page or a kind that
does not exist is refused at start, since an area that is not covered is a leak.
"""

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from typing import Any

from vault.records.enums import DocumentKind

Box = tuple[float, float, float, float]
"""Left, top, right and bottom, each a fraction of the page."""


class LayoutsInvalid(ValueError):
    """The layouts do not say, or say wrongly, where something stands."""


class Covers(StrEnum):
    """What stands in a covered area."""

    NUMBER = "NUMBER"
    MACHINE_READABLE = "MACHINE_READABLE"
    PORTRAIT = "PORTRAIT"
    SIGNATURE = "SIGNATURE"
    NAME = "NAME"
    BIRTH_DATE = "BIRTH_DATE"
    ADDRESS = "ADDRESS"
    PERSONAL = "PERSONAL"


class Look(StrEnum):
    """What a mark looks like; see layouts.toml."""

    LINES = "lines"
    PICTURE = "picture"
    COLOUR = "colour"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Area:
    """A part of the page that is covered."""

    covers: Covers
    box: Box


@dataclass(frozen=True, slots=True)
class Mark:
    """What shows that a page lies as the layout has it. `count` of lines, `colour` of a patch."""

    look: Look
    box: Box
    count: int = 0
    colour: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """One side of a document. `aspect` is its width by its height."""

    name: str
    kinds: frozenset[DocumentKind]
    aspect: float
    source: str
    areas: tuple[Area, ...]
    marks: tuple[Mark, ...]


def turned(box: Box) -> Box:
    """Where a box lies on a page that is upside down."""
    left, top, right, bottom = box
    return (1 - right, 1 - bottom, 1 - left, 1 - top)


def load_layouts(text: str) -> tuple[Layout, ...]:
    """Read layouts. Raises LayoutsInvalid with what to mend."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise LayoutsInvalid(f"not TOML: {error}") from error
    if data.keys() != {"layouts"}:
        raise LayoutsInvalid("must hold `layouts` and nothing else")
    found = tuple(_layout(entry) for entry in data["layouts"])
    if len({layout.name for layout in found}) != len(found):
        raise LayoutsInvalid("two layouts have the same name")
    return found


def _layout(entry: dict[str, Any]) -> Layout:
    name = entry.get("name", "")
    if entry.keys() != {"name", "kinds", "size", "source", "areas", "marks"} or not name:
        raise LayoutsInvalid(f"{name or 'a layout'}: needs name, kinds, size, source, areas, marks")
    try:
        kinds = frozenset(DocumentKind(kind) for kind in entry["kinds"])
        width, height = entry["size"]
        areas = tuple(Area(Covers(one["covers"]), _box(one["box"])) for one in entry["areas"])
        marks = tuple(_mark(one) for one in entry["marks"])
        if any(one.keys() != {"covers", "box"} for one in entry["areas"]):
            raise LayoutsInvalid("an area has covers and box")
    except (KeyError, TypeError, ValueError) as error:
        raise LayoutsInvalid(f"{name}: {error}") from error
    if not kinds or not marks or not entry["source"] or min(width, height) <= 0:
        raise LayoutsInvalid(f"{name}: needs a kind, a mark, a source and a size")
    return Layout(name, kinds, width / height, entry["source"], areas, marks)


def _mark(entry: dict[str, Any]) -> Mark:
    look = Look(entry["look"])
    more = {Look.LINES: {"count"}, Look.COLOUR: {"colour"}}.get(look, set())
    if entry.keys() != {"look", "box"} | more:
        raise LayoutsInvalid(f"a mark `{look}` has look, box {' '.join(sorted(more))}".rstrip())
    count, colour = entry.get("count", 0), entry.get("colour", "")
    if look is Look.LINES and not 1 <= count <= 3:
        raise LayoutsInvalid("count: must be 1 to 3")
    if look is Look.COLOUR and colour not in ("red", "blue"):
        raise LayoutsInvalid("colour: must be red or blue")
    return Mark(look, _box(entry["box"]), count, colour)


def _box(numbers: list[float]) -> Box:
    left, top, right, bottom = map(float, numbers)
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise LayoutsInvalid(f"no box on the page: {numbers}")
    return (left, top, right, bottom)


LAYOUTS = load_layouts(
    resources.files("vault.renditions").joinpath("layouts.toml").read_text("utf-8")
)
"""The layouts that the vault comes with, `layouts.toml`."""
