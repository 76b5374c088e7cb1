"""From answer to proof: calls that keep their receipts, and a reader who proves each of them."""

import asyncio
import random
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from grpc import aio

from bench.log_results import Provable
from recordsvault.audit.v1 import audit_pb2, audit_pb2_grpc
from recordsvault.masked.v1 import masked_pb2, masked_pb2_grpc
from tests.support.log_keys import ORIGIN, log_signers, receipt_signers
from tests.support.running_vault import RunningVault
from vault.audit.checkpoint import read_checkpoint
from vault.audit.note import VerifierKey
from vault.audit.proof_file import verify_proof
from vault.audit.receipts import Receipt, verify_receipt
from vault.server.settings import TierName

RECEIPT = "vault-receipt-bin"
_EVERY = 0.04  # seconds between two calls, on average
_LOOK = 0.02  # between two looks at the checkpoint: as exact as the figures are
_PATIENCE = 60.0


@dataclass(slots=True)
class Watch:
    """Receipts that wait for a checkpoint, and the times in seconds that it took."""

    officer: Any
    keys: tuple[VerifierKey, ...]
    waiting: list[tuple[Receipt, float]] = field(default_factory=list)
    proofs: list[asyncio.Task[None]] = field(default_factory=list)
    covered: list[float] = field(default_factory=list)
    proved: list[float] = field(default_factory=list)

    async def look(self, calling: asyncio.Task[None]) -> None:
        """Until every receipt is proved. Raises TimeoutError, ProofInvalid."""
        end = time.monotonic() + _PATIENCE
        while not calling.done() or self.waiting:
            if time.monotonic() > end:
                raise TimeoutError(f"{len(self.waiting)} receipts are not provable")
            answer = await self.officer.GetCheckpoint(audit_pb2.GetCheckpointRequest())
            now = time.perf_counter()
            note = answer.checkpoint.encode()
            size = read_checkpoint(note).body.size if note else 0
            due = [one for one in self.waiting if one[0].index < size]
            self.waiting = [one for one in self.waiting if one[0].index >= size]
            for receipt, answered in due:
                self.covered.append(now - answered)
                self.proofs.append(asyncio.ensure_future(self._prove(receipt, answered)))
            await asyncio.sleep(_LOOK)
        await calling
        await asyncio.gather(*self.proofs)

    async def _prove(self, receipt: Receipt, answered: float) -> None:
        request = audit_pb2.GetProofRequest(index=receipt.index)
        answer = None
        while answer is None:
            try:
                answer = await self.officer.GetProof(request)
            except aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
                await asyncio.sleep(_LOOK)
        verify_proof(answer.proof, receipt.leaf_hash, self.keys, ORIGIN)
        self.proved.append(time.perf_counter() - answered)


async def provable(
    vault: RunningVault, customers: list[str], load: str, seconds: float
) -> Provable:
    """Masked gets for some seconds, each with its receipt, and all of them proved."""
    kms: Path = vault.folder / "kms"
    keys = tuple(receipt_signers(kms / "masked").verifiers())
    draw = random.Random(7)
    async with (
        aio.secure_channel(vault.target(TierName.MASKED), vault.credentials("crm")) as masked,
        aio.secure_channel(vault.target(TierName.FULL), vault.credentials("officer")) as full,
    ):
        stub: Any = masked_pb2_grpc.MaskedRecordsStub(masked)
        watch = Watch(audit_pb2_grpc.AuditStub(full), tuple(log_signers(kms / "full").verifiers()))

        async def calls() -> None:
            end = time.perf_counter() + seconds
            while time.perf_counter() < end:
                name = draw.choice(customers)
                call = stub.GetMaskedCustomer(masked_pb2.GetMaskedCustomerRequest(name=name))
                await call
                answered = time.perf_counter()
                metadata = dict(await call.trailing_metadata())
                receipt = verify_receipt(metadata[RECEIPT], keys, ORIGIN)
                watch.waiting.append((receipt, answered))
                await asyncio.sleep(draw.uniform(0, 2 * _EVERY))

        await watch.look(asyncio.ensure_future(calls()))
    covered, proved = sorted(watch.covered), sorted(watch.proved)
    return Provable(
        load, len(proved),
        share(covered, 0.5), share(covered, 0.99),
        share(proved, 0.5), share(proved, 0.99), proved[-1],
    )  # fmt: skip


def share(ordered: list[float], part: float) -> float:
    """The value that `part` of the ordered values do not exceed. Raises ValueError without any."""
    if not ordered:
        raise ValueError("nothing was measured")
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]
