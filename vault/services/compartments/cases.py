"""Compartments themselves: opened, read, listed to their members, closed."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from sqlalchemy import Connection

from vault.access import ActionClass
from vault.access.compartments import CompartmentKind, CompartmentRefused, NotForMembers, founder
from vault.records import new_ulid
from vault.services import sealer
from vault.services.call import Call, Trace
from vault.services.compartments.entry import (
    ChangeRefused,
    Ground,
    by,
    enter,
    everybody,
    key_of,
    person_of,
)
from vault.services.compartments.hold_rows import open_hold
from vault.services.compartments.rows import (
    CaseBody,
    open_place,
    place_row,
    resource_name,
    scope_of,
)
from vault.services.compartments.written import (
    Shown,
    case_row,
    row_hashes,
    shown_case,
    shown_place,
)
from vault.services.errors import Aborted
from vault.services.outcomes import Outcome, Stored, only
from vault.services.replays import Request
from vault.store import VersionConflict, compartments, holds

# A compartment has so many holds at most, or it is not closed.
_HOLDS = 10_000


class Cases:
    """Raises NotFound to whoever is no member; StoreUnavailable, KmsUnavailable, LogUnavailable."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def create(
        self, call: Call, institution: str, kind: CompartmentKind, title: str, request: Request
    ) -> Stored:
        """Open a compartment with the caller as its first member."""
        ground = self._ground
        person = person_of(call, institution, ActionClass.COMPARTMENT)
        index = await ground.keys.index(institution)
        fingerprint = index.fingerprint(request.body)

        async def carry_out() -> list[Outcome]:
            now = ground.clock.now_micros()
            compartment = new_ulid(now // 1000)
            key = await ground.keys.full_alone(scope_of(institution, compartment))
            row = case_row(key, institution, compartment, 1, CaseBody(kind, title, now), now, call)
            place = place_row(
                key, institution, compartment, founder(by(call, person)), now, call.actor
            )
            outcome = Stored(f"compartments/{compartment}", "", 1, sealer.etag_of(row.sealed), now)

            def work(conn: Connection) -> list[Outcome]:
                ground.replays.guard(conn, call, institution, request)
                compartments.insert(conn, compartments_=[row], members=[place])
                ground.replays.keep(conn, call, institution, request, fingerprint, [outcome], now)
                return [outcome]

            name = resource_name(institution, compartment)
            trace = Trace(institution, resource=name, rows=row_hashes(row, place), count=1)
            return await ground.recorder.commit(call, work, lambda _: trace)

        found = await ground.replays.once(call, institution, request, fingerprint, carry_out)
        return only(found)

    async def get(self, call: Call, institution: str, compartment: str) -> Shown:
        """A compartment and everybody's place in it."""
        name = resource_name(institution, compartment)
        entered = await enter(self._ground, call, institution, compartment, name)
        row, rows = await self._ground.database.read(
            lambda conn: (
                compartments.current(conn, institution, compartment),
                compartments.members(conn, institution, compartment),
            )
        )
        shown = shown_case(entered.key, row, name)
        places = everybody(entered.key, rows)
        return replace(shown, members=tuple(shown_place(r, places[r.person]) for r in rows))

    async def page(
        self, call: Call, institution: str, after: str, limit: int
    ) -> tuple[list[Shown], str]:
        """The compartments that the caller is a member of, beyond the identifier `after`, and the
        identifier to go on from; "" at the end."""
        ground = self._ground
        person = person_of(call, institution, ActionClass.COMPARTMENT)
        places = await ground.database.read(
            lambda conn: compartments.places(
                conn, institution, person.person, after=after, limit=limit + 1
            )
        )
        found = []
        for place in places[:limit]:
            key = await key_of(ground, institution, place.compartment)
            if not open_place(key, place).is_member:
                continue
            row = await ground.database.read(
                partial(
                    compartments.current, institution=institution, compartment=place.compartment
                )
            )
            found.append(shown_case(key, row, resource_name(institution, place.compartment)))
        return found, places[limit - 1].compartment if len(places) > limit else ""

    async def close(self, call: Call, institution: str, compartment: str) -> Shown:
        """Close a compartment; what is in it stays for its members to read."""
        ground, name = self._ground, resource_name(institution, compartment)
        entered = await enter(ground, call, institution, compartment, name)
        before = await ground.database.read(
            lambda conn: compartments.current(conn, institution, compartment)
        )
        shown = shown_case(entered.key, before, name)
        if before is None or shown.body.closed:
            raise ChangeRefused(CompartmentRefused(NotForMembers.CLOSED))
        standing = await ground.database.read(
            lambda conn: holds.page(conn, institution, compartment=compartment, limit=_HOLDS)
        )
        if any(open_hold(entered.key, row).stands for row in standing):
            raise ChangeRefused(CompartmentRefused(NotForMembers.HOLDS_STAND))
        now = ground.clock.now_micros()
        body = CaseBody(shown.body.kind, shown.body.title, shown.body.created_at, closed=True)
        row = case_row(entered.key, institution, compartment, before.version + 1, body, now, call)

        def work(conn: Connection) -> None:
            try:
                compartments.insert(conn, compartments_=[row])
            except VersionConflict:
                raise Aborted(name) from None

        trace = Trace(institution, resource=name, rows=row_hashes(row), count=1)
        await ground.recorder.commit(call, work, lambda _: trace)
        return Shown(compartment, body, now)
