"""Signing keys of a test's log, and the sequencer that uses them."""

import time
from pathlib import Path
from typing import Any

from vault.audit.sequencer import Sequencer, SequencerSettings
from vault.audit.signers import Signers, receipt_name
from vault.kms.signing import Algorithm, Purpose, SigningKeys, create_signing_keys
from vault.store import Database

ORIGIN = "demo.bank/log"


def clock() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000


def log_signers(folder: Path, *algorithms: Algorithm) -> Signers:
    """Signers over new keys in a folder, or over those that are there."""
    if not (folder / "log.signing").exists():
        create_signing_keys(folder, Purpose.LOG, algorithms or (Algorithm.ED25519,))
    return Signers(SigningKeys(folder, Purpose.LOG), ORIGIN, clock, check_every=0)


def receipt_signers(folder: Path) -> Signers:
    """As `log_signers`, for receipts."""
    if not (folder / "receipt.signing").exists():
        create_signing_keys(folder, Purpose.RECEIPT)
    return Signers(SigningKeys(folder, Purpose.RECEIPT), receipt_name(ORIGIN), clock, check_every=0)


def sequencer(database: Database, folder: Path, **options: Any) -> Sequencer:
    """A sequencer with the keys of a folder. `interval`, `lease` and `chunk` are its settings."""
    settings = {k: options.pop(k) for k in ("interval", "lease", "chunk") if k in options}
    return Sequencer(
        database,
        log_signers(folder),
        options.pop("clock", clock),
        SequencerSettings(**settings),
        **options,
    )
