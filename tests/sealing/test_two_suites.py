"""An institution that changes its suite, and two that have different ones."""

import pytest

from tests.sealing.conftest import BANK, Keys
from vault.records.index_terms import IndexKind
from vault.records.scopes import Branch, ScopeRef
from vault.sealing import (
    SUITES,
    KeyRing,
    SealBroken,
    SealContext,
    Suite,
    open_full,
    open_masked,
    seal_full,
    seal_masked,
    suite_of,
)
from vault.sealing.rotating import Rotating

ALICE = ScopeRef(BANK, "alice", "identity")
BOB = ScopeRef(BANK, "bob", "identity")
FULL = SealContext(BANK, "alice", "", 1, "sealed")
MASKED = SealContext(BANK, "alice", "", 1, "masked")


@pytest.fixture
def other(keys: Keys) -> Suite:
    """The suite that the institution does not have."""
    [other] = [suite for suite in SUITES if suite is not keys.suite]
    return other


def test_every_key_of_an_institution_is_of_its_suite(keys: Keys, ring: KeyRing) -> None:
    assert keys.full(ring, ALICE).suite is keys.suite
    assert keys.masked(ring, ALICE).suite is keys.suite
    assert ring.branch_key(Branch.FULL, BANK, 1).suite is keys.suite
    assert ring.branch_key(Branch.MASKED, BANK, 1).suite is keys.suite
    assert ring.index_key(BANK).suite is keys.suite


def test_what_was_sealed_before_the_suite_changed_opens_after(
    keys: Keys, ring: KeyRing, other: Suite
) -> None:
    before = keys.suite
    full = seal_full(keys.full(ring, ALICE), b"record", FULL)
    masked = seal_masked(keys.masked(ring, ALICE), b"view", MASKED)
    keys.suite = other
    later = keys.new_ring()
    assert open_full(keys.full(later, ALICE), full, FULL) == b"record"
    assert open_masked(keys.masked(later, ALICE), masked, MASKED) == b"view"
    assert suite_of(full) is suite_of(masked) is before


def test_what_is_sealed_after_the_suite_changed_is_of_the_new_one_under_the_same_key(
    keys: Keys, ring: KeyRing, other: Suite
) -> None:
    standing = keys.full(ring, ALICE)
    keys.suite = other
    later = keys.new_ring()
    full = seal_full(keys.full(later, ALICE), b"record", FULL)
    masked = seal_masked(keys.masked(later, ALICE), b"view", MASKED)
    assert suite_of(full) is suite_of(masked) is other
    assert keys.full(later, ALICE).key_id == standing.key_id
    # A process that was started before the change opens it too.
    assert open_full(standing, full, FULL) == b"record"
    assert open_masked(keys.masked(ring, ALICE), masked, MASKED) == b"view"


def test_the_next_version_of_a_branch_key_is_of_the_new_suite_and_wraps_old_file_keys(
    keys: Keys, ring: KeyRing, other: Suite
) -> None:
    sealed = seal_full(keys.full(ring, ALICE), b"record", FULL)
    before = keys.suite
    keys.suite = other
    later = keys.new_ring()
    rotating = Rotating(later, keys.kms, keys.store, keys.clock)
    row = rotating.next_branch_key(Branch.FULL, BANK, 2)
    keys.store.add_branch_key(Branch.FULL, row)
    assert later.branch_key(Branch.FULL, BANK, 2).suite is other
    [moved], broken = rotating.rewrapped(Branch.FULL, [keys.store.file_rows[Branch.FULL][ALICE]], 2)
    assert broken == []
    keys.store.file_rows[Branch.FULL][ALICE] = moved
    fresh = keys.new_ring()
    assert open_full(keys.full(fresh, ALICE), sealed, FULL) == b"record"
    # What the old branch key is needed for is nothing any more.
    assert before is not other
    assert moved.branch_key_version == 2


def test_no_suite_s_key_is_another_s(keys: Keys, ring: KeyRing) -> None:
    """A data key that one suite wrapped does not open as another's, though the file key is one."""
    key = keys.full(ring, ALICE)
    [(header, (other, aead))] = key.others.items()
    assert header == bytes((1, other.suite_id)) + key.key_id
    sealed = key.aead.seal(b"k" * 16, b"")
    with pytest.raises(SealBroken):
        aead.open(sealed, b"")


def test_every_flipped_bit_of_what_another_suite_sealed_is_refused(
    keys: Keys, ring: KeyRing, other: Suite
) -> None:
    full = seal_full(keys.full(ring, ALICE), b"record", FULL)
    keys.suite = other
    key = keys.full(keys.new_ring(), ALICE)
    for bit in range(len(full) * 8):
        changed = bytearray(full)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SealBroken):
            open_full(key, bytes(changed), FULL)


def test_another_customer_s_key_opens_nothing_of_either_suite(
    keys: Keys, ring: KeyRing, other: Suite
) -> None:
    sealed = [seal_full(keys.full(ring, ALICE), b"record", FULL)]
    keys.suite = other
    later = keys.new_ring()
    sealed.append(seal_full(keys.full(later, ALICE), b"record", FULL))
    for one in sealed:
        with pytest.raises(SealBroken):
            open_full(keys.full(later, BOB), one, FULL)


def test_two_institutions_of_different_suites_lie_in_one_key_store(
    keys: Keys, other: Suite
) -> None:
    suites = {"bank-a": keys.suite, "bank-b": other}
    ring = KeyRing(keys.kms, keys.store, frozenset(Branch), keys.limits, keys.clock, suites.get)  # type: ignore[arg-type]  # both are there
    tokens = set()
    for bank, suite in suites.items():
        ring.open_institution(bank)
        ref = ScopeRef(bank, "alice", "identity")
        place = SealContext(bank, "alice", "", 1, "sealed")
        sealed = seal_full(keys.full(ring, ref), b"record", place)
        assert suite_of(sealed) is suite
        assert open_full(keys.full(ring, ref), sealed, place) == b"record"
        assert ring.index_key(bank).suite is suite
        tokens.add(ring.index_key(bank).token(IndexKind.NAME, "alice"))
    assert len(tokens) == 2
