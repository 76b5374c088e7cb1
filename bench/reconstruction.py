"""Reconstruction of transactions over TLS: how long a bundle takes in a vault of so many bookings.

A bundle has the record with a scan of 50 kB, a voucher with one of 100 kB, ten entries of the
account around it, the customer, all proofs, and is sealed to a hybrid key; each is of another
transaction. A tenth of all bookings are that customer's: how many he has could make a difference,
and how many events of him the log has.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

from bench import growth
from bench.bookings import Standing
from bench.growth import Cost
from tests.support.bundles import reconstruct
from vault.bundles import RecipientKey
from vault.server.settings import TierName

NAME = "reconstruction"
_CALLS = 200
_WARM_UP = 10


@dataclass(frozen=True, slots=True)
class Bundles:
    """Milliseconds at the median and at the 99th percentile; bytes of one with the scans."""

    name: str
    database: str
    bookings: int
    p50: float
    p99: float
    size: int

    def told(self) -> str:
        """For people."""
        return (
            f"{self.name}, {self.database}: among {self.bookings:,} bookings: p50 {self.p50:.0f} "
            f"ms, p99 {self.p99:.0f} ms, {self.size / 1_000:.0f} kB with the scans"
        )


def reconstructed(there: Standing, calls: int = _CALLS) -> tuple[Cost, Bundles]:
    """What bundles cost in a vault as it stands."""
    key = RecipientKey.generate(hybrid=True).recipient
    vault, store, names = there.vault, there.store, there.names
    one = len(reconstruct(vault, there.books.third, key))
    for n in range(_WARM_UP):
        reconstruct(vault, names[n], key)
    took = []
    with growth.measured(store, there.bookings, calls, vault.pid(TierName.FULL)) as cost:
        for n in range(calls):
            name = there.books.third if n % 10 == 0 else names[n * 3_701 % len(names)]
            began = time.perf_counter()
            reconstruct(vault, name, key)
            took.append((time.perf_counter() - began) * 1_000)
    high = statistics.quantiles(took, n=100)[98]
    return cost, Bundles(NAME, store.kind, there.bookings, statistics.median(took), high, one)
