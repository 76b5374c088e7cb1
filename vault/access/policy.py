"""The policy engine: Cedar policies, checked against their schema once, asked at every call.

Deny is the default: what no policy permits is refused, a forbid wins over every permit, and a
policy that fails to evaluate refuses the call.

What enters a decision is what the schema names: the caller's institution and roles, the action,
the resource's institution and kind, the purpose, and whether there is a case reference, a person
behind the call, and a check-out. The cache is keyed by all of it and by nothing else, so that it
has no entry that could be out of date: a changed principals file changes the key. Other policies
come with a cache of their own, and are put in place whole.
"""

from functools import lru_cache
from pathlib import Path
from typing import Final

from vault.access.actions import Action, ActionClass
from vault.access.cedar import Answer, Question, ask
from vault.access.decision import _ENGINE, Decision, Grant, Reason, ResourceRef
from vault.access.policy_files import POLICY_FOLDER, PolicyBook, read_policies
from vault.access.principals import Principal
from vault.access.purposes import Purpose

_CACHE_SIZE: Final = 8192
_SOMEWHERE: Final = "some-institution"


class PolicyEngine:
    """Decides calls. Thread-safe; made once at start by `load`."""

    def __init__(self, book: PolicyBook, cache_size: int = _CACHE_SIZE) -> None:
        """Use `load`. `cache_size` is in decisions; 0 asks Cedar every time."""
        self._cache_size = cache_size
        self._rules = _Rules(book, cache_size)

    @classmethod
    def load(cls, folder: Path = POLICY_FOLDER, *, cache_size: int = _CACHE_SIZE) -> "PolicyEngine":
        """Read the policies (*.cedar) and the schema (schema.cedarschema) of a folder.

        Raises:
            PolicyInvalid: a file is missing or does not parse, a policy does not fit the schema or
                has no id or text, or the schema does not have the vault's actions. The server does
                not start.
        """
        return cls(read_policies(folder), cache_size)

    @property
    def book(self) -> PolicyBook:
        """The policies in force: their texts, and the roles that they know."""
        return self._rules.book

    def replace(self, book: PolicyBook) -> None:
        """Put other policies in force. A decision under way is made by either, never by both."""
        self._rules = _Rules(book, self._cache_size)

    def decide(
        self,
        principal: Principal,
        action: Action,
        resource: ResourceRef,
        purpose: str = Purpose.NONE,
        case_reference: bool = False,
        *,
        person: bool = False,
        check_out: bool = False,
    ) -> Decision:
        """Decide a call.

        `purpose` is a name of `Purpose`, empty where the call gives none; one that the policies do
        not know is allowed to nobody. `case_reference` is whether the call gives one, `person`
        whether a natural person stands behind it, `check_out` whether one of his is open that
        covers the resource and the purpose. Raises nothing: what cannot be decided is refused.
        """
        verdict = self._rules.verdict(
            principal.institution,
            principal.roles,
            action,
            resource.institution,
            resource.kind,
            purpose,
            case_reference,
            person,
            check_out,
        )
        if verdict.reason is not None:
            return verdict
        grant = Grant(principal, action, resource, purpose, verdict.policies, _ENGINE)
        return Decision(verdict.policies, None, verdict.en, verdict.zh, grant)


class _Rules:
    """A set of policies with the answers that they have given so far."""

    def __init__(self, book: PolicyBook, cache_size: int) -> None:
        self.book = book
        self._ask = lru_cache(cache_size)(self._ask_cedar)
        self.verdict = lru_cache(cache_size)(self._judge)

    def _judge(
        self,
        institution: str,
        roles: frozenset[str],
        action: Action,
        resource_institution: str,
        resource_kind: str,
        purpose: str,
        case_reference: bool,
        person: bool,
        check_out: bool,
    ) -> Decision:
        """The decision without its grant: for an allowed call the one thing that is left to add."""
        question = Question(
            institution,
            roles,
            action,
            resource_institution,
            resource_kind,
            purpose,
            case_reference,
            person,
            check_out,
        )
        answer = self._ask(question)
        if not answer.allowed:
            reason = Reason.POLICY_ERROR if answer.failed else self._explain(question)
            return Decision(answer.policies, reason, reason.en, reason.zh)
        said = [self.book.policies[policy] for policy in answer.policies]
        return Decision(
            answer.policies, None, " ".join(p.en for p in said), "".join(p.zh for p in said)
        )

    def _explain(self, asked: Question) -> Reason:
        """Why it was refused: the least that would have to be otherwise for it to be allowed.

        Found by asking the policies themselves, so that it is right for every set of policies.
        """
        # Only to open records takes a purpose; for the rest, asking for each would be time wasted.
        opens = asked.action.action_class in (ActionClass.FULL_READ, ActionClass.BULK_READ)
        purposes = [purpose.value for purpose in Purpose] if opens else [asked.purpose]

        def some_purpose(question: Question) -> bool:
            """Whether it could be allowed there, given all that a caller can bring."""
            whole = question._replace(case_reference=True, person=True, check_out=True)
            return any(self._ask(whole._replace(purpose=purpose)).allowed for purpose in purposes)

        home = asked.resource_institution or asked.institution or _SOMEWHERE
        if not some_purpose(asked._replace(institution=home, resource_institution=home)):
            return Reason.ROLE_MISSING
        if not some_purpose(asked):
            return Reason.OTHER_INSTITUTION
        if opens and asked.purpose == Purpose.NONE:
            return Reason.PURPOSE_REQUIRED
        # What is given stays as it is; what is not is added, the least first.
        for reason, more in (
            (Reason.CASE_REFERENCE_REQUIRED, asked._replace(case_reference=True)),
            (Reason.PERSON_REQUIRED, asked._replace(case_reference=True, person=True)),
            (
                Reason.CHECK_OUT_REQUIRED,
                asked._replace(case_reference=True, person=True, check_out=True),
            ),
        ):
            if self._ask(more).allowed:
                return reason
        return Reason.PURPOSE_NOT_ALLOWED

    def _ask_cedar(self, question: Question) -> Answer:
        return ask(self.book.policy_set, self.book.schema, question)
