"""A fake vault for a test, and clients of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from recordsvault_client import Profile, RetryPolicy, VaultClient
from tests.clients.fake_vault import FakeVault


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeVault]:
    """A vault of the test's own."""
    vault = FakeVault(tmp_path)
    yield vault
    vault.stop()


@pytest.fixture
def fast() -> RetryPolicy:
    """Retries without much waiting."""
    return RetryPolicy(initial=0.01, maximum=0.05)


@pytest.fixture
def vault(fake: FakeVault, fast: RetryPolicy) -> Iterator[VaultClient]:
    """A blocking client of both tiers."""
    with VaultClient(Profile.load(fake.profile()), retry=fast) as client:
        yield client
