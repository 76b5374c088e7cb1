"""The use cases on a real store, with real keys and a real log, without a server."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.principals import principal_of
from vault.access import Action, PolicyEngine, ResourceRef
from vault.access.lending.classes import read_classes
from vault.access.proposals import Proposal
from vault.audit import AuditEvent, AuditLog, decode
from vault.audit.reader import read
from vault.kms import KekName, LocalFileKms, create_local_keks
from vault.records import Branch, Customer
from vault.sealing import Clock, KeyRing, SystemClock
from vault.services.borrowing import Borrowing
from vault.services.call import Call, Trace
from vault.services.custody import Custody
from vault.services.keys import Keys
from vault.services.lookup import Budget, LocalOracle
from vault.services.masked import MaskedReading
from vault.services.merging.standing import Merges
from vault.services.reach import FullReach
from vault.services.reading import Reading
from vault.services.recording import Recorder
from vault.services.replays import Replays
from vault.services.sensitive_files import SensitiveFiles
from vault.services.storing import Storing
from vault.services.updating import Updating
from vault.store import Database, KeyStore

BANK = "demo-bank"
_POLICY = PolicyEngine.load()
KEPT = Custody(lambda _, customer: _keeper(customer), lambda _, name: name != "")
"""Whoever a file names may keep it, and one that names nobody is kept by the institution's."""


def _keeper(customer: Customer) -> str:
    relationship = customer.relationship
    return (relationship.custodian if relationship is not None else "") or "keeper"


class SteppedClock(SystemClock):
    """The system's clock, whose monotonic time is moved by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


def allowed(
    action: Action,
    customer: str = "",
    *,
    role: str = "ingestor",
    name: str = "somebody",
    on_behalf_of: str = "",
    branches: Iterable[str] | None = None,
    classes: Iterable[str] | None = None,
    purpose: str = "DATA_QUALITY",
) -> Call:
    """A call that policy has allowed, as the pipeline hands it to a use case; by who is held to
    branches and classes, where they are given."""
    institution = "" if role == "masked_node" else BANK
    principal = principal_of(
        role, institution=institution, name=name, branches=branches, classes=classes
    )
    reference = ResourceRef(BANK, customer, action.kind)
    decision = _POLICY.decide(principal, action, reference, purpose)
    assert decision.allowed, decision.en
    return Call(
        call_id="01jd0000000000000000000000",
        tier="full",
        action=action.value,
        peer="127.0.0.1:5000",
        workload=principal.workload,
        principal=principal,
        decision=decision,
        on_behalf_of=on_behalf_of,
        trace=Trace(institution=BANK, customer=customer),
    )


@dataclass
class UseCases:
    """All of them."""

    database: Database
    ring: KeyRing
    keys: Keys
    log: AuditLog
    clock: SteppedClock = field(default_factory=SteppedClock)
    searches: int = 100
    searches_of_a_node: int = 1_000
    agreed: Sequence[Proposal] = ()
    """What two persons have agreed to about files that are one; another sequence for more."""

    def __post_init__(self) -> None:
        merges = Merges(lambda: self.agreed)
        recorder = Recorder(self.log, self.clock)
        replays = Replays(self.database)
        reach = FullReach(self.database, self.keys, self.clock)
        self.reading = Reading(self.database, self.keys, reach, merges)
        self.storing = Storing(
            self.database, self.keys, recorder, replays, self.clock, KEPT, merges=merges
        )
        self.updating = Updating(
            self.database,
            self.reading,
            self.keys,
            recorder,
            replays,
            self.clock,
            KEPT,
            merges=merges,
        )
        self.oracle = LocalOracle(
            self.database,
            self.keys,
            Budget(self.searches, self.clock),
            Budget(self.searches_of_a_node, self.clock),
            merges,
        )
        self.masked = MaskedReading(self.database, self.keys, self.oracle, merges)

    def events(self) -> list[AuditEvent]:
        """What the log has."""
        return [decode(e.leaf) for e in self.database.read_sync(lambda c: read(c, 0, 1000)).events]


@asynccontextmanager
async def use_cases(
    database: Database, folder: Path, *, keks: Path | None = None, **limits: Any
) -> AsyncIterator[UseCases]:
    """The use cases of a bank that has its keys; `keks` is the folder of those that there are."""
    keks = keks or folder / "kms"
    if not keks.exists():
        keks.mkdir(mode=0o700)
        create_local_keks(keks, list(KekName))
    ring = KeyRing(LocalFileKms(keks), KeyStore(database), frozenset(Branch))
    keys = Keys(ring, database)
    clock = SteppedClock()
    log = AuditLog(database, clock.now_micros)
    await log.start()
    try:
        await keys.open_institution(BANK)
        yield UseCases(database, ring, keys, log, clock, **limits)
    finally:
        await log.stop()
        keys.close()


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a test's coroutine."""
    asyncio.run(asyncio.wait_for(main(), 60))


def borrowing_of(database: Database, keys: Keys, recorder: Recorder, clock: Clock) -> Borrowing:
    """Check-outs as reads use them, by the packaged classes."""
    reach = FullReach(database, keys, clock)
    sensitive = SensitiveFiles(database, reach, read_classes())
    return Borrowing(database, keys, recorder, clock, sensitive)
