"""Reminds of what falls due: an event of its own for each thing, once, on the stream of the log.

Once a day the files of each institution are gone through. Reminded is of what falls due within some
days and was not within them at the run before, or stands in a file that was written since. A page
of files and its events are one transaction, so that a run which is broken off goes on where it was,
and nothing is told twice, however many processes there are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import structlog
from sqlalchemy import Connection

from vault.access import Action
from vault.audit import AuditEvent, AuditLog, LogUnavailable
from vault.kms import KmsError
from vault.records import new_ulid
from vault.rules.currency import Due, DueKind, until
from vault.sealing import Clock
from vault.services.errors import VaultError
from vault.services.life.assessing import Assessor
from vault.services.life.files import File
from vault.store import Database, StoreError, VersionConflict, reminders
from vault.store.reminders import END, ReminderRun

EVERY_SECONDS: Final = 60.0
"""Between two looks whether a run is due."""
_log: Final = structlog.get_logger("vault.life")


@dataclass(frozen=True, slots=True)
class When:
    """How often the files are gone through, in hours (0: never), and of what is reminded: what
    falls due within so many days."""

    hours: float
    days: int


class Reminding:
    """Goes through the files, in the background of the full tier. `may` says whether the vault
    serves: of one that was set back, nobody is reminded."""

    def __init__(
        self,
        database: Database,
        log: AuditLog,
        assessor: Assessor,
        institutions: Sequence[str],
        when: When,
        clock: Clock,
        may: Callable[[], bool],
    ) -> None:
        self._database = database
        self._log = log
        self._assessor = assessor
        self._institutions = tuple(institutions)
        self._when = when
        self._clock = clock
        self._may = may

    async def run(self) -> None:
        """Remind when it is time, until cancelled."""
        while self._when.hours:
            try:
                if self._may():
                    for institution in self._institutions:
                        await self.look(institution)
            except (StoreError, KmsError, LogUnavailable, VaultError) as error:
                _log.warning("reminders: tried again soon", problem=type(error).__name__)
            except Exception as error:
                _log.error("reminders: left", error=type(error).__name__)
            await asyncio.sleep(EVERY_SECONDS)

    async def look(self, institution: str) -> int:
        """Begin a run of an institution if it is time, or go on with one; how many reminders there
        were. Another process that does the same meanwhile goes on in its place."""
        standing = await self._database.read(lambda conn: reminders.read(conn, institution))
        run = self._due_run(institution, standing)
        if run is None:
            return 0
        told = 0
        horizon = date.fromisoformat(run.horizon)
        pages = self._assessor.files.pages(None, institution, after=run.after, bookings=True)
        async for page in pages:
            events = [
                self._event(file, due)
                for file in page
                for due in until(self._assessor.due(file), horizon)
                # Who would be reminded of that has left.
                if due.kind is not DueKind.CUSTODIAN_LEFT and _is_news(file, due, run)
            ]
            if page:
                moved = run.behind(page[-1].identifier)
                if not await self._move(standing, moved, events):
                    return told
                standing, run, told = moved, moved, told + len(events)
        # They are few: all of them go with the end of the run.
        events = [
            self._event(file, due)
            async for page in self._assessor.files.asked_elsewhere(None, institution)
            for file in page
            for due in until(file.requests, horizon)
            if _is_news(file, due, run)
        ]
        return told + len(events) if await self._move(standing, run.behind(END), events) else told

    def _due_run(self, institution: str, standing: ReminderRun | None) -> ReminderRun | None:
        now = self._clock.now_micros()
        if standing is not None and not standing.ended:
            return standing
        horizon = self._assessor.files.today() + timedelta(days=self._when.days)
        if standing is None:
            return ReminderRun(institution, horizon.isoformat(), now)
        if now < standing.began_at + round(self._when.hours * 3_600_000_000):
            return None
        return ReminderRun(
            institution, horizon.isoformat(), now, "", standing.horizon, standing.began_at
        )

    async def _move(
        self, before: ReminderRun | None, after: ReminderRun, events: list[AuditEvent]
    ) -> bool:
        def work(conn: Connection) -> None:
            reminders.put(conn, before, after)

        try:
            if events:
                await self._log.commit(work, lambda _: events, weight=1 + len(events))
            else:
                await asyncio.to_thread(self._database.write_sync, work)
        except VersionConflict:
            return False
        return True

    def _event(self, file: File, due: Due) -> AuditEvent:
        now = self._clock.now_micros()
        return AuditEvent(
            event_id=new_ulid(now // 1000),
            time=now,
            tier="full",
            action=Action.REMINDER.value,
            institution=file.institution,
            customer=file.identifier,
            resource=file.name,
            on_behalf_of=self._assessor.custody.keeper(file.institution, file.customer),
            fields=(due.path,) if due.path else (),
            outcome="OK",
            reason=due.kind.value,
            count=1,
        )


def _is_news(file: File, due: Due, run: ReminderRun) -> bool:
    if not run.before_horizon or max(file.updated_at, due.since) >= run.before_began_at:
        return True
    return due.day > date.fromisoformat(run.before_horizon)
