"""Tests that are written beside the policies, and run before a change of them may be approved.

A file `*.tests.toml` holds tests like this one; what is left out is empty or false:

    [[test]]
    name = "a teller opens what he has borrowed"
    roles = ["teller"]
    action = "records.customers.get"
    where = "own"                    # own (the default), other, or none: the vault as a whole
    purpose = "CUSTOMER_SERVICE"
    case_reference = false
    person = true
    check_out = true
    expect = "allow"                 # or "deny"
    by = "lent-to-read"              # optional: the policy that decides
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec

from vault.access.actions import Action
from vault.access.cedar import Question, ask
from vault.access.policy_files import TESTS, PolicyBook
from vault.access.purposes import Purpose

MAX_TESTS: Final = 2_000
_HERE, _ELSEWHERE = "own-institution", "other-institution"
_PLACES: Final = {"own": _HERE, "other": _ELSEWHERE, "none": ""}

_Role = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,39}\Z")]


class _Test(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    roles: list[_Role]
    action: Action
    expect: Literal["allow", "deny"]
    where: Literal["own", "other", "none"] = "own"
    purpose: Purpose = Purpose.NONE
    case_reference: bool = False
    person: bool = False
    check_out: bool = False
    by: str = ""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    test: list[_Test]


class PolicyTestsInvalid(Exception):
    """A file of tests cannot be used; the message says where and how to mend it."""


@dataclass(frozen=True, slots=True)
class PolicyTest:
    """One test: what is asked, and what is expected."""

    file: str
    name: str
    question: Question
    allowed: bool
    by: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a test; `policies` are those that decided."""

    test: PolicyTest
    allowed: bool
    policies: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether it is as expected."""
        by = self.test.by
        return self.allowed is self.test.allowed and (not by or by in self.policies)

    @property
    def says(self) -> str:
        """What it came to, in English, for people."""
        word = "allowed" if self.allowed else "denied"
        return f"{word} by {', '.join(self.policies) or 'no policy'}"


def read_tests(texts: Mapping[str, str]) -> tuple[PolicyTest, ...]:
    """The tests among the texts, by file name.

    Raises:
        PolicyTestsInvalid: a file is not of the form above.
    """
    found: list[PolicyTest] = []
    for name in sorted(name for name in texts if name.endswith(TESTS)):
        try:
            file = msgspec.convert(tomllib.loads(texts[name]), _File)
        except (tomllib.TOMLDecodeError, msgspec.ValidationError, ValueError) as error:
            raise PolicyTestsInvalid(f"{name}: {error}") from None
        found.extend(_test(name, test) for test in file.test)
    if len(found) > MAX_TESTS:
        raise PolicyTestsInvalid(f"there are more than {MAX_TESTS} tests; remove some")
    return tuple(found)


def run_tests(book: PolicyBook, tests: tuple[PolicyTest, ...]) -> tuple[Outcome, ...]:
    """Ask the policies themselves, each question once."""
    outcomes = []
    for test in tests:
        answer = ask(book.policy_set, book.schema, test.question)
        outcomes.append(Outcome(test, answer.allowed, answer.policies))
    return tuple(outcomes)


def _test(file: str, test: _Test) -> PolicyTest:
    question = Question(
        _HERE,
        frozenset(test.roles),
        test.action,
        _PLACES[test.where],
        test.action.kind,
        test.purpose,
        test.case_reference,
        test.person,
        test.check_out,
    )
    return PolicyTest(file, test.name, question, test.expect == "allow", test.by)
