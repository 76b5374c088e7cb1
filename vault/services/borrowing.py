"""Reading by a check-out: whether it stands at this moment, and that a one-time one is used up.

Nothing is taken for granted from one call to the next. Each read looks at the row in the database
and at the vault's clock, so that a check-out ends with the answer to its return or revocation, and
by itself when its time is over.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import replace
from typing import Final, Protocol, TypeVar

from sqlalchemy import Connection

from vault.access import Action, ActionClass
from vault.access.lending import CheckOut, LendingRefused, State, Why
from vault.access.lending.transitions import exporting, going_on, suffices, use
from vault.records import CheckOutName, InvalidName
from vault.sealing import Clock
from vault.services.call import Call, Trace
from vault.services.check_out_marks import genuine, marked
from vault.services.check_out_rows import from_row, to_row
from vault.services.closed import (
    BorrowerRequired,
    CheckOutNeedsMore,
    CheckOutNotActive,
    CheckOutNotFound,
    CheckOutOtherExport,
    CheckOutOtherPurpose,
    CheckOutOtherRecord,
)
from vault.services.errors import FieldViolation, InvalidArgument
from vault.services.keys import Keys
from vault.services.logged import logged
from vault.services.recording import Recorder
from vault.services.sensitive_files import SensitiveFiles
from vault.store import Database, VersionConflict, check_outs
from vault.store.check_outs import CheckOutRow

T = TypeVar("T")

Step = Callable[[CheckOut, int], CheckOut]
"""From one version of a check-out to the next, at a moment (microseconds)."""

_EXPORTS: Final = frozenset(
    one.value for one in Action if one.action_class is ActionClass.BULK_READ
)
# Those that may go on by the check-out that they began by.
_GOING_ON: Final = frozenset({Action.FILES_EXPORT.value, Action.FILES_TRANSFER.value})

# Between two looks at what a stream goes by: what was taken back ends it within a second.
_LOOK_SECONDS: Final = 0.5


class Asked(Protocol):
    """What a read is about, and the check-out that it names: of the latter, its resource name."""

    @property
    def institution(self) -> str: ...
    @property
    def customer(self) -> str: ...
    @property
    def resource(self) -> str: ...
    @property
    def purpose(self) -> str: ...
    @property
    def check_out(self) -> str: ...


class Borrowing:
    """Check-outs as reads use them."""

    def __init__(
        self,
        database: Database,
        keys: Keys,
        recorder: Recorder,
        clock: Clock,
        sensitive: SensitiveFiles,
    ) -> None:
        self._sensitive = sensitive
        self._database = database
        self._keys = keys
        self._recorder = recorder
        self._clock = clock

    async def standing(self, call: Call, asked: Asked) -> bool:
        """Make sure that the check-out which a call names opens what it asks for, now, to the
        person behind it; the call has it then. Always true: a check-out is never ignored.

        Raises CheckOutNotFound for somebody else's as for none, CheckOutNotActive,
        CheckOutOtherRecord, CheckOutOtherPurpose, CheckOutNeedsMore, BorrowerRequired,
        InvalidArgument for what is no name; StoreUnavailable and StoreAltered from below.
        """
        try:
            named = CheckOutName.parse(asked.check_out)
        except InvalidName:
            raise InvalidArgument([_NO_NAME]) from None
        if call.person is None:
            raise BorrowerRequired
        institution, identifier = named.institution, named.check_out
        row = file = None
        if institution == asked.institution == call.person.institution:
            # In one look, since on PostgreSQL a look takes longer than all else that is done here.
            row, file = await self._database.read(
                lambda conn: check_outs.current_with_file(
                    conn, institution, identifier, asked.customer
                )
            )
        if row is None:
            raise CheckOutNotFound(asked.check_out)
        # It exists, so that the log may name it, whoever tries it.
        call.check_out = identifier
        out = genuine(row, await self._keys.index(institution))
        if out.requester_person != call.person.person:
            raise CheckOutNotFound(asked.check_out)
        if not _opens(out, call.action, self._clock.now_micros()):
            raise CheckOutNotActive
        if not _covers(out, asked, whole=call.action in _EXPORTS):
            raise CheckOutOtherRecord
        if out.purpose != asked.purpose:
            raise CheckOutOtherPurpose
        of = await self._sensitive.class_now(out, file)
        if of is not None and not suffices(out, of, self._clock.now_micros()):
            raise CheckOutNeedsMore
        call.lent, call.file = out, file
        return True

    async def finish(self, call: Call, trace: Trace) -> None:
        """Keep what a read opened for its event. A one-time check-out is used up together with
        that event, in one transaction: of two reads at once, one gets here.

        Raises CheckOutNotActive, LogUnavailable. The answer must not leave then.
        """
        if call.lent is None or not call.lent.one_time:
            call.trace = trace
            return
        await self.use_up(call, call.lent, trace)

    async def use_up(self, call: Call, out: CheckOut, trace: Trace, step: Step = use) -> CheckOut:
        """Use up a one-time check-out together with the call's event, or take another `step` of its
        use; what it has become. Raises CheckOutNotActive, CheckOutOtherExport, LogUnavailable."""
        institution, identifier = out.institution, out.identifier
        now, key = self._clock.now_micros(), await self._keys.index(institution)

        def work(conn: Connection) -> CheckOutRow:
            row = check_outs.current(conn, institution, identifier)
            if row is None:
                raise CheckOutNotActive
            stepped = step(genuine(row, key), now)
            made = marked(to_row(stepped, row.sealed, now, call.actor), key)
            check_outs.insert(conn, made)
            return made

        try:
            made = await self._recorder.commit(
                call,
                work,
                lambda made: replace(trace, rows=(logged(made),)),
            )
        except LendingRefused as refused:
            other = refused.why is Why.OTHER_EXPORT
            raise (CheckOutOtherExport if other else CheckOutNotActive) from None
        except VersionConflict:
            raise CheckOutNotActive from None
        return from_row(made)

    async def begin(self, call: Call, trace: Trace) -> None:
        """Make the event that opens a stream, and with it use up what is good for one time. Raises
        CheckOutNotActive, LogUnavailable."""
        if call.lent is None or not call.lent.one_time:
            await self._recorder.commit(call, _nothing, lambda _: trace)
            return
        call.lent = await self.use_up(call, call.lent, trace)
        # The stream's last event is of the same records, but not of the register's row: named
        # twice, that would stand for another one that no event names.
        call.touched(rows=trace.rows)

    async def still(self, call: Call) -> None:
        """Make sure that what a call began by is lent at this moment, though its own beginning may
        have used it up. Raises CheckOutNotActive; StoreUnavailable, StoreAltered from below."""
        began = call.lent
        if began is None:
            return
        institution, identifier = began.institution, began.identifier
        row = await self._database.read(
            lambda conn: check_outs.current(conn, institution, identifier)
        )
        if row is None:
            raise CheckOutNotActive
        out = genuine(row, await self._keys.index(institution))
        if not going_on(out, began, self._clock.now_micros()):
            raise CheckOutNotActive

    async def while_lent(self, call: Call, items: AsyncIterator[T]) -> AsyncIterator[T]:
        """The items of a stream, as they come; of one that goes by a check-out, until that is over.
        Before an item leaves, the row is looked at again, if that was not done just before. Raises
        what `still` does."""
        began, due = call.lent, self._clock.monotonic()
        try:
            async for item in items:
                if began is not None:
                    over = self._clock.now_micros() >= began.starts_at + began.duration
                    if over or self._clock.monotonic() >= due:
                        due = self._clock.monotonic() + _LOOK_SECONDS
                        await self.still(call)
                yield item
        finally:
            if isinstance(items, AsyncGenerator):
                await items.aclose()


def _opens(out: CheckOut, action: str, now: int) -> bool:
    """Whether it opens something at a moment. Of an export of files that may go on: that alone,
    which its beginning looks at."""
    if action in _GOING_ON and out.used_for:
        return exporting(out, now)
    return out.state_at(now) is State.ACTIVE


def _covers(out: CheckOut, asked: Asked, *, whole: bool) -> bool:
    """A customer's file with all below it, or one record. Customers in general are read by what
    was lent of the whole institution, which opens nobody's file by itself, and only by an export
    (`whole`)."""
    if whole:
        return not out.customer
    if asked.customer != out.customer or not asked.customer:
        return False
    if not out.record:
        return True
    lent = f"institutions/{out.institution}/customers/{out.customer}/{out.record}"
    # With a document or a transaction go its contents.
    return asked.resource == lent or asked.resource.startswith(f"{lent}/contents/")


def _nothing(_conn: Connection) -> None:
    """The event alone."""


_NO_NAME = FieldViolation(
    "check_out",
    "RESOURCE_NAME",
    "must be a check-out's name, institutions/{institution}/checkOuts/{check_out}",
    "必须为借阅的名称：institutions/{institution}/checkOuts/{check_out}",
)
