"""Reads and moves on how far the vault has reminded of what falls due."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Connection, and_, insert, select, update
from sqlalchemy.exc import IntegrityError

from vault.store.errors import VersionConflict, is_unique_violation
from vault.store.schema.reminders import reminder_runs

END = "~"
"""Beyond every customer."""


@dataclass(frozen=True, slots=True)
class ReminderRun:
    """A run over the files of an institution, as the columns have it; days in ISO 8601, times in
    microseconds."""

    institution: str
    horizon: str
    began_at: int
    after: str = ""
    before_horizon: str = ""
    before_began_at: int = 0

    @property
    def ended(self) -> bool:
        """Whether it has been through all files."""
        return self.after == END

    def behind(self, customer: str) -> ReminderRun:
        """The run when it has been through all files up to a customer's."""
        return replace(self, after=customer)


def read(conn: Connection, institution: str) -> ReminderRun | None:
    """The run of an institution; None if there never was one."""
    row = conn.execute(
        select(reminder_runs).where(reminder_runs.c.institution == institution)
    ).first()
    return None if row is None else ReminderRun(*row)


def put(conn: Connection, before: ReminderRun | None, after: ReminderRun) -> None:
    """Put a run in the place of the one that was read. Raises VersionConflict where another process
    has moved it on meanwhile."""
    if before is None:
        try:
            conn.execute(insert(reminder_runs), _values(after))
        except IntegrityError as error:
            if is_unique_violation(error):
                raise VersionConflict from None
            raise
        return
    same = and_(*(reminder_runs.c[name] == value for name, value in _values(before).items()))
    if conn.execute(update(reminder_runs).where(same).values(_values(after))).rowcount != 1:
        raise VersionConflict


def _values(run: ReminderRun) -> dict[str, str | int]:
    return {
        "institution": run.institution,
        "horizon": run.horizon,
        "began_at": run.began_at,
        "after": run.after,
        "before_horizon": run.before_horizon,
        "before_began_at": run.before_began_at,
    }
