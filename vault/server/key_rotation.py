"""The room of rotation, built from a tier's parts."""

from __future__ import annotations

import os
import secrets

from vault.sealing.rotating import Rotating
from vault.server.parts import Parts
from vault.services.rotation.index_work import IndexWork
from vault.services.rotation.record_work import RecordWork
from vault.services.rotation.runner import KeyRunner
from vault.services.rotation.steps import Key
from vault.services.rotation.work import Ground, Work
from vault.store import KeyStore


def ground(parts: Parts) -> Ground:
    """What work on keys stands on."""
    store = KeyStore(parts.keys_database)
    rotating = Rotating(parts.ring, parts.kms, store, parts.clock)
    return Ground(parts.keys_database, store, parts.ring, parts.kms, rotating, parts.clock)


def runner(parts: Parts) -> KeyRunner:
    """Carries out what was approved, in this process of the full tier."""
    # Of two processes with one number, on two machines, each leads its own jobs.
    owner = f"{os.getpid()}-{secrets.token_hex(8)}"
    on = ground(parts)
    extra: dict[Key, Work] = {
        Key.INDEX: IndexWork(on, parts.database),
        Key.RECORDS: RecordWork(on, parts.database, parts.log, parts.blobs),
    }
    recovery = parts.guard.recovery
    return KeyRunner(
        on,
        parts.log,
        lambda: parts.access.key_steps,
        owner,
        extra,
        may=lambda: not recovery.closed,
    )
