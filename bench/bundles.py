"""Bundles that leave over TLS: single transactions reconstructed, all files exported, and one file
produced at once, in a vault of so many bookings and in one of ten times as many.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bench import bookings, exports, growth, reconstruction
from bench.databases import Store
from bench.exports import Exported
from bench.growth import Cost, Growth
from bench.reconstruction import Bundles
from tests.support.running_vault import RunningVault

SMALL = 100_000


def measure(
    store: Store, folder: Path, sizes: tuple[int, int]
) -> tuple[list[Growth], list[Bundles | Exported]]:
    """One vault, measured at the first size and, grown, at the second."""
    costs: dict[str, list[Cost]] = {}
    told: list[Bundles | Exported] = []
    with RunningVault(folder, store.url) as vault:
        exports.admit(vault)
        for there in bookings.growing(vault, store, sizes):
            for one in (reconstruction.reconstructed, exports.exported, exports.produced):
                cost, more = one(there)
                costs.setdefault(more.name, []).append(cost)
                told.append(more)
                print(more.told(), flush=True)
    return [
        Growth(name, store.kind, "bookings", small, large) for name, (small, large) in costs.items()
    ], told


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and keep it."""
    options = growth.parser("bundles", __doc__, SMALL, "bookings").parse_args(arguments)
    sizes = (options.small, options.small * options.times)
    found: list[Growth] = []
    told: list[Bundles | Exported] = []
    with growth.openings(options.database) as openings:
        for opening in openings:
            with growth.emptied(opening) as (store, folder):
                grown, more = measure(store, folder / "vault", sizes)
            found += grown
            told += more
            growth.keep("bundles", found, told)
    growth.show(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
