"""Members of a compartment: proposed by one, agreed to by another person."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from vault.access import ActionClass
from vault.access.compartments import (
    CompartmentRefused,
    Place,
    agree,
    propose_member,
    propose_removal,
)
from vault.services import sealer
from vault.services.call import Call, Trace
from vault.services.compartments.entry import (
    ChangeRefused,
    Entered,
    Ground,
    by,
    enter,
    everybody,
    key_of,
    person_of,
    still,
)
from vault.services.compartments.rows import open_place, place_row, resource_name
from vault.services.compartments.written import (
    ShownPlace,
    next_version,
    row_hashes,
    shown_place,
)
from vault.services.errors import Aborted, NotFound
from vault.store import VersionConflict, compartments
from vault.store.compartments import MemberRow

Places = dict[str, Place]


class Members:
    """Raises NotFound to whoever may not know; ChangeRefused, Aborted; StoreUnavailable,
    KmsUnavailable, LogUnavailable."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def add(
        self, call: Call, institution: str, compartment: str, person: str, agree_by: str
    ) -> ShownPlace:
        """Propose a member."""
        name = resource_name(institution, compartment)
        entered = await enter(self._ground, call, institution, compartment, name)
        who = by(call, person_of(call, institution, ActionClass.COMPARTMENT))
        return await self._propose(
            call,
            entered,
            person,
            name,
            lambda places: propose_member(places.get(person), person, who, agree_by),
        )

    async def remove(
        self, call: Call, institution: str, compartment: str, person: str, agree_by: str
    ) -> ShownPlace:
        """Propose that a person be a member no more, or withdraw that he become one."""
        name = resource_name(institution, compartment, f"members/{person}")
        entered = await enter(self._ground, call, institution, compartment, name)
        who = by(call, person_of(call, institution, ActionClass.COMPARTMENT))
        return await self._propose(
            call,
            entered,
            person,
            name,
            lambda places: propose_removal(places.get(person), who, agree_by, places.values()),
        )

    async def get(self, call: Call, institution: str, compartment: str, person: str) -> ShownPlace:
        """A person's place: to a member, and to the person who is to agree to what is proposed."""
        name = resource_name(institution, compartment, f"members/{person}")
        me = person_of(call, institution, ActionClass.COMPARTMENT).person
        mine, row = await self._ground.database.read(
            lambda conn: (
                compartments.member(conn, institution, compartment, me),
                compartments.member(conn, institution, compartment, person),
            )
        )
        if row is None or (mine is None and row.agree_by != me):
            raise NotFound(name)
        key = await key_of(self._ground, institution, compartment)
        place = open_place(key, row)
        asked = place.waits and place.agree_by == me
        if not asked and (mine is None or not open_place(key, mine).is_member):
            raise NotFound(name)
        return shown_place(row, place)

    async def agree(
        self, call: Call, institution: str, compartment: str, person: str, etag: str
    ) -> ShownPlace:
        """Agree to what is proposed, as it was seen."""
        ground = self._ground
        name = resource_name(institution, compartment, f"members/{person}")
        who = person_of(call, institution, ActionClass.COMPARTMENT_AGREEMENT)
        row = await ground.database.read(
            lambda conn: compartments.member(conn, institution, compartment, person)
        )
        if row is None or row.agree_by != who.person:
            raise NotFound(name)
        key = await key_of(ground, institution, compartment)
        now = ground.clock.now_micros()

        def work(conn: Connection) -> tuple[MemberRow, Place, Trace]:
            rows = compartments.members(conn, institution, compartment)
            before = next((r for r in rows if r.person == person), None)
            if before is None or before.agree_by != who.person:
                raise NotFound(name)
            if sealer.etag_of(before.sealed) != etag:
                raise Aborted(name)
            places = everybody(key, rows)
            made = _refusing(lambda: agree(places[person], by(call, who), places.values()))
            added = place_row(key, institution, compartment, made, now, call.actor)
            # What two persons change at once, one of them changes: each is the next version.
            case = next_version(
                key,
                compartments.current(conn, institution, compartment),
                resource_name(institution, compartment),
                now,
                call,
            )
            _insert(conn, name, members=[added], compartments_=[case])
            trace = Trace(institution, resource=name, rows=row_hashes(added, case), count=1)
            return added, made, trace

        added, made, _ = await ground.recorder.commit(call, work, lambda done: done[2])
        return shown_place(added, made)

    async def _propose(
        self,
        call: Call,
        entered: Entered,
        person: str,
        asked: str,
        change: Callable[[Places], Place],
    ) -> ShownPlace:
        institution, compartment, key = entered.institution, entered.compartment, entered.key
        now = self._ground.clock.now_micros()
        name = resource_name(institution, compartment, f"members/{person}")

        def work(conn: Connection) -> tuple[MemberRow, Place, Trace]:
            still(conn, entered, asked)
            places = everybody(key, compartments.members(conn, institution, compartment))
            made = _refusing(lambda: change(places))
            row = place_row(key, institution, compartment, made, now, call.actor)
            _insert(conn, name, members=[row])
            return row, made, Trace(institution, resource=name, rows=row_hashes(row), count=1)

        row, made, _ = await self._ground.recorder.commit(call, work, lambda done: done[2])
        return shown_place(row, made)


def _refusing(change: Callable[[], Place]) -> Place:
    try:
        return change()
    except CompartmentRefused as refused:
        raise ChangeRefused(refused) from None


def _insert(
    conn: Connection,
    name: str,
    *,
    members: list[MemberRow],
    compartments_: list[compartments.CompartmentRow] | None = None,
) -> None:
    try:
        compartments.insert(conn, members=members, compartments_=compartments_ or [])
    except VersionConflict:
        raise Aborted(name) from None
