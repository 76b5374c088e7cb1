"""Statements: `python -m bench.statements [--entries 20000]`.

How many entries of camt.053 a second are read and held to their balances, read and made into
transactions, and imported by `vaultctl import` into a running vault on SQLite; at one size and at
ten times as much, since none may grow faster than what is read. Nothing is bound to a core.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.material import KEPT, ROOT
from bench.report import machine
from recordsvault.records.v1 import records_pb2 as pb
from tests.e2e import people
from tests.support.running_vault import OWN as BANK
from tests.support.running_vault import RunningVault
from tests.support.statements import OWN, write_camt
from vault.cli.vaultctl.statements import Format, Mapping, Terms, open_statements
from vault.server.settings import TierName

LATEST = KEPT / "statements.json"
TIMES = 10
AT_MOST = 1.25
"""How much longer an entry may take at ten times the size: noise, but no growth."""
_ZONE = "Europe/Berlin"


@dataclass(frozen=True, slots=True)
class Rates:
    """Entries a second, of a file with so many; `mebibytes` is how large it is."""

    entries: int
    mebibytes: float
    checked: float
    made: float
    imported: float


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and keep it."""
    parser = argparse.ArgumentParser(prog="python -m bench.statements", description=__doc__)
    parser.add_argument("--entries", type=int, default=20_000, help="of the smaller file, even")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="vault-bench-") as name:
        folder = Path(name)
        with RunningVault(folder, f"sqlite:///{folder}/vault.db") as vault:
            _holder(vault)
            found = [
                measure(vault, folder, options.entries),
                measure(vault, folder, options.entries * TIMES),
            ]
    show(found)
    LATEST.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "format": "recordsvault-bench-statements-v1",
        "machine": machine(),
        "rates": [asdict(one) for one in found],
    }
    LATEST.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    return 0


def measure(vault: RunningVault, folder: Path, entries: int) -> Rates:
    """One file: read twice without the vault, then imported."""
    file = folder / f"{entries}.xml"
    write_camt(file, entries)
    with file.open("rb") as stream:
        rows = open_statements(Format.CAMT053, file, stream, Terms(Mapping(), _ZONE))
        began = time.perf_counter()
        found = rows.check(lambda rows, end: None)
        checked = time.perf_counter()
        for row in rows:
            rows.item(row)
        made = time.perf_counter()
    if not found.adds_up or found.entries != entries:
        raise RuntimeError("the file does not add up")
    seconds = _import(vault, folder, file, entries)
    return Rates(
        entries,
        file.stat().st_size / (1 << 20),
        entries / (checked - began),
        entries / (made - checked),
        entries / seconds,
    )


def _import(vault: RunningVault, folder: Path, file: Path, entries: int) -> float:
    """Seconds of the whole command, its check and its own start with it."""
    profile = folder / "bench.toml"
    profile.write_text(
        f'name = "backend"\ninstitution = "{BANK}"\n[endpoints]\n'
        f'full = "{vault.target(TierName.FULL)}"\n[tls]\nca = "pki/ca.pem"\n'
        'certificate = "pki/backend.pem"\nkey = "pki/backend.key"\n'
    )
    code = "from vault.cli.vaultctl import main; main()"
    command = [sys.executable, "-c", code, "-p", str(profile), "import", str(file)]
    began = time.perf_counter()
    done = subprocess.run(
        [*command, "--time-zone", _ZONE, "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - began
    if done.returncode or json.loads(done.stdout)["stored"] != entries:
        raise RuntimeError(f"not all entries were stored: {done.stderr}")
    return seconds


def _holder(vault: RunningVault) -> None:
    customer = people.person()
    customer.accounts[:] = [OWN]
    request = pb.CreateCustomerRequest(parent=f"institutions/{BANK}", customer=customer)
    vault.records().CreateCustomer(request)


def show(found: list[Rates]) -> None:
    """Print it."""
    console = Console(width=None if sys.stdout.isatty() else 120)
    table = Table("camt.053, entries a second", "MiB", "checked", "made", "imported")
    for one in found:
        table.add_row(
            f"{one.entries:,}",
            f"{one.mebibytes:,.0f}",
            f"{one.checked:,.0f}",
            f"{one.made:,.0f}",
            f"{one.imported:,.0f}",
        )
    console.print(table)
    small, large = found[0], found[-1]
    slower = small.imported / large.imported
    verdict = "reached" if slower <= AT_MOST else "missed"
    console.print(
        f"an entry takes {slower:.2f} times as long at {TIMES} times the size; "
        f"at most {AT_MOST}: {verdict}"
    )


if __name__ == "__main__":
    sys.exit(main())
