"""A customer's file from one vault to another over TLS, both on SQLite: how long it takes to go and
to come, and what the processes hold.

    python -m bench.transfers

A file has a document with a scan of 100 kB, a voucher with one of 50 kB, and so many bookings.
"""

import tempfile
import time
from pathlib import Path

from recordsvault.records.v1 import records_pb2 as pb
from tests.e2e import people
from tests.support.bundles import ledger
from tests.support.running_vault import RunningVault
from tests.support.transfers import hand_over, opened, receive, trusting
from vault.server.settings import TierName

SIZES = (100, 1_000, 10_000)
_BATCH = 500


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


def main() -> None:
    """Print a line a size."""
    with tempfile.TemporaryDirectory(prefix="vault-bench-") as text:
        folder = Path(text)
        for name in ("giver", "taker"):
            (folder / name).mkdir()
        giver = RunningVault(folder / "giver", f"sqlite:///{folder}/giver/vault.db")
        taker = RunningVault(
            folder / "taker", f"sqlite:///{folder}/taker/vault.db", origin="other.bank/log"
        )
        with trusting(giver, taker):
            for bookings in SIZES:
                name = filled(giver, bookings)
                giver.until_covered()
                began = time.perf_counter()
                (tar,) = opened(hand_over(giver, name)).values()
                left = time.perf_counter()
                receive(taker, tar)
                came = time.perf_counter()
                print(
                    f"{bookings:,} bookings: out {left - began:.1f} s, in {came - left:.1f} s, "
                    f"{len(tar) / 1e6:.1f} MB; peak {peak(giver)} and {peak(taker)} MiB",
                    flush=True,
                )


if __name__ == "__main__":
    main()
