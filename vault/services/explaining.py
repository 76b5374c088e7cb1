"""Who may do what, and why: for those who keep policies and principals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vault.access import Action, ActionClass, PolicyEngine, Principal, ResourceRef
from vault.access.explaining import Able, Circumstances, Explanation, able, explain
from vault.access.stored_directory import Listed, StoredDirectory
from vault.services.access_state import AccessState
from vault.services.call import Call
from vault.services.errors import NotFound
from vault.services.lending import OpenNow, Shown


@dataclass(frozen=True, slots=True)
class InForce:
    """The policies in force: texts by file name, the name of the proposal that brought them (empty
    where they are the configuration's), and the roles that they name."""

    texts: Mapping[str, str]
    proposal: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """A call to explain: by whom, what, on which resource, and what is given with it."""

    institution: str
    principal: str
    bearer: str
    action: Action
    resource: ResourceRef
    given: Circumstances


@dataclass(frozen=True, slots=True)
class WhoCan:
    """Who may on what condition, and the check-outs by which a customer is open now."""

    able: list[Able]
    open_now: list[Shown]


class Explaining:
    """The use cases; none of them changes anything."""

    def __init__(
        self,
        policy: PolicyEngine,
        directory: StoredDirectory,
        state: AccessState,
        open_now: OpenNow,
    ) -> None:
        self._policy = policy
        self._directory = directory
        self._state = state
        self._open_now = open_now

    def policies(self, call: Call) -> InForce:
        """The policies that decide now."""
        call.require(ActionClass.ACCESS_VIEW, "")
        book, brought = self._policy.book, self._state.policies_of
        name = brought.name if brought is not None else ""
        return InForce(book.texts, name, tuple(sorted(book.roles)))

    def principals(self, call: Call, institution: str, after: str, limit: int) -> list[Listed]:
        """Principals of an institution by name, behind `after`."""
        call.require(ActionClass.ACCESS_VIEW, institution)
        everybody = [
            one
            for one in self._directory.listed()
            if one.entry.principal.institution == institution and one.entry.principal.name > after
        ]
        return everybody[:limit]

    @property
    def known_roles(self) -> frozenset[str]:
        """Roles that the policies name."""
        return self._policy.book.roles

    def explain(self, call: Call, asked: Question) -> list[Explanation]:
        """How policy decides about a call: of its principal, and of the bearer whose token he
        carries. Raises NotFound."""
        call.require(ActionClass.ACCESS_VIEW, asked.institution)
        names = [asked.principal, *([asked.bearer] if asked.bearer else [])]
        people = [self._principal(asked.institution, name) for name in names]
        given = Circumstances(
            asked.given.purpose,
            asked.given.case_reference,
            person=any(who.person for who in people),
            check_out=asked.given.check_out,
        )
        return [explain(self._policy, who, asked.action, asked.resource, given) for who in people]

    async def who_can(self, call: Call, resource: ResourceRef, action: Action) -> WhoCan:
        """Everybody who may, by name; of a customer, also by which check-outs he is open now.

        Those of a person who is known no longer, or whose own file it is, open nothing.
        """
        call.require(ActionClass.ACCESS_VIEW, resource.institution)
        everybody = sorted(self._directory.standing(), key=lambda who: who.name)
        found = (able(self._policy, who, action, resource) for who in everybody)
        lent: list[Shown] = []
        if resource.customer and action.action_class is ActionClass.FULL_READ:
            readers = {
                (who.institution, who.person)
                for who in everybody
                if resource.customer not in who.close_files
            }
            lent = [
                one
                for one in await self._open_now.of(call, resource.institution, resource.customer)
                if (one.out.institution, one.out.requester_person) in readers
            ]
        return WhoCan([one for one in found if one is not None], lent)

    def _principal(self, institution: str, name: str) -> Principal:
        who = self._directory.named(institution, name)
        if who is None:
            raise NotFound(f"institutions/{institution}/principals/{name}", "principal")
        return who
