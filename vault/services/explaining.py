"""Who may do what, and why: for those who keep policies and principals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from vault.access import Action, ActionClass, PolicyEngine, Principal, ResourceRef
from vault.access.explaining import Able, Circumstances, Explanation, able, explain
from vault.access.fields import FieldTable
from vault.access.stored_directory import Listed, StoredDirectory
from vault.services.access_state import AccessState
from vault.services.call import Call
from vault.services.errors import NotFound
from vault.services.lending import OpenNow, Shown

# Reads that answer the fields of one kind of record, and nothing where none of them is opened.
_READS: Final = {
    Action.CUSTOMERS_GET: "customer",
    Action.CUSTOMERS_LIST: "customer",
    Action.CUSTOMERS_VERSIONS: "customer",
    Action.DOCUMENTS_GET: "identity_document",
    Action.DOCUMENTS_LIST: "identity_document",
    Action.DOCUMENTS_VERSIONS: "identity_document",
    Action.TRANSACTIONS_GET: "transaction",
    Action.TRANSACTIONS_LIST: "transaction",
}
# The contents beside a record are read by another call.
_CONTENT: Final = "content"


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
        table: FieldTable,
    ) -> None:
        self._policy = policy
        self._directory = directory
        self._state = state
        self._open_now = open_now
        self._table = table

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
        """How a call is decided: of its principal, and of the bearer whose token he carries.
        Raises NotFound."""
        call.require(ActionClass.ACCESS_VIEW, asked.institution)
        names = [asked.principal, *([asked.bearer] if asked.bearer else [])]
        people = [self._principal(asked.institution, name) for name in names]
        given = Circumstances(
            asked.given.purpose,
            asked.given.case_reference,
            person=any(who.person for who in people),
            check_out=asked.given.check_out,
        )
        return [self._explained(asked, given, who, people) for who in people]

    def _explained(
        self, asked: Question, given: Circumstances, who: Principal, people: list[Principal]
    ) -> Explanation:
        """Beside policy, what a full read looks at itself: whose file it is, and the table of
        fields. How far roles reach among customers is not looked at: it would tell what the file
        holds."""
        said = explain(self._policy, who, asked.action, asked.resource, given)
        if asked.action.action_class is not ActionClass.FULL_READ:
            return said
        if asked.resource.customer and asked.resource.customer in who.close_files:
            # No role and no purpose would help.
            return replace(said, close_file=True, roles_that_would=(), purposes_that_would=())
        # To a program no more is opened than to the person whose token it carries.
        behind = people[1] if who is people[0] and len(people) > 1 else None
        return replace(
            said,
            nothing_opened=not self._opens(asked.action, given, who, behind),
            purposes_that_would=tuple(
                purpose
                for purpose in said.purposes_that_would
                if self._opens(asked.action, replace(given, purpose=purpose), who, behind)
            ),
        )

    def _opens(
        self, action: Action, given: Circumstances, who: Principal, behind: Principal | None
    ) -> bool:
        """Whether a field could be opened, with a check-out if one is named: of whatever it is."""
        kind = _READS.get(action)
        if kind is None:
            return True
        opening = self._table.opened(
            who.roles,
            given.purpose,
            bearer=None if behind is None else behind.roles,
            lent=(kind,) if given.check_out else None,
        )
        inside = opening.inside(kind)
        return inside is None or any(path != _CONTENT for path in inside)

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
