"""Disposals: planned by one person, agreed to by another by the plan's hash, and begun."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import msgspec
from sqlalchemy import Connection

from vault.access import ActionClass
from vault.access.proposals import Proposal
from vault.access.roll import Kin, alone
from vault.records import ScopeRef, TransactionName, new_ulid
from vault.rules.retention import RecordKind, RuleBook, years_after
from vault.sealing import Clock
from vault.services.call import Call, Trace
from vault.services.closed import require_everywhere
from vault.services.errors import Aborted, NotFound
from vault.services.keys import Keys
from vault.services.kinds import TRANSACTIONS
from vault.services.opening import Opener
from vault.services.proposing import Proposing
from vault.services.recording import Recorder
from vault.services.retention.blocking import Kept, read_kept
from vault.services.retention.content import DisposalAgreed, to_content
from vault.services.retention.disposal_rows import (
    Disposal,
    DisposalBody,
    DisposalStage,
    from_row,
    hashes,
    to_row,
)
from vault.services.retention.errors import NotAtThatStage, PlanChanged
from vault.services.retention.judging import (
    Cause,
    Judged,
    Judging,
    body_of,
    plan_hash,
)
from vault.services.retention.rules import RulesInForce, today
from vault.store import (
    Database,
    VersionConflict,
    disposals,
    scopes,
    statistics,
    transactions,
)
from vault.store.disposals import BLOCKED, DUE, ItemRow

_CUSTOMERS: Final = 200
"""Of so many the files are open at once."""


@dataclass(frozen=True, slots=True)
class RetentionGround:
    """What the use cases stand on."""

    database: Database
    keys_database: Database
    keys: Keys
    recorder: Recorder
    rules: RulesInForce
    proposing: Proposing
    clock: Clock
    kin: Kin = alone


@dataclass(frozen=True, slots=True)
class Shown:
    """A disposal with what was proposed of it, and how many items are at each stage."""

    disposal: Disposal
    proposal: Proposal
    counts: dict[str, int]


class Disposals:
    """The use cases. Raises NotFound, NotSigned; StoreUnavailable, KmsUnavailable,
    LogUnavailable."""

    def __init__(self, ground: RetentionGround) -> None:
        self._on = ground
        self._judging = Judging(ground.database, ground.keys_database, ground.keys, ground.rules)

    # -- planning ----------------------------------------------------------------------------

    async def plan(
        self, call: Call, institution: str, only: Sequence[TransactionName], reason: str
    ) -> Shown:
        """Plan what is due today: of all customers, or of these single transactions alone. It waits
        for a second person. Raises NothingDue as NotAtThatStage, StepRefused."""
        call.require(ActionClass.DISPOSAL, institution)
        require_everywhere(call.scope)
        on, now = self._on, self._on.clock.now_micros()
        day, book = today(now), on.rules.book(institution)
        identifier = new_ulid(now // 1000)
        kept = await read_kept(on.database, on.keys, institution, on.kin)
        due = blocked = 0

        async def put(found: Sequence[Judged]) -> None:
            nonlocal due, blocked
            rows = []
            for number, one in enumerate(found, due + blocked + 1):
                stage = DUE if one.why.cause is Cause.NONE else BLOCKED
                where = one.row
                rows.append(
                    ItemRow(
                        institution,
                        identifier,
                        number,
                        where.customer,
                        where.scope,
                        one.record,
                        stage,
                        body_of(one.why),
                    )
                )
            await self._write(lambda conn: disposals.add_items(conn, rows))
            due += sum(row.stage == DUE for row in rows)
            blocked += sum(row.stage == BLOCKED for row in rows)

        try:
            if only:
                await put(await self._singles(book, kept, only, now))
            else:
                await self._all(institution, book, kept, now, put)
            if not due:
                raise NotAtThatStage(
                    f"Nothing is due that could go now; {blocked} items are blocked",
                    f"目前没有可销毁的到期档案；另有 {blocked} 项受阻",
                )
            sha256 = await self._hash(institution, identifier, day.isoformat())
            content = to_content(DisposalAgreed(identifier, sha256))
            proposal = await on.proposing.retention_step(call, institution, content, reason)
        except BaseException:
            await asyncio.shield(
                self._write(lambda conn: disposals.forget_items(conn, institution, identifier))
            )
            raise
        body = DisposalBody(
            day=day.isoformat(),
            sha256=sha256,
            due=due,
            blocked=blocked,
            reason=reason,
            planned_by=call.actor,
            planned_at=now,
            proposal=proposal.identifier,
        )
        made = Disposal(institution, identifier, 1, DisposalStage.PLANNED, now, body)
        await self._commit(call, made)
        return Shown(made, proposal, {DUE: due, BLOCKED: blocked})

    async def _all(
        self,
        institution: str,
        book: RuleBook,
        kept: Kept,
        now: int,
        put: Callable[[Sequence[Judged]], Awaitable[None]],
    ) -> None:
        """Page by page, so that what is in memory does not grow with the vault."""
        on, day, after = self._on, today(now), ""
        bound = latest_start(book, day)
        await asyncio.to_thread(statistics.look_at_files, on.database, on.keys_database)
        while bound:
            found = await on.database.read(
                lambda conn, after=after: scopes.candidates(  # type: ignore[misc]  # a default, not a parameter
                    conn,
                    institution,
                    ended_until=bound,
                    booked_until=bound,
                    after=after,
                    limit=_CUSTOMERS,
                )
            )
            if not found:
                return
            rows = await on.database.read(
                lambda conn, found=found: scopes.of_customers(conn, institution, found)  # type: ignore[misc]  # as above
            )
            await put(await self._judging.customers(book, day, kept, rows, now))
            after = found[-1]
            # Others have their turn.
            await asyncio.sleep(0)

    async def _singles(
        self, book: RuleBook, kept: Kept, only: Sequence[TransactionName], now: int
    ) -> list[Judged]:
        on, opener = self._on, Opener(self._on.keys)
        out: list[Judged] = []
        for name in dict.fromkeys(only):
            row = await on.database.read(
                lambda conn, name=name: transactions.get(  # type: ignore[misc]  # a default, not a parameter
                    conn, name.institution, name.customer, name.transaction
                )
            )
            booked = await opener.one(TRANSACTIONS, row, str(name), views=False)
            if row is None:
                raise NotFound(str(name))
            where = await on.database.read(
                lambda conn, row=row: scopes.one(  # type: ignore[misc]  # as above
                    conn, ScopeRef(row.institution, row.customer, row.scope)
                )
            )
            if where is None:
                raise NotFound(str(name))
            found = await self._judging.transaction(
                book, today(now), kept, booked.value, where, f"transactions/{name.transaction}"
            )
            if found is None:
                raise NotAtThatStage(
                    f"{name} is not due yet by the rules in force", f"按现行规则，{name} 尚未到期"
                )
            out.append(found)
        return out

    # -- deciding ----------------------------------------------------------------------------

    async def approve(
        self, call: Call, institution: str, identifier: str, sha256: str, comment: str
    ) -> Shown:
        """Agree to exactly the plan that has this hash. Raises PlanChanged, StepRefused."""
        call.require(ActionClass.DISPOSAL_DECISION, institution)
        require_everywhere(call.scope)
        found = await self._current(institution, identifier)
        if sha256 != found.body.sha256:
            raise PlanChanged()
        proposal = await self._on.proposing.find(institution, found.body.proposal)
        await self._on.proposing.approve_retention(
            call, institution, proposal.identifier, proposal.etag, comment
        )
        return await self._shown(found)

    async def require_plan(self, institution: str, agreed: DisposalAgreed) -> None:
        """Make sure that a plan's rows are what its hash says. Raises PlanChanged, NotFound."""
        found = await self._current(institution, agreed.disposal)
        there = await self._hash(institution, agreed.disposal, found.body.day)
        if not there == found.body.sha256 == agreed.sha256:
            raise PlanChanged()

    async def execute(self, call: Call, institution: str, identifier: str) -> Shown:
        """Have an approved plan carried out, in the background. Raises NotAtThatStage."""
        call.require(ActionClass.DISPOSAL, institution)
        require_everywhere(call.scope)
        found = await self._current(institution, identifier)
        agreed = self._on.rules.disposal(institution, identifier)
        if agreed is None or found.stage is not DisposalStage.PLANNED:
            raise NotAtThatStage(
                "Only a plan that a second person has approved is carried out, and once",
                "仅可执行经第二人批准的计划，且仅执行一次",
            )
        await self.require_plan(institution, agreed)
        now = self._on.clock.now_micros()
        made = replace(
            found,
            version=found.version + 1,
            stage=DisposalStage.EXECUTING,
            recorded_at=now,
            body=msgspec.structs.replace(found.body, started_by=call.actor, started_at=now),
        )
        await self._commit(call, made)
        return await self._shown(made)

    # -- looking -----------------------------------------------------------------------------

    async def get(self, call: Call, institution: str, identifier: str) -> Shown:
        """A disposal as it stands."""
        call.require(ActionClass.DISPOSAL_VIEW, institution)
        require_everywhere(call.scope)
        return await self._shown(await self._current(institution, identifier))

    async def page(self, call: Call, institution: str, before: str, limit: int) -> list[Shown]:
        """Disposals, newest first, in front of the identifier `before`."""
        call.require(ActionClass.DISPOSAL_VIEW, institution)
        require_everywhere(call.scope)
        rows = await self._on.database.read(
            lambda conn: disposals.page(conn, institution, before=before, limit=limit)
        )
        return [await self._shown(from_row(row)) for row in rows]

    async def items(
        self, call: Call, institution: str, identifier: str, stage: str, after: int, limit: int
    ) -> list[ItemRow]:
        """Items of a plan in order, behind number `after`; at one stage if one is named."""
        call.require(ActionClass.DISPOSAL_VIEW, institution)
        require_everywhere(call.scope)
        await self._current(institution, identifier)
        stages = (stage,) if stage else ()
        return await self._on.database.read(
            lambda conn: disposals.items(
                conn, institution, identifier, stages=stages, after=after, limit=limit
            )
        )

    async def _shown(self, found: Disposal) -> Shown:
        proposal = await self._on.proposing.find(found.institution, found.body.proposal)
        counts = await self._on.database.read(
            lambda conn: disposals.counts(conn, found.institution, found.identifier)
        )
        return Shown(found, proposal, counts)

    async def _current(self, institution: str, identifier: str) -> Disposal:
        row = await self._on.database.read(
            lambda conn: disposals.current(conn, institution, identifier)
        )
        if row is None:
            raise NotFound(f"institutions/{institution}/disposals/{identifier}")
        return from_row(row)

    async def _hash(self, institution: str, identifier: str, day: str) -> str:
        return await asyncio.to_thread(
            self._on.database.read_sync,
            lambda conn: plan_hash(
                institution, identifier, day, disposals.every_item(conn, institution, identifier)
            ),
        )

    async def _commit(self, call: Call, made: Disposal) -> None:
        row = to_row(made, call.actor)

        def work(conn: Connection) -> None:
            try:
                disposals.insert(conn, row)
            except VersionConflict:
                raise Aborted(made.name) from None

        trace = Trace(made.institution, resource=made.name, rows=hashes(row), count=made.body.due)
        await self._on.recorder.commit(call, work, lambda _: trace)

    async def _write(self, work: Callable[[Connection], None]) -> None:
        await asyncio.to_thread(self._on.database.write_sync, work)


def latest_start(book: RuleBook, day: date) -> int:
    """Nothing whose clock began later than this (`date.toordinal`) can be due on a day, by any
    rule; 0 where there is no rule."""
    found = [years for kind in RecordKind if (years := book.shortest_minimum(kind, day))]
    if not found:
        return 0
    last = max(1, day.toordinal() - 1 - 366 * min(found))
    while last + 1 < day.toordinal() and years_after(date.fromordinal(last + 1), min(found)) < day:
        last += 1
    return last
