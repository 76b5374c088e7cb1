"""Field paths: what lies in what, and what two lists of them have in common."""

from hypothesis import given
from hypothesis import strategies as st

from vault.access.lending.paths import all_within, intersection, overlaps, within

_PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(".".join)
_LISTS = st.lists(_PATHS, min_size=1, max_size=5)
# Every path there is of that length: what is opened is told by which of these it opens.
_LEAVES = [f"{a}.{b}.{c}.{d}" for a in "abc" for b in "abc" for c in "abc" for d in "abc"]


def opened(paths: list[str] | tuple[str, ...]) -> set[str]:
    return {leaf for leaf in _LEAVES if any(within(leaf, path) for path in paths)}


def test_a_path_is_no_prefix_of_letters() -> None:
    assert within("customer.phones", "customer")
    assert within("customer.phones", "customer.phones")
    assert not within("customer.phones_too", "customer.phones")
    assert not within("customer", "customer.phones")


@given(_PATHS, _PATHS)
def test_paths_overlap_where_some_field_is_under_both(a: str, b: str) -> None:
    assert overlaps(a, b) is overlaps(b, a) is bool(opened([a]) & opened([b]))


@given(_LISTS, _LISTS)
def test_what_two_lists_have_in_common_opens_what_both_open(a: list[str], b: list[str]) -> None:
    both = intersection(a, b)
    assert opened(both) == opened(a) & opened(b)
    assert not any(p != q and within(p, q) for p in both for q in both)


@given(_LISTS, _LISTS)
def test_what_lies_within_opens_no_more(a: list[str], wider: list[str]) -> None:
    if all_within(a, wider):
        assert opened(a) <= opened(wider)
