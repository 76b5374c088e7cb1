"""The key ring when things go wrong: a KMS that is away, racing nodes, changed key rows."""

import dataclasses
import functools
import threading
from collections.abc import Callable

import pytest

from tests.sealing.conftest import BANK, Keys
from vault.kms import KmsUnavailable, UnwrapRefused
from vault.records.scopes import Branch, ScopeRef
from vault.sealing import (
    InstitutionKeysMissing,
    KeyRing,
    KeyRingLimits,
    SealBroken,
    SealContext,
    open_full,
    seal_full,
)
from vault.store.keystore import FileKeyRow


def scope(number: int) -> ScopeRef:
    return ScopeRef(BANK, f"customer-{number:06}", "identity")


ONE, TWO, THREE = scope(1), scope(2), scope(3)
AT_ONE = SealContext(BANK, ONE.customer, "", 1, "sealed")


# --- the KMS away ---


def test_an_outage_of_the_kms_is_survived_while_branch_keys_may_be_held_and_then_ends_it(
    keys: Keys, ring: KeyRing
) -> None:
    ring.ensure([ONE, TWO])
    keys.kms.away = True
    for _ in range(int(keys.limits.branch_key_ttl) - 1):
        keys.clock.turn(1)
        ring.fetch(Branch.FULL, [ONE])
        ring.fetch(Branch.MASKED, [TWO])
    keys.clock.turn(1)
    for branch in Branch:
        assert ring.peek(branch, [ONE, TWO])[0] == {}, "a file key outlived its branch key"
        with pytest.raises(KmsUnavailable):
            ring.fetch(branch, [ONE])
    with pytest.raises(KmsUnavailable):
        ring.ensure([THREE])
    keys.kms.away = False
    ring.fetch(Branch.FULL, [ONE])
    ring.ensure([THREE])


def test_new_scopes_can_be_made_while_the_kms_is_away(keys: Keys, ring: KeyRing) -> None:
    ring.ensure([ONE])
    keys.kms.away = True
    ring.ensure([TWO])
    assert TWO in keys.store.file_rows[Branch.FULL]


def test_a_scope_that_could_not_be_made_leaves_no_row(keys: Keys, ring: KeyRing) -> None:
    keys.kms.away = True
    with pytest.raises(KmsUnavailable):
        ring.ensure([ONE])
    assert keys.store.file_rows == {branch: {} for branch in Branch}


# --- races ---


def in_threads(work: list[Callable[[], None]]) -> None:
    failed: list[BaseException] = []
    start = threading.Barrier(len(work))

    def run(task: Callable[[], None]) -> None:
        start.wait()
        try:
            task()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(task,)) for task in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_racing_nodes_agree_on_one_key_a_scope(keys: Keys, ring: KeyRing) -> None:
    rings = [keys.new_ring() for _ in range(8)]
    scopes = [scope(n) for n in range(40)]

    def ensure(mine: KeyRing, order: list[ScopeRef]) -> Callable[[], None]:
        def run() -> None:
            for ref in order:
                mine.ensure([ref])

        return run

    in_threads([ensure(mine, scopes if n % 2 else scopes[::-1]) for n, mine in enumerate(rings)])
    for branch in Branch:
        for ref in scopes:
            ids = {mine.fetch(branch, [ref])[ref].key_id for mine in rings}
            assert ids == {keys.store.file_rows[branch][ref].key_id}
    sealed = seal_full(rings[0].fetch(Branch.FULL, [ONE])[ONE], b"record", AT_ONE)
    for mine in rings:
        assert open_full(mine.fetch(Branch.FULL, [ONE])[ONE], sealed, AT_ONE) == b"record"


def test_the_loser_of_a_race_uses_the_winners_key(
    keys: Keys, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other node's insert comes exactly between this node's look and its own insert."""
    other = keys.new_ring()
    add = keys.store.add_file_keys

    def after_the_other(full: list[FileKeyRow], masked: list[FileKeyRow]) -> None:
        monkeypatch.undo()
        other.ensure([ONE])
        add(full, masked)

    monkeypatch.setattr(keys.store, "add_file_keys", after_the_other)
    ring.ensure([ONE])
    for branch in Branch:
        winner = other.peek(branch, [ONE])[0][ONE]
        assert ring.peek(branch, [ONE])[0][ONE].key_id == winner.key_id


def test_racing_openings_of_an_institution_agree_on_its_keys(keys: Keys) -> None:
    rings = [keys.new_ring() for _ in range(8)]
    in_threads([functools.partial(mine.open_institution, BANK) for mine in rings])
    rings[0].ensure([ONE])
    sealed = seal_full(rings[0].fetch(Branch.FULL, [ONE])[ONE], b"record", AT_ONE)
    for mine in rings:
        assert open_full(mine.fetch(Branch.FULL, [ONE])[ONE], sealed, AT_ONE) == b"record"
    assert len({mine.index_key(BANK).fingerprint(b"x") for mine in rings}) == 1


def test_threads_on_one_small_ring_always_seal_what_all_can_open(keys: Keys, ring: KeyRing) -> None:
    small = keys.new_ring(limits=KeyRingLimits(4, 0.01, 4, 1_000.0))
    scopes = [scope(n) for n in range(12)]

    def work(offset: int) -> Callable[[], None]:
        def run() -> None:
            for step in range(200):
                ref = scopes[(step + offset) % 12]
                at = dataclasses.replace(AT_ONE, customer=ref.customer)
                small.ensure([ref])
                sealed = seal_full(small.fetch(Branch.FULL, [ref])[ref], b"record", at)
                if step % 10 == 0:
                    keys.clock.turn(0.01)
                    small.sweep()
                assert open_full(small.fetch(Branch.FULL, [ref])[ref], sealed, at) == b"record"

        return run

    in_threads([work(offset) for offset in range(4)])


# --- key rows that somebody changed ---


def test_a_wrapped_file_key_moved_to_another_scope_does_not_open(keys: Keys, ring: KeyRing) -> None:
    year = dataclasses.replace(ONE, scope="transactions/2026")
    ring.ensure([ONE, TWO, year])
    for branch in Branch:
        rows = keys.store.file_rows[branch]
        for target in (TWO, year):
            kept = rows[target]
            for moved in (
                rows[ONE],
                dataclasses.replace(rows[ONE], customer=target.customer, scope=target.scope),
                dataclasses.replace(kept, wrapped=rows[ONE].wrapped),
                dataclasses.replace(kept, key_id=rows[ONE].key_id),
            ):
                rows[target] = moved
                with pytest.raises(SealBroken):
                    keys.new_ring().fetch(branch, [target])
            rows[target] = kept


def test_a_wrapped_file_key_of_the_other_branch_does_not_open(keys: Keys, ring: KeyRing) -> None:
    ring.ensure([ONE])
    full, masked = (keys.store.file_rows[branch] for branch in Branch)
    full[ONE], masked[ONE] = masked[ONE], full[ONE]
    for branch in Branch:
        with pytest.raises(SealBroken):
            keys.new_ring().fetch(branch, [ONE])


def test_a_wrapped_file_key_with_any_byte_changed_does_not_open(keys: Keys, ring: KeyRing) -> None:
    ring.ensure([ONE])
    rows = keys.store.file_rows[Branch.FULL]
    kept = rows[ONE]
    for place in range(len(kept.wrapped)):
        wrapped = bytearray(kept.wrapped)
        wrapped[place] ^= 0x80
        rows[ONE] = dataclasses.replace(kept, wrapped=bytes(wrapped))
        with pytest.raises(SealBroken):
            keys.new_ring().fetch(Branch.FULL, [ONE])
    for length in range(len(kept.wrapped)):
        rows[ONE] = dataclasses.replace(kept, wrapped=kept.wrapped[:length])
        with pytest.raises(SealBroken):
            keys.new_ring().fetch(Branch.FULL, [ONE])


def test_a_branch_key_moved_to_another_institution_version_or_branch_is_refused(
    keys: Keys, ring: KeyRing
) -> None:
    ring.open_institution("bank-two")
    row = keys.store.branch_rows[Branch.FULL, BANK][1]
    theirs = ScopeRef("bank-two", "customer-000001", "identity")
    keys.store.branch_rows[Branch.FULL, "bank-two"][1] = dataclasses.replace(
        row, institution="bank-two"
    )
    with pytest.raises(UnwrapRefused):
        keys.new_ring().ensure([theirs])
    keys.store.branch_rows[Branch.FULL, BANK][2] = dataclasses.replace(row, version=2)
    with pytest.raises(UnwrapRefused):
        keys.new_ring().ensure([ONE])
    del keys.store.branch_rows[Branch.FULL, BANK][2]
    keys.store.branch_rows[Branch.MASKED, BANK][1] = row
    with pytest.raises(UnwrapRefused):
        keys.new_ring().ensure([ONE])


def test_an_index_key_moved_to_another_institution_or_version_is_refused(
    keys: Keys, ring: KeyRing
) -> None:
    row = keys.store.index_rows[BANK][1]
    for moved in (
        dataclasses.replace(row, institution="bank-two"),
        dataclasses.replace(row, version=2),
    ):
        keys.store.add_index_key(moved)
        with pytest.raises(UnwrapRefused):
            keys.new_ring().index_key(moved.institution)


def test_branch_and_version_are_bound_even_if_two_branch_keys_were_the_same(
    keys: Keys, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    for branch in Branch:
        row = keys.store.branch_rows[branch, BANK][1]
        keys.store.add_branch_key(branch, dataclasses.replace(row, version=2))
    same = b"\x01" + b"k" * 32
    monkeypatch.setattr(keys.kms, "unwrap", lambda wrapped, context: bytearray(same))
    keys.new_ring().ensure([ONE])
    full, masked = (keys.store.file_rows[branch] for branch in Branch)
    kept = full[ONE]
    for moved in (masked[ONE], dataclasses.replace(kept, branch_key_version=1)):
        full[ONE] = moved
        with pytest.raises(SealBroken):
            keys.new_ring().fetch(Branch.FULL, [ONE])
    full[ONE] = kept
    keys.new_ring().fetch(Branch.FULL, [ONE])


def test_a_file_key_whose_branch_key_is_gone_is_not_mistaken_for_shredded(
    keys: Keys, ring: KeyRing
) -> None:
    ring.ensure([ONE])
    keys.store.branch_rows[Branch.FULL, BANK].clear()
    with pytest.raises(InstitutionKeysMissing):
        keys.new_ring().fetch(Branch.FULL, [ONE])
