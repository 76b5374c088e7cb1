"""Collects every field that is wrong with a request, so that the caller hears of all of them at
once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from vault.records.validation import Violation
from vault.services.errors import FieldViolation

# What the reasons of the contract's own rules begin with.
CONTRACT = "RULE_"
_CROWDED = f"{CONTRACT}REPEATED_MAX_ITEMS"


class Problems:
    """A list of violations with a path that is prefixed to what is added."""

    __slots__ = ("_path", "found")

    def __init__(self) -> None:
        self.found: list[FieldViolation] = []
        self._path = ""

    @contextmanager
    def under(self, path: str) -> Iterator[None]:
        """Violations added inside are below ``path``."""
        before = self._path
        self._path = f"{before}.{path}" if before else path
        try:
            yield
        finally:
            self._path = before

    def add(self, field: str, reason: str, en: str, zh: str) -> None:
        """Add one violation."""
        path = f"{self._path}.{field}" if self._path and field else self._path or field
        self.found.append(FieldViolation(path, reason, en, zh))

    def extend(self, violations: Iterable[Violation]) -> None:
        """Add what the domain's rules found."""
        for v in violations:
            self.add(v.field, v.reason, v.en, v.zh)

    def take(self, path: str) -> list[FieldViolation]:
        """Take out what stands at or below ``path``, with paths relative to it."""
        mine: list[FieldViolation] = []
        rest: list[FieldViolation] = []
        for v in self.found:
            if v.field == path:
                mine.append(FieldViolation("", v.reason, v.en, v.zh))
            elif v.field.startswith(path + "."):
                mine.append(FieldViolation(v.field[len(path) + 1 :], v.reason, v.en, v.zh))
            else:
                rest.append(v)
        self.found = rest
        return mine

    def take_items(self, field: str) -> dict[int, list[FieldViolation]]:
        """Take out what stands at or below each item of a list, with paths relative to it."""
        shape = re.compile(re.escape(field) + r"\[([0-9]+)\](?:\.(.+))?", re.DOTALL)
        mine: dict[int, list[FieldViolation]] = {}
        rest: list[FieldViolation] = []
        for v in self.found:
            found = shape.fullmatch(v.field)
            if found is None:
                rest.append(v)
            else:
                one = FieldViolation(found[2] or "", v.reason, v.en, v.zh)
                mine.setdefault(int(found[1]), []).append(one)
        self.found = rest
        return mine

    @property
    def crowded(self) -> bool:
        """Whether a list has more entries than the contract allows."""
        # Asked for every item of an import, nearly always in vain.
        return bool(self.found) and any(v.reason == _CROWDED for v in self.found)

    def __bool__(self) -> bool:
        return bool(self.found)

    def unique(self) -> list[FieldViolation]:
        """All violations, one for each field and reason, in order of finding.

        A rule of the contract is left out where the domain says something of the same field: it
        would only say the same in other words.
        """
        told = {v.field for v in self.found if not v.reason.startswith(CONTRACT)}
        found = [v for v in self.found if not v.reason.startswith(CONTRACT) or v.field not in told]
        once: dict[tuple[str, str], FieldViolation] = {}
        for v in found:
            once.setdefault((v.field, v.reason), v)
        return list(once.values())
