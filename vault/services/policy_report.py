"""What there is to say of policies before anybody approves them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vault.access import PolicyInvalid
from vault.access.decision_table import Difference, differences
from vault.access.policy_files import PolicyBook, book_of
from vault.access.policy_tests import Outcome, PolicyTestsInvalid, read_tests, run_tests


@dataclass(frozen=True, slots=True)
class PolicyReport:
    """Why they cannot be used (empty if they can), what their tests say, and what would differ from
    those in force: decisions, and the ids of policies."""

    problem: str = ""
    tests: tuple[Outcome, ...] = ()
    changes: tuple[Difference, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def report(in_force: PolicyBook, files: Mapping[str, str], *, compare: bool) -> PolicyReport:
    """Of policies by file name. Blocks; with `compare` for a second or two."""
    try:
        book = book_of(files)
        tests = read_tests(files)
    except (PolicyInvalid, PolicyTestsInvalid) as problem:
        return PolicyReport(str(problem))
    return PolicyReport(
        "",
        run_tests(book, tests),
        differences(in_force, book) if compare else (),
        tuple(sorted(book.policies.keys() - in_force.policies.keys())),
        tuple(sorted(in_force.policies.keys() - book.policies.keys())),
    )
