"""How far somebody's roles reach: what a scope covers, and what two of them do together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.access.scope import EVERYWHERE, Limit, Scope
from vault.records import FILE_CLASSES, ORDINARY

BRANCHES = ("bj-01", "sh-01", "上海 02")
OF_BRANCHES: st.SearchStrategy[Limit] = st.none() | st.frozensets(st.sampled_from(BRANCHES))
OF_CLASSES: st.SearchStrategy[Limit] = st.none() | st.frozensets(st.sampled_from(FILE_CLASSES))
scopes = st.builds(Scope, OF_BRANCHES, OF_CLASSES)
# Files as they come: with a branch or without, of classes that are known, new, or not known.
branches = st.sampled_from(["", *BRANCHES, "gz-09"])
classes = st.none() | st.frozensets(st.sampled_from([*FILE_CLASSES, "?"]))
FILES = [
    (branch, held)
    for branch in ("", *BRANCHES, "gz-09")
    for held in (None, frozenset({ORDINARY}), frozenset({"VIP"}), frozenset({"VIP", "MINOR"}))
]


@given(branches, classes)
def test_who_is_not_limited_reaches_every_file(branch: str, held: frozenset[str] | None) -> None:
    assert EVERYWHERE.covers(branch, held)
    assert not EVERYWHERE.limits
    assert not EVERYWHERE.empty


@given(scopes, branches, classes)
def test_a_file_is_covered_by_each_limit_that_there_is(
    scope: Scope, branch: str, held: frozenset[str] | None
) -> None:
    in_branch = scope.branches is None or branch in set(scope.branches)
    in_class = scope.classes is None or (
        held is not None and len(held) > 0 and all(one in scope.classes for one in held)
    )
    assert scope.covers(branch, held) is (in_branch and in_class)


@given(branches, classes)
def test_an_empty_limit_lets_nothing_through(branch: str, held: frozenset[str] | None) -> None:
    nothing: frozenset[str] = frozenset()
    for scope in (Scope(nothing), Scope(None, nothing), Scope(nothing, nothing)):
        assert scope.limits
        assert scope.empty
        assert not scope.covers(branch, held)


@given(scopes)
def test_what_is_not_known_of_a_file_is_not_covered(scope: Scope) -> None:
    held = frozenset({ORDINARY})
    assert scope.covers("", held) is (
        scope.branches is None and (scope.classes is None or held <= scope.classes)
    )
    if scope.classes is not None:
        for unknown in (None, frozenset[str](), frozenset({"?"})):
            assert not scope.covers("bj-01", unknown)


@given(scopes, scopes, branches, classes)
def test_two_scopes_cover_together_what_both_do(
    one: Scope, other: Scope, branch: str, held: frozenset[str] | None
) -> None:
    both = (one & other).covers(branch, held)
    assert both is (one.covers(branch, held) and other.covers(branch, held))
    assert (one & other).limits is (one.limits or other.limits)


@given(scopes, scopes)
def test_a_scope_is_within_another_that_covers_whatever_it_does(one: Scope, other: Scope) -> None:
    if one.within(other):
        assert all(other.covers(*file) for file in FILES if one.covers(*file))
    assert (one & other).within(one)
    assert (one & other).within(other)
    assert one.within(one)
    assert one.within(EVERYWHERE)


@given(scopes, scopes)
def test_a_scope_that_reaches_further_is_not_within(one: Scope, other: Scope) -> None:
    if not one.within(other):
        files = [
            (branch, frozenset({held}))
            for branch in (*BRANCHES, "gz-09")
            for held in (*FILE_CLASSES, "?")
        ]
        assert any(one.covers(*file) and not other.covers(*file) for file in files)


@pytest.mark.parametrize(
    ("held", "reached"),
    [
        ({"EMPLOYEE"}, True),
        ({ORDINARY}, True),
        ({"EMPLOYEE", "POLITICALLY_EXPOSED"}, False),
        ({"VIP"}, False),
    ],
)
def test_a_file_of_two_classes_is_reached_by_who_may_see_both(
    held: set[str], reached: bool
) -> None:
    scope = Scope(None, frozenset({ORDINARY, "EMPLOYEE"}))
    assert scope.covers("bj-01", frozenset(held)) is reached
