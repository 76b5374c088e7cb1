"""Looks at the register: one entry, or a page of those that are wanted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from vault.access import ActionClass
from vault.access.lending import State
from vault.access.lending.transitions import waits_for
from vault.records import ulid_between
from vault.services.call import Call
from vault.services.lending.bounds import Bounds
from vault.services.lending.register import Register, Shown, party_of, person_of, revealed
from vault.services.logged import relative
from vault.store import check_outs
from vault.store.check_outs import CheckOutRow

# Entries that one look at the table takes up, and the most of one page: where a filter lets next to
# nothing through, a page is short or empty and says where to go on.
_WINDOW = 200
_MOST = 2_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries; all conditions hold at once, an empty one does not limit."""

    institution: str
    states: frozenset[State] = frozenset()
    requester: str = ""
    customer: str = ""
    mine_to_decide: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, newest first. ``before`` is what to go on in front of; empty at the end."""

    shown: list[Shown]
    before: str


class Looking:
    """The use cases that show entries. Raises NotFound, and KmsUnavailable, StoreUnavailable and
    StoreAltered from below."""

    def __init__(self, register: Register) -> None:
        self._register = register

    async def get(self, call: Call, institution: str, identifier: str) -> Shown:
        """One entry as it stands."""
        call.require(ActionClass.LENDING, institution)
        shown = await self._register.shown(
            call, await self._register.find(call, institution, identifier)
        )
        call.touched(fields=revealed([shown.words]), count=1)
        return shown

    async def page(self, call: Call, wanted: Wanted, before: str, limit: int) -> Page:
        """Up to ``limit`` entries in front of the identifier ``before``."""
        call.require(ActionClass.LENDING, wanted.institution)
        found, before = await self.rows(call, wanted, before, limit)
        shown = await self._register.all_shown(call, found)
        call.touched(
            fields=revealed(one.words for one in shown),
            resources=tuple(relative(row.name) for row in found),
            count=len(shown),
        )
        return Page(shown, before)

    async def rows(
        self, call: Call, wanted: Wanted, before: str, limit: int
    ) -> tuple[list[CheckOutRow], str]:
        """Rows of a page, and what to go on in front of; both may be cut short."""
        mine = "" if self._register.sees_others(call) else person_of(call).person
        found: list[CheckOutRow] = []
        at, last, looked, passed = before, before, 0, 0
        while True:
            rows = await self._register.database.read(
                partial(
                    check_outs.page,
                    institution=wanted.institution,
                    person=mine,
                    customer=wanted.customer,
                    before=at,
                    limit=_WINDOW,
                )
            )
            bounds = await self._register.bounds(call, rows)
            for row in rows:
                at = row.check_out
                # Where a page ends tells nothing of what is not there for him.
                if not self._register.counts(call, row, bounds):
                    if self._register.secret(call, row):
                        continue
                    passed += 1
                    if passed == _MOST:
                        # Of what is beyond his reach he may know that it is, not what.
                        return found, ulid_between(at, last)
                    last = at
                    continue
                before, last, looked = at, at, looked + 1
                if self.lets_through(call, wanted, row, bounds):
                    found.append(row)
                if len(found) == limit or looked == _MOST:
                    return found, before
            if len(rows) < _WINDOW:
                return found, ""

    def lets_through(self, call: Call, wanted: Wanted, row: CheckOutRow, bounds: Bounds) -> bool:
        """Whether an entry is wanted, and there for who calls."""
        out = self._register.current(row, bounds)
        now = self._register.clock.now_micros()
        reviewers = self._register.rules.break_glass.reviewers
        return (
            self._register.sees(call, out, bounds)
            and (not wanted.states or out.state_at(now) in wanted.states)
            and (not wanted.requester or out.requester == wanted.requester)
            and (not wanted.customer or out.customer == wanted.customer)
            and (not wanted.mine_to_decide or waits_for(out, party_of(call), reviewers, now))
        )
