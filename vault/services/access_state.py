"""Keeps the policies and principals of one process level with what was approved into the store.

The head of what is approved is a row that is cheap to read; both tiers look at it several times a
second. What stands behind it is read when it has moved, and is put in force as a whole, or not at
all: a row that the full tier has not signed, or that does not stand where it was put, changes
nothing but the health of the vault.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from vault.access import PolicyEngine, PolicyInvalid, PrincipalsInvalid
from vault.access.directory_change import NOTHING, Approved, read_change
from vault.access.policy_files import PolicyBook, book_of
from vault.access.proposals import Kind, Proposal
from vault.access.stored_directory import StoredDirectory
from vault.audit.second_place import SecondPlaceAway, SecondPlaceRefused
from vault.services.approved_rows import Approval, ApprovedRows
from vault.services.errors import Unavailable, VaultError
from vault.services.health import Check, Probe, State
from vault.services.kept_approvals import KeptApprovals
from vault.services.merging.kin import MergedKin
from vault.services.merging.standing import Merges
from vault.services.proposal_rows import policies_in
from vault.services.proposal_signing import NotSigned
from vault.store import StoreAltered, StoreError, StoreUnavailable
from vault.store.proposals import NOTHING_APPROVED, ApprovedHead

_log = structlog.get_logger("vault.services")

EVERY_SECONDS: Final = 0.25
"""Between two looks at the head: what is approved acts within a second."""

AGAIN_SECONDS: Final = 1.0
"""Between two looks at rows that were read before."""

_REMEDY: Final = (
    "`vaultctl audit verify --live` names the row; restore the database. What was read before "
    "stays in force"
)
_REMEDY_KEEPING: Final = (
    "bring the second place (log.second_place) back; it is tried again by itself. Until then a "
    "change that is taken out of the database while no tier runs is not noticed at the start"
)


@dataclass(frozen=True, slots=True)
class _Problem:
    """What is wrong with what was approved; ``altered`` past the vault, or only not usable."""

    detail: str
    remedy: str = _REMEDY
    altered: bool = False

    @classmethod
    def of(cls, error: Exception) -> _Problem:
        remedy = error.remedy if isinstance(error, NotSigned) else _REMEDY
        return cls(str(error), remedy, isinstance(error, StoreAltered))


def _never() -> bool:
    return False


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
    force until others are approved.

    ``kept`` is what the second place knows of. A process that starts while ``set_back`` says that
    the log was set back does not hold the database to it yet: what was approved since was set back,
    too. By what is there two persons acknowledge the one with the other, and nothing else is done.
    """

    def __init__(
        self,
        rows: ApprovedRows,
        policy: PolicyEngine,
        directory: StoredDirectory,
        *,
        kept: KeptApprovals | None = None,
        set_back: Callable[[], bool] = _never,
    ) -> None:
        self._rows = rows
        self._policy = policy
        self._directory = directory
        self._kept = kept
        self._set_back = set_back
        self._bootstrap = policy.book
        self._ready = False
        self._unheld = False
        self._policies_of: Proposal | None = None
        self._key_steps: list[Proposal] = []
        self._retention_steps: list[Proposal] = []
        self._merge_steps: list[Proposal] = []
        directory.know_kin(MergedKin(Merges(lambda: self._merge_steps)))
        self._problem: _Problem | None = None
        self._damage: _Problem | None = None
        self._next_again = 0.0
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()

    # -- what others ask ---------------------------------------------------------------------

    @property
    def head(self) -> ApprovedHead:
        """What is in force: the head as it was read last."""
        return self._rows.head or NOTHING_APPROVED

    @property
    def policies_of(self) -> Proposal | None:
        """The proposal of the policies in force; None where they are the configuration's."""
        return self._policies_of

    @property
    def key_steps(self) -> Sequence[Proposal]:
        """What was agreed to be done with keys, in order, from the first one."""
        return self._key_steps

    @property
    def retention_steps(self) -> Sequence[Proposal]:
        """What was agreed to about retention and disposal, in order, from the first one."""
        return self._retention_steps

    @property
    def merge_steps(self) -> Sequence[Proposal]:
        """What was agreed to about files that are one, in order, from the first one; another
        sequence when there is more."""
        return self._merge_steps

    def refusal(self) -> VaultError | None:
        """What a call is told before anything was read."""
        if not self._ready or (self._unheld and not self._set_back()):
            return AccessUnread()
        return None

    def require_sound(self) -> None:
        """Raises NotSigned where what was approved was altered past the vault: nothing more is
        approved on such ground."""
        for problem in (self._problem, self._damage):
            if problem is not None and problem.altered:
                raise NotSigned(problem.detail, problem.remedy)

    def probe(self) -> Probe:
        """The part `access` of the health check."""

        async def look() -> Check:
            problem = self._problem or self._damage
            if not self._ready:
                if problem is not None and problem.altered:
                    return Check("access", State.CRITICAL, problem.detail, problem.remedy)
                remedy = "bring the database back, or run `vaultd migrate`"
                detail = problem.detail if problem is not None else "not read yet"
                return Check("access", State.CRITICAL, detail, remedy)
            figures = {"approved": float(self.head.size)}
            if problem is not None:
                state = State.CRITICAL if problem.altered else State.WARNING
                return Check("access", state, problem.detail, problem.remedy, figures)
            if self._kept is not None and self._kept.problem:
                detail = f"the latest approved change is not kept elsewhere: {self._kept.problem}"
                return Check("access", State.WARNING, detail, _REMEDY_KEEPING, figures)
            where = "the store" if self._policies_of else "the configuration"
            detail = f"policies of {where}; {self.head.size} changes approved"
            return Check("access", State.OK, detail, figures=figures)

        return look

    # -- reading -----------------------------------------------------------------------------

    async def open(self) -> None:
        """Read what was approved, before anybody is served.

        Raises StoreAltered (what was approved is not what was signed, or not all of it is there)
        and PolicyInvalid (the policies do not fit this release): the server does not start with
        less than what is in force. A database or a second place that is away is tried again by
        `watch`.
        """
        try:
            await self._level()
        except (StoreUnavailable, SecondPlaceAway) as error:
            self._problem = _Problem.of(error)

    async def watch(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), EVERY_SECONDS)
            self._wake.clear()
            try:
                await self.look()
            except Exception as error:
                # Whatever it trips over, the next change must still be seen.
                _log.error("looking for approved access failed", error=type(error).__name__)
                self._problem = _Problem(type(error).__name__)

    async def look(self) -> None:
        """Be level with the store. What cannot be used leaves in force what was."""
        try:
            await self._level()
        except (StoreUnavailable, SecondPlaceAway) as error:
            # Nothing is answered meanwhile in any case: its event could not be written.
            if self.refusal() is not None:
                self._problem = _Problem.of(error)
        except (StoreError, SecondPlaceRefused, PolicyInvalid, PrincipalsInvalid) as error:
            self._problem = self._told(self._problem, error)

    def forget(self) -> None:
        """Begin anew at the next look: by somebody's word the log goes on from an earlier size."""
        self._rows.forget()
        if self._kept is not None:
            self._kept.forget()
        self._wake.set()

    async def _level(self) -> None:
        async with self._turn:
            if self._unheld and not self._set_back():
                self._rows.forget()
            head = await self._rows.stored_head()
            seen = self._rows.head
            if head != seen:
                found = await self._rows.behind(seen or NOTHING_APPROVED, head)
                if seen is None:
                    await self._hold_to_second_place(found)
                await self._take([one.proposal for one in found], from_start=seen is None)
                self._rows.take(found, head, from_start=seen is None)
                self._ready = True
            self._tell_mended(self._problem)
            self._problem = None
            if self._kept is not None and self._rows.note and not self._set_back():
                self._kept.keep(self._rows.note, head)
            await self._again()

    async def _hold_to_second_place(self, found: Sequence[Approval]) -> None:
        """Make sure that nothing is missing from what was found."""
        if self._kept is None:
            return
        if self._set_back():
            self._unheld = True
            return
        kept = await self._kept.read()
        if kept is not None and not self._rows.continues(kept, found):
            raise NotSigned(
                f"the second place knows of {kept.size} approved changes, and they are not all here"
            )
        self._unheld = False

    async def _again(self) -> None:
        """Once a second, look at what was read before."""
        if time.monotonic() < self._next_again:
            return
        self._next_again = time.monotonic() + AGAIN_SECONDS
        try:
            await self._rows.look_again()
        except StoreAltered as error:
            self._damage = self._told(self._damage, error)
        else:
            self._tell_mended(self._damage)
            self._damage = None

    def _told(self, before: _Problem | None, error: Exception) -> _Problem:
        problem = _Problem.of(error)
        if problem != before:
            if problem.altered:
                _log.error(
                    "ALERT: approved access was altered past the vault", found=problem.detail
                )
            else:
                _log.warning("approved access not taken", problem=type(error).__name__)
        return problem

    @staticmethod
    def _tell_mended(before: _Problem | None) -> None:
        if before is not None and before.altered:
            _log.warning("approved access is again as it was signed")

    async def _take(self, steps: Sequence[Proposal], *, from_start: bool) -> None:
        """Put steps in force, all of them or none."""
        policies = None if from_start else self._policies_of
        principals = NOTHING if from_start else self._directory.approved
        for step in steps:
            if step.kind is Kind.POLICY:
                policies = step
            elif step.kind is Kind.DIRECTORY:
                principals = _after(principals, step)
        book = await self._book(policies)
        if book is not self._policy.book:
            self._policy.replace(book)
        self._policies_of = policies
        before = [] if from_start else self._key_steps
        self._key_steps = [*before, *(step for step in steps if step.kind is Kind.KEYS)]
        kept = [] if from_start else self._retention_steps
        self._retention_steps = [*kept, *(step for step in steps if step.kind is Kind.RETENTION)]
        merged = [] if from_start else self._merge_steps
        more = [step for step in steps if step.kind is Kind.MERGE]
        if more or from_start:
            self._merge_steps = [*merged, *more]
        # Also where only policies are others: by its generation, calls under way are decided again;
        # and where files were merged or taken apart, which the directory asks about then.
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
