"""Two vaults that trust each other's logs, and the calls by which a file goes between them."""

import hashlib
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from recordsvault.bundles.v1 import transfers_pb2 as pb
from recordsvault.bundles.v1 import transfers_pb2_grpc
from recordsvault.type.v1 import purpose_pb2
from tests.support.borrowing import add_person
from tests.support.bundles import recipient
from tests.support.lending import PARENT, approve, ask, until_known
from tests.support.running_vault import OTHER, RunningVault, other
from vault.bundles import RecipientKey, open_envelope
from vault.bundles.verifying import BundleFiles
from vault.cli.vaultctl.lent_fields import everything
from vault.server.settings import TierName

ORDER = purpose_pb2.PURPOSE_REGULATOR_REQUEST
CASE = "Order 2026-7"
TAKER = f"institutions/{OTHER}"
KEY = RecipientKey.generate(hybrid=False)
WHOLE = everything(PARENT)
PART = 256 * 1024


@contextmanager
def trusting(giver: RunningVault, taker: RunningVault) -> Iterator[None]:
    """Both run, each with the other's log as a trusted one; the giver has two more people."""
    for vault, partner in ((giver, taker), (taker, giver)):
        (vault.folder / "partners.vkey").write_bytes((partner.folder / "log.vkey").read_bytes())
        with vault.config.open("a") as config:
            config.write('\n[transfers]\ntrusted_logs = "partners.vkey"\n')
    with giver, taker:
        add_person(giver, "keeper-of-files", "custodian")
        until_known(giver, "keeper-of-files")
        yield


def stub(vault: RunningVault, who: str) -> transfers_pb2_grpc.TransfersStub:
    return transfers_pb2_grpc.TransfersStub(vault.channel(who, TierName.FULL))


def lent(vault: RunningVault, key: RecipientKey = KEY, **more: Any) -> str:
    """The check-out of all files, agreed to by two, for who has the key."""
    more.setdefault(
        "reason", f"Handed over as ordered, sealed to {key.recipient.fingerprint.hex()}"
    )
    out = ask(
        vault, PARENT, *WHOLE, who="keeper-of-files", purpose=ORDER, case_reference=CASE, **more
    )
    half = approve(vault, out)
    return approve(vault, half, who="compliance").name


def asked(check_out: str, *customers: str, **more: Any) -> pb.TransferFilesRequest:
    return pb.TransferFilesRequest(
        parent=PARENT,
        purpose=ORDER,
        case_reference=CASE,
        check_out=check_out,
        recipient=recipient(KEY.recipient),
        customers=customers,
        **more,
    )


def hand_over(vault: RunningVault, *customers: str, **more: Any) -> list[pb.TransferFilesResponse]:
    return list(
        stub(vault, "keeper-of-files").TransferFiles(asked(lent(vault), *customers, **more))
    )


def opened(answers: list[pb.TransferFilesResponse]) -> dict[str, bytes]:
    """The opened tar of each file."""
    found: dict[str, bytes] = {}
    for one in answers:
        if one.customer:
            found[one.customer] = found.get(one.customer, b"") + one.data
    return {name: b"".join(open_envelope(KEY, [data])) for name, data in found.items()}


@dataclass
class Sent:
    """A bundle as it is sent in. `changes` replace what the start says."""

    tar: bytes = field(repr=False)
    changes: dict[str, Any] = field(default_factory=dict)

    def messages(self) -> Iterator[pb.ReceiveFileRequest]:
        manifest = BundleFiles(io.BytesIO(self.tar)).read("manifest.json")
        said = json.loads(manifest)
        values = {
            "parent": TAKER,
            "origin": said["name"],
            "origin_log": said["log"],
            "manifest_sha256": hashlib.sha256(manifest).digest(),
            "size": len(self.tar),
            "branch": "B-77",
            "custodian": other("custodian"),
            "customer_number": f"T-{said['name'][-12:]}",
            "reason": "Taken over by order 2026-7",
        } | self.changes
        yield pb.ReceiveFileRequest(start=pb.ReceiveStart(**values))
        for at in range(0, len(self.tar), PART):
            part = pb.ReceivePart(offset=at, data=self.tar[at : at + PART])
            yield pb.ReceiveFileRequest(part=part)


def receive(
    vault: RunningVault, tar: bytes, who: str = "", **changes: Any
) -> pb.ReceiveFileResponse:
    return stub(vault, who or other("custodian")).ReceiveFile(Sent(tar, changes).messages())


def shown(vault: RunningVault, name: str, who: str = "custodian") -> pb.GetTransferResponse:
    return stub(vault, who).GetTransfer(pb.GetTransferRequest(name=name, page_size=1000))
