"""Says which cipher suite each institution has, and which of its keys are of another one yet."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from vault.kms import KmsError
from vault.records import Branch
from vault.sealing import KeyRing, SealingError
from vault.services.health import Check, Probe, State
from vault.store import KeyStore, StoreError


def suites_probe(ring: KeyRing, keystore: KeyStore, institutions: Sequence[str]) -> Probe:
    """Every institution's newest keys are of the suite that it seals with."""

    def others(institution: str) -> list[str]:
        suite = ring.suite_of(institution)
        found = []
        for branch in Branch:
            row = keystore.newest_branch_key(branch, institution)
            key = row and ring.branch_key(branch, institution, row.version)
            if key and key.suite is not suite:
                found.append(f"branch-{branch.value}")
        newest = keystore.newest_index_key(institution)
        if newest and ring.index_key(institution, newest.version).suite is not suite:
            found.append("index")
        return found

    async def probe() -> Check:
        told, late = [], []
        for institution in institutions:
            told.append(f"{institution}: {ring.suite_of(institution).name}")
            try:
                names = await asyncio.to_thread(others, institution)
            except (KmsError, StoreError, SealingError):
                continue  # whoever looks at the key store and the KMS says so
            if names:
                late.append(f"{institution}: {', '.join(names)}")
        detail = "; ".join(told) or "no institution is configured"
        if late:
            return Check(
                "suites",
                State.WARNING,
                f"{detail}. Keys of another suite: {'; '.join(late)}",
                "rotate and rewrap these keys (docs/how-to/operator.md); all of it opens meanwhile",
            )
        return Check("suites", State.OK, detail)

    return probe
