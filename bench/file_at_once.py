"""A single file of real size, produced at once over TLS: 20 scans of 3 MiB and 10,000 bookings.

    python -m bench.file_at_once [sqlite|postgresql]

"Produce within a minute": from the request to the last byte, sealed to a hybrid key. It is opened,
and counted against what was stored, before the figure is told.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from bench.databases import postgresql, sqlite
from recordsvault.bundles.v1 import exports_pb2 as xp
from recordsvault.bundles.v1 import exports_pb2_grpc
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.type.v1 import purpose_pb2
from tests.e2e import people
from tests.support.bundles import ledger, recipient, unsealed
from tests.support.contents import scan, upload
from tests.support.databases import temporary_server
from tests.support.running_vault import RunningVault
from vault.bundles import RecipientKey
from vault.server.settings import TierName

BOOKINGS, SCANS = 10_000, 20
SCAN = 3 << 20
AT_MOST = 60.0
"""Seconds."""
_BATCH = 500


def stored(vault: RunningVault) -> str:
    """A customer with all that; his name."""
    books = ledger(vault)
    # Those of the ledger are there already: five bookings, and two small scans beside the large.
    for page in range(2, SCANS + 2):
        upload(vault.records(), books.document, scan(SCAN, seed=page), page=page)
    missing = BOOKINGS - len(books.bookings)
    for start in range(0, missing, _BATCH):
        request = pb.BatchCreateTransactionsRequest(
            parent=books.customer,
            transactions=[people.booking() for _ in range(start, min(start + _BATCH, missing))],
            request_id=people.new_id(),
        )
        vault.records().BatchCreateTransactions(request)
    return books.customer


def produced(vault: RunningVault, customer: str) -> tuple[float, int]:
    """Seconds and bytes of the file. Raises RuntimeError if it lacks something."""
    key = RecipientKey.generate(hybrid=True)
    stub = exports_pb2_grpc.ExportsStub(vault.channel("compliance", TierName.FULL))
    asked = xp.ProduceFileRequest(
        name=customer,
        purpose=purpose_pb2.PURPOSE_INTERNAL_AUDIT,
        recipient=recipient(key.recipient),
    )
    began = time.perf_counter()
    data = b"".join(one.data for one in stub.ProduceFile(asked))
    took = time.perf_counter() - began
    facts = json.loads(unsealed(data, key)["manifest.json"])["facts"]
    if (facts["transactions"], facts["contents"]) != (BOOKINGS, SCANS + 2):
        raise RuntimeError("the file is not whole")
    return took, len(data)


def main(arguments: Iterable[str] = ()) -> int:
    """Print a line a database; 1 where one of them is not within a minute."""
    only = next(iter(arguments), "")
    missed = False

    def measure(opening: object, name: str) -> None:
        nonlocal missed
        with tempfile.TemporaryDirectory(prefix="vault-bench-") as text:
            folder = Path(text)
            with (
                opening(folder) as store,  # type: ignore[operator]  # of this file
                RunningVault(folder / "vault", store.url) as vault,
            ):
                took, size = produced(vault, stored(vault))
        missed |= took > AT_MOST
        print(
            f"{name}: a file of {BOOKINGS:,} bookings and {SCANS} scans, {size / 1e6:.1f} MB: "
            f"{took:.1f} s; at most {AT_MOST:.0f}: {'missed' if took > AT_MOST else 'reached'}",
            flush=True,
        )

    if only != "postgresql":
        measure(sqlite, "SQLite")
    if only != "sqlite":
        with temporary_server() as server:
            measure(lambda _folder: postgresql(server), "PostgreSQL")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
