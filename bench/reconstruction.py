"""Reconstruction of transactions over TLS: how long a bundle takes, by how much the customer has.

    python -m bench.reconstruction [sqlite|postgresql]

A bundle has the record with a scan of 50 kB, a voucher with one of 100 kB, ten entries of the
account around it, the customer, all proofs, and is sealed to a hybrid key; each is of another
transaction. How many bookings the customer has makes the difference that is looked for, and how
many events of him the log has: those are read through for who has looked.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from bench.databases import postgresql, sqlite
from recordsvault.records.v1 import records_pb2 as pb
from tests.e2e import people
from tests.support.bundles import Ledger, ledger, reconstruct
from tests.support.databases import temporary_server
from tests.support.running_vault import RunningVault
from vault.bundles import RecipientKey

SIZES = (1_000, 10_000, 100_000)
_BATCH = 500
_CALLS = 200


def measure(url: str, folder: Path, bookings: int) -> tuple[float, float, int]:
    """Milliseconds at the median and at the 99th percentile, and bytes of a bundle."""
    key = RecipientKey.generate(hybrid=True).recipient
    with RunningVault(folder, url) as vault:
        books = ledger(vault)
        names = _fill(vault, books, bookings)
        # Until a checkpoint covers what was written last, a bundle waits for it.
        size = len(reconstruct(vault, books.third, key))
        took = []
        for n in range(_CALLS):
            name = books.third if n % 10 == 0 else names[n * 37 % len(names)]
            began = time.perf_counter()
            reconstruct(vault, name, key)
            took.append((time.perf_counter() - began) * 1_000)
    return statistics.median(took), statistics.quantiles(took, n=100)[98], size


def _fill(vault: RunningVault, books: Ledger, bookings: int) -> list[str]:
    names: list[str] = []
    for start in range(0, bookings, _BATCH):
        batch = []
        for n in range(start, min(start + _BATCH, bookings)):
            booked = people.booking()
            booked.booking_time.seconds += 60 * n
            booked.account.account = "6200001234567"
            batch.append(booked)
        request = pb.BatchCreateTransactionsRequest(
            parent=books.customer, transactions=batch, request_id=people.new_id()
        )
        answer = vault.records().BatchCreateTransactions(request)
        names += [one.name for one in answer.transactions]
    return names


def main() -> None:
    """Print a line a size."""
    only = sys.argv[1] if len(sys.argv) > 1 else ""

    def each(opening: object, name: str) -> None:
        for bookings in SIZES:
            with tempfile.TemporaryDirectory(prefix="vault-bench-") as text:
                folder = Path(text)
                with opening(folder) as store:  # type: ignore[operator]  # of this file
                    median, high, size = measure(store.url, folder / "vault", bookings)
            print(
                f"{name}: of {bookings:,} bookings: p50 {median:.0f} ms, p99 {high:.0f} ms, "
                f"{size / 1_000:.0f} kB with the scans",
                flush=True,
            )

    if only != "postgresql":
        each(sqlite, "SQLite")
    if only != "sqlite":
        with temporary_server() as server:
            each(lambda _folder: postgresql(server), "PostgreSQL")


if __name__ == "__main__":
    main()
