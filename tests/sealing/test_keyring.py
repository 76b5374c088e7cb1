"""The key ring: finding, making, holding and letting go of keys."""

import copy
import dataclasses
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from tests.sealing.conftest import BANK, Keys
from vault.kms import KmsUnavailable
from vault.kms.keybytes import random_key
from vault.records.scopes import Branch, ScopeRef
from vault.sealing import (
    BranchNotHeld,
    FileKey,
    InstitutionKeysMissing,
    KeyRing,
    ScopeShredded,
    SealBroken,
    SealContext,
    open_full,
    open_masked,
    seal_full,
    seal_masked,
)
from vault.sealing.hierarchy import new_branch_key
from vault.sealing.suites import _Gcm


def scope(number: int) -> ScopeRef:
    return ScopeRef(BANK, f"customer-{number:06}", "identity")


ONE, TWO, THREE = scope(1), scope(2), scope(3)
AT_ONE = SealContext(BANK, ONE.customer, "", 1, "sealed")


# --- finding and making ---


def test_a_new_scope_gets_a_key_in_both_branches_and_they_differ(ring: KeyRing) -> None:
    ring.ensure([ONE])
    full, masked = ring.fetch(Branch.FULL, [ONE])[ONE], ring.fetch(Branch.MASKED, [ONE])[ONE]
    assert full.ref == masked.ref == ONE
    assert full.key_id != masked.key_id
    assert open_full(full, seal_full(full, b"record", AT_ONE), AT_ONE) == b"record"
    assert open_masked(masked, seal_masked(masked, b"view", AT_ONE), AT_ONE) == b"view"


def test_a_scope_with_a_full_side_alone_leaves_the_masked_branch_as_it_was(
    keys: Keys, ring: KeyRing
) -> None:
    ring.ensure([ONE], [Branch.FULL])
    full = ring.fetch(Branch.FULL, [ONE])[ONE]
    assert open_full(full, seal_full(full, b"record", AT_ONE), AT_ONE) == b"record"
    assert ring.peek(Branch.MASKED, [ONE]) == ({}, [ONE])
    assert keys.store.file_keys(Branch.MASKED, [ONE]) == {}
    with pytest.raises(ScopeShredded):
        ring.fetch(Branch.MASKED, [ONE])
    before = keys.store.file_keys(Branch.FULL, [ONE])
    ring.ensure([ONE], [Branch.FULL])
    assert keys.store.file_keys(Branch.FULL, [ONE]) == before


def test_ensuring_again_changes_nothing_and_asks_nobody(keys: Keys, ring: KeyRing) -> None:
    ring.ensure([ONE, TWO])
    rows = copy.deepcopy(keys.store.file_rows)
    calls = keys.store.calls
    ring.ensure([ONE, TWO, ONE])
    assert keys.store.calls == calls
    assert keys.store.file_rows == rows


def test_peek_tells_what_is_held_and_what_is_missing_and_asks_nobody(
    keys: Keys, ring: KeyRing
) -> None:
    ring.ensure([ONE])
    calls, unwraps = keys.store.calls, keys.kms.unwraps
    found, missing = ring.peek(Branch.MASKED, [TWO, ONE, TWO, THREE, ONE])
    assert set(found) == {ONE}
    assert missing == [TWO, THREE]
    assert (keys.store.calls, keys.kms.unwraps) == (calls, unwraps)


def test_fetch_gets_from_the_key_store_only_what_is_missing(keys: Keys, ring: KeyRing) -> None:
    ring.ensure([scope(n) for n in range(50)])
    other = keys.new_ring()
    page = [scope(n) for n in range(50)]
    assert set(other.fetch(Branch.MASKED, page)) == set(page)
    calls = keys.store.calls
    assert set(other.fetch(Branch.MASKED, page)) == set(page)
    assert keys.store.calls == calls


def test_a_page_of_fifty_costs_one_call_to_the_kms_and_then_none(keys: Keys, ring: KeyRing) -> None:
    page = [scope(n) for n in range(50)]
    ring.ensure(page)
    other = keys.new_ring()
    before = keys.kms.unwraps
    other.fetch(Branch.MASKED, page)
    assert keys.kms.unwraps - before == 1
    other.clear()
    other.fetch(Branch.MASKED, page[:1])
    before = keys.kms.unwraps
    other.fetch(Branch.MASKED, page)
    assert keys.kms.unwraps == before


def test_a_scope_without_a_key_is_shredded_and_named(ring: KeyRing) -> None:
    ring.ensure([ONE])
    with pytest.raises(ScopeShredded) as shredded:
        ring.fetch(Branch.FULL, [ONE, TWO])
    assert shredded.value.ref == TWO
    assert TWO.customer not in str(shredded.value)


def test_a_shredded_scope_is_found_so_once_its_key_is_no_longer_held(
    keys: Keys, ring: KeyRing
) -> None:
    ring.ensure([ONE])
    for rows in keys.store.file_rows.values():
        del rows[ONE]
    keys.clock.turn(keys.limits.file_key_ttl)
    for branch in Branch:
        with pytest.raises(ScopeShredded):
            ring.fetch(branch, [ONE])


def test_a_scope_that_lacks_one_branchs_key_gets_that_and_keeps_the_other(
    keys: Keys, ring: KeyRing
) -> None:
    ring.ensure([ONE])
    kept = keys.store.file_rows[Branch.FULL][ONE]
    del keys.store.file_rows[Branch.MASKED][ONE]
    keys.new_ring().ensure([ONE])
    assert keys.store.file_rows[Branch.FULL][ONE] == kept
    assert ONE in keys.store.file_rows[Branch.MASKED]


def test_five_hundred_scopes_take_a_few_calls_to_the_key_store(keys: Keys, ring: KeyRing) -> None:
    many = [scope(n) for n in range(500)]
    calls = keys.store.calls
    ring.ensure(many)
    assert keys.store.calls - calls <= 10
    assert ring.peek(Branch.FULL, many)[1] == []


def test_scopes_of_several_institutions_are_each_under_their_own(keys: Keys, ring: KeyRing) -> None:
    ring.open_institution("bank-two")
    theirs = dataclasses.replace(ONE, institution="bank-two")
    ring.ensure([ONE, theirs])
    found = keys.new_ring().fetch(Branch.FULL, [ONE, theirs])
    assert found[ONE].key_id != found[theirs].key_id


def test_a_new_file_key_comes_under_the_newest_branch_key_and_old_ones_still_open(
    keys: Keys, ring: KeyRing
) -> None:
    ring.ensure([ONE])
    full = ring.fetch(Branch.FULL, [ONE])[ONE]
    sealed = seal_full(full, b"record", AT_ONE)
    for branch in Branch:
        keys.store.add_branch_key(branch, new_branch_key(keys.kms, branch, BANK, 2, 0))
    ring.ensure([TWO])
    assert keys.store.file_rows[Branch.FULL][TWO].branch_key_version == 2
    other = keys.new_ring()
    assert open_full(other.fetch(Branch.FULL, [ONE])[ONE], sealed, AT_ONE) == b"record"
    other.fetch(Branch.FULL, [TWO])


def test_one_institutions_ten_thousand_branch_key_versions_cost_one_unwrap_each_use(
    keys: Keys, ring: KeyRing
) -> None:
    first = keys.store.branch_rows[Branch.FULL, BANK][1]
    for version in range(2, 10_001):
        row = dataclasses.replace(first, version=version)
        keys.store.branch_rows[Branch.FULL, BANK][version] = row
    last = new_branch_key(keys.kms, Branch.FULL, BANK, 10_001, 0)
    keys.store.add_branch_key(Branch.FULL, last)
    before = keys.kms.unwraps
    ring.ensure([scope(n) for n in range(20)])
    assert keys.store.file_rows[Branch.FULL][ONE].branch_key_version == 10_001
    assert keys.kms.unwraps - before == 2


# --- institutions ---


def test_an_institution_that_was_never_opened_has_no_keys(ring: KeyRing) -> None:
    with pytest.raises(InstitutionKeysMissing):
        ring.ensure([dataclasses.replace(ONE, institution="bank-nine")])


def test_opening_an_institution_again_keeps_its_keys(keys: Keys, ring: KeyRing) -> None:
    before = copy.deepcopy((keys.store.branch_rows, keys.store.index_rows))
    keys.new_ring().open_institution(BANK)
    assert (keys.store.branch_rows, keys.store.index_rows) == before


def test_an_opening_that_was_broken_off_is_completed_by_the_next(keys: Keys, ring: KeyRing) -> None:
    kept = keys.store.branch_rows[Branch.FULL, BANK][1]
    del keys.store.branch_rows[Branch.MASKED, BANK]
    del keys.store.index_rows[BANK]
    keys.new_ring().open_institution(BANK)
    assert keys.store.branch_rows[Branch.FULL, BANK][1] == kept
    keys.new_ring().ensure([ONE])
    keys.new_ring().index_key(BANK)


def test_an_institution_is_not_half_opened_while_the_kms_is_away(keys: Keys, ring: KeyRing) -> None:
    keys.kms.away = True
    with pytest.raises(KmsUnavailable):
        ring.open_institution("bank-two")
    assert (Branch.FULL, "bank-two") not in keys.store.branch_rows
    assert "bank-two" not in keys.store.index_rows


def test_a_key_that_the_kms_does_not_give_back_the_same_is_never_stored(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys.kms, "unwrap", lambda wrapped, context: bytearray(b"\x01" * 33))
    with pytest.raises(SealBroken):
        keys.new_ring().open_institution("bank-two")
    assert keys.store.branch_rows == {}
    assert keys.store.index_rows == {}


@pytest.mark.parametrize("answer", [b"", b"\x01", b"\x01" + b"k" * 30, b"\x03" + b"k" * 32])
def test_what_the_kms_gives_back_must_be_a_key(
    keys: Keys, ring: KeyRing, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    monkeypatch.setattr(keys.kms, "unwrap", lambda wrapped, context: bytearray(answer))
    with pytest.raises(SealBroken):
        ring.ensure([ONE])
    with pytest.raises(SealBroken):
        ring.index_key(BANK)


# --- holding and letting go ---


def test_a_file_key_is_held_for_its_time_and_then_fetched_again(keys: Keys, ring: KeyRing) -> None:
    ring.ensure([ONE])
    keys.clock.turn(keys.limits.file_key_ttl - 1)
    assert ring.peek(Branch.FULL, [ONE])[1] == []
    keys.clock.turn(1)
    assert ring.peek(Branch.FULL, [ONE])[1] == [ONE]
    ring.fetch(Branch.FULL, [ONE])
    assert ring.peek(Branch.FULL, [ONE])[1] == []


def test_no_more_file_keys_are_held_than_the_limit_says(keys: Keys, ring: KeyRing) -> None:
    small = keys.new_ring(limits=dataclasses.replace(keys.limits, file_keys=10))
    many = [scope(n) for n in range(30)]
    small.ensure(many)
    assert len(small.peek(Branch.FULL, many)[0]) == 10
    assert set(small.fetch(Branch.FULL, many)) == set(many)


def test_a_key_in_use_still_works_after_the_ring_let_go_of_it(keys: Keys, ring: KeyRing) -> None:
    """Otherwise a full cache would break the calls of other threads, or seal under no key."""
    full = keys.full(ring, ONE)
    ring.clear()
    sealed = seal_full(full, b"record", AT_ONE)
    assert open_full(ring.fetch(Branch.FULL, [ONE])[ONE], sealed, AT_ONE) == b"record"


def test_the_memory_through_which_keys_came_is_zeroed(
    keys: Keys, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unwrapped branch and index keys, file keys new and opened: every one, and none too early."""
    passed: list[bytearray] = []

    def watched(source: Callable[..., bytearray]) -> Callable[..., bytearray]:
        def watch(*args: Any) -> bytearray:
            key = source(*args)
            assert any(key)
            passed.append(key)
            return key

        return watch

    monkeypatch.setattr(keys.kms, "unwrap", watched(keys.kms.unwrap))
    monkeypatch.setattr("vault.sealing.hierarchy.random_key", watched(random_key))
    monkeypatch.setattr(_Gcm, "open_key", watched(_Gcm.open_key))
    ring.open_institution("bank-two")
    ring.index_key("bank-two")
    ring.ensure([ONE, TWO])
    keys.new_ring().fetch(Branch.MASKED, [ONE])
    # Three keys of an institution, each made and read back; its index key; then two branch keys,
    # four file keys made and opened; then a branch key and a file key.
    assert len(passed) == 6 + 1 + 2 + 8 + 2
    assert [key for key in passed if any(key)] == []


def test_sweep_and_clear_leave_nothing_behind(keys: Keys, ring: KeyRing) -> None:
    ring.ensure([ONE])
    ring.index_key(BANK)
    keys.clock.turn(keys.limits.branch_key_ttl)
    ring.sweep()
    assert held(ring) == [0, 0, 0, 0]
    ring.ensure([ONE])
    ring.index_key(BANK)
    assert held(ring) == [1, 1, 2, 1]
    ring.clear()
    assert held(ring) == [0, 0, 0, 0]


def held(ring: KeyRing) -> list[int]:
    files = [len(cache) for cache in ring._files.values()]
    return [*files, len(ring._branch_keys), len(ring._index_keys)]


# --- nodes and keys ---


@pytest.mark.parametrize("lacking", list(Branch))
def test_a_node_has_no_way_to_a_branch_it_was_not_given(
    keys: Keys, ring: KeyRing, lacking: Branch
) -> None:
    ring.ensure([ONE])
    node = keys.new_ring(frozenset(Branch) - {lacking})
    attempts: list[Callable[[], object]] = [
        lambda: node.peek(lacking, [ONE]),
        lambda: node.fetch(lacking, [ONE]),
        lambda: node.ensure([TWO]),
        lambda: node.open_institution("bank-two"),
    ]
    for attempt in attempts:
        with pytest.raises(BranchNotHeld) as refused:
            attempt()
        assert refused.value.branch is lacking
    assert TWO not in keys.store.file_rows[Branch.FULL]


def test_a_file_key_shows_its_id_and_nothing_of_the_key(keys: Keys, ring: KeyRing) -> None:
    key: FileKey = keys.full(ring, ONE)
    assert repr(key) == f"<FullFileKey {key.key_id.hex()}>"
    assert repr(ring) == "<KeyRing of full, masked>"
    assert not hasattr(key, "__dict__")


@pytest.mark.parametrize("take", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_file_key_is_never_copied_or_serialised(
    keys: Keys, ring: KeyRing, take: Callable[[object], object]
) -> None:
    with pytest.raises(TypeError, match="never copied"):
        take(keys.full(ring, ONE))
