"""What the policies answer: a decision, and for an allowed call the grant that use cases demand."""

from dataclasses import InitVar, dataclass, field, replace
from enum import StrEnum
from typing import Final

from vault.access.actions import Action, ResourceKind
from vault.access.principals import Principal


class Reason(StrEnum):
    """Why a call is refused; the `reason` of the ErrorInfo that its caller gets."""

    ROLE_MISSING = "ROLE_MISSING"
    OTHER_INSTITUTION = "OTHER_INSTITUTION"
    PURPOSE_REQUIRED = "PURPOSE_REQUIRED"
    PURPOSE_NOT_ALLOWED = "PURPOSE_NOT_ALLOWED"
    CASE_REFERENCE_REQUIRED = "CASE_REFERENCE_REQUIRED"
    PERSON_REQUIRED = "PERSON_REQUIRED"
    CHECK_OUT_REQUIRED = "CHECK_OUT_REQUIRED"
    POLICY_ERROR = "POLICY_ERROR"
    """The policies could not be evaluated. Refused, since an error is no permission."""

    @property
    def en(self) -> str:
        """The reason for a person, in English."""
        return _TEXTS[self][0]

    @property
    def zh(self) -> str:
        """The reason for a person, in Chinese."""
        return _TEXTS[self][1]


_TEXTS: Final = {
    Reason.ROLE_MISSING: (
        "None of your roles allows this action.",
        "您的角色均无权执行此操作。",
    ),
    Reason.OTHER_INSTITUTION: (
        "The record belongs to another institution than yours.",
        "该记录不属于您所在的机构。",
    ),
    Reason.PURPOSE_REQUIRED: (
        "A full record is opened for a purpose only; state it.",
        "查阅完整记录须说明用途。",
    ),
    Reason.PURPOSE_NOT_ALLOWED: (
        "Your roles do not open full records for this purpose.",
        "您的角色不得以此用途查阅完整记录。",
    ),
    Reason.CASE_REFERENCE_REQUIRED: (
        "This purpose needs a case reference.",
        "此用途须提供案件编号。",
    ),
    Reason.PERSON_REQUIRED: (
        "A person has to do that: call with a person's certificate, or send his token.",
        "此操作须由自然人执行：请使用个人证书，或附上其令牌。",
    ),
    Reason.CHECK_OUT_REQUIRED: (
        "The record has to be checked out first: ask for it, and name the check-out in the call.",
        "须先办理借阅：请提出申请，并在调用中注明借阅编号。",
    ),
    Reason.POLICY_ERROR: (
        "The access policies could not be evaluated; the call is refused.",
        "访问策略无法评估，调用已被拒绝。",
    ),
}


@dataclass(frozen=True, slots=True)
class ResourceRef:
    """What is acted upon.

    `institution` is empty where the resource belongs to none (the vault itself), `customer` is
    empty for a list, a batch or an import.
    """

    institution: str
    customer: str
    kind: ResourceKind


# Only vault.access.policy passes it on: a Grant is proof that the policies were asked.
_ENGINE: Final = object()


class GrantMismatch(Exception):
    """A use case was handed a grant for something else: a fault in the program, not a caller."""


@dataclass(frozen=True, slots=True)
class Grant:
    """An allowed call. Only the policy engine makes one; the use case that takes it checks it."""

    principal: Principal
    action: Action
    resource: ResourceRef
    purpose: str
    policies: tuple[str, ...]
    made_by: InitVar[object]

    def __post_init__(self, made_by: object) -> None:
        if made_by is not _ENGINE:
            raise TypeError("a Grant is made by PolicyEngine.decide() only")

    def covers(self, action: Action, institution: str, customer: str = "") -> None:
        """Make sure that the grant is for this.

        A grant for an institution as a whole (a list, a batch, an import) covers its customers; a
        grant for one customer covers that one only.

        Raises:
            GrantMismatch: it is for another action, institution or customer.
        """
        resource = self.resource
        if (
            self.action is not action
            or resource.institution != institution
            or (resource.customer != customer and resource.customer != "")
        ):
            raise GrantMismatch(f"the grant is for {self.action} on something else")


@dataclass(frozen=True, slots=True)
class Decision:
    """The policies' answer to one call.

    `policies` are the ids of the policies that decided: the permits of an allowed call, the
    forbids of a refused one, none where nothing permitted it. `en` and `zh` say it to a person.
    `grant` is there exactly if the call is allowed; `reason` exactly if it is refused.
    """

    policies: tuple[str, ...]
    reason: Reason | None
    en: str
    zh: str
    grant: Grant | None = field(default=None)

    @property
    def allowed(self) -> bool:
        """Whether the call may go on."""
        return self.grant is not None


def both(workload: Decision, bearer: Decision) -> Decision:
    """The decision of a call that a program makes for a person: allowed if both are.

    It names the policies of both, or of whoever is refused; a program that is refused says why.
    """
    refused = [decision for decision in (workload, bearer) if not decision.allowed]
    deciding = refused or [workload, bearer]
    policies = tuple(dict.fromkeys(policy for one in deciding for policy in one.policies))
    if refused:
        return replace(refused[0], policies=policies)
    told = (workload,) if workload.policies == bearer.policies else (workload, bearer)
    return replace(
        workload,
        policies=policies,
        en=" ".join(one.en for one in told),
        zh="".join(one.zh for one in told),
    )
