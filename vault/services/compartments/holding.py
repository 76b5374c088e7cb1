"""Holds, for the members of a compartment: placed by one, released by two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
from sqlalchemy import Connection

from vault.access import ActionClass
from vault.access.compartments import CompartmentRefused, NotForMembers
from vault.records import new_ulid
from vault.services import sealer
from vault.services.call import Call, Trace
from vault.services.compartments.entry import (
    ChangeRefused,
    Entered,
    Ground,
    HoldRefused,
    enter,
    person_of,
    still,
)
from vault.services.compartments.hold_rows import HoldBody, HoldState, hold_row, open_hold
from vault.services.compartments.rows import open_place, resource_name
from vault.services.compartments.written import row_hashes, shown_case
from vault.services.errors import Aborted, NotFound
from vault.services.outcomes import Outcome, Stored, only
from vault.services.replays import Request
from vault.store import VersionConflict, compartments, customers, holds, transactions
from vault.store.disposal_gate import gate
from vault.store.holds import HoldRow


@dataclass(frozen=True, slots=True)
class NewHold:
    """What is to be held: `customer` is the identifier, `records` are paths of transactions inside
    him; days as `date.toordinal`, 0 where open."""

    customer: str
    authority: str = field(repr=False)
    reference: str = field(default="", repr=False)
    account: str = field(default="", repr=False)
    first_on: int = 0
    last_on: int = 0
    records: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ShownHold:
    """A hold as a member sees it; the time in microseconds."""

    compartment: str
    hold: str
    body: HoldBody = field(repr=False)
    etag: str
    updated_at: int


class Holding:
    """Raises NotFound to whoever is no member; ChangeRefused, HoldRefused; StoreUnavailable,
    KmsUnavailable, LogUnavailable."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def place(
        self, call: Call, institution: str, compartment: str, new: NewHold, request: Request
    ) -> Stored:
        """Place a hold. No event names the customer."""
        ground = self._ground
        person = person_of(call, institution, ActionClass.COMPARTMENT)
        name = resource_name(institution, compartment)
        entered = await enter(ground, call, institution, compartment, name)
        if new.customer in person.close_files:
            raise ChangeRefused(CompartmentRefused(NotForMembers.OWN_FILE))
        index = await ground.keys.index(institution)
        fingerprint = index.fingerprint(request.body)

        async def carry_out() -> list[Outcome]:
            now = ground.clock.now_micros()
            hold = new_ulid(now // 1000)
            scopes = await ground.database.read(lambda conn: _scopes(conn, institution, new))
            body = HoldBody(
                customer=new.customer,
                authority=new.authority,
                reference=new.reference,
                account=new.account,
                first_on=new.first_on,
                last_on=new.last_on,
                records=new.records,
                scopes=scopes,
                placed_by=call.actor,
                placed_at=now,
            )
            row = hold_row(entered.key, institution, compartment, hold, 1, body, now, call.actor)
            outcome = Stored(
                f"compartments/{compartment}", f"holds/{hold}", 1, sealer.etag_of(row.sealed), now
            )

            def work(conn: Connection) -> list[Outcome]:
                ground.replays.guard(conn, call, institution, request)
                # Whoever disposes of records has done so before this, or sees this.
                gate(conn)
                still(conn, entered, name)
                case = compartments.current(conn, institution, compartment)
                if shown_case(entered.key, case, name).body.closed:
                    raise ChangeRefused(CompartmentRefused(NotForMembers.CLOSED))
                if not customers.existing(conn, institution, [new.customer]):
                    # Disposed of meanwhile, or never there.
                    customer = sealer.resource_name(institution, new.customer)
                    raise NotFound(customer, "hold.customer")
                holds.insert(conn, row)
                ground.replays.keep(conn, call, institution, request, fingerprint, [outcome], now)
                return [outcome]

            at = resource_name(institution, compartment, f"holds/{hold}")
            trace = Trace(institution, resource=at, rows=row_hashes(row), count=1)
            return await ground.recorder.commit(call, work, lambda _: trace)

        found = await ground.replays.once(call, institution, request, fingerprint, carry_out)
        return only(found)

    async def page(
        self, call: Call, institution: str, compartment: str, after: str, limit: int
    ) -> tuple[list[ShownHold], str]:
        """Holds of a compartment by identifier, beyond `after`; and the one to go on from, "" at
        the end. What is about the caller's own file, or a relative's, is left out."""
        person = person_of(call, institution, ActionClass.COMPARTMENT)
        name = resource_name(institution, compartment)
        entered = await enter(self._ground, call, institution, compartment, name)
        rows = await self._ground.database.read(
            lambda conn: holds.page(
                conn,
                institution,
                compartment=compartment,
                after=f"{compartment}/{after}" if after else "",
                limit=limit + 1,
            )
        )
        shown = [_shown(entered, row) for row in rows[:limit]]
        own = [one for one in shown if one.body.customer not in person.close_files]
        return own, rows[limit - 1].hold if len(rows) > limit else ""

    async def propose_release(
        self, call: Call, institution: str, compartment: str, hold: str, reason: str
    ) -> ShownHold:
        """Propose that a hold be released; it stands until another member agrees. What was
        proposed by one who is no member any more is as if nobody had."""
        person = person_of(call, institution, ActionClass.COMPARTMENT)

        def step(body: HoldBody, stays: bool) -> HoldBody:
            proposed = body.state is HoldState.RELEASE_PROPOSED and stays
            if proposed or body.state is HoldState.RELEASED:
                raise HoldRefused(
                    "The hold was released, or its release is proposed already",
                    "该冻结已解除，或已有人提出解除",
                )
            return msgspec.structs.replace(
                body,
                state=HoldState.RELEASE_PROPOSED,
                reason=reason,
                proposer=call.actor,
                proposer_person=person.person,
            )

        return await self._step(call, institution, compartment, hold, "", step)

    async def agree_release(
        self, call: Call, institution: str, compartment: str, hold: str, etag: str
    ) -> ShownHold:
        """Agree to a release, as another member than who proposed it."""
        person = person_of(call, institution, ActionClass.COMPARTMENT)

        def step(body: HoldBody, stays: bool) -> HoldBody:
            if body.state is not HoldState.RELEASE_PROPOSED:
                raise HoldRefused("Nobody has proposed to release it", "尚无人提出解除")
            if not stays:
                raise HoldRefused(
                    "Who proposed to release it is no member any more: propose it again",
                    "提出解除的人已不再是成员，请重新提出",
                )
            if person.person in ("", body.proposer_person) or call.actor == body.proposer:
                raise HoldRefused(
                    "Another person has to agree: not who proposed it, under whichever account",
                    "须由另一人同意：提出人不得自行同意，无论使用哪个账号",
                )
            return msgspec.structs.replace(body, state=HoldState.RELEASED, released_by=call.actor)

        return await self._step(call, institution, compartment, hold, etag, step)

    async def _step(
        self,
        call: Call,
        institution: str,
        compartment: str,
        hold: str,
        etag: str,
        step: Callable[[HoldBody, bool], HoldBody],
    ) -> ShownHold:
        """The next version by ``step``, of the version before and of whether who proposed to
        release it is a member yet."""
        ground = self._ground
        name = resource_name(institution, compartment, f"holds/{hold}")
        entered = await enter(ground, call, institution, compartment, name)
        before = await ground.database.read(
            lambda conn: holds.current(conn, institution, compartment, hold)
        )
        if before is None:
            raise NotFound(name)
        if etag and etag != sealer.etag_of(before.sealed):
            raise Aborted(name)
        now, version = ground.clock.now_micros(), before.version + 1
        was = open_hold(entered.key, before)

        def stays(conn: Connection) -> bool:
            place = compartments.member(conn, institution, compartment, was.proposer_person)
            return place is not None and open_place(entered.key, place).is_member

        stayed = await ground.database.read(stays)
        body = step(was, stayed)
        row = hold_row(entered.key, institution, compartment, hold, version, body, now, call.actor)

        def work(conn: Connection) -> None:
            still(conn, entered, name)
            if stays(conn) is not stayed:
                raise Aborted(name)
            try:
                holds.insert(conn, row)
            except VersionConflict:
                raise Aborted(name) from None

        trace = Trace(institution, resource=name, rows=row_hashes(row), count=1)
        await ground.recorder.commit(call, work, lambda _: trace)
        return _shown(entered, row)


def _scopes(conn: Connection, institution: str, new: NewHold) -> tuple[str, ...]:
    """The scopes of the transactions that are held. Raises NotFound."""
    found = set()
    for record in new.records:
        identifier = record.partition("/")[2]
        row = transactions.get(conn, institution, new.customer, identifier)
        if row is None:
            name = sealer.resource_name(institution, new.customer, record)
            raise NotFound(name, "hold.records")
        found.add(row.scope)
    return tuple(sorted(found))


def _shown(entered: Entered, row: HoldRow) -> ShownHold:
    body = open_hold(entered.key, row)
    etag = sealer.etag_of(row.sealed)
    return ShownHold(row.compartment, row.hold, body, etag, row.recorded_at)
