"""What of a customer is open by check-outs: for whoever asks who can open his file."""

from __future__ import annotations

from functools import partial
from typing import Final

from vault.access import ActionClass
from vault.access.lending import State
from vault.access.lending.classes import MAX_SECONDS
from vault.records import new_ulid
from vault.services.call import Call
from vault.services.lending.register import Register, Shown
from vault.store import check_outs

_WINDOW: Final = 200
# From the request on: to decide, and then to read, both no longer than a class may say.
_LONGEST_MICROS: Final = 2 * MAX_SECONDS * 1_000_000


class OpenNow:
    """The use case. Raises StoreUnavailable and StoreAltered from below."""

    def __init__(self, register: Register) -> None:
        self._register = register

    async def of(self, call: Call, institution: str, customer: str) -> list[Shown]:
        """Check-outs that open a customer or a record of his at this moment, newest first, without
        the words of those who asked; also those by which all customers can be exported. Not those
        that are not there for who calls: of a suspicion, or of his own file or a relative's."""
        call.require(ActionClass.ACCESS_VIEW, institution)
        of_him = await self._active(call, institution, customer)
        of_all = await self._active(call, institution, "")
        return sorted([*of_him, *of_all], key=lambda one: one.out.identifier, reverse=True)

    async def _active(self, call: Call, institution: str, customer: str) -> list[Shown]:
        """Of one customer, or of all at once (no ``customer``)."""
        register = self._register
        now = register.clock.now_micros()
        first, before = new_ulid((now - _LONGEST_MICROS) // 1000, bytes(10)), ""
        found: list[Shown] = []
        while True:
            rows = await register.database.read(
                partial(
                    check_outs.page,
                    institution=institution,
                    customer=customer,
                    whole=not customer,
                    before=before,
                    limit=_WINDOW,
                )
            )
            bounds = await register.bounds(call, rows)
            for row in rows:
                before = row.check_out
                shown = register.bare(row, bounds)
                if shown.state is State.ACTIVE and register.counts(call, row, bounds):
                    found.append(shown)
            if len(rows) < _WINDOW or before < first:
                return found
