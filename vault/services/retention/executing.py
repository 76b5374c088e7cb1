"""Carries out what a second person has agreed to, in the background of the full tier.

Of each item of a plan, in its order:

    1. it is judged anew, by the rules and the holds of now; what is not due any more is passed over
    2. one transaction: nobody has written or placed a hold since; the scope is on the list of what
       was destroyed                                                  (from here on it is given up)
    3. the key store destroys its file keys, in both branches, and puts up a tombstone
    4. its rows go, some at a time, each time with an event that names them and their hashes
    5. index entries, claims, links, objects; a tombstone says how many rows there were
    6. the item is done

A crash anywhere leaves an item that goes on: what is on the list is destroyed in the key store at
the next start, before anything is served, and the steps behind it change nothing when they come
again. Nothing is done that the plan does not name and the second person has not agreed to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final, TypeVar

import msgspec
import structlog
from sqlalchemy import Connection

from vault.access import Action
from vault.access.roll import Kin, alone
from vault.audit import AuditEvent, AuditLog, LogUnavailable, RowHash
from vault.blobs import BlobError, BlobLocked, Blobs
from vault.kms import KmsError
from vault.records import Branch, ScopeRef, new_ulid
from vault.sealing import Clock, KeyRing
from vault.services.errors import Shredded, VaultError
from vault.services.keys import Keys
from vault.services.kinds import TRANSACTIONS
from vault.services.opening import Opener
from vault.services.proposal_signing import ProposalSigner
from vault.services.proposing import Proposing
from vault.services.retention.blocking import Kept, read_kept
from vault.services.retention.certificate import BackupDays, lines_of
from vault.services.retention.disposal_rows import (
    Disposal,
    DisposalStage,
    from_row,
    hashes,
    to_row,
)
from vault.services.retention.disposals import Disposals
from vault.services.retention.judging import (
    Cause,
    Judged,
    Judging,
    still_the_same,
    who_ask,
    why_in,
)
from vault.services.retention.rules import IDENTITY, RulesInForce, ref_of, today
from vault.store import (
    Database,
    StoreAltered,
    StoreError,
    disposals,
    disposing,
    holds,
    requests,
    scopes,
    shredding,
    statistics,
    transactions,
)
from vault.store.disposal_gate import gate
from vault.store.disposals import DONE, DUE, LISTED, PASSED, ItemRow, Tombstone
from vault.store.evidence import DISPOSED

T = TypeVar("T")

EVERY_SECONDS: Final = 1.0
_ROWS: Final = 200
_OBJECTS: Final = 100
_TRIES: Final = 5

_log = structlog.get_logger("vault.services")


class _Moved(Exception):
    """Something has changed since the item was judged: it is judged again."""


@dataclass(frozen=True, slots=True)
class DisposalGround:
    """What it stands on. ``blobs`` is None where there is no object store."""

    database: Database
    keys_database: Database
    keys: Keys
    ring: KeyRing
    log: AuditLog
    blobs: Blobs | None
    rules: RulesInForce
    disposals: Disposals
    proposing: Proposing
    signer: ProposalSigner
    days: BackupDays
    clock: Clock
    kin: Kin = alone
    may: Callable[[], bool] = lambda: True
    """Whether anything may be done now: not while a log that was set back waits for two persons."""


class DisposalRunner:
    """Of one process of the full tier; several may run at once."""

    def __init__(self, ground: DisposalGround) -> None:
        self._on = ground
        self._judging = Judging(ground.database, ground.keys_database, ground.keys, ground.rules)
        self._opener = Opener(ground.keys)
        self._kept: dict[str, Kept] = {}

    async def run(self) -> None:
        """Look for something to do and do it, until cancelled."""
        while True:
            try:
                if self._on.may():
                    await self.look()
            except (StoreError, KmsError, BlobError, LogUnavailable, VaultError) as error:
                _log.warning("disposal: tried again soon", problem=type(error).__name__)
            except Exception as error:
                _log.error("disposal: left", error=type(error).__name__)
            await asyncio.sleep(EVERY_SECONDS)

    async def look(self) -> int:
        """Carry out what was begun; how many disposals were finished. Raises what reading and
        writing raise: the rest stays for the next time."""
        begun = await self._read(
            lambda conn: disposals.at_stage(conn, DisposalStage.EXECUTING.value)
        )
        finished = 0
        for row in begun:
            one = from_row(row)
            agreed = self._on.rules.disposal(one.institution, one.identifier)
            if agreed is None:
                # Not of two persons: somebody put it into the database.
                raise StoreAltered("a disposal was begun that nobody has agreed to")
            await self._on.disposals.require_plan(one.institution, agreed)
            await self._carry_out(one)
            finished += 1
        return finished

    async def _carry_out(self, one: Disposal) -> None:
        after = 0
        while True:
            items = await self._read(
                lambda conn, after=after: disposals.items(  # type: ignore[misc]  # a default, not a parameter
                    conn, one.institution, one.identifier, stages=(DUE, LISTED), after=after
                )
            )
            if not items:
                break
            for item in items:
                await self._item(one, item)
            after = items[-1].number
        await self._forget_requests(one)
        await self._compact()
        await self._finish(one)

    # -- one item ----------------------------------------------------------------------------

    async def _item(self, one: Disposal, item: ItemRow) -> None:
        if why_in(item).cause is not Cause.NONE:
            raise StoreAltered("an item that is blocked was marked as due")
        if item.stage == DUE:
            given_up = await self._give_up(one, item)
            if given_up is None:
                return
            item = given_up
        ref = ScopeRef(item.institution, item.customer, item.scope)
        if not item.record:
            await self._shred(ref)
        await self._take_rows(one, item, ref)
        await self._take_objects(ref)
        await self._write(lambda conn: disposals.move(conn, item, DONE))

    async def _give_up(self, one: Disposal, item: ItemRow) -> ItemRow | None:
        """The item as it stands when it is given up for good; None where it is passed over."""
        for _ in range(_TRIES):
            kept = await self._what_is_kept(item.institution)
            judged = await self._judge(item, kept)
            try:
                if judged is None or judged.why.cause is not Cause.NONE:
                    await self._pass_over(one, item)
                    return None
                return await self._list(one, item, judged, kept)
            except _Moved:
                continue
        await self._pass_over(one, item)
        return None

    async def _what_is_kept(self, institution: str) -> Kept:
        """Holds and investigations, read again where there may be others."""
        known = self._kept.get(institution)
        stamp = await self._read(lambda conn: holds.stamp(conn, institution))
        if known is None or known.stamp != stamp:
            known = await read_kept(self._on.database, self._on.keys, institution, self._on.kin)
            self._kept[institution] = known
        return known

    async def _judge(self, item: ItemRow, kept: Kept) -> Judged | None:
        now = self._on.clock.now_micros()
        day, book = today(now), self._on.rules.book(item.institution)
        rows = await self._read(
            lambda conn: scopes.of_customers(conn, item.institution, [item.customer])
        )
        if not item.record:
            judged = await self._judging.customers(book, day, kept, rows, now)
            return next((j for j in judged if j.row.scope == item.scope), None)
        where = next((r for r in rows[item.customer] if r.scope == item.scope), None)
        row = await self._read(
            lambda conn: transactions.get(
                conn, item.institution, item.customer, item.record.partition("/")[2]
            )
        )
        if where is None or row is None:
            return None
        try:
            booked = await self._opener.one(TRANSACTIONS, row, item.record, views=False)
        except Shredded:
            # Its year was destroyed, and has come back: it goes with that.
            return None
        return await self._judging.transaction(book, day, kept, booked.value, where, item.record)

    async def _list(
        self, one: Disposal, item: ItemRow, judged: Judged, kept: Kept
    ) -> ItemRow | None:
        now = self._on.clock.now_micros()
        ref = ref_of(judged.row)

        def work(conn: Connection) -> bool:
            # Who places a hold waits for this, or this for him; then it is another stamp.
            gate(conn)
            there = disposals.item(conn, item.institution, item.disposal, item.number)
            if there != item:
                return False  # another process was first
            if (
                holds.stamp(conn, item.institution) != kept.stamp
                or not still_the_same(conn, judged)
                or disposing.in_use(conn, item.institution, [item.customer], now).has(
                    ref, item.record
                )
                or who_ask(conn, item.institution, [item.customer], kept)
            ):
                raise _Moved
            if item.scope == IDENTITY and disposing.other_scopes(conn, ref):
                raise _Moved
            disposals.move(conn, item, LISTED)
            if not item.record:
                shredding.add_to_list(conn, [ref], now)
            return True

        mine = await self._on.log.commit(
            work, lambda _: [self._event(one, item, Action.DISPOSALS_GIVE_UP)], weight=3
        )
        return replace(item, stage=LISTED) if mine else None

    async def _pass_over(self, one: Disposal, item: ItemRow) -> None:
        await self._on.log.commit(
            lambda conn: disposals.move(conn, item, PASSED),
            lambda _: [self._event(one, item, Action.DISPOSALS_PASS_OVER)],
        )

    async def _shred(self, ref: ScopeRef) -> None:
        now = self._on.clock.now_micros()
        await asyncio.to_thread(
            self._on.keys_database.write_sync, lambda conn: shredding.shred(conn, [(ref, now)])
        )
        for branch in Branch:
            self._on.ring.forget_file_key(branch, ref)

    async def _take_rows(self, one: Disposal, item: ItemRow, ref: ScopeRef) -> None:
        """The rows, some at a time, and behind the last of them all other traces."""
        left = True
        while left:
            gone: list[disposing.Gone] = []

            def work(conn: Connection, gone: list[disposing.Gone] = gone) -> bool:
                gate(conn)
                gone[:] = disposing.take_rows(conn, ref, item.record, _ROWS)
                stone = Tombstone(
                    item.institution,
                    item.customer,
                    item.scope,
                    item.record,
                    item.disposal,
                    self._on.clock.now_micros(),
                    len(gone),
                )
                disposals.bury(conn, stone)
                if len(gone) == _ROWS:
                    return True
                disposing.take_traces(conn, ref, item.record)
                if not item.record:
                    scopes.remove(conn, ref)
                return False

            def told(_: bool, gone: list[disposing.Gone] = gone) -> list[AuditEvent]:
                rows = tuple(RowHash(f"{row.name}{DISPOSED}", row.sha256) for row in gone)
                return [self._event(one, item, Action.DISPOSALS_TAKE, rows)]

            left = await self._on.log.commit(work, told, weight=_ROWS)

    async def _take_objects(self, ref: ScopeRef) -> None:
        blobs = self._on.blobs
        while blobs is not None:
            found = await self._read(lambda conn: disposing.objects(conn, ref, _OBJECTS))
            gone = [one for one in found if await asyncio.to_thread(self._delete, blobs, one[2])]
            if not gone:
                # None is left, or its store keeps it for a time yet: a sweep comes by.
                return
            await self._write(lambda conn, gone=gone: disposing.forget_objects(conn, ref, gone))  # type: ignore[misc]  # a default, not a parameter

    @staticmethod
    def _delete(blobs: Blobs, name: str) -> bool:
        try:
            blobs.delete(name)
        except BlobLocked:
            return False
        return True

    # -- all of it ---------------------------------------------------------------------------

    async def _forget_requests(self, one: Disposal) -> None:
        """Answers that are kept for repeated requests name customers: of those that are gone, none
        is. One look at each."""
        items = await asyncio.to_thread(
            self._on.database.read_sync,
            lambda conn: {
                item.customer
                for item in disposals.every_item(conn, one.institution, one.identifier)
                if item.scope == IDENTITY and item.stage == DONE
            },
        )
        if items:
            await asyncio.to_thread(self._requests_of, one.institution, items)

    def _requests_of(self, institution: str, customers: set[str]) -> None:
        after = ("", "")
        while True:
            rows = self._on.database.read_sync(
                lambda conn, after=after: requests.page(conn, institution, after, _ROWS)  # type: ignore[misc]  # a default, not a parameter
            )
            if not rows:
                return
            gone = [row for row in rows if requests.names_one_of(row, customers)]
            if gone:
                self._on.database.write_sync(lambda conn, gone=gone: requests.forget(conn, gone))  # type: ignore[misc]  # as above
            after = (rows[-1].principal, rows[-1].request_id)

    async def _compact(self) -> None:
        """What was deleted leaves the files, too, where the vault can see to that (SQLite), and
        what the database knows of its tables (PostgreSQL)."""
        for database in {self._on.database, self._on.keys_database}:
            await asyncio.to_thread(database.compact)
        await asyncio.to_thread(statistics.look_again, self._on.database, self._on.keys_database)

    async def _finish(self, one: Disposal) -> None:
        on, now = self._on, self._on.clock.now_micros()

        def look(conn: Connection) -> tuple[dict[str, int], int]:
            return (
                disposals.counts(conn, one.institution, one.identifier),
                disposals.rows_buried(conn, one.institution, one.identifier),
            )

        counts, rows = await self._read(look)
        body = msgspec.structs.replace(
            one.body,
            finished_at=now,
            gone=counts.get(DONE, 0),
            passed=counts.get(PASSED, 0),
            rows=rows,
            keys_days=on.days.keys,
            data_days=on.days.data,
        )
        done = replace(
            one, version=one.version + 1, stage=DisposalStage.DONE, recorded_at=now, body=body
        )
        agreed = await on.proposing.find(one.institution, one.body.proposal)
        lines = on.signer.certified(lines_of(done, agreed, on.days))
        digest = sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
        stored = await on.log.record(
            AuditEvent(
                event_id=new_ulid(now // 1000),
                time=now,
                tier="full",
                action=Action.DISPOSALS_CERTIFY.value,
                institution=one.institution,
                resource=one.name,
                resources=(f"certificates/sha256:{digest}",),
                outcome="OK",
                count=body.gone,
            )
        )
        # Positions count from 1, leaf indexes from 0.
        body = msgspec.structs.replace(
            body, certificate_sha256=digest, leaf_index=stored.position - 1
        )
        row = to_row(replace(done, body=body), "")
        event = AuditEvent(
            event_id=new_ulid(now // 1000),
            time=now,
            tier="full",
            action=Action.DISPOSALS_END.value,
            institution=one.institution,
            resource=one.name,
            rows=hashes(row),
            outcome="OK",
            count=body.gone,
        )
        await on.log.commit(lambda conn: disposals.insert(conn, row), lambda _: [event])
        _log.info("disposal: done", gone=body.gone, passed=body.passed, rows=rows)

    def _event(
        self, one: Disposal, item: ItemRow, action: Action, rows: tuple[RowHash, ...] = ()
    ) -> AuditEvent:
        now = self._on.clock.now_micros()
        return AuditEvent(
            event_id=new_ulid(now // 1000),
            time=now,
            tier="full",
            action=action.value,
            institution=item.institution,
            customer=item.customer,
            resource=one.name,
            resources=(f"customers/{item.customer}/{item.record or item.scope}",),
            outcome="OK",
            rows=rows,
            count=len(rows),
        )

    async def _read(self, work: Callable[[Connection], T]) -> T:
        return await self._on.database.read(work)

    async def _write(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.to_thread(self._on.database.write_sync, work)
