"""What of the register lies beyond somebody's reach: entries of files that who calls does not
reach, and approvals of who does not reach the file any more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from vault.access import Principal
from vault.access.lending import CheckOut, Stage
from vault.access.scope import Scope
from vault.services.call import Call
from vault.services.reach import FullReach

# What is lent of an institution as a whole has no customer.
_EVERYBODY: Final = ""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of some entries: customers whom who calls does not reach, and of whose files a giver of an
    approval (by name) has no reach by now."""

    outside: frozenset[str] = frozenset()
    beyond: frozenset[tuple[str, str]] = frozenset()


UNBOUNDED: Final = Bounds()


class BoundsOf:
    """Finds them. ``known`` looks up the givers of approvals. Raises StoreUnavailable and
    KmsUnavailable from below."""

    def __init__(self, reach: FullReach, known: Callable[[str, str], Principal | None]) -> None:
        self._reach = reach
        self._known = known

    async def of(self, call: Call, outs: Sequence[CheckOut]) -> Bounds:
        """The bounds of entries of one institution. Where nobody is limited, nothing is read."""
        given: dict[Scope, set[tuple[str, str]]] = {}
        for out in outs:
            # Those of what is decided count no more, or for good.
            for one in out.approvals if out.stage is Stage.REQUESTED else ():
                who = self._known(out.institution, one.approver)
                if who is not None and who.scope.limits:
                    given.setdefault(who.scope, set()).add((out.customer, one.approver))
        if not outs or not (call.scope.limits or given):
            return UNBOUNDED
        institution = outs[0].institution
        outside = await self._outside(call.scope, institution, {out.customer for out in outs})
        beyond: set[tuple[str, str]] = set()
        for scope, pairs in given.items():
            away = await self._outside(scope, institution, {customer for customer, _ in pairs})
            beyond |= {pair for pair in pairs if pair[0] in away}
        return Bounds(outside, frozenset(beyond))

    async def _outside(
        self, scope: Scope, institution: str, customers: Iterable[str]
    ) -> frozenset[str]:
        files = frozenset(customers)
        outside = await self._reach.outside(scope, institution, files - {_EVERYBODY})
        return outside | (files & {_EVERYBODY}) if scope.limits else outside
