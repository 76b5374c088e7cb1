"""Keeps the policies and principals of one process level with what was approved into the store.

The head of what is approved is a row that is cheap to read; both tiers look at it several times a
second. What stands behind it is read when it has moved, and is put in force as a whole, or not at
all: a row that was altered past the vault changes nothing but the health of the vault.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from vault.access import PolicyEngine, PolicyInvalid, PrincipalsInvalid
from vault.access.directory_change import NOTHING, Approved, read_change
from vault.access.policy_files import PolicyBook, book_of
from vault.access.proposals import Kind, Proposal
from vault.access.stored_directory import StoredDirectory
from vault.services.errors import Unavailable, VaultError
from vault.services.health import Check, Probe, State
from vault.services.proposal_rows import from_row, policies_in
from vault.store import (
    Database,
    StoreAltered,
    StoreError,
    StoreForbidden,
    StoreUnavailable,
    proposals,
)
from vault.store.proposals import NOTHING_APPROVED, ApprovedHead

T = TypeVar("T")

_log = structlog.get_logger("vault.services")

EVERY_SECONDS: Final = 0.25
"""Between two looks at the head: what is approved acts within a second."""

_REMEDY: Final = (
    "`vaultctl audit verify --live` names the row; restore the database. What was read before "
    "stays in force"
)


class AccessUnread(Unavailable):
    """What was approved has not been read yet, so nobody's rights are known."""

    reason = "ACCESS_UNREAD"

    def __init__(self) -> None:
        super().__init__(
            "The approved policies and principals cannot be read from the database yet, so nothing "
            "is answered. Try again; operations can see the cause with `vaultctl health`.",
            "尚无法从数据库读取已批准的策略与主体，因此不予应答。"
            "请稍后重试；运维人员可用 `vaultctl health` 查看原因。",
        )


class AccessState:
    """Of one process. The policies that `policy` has at first are the configuration's: they are in
    force until others are approved."""

    def __init__(
        self, database: Database, policy: PolicyEngine, directory: StoredDirectory
    ) -> None:
        self._database = database
        self._policy = policy
        self._directory = directory
        self._bootstrap = policy.book
        self._seen: ApprovedHead | None = None
        self._ready = False
        self._policies_of: Proposal | None = None
        self._problem = ""
        self._turn = asyncio.Lock()

    # -- what others ask ---------------------------------------------------------------------

    @property
    def head(self) -> ApprovedHead:
        """What is in force: the head as it was read last."""
        return self._seen or NOTHING_APPROVED

    @property
    def policies_of(self) -> Proposal | None:
        """The proposal of the policies in force; None where they are the configuration's."""
        return self._policies_of

    def refusal(self) -> VaultError | None:
        """What a call is told before anything was read."""
        return None if self._ready else AccessUnread()

    def probe(self) -> Probe:
        """The part `access` of the health check."""

        async def look() -> Check:
            if not self._ready:
                remedy = "bring the database back, or run `vaultd migrate`"
                return Check("access", State.CRITICAL, self._problem or "not read yet", remedy)
            figures = {"approved": float(self.head.size)}
            if self._problem:
                return Check("access", State.WARNING, self._problem, _REMEDY, figures)
            where = "the store" if self._policies_of else "the configuration"
            detail = f"policies of {where}; {self.head.size} changes approved"
            return Check("access", State.OK, detail, figures=figures)

        return look

    # -- reading -----------------------------------------------------------------------------

    async def open(self) -> None:
        """Read what was approved, before anybody is served.

        Raises StoreAltered (what was approved is not what was written) and PolicyInvalid (the
        policies do not fit this release): the server does not start with less than what is in
        force. A database that is away is tried again by `watch`.
        """
        try:
            await self._level()
        except StoreUnavailable as error:
            self._problem = str(error)

    async def watch(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            try:
                await self.look()
            except Exception as error:
                # Whatever it trips over, the next change must still be seen.
                _log.error("looking for approved access failed", error=type(error).__name__)
                self._problem = type(error).__name__

    async def look(self) -> None:
        """Be level with the store. What cannot be used leaves in force what was."""
        try:
            await self._level()
        except StoreUnavailable as error:
            # Nothing is answered meanwhile in any case: its event could not be written.
            if not self._ready:
                self._problem = str(error)
        except (StoreError, PolicyInvalid, PrincipalsInvalid) as error:
            if self._problem != str(error):
                _log.warning("approved access not taken", problem=type(error).__name__)
            self._problem = str(error)

    def forget(self) -> None:
        """Begin anew at the next look: by somebody's word the log goes on from an earlier size."""
        self._seen = None

    async def _level(self) -> None:
        async with self._turn:
            head = await self._read(proposals.read_head)
            if head != self._seen:
                after = self._seen or NOTHING_APPROVED
                if head.size < after.size:
                    raise StoreAltered("approved changes were taken out of the database")
                rows = await self._read(lambda conn: list(proposals.applied(conn, head, after)))
                await self._take([from_row(row) for row in rows], from_start=self._seen is None)
                self._seen, self._ready = head, True
            self._problem = ""

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

    async def _take(self, steps: Sequence[Proposal], *, from_start: bool) -> None:
        """Put steps in force, all of them or none."""
        policies = None if from_start else self._policies_of
        principals = NOTHING if from_start else self._directory.approved
        for step in steps:
            if step.kind is Kind.POLICY:
                policies = step
            else:
                principals = _after(principals, step)
        book = await self._book(policies)
        if book is not self._policy.book:
            self._policy.replace(book)
        self._policies_of = policies
        # Also where only policies are others: by its generation, calls under way are decided again.
        self._directory.take(principals)

    async def _book(self, policies: Proposal | None) -> PolicyBook:
        if policies is None:
            return self._bootstrap
        if policies is self._policies_of:
            return self._policy.book
        texts = policies_in(policies.content)
        return await asyncio.to_thread(book_of, texts)


def _after(principals: Approved, step: Proposal) -> Approved:
    change = read_change(step.institution, step.content)
    return principals.after(step.institution, change, step.applied)
