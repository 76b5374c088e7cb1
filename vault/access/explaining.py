"""Why a call would be allowed or refused, and who could make it: found by asking the policies."""

from dataclasses import dataclass

from vault.access.actions import Action, ActionClass
from vault.access.cedar import Question, ask
from vault.access.decision import Decision, ResourceRef
from vault.access.policy import PolicyEngine
from vault.access.policy_files import Policy, PolicyBook
from vault.access.principals import Principal
from vault.access.purposes import Purpose

_PURPOSES = [purpose for purpose in Purpose if purpose is not Purpose.NONE]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a call brings beside its caller."""

    purpose: str = ""
    case_reference: bool = False
    person: bool = False
    check_out: bool = False


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision, and what would make it another one.

    `roles_that_would` are the roles of which any one more would allow the call, and
    `purposes_that_would` the purposes for which it would be, if all else stays. `close_file` and
    `nothing_opened` are what stands in the way where policy alone would allow it: his own file or a
    declared relative's, and that no field of such a record is opened to him.
    """

    who: Principal
    decision: Decision
    policies: tuple[Policy, ...]
    roles_that_would: tuple[str, ...] = ()
    purposes_that_would: tuple[str, ...] = ()
    close_file: bool = False
    nothing_opened: bool = False

    @property
    def allowed(self) -> bool:
        """Whether the call would go on."""
        return self.decision.allowed and not (self.close_file or self.nothing_opened)


@dataclass(frozen=True, slots=True)
class Able:
    """Somebody who may, and on what condition.

    `purposes` and `purposes_with_case` are of a full read without a check-out. `for_person`: a
    program may only for a person whose token it carries.
    """

    who: Principal
    policies: tuple[Policy, ...]
    purposes: tuple[str, ...] = ()
    purposes_with_case: tuple[str, ...] = ()
    for_person: bool = False
    with_check_out: bool = False


def explain(
    engine: PolicyEngine,
    who: Principal,
    action: Action,
    resource: ResourceRef,
    given: Circumstances,
) -> Explanation:
    """How policy decides a call, and why."""
    book = engine.book
    decision = engine.decide(
        who,
        action,
        resource,
        given.purpose,
        given.case_reference,
        person=given.person,
        check_out=given.check_out,
    )
    said = _said(book, decision.policies)
    if decision.allowed:
        return Explanation(who, decision, said)
    asked = _question(who, action, resource, given)
    roles = [
        role
        for role in sorted(book.roles - who.roles)
        if _allowed(book, asked._replace(roles=who.roles | {role}))
    ]
    purposes: list[str] = []
    if action.action_class is ActionClass.FULL_READ:
        purposes = [p.value for p in _PURPOSES if _allowed(book, asked._replace(purpose=p.value))]
    return Explanation(who, decision, said, tuple(roles), tuple(purposes))


def able(
    engine: PolicyEngine, who: Principal, action: Action, resource: ResourceRef
) -> Able | None:
    """On what condition somebody may; None if on none. A program may carry a person's token: what
    that person may himself is another question."""
    book = engine.book
    his_own = bool(who.person)
    plain = _question(who, action, resource, Circumstances(person=his_own))
    if action.action_class is not ActionClass.FULL_READ:
        for for_person in (False, not his_own):
            answer = ask(book.policy_set, book.schema, plain._replace(person=his_own or for_person))
            if answer.allowed:
                return Able(who, _said(book, answer.policies), for_person=for_person)
        return None
    without: list[str] = []
    with_case: list[str] = []
    lent = False
    policies: dict[str, None] = {}
    for purpose in _PURPOSES:
        asked = plain._replace(purpose=purpose.value)
        for found, more in (
            (without, asked),
            (with_case, asked._replace(case_reference=True)),
            (None, asked._replace(case_reference=True, person=True, check_out=True)),
        ):
            answer = ask(book.policy_set, book.schema, more)
            if answer.allowed:
                policies |= dict.fromkeys(answer.policies)
                if found is None:
                    lent = True
                else:
                    found.append(purpose.value)
                break
    if not policies:
        return None
    return Able(
        who,
        _said(book, tuple(policies)),
        tuple(without),
        tuple(with_case),
        for_person=lent and not his_own,
        with_check_out=lent,
    )


def _question(
    who: Principal, action: Action, resource: ResourceRef, given: Circumstances
) -> Question:
    return Question(
        who.institution,
        who.roles,
        action,
        resource.institution,
        resource.kind,
        given.purpose,
        given.case_reference,
        given.person,
        given.check_out,
    )


def _allowed(book: PolicyBook, question: Question) -> bool:
    return ask(book.policy_set, book.schema, question).allowed


def _said(book: PolicyBook, policies: tuple[str, ...]) -> tuple[Policy, ...]:
    # The policies may be others by now than those that decided.
    return tuple(book.policies[one] for one in policies if one in book.policies)
