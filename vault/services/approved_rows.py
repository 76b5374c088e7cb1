"""The approved rows of the proposals, as one process has read and verified them.

What was read once is looked at again, some rows at a time, so that a row which is altered past the
vault is found while the process runs and not by the next one at its start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from vault.access.proposals import Proposal
from vault.services.proposal_rows import from_row
from vault.services.proposal_signing import NotSigned, ProposalVerifier
from vault.store import Database, StoreError, StoreForbidden, proposals
from vault.store.proposals import NOTHING_APPROVED, ApprovedHead, SignedRow

T = TypeVar("T")

_AT_ONCE: Final = 32
"""Rows in one look at what was read: about a millisecond."""


@dataclass(frozen=True, slots=True)
class Approval:
    """An approved proposal whose row was verified; the head behind it."""

    proposal: Proposal
    head: ApprovedHead
    note: bytes = field(repr=False)
    mark: bytes = field(repr=False)


class ApprovedRows:
    """Of one process. ``head`` is what was verified and taken, None before the first time."""

    def __init__(self, database: Database, verifier: ProposalVerifier) -> None:
        self._database = database
        self._verifier = verifier
        self._taken: list[bytes] = []
        self._cursor = 0
        self.head: ApprovedHead | None = None
        self.note = b""
        """What was signed of the last row; empty where none is approved."""

    async def stored_head(self) -> ApprovedHead:
        """The head as it stands in the database."""
        return await self._read(proposals.read_head)

    async def behind(self, after: ApprovedHead, head: ApprovedHead) -> list[Approval]:
        """The rows from one head to the other, each as the full tier has signed it in its place.

        Raises NotSigned and StoreAltered, and what reading raises.
        """
        if head.size < after.size:
            raise NotSigned("approved changes were taken out of the database")
        rows = await self._read(lambda conn: list(proposals.applied(conn, head, after)))
        return await asyncio.to_thread(self._verified, rows)

    def take(self, found: Sequence[Approval], head: ApprovedHead, *, from_start: bool) -> None:
        """Remember what is in force now."""
        if from_start:
            self._taken.clear()
            self._cursor, self.note = 0, b""
        self._taken.extend(one.mark for one in found)
        if found:
            self.note = found[-1].note
        self.head = head

    def forget(self) -> None:
        """Begin anew."""
        self.head = None

    async def look_again(self) -> None:
        """Hold the next rows in the database to what was read. Raises NotSigned, and what reading
        raises."""
        size, start = len(self._taken), self._cursor
        end = min(size, start + _AT_ONCE)

        def look(conn: Connection) -> tuple[list[SignedRow], ApprovedHead]:
            rows = proposals.approved_behind(conn, start, end - start + 1)
            return rows, proposals.read_head(conn)

        rows, head = await self._read(look)
        if head != self.head:
            return  # more was approved meanwhile, or the head was altered: the next look says
        there = {signed.row.applied: _mark(signed) for signed in rows[: end - start]}
        for number in range(start + 1, end + 1):
            if there.get(number) != self._taken[number - 1]:
                raise NotSigned(f"approved change {number} was altered or taken out")
        if end == size and len(rows) > end - start:
            raise NotSigned("a row is numbered behind the last approved change")
        self._cursor = 0 if end == size else end

    def continues(self, kept: ApprovedHead, found: Sequence[Approval]) -> bool:
        """Whether what was found from the start contains what is kept elsewhere."""
        if kept == NOTHING_APPROVED:
            return True
        return kept.size <= len(found) and found[kept.size - 1].head == kept

    def _verified(self, rows: Sequence[tuple[SignedRow, ApprovedHead]]) -> list[Approval]:
        found: list[Approval] = []
        for signed, before in rows:
            self._verifier.approved(signed, before)
            after = proposals.next_head(before, signed.row)
            note = signed.note or b""
            found.append(Approval(from_row(signed.row), after, note, _mark(signed)))
        return found

    async def _read(self, work: Callable[[Connection], T]) -> T:
        try:
            return await self._database.read(work)
        except StoreForbidden as error:
            raise StoreForbidden(
                "this node's database role may not read approved changes; run "
                "`vaultd migrate --grant-masked-role` again"
            ) from error
        except DBAPIError as error:
            raise StoreError(
                "the database has no table of approved changes; run `vaultd migrate`"
            ) from error


def _mark(signed: SignedRow) -> bytes:
    return sha256(signed.row.hash() + (signed.note or b"")).digest()
