"""Asks for a file: at its time, once more, or in an emergency."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection

from vault.access import ActionClass
from vault.access.fields import FieldTable, Opening
from vault.access.lending import CheckOut, LendingRefused, State, Wish, transitions
from vault.access.lending.paths import overlaps
from vault.services import sealer
from vault.services.call import Call
from vault.services.check_out_marks import genuine
from vault.services.check_out_rows import (
    Words,
    etag_of,
    from_row,
)
from vault.services.closed import NothingOpened
from vault.services.errors import InvalidArgument, NotFound, Shredded, VaultError
from vault.services.lending.entering import enter
from vault.services.lending.refused import BreakGlassSuspended, never_lent, refusal
from vault.services.lending.register import (
    Register,
    Shown,
    party_of,
    person_of,
    trace_of,
)
from vault.services.outcomes import Outcome, Stored
from vault.services.replays import Replays, Request
from vault.store import check_outs
from vault.store.check_outs import CheckOutRow

EVERYTHING: Final = ("customer", "identity_document", "transaction")
"""What a broken glass opens: every kind of record of the customer."""
_WINDOW = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What is asked for, and why. ``duration`` in microseconds."""

    institution: str
    customer: str
    record: str
    fields: tuple[str, ...]
    purpose: str
    duration: int
    one_time: bool
    words: Words = field(repr=False)


class Asking:
    """The use cases of whoever wants to read. ``table`` says what he could read at all."""

    def __init__(self, register: Register, replays: Replays, table: FieldTable) -> None:
        self._register = register
        self._replays = replays
        self._table = table

    async def request(self, call: Call, ask: Ask, request: Request) -> Shown:
        """A new check-out; active at once where its class needs nobody.

        Raises NotFound, Shredded, InvalidArgument, NothingOpened, RequestIdReused, and what the
        rules refuse.
        """
        call.require(ActionClass.LENDING, ask.institution, ask.customer)
        self._require_openable(call, ask)
        wish = Wish(
            institution=ask.institution,
            customer=ask.customer,
            record=ask.record,
            fields=ask.fields,
            purpose=ask.purpose,
            has_case_reference=bool(ask.words.case_reference),
            duration=ask.duration,
            one_time=ask.one_time,
        )

        async def carry_out(fingerprint: bytes) -> list[Outcome]:
            try:
                return [await self._ask(call, wish, ask.words, request, fingerprint)]
            except LendingRefused as refused:
                raise refusal(refused, "check_out") from None

        return await self._once(call, ask.institution, request, carry_out)

    async def renew(
        self,
        call: Call,
        institution: str,
        identifier: str,
        duration: int,
        reason: str,
        request: Request,
    ) -> Shown:
        """Ask for what was lent once more, for ``duration`` microseconds; the one before stays as
        it is. Raises as ``request`` does."""
        call.require(ActionClass.LENDING, institution)
        row = await self._register.find(call, institution, identifier)
        was = from_row(row)
        self._openable(call, was.purpose, was.fields)
        words = await self._register.words(row)
        if words is None:
            raise Shredded(sealer.resource_name(institution, row.customer))
        words = Words(reason, words.case_reference)

        async def carry_out(fingerprint: bytes) -> list[Outcome]:
            try:
                wish = transitions.renewal(
                    was,
                    party_of(call),
                    duration,
                    has_case_reference=bool(words.case_reference),
                )
                return [await self._ask(call, wish, words, request, fingerprint)]
            except LendingRefused as refused:
                raise refusal(refused) from None

        return await self._once(call, institution, request, carry_out)

    async def break_glass(
        self, call: Call, institution: str, customer: str, purpose: str, reason: str
    ) -> Shown:
        """Open a customer's file at once. Its event, an alert, is in the log when this returns.

        Raises BreakGlassSuspended, NotFound, Shredded, NothingOpened, StoreAltered, and what the
        rules refuse.
        """
        call.require(ActionClass.BREAK_GLASS, institution, customer)
        self._openable(call, purpose, EVERYTHING)
        await self._require_reviewed(call, institution)
        rules = self._register.rules.break_glass
        wish = Wish(
            institution=institution,
            customer=customer,
            record="",
            fields=EVERYTHING,
            purpose=purpose,
            has_case_reference=False,
            duration=rules.longest,
        )

        def opened(identifier: str, is_sensitive: bool, now: int) -> CheckOut:
            return transitions.break_glass(
                wish,
                identifier,
                party_of(call),
                self._register.rules.of(purpose, EVERYTHING, sensitive=is_sensitive),
                now,
                longest=rules.longest,
                review_within=rules.review_within,
            )

        words = Words(reason)
        try:
            row = await enter(
                self._register, call, wish, words, opened, lambda _conn, _stored: None
            )
        except LendingRefused as refused:
            raise refusal(refused) from None
        return await self._shown(row, words)

    # -- what they share -------------------------------------------------------------------------

    async def _once(
        self,
        call: Call,
        institution: str,
        request: Request,
        carry_out: Callable[[bytes], Any],
    ) -> Shown:
        index = await self._register.keys.index(institution)
        # Two persons behind one front end are two, also where they send the same.
        mine = f"{person_of(call).name}\0".encode() + request.body
        fingerprint = index.fingerprint(mine)
        (outcome,) = await self._replays.once(
            call, institution, request, fingerprint, lambda: carry_out(fingerprint)
        )
        if isinstance(outcome, VaultError):
            raise outcome
        identifier = outcome.record.rpartition("/")[2]
        row = await self._register.database.read(
            lambda conn: check_outs.version(conn, institution, identifier, outcome.version)
        )
        if row is None:
            raise NotFound(f"institutions/{institution}/{outcome.record}")
        shown = await self._register.shown(call, row)
        if not call.committed:
            call.check_out = identifier
            call.trace = replace(trace_of(row, shown.words), rows=())
        return shown

    async def _ask(
        self, call: Call, wish: Wish, words: Words, request: Request, fingerprint: bytes
    ) -> Stored:
        stored: list[Stored] = []

        def asked(identifier: str, is_sensitive: bool, now: int) -> CheckOut:
            of = self._register.rules.of(
                wish.purpose,
                wish.fields,
                sensitive=is_sensitive,
                whole=not wish.customer,
            )
            return transitions.request(wish, identifier, party_of(call), of, now)

        def keep(conn: Connection, new: Stored) -> None:
            self._replays.guard(conn, call, wish.institution, request)
            self._replays.keep(
                conn, call, wish.institution, request, fingerprint, [new], new.recorded_at
            )
            stored.append(new)

        await enter(self._register, call, wish, words, asked, keep)
        return stored[-1]

    async def _shown(self, row: CheckOutRow, words: Words) -> Shown:
        out = from_row(row)
        state: State = out.state_at(self._register.clock.now_micros())
        return Shown(out, state, etag_of(row), words)

    def _openable(self, call: Call, purpose: str, fields: tuple[str, ...]) -> Opening:
        """What his roles would open to him by such a check-out: not for a purpose that is not
        theirs. Raises NothingOpened when it is nothing."""
        opening = self._table.opened(person_of(call).roles, purpose, lent=fields, handing_over=True)
        if not opening.paths:
            raise NothingOpened
        return opening

    def _require_openable(self, call: Call, ask: Ask) -> None:
        """What would stay closed to him whoever agreed is not lent to him."""
        opening = self._openable(call, ask.purpose, ask.fields)
        closed = [
            place
            for place, path in enumerate(ask.fields)
            if not any(overlaps(path, one) for one in opening.paths)
        ]
        if closed:
            raise InvalidArgument([never_lent(place) for place in closed])

    async def _require_reviewed(self, call: Call, institution: str) -> None:
        """An earlier one of this person, under whichever account, must not be overdue. Raises
        StoreAltered where somebody else than the vault wrote one of his rows."""
        register, person = self._register, person_of(call).person
        now, before = register.clock.now_micros(), ""
        key = await register.keys.index(institution)
        while True:
            rows = await register.database.read(
                partial(
                    check_outs.page,
                    institution=institution,
                    person=person,
                    before=before,
                    limit=_WINDOW,
                )
            )
            for row in rows:
                before, out = row.check_out, genuine(row, key)
                if out.break_glass and not out.verdict and now >= out.review_by:
                    raise BreakGlassSuspended(out.name)
            if len(rows) < _WINDOW:
                return
