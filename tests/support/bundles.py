"""A transaction with everything, reconstructed, and the verifier as a recipient runs it: alone."""

import importlib.util
import io
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cryptography

from recordsvault.accounts.v1 import accounts_pb2_grpc
from recordsvault.bundles.v1 import bundles_pb2 as bp
from recordsvault.bundles.v1 import bundles_pb2_grpc
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.records.v1.transaction_pb2 import Transaction
from recordsvault.type.v1 import purpose_pb2
from tests.e2e import people
from tests.e2e.calls import create
from tests.support.contents import scan, upload
from tests.support.running_vault import ROOT, RunningVault
from vault.audit.note import VerifierKey
from vault.bundles import Recipient, RecipientKey, open_envelope
from vault.bundles.verifying import BundleFiles, BundleInvalid, verify_bundle
from vault.server.settings import TierName

Files = dict[str, bytes]
AUDIT = purpose_pb2.PURPOSE_INTERNAL_AUDIT
VERIFIER = ROOT / "clients" / "verifier" / "verify_bundle.py"


@dataclass(frozen=True)
class Ledger:
    """A customer with a document that has a scan, and five bookings of one account; the third has
    voucher and scan, and is corrected by the fourth."""

    customer: str
    document: str
    bookings: tuple[str, ...]

    @property
    def third(self) -> str:
        return self.bookings[2]


def bundles(vault: RunningVault, who: str = "compliance") -> bundles_pb2_grpc.BundlesStub:
    return bundles_pb2_grpc.BundlesStub(vault.channel(who, TierName.FULL))


def accounts(vault: RunningVault, who: str = "compliance") -> accounts_pb2_grpc.AccountsStub:
    return accounts_pb2_grpc.AccountsStub(vault.channel(who, TierName.FULL))


def book(vault: RunningVault, customer: str, booked: Transaction) -> str:
    request = pb.CreateTransactionRequest(
        parent=customer, transaction=booked, request_id=people.new_id()
    )
    return vault.records().CreateTransaction(request).transaction.name


def ledger(vault: RunningVault, *, scans: bool = True) -> Ledger:
    customer = create(vault, people.person()).name
    request = pb.CreateIdentityDocumentRequest(
        parent=customer, identity_document=people.passport(), request_id=people.new_id()
    )
    document = vault.records().CreateIdentityDocument(request).identity_document.name
    names: list[str] = []
    for n in range(5):
        booked = people.booking()
        booked.booking_time.CopyFrom(people.stamp(people.MORNING))
        booked.booking_time.seconds += 60 * n
        booked.account.account = "6200001234567"
        booked.sequence_number = n + 1
        if n == 2:
            booked.vouchers.append(document)
            booked.channel.device_id = "dev-of-the-third"
            booked.agent.full_name = "李代办"
        if n == 3:
            booked.corrects = names[2]
        names.append(book(vault, customer, booked))
    if scans:
        upload(vault.records(), document, scan(100_000))
        upload(vault.records(), names[2], scan(50_000, seed=2))
    return Ledger(customer, document, tuple(names))


def recipient(key: Recipient) -> bp.Recipient:
    return bp.Recipient(x25519=key.x25519, ml_kem_768=key.ml_kem)


def asked(name: str, key: Recipient, **changes: object) -> bp.ReconstructTransactionRequest:
    values = {"name": name, "purpose": AUDIT, "recipient": recipient(key)} | changes
    return bp.ReconstructTransactionRequest(**values)  # type: ignore[arg-type]  # by name


def reconstruct(
    vault: RunningVault, name: str, key: Recipient, *, who: str = "compliance", **changes: object
) -> bytes:
    request = asked(name, key, **changes)
    return b"".join(one.data for one in bundles(vault, who).ReconstructTransaction(request))


def verify(
    folder: Path, bundle: bytes, vkey: str, *options: str | Path
) -> subprocess.CompletedProcess[str]:
    """The verifier by itself: a copy in a folder that has nothing but it and the bundle, run as by
    `bare`."""
    alone = folder / "alone"
    alone.mkdir(exist_ok=True)
    program = alone / "verify_bundle.py"
    shutil.copyfile(VERIFIER, program)
    (alone / "bundle").write_bytes(bundle)
    return bare(alone, program, "bundle", "--log-key", vkey, *options)


def bare(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """A Python that was just installed, with `cryptography` and nothing else: the interpreter below
    this one's environment, without site-packages, in a folder, with an empty environment."""
    only = folder.parent / "only-cryptography"
    if not only.exists():
        only.mkdir()
        installed = Path(cryptography.__file__).parent
        # What its binding needs, and the only file of cffi that it does.
        (backend,) = installed.parent.glob("_cffi_backend*")
        for one in (installed, backend):
            (only / one.name).symlink_to(one)
    return subprocess.run(
        [sys._base_executable, "-S", "-s", "-B", *arguments],  # type: ignore[attr-defined]  # since 3.7.2, and not in typeshed
        cwd=folder,
        env={"PYTHONPATH": str(only)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def _alone() -> Any:
    spec = importlib.util.spec_from_file_location("verify_bundle", VERIFIER)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ALONE = _alone()


def unsealed(data: bytes, key: RecipientKey) -> Files:
    """What is in a sealed bundle, by its path."""
    return unpack(b"".join(open_envelope(key, [data])))


def unpack(data: bytes) -> Files:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {one.name: tar.extractfile(one).read() for one in tar}  # type: ignore[union-attr]


def refused_by(data: bytes, vkey: str) -> set[str]:
    """Which of the two refuse it."""
    out = set()
    try:
        ALONE.verify(ALONE.Tar(io.BytesIO(data)), [vkey])
    except Exception:
        out.add("alone")
    try:
        verify_bundle(BundleFiles(io.BytesIO(data)), [VerifierKey.parse(vkey)])
    except BundleInvalid:
        out.add("own")
    return out
