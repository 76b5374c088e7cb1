"""Tests beside the policies: those that come with the vault, and what they find."""

import pytest

from vault.access.policy_files import POLICY_FOLDER, book_of, read_texts
from vault.access.policy_tests import PolicyTestsInvalid, read_tests, run_tests

TEXTS = read_texts(POLICY_FOLDER)
TEST = """
[[test]]
name = "one"
roles = ["crm_viewer"]
action = "masked.customers.get"
expect = "allow"
"""


@pytest.mark.parametrize("test", read_tests(TEXTS), ids=lambda test: test.name)
def test_the_packaged_policies_keep_what_is_promised_beside_them(test: object) -> None:
    (outcome,) = run_tests(book_of(TEXTS), (test,))  # type: ignore[arg-type]  # ids need a lambda
    assert outcome.passed, outcome.says


def test_every_packaged_policy_of_a_role_or_limit_decides_some_test() -> None:
    book = book_of(TEXTS)
    told = {test.by for test in read_tests(TEXTS)}
    assert told <= {"", *book.policies}
    forbids = {policy.id for policy in book.policies.values() if policy.effect == "forbid"}
    assert forbids <= told


@pytest.mark.parametrize(
    ("change", "passed"),
    [
        ("", True),
        ('by = "crm-viewer-reads-masked"', True),
        ('by = "compliance-reads-masked"', False),
        ('where = "other"', False),
        ('where = "none"', False),
        ("person = true", True),
    ],
)
def test_a_test_passes_or_fails_by_what_the_policies_say(change: str, passed: bool) -> None:
    (test,) = read_tests({"a.tests.toml": TEST + change})
    (outcome,) = run_tests(book_of(TEXTS), (test,))
    assert outcome.passed is passed, outcome.says


@pytest.mark.parametrize(
    "text",
    [
        "[[test]",
        "[[tests]]",
        TEST.replace('"allow"', '"maybe"'),
        TEST.replace("masked.customers.get", "masked.customers.steal"),
        TEST + 'purpose = "FUN"',
        TEST + "persons = true",
        TEST.replace('name = "one"', ""),
        TEST + 'where = "everywhere"',
        TEST * 2_001,
    ],
)
def test_a_file_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(PolicyTestsInvalid):
        read_tests({"a.tests.toml": text})
