"""Whose files are of one customer: what is held of one of them is held of all, and told of all."""

from __future__ import annotations

from collections.abc import Mapping

from vault.services.merging.standing import Merge, Merges


class MergedKin:
    """By what two persons have agreed to be one (vault.services.merging)."""

    def __init__(self, merges: Merges) -> None:
        self._merges = merges
        self._seen: dict[str, Mapping[str, Merge]] = {}
        self._kin: dict[str, dict[str, frozenset[str]]] = {}

    def __call__(self, institution: str, customer: str) -> frozenset[str]:
        """As `Kin`. Raises StoreAltered."""
        merged = self._merges.of(institution)
        if merged is not self._seen.get(institution):
            groups: dict[str, set[str]] = {}
            for one in merged:
                survivor = self._merges.survivor(institution, one)
                groups.setdefault(survivor, {survivor}).add(one)
            self._kin[institution] = {
                one: frozenset(group) for group in groups.values() for one in group
            }
            self._seen[institution] = merged
        return self._kin.get(institution, {}).get(customer, frozenset((customer,)))
