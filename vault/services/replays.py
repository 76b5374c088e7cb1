"""A request that comes again gets its first answer, and one that only looks the same is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection

from vault.services.call import Call
from vault.services.errors import Aborted, RequestIdReused, VaultError
from vault.services.outcomes import Outcome, decode_outcomes, encode_outcomes
from vault.store import Database, RequestRow, VersionConflict, requests


@dataclass(frozen=True, slots=True)
class Request:
    """How a request is known again: the caller's UUID, the method, and the whole body."""

    method: str
    request_id: str
    body: bytes = field(repr=False)


class Replays:
    """The register of requests that were carried out."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def once(
        self,
        call: Call,
        institution: str,
        request: Request,
        fingerprint: bytes,
        carry_out: Callable[[], Awaitable[list[Outcome]]],
    ) -> list[Outcome]:
        """The first answer, if this request was carried out; else what `carry_out` answers.

        A copy of the request that is under way at the same time gets the answer of the one that
        was first. Raises RequestIdReused, and what `carry_out` raises.
        """
        before = await self.find(call, institution, request, fingerprint)
        # A stream has one call for all its messages.
        call.repeated = False
        if before is None:
            try:
                return await carry_out()
            except VaultError:
                # Its copy, committed meanwhile, may be what it ran into.
                before = await self.find(call, institution, request, fingerprint)
                if before is None:
                    raise
        call.touched(count=len(before))
        call.repeated = True
        return before

    async def find(
        self, call: Call, institution: str, request: Request, fingerprint: bytes
    ) -> list[Outcome] | None:
        """The first answer, if this request was carried out. Raises RequestIdReused."""
        if not request.request_id:
            return None
        row = await self._database.read(
            lambda conn: requests.get(conn, institution, call.actor, request.request_id)
        )
        return None if row is None else _same(row, request, fingerprint)

    def guard(self, conn: Connection, call: Call, institution: str, request: Request) -> None:
        """Inside the transaction: refuse if the same request has been carried out meanwhile."""
        if request.request_id and requests.get(conn, institution, call.actor, request.request_id):
            raise _Overtaken()

    def keep(
        self,
        conn: Connection,
        call: Call,
        institution: str,
        request: Request,
        fingerprint: bytes,
        outcomes: list[Outcome],
        now: int,
    ) -> None:
        """Keep the outcome, in the write's own transaction."""
        if not request.request_id:
            return
        row = RequestRow(
            institution,
            call.actor,
            request.request_id,
            request.method,
            fingerprint,
            encode_outcomes(outcomes),
            now,
        )
        try:
            requests.put(conn, [row])
        except VersionConflict:
            raise _Overtaken() from None


class _Overtaken(Aborted):
    """The same request is being carried out twice at once; the other one was first."""

    reason = "REQUEST_IN_PROGRESS"

    def __init__(self) -> None:
        super().__init__("The request")
        self.en = "The same request was carried out at the same time. Send it again for its answer."
        self.zh = "同一请求刚刚已被并发执行。请重新发送以获取结果。"


def _same(row: RequestRow, request: Request, fingerprint: bytes) -> list[Outcome]:
    if row.method != request.method or row.fingerprint != fingerprint:
        raise RequestIdReused()
    return decode_outcomes(row.outcome)
