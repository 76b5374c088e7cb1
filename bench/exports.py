"""Exports of whole files over TLS: many files by one check-out, and one at once.

Many are customers with a hundred bookings each; the records of all files are counted, customers
and bookings. The one has a document with a scan of 100 kB, a voucher with one of 50 kB, and so many
bookings as a tenth of all.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench import growth
from bench.bookings import Standing
from bench.databases import Store
from bench.growth import Cost
from recordsvault.bundles.v1 import exports_pb2 as xp
from recordsvault.bundles.v1 import exports_pb2_grpc
from recordsvault.type.v1 import purpose_pb2
from tests.support.borrowing import add_person
from tests.support.bundles import recipient
from tests.support.lending import PARENT, approve, ask, until_known
from tests.support.running_vault import RunningVault
from vault.bundles import RecipientKey
from vault.cli.vaultctl.lent_fields import everything
from vault.server.settings import TierName

EXPORT, PRODUCTION = "export of all files", "production of one file"
_AUDIT = purpose_pb2.PURPOSE_INTERNAL_AUDIT


@dataclass(frozen=True, slots=True)
class Exported:
    """Megabytes in all, and a second; records a second."""

    name: str
    database: str
    bookings: int
    megabytes: float
    megabytes_per_second: float
    records_per_second: float

    def told(self) -> str:
        """For people."""
        return (
            f"{self.name}, {self.database}: {self.bookings:,} bookings: {self.megabytes:,.1f} MB, "
            f"{self.records_per_second:,.0f} records/s, {self.megabytes_per_second:.1f} MB/s"
        )


def admit(vault: RunningVault) -> None:
    """Have two who may export."""
    add_person(vault, "auditor", "compliance")
    add_person(vault, "second-auditor", "compliance")
    until_known(vault, "second-auditor")


def produce(vault: RunningVault, customer: str) -> int:
    """Bytes of one file, produced at once."""
    key = recipient(RecipientKey.generate(hybrid=True).recipient)
    stub = exports_pb2_grpc.ExportsStub(vault.channel("compliance", TierName.FULL))
    asked = xp.ProduceFileRequest(name=customer, purpose=_AUDIT, recipient=key)
    return sum(len(one.data) for one in stub.ProduceFile(asked))


def lend(vault: RunningVault) -> str:
    """A check-out of all files that two agreed to; its name."""
    out = ask(
        vault, PARENT, *everything(PARENT), who="auditor", purpose=_AUDIT, case_reference="A-1"
    )
    return approve(vault, approve(vault, out), who="second-auditor").name


def export(vault: RunningVault, check_out: str) -> tuple[int, int]:
    """How many files there are, and bytes of all."""
    stub = exports_pb2_grpc.ExportsStub(vault.channel("auditor", TierName.FULL))
    asked = xp.ExportFilesRequest(
        parent=PARENT,
        purpose=_AUDIT,
        case_reference="A-1",
        check_out=check_out,
        recipient=recipient(RecipientKey.generate(hybrid=True).recipient),
    )
    size = files = 0
    for one in stub.ExportFiles(asked):
        size += len(one.data)
        files += bool(one.line)
    return files, size


def exported(there: Standing) -> tuple[Cost, Exported]:
    """What all files cost, by the record."""
    vault, store = there.vault, there.store
    check_out = lend(vault)
    records = there.bookings + there.customers
    with growth.measured(store, there.bookings, records, vault.pid(TierName.FULL)) as cost:
        files, sent = export(vault, check_out)
    if files != there.customers:
        raise RuntimeError(f"{files:,} files of {there.customers:,} were exported")
    return cost, _told(EXPORT, store, cost, sent)


def produced(there: Standing) -> tuple[Cost, Exported]:
    """What the one file costs, by the record."""
    vault, store, bookings = there.vault, there.store, len(there.names)
    with growth.measured(store, bookings, bookings, vault.pid(TierName.FULL)) as cost:
        sent = produce(vault, there.books.customer)
    return cost, _told(PRODUCTION, store, cost, sent)


def _told(name: str, store: Store, cost: Cost, sent: int) -> Exported:
    each = sent / 1e6 / cost.seconds
    return Exported(name, store.kind, cost.size, sent / 1e6, each, cost.items / cost.seconds)
