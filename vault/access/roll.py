"""The principals as they stand at one moment, wherever they were read."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from vault.access.principals import _DIRECTORY
from vault.access.principals_entry import Account, Entry


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
    def of(cls, entries: Iterable[Entry], revoked: frozenset[str] = frozenset()) -> "Roll":
        """The roll of entries whose names, URIs and accounts differ. A person's own and related
        files are put together: what one of his entries declares holds for all of them."""
        made = _with_all_files(tuple(entries))
        return cls(
            made,
            {e.principal.workload: e for e in made if e.principal.workload},
            {account: e for e in made for account in e.accounts},
            {e.principal.name: e for e in made},
            revoked,
        )


def _with_all_files(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    own: dict[str, frozenset[str]] = defaultdict(frozenset)
    related: dict[str, frozenset[str]] = defaultdict(frozenset)
    for entry in entries:
        person = entry.principal.person
        own[person] |= entry.principal.own_files
        related[person] |= entry.principal.related_files

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
