"""One institution's keys over a key store in memory, with a KMS and a clock that tests turn."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.key_faults import SwitchableKms, TurnedClock
from tests.support.memory_keystore import MemoryKeyStore
from vault.kms import KekName, LocalFileKms, create_local_keks
from vault.records.scopes import Branch, ScopeRef
from vault.sealing import (
    AES_256_GCM,
    ALL_BRANCHES,
    SUITES,
    FullFileKey,
    KeyRing,
    KeyRingLimits,
    MaskedFileKey,
    Suite,
)

BANK = "bank-one"


@dataclass
class Keys:
    """`kms` holds all three KEKs; `ring` is a full node's. `suite` is that of every institution,
    and may be changed."""

    directory: Path
    kms: SwitchableKms
    store: MemoryKeyStore = field(default_factory=MemoryKeyStore)
    clock: TurnedClock = field(default_factory=TurnedClock)
    limits: KeyRingLimits = field(
        default_factory=lambda: KeyRingLimits(file_key_ttl=60.0, branch_key_ttl=1_600.0)
    )
    suite: Suite = AES_256_GCM

    def new_ring(
        self, branches: frozenset[Branch] = ALL_BRANCHES, limits: KeyRingLimits | None = None
    ) -> KeyRing:
        return KeyRing(
            self.kms, self.store, branches, limits or self.limits, self.clock, lambda _: self.suite
        )

    def full(self, ring: KeyRing, ref: ScopeRef) -> FullFileKey:
        ring.ensure([ref])
        return ring.fetch(Branch.FULL, [ref])[ref]

    def masked(self, ring: KeyRing, ref: ScopeRef) -> MaskedFileKey:
        ring.ensure([ref])
        return ring.fetch(Branch.MASKED, [ref])[ref]


@pytest.fixture(params=SUITES, ids=[suite.name for suite in SUITES])
def keys(tmp_path: Path, request: pytest.FixtureRequest) -> Keys:
    directory = tmp_path / "keys"
    create_local_keks(directory, list(KekName))
    return Keys(directory, SwitchableKms(LocalFileKms(directory)), suite=request.param)


@pytest.fixture
def ring(keys: Keys) -> KeyRing:
    ring = keys.new_ring()
    ring.open_institution(BANK)
    return ring
