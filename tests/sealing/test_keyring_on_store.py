"""The key ring on the real key store, SQLite and PostgreSQL."""

import threading
from collections.abc import Callable

from tests.sealing.conftest import BANK, Keys
from vault.records.scopes import Branch, ScopeRef
from vault.sealing import ALL_BRANCHES, KeyRing, SealContext, open_full, seal_full
from vault.store.database import Database
from vault.store.keystore import KeyStore

PAGE = [ScopeRef(BANK, f"customer-{n:06}", "identity") for n in range(40)]


def test_racing_nodes_agree_on_every_key_and_open_each_others_records(
    keys: Keys, open_database: Callable[..., Database]
) -> None:
    rings = [KeyRing(keys.kms, KeyStore(open_database()), ALL_BRANCHES) for _ in range(3)]
    failed: list[BaseException] = []
    start = threading.Barrier(len(rings))

    def race(ring: KeyRing, order: list[ScopeRef]) -> None:
        start.wait()
        try:
            ring.open_institution(BANK)
            for at in range(0, len(order), 5):
                ring.ensure(order[at : at + 5])
        except BaseException as error:
            failed.append(error)

    threads = [
        threading.Thread(target=race, args=(ring, PAGE if n % 2 else PAGE[::-1]))
        for n, ring in enumerate(rings)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []

    fresh = KeyRing(keys.kms, KeyStore(open_database()), ALL_BRANCHES)
    for branch in Branch:
        standing = fresh.fetch(branch, PAGE)
        for ring in rings:
            held, missing = ring.peek(branch, PAGE)
            assert missing == []
            assert {ref: key.key_id for ref, key in held.items()} == {
                ref: key.key_id for ref, key in standing.items()
            }
    at = SealContext(BANK, PAGE[0].customer, "", 1, "sealed")
    sealed = seal_full(rings[0].fetch(Branch.FULL, PAGE)[PAGE[0]], b"record", at)
    assert open_full(fresh.fetch(Branch.FULL, PAGE)[PAGE[0]], sealed, at) == b"record"
    assert fresh.index_key(BANK).fingerprint(b"x") == rings[0].index_key(BANK).fingerprint(b"x")
