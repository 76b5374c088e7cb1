"""What of a customer's file is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vault.store.whole_files import Wanted

_FIELDS: Final = (("documents", "identity_document"), ("transactions", "transaction"))


@dataclass(frozen=True, slots=True)
class Selection:
    """The customer is always in it. `low` and `high` bound the transactions by identifiers;
    `period` says the same for people: two times in RFC 3339, empty where there is no bound."""

    documents: bool = True
    transactions: bool = True
    contents: bool = True
    low: str = ""
    high: str = "~"
    period: tuple[str, str] = ("", "")

    @property
    def parts(self) -> list[str]:
        """Their names."""
        every = ("documents", "transactions", "contents")
        return ["customer", *(name for name in every if getattr(self, name))]

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of records that are wanted, by the word in front of their fields' paths."""
        return ("customer", *(kind for part, kind in _FIELDS if getattr(self, part)))

    @property
    def kinds_with_content(self) -> tuple[str, ...]:
        """The kinds whose contents are wanted."""
        return self.kinds[1:] if self.contents else ()

    @property
    def fields(self) -> tuple[str, ...]:
        """As events have them."""
        return (*self.kinds, *(f"{kind}.content" for kind in self.kinds_with_content))

    @property
    def wanted(self) -> Wanted:
        """As the store has it."""
        # What proves where a file came from has all of it in it.
        whole = self.documents and self.transactions and self.contents
        every = whole and (self.low, self.high) == ("", "~")
        return Wanted(self.documents, self.transactions, self.contents, self.low, self.high, every)
