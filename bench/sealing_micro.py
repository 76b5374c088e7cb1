"""What sealing costs: microseconds a call, the median of several rounds, on one core.

Run from the repository's root: python bench/sealing_micro.py
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.memory_keystore import MemoryKeyStore
from vault.kms import KekName, LocalFileKms, create_local_keks
from vault.records.index_terms import IndexKind
from vault.records.scopes import Branch, ScopeRef
from vault.sealing import (
    ALL_BRANCHES,
    KeyRing,
    KeyRingLimits,
    SealContext,
    commitment,
    open_full,
    open_masked,
    seal_full,
    seal_masked,
)

ROUNDS, CALLS = 9, 20_000
RECORD, VIEW = bytes(700), bytes(300)


def microseconds(call: Callable[[], object], calls: int = CALLS) -> float:
    rounds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(calls):
            call()
        rounds.append((time.perf_counter() - start) / calls * 1e6)
    return statistics.median(rounds)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        keks = Path(folder) / "keys"
        create_local_keks(keks, list(KekName))
        kms, store = LocalFileKms(keks), MemoryKeyStore()
    ring = KeyRing(kms, store, ALL_BRANCHES)
    bank = "bank-one"
    ring.open_institution(bank)
    page = [ScopeRef(bank, f"01arz3ndektsv4rrffq69g{n:04}", "identity") for n in range(50)]
    ring.ensure(page)
    ref = page[0]
    full = ring.fetch(Branch.FULL, [ref])[ref]
    masked = ring.fetch(Branch.MASKED, [ref])[ref]
    index = ring.index_key(bank)
    record = "transactions/01crz3ndektsv4rrffq69g5fav"
    at = SealContext(bank, ref.customer, record, 1, "sealed")
    sealed, view = seal_full(full, RECORD, at), seal_masked(masked, VIEW, at)
    one = KeyRing(kms, store, ALL_BRANCHES, KeyRingLimits(file_keys=1))
    one.fetch(Branch.MASKED, [ref])

    def miss() -> object:
        one.fetch(Branch.MASKED, page[1:2])
        return one.fetch(Branch.MASKED, page[2:3])

    rows: list[tuple[str, float]] = [
        (f"seal_full, {len(RECORD)} B", microseconds(lambda: seal_full(full, RECORD, at))),
        (f"seal_masked, {len(VIEW)} B", microseconds(lambda: seal_masked(masked, VIEW, at))),
        (f"open_full, {len(RECORD)} B", microseconds(lambda: open_full(full, sealed, at))),
        (f"open_masked, {len(VIEW)} B", microseconds(lambda: open_masked(masked, view, at))),
        ("new SealContext", microseconds(lambda: SealContext(bank, ref.customer, record, 1, "s"))),
        ("token", microseconds(lambda: index.token(IndexKind.PHONE, "+8613800138000"))),
        ("fingerprint, 700 B", microseconds(lambda: index.fingerprint(RECORD))),
        ("commitment", microseconds(lambda: commitment("case 2026/117", RECORD[:32]))),
        ("peek, 1 held scope", microseconds(lambda: ring.peek(Branch.MASKED, (ref,)))),
        ("peek, 50 held scopes", microseconds(lambda: ring.peek(Branch.MASKED, page), 1_000)),
        ("fetch, 1 scope not held", microseconds(miss, 2_000) / 2),
    ]
    for name, value in rows:
        print(f"{name:<26}{value:8.2f} us")


if __name__ == "__main__":
    main()
