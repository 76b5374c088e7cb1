"""From which share on somebody is a beneficial owner: TOML, one file a version of one law, as those
under `data/ownership/`.

    name = "cn"
    version = 2
    jurisdictions = ["CN"]           # ISO 3166-1 alpha-2; "*" is everywhere
    effective_from = 2024-11-01
    effective_until = 2030-01-01     # the last day; may be left out
    threshold_basis_points = 2500    # a quarter
    more_than = false                # whether only what is more than that counts
    source = "a law"
    article = "Article 6"
    checked = false                  # whether somebody has held it against the text
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Final

import msgspec

from vault.records.customer import Customer
from vault.rules.newest import in_force
from vault.rules.ownership import WHOLE, Threshold
from vault.rules.reading import RulesInvalid, read_folder

DEFAULT_OWNERSHIP: Final = Path(__file__).parent / "data" / "ownership"
EVERYWHERE: Final = "*"

_Word = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_-]{0,59}$")]
_Where = Annotated[str, msgspec.Meta(pattern=r"^([A-Z]{2}|\*)$")]
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]


class ThresholdRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A version of one law."""

    name: _Word
    version: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    jurisdictions: Annotated[list[_Where], msgspec.Meta(min_length=1, max_length=300)]
    effective_from: date
    threshold_basis_points: Annotated[int, msgspec.Meta(ge=1, le=WHOLE)]
    more_than: bool
    source: _Text
    article: _Text
    checked: bool
    effective_until: date | None = None

    @property
    def threshold(self) -> Threshold:
        """The threshold, by the name and version of its rule."""
        label = f"{self.name}/{self.version}"
        return Threshold(self.threshold_basis_points, self.more_than, label)


@dataclass(frozen=True, slots=True)
class ThresholdBook:
    """All rules, among them one that holds everywhere."""

    rules: tuple[ThresholdRule, ...]

    def threshold(self, customer: Customer, jurisdictions: frozenset[str], day: date) -> Threshold:
        """The strictest that holds for a customer on a day; on a day before any of them, the
        strictest of all. `jurisdictions` are the institution's own, where the file names none."""
        named = customer.relationship.jurisdictions if customer.relationship is not None else ()
        where = {EVERYWHERE, *(named or jurisdictions)}

        def here(rules: Iterable[ThresholdRule]) -> list[Threshold]:
            return [one.threshold for one in rules if where & set(one.jurisdictions)]

        found = here(in_force(self.rules, day)) or here(self.rules)
        return min(found, key=lambda one: one.strictness)


def read_ownership(folder: Path = DEFAULT_OWNERSHIP) -> ThresholdBook:
    """All rules of a folder. Raises RulesInvalid, which names the file."""
    made = [one for _, one in read_folder(folder, ThresholdRule)]
    labels = [one.threshold.rule_set for one in made]
    if len(set(labels)) < len(labels):
        raise RulesInvalid("two rules of ownership have the same name and version")
    if not any(EVERYWHERE in one.jurisdictions for one in made):
        raise RulesInvalid(
            f'{folder.name}: no rule of ownership is of jurisdictions = ["*"], so that there is '
            "none for files of other countries"
        )
    return ThresholdBook(tuple(made))
