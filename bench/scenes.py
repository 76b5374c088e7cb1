"""One scene: a vault on one database at one size, filled, measured, and taken down again."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench import loader
from bench.cores import bind_server
from bench.databases import Store
from bench.deciding import LENT_FIELDS
from bench.inserts import plain_insert
from bench.loader import Caller
from bench.material import ROOT, Material, Size, read_messages, write_messages
from bench.meters import Meter
from bench.operations import BORROWER, IMPORT, Operation, names_of, operations, results
from bench.results import Figure, Imported, Measured, Scene, figure
from recordsvault.records.v1 import records_pb2
from tests.support.borrowing import HOUR, Register, add_person, lending
from tests.support.quiet_ports import free_port
from tests.support.running_vault import RunningVault
from vault.server.settings import TierName

# Searches are budgeted (600 a minute a caller, 6,000 a masked node by default); here the budget
# would be what is measured.
_LIMITS = "searches_per_minute = 100_000_000\nsearches_per_minute_of_a_node = 100_000_000"
_START_SECONDS = 30.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How each operation is measured. Times in seconds."""

    callers: int = 64
    in_flight: int = 4  # messages of an import that are not answered yet
    rounds: int = 3
    seconds: float = 4.0
    warm_up: float = 3.0
    alone: float = 1.0


@dataclass(slots=True)
class Stage:
    """A running vault, a bare server beside it, and where answers and requests are kept."""

    plan: Plan
    store: Store
    folder: Path
    material: Material
    vault: RunningVault
    say: Say
    bare_target: str = ""
    bare: psutil.Process | None = field(default=None)

    def caller(self, name: str) -> Caller:
        pki = self.vault.folder / "pki"
        return Caller(pki / "ca.pem", pki / f"{name}.pem", pki / f"{name}.key")

    def meter(self) -> Meter:
        tiers = [psutil.Process(self.vault.pid(tier)) for tier in TierName]
        return Meter(tiers, lambda: self.store.process)


def play(store: Store, size: Size, material: Material, plan: Plan, folder: Path, say: Say) -> Scene:
    """Fill a vault and measure everything. Raises RuntimeError where an answer is an error."""
    vault = RunningVault(folder, store.url, masked_database=store.masked_url, limits=_LIMITS)
    add_person(vault, BORROWER, "teller")
    stage = Stage(plan, store, folder, material, vault, say)
    with vault, _bare(stage):
        for tier in TierName:
            bind_server(vault.pid(tier))
        say("importing the customers and their documents")
        customers = import_messages(stage, material.customers)[1]
        import_messages(stage, material.documents)
        say(f"importing {size.transactions:,} transactions")
        built, stored = import_messages(stage, material.stored)
        scene = Scene(store.kind, size.customers, size.transactions, built)
        say(f"importing {size.imported:,} more, which is the measured import")
        imported, more = import_messages(stage, material.imported)
        scene.imported.append(imported)
        names = names_of(material, customers, [stored, more])
        requests = folder / "requests"
        requests.mkdir()
        lent = _lend(vault, list(names.customers.values()))
        for operation in operations(requests, material, names, vault.masked(), lent):
            say(operation.name)
            scene.operations.append(_measure(stage, operation))
        scene.database_mb = store.megabytes()
    say("inserting the same rows plainly")
    rows = list(results(more))
    imported.plain_insert_per_second, imported.plain_insert_per_core_second = plain_insert(
        store.url, rows
    )
    return scene


def _lend(vault: RunningVault, customers: Sequence[str]) -> dict[str, str]:
    """Put a check-out of each customer into the register; their names by the customer's."""
    lent = [
        lending(name, *LENT_FIELDS, person=f"p-{BORROWER}", lasts=24 * HOUR) for name in customers
    ]
    register = Register(vault)
    try:
        # As long as a reason and a case reference are, sealed.
        register.put_all(lent, bytes(200))
    finally:
        register.close()
    return dict(zip(customers, [out.name for out in lent], strict=True))


def import_messages(stage: Stage, messages: Path) -> tuple[Imported, Path]:
    """Import a file of messages; what was measured, and the file of the answers."""
    answers = stage.folder / f"answers-{messages.name}"
    caller, target = stage.caller("backend"), stage.vault.target(TierName.FULL)
    with stage.meter().run() as metered:
        seen = loader.stream(
            caller, target, IMPORT, messages, in_flight=stage.plan.in_flight, answers=answers
        )
    count = sum(
        len(records_pb2.ImportRecordsResponse.FromString(answer).results)
        for answer in read_messages(answers)
    )
    both = metered.server_cpu + metered.database_cpu
    imported = Imported(
        transactions=count,
        seconds=seen.seconds,
        per_second=count / seen.seconds,
        per_core_second=count / metered.server_cpu,
        per_core_second_with_database=count / both,
        message=figure(seen, metered),
    )
    return imported, answers


def _measure(stage: Stage, operation: Operation) -> Measured:
    """Rounds of the vault and of the bare handler by turns, so that a noisy minute meets both."""
    measured = Measured(operation.name)
    plan = stage.plan
    if not operation.read:
        # Each create is sent once: the file is divided among the runs.
        return _measure_once(stage, operation, measured)
    _vault_round(stage, operation, plan.callers, plan.warm_up, 99)
    for number in range(plan.rounds):
        seen = _vault_round(stage, operation, plan.callers, plan.seconds, number)
        measured.rounds.append(seen)
        measured.bare.append(_bare_round(stage, operation, round(seen.answer_bytes), number))
        if operation.beside is not None:
            measured.beside.append(
                _vault_round(stage, operation.beside, plan.callers, plan.seconds, number)
            )
    measured.alone = _vault_round(stage, operation, 1, plan.alone, 98)
    return measured


def _measure_once(stage: Stage, operation: Operation, measured: Measured) -> Measured:
    plan = stage.plan
    messages = list(read_messages(operation.requests))
    share = len(messages) // (plan.rounds + 1)
    for number in range(plan.rounds + 1):
        part = operation.requests.with_suffix(f".{number}")
        write_messages(part, messages[number * share : (number + 1) * share])
        alone = number == plan.rounds
        seen = run(
            stage, operation, part, 1 if alone else plan.callers,
            plan.alone if alone else 60.0, once=True, seed=number,
        )  # fmt: skip
        if alone:
            measured.alone = seen
        else:
            measured.rounds.append(seen)
    return measured


def _vault_round(
    stage: Stage, operation: Operation, callers: int, seconds: float, seed: int
) -> Figure:
    return run(stage, operation, operation.requests, callers, seconds, once=False, seed=seed)


def run(
    stage: Stage,
    operation: Operation,
    requests: Path,
    callers: int,
    seconds: float,
    *,
    once: bool,
    seed: int,
) -> Figure:
    """One run of an operation. Raises RuntimeError where an answer is an error."""
    caller, target = stage.caller(operation.caller), stage.vault.target(operation.tier)
    with stage.meter().run() as metered:
        seen = loader.unary(
            caller, target, operation.method, requests,
            callers=callers, seconds=seconds, once=once, seed=seed,
        )  # fmt: skip
    if seen.errors:
        raise RuntimeError(f"{operation.name}: {seen.errors}")
    return figure(seen, metered)


def _bare_round(stage: Stage, operation: Operation, answer_bytes: int, seed: int) -> Figure:
    assert stage.bare is not None
    method = f"/bare.Answer/{answer_bytes}"
    with Meter([stage.bare]).run() as metered:
        seen = loader.unary(
            stage.caller(operation.caller), stage.bare_target, method, operation.requests,
            callers=stage.plan.callers, seconds=stage.plan.seconds, seed=seed,
        )  # fmt: skip
    return figure(seen, metered)


@contextmanager
def _bare(stage: Stage) -> Iterator[None]:
    port, ready = free_port(), stage.folder / "bare.ready"
    pki = stage.vault.folder / "pki"
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.bare", str(port), str(pki), str(ready)], cwd=ROOT
    )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the bare server did not start")
            time.sleep(0.02)
        bind_server(process.pid)
        stage.bare, stage.bare_target = psutil.Process(process.pid), f"localhost:{port}"
        yield
    finally:
        process.terminate()
        process.wait()
