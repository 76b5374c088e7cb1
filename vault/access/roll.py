"""The principals as they stand at one moment, wherever they were read."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from vault.access.principals import _DIRECTORY
from vault.access.principals_entry import Account, Entry

Kin = Callable[[str, str], frozenset[str]]
"""Of an institution and a customer: all whose files are of one customer with his, he among them."""


def alone(_institution: str, customer: str) -> frozenset[str]:
    """Where no files are merged."""
    return frozenset((customer,))


@dataclass(frozen=True, slots=True)
class Roll:
    """Entries by the URI of a certificate and by the account of a token.

    ``revoked`` are the SHA-256 digests (lower-case hexadecimal) of certificates that nobody calls
    with any more, whatever they name.
    """

    entries: tuple[Entry, ...]
    by_uri: Mapping[str, Entry]
    by_account: Mapping[Account, Entry]
    by_name: Mapping[str, Entry]
    revoked: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        entries: Iterable[Entry],
        revoked: frozenset[str] = frozenset(),
        kin: Kin = alone,
    ) -> "Roll":
        """The roll of entries whose names, URIs and accounts differ. A person's own and related
        files are put together: what one of his entries declares holds for all of them, and what
        is declared of a file for those that are of one customer with it."""
        made = _with_all_files(tuple(entries), kin)
        return cls(
            made,
            {e.principal.workload: e for e in made if e.principal.workload},
            {account: e for e in made for account in e.accounts},
            {e.principal.name: e for e in made},
            revoked,
        )


def _with_all_files(entries: tuple[Entry, ...], kin: Kin) -> tuple[Entry, ...]:
    own: dict[str, frozenset[str]] = defaultdict(frozenset)
    related: dict[str, frozenset[str]] = defaultdict(frozenset)
    for entry in entries:
        who = entry.principal
        own[who.person] |= _and_kin(who.own_files, who.institution, kin)
        related[who.person] |= _and_kin(who.related_files, who.institution, kin)

    def whole(entry: Entry) -> Entry:
        who = entry.principal
        if not who.person:
            return entry
        known = replace(
            who,
            made_by=_DIRECTORY,
            own_files=own[who.person],
            related_files=related[who.person],
        )
        return replace(entry, principal=known)

    return tuple(whole(entry) for entry in entries)


def _and_kin(files: frozenset[str], institution: str, kin: Kin) -> frozenset[str]:
    return files.union(*(kin(institution, one) for one in files))
