"""Reads rule sets of retention: TOML, one file a version of one law.

name = "cn"                       # of the law; its versions share it
version = 2
jurisdictions = ["CN"]            # ISO 3166-1 alpha-2, or "*" for wherever
effective_from = 2025-01-01
effective_until = 2030-12-31      # may be left out

[[rule]]
name = "identity"
kind = "identity"                 # or "transactions"
clock = "relationship_end"        # "booking", or either with "_year": from that year's last day
minimum_years = 10
maximum_years = 12                # may be left out
classes = ["HIGH"]                # risk classes, sensitivities or segments; may be left out
source = "..."                    # the law
article = "..."
checked = true                    # whether somebody has read the text for this rule
"""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Final

import msgspec

from vault.rules.retention import ClockStart, RecordKind, RetentionRule, RuleBook, RuleSet

DEFAULT_SETS: Final = Path(__file__).parent / "data" / "retention"
MAX_BYTES: Final = 65_536

_Word = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
_Where = Annotated[str, msgspec.Meta(pattern=r"^([A-Z]{2}|\*)$")]
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
_Years = Annotated[int, msgspec.Meta(ge=1, le=200)]


class RuleSetInvalid(Exception):
    """A rule set cannot be used; says what is wrong and where."""


class _Rule(msgspec.Struct, forbid_unknown_fields=True):
    name: _Word
    kind: RecordKind
    clock: ClockStart
    minimum_years: _Years
    source: _Text
    article: _Text
    checked: bool
    maximum_years: _Years | None = None
    classes: Annotated[list[_Text], msgspec.Meta(max_length=50)] = []


class _Set(msgspec.Struct, forbid_unknown_fields=True):
    name: _Word
    version: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    jurisdictions: Annotated[list[_Where], msgspec.Meta(min_length=1, max_length=300)]
    effective_from: date
    rule: Annotated[list[_Rule], msgspec.Meta(min_length=1, max_length=100)]
    effective_until: date | None = None


def read_rule_set(text: str) -> RuleSet:
    """The rule set of a file's text. Raises RuleSetInvalid."""
    if len(text.encode()) > MAX_BYTES:
        raise RuleSetInvalid(f"the rule set is longer than {MAX_BYTES} bytes")
    try:
        made = msgspec.convert(tomllib.loads(text), _Set)
    except tomllib.TOMLDecodeError as problem:
        raise RuleSetInvalid(f"this is not TOML: {problem}") from None
    except msgspec.ValidationError as problem:
        raise RuleSetInvalid(str(problem)) from None
    if made.effective_until is not None and made.effective_until < made.effective_from:
        raise RuleSetInvalid("effective_until is before effective_from")
    names = [one.name for one in made.rule]
    if len(set(names)) < len(names):
        raise RuleSetInvalid("two rules have the same name")
    return RuleSet(
        made.name,
        made.version,
        frozenset(made.jurisdictions),
        made.effective_from,
        made.effective_until,
        tuple(_rule(one) for one in made.rule),
    )


def read_rule_sets(folder: Path = DEFAULT_SETS) -> RuleBook:
    """All rule sets of a folder. Raises RuleSetInvalid, which names the file."""
    found = []
    for path in sorted(folder.glob("*.toml")):
        try:
            found.append(read_rule_set(path.read_text(encoding="utf-8")))
        except (RuleSetInvalid, UnicodeDecodeError) as problem:
            raise RuleSetInvalid(f"{path.name}: {problem}") from None
    try:
        return RuleBook(found)
    except ValueError as problem:
        raise RuleSetInvalid(str(problem)) from None


def _rule(made: _Rule) -> RetentionRule:
    if made.maximum_years is not None and made.maximum_years < made.minimum_years:
        raise RuleSetInvalid(f"rule {made.name}: the maximum is shorter than the minimum")
    return RetentionRule(
        made.name,
        made.kind,
        made.clock,
        made.minimum_years,
        made.maximum_years,
        made.source,
        made.article,
        made.checked,
        frozenset(made.classes),
    )
