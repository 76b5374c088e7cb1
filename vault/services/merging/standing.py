"""Which files point to which, by what two persons have agreed to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from vault.access.proposals import Proposal
from vault.services.merging.content import MergeChange, change_in
from vault.services.merging.errors import Merged


@dataclass(frozen=True, slots=True)
class Merge:
    """A file that points to another, and the proposal by which it does."""

    customer: str
    into: str
    by: Proposal


_NOBODY: Final[Mapping[str, Merge]] = MappingProxyType({})


def _nothing() -> Sequence[Proposal]:
    return ()


class Merges:
    """``agreed`` gives the approved proposals of all institutions, in order, as the full tier has
    signed them; another sequence each time that there are more. For the loop's thread."""

    def __init__(self, agreed: Callable[[], Sequence[Proposal]] = _nothing) -> None:
        self._agreed = agreed
        self._seen: Sequence[Proposal] = ()
        self._by_institution: dict[str, dict[str, Merge]] = {}
        self._survivors: dict[str, dict[str, str]] = {}

    def of(self, institution: str) -> Mapping[str, Merge]:
        """The files of an institution that point to another, by the customer's identifier. Raises
        StoreAltered."""
        agreed = self._agreed()
        if agreed is not self._seen:
            found: dict[str, dict[str, Merge]] = {}
            for one in agreed:
                change, merged = change_in(one.content), found.setdefault(one.institution, {})
                if isinstance(change, MergeChange):
                    merged[change.customer] = Merge(change.customer, change.into, one)
                else:
                    merged.pop(change.customer, None)
            self._by_institution, self._survivors, self._seen = found, {}, agreed
        return self._by_institution.get(institution, _NOBODY)

    def survivor(self, institution: str, customer: str) -> str:
        """The customer whose file is to be used, from file to file as far as they point: the same
        one where his own stands for itself."""
        merged, seen = self.of(institution), {customer}
        while (one := merged.get(customer)) is not None and one.into not in seen:
            customer = one.into
            seen.add(customer)
        return customer

    def survivors(self, institution: str) -> Mapping[str, str]:
        """Of each file of an institution that points to another, the one to be used."""
        merged = self.of(institution)
        if institution not in self._survivors:
            self._survivors[institution] = {one: self.survivor(institution, one) for one in merged}
        return self._survivors[institution]

    def require_apart(self, institution: str, customer: str) -> None:
        """Make sure that a file stands for itself. Raises Merged, which names the one to use."""
        survivor = self.survivor(institution, customer)
        if survivor != customer:
            raise Merged(institution, customer, survivor)
