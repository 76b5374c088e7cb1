"""A change of principals, as it is proposed: entries that are put in place, names that are removed.

An entry holds what one of principals.toml does, in JSON; beside it, each role may have an end:

    {"upsert": [{"name": "teller-7", "person": "p-4711", "accounts": ["https://login.bank|8f14"],
                 "roles": [{"role": "teller", "not_after": "2026-12-31T16:00:00Z"}],
                 "branches": ["sh-01"], "classes": ["ORDINARY"], "not_after": "2027-12-31"}],
     "remove": ["teller-3"], "leaves_files": true}

`leaves_files` says that files may be left without a custodian. Empty lists are as good as none, but
those of `branches` and `classes`: they let nothing through.

The institution is that of the proposal. Nodes of the vault itself, which have none, stand in the
file alone. No message shows a value: a principal's name may be a person's.
"""

import datetime
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from vault.access.principals import is_principal_name
from vault.access.principals_entry import Entry, PrincipalsInvalid, entry, refuse_unknown
from vault.access.proposals import Party

MAX_ENTRIES: Final = 200
"""Entries and names of one change."""

NODE_ROLES: Final = frozenset({"masked_node"})
"""Of nodes of the vault: they reach into every institution, so that no institution gives them."""

_LISTS: Final = ("certificates", "accounts", "own_files", "related_files")


@dataclass(frozen=True, slots=True)
class BoundEntry(Entry):
    """An entry of the store: some of its roles have an end, in microseconds since the epoch."""

    ends: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DirectoryChange:
    """What is put in place, and who is removed, by name; whether files may be left without a
    custodian by it."""

    upsert: tuple[BoundEntry, ...] = ()
    remove: tuple[str, ...] = ()
    leaves_files: bool = False


@dataclass(frozen=True, slots=True)
class Approved:
    """The principals of the store: what all approved changes have come to.

    `entries` stand in place of the file's of the same name; who is in `removed` is gone even if the
    file has him. Both say of which institution the change was.
    """

    size: int = 0
    entries: Mapping[str, BoundEntry] = field(default_factory=dict)
    removed: Mapping[str, str] = field(default_factory=dict)

    def after(self, institution: str, change: DirectoryChange, size: int) -> "Approved":
        """With one more change."""
        entries, removed = dict(self.entries), dict(self.removed)
        for name in change.remove:
            entries.pop(name, None)
            removed[name] = institution
        for made in change.upsert:
            entries[made.principal.name] = made
            removed.pop(made.principal.name, None)
        return Approved(size, MappingProxyType(entries), MappingProxyType(removed))


NOTHING: Final = Approved()


def read_change(institution: str, content: bytes) -> DirectoryChange:
    """The change in a proposal's content.

    Raises:
        PrincipalsInvalid: it is not of the form above, or names somebody twice.
    """
    try:
        document = json.loads(content)
    except ValueError:
        raise PrincipalsInvalid("the change is not JSON") from None
    if not isinstance(document, dict):
        raise PrincipalsInvalid("the change is not an object; write upsert and remove")
    refuse_unknown(document, ("upsert", "remove", "leaves_files"), "the change")
    tables, names = document.get("upsert", []), document.get("remove", [])
    if not isinstance(tables, list) or not isinstance(names, list) or not tables + names:
        raise PrincipalsInvalid("the change is empty; give entries to upsert, or names to remove")
    leaves = document.get("leaves_files", False)
    if not isinstance(leaves, bool):
        raise PrincipalsInvalid("leaves_files is neither true nor false")
    if len(tables) + len(names) > MAX_ENTRIES:
        raise PrincipalsInvalid(f"the change has more than {MAX_ENTRIES} entries; divide it")
    upsert = tuple(_entry(f"upsert[{n}]", institution, table) for n, table in enumerate(tables))
    for n, name in enumerate(names):
        if not isinstance(name, str) or not is_principal_name(name):
            raise PrincipalsInvalid(f"remove[{n}] is not a principal's name")
    _refuse_twice(upsert, names)
    return DirectoryChange(upsert, tuple(names), leaves)


def check_change(
    institution: str, change: DirectoryChange, standing: Iterable[Entry], approved: Approved
) -> None:
    """Make sure that a change fits those who stand now, in the file and in the store.

    Raises:
        PrincipalsInvalid: it takes somebody's name, URI or account, reaches into another
            institution, or removes who is not there.
    """
    others = {e.principal.name: e for e in standing}
    for n, name in enumerate(change.remove):
        known = others.get(name)
        if known is None or known.principal.institution != institution:
            raise PrincipalsInvalid(f"remove[{n}] names nobody of this institution")
    taken: dict[object, str] = {}
    for name, known in others.items():
        if name not in change.remove:
            for key in _known_by(known):
                taken[key] = name
    for n, made in enumerate(change.upsert):
        name = made.principal.name
        before = others.get(name)
        theirs = before.principal.institution if before else approved.removed.get(name, institution)
        if theirs != institution:
            raise PrincipalsInvalid(f"upsert[{n}] has a name that is not free; take another")
        for key in _known_by(made):
            if taken.setdefault(key, name) != name:
                raise PrincipalsInvalid(
                    f"upsert[{n}] has a URI or an account of somebody else; remove him first, "
                    "or in the same change"
                )


def concerns(change: DirectoryChange, standing: Iterable[Entry], who: Party) -> bool:
    """Whether the change is of an entry of this person, as it stands or as it would."""
    names = {*change.remove, *(made.principal.name for made in change.upsert)}
    touched = [e.principal for e in standing if e.principal.name in names]
    touched += [made.principal for made in change.upsert]
    return who.name in names or any(p.person == who.person for p in touched if p.person)


def _known_by(one: Entry) -> list[object]:
    uri = one.principal.workload
    return [*([("uri", uri)] if uri else []), *one.accounts]


def _entry(place: str, institution: str, table: object) -> BoundEntry:
    if not isinstance(table, dict):
        raise PrincipalsInvalid(f"{place} is not an object")
    if table.get("institution", institution) != institution:
        raise PrincipalsInvalid(f"{place}: institution is not that of the proposal; leave it out")
    plain = {key: value for key, value in table.items() if value != [] or key not in _LISTS}
    plain["institution"] = institution
    ends: dict[str, int] = {}
    if "roles" in plain:
        plain["roles"] = _roles(place, plain["roles"], ends)
    if "not_after" in plain:
        plain["not_after"] = _day(place, plain["not_after"])
    made = entry(place, plain)
    if made.principal.roles & NODE_ROLES:
        raise PrincipalsInvalid(f"{place}: roles has one of nodes of the vault; remove it")
    return BoundEntry(
        made.principal,
        made.not_after,
        made.certificates,
        made.accounts,
        MappingProxyType(ends),
    )


def _roles(place: str, roles: object, ends: dict[str, int]) -> object:
    """The names of the roles; their ends go into `ends`."""
    if not isinstance(roles, list):
        return roles
    names: list[object] = []
    for bound in roles:
        if not isinstance(bound, dict):
            names.append(bound)
            continue
        refuse_unknown(bound, ("role", "not_after"), f"{place}.roles")
        name, end = bound.get("role"), bound.get("not_after")
        names.append(name)
        if end is not None and isinstance(name, str):
            ends[name] = _moment(place, end)
    return names


def _moment(place: str, text: object) -> int:
    try:
        moment = datetime.datetime.fromisoformat(str(text))
        if moment.tzinfo is not None:
            return round(moment.timestamp() * 1_000_000)
    except (ValueError, OverflowError):
        pass
    raise PrincipalsInvalid(
        f"{place}.roles: not_after is not a time; write it as 2026-12-31T16:00:00Z"
    )


def _day(place: str, text: object) -> datetime.date:
    try:
        return datetime.date.fromisoformat(str(text))
    except ValueError:
        raise PrincipalsInvalid(
            f"{place}: not_after is not a date; write it as 2027-12-31"
        ) from None


def _refuse_twice(upsert: tuple[BoundEntry, ...], names: list[str]) -> None:
    seen: set[object] = set()
    keys: list[object] = list(names)
    for made in upsert:
        keys += [made.principal.name, *_known_by(made)]
    for key in keys:
        if key in seen:
            raise PrincipalsInvalid(
                "the change names somebody, or a URI or an account, twice; keep one of them"
            )
        seen.add(key)
