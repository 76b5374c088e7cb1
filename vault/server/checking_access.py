"""Looks over what changes access: its keys, and whether what was approved is as it was signed."""

from __future__ import annotations

from pathlib import Path

from vault.audit.signers import access_name
from vault.kms.signing import Purpose
from vault.server.migrating import SchemaOutOfDate, require_migrated
from vault.server.parts import databases
from vault.server.public_keys import PublicKeys
from vault.server.settings import Settings, TierName
from vault.server.signing import verifier_keys
from vault.services.proposal_signing import ProposalVerifier
from vault.services.verify_approvals import verify_approvals
from vault.store import StoreAltered, StoreError


def look_at_access(settings: Settings, config: Path) -> str:
    """The keys are there, and the tier would take what is approved.

    Raises SettingsInvalid, KmsError, StoreAltered, StoreError.
    """
    full = settings.tier is TierName.FULL
    keys = (
        verifier_keys(settings, Purpose.ACCESS)
        if full
        else [*PublicKeys.of_access(settings).verifiers()]
    )
    told = f"{len(keys)} public keys"
    try:
        require_migrated(settings, config)
    except (SchemaOutOfDate, StoreError):
        # The finding about the database says it.
        return f"{told}; the database is not ready"
    data, other = databases(settings)
    try:
        verifier = ProposalVerifier(access_name(settings.log.origin), lambda: keys)
        found = list(verify_approvals(data, verifier))
    finally:
        data.dispose()
        if other is not data:
            other.dispose()
    if found:
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        raise StoreAltered(
            f"{found[0].place}: {found[0].detail}{more}; the tier will not start: "
            "docs/how-to/operator.md, When approved access was altered"
        )
    return f"{told}; what was approved is as it was signed"
