"""A violation: which field, why, in two languages. Never the value."""

from collections.abc import Iterable
from dataclasses import dataclass

from vault.records.reasons import Reason


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing wrong with one field.

    `field` is the proto path inside the record (`natural_person.identity.number`, `phones[1]`),
    `reason` a code of `vault.records.reasons.Reason`.
    """

    field: str
    reason: str
    en: str
    zh: str


class Findings:
    """Violations as they are found, in order."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: list[tuple[str, Reason]] = []

    def add(self, field: str, reason: Reason) -> None:
        """Note what is wrong with a field."""
        self._found.append((field, reason))

    def violations(self) -> tuple[Violation, ...]:
        """Return them all, each once."""
        if not self._found:
            return ()
        return tuple(make_violations(dict.fromkeys(self._found)))


def make_violations(found: Iterable[tuple[str, Reason]]) -> Iterable[Violation]:
    """Give each reason its sentences."""
    for field, reason in found:
        yield Violation(field, reason.value, reason.en, reason.zh)
