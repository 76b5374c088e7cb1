"""Offline verification of an exported log: events a second of one core."""

import time
from collections.abc import Iterator
from pathlib import Path

from bench.log_results import Verified
from tests.support.log_exports import export_of
from tests.support.log_keys import ORIGIN, log_signers
from vault.audit import AuditEvent, encode
from vault.audit.log_sources import FolderSource
from vault.audit.verify import verify_log


def export(events: Iterator[AuditEvent], folder: Path, keys: Path) -> None:
    """Write a log of these events as `vaultctl audit export` does, signed with keys of `keys`.

    Without a database between and without syncs, neither of which is what is measured.
    """
    leaves = [encode(event) for event in events]
    files = export_of(leaves, ORIGIN, log_signers(keys).signers()[0]).files
    for path, data in files.items():
        _write(folder / path, data)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def verified(folder: Path, keys: Path) -> Verified:
    """One round. Raises RuntimeError if the log does not hold."""
    verifiers = log_signers(keys).verifiers()
    began, cpu = time.perf_counter(), time.process_time()
    result = verify_log(FolderSource(folder), verifiers, ORIGIN, workers=1)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - began
    if not result.holds or result.leaves != result.size:
        raise RuntimeError(f"the exported log does not hold: {result.findings[:3]}")
    stored = sum(p.stat().st_size for p in (folder / "tile" / "entries").rglob("*") if p.is_file())
    size = result.size
    return Verified(size, stored / size, size / wall, size / cpu)
