"""Bundles that leave over TLS: single transactions reconstructed, all files exported, and one file
produced at once, in a vault of so many bookings and in one of ten times as many.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from bench import bookings, exports, growth, reconstruction
from bench.bookings import Standing
from bench.databases import Store
from bench.exports import Exported
from bench.growth import Cost, Growth
from bench.reconstruction import Bundles
from tests.support.running_vault import RunningVault

SMALL = 100_000
PARTS: dict[str, Callable[[Standing], tuple[Cost, Bundles | Exported]]] = {
    reconstruction.NAME: reconstruction.reconstructed,
    exports.EXPORT: exports.exported,
    exports.PRODUCTION: exports.produced,
}


def measure(
    store: Store, folder: Path, sizes: tuple[int, int], only: str | None = None
) -> tuple[list[Growth], list[Bundles | Exported]]:
    """One vault, measured at the first size and, grown, at the second."""
    costs: dict[str, list[Cost]] = {}
    told: list[Bundles | Exported] = []
    with RunningVault(folder, store.url) as vault:
        exports.admit(vault)
        for there in bookings.growing(vault, store, sizes):
            for name, part in PARTS.items():
                if only not in (None, name):
                    continue
                cost, more = part(there)
                costs.setdefault(name, []).append(cost)
                told.append(more)
                print(more.told(), flush=True)
    return [
        Growth(name, store.kind, "bookings", small, large) for name, (small, large) in costs.items()
    ], told


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and keep it."""
    parser = growth.parser("bundles", __doc__, SMALL, "bookings")
    parser.add_argument("--only", choices=PARTS, help="one of the three instead of all")
    options = parser.parse_args(arguments)
    sizes = (options.small, options.small * options.times)
    found: list[Growth] = []
    told: list[Bundles | Exported] = []
    with growth.openings(options.database) as openings:
        for opening in openings:
            with growth.emptied(opening) as (store, folder):
                grown, more = measure(store, folder / "vault", sizes, options.only)
            found += grown
            told += more
            growth.keep("bundles", found, told)
    growth.show(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
