"""The directory of both: the principals of the file, and those that were approved into the store.

The store's entry stands in place of the file's of the same name, and who was removed in the store
is gone even if the file has him. A role whose end has come no longer counts, by the clock at each
lookup. The file is how a vault begins, and where its own nodes are named.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vault.access.directory import Directory
from vault.access.directory_change import NOTHING, Approved, BoundEntry
from vault.access.principals import _DIRECTORY, Principal
from vault.access.principals_entry import Entry
from vault.access.roll import Kin, Roll, alone

_NEVER = 1 << 62


def _now_micros() -> int:
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class Listed:
    """A principal as the directory has him; `principal` is None when his last day is past, else he
    has the roles that count now. `stored` says where the entry is from."""

    entry: Entry
    principal: Principal | None
    stored: bool


class StoredDirectory(Directory):
    """A directory whose entries come from the file and from `approved`, which is asked at each
    lookup: a dict access, and a comparison of identity."""

    def __init__(
        self,
        path: Path,
        *,
        now: Callable[[], int] = _now_micros,
        **of_the_file: Any,
    ) -> None:
        """Read the file. `now` in microseconds since the epoch; the rest as for `Directory`.

        Raises:
            PrincipalsInvalid: the file cannot be used.
        """
        self._now = now
        self._approved: Approved = NOTHING
        self._clash: str | None = None
        self._kin: Kin = alone
        self._next_end = _NEVER
        self._held: dict[str, Principal] = {}
        super().__init__(path, **of_the_file)

    @property
    def approved(self) -> Approved:
        """The principals of the store that are in force."""
        return self._approved

    def know_kin(self, kin: Kin) -> None:
        """Which files are of one customer, from the next `take` on: nobody opens his own under
        another name."""
        self._kin = kin

    def take(self, approved: Approved) -> None:
        """Put other principals of the store in force."""
        with self._lock:
            self._approved = approved
            self._roll = self._union(self._file)
            self._generation += 1

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Everybody who is known, whether in time or not."""
        self._look()
        return self._roll.entries

    def standing(self, approved: Approved | None = None) -> list[Principal]:
        """Everybody whom a lookup finds now; or would, with these principals of the store."""
        self._look()
        roll = self._roll if approved is None else _union(self._file, approved, self._kin)
        found = (self._now_is(entry) for entry in roll.entries)
        return [who for who in found if who is not None]

    def named(self, institution: str, name: str) -> Principal | None:
        """The principal of that name, if a lookup finds him now."""
        self._look()
        entry = self._roll.by_name.get(name)
        if entry is None or entry.principal.institution != institution:
            return None
        return self._in_time(entry)

    def listed(self) -> list[Listed]:
        """Everybody, by name."""
        everybody = sorted(self.entries, key=lambda entry: entry.principal.name)
        return [Listed(one, self._in_time(one), isinstance(one, BoundEntry)) for one in everybody]

    @property
    def problem(self) -> str | None:
        """What is wrong with the file, by itself or beside the store's principals."""
        return super().problem or self._clash

    def _look(self) -> None:
        super()._look()
        if self._now() >= self._next_end:
            with self._lock:
                self._generation += 1
                self._next_end = self._end_after(self._now())

    def _in_time(self, entry: Entry) -> Principal | None:
        who = self._now_is(entry)
        if who is None or who is entry.principal:
            return who
        # The same object each time: whoever compares principals sees that nothing has changed.
        known = self._held.get(who.name)
        if known != who:
            known = self._held[who.name] = who
        return known

    def _now_is(self, entry: Entry) -> Principal | None:
        who = super()._in_time(entry)
        if who is None or not isinstance(entry, BoundEntry) or not entry.ends:
            return who
        now = self._now()
        roles = frozenset(role for role in who.roles if entry.ends.get(role, _NEVER) > now)
        return who if roles == who.roles else replace(who, made_by=_DIRECTORY, roles=roles)

    def _read(self) -> Roll:
        self._file = super()._read()
        return self._union(self._file)

    def _union(self, file: Roll) -> Roll:
        self._held = {}
        self._next_end = self._end_after(self._now())
        self._clash = _clash(_kept(file, self._approved), self._approved)
        return _union(file, self._approved, self._kin)

    def _end_after(self, now: int) -> int:
        ends = (end for one in self._approved.entries.values() for end in one.ends.values())
        return min((end for end in ends if end > now), default=_NEVER)


def _kept(file: Roll, approved: Approved) -> list[Entry]:
    gone = approved.entries.keys() | approved.removed.keys()
    return [entry for entry in file.entries if entry.principal.name not in gone]


def _union(file: Roll, approved: Approved, kin: Kin) -> Roll:
    # The store's come last, so that they have what a later file names once more.
    return Roll.of([*_kept(file, approved), *approved.entries.values()], file.revoked, kin)


def _clash(kept: list[Entry], approved: Approved) -> str | None:
    uris = {one.principal.workload for one in approved.entries.values()} - {""}
    accounts = {account for one in approved.entries.values() for account in one.accounts}
    for one in kept:
        if one.principal.workload in uris or accounts & {*one.accounts}:
            return (
                "the principals file has a URI or an account of an approved principal under "
                "another name; the approved one has it. Take it out of the file"
            )
    return None
