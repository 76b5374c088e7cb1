"""A key store with an institution's keys, and the room that rotates them, on a real database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection

from vault.access.proposals import Kind, Proposal, Stage
from vault.audit import AuditEvent, AuditLog
from vault.audit.event import decode
from vault.audit.reader import get as event_at
from vault.audit.reader import head
from vault.kms import KekName, LocalFileKms, create_local_keks
from vault.kms.several import SeveralKms
from vault.records import Branch, ScopeRef, new_ulid
from vault.sealing import ALL_BRANCHES, KeyRing, KeyRingLimits, SystemClock
from vault.sealing.rotating import Rotating
from vault.services.rotation.runner import KeyRunner
from vault.services.rotation.steps import Key, Step, Verb, to_content
from vault.services.rotation.work import Ground, JobRow
from vault.store import Database, KeyStore, key_jobs, key_versions

BANK = "bank-one"
CLOCK = SystemClock()
FAST = 1_000_000
"""Keys a second: as fast as it goes."""


def keks(folder: Path, names: Iterable[KekName] = tuple(KekName)) -> Path:
    """A folder of new local KEKs."""
    create_local_keks(folder, list(names))
    return folder


def several(database: Database, folder: Path, **others: Path) -> SeveralKms:
    """A node's KEKs: of `folder`, and of other folders by name."""
    return SeveralKms(
        LocalFileKms(folder),
        {name: LocalFileKms(other) for name, other in others.items()},
        lambda: database.read_sync(key_versions.custody),
    )


@dataclass
class Room:
    """Of one process: its key ring, and its runner, which carries out what `agree` is given."""

    database: Database
    kms: SeveralKms
    branches: frozenset[Branch] = ALL_BRANCHES
    lease_seconds: float = 10.0
    owner: str = "process-one"
    agreed: list[Proposal] = field(default_factory=list)
    may: bool = True

    def __post_init__(self) -> None:
        self.store = KeyStore(self.database)
        self.ring = KeyRing(self.kms, self.store, self.branches, KeyRingLimits(), CLOCK)
        rotating = Rotating(self.ring, self.kms, self.store, CLOCK)
        self.ground = Ground(
            self.database, self.store, self.ring, self.kms, rotating, CLOCK, self.lease_seconds
        )
        self.log = AuditLog(self.database, CLOCK.now_micros)
        self.runner = KeyRunner(
            self.ground, self.log, lambda: self.agreed, self.owner, may=lambda: self.may
        )

    def agree(self, key: Key, verb: Verb, *, institution: str = BANK, **more: object) -> str:
        """Put a step where approved ones are; its identifier."""
        now = CLOCK.now_micros()
        step = Step(key, verb, **more)  # type: ignore[arg-type]  # version, rate, provider
        made = Proposal(
            institution="" if key.of_vault else institution,
            identifier=new_ulid(now // 1000),
            kind=Kind.KEYS,
            content=to_content(step),
            reason="why",
            proposer="operator",
            proposer_person="p-1",
            proposed_at=now,
            lapses_at=now + 1,
            stage=Stage.APPROVED,
            decided_at=now,
            applied=len(self.agreed) + 1,
        )
        self.agreed.append(made)
        return made.identifier

    async def finish(self) -> None:
        """Carry out all that was agreed."""
        await self.log.start()
        try:
            while await self.runner.look():
                pass
        finally:
            await self.log.stop()

    def do(self, key: Key, verb: Verb, **more: object) -> JobRow:
        """Agree to a step and carry it out; how it ended."""
        more.setdefault("rate", FAST)
        identifier = self.agree(key, verb, **more)  # type: ignore[arg-type]  # as above
        asyncio.run(self.finish())
        return self.job(key, identifier)

    def job(self, key: Key, identifier: str) -> JobRow:
        """A job as it stands."""
        institution = "" if key.of_vault else BANK
        found = self.database.read_sync(lambda conn: key_jobs.get(conn, institution, identifier))
        assert found is not None
        return found

    def has(self, key: Key, identifier: str, what: Callable[[JobRow], bool]) -> bool:
        """Whether there is such a job yet, and it is like that."""
        institution = "" if key.of_vault else BANK
        found = self.database.read_sync(lambda conn: key_jobs.get(conn, institution, identifier))
        return found is not None and what(found)

    def versions(self, branch: Branch) -> dict[int, int]:
        """How many file keys hang under each version."""
        found = self.database.read_sync(lambda conn: key_versions.versions(conn, branch, BANK))
        return {one.version: one.hanging for one in found}

    def events(self) -> list[AuditEvent]:
        """What the log says."""

        def read(conn: Connection) -> list[AuditEvent]:
            found = [event_at(conn, n) for n in range(1, head(conn).size + 1)]
            return [decode(stored.leaf) for stored in found if stored is not None]

        return self.database.read_sync(read)


def refs(count: int, first: int = 0) -> list[ScopeRef]:
    """Scopes of customers, one each."""
    return [ScopeRef(BANK, f"c{n:06d}", "identity") for n in range(first, first + count)]
