"""What is refused where policies and principals are changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from vault.access.policy_files import PolicyBook
from vault.access.policy_tests import read_tests, run_tests
from vault.access.proposals import ProposalRefused, WhyNot
from vault.services.errors import FieldViolation, InvalidArgument, VaultError

CODES: Final = {
    WhyNot.NOT_OPEN: "FAILED_PRECONDITION",
    WhyNot.CHANGED: "ABORTED",
    WhyNot.OWN_PROPOSAL: "PERMISSION_DENIED",
    WhyNot.OWN_ENTRY: "PERMISSION_DENIED",
    WhyNot.NOT_PROPOSER: "PERMISSION_DENIED",
    WhyNot.PROPOSER_GONE: "FAILED_PRECONDITION",
    WhyNot.NO_PERSON: "PERMISSION_DENIED",
}
"""The canonical code of each refused step."""

_SHOWN = 5
_LONGEST = 600


class StepRefused(VaultError):
    """A step of a proposal that its rules do not allow."""

    def __init__(self, why: WhyNot) -> None:
        super().__init__(why.en, why.zh, reason=why.value)
        self.code = CODES[why]


@contextmanager
def not_taken() -> Iterator[None]:
    """Turns a refused step into what the caller is told."""
    try:
        yield
    except ProposalRefused as refused:
        raise StepRefused(refused.why) from None


class AccessChanged(VaultError):
    """Policies or principals are others than those that let the call in."""

    code = "ABORTED"
    reason = "ACCESS_CHANGED"

    def __init__(self) -> None:
        super().__init__(
            "Policies or principals have changed meanwhile. Read the proposal again and repeat.",
            "策略或主体已在此期间变更。请重新读取提案后重试。",
        )


class LocksOut(VaultError):
    """Nobody could change anything any more."""

    code = "FAILED_PRECONDITION"
    reason = "LOCKS_OUT"

    def __init__(self) -> None:
        super().__init__(
            "After this change there would not be two persons who can propose and approve the next "
            "one. Keep one of each in the change.",
            "变更后将没有两个人可分别提议与审批下一次变更。请在变更中各保留一人。",
        )


class PolicyTestsFailed(VaultError):
    """Tests beside the policies fail, or there are none."""

    code = "FAILED_PRECONDITION"
    reason = "POLICY_TESTS_FAILED"

    def __init__(self, failed: tuple[str, ...]) -> None:
        names = "; ".join(failed[:_SHOWN])
        super().__init__(
            f"Policies are approved when their tests pass. Failing: {names}.",
            f"策略须通过其测试方可批准。未通过：{names}。",
            failed=str(len(failed)),
        )

    @classmethod
    def of(cls, book: PolicyBook, files: Mapping[str, str]) -> PolicyTestsFailed | None:
        """The error of the tests in the files; None if all pass. Raises PolicyTestsInvalid."""
        outcomes = run_tests(book, read_tests(files))
        failed = tuple(one.test.name for one in outcomes if not one.passed)
        if not outcomes:
            return cls(("there are no tests / 没有测试",))
        return cls(failed) if failed else None


def invalid(field: str, reason: str, problem: str) -> InvalidArgument:
    """A content that cannot be used; the problem names no person. A long one is cut: it travels
    with the status, in metadata."""
    problem = problem if len(problem) <= _LONGEST else problem[:_LONGEST] + " ..."
    return InvalidArgument([FieldViolation(field, reason, problem, problem)])
