"""A customer's file from one vault to another over TLS, both on SQLite: what a booking of it costs
to go and to come, in one file and in another of ten times as many, and what the processes hold.

A file has a document with a scan of 100 kB, a voucher with one of 50 kB, and so many bookings.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench import growth
from bench.databases import Store
from bench.growth import Cost, Growth
from recordsvault.records.v1 import records_pb2 as pb
from tests.e2e import people
from tests.support.bundles import ledger
from tests.support.running_vault import RunningVault
from tests.support.transfers import hand_over, opened, receive, trusting
from vault.server.settings import TierName

SMALL = 1_000
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Transferred:
    """How large the file was that went, and the most MiB that either vault has held."""

    bookings: int
    megabytes: float
    peak_of_giver: int
    peak_of_taker: int


def filled(vault: RunningVault, bookings: int) -> str:
    """A file with so many bookings; its name."""
    books = ledger(vault)
    for start in range(0, bookings, _BATCH):
        request = pb.BatchCreateTransactionsRequest(
            parent=books.customer,
            transactions=[people.booking() for _ in range(start, min(start + _BATCH, bookings))],
            request_id=people.new_id(),
        )
        vault.records().BatchCreateTransactions(request)
    return books.customer


def peak(vault: RunningVault) -> int:
    """The most that the full tier has held, in MiB."""
    status = Path(f"/proc/{vault.pid(TierName.FULL)}/status").read_text()
    (line,) = (one for one in status.splitlines() if one.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


def measure(folder: Path, sizes: tuple[int, int]) -> tuple[list[Growth], list[Transferred]]:
    """Two files, one after the other between the same vaults."""
    for name in ("giver", "taker"):
        (folder / name).mkdir()
    url = f"sqlite:///{folder}/giver/vault.db"
    store = Store("SQLite", url, url)
    giver = RunningVault(folder / "giver", url)
    taker = RunningVault(
        folder / "taker", f"sqlite:///{folder}/taker/vault.db", origin="other.bank/log"
    )
    left: list[Cost] = []
    came: list[Cost] = []
    found: list[Transferred] = []
    with trusting(giver, taker):
        for size in sizes:
            name = filled(giver, size)
            giver.until_covered()
            with growth.measured(store, size, size, giver.pid(TierName.FULL)) as cost:
                (tar,) = opened(hand_over(giver, name)).values()
            left.append(cost)
            with growth.measured(store, size, size, taker.pid(TierName.FULL)) as cost:
                receive(taker, tar)
            came.append(cost)
            found.append(Transferred(size, len(tar) / 1e6, peak(giver), peak(taker)))
    return [
        Growth("transfer, out", store.kind, "bookings", *left),
        Growth("transfer, in", store.kind, "bookings", *came),
    ], found


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and keep it."""
    parser = growth.parser("transfers", __doc__, SMALL, "bookings", databases=False)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="vault-bench-") as name:
        found, files = measure(Path(name), (options.small, options.small * options.times))
    growth.keep("transfers", found, files)
    growth.show(found)
    for one in files:
        print(
            f"{one.bookings:,} bookings: {one.megabytes:.1f} MB; peak {one.peak_of_giver} and "
            f"{one.peak_of_taker} MiB"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
