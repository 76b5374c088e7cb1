"""Destroyed scopes: no key of theirs stands, and none comes, whoever is adding some just then."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from vault.kms import KekName, LocalFileKms, create_local_keks
from vault.records import Branch, ScopeRef
from vault.sealing import KeyRing, ScopeShredded
from vault.store import Database, KeyStore
from vault.store.shredding import add_to_list, buried, listed, replay, shred

BANK = "demo-bank"


def scope(number: int) -> ScopeRef:
    return ScopeRef(BANK, f"c{number:04}", "identity")


@pytest.fixture
def ring(database: Database, tmp_path: Path) -> Iterator[KeyRing]:
    create_local_keks(tmp_path / "kms", KekName)
    made = KeyRing(LocalFileKms(tmp_path / "kms"), KeyStore(database), frozenset(Branch))
    made.open_institution(BANK)
    yield made
    made.clear()


def standing(database: Database, ref: ScopeRef) -> int:
    store = KeyStore(database)
    return sum(len(store.file_keys(branch, [ref])) for branch in Branch)


def test_shredding_takes_the_keys_of_both_branches_and_of_no_other_scope(
    database: Database, ring: KeyRing
) -> None:
    refs = [scope(1), ScopeRef(BANK, "c0001", "transactions/2026"), scope(2)]
    ring.ensure(refs)
    assert database.write_sync(lambda conn: shred(conn, [(scope(1), 7)])) == 2
    assert [standing(database, ref) for ref in refs] == [0, 2, 2]
    assert database.write_sync(lambda conn: shred(conn, [(scope(1), 9)])) == 0
    assert database.read_sync(lambda conn: buried(conn, refs)) == {scope(1)}


def test_a_batch_with_a_destroyed_scope_gives_the_others_their_keys(
    database: Database, ring: KeyRing
) -> None:
    database.write_sync(lambda conn: shred(conn, [(scope(2), 7)]))
    refs = [scope(number) for number in range(4)]
    ring.ensure(refs)
    assert [standing(database, ref) for ref in refs] == [2, 2, 0, 2]
    with pytest.raises(ScopeShredded) as caught:
        ring.fetch(Branch.FULL, refs)
    assert caught.value.ref == scope(2)


def test_the_list_is_read_in_order_page_by_page_and_keeps_the_first_time(
    database: Database,
) -> None:
    refs = [scope(number) for number in (3, 1, 2)]
    database.write_sync(lambda conn: add_to_list(conn, refs, 7))
    database.write_sync(lambda conn: add_to_list(conn, [scope(1)], 9))
    first = database.read_sync(lambda conn: listed(conn, None, 2))
    assert first == [(scope(1), 7), (scope(2), 7)]
    rest = database.read_sync(lambda conn: listed(conn, first[-1][0], 2))
    assert rest == [(scope(3), 7)]


@pytest.mark.parametrize("first", ["list", "nothing"])
def test_a_process_that_died_between_list_and_tombstone_is_made_good_at_the_start(
    database: Database, ring: KeyRing, first: str
) -> None:
    ring.ensure([scope(1)])
    if first == "list":
        database.write_sync(lambda conn: add_to_list(conn, [scope(1)], 7))
    wanted = (1, 2) if first == "list" else (0, 0)
    assert replay(database, database) == wanted
    assert standing(database, scope(1)) == (0 if first == "list" else 2)


def test_of_a_destruction_and_an_adding_at_once_no_key_is_left(
    database: Database, ring: KeyRing
) -> None:
    """Either the key was there first, and is destroyed, or the tombstone was, and none comes."""
    wrong: list[object] = []
    refs = [scope(number) for number in range(60)]
    begin = threading.Barrier(3)

    def add(seed: int) -> None:
        try:
            begin.wait(20)
            for ref in refs[seed::2] + refs[1 - seed :: 2]:
                ring.ensure([ref])
        except Exception as error:  # a thread's exception would otherwise be lost
            wrong.append(error)

    def destroy() -> None:
        try:
            begin.wait(20)
            for ref in refs:
                database.write_sync(lambda conn, ref=ref: shred(conn, [(ref, 7)]))  # type: ignore[misc]  # a default, not a parameter
        except Exception as error:  # as above
            wrong.append(error)

    threads = [threading.Thread(target=add, args=(seed,)) for seed in (0, 1)]
    threads.append(threading.Thread(target=destroy))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert [ref for ref in refs if standing(database, ref)] == []
