"""Statements: what an entry of camt.053 costs when it is read and held to its balances, made into a
transaction, and imported by `vaultctl import` into a running vault; in one file and in another of
ten times as many entries. Nothing is bound to a core.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench import growth
from bench.databases import Store
from bench.growth import Cost, Growth
from bench.material import ROOT
from recordsvault.records.v1 import records_pb2 as pb
from tests.e2e import people
from tests.support.running_vault import OWN as BANK
from tests.support.running_vault import RunningVault
from tests.support.statements import OWN, write_camt
from vault.cli.vaultctl.statements import Format, Mapping, Terms, open_statements
from vault.server.settings import TierName

SMALL = 100_000
CHECKED, MADE, IMPORTED = "camt.053 checked", "camt.053 made", "camt.053 imported"
_ZONE = "Europe/Berlin"


@dataclass(frozen=True, slots=True)
class File:
    """A file that was imported."""

    database: str
    entries: int
    mebibytes: float

    def told(self) -> str:
        """For people."""
        return f"{self.database}: {self.entries:,} entries in {self.mebibytes:,.0f} MiB"


def measure(store: Store, folder: Path, sizes: tuple[int, int]) -> tuple[list[Growth], list[File]]:
    """Two files, one after the other into one vault."""
    costs: dict[str, list[Cost]] = {CHECKED: [], MADE: [], IMPORTED: []}
    files: list[File] = []
    folder.mkdir()
    with RunningVault(folder, store.url) as vault:
        _holder(vault)
        for entries in sizes:
            file = folder / f"{entries}.xml"
            write_camt(file, entries)
            _read(store, file, entries, costs)
            costs[IMPORTED].append(_import(store, vault, folder, file, entries))
            files.append(File(store.kind, entries, file.stat().st_size / (1 << 20)))
            print(files[-1].told(), flush=True)
    found = [Growth(name, store.kind, "entries", *pair) for name, pair in costs.items()]
    return found, files


def _read(store: Store, file: Path, entries: int, costs: dict[str, list[Cost]]) -> None:
    """Read it twice without the vault: the second time as transactions."""
    with file.open("rb") as stream:
        rows = open_statements(Format.CAMT053, file, stream, Terms(Mapping(), _ZONE))
        with growth.measured(store, entries, entries) as cost:
            found = rows.check(lambda rows, end: None)
        costs[CHECKED].append(cost)
        with growth.measured(store, entries, entries) as cost:
            for row in rows:
                rows.item(row)
        costs[MADE].append(cost)
    if not found.adds_up or found.entries != entries:
        raise RuntimeError("the file does not add up")


def _import(store: Store, vault: RunningVault, folder: Path, file: Path, entries: int) -> Cost:
    """Of the whole command, its check and its own start with it, and of the vault."""
    profile = folder / "bench.toml"
    profile.write_text(
        f'name = "backend"\ninstitution = "{BANK}"\n[endpoints]\n'
        f'full = "{vault.target(TierName.FULL)}"\n[tls]\nca = "pki/ca.pem"\n'
        'certificate = "pki/backend.pem"\nkey = "pki/backend.key"\n'
    )
    code = "from vault.cli.vaultctl import main; main()"
    command = [sys.executable, "-c", code, "-p", str(profile), "import", str(file)]
    before = _of_commands()
    with growth.measured(store, entries, entries, vault.pid(TierName.FULL)) as cost:
        done = subprocess.run(
            [*command, "--time-zone", _ZONE, "--json"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode or json.loads(done.stdout)["stored"] != entries:
        raise RuntimeError(f"not all entries were stored: {done.stderr}")
    cost.cpu += _of_commands() - before
    return cost


def _of_commands() -> float:
    """Processor seconds of the commands that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _holder(vault: RunningVault) -> None:
    customer = people.person()
    customer.accounts[:] = [OWN]
    request = pb.CreateCustomerRequest(parent=f"institutions/{BANK}", customer=customer)
    vault.records().CreateCustomer(request)


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and keep it."""
    options = growth.parser("statements", __doc__, SMALL, "entries, even").parse_args(arguments)
    sizes = (options.small, options.small * options.times)
    found: list[Growth] = []
    files: list[File] = []
    with growth.openings(options.database) as openings:
        for opening in openings:
            with growth.emptied(opening) as (store, folder):
                grown, imported = measure(store, folder / "vault", sizes)
            found += grown
            files += imported
            growth.keep("statements", found, files)
    growth.show(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
