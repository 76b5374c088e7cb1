"""What a person is told of who has used his data: a rule that is data, with its legal grounds.

What the rule does not name is left out, so that what nobody has thought of tells nothing. It looks
at a call's own event and at no other, so that what is told of one call never depends on another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import msgspec

from vault.rules.reading import RulesInvalid, read_folder

DEFAULT_DISCLOSURE: Final = Path(__file__).parent / "data" / "disclosure"


class Use(StrEnum):
    """What was done with somebody's data."""

    READ = "READ"
    """Opened in full, or in part."""
    READ_MASKED = "READ_MASKED"
    LISTED = "LISTED"
    """It was on a list or among the results of a search."""
    DOCUMENT_SEEN = "DOCUMENT_SEEN"
    """A scan or a picture was opened."""
    TAKEN_OUT = "TAKEN_OUT"
    """It left the vault, sealed to a recipient."""

    __hash__ = str.__hash__


@dataclass(frozen=True, slots=True)
class Category:
    """A category of recipients, in English and Chinese."""

    name: str
    en: str
    zh: str


OTHERS: Final = Category("others", "Other departments", "其他部门")
"""Of whom the rule says nothing more."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of a call."""

    use: Use
    category: Category


@dataclass(frozen=True, slots=True)
class Disclosure:
    """The rule. `categories` are by role, in their order."""

    label: str
    effective_from: date
    purposes: frozenset[str]
    without_purpose: frozenset[str]
    never: frozenset[str]
    uses: Mapping[str, Use]
    categories: tuple[tuple[frozenset[str], Category], ...]

    def told(self, action: str, purpose: str, roles: Iterable[str]) -> Told | None:
        """What is told of a call that was allowed and answered; None: nothing."""
        use, of = self.uses.get(action), frozenset(roles)
        if use is None or not of or of & self.never:
            return None
        if purpose not in self.purposes if purpose else not of <= self.without_purpose:
            return None
        found = (category for having, category in self.categories if having & of)
        return Told(use, next(found, OTHERS))

    @property
    def all_categories(self) -> tuple[Category, ...]:
        """Every category, in order."""
        return (*(one for _, one in self.categories), OTHERS)


_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
_Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,39}$")]


class _Ground(msgspec.Struct, forbid_unknown_fields=True):
    what: _Text
    source: _Text
    article: _Text
    checked: bool


class _Category(msgspec.Struct, forbid_unknown_fields=True):
    name: _Name
    roles: Annotated[list[_Text], msgspec.Meta(min_length=1)]
    en: _Text
    zh: _Text


class _Use(msgspec.Struct, forbid_unknown_fields=True):
    name: Use
    actions: Annotated[list[_Text], msgspec.Meta(min_length=1)]


class _File(msgspec.Struct, forbid_unknown_fields=True):
    name: _Name
    version: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    effective_from: date
    ground: Annotated[list[_Ground], msgspec.Meta(min_length=1)]
    purposes: list[_Text]
    without_purpose: list[_Text]
    never: list[_Text]
    category: list[_Category]
    use: list[_Use]


def read_disclosure(folder: Path = DEFAULT_DISCLOSURE) -> Disclosure:
    """The rule of a folder, which has one. Raises RulesInvalid."""
    files = list(read_folder(folder, _File))
    if len(files) != 1:
        raise RulesInvalid(f"{folder.name}: one rule is wanted of what a person is told")
    name, made = files[0]
    uses: dict[str, Use] = {}
    for one in made.use:
        for action in one.actions:
            if uses.setdefault(action, one.name) is not one.name:
                raise RulesInvalid(f"{name}: {action} is of two uses")
    return Disclosure(
        f"{made.name}/{made.version}",
        made.effective_from,
        frozenset(made.purposes),
        frozenset(made.without_purpose),
        frozenset(made.never),
        uses,
        tuple((frozenset(c.roles), Category(c.name, c.en, c.zh)) for c in made.category),
    )
