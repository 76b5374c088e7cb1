"""Customers' files that go from one vault to another, with history and proofs.

Out go bundles (vault/bundles/transfer.py), sealed to the recipient, by a check-out of the
institution that two others agreed to. In comes one such bundle: kept, verified wholly by the public
key of a log that this vault was told to trust, and stored again version by version, as any write
is: sealed, indexed, claimed, with an event that has the hash of each row. What says so to the vault
that it came from is signed by this one's log.
"""

from vault.services.transferring.acknowledging import Acknowledging
from vault.services.transferring.arriving import Arriving, Received
from vault.services.transferring.ground import Entry
from vault.services.transferring.leaving import Leaving
from vault.services.transferring.showing import Showing, Shown
from vault.services.transferring.taking_over import Keeping

__all__ = [
    "Acknowledging",
    "Arriving",
    "Entry",
    "Keeping",
    "Leaving",
    "Received",
    "Showing",
    "Shown",
]
