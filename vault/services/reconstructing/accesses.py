"""A call of the transaction as a bundle lists it: what its event says, without the caller's
address, and where its leaf and proof are."""

from __future__ import annotations

from typing import Any

from vault.audit.event import format_time
from vault.bundles.evidence import leaf_path, proof_path
from vault.services.reconstructing.proofs import Access


def who(access: Access) -> str:
    """The principal, and the person whom a program acted for."""
    event = access.event
    person = event.on_behalf_of or event.person
    return f"{person} ({event.actor})" if person else event.actor


def access_json(access: Access) -> dict[str, Any]:
    """For programs."""
    event = access.event
    return {
        "time": format_time(event.time),
        "action": event.action,
        "tier": event.tier,
        "actor": event.actor,
        "on_behalf_of": event.on_behalf_of or event.person,
        "purpose": event.purpose,
        "fields": list(event.fields),
        "event": leaf_path(access.index),
        "proof": proof_path(access.index),
    }
