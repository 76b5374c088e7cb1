"""Agrees to what was asked, refuses it, ends it, and reviews what was opened in an emergency."""

from __future__ import annotations

from vault.access import ActionClass
from vault.access.lending import CheckOut, Party, Verdict, transitions
from vault.services.call import Call
from vault.services.check_out_rows import from_row
from vault.services.lending.register import Register, Shown


class Deciding:
    """The use cases of approvers and reviewers, and of whoever gives back what he has.

    Raises NotFound for what the caller may not see, Aborted where it has changed since he looked,
    and what the rules refuse.
    """

    def __init__(self, register: Register) -> None:
        self._register = register

    async def approve(
        self,
        call: Call,
        institution: str,
        identifier: str,
        etag: str,
        fields: tuple[str, ...] = (),
        duration: int | None = None,
    ) -> Shown:
        """Agree, perhaps to fewer fields or a shorter time (microseconds)."""
        call.require(ActionClass.LENDING_DECISION, institution)
        row = await self._register.find(call, institution, identifier)
        of = await self._register.sensitive.class_now(from_row(row))

        def change(was: CheckOut, who: Party, now: int) -> CheckOut:
            return transitions.approve(was, who, now, fields=fields, duration=duration, of=of)

        return await self._register.change(call, institution, identifier, change, etag, found=row)

    async def deny(self, call: Call, institution: str, identifier: str, etag: str) -> Shown:
        """Refuse."""
        call.require(ActionClass.LENDING_DECISION, institution)
        return await self._register.change(call, institution, identifier, transitions.deny, etag)

    async def give_back(self, call: Call, institution: str, identifier: str) -> Shown:
        """Return. When this has returned, nothing is read by it any more."""
        call.require(ActionClass.LENDING, institution)
        return await self._register.change(call, institution, identifier, transitions.give_back)

    async def revoke(self, call: Call, institution: str, identifier: str) -> Shown:
        """Take back. When this has returned, nothing is read by it any more."""
        call.require(ActionClass.LENDING_DECISION, institution)
        return await self._register.change(call, institution, identifier, transitions.revoke)

    async def review(
        self, call: Call, institution: str, identifier: str, etag: str, verdict: Verdict
    ) -> Shown:
        """Say whether breaking the glass was right."""
        reviewers = self._register.rules.break_glass.reviewers

        def change(was: CheckOut, who: Party, now: int) -> CheckOut:
            return transitions.review(was, who, verdict, reviewers, now)

        call.require(ActionClass.LENDING_DECISION, institution)
        return await self._register.change(call, institution, identifier, change, etag)
