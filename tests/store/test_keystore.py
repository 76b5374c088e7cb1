"""The key store: what it keeps stays kept, and of a race all see one winner."""

import threading

from vault.records.scopes import Branch, ScopeRef
from vault.store import BranchKeyRow, Database, FileKeyRow, KeyStore


def branch_key(version: int = 1, wrapped: bytes = b"w", institution: str = "demo") -> BranchKeyRow:
    return BranchKeyRow(institution, version, "kek-1", wrapped, 1_000)


def store_with_keys(database: Database, *institutions: str) -> KeyStore:
    """With the first branch keys, under which file keys can hang."""
    store = KeyStore(database)
    for institution in institutions:
        for branch in Branch:
            store.add_branch_key(branch, branch_key(1, institution=institution))
    return store


def file_key(ref: ScopeRef, mark: bytes = b"1") -> FileKeyRow:
    return FileKeyRow(
        ref.institution, ref.customer, ref.scope, mark * 16, 1, b"wrapped" + mark, 1_000
    )


def test_branch_keys_come_by_ascending_version_and_never_from_the_other_branch(
    database: Database,
) -> None:
    store = KeyStore(database)
    for version in (2, 10, 1):
        store.add_branch_key(Branch.FULL, branch_key(version))
    store.add_branch_key(Branch.MASKED, branch_key(1, b"m"))
    store.add_branch_key(Branch.FULL, branch_key(1, b"o", institution="other"))
    assert [k.version for k in store.branch_keys(Branch.FULL, "demo")] == [1, 2, 10]
    assert store.branch_keys(Branch.MASKED, "demo") == [branch_key(1, b"m")]
    assert store.branch_keys(Branch.MASKED, "other") == []


def test_a_branch_key_that_stands_is_not_exchanged(database: Database) -> None:
    store = KeyStore(database)
    assert store.add_branch_key(Branch.FULL, branch_key(1, b"first")) == [branch_key(1, b"first")]
    assert store.add_branch_key(Branch.FULL, branch_key(1, b"second")) == [branch_key(1, b"first")]
    assert store.add_index_key(branch_key(1, b"first")) == [branch_key(1, b"first")]
    assert store.add_index_key(branch_key(1, b"second")) == [branch_key(1, b"first")]
    assert store.index_keys("demo") == [branch_key(1, b"first")]
    assert store.index_keys("other") == []


def test_of_a_race_for_the_first_key_all_see_the_same_winner(database: Database) -> None:
    store = KeyStore(database)
    seen: list[bytes] = []

    def run(mark: int) -> None:
        seen.append(store.add_branch_key(Branch.FULL, branch_key(1, bytes([mark])))[0].wrapped)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 6
    assert len(set(seen)) == 1


def test_six_hundred_file_keys_of_several_scopes_are_found_at_once(database: Database) -> None:
    store = store_with_keys(database, "demo", "other")
    refs = [
        ScopeRef(institution, f"c{i}", scope)
        for institution in ("demo", "other")
        for scope in ("identity", "transactions/2026")
        for i in range(150)
    ] + [ScopeRef("demo", f"d{i}", "identity") for i in range(550)]
    store.add_file_keys([file_key(r) for r in refs], [file_key(r, b"m") for r in refs[:-1]])
    absent = ScopeRef("demo", "c0", "transactions/2025")
    assert store.file_keys(Branch.FULL, [*refs, absent]) == {r: file_key(r) for r in refs}
    assert store.file_keys(Branch.MASKED, refs) == {r: file_key(r, b"m") for r in refs[:-1]}
    assert store.file_keys(Branch.FULL, []) == {}
    assert store.file_keys(Branch.FULL, [absent]) == {}


def test_file_keys_that_stand_are_kept_and_new_ones_beside_them_added(database: Database) -> None:
    store = store_with_keys(database, "demo", "other")
    a, b = ScopeRef("demo", "a", "identity"), ScopeRef("demo", "b", "identity")
    store.add_file_keys([file_key(a)], [file_key(a)])
    store.add_file_keys(
        [file_key(a, b"2"), file_key(b, b"2")], [file_key(a, b"2"), file_key(b, b"2")]
    )
    store.add_file_keys([], [])
    for branch in Branch:
        assert store.file_keys(branch, [a, b]) == {a: file_key(a), b: file_key(b, b"2")}


def test_a_race_for_file_keys_leaves_both_branches_with_the_same_winner(
    database: Database,
) -> None:
    store = store_with_keys(database, "demo", "other")
    refs = [ScopeRef("demo", f"c{i}", "identity") for i in range(40)]

    def run(mark: int) -> None:
        mine = [file_key(r, bytes([mark])) for r in refs]
        if mark % 2:  # the order in which they are given must not matter
            mine.reverse()
        store.add_file_keys(mine, mine)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    full = store.file_keys(Branch.FULL, refs)
    assert set(full) == set(refs)
    assert store.file_keys(Branch.MASKED, refs) == full


def test_no_repr_shows_a_wrapped_key() -> None:
    ref = ScopeRef("demo", "c1", "identity")
    assert "wrapped" not in repr(file_key(ref)).replace("wrapped=", "")
    assert "secret" not in repr(branch_key(1, b"secret"))
