"""The log of a running vault: over the wire, on disk, to its followers; what receipts cost."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
import psutil
from google.protobuf.timestamp_pb2 import Timestamp

from bench import loader, log_disk, log_stream
from bench.cores import bind_server
from bench.log_provable import RECEIPT, provable
from bench.log_results import LogScene, OnDisk, OnTheWire, Provable, ReceiptCost
from bench.material import ROOT, read_messages, write_messages
from bench.meters import Meter
from bench.operations import Operation
from bench.results import Figure, figure
from bench.scenes import Stage, run
from recordsvault.audit.v1 import audit_pb2
from recordsvault.masked.v1 import masked_pb2
from tests.support.quiet_ports import free_port
from vault.audit.checkpoint import read_checkpoint
from vault.server.settings import TierName

# Parts of a hundred calls: what a day at a bank may look like, reads of one record first of all.
MIX: Final = (50, 15, 10, 10, 7, 3, 5)
FOLLOWERS: Final = (1, 8)
_START_SECONDS = 30.0
_SIGN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class LogPlan:
    """How much is measured. Times in seconds."""

    rounds: int = 3
    appended: int = 20_000
    exported: int = 400_000
    verified_rounds: int = 5
    probe: float = 12.0
    mix: int = 10_000
    streamed: int = 10_000
    receipt_rounds: int = 7


QUICK: Final = LogPlan(
    rounds=3, appended=6_000, exported=200_000, verified_rounds=3, probe=4.0, mix=2_000,
    streamed=4_000, receipt_rounds=3,
)  # fmt: skip


def measure(stage: Stage, plan: LogPlan, operations: Sequence[Operation], scene: LogScene) -> None:
    """Everything that needs a running vault. Raises RuntimeError where an answer is an error."""
    get, say = operations[0], stage.say
    say("masked gets, through to the checkpoint")
    run(stage, get, get.requests, stage.plan.callers, stage.plan.warm_up, once=False, seed=99)
    before = log_disk.sizes(stage.store)
    start = signed_size(stage)
    for number in range(plan.rounds):
        scene.on_the_wire.append(_on_the_wire(stage, get, number))
    scene.on_disk.append(_on_disk(stage, "masked gets", before, start))
    say("from answer to proof")
    customers = [_name(message) for message in read_messages(get.requests)]
    scene.provable.append(asyncio.run(provable(stage.vault, customers, "idle", plan.probe)))
    scene.provable.append(asyncio.run(_under_load(stage, get, customers, plan.probe)))
    say("the stream")
    first = max(0, signed_size(stage) - plan.streamed)
    for verifiable in (False, True):
        for followers in FOLLOWERS if not verifiable else FOLLOWERS[:1]:
            rounds = (
                log_stream.delivered(
                    stage.vault, stage.meter, first, followers, verifiable=verifiable
                )
                for _ in range(plan.rounds)
            )
            scene.delivered.extend(rounds)
    say("the cost of a receipt")
    scene.receipt = _receipts(stage, get, plan)
    say("a mix of calls, on disk")
    before, start = log_disk.sizes(stage.store), signed_size(stage)
    _mixed(stage, operations, plan.mix)
    scene.on_disk.append(_on_disk(stage, "mix", before, start))
    say("all of it archived, on disk")
    scene.on_disk.append(_archived(stage))


def signed_size(stage: Stage) -> int:
    """Leaves of the checkpoint that covers everything before this call."""
    audit = stage.vault.audit()
    end = time.monotonic() + _SIGN_SECONDS
    size = log_disk.size(stage.store)
    while time.monotonic() < end:
        note = audit.GetCheckpoint(audit_pb2.GetCheckpointRequest()).checkpoint.encode()
        found = read_checkpoint(note).body.size if note else 0
        if found >= size:
            return found
        time.sleep(0.02)
    raise RuntimeError("no checkpoint covers the log")


def _name(message: bytes) -> str:
    return masked_pb2.GetMaskedCustomerRequest.FromString(message).name


def _on_the_wire(stage: Stage, get: Operation, number: int) -> OnTheWire:
    plan = stage.plan
    began = time.perf_counter()
    seen = run(stage, get, get.requests, plan.callers, plan.seconds, once=False, seed=number)
    loaded = time.perf_counter() - began
    signed_size(stage)
    behind = time.perf_counter() - began - loaded
    # The loader's own start and end are not the log's.
    return OnTheWire(seen, seen.calls / (seen.calls / seen.per_second + behind))


def _on_disk(stage: Stage, calls: str, before: dict[str, int], start: int) -> OnDisk:
    signed_size(stage)
    actions = log_disk.leaves(stage.store, start)
    events = sum(count for count, _ in actions.values())
    after = log_disk.sizes(stage.store)
    return OnDisk(calls, events, actions, log_disk.grown(before, after, events))


def _archived(stage: Stage) -> OnDisk:
    """The whole log once its old entries are in the object store: tables and objects."""
    signed_size(stage)
    actions = log_disk.leaves(stage.store, 0)
    now = Timestamp()
    now.GetCurrentTime()
    request = audit_pb2.ArchiveEventsRequest(before_time=now)
    *_, last = stage.vault.audit("operator").ArchiveEvents(request)
    objects = list((stage.vault.folder / "blobs").rglob("*.gz"))
    log_disk.reclaim(stage.store)
    events = log_disk.size(stage.store)
    if events - last.archived > 1_000:
        raise RuntimeError(f"of {events} entries, {last.archived} were archived")
    parts = log_disk.grown({}, log_disk.sizes(stage.store), events)
    # A file takes whole blocks.
    parts["objects"] = sum(path.stat().st_blocks * 512 for path in objects) / events
    return OnDisk("all, archived", events, actions, parts)


async def _under_load(
    stage: Stage, get: Operation, customers: list[str], seconds: float
) -> Provable:
    plan = stage.plan
    load = asyncio.create_task(
        asyncio.to_thread(
            loader.unary, stage.caller(get.caller), stage.vault.target(get.tier), get.method,
            get.requests, callers=plan.callers, seconds=seconds, seed=5,
        )
    )  # fmt: skip
    found = await provable(stage.vault, customers, f"{plan.callers} callers", seconds)
    await load
    return found


def _mixed(stage: Stage, operations: Sequence[Operation], calls: int) -> None:
    for operation, share in zip(operations, MIX, strict=True):
        wanted = calls * share // 100
        messages = list(read_messages(operation.requests))
        # Over again where there are fewer; only creates must not be repeated.
        times = 1 if not operation.read else -(-wanted // len(messages))
        part = operation.requests.with_suffix(".mix")
        write_messages(part, (messages * times)[:wanted])
        run(stage, operation, part, stage.plan.callers, 120.0, once=True, seed=1)


def _receipts(stage: Stage, get: Operation, plan: LogPlan) -> ReceiptCost:
    cost = ReceiptCost([], [])
    full = psutil.Process(stage.vault.pid(TierName.FULL))
    signing = psutil.Process(stage.vault.pid(TierName.MASKED))
    with _unsigned_tier(stage) as (target, unsigned):
        tiers = (
            (stage.vault.target(get.tier), signing, cost.signed),
            (target, unsigned, cost.unsigned),
        )
        signs = [_has_receipt(stage, get, at) for at, _, _ in tiers]
        if signs != [True, False]:
            raise RuntimeError(f"of the two tiers, these sign receipts: {signs}")
        for number in range(-1, plan.receipt_rounds):
            # By turns, and each first as often, so that a noisy minute meets both.
            for at, process, into in tiers if number % 2 else reversed(tiers):
                with Meter([full, process], lambda: stage.store.process).run() as metered:
                    seen = loader.unary(
                        stage.caller(get.caller), at, get.method, get.requests,
                        callers=stage.plan.callers, seconds=stage.plan.seconds, seed=number + 2,
                    )  # fmt: skip
                found: Figure = figure(seen, metered)
                if number >= 0:  # the first warms the caches up
                    into.append(found)
    return cost


def _has_receipt(stage: Stage, get: Operation, target: str) -> bool:
    request = next(read_messages(get.requests))
    with grpc.secure_channel(target, stage.vault.credentials(get.caller)) as channel:
        method: Any = channel.unary_unary(get.method)
        _, call = method.with_call(request, timeout=10)
    return RECEIPT in dict(call.trailing_metadata())


@contextmanager
def _unsigned_tier(stage: Stage) -> Iterator[tuple[str, psutil.Process]]:
    """Another masked tier on the same database, which signs no receipts."""
    vault, port = stage.vault, free_port()
    config = vault.folder / "unsigned.toml"
    mine = f'listen = "localhost:{vault.ports[TierName.MASKED]}"'
    config.write_text(vault.config.read_text("utf-8").replace(mine, f'listen = "localhost:{port}"'))
    ready: Path = vault.folder / "unsigned.ready"
    with (vault.folder / "unsigned.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.log_unsigned_tier", str(config), "masked", str(ready)],
            cwd=ROOT, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the tier without receipts did not start")
            time.sleep(0.02)
        bind_server(process.pid)
        yield f"localhost:{port}", psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()
