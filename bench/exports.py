"""Exports of whole files over TLS: how long one takes, and how many a second many go at.

    python -m bench.exports [sqlite|postgresql]

A file has a document with a scan of 100 kB, a voucher with one of 50 kB, and so many bookings; many
are customers without more.
"""

import sys
import tempfile
import time
from pathlib import Path

from bench.databases import postgresql, sqlite
from recordsvault.bundles.v1 import exports_pb2 as xp
from recordsvault.bundles.v1 import exports_pb2_grpc
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.type.v1 import purpose_pb2
from tests.e2e import people
from tests.support.borrowing import add_person
from tests.support.bundles import ledger, recipient
from tests.support.databases import temporary_server
from tests.support.lending import PARENT, approve, ask, until_known
from tests.support.running_vault import RunningVault
from vault.bundles import RecipientKey
from vault.cli.vaultctl.lent_fields import everything
from vault.server.settings import TierName

SIZES = (1_000, 10_000, 100_000)
FILES = (1_000, 10_000)
_BATCH = 500
_AUDIT = purpose_pb2.PURPOSE_INTERNAL_AUDIT


def produce(vault: RunningVault, bookings: int) -> tuple[float, int]:
    """Seconds and bytes of one file."""
    books = ledger(vault)
    for start in range(0, bookings, _BATCH):
        request = pb.BatchCreateTransactionsRequest(
            parent=books.customer,
            transactions=[people.booking() for _ in range(start, min(start + _BATCH, bookings))],
            request_id=people.new_id(),
        )
        vault.records().BatchCreateTransactions(request)
    key = recipient(RecipientKey.generate(hybrid=True).recipient)
    stub = exports_pb2_grpc.ExportsStub(vault.channel("compliance", TierName.FULL))
    asked = xp.ProduceFileRequest(name=books.customer, purpose=_AUDIT, recipient=key)
    began = time.perf_counter()
    size = sum(len(one.data) for one in stub.ProduceFile(asked))
    return time.perf_counter() - began, size


def export(vault: RunningVault, files: int) -> tuple[float, int]:
    """Seconds and bytes of all files, of which there are so many."""
    for _ in range(files // _BATCH):
        vault.records().BatchCreateCustomers(
            pb.BatchCreateCustomersRequest(
                parent=PARENT, customers=[people.person() for _ in range(_BATCH)]
            )
        )
    out = ask(
        vault, PARENT, *everything(PARENT), who="auditor", purpose=_AUDIT, case_reference="A-1"
    )
    out = approve(vault, approve(vault, out), who="second-auditor")
    stub = exports_pb2_grpc.ExportsStub(vault.channel("auditor", TierName.FULL))
    asked = xp.ExportFilesRequest(
        parent=PARENT,
        purpose=_AUDIT,
        case_reference="A-1",
        check_out=out.name,
        recipient=recipient(RecipientKey.generate(hybrid=True).recipient),
    )
    began = time.perf_counter()
    size = sum(len(one.data) for one in stub.ExportFiles(asked))
    return time.perf_counter() - began, size


def main() -> None:
    """Print a line a size."""
    only = sys.argv[1] if len(sys.argv) > 1 else ""

    def each(opening: object, name: str) -> None:
        with tempfile.TemporaryDirectory(prefix="vault-bench-") as text:
            folder = Path(text)
            with (
                opening(folder) as store,  # type: ignore[operator]  # of this file
                RunningVault(folder / "vault", store.url) as vault,
            ):
                add_person(vault, "auditor", "compliance")
                add_person(vault, "second-auditor", "compliance")
                until_known(vault, "second-auditor")
                for files in FILES:
                    took, size = export(vault, files)
                    print(
                        f"{name}: {files:,} files more: {took:.1f} s for all, {size / 1e6:.1f} MB",
                        flush=True,
                    )
                for bookings in SIZES:
                    took, size = produce(vault, bookings)
                    print(
                        f"{name}: a file with {bookings:,} bookings: {took:.2f} s, "
                        f"{size / 1e6:.1f} MB, {bookings / took:,.0f} records/s, "
                        f"{size / took / 1e6:.1f} MB/s",
                        flush=True,
                    )

    if only != "postgresql":
        each(sqlite, "SQLite")
    if only != "sqlite":
        with temporary_server() as server:
            each(lambda _folder: postgresql(server), "PostgreSQL")


if __name__ == "__main__":
    main()
