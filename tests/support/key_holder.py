"""A process that holds keys, so that another can search its memory.

Reads the rows of a MemoryKeyStore (pickled), the KEKs' folder and the id of the suite to seal with
from its arguments, then obeys one word a line: `fetch`, `ensure`, `seal`, `clear`, each answered
with a line.
"""

import gc
import pickle
import sys
from pathlib import Path

from tests.support.memory_keystore import MemoryKeyStore
from vault.kms import LocalFileKms
from vault.records.scopes import Branch, ScopeRef
from vault.sealing import ALL_BRANCHES, KeyRing, SealContext, open_full, seal_full, suite_by_id


def main() -> None:
    store = MemoryKeyStore()
    store.branch_rows, store.file_rows = pickle.loads(Path(sys.argv[1]).read_bytes())
    suite = suite_by_id(int(sys.argv[3]))
    kms = LocalFileKms(Path(sys.argv[2]))
    ring = KeyRing(kms, store, ALL_BRANCHES, suites=lambda institution: suite)
    held, new = (ScopeRef("bank-one", customer, "identity") for customer in ("held", "new"))
    for line in sys.stdin:
        answer = ""
        match line.strip():
            case "fetch":
                ring.fetch(Branch.FULL, [held])
            case "ensure":
                ring.ensure([new])
                answer = pickle.dumps(store.file_rows[Branch.FULL][new]).hex()
            case "seal":
                at = SealContext("bank-one", "held", "", 1, "sealed")
                key = ring.fetch(Branch.FULL, [held])[held]
                for _ in range(100):
                    open_full(key, seal_full(key, b"record", at), at)
                del key
            case "clear":
                ring.clear()
                gc.collect()
        print(f"done {answer}", flush=True)


if __name__ == "__main__":
    main()
