"""What the masked tier's database role may touch.

roles.py grants exactly this on PostgreSQL and database.py enforces it in process on SQLite. Table
name -> readable columns; a table absent from all of these is out of reach.
"""

from vault.store.schema.access import (
    approved_head,
    masked_sightings,
    masked_spent,
    proposal_signatures,
    proposals,
)
from vault.store.schema.contents import content_leaves, contents
from vault.store.schema.keys import masked_branch_keys, masked_file_keys
from vault.store.schema.log import audit_head, log_checkpoints, log_tiles
from vault.store.schema.records import customers, documents, transaction_links, transactions

MASKED_READABLE: dict[str, frozenset[str]] = {
    "customers": frozenset(c.name for c in customers.columns) - {"sealed"},
    "documents": frozenset(c.name for c in documents.columns) - {"sealed"},
    "transactions": frozenset(c.name for c in transactions.columns) - {"sealed"},
    "contents": frozenset(c.name for c in contents.columns) - {"sealed"},
    "content_leaves": frozenset(c.name for c in content_leaves.columns),
    "transaction_links": frozenset(c.name for c in transaction_links.columns),
    # Policies and principals act on both tiers.
    "proposals": frozenset(c.name for c in proposals.columns),
    "proposal_signatures": frozenset(c.name for c in proposal_signatures.columns),
    "approved_head": frozenset(c.name for c in approved_head.columns),
    # Its calls are held to the same budgets and rules, and a decoy is one on both tiers.
    "masked_spent": frozenset(c.name for c in masked_spent.columns),
    "masked_sightings": frozenset(c.name for c in masked_sightings.columns),
    "decoys": frozenset({"institution", "customer", "version", "decoy"}),
    "audit_head": frozenset(c.name for c in audit_head.columns),
    # Hashes and signatures alone: by them a masked node finds that the log was set back.
    "audit_events": frozenset({"position", "chain"}),
    "log_tiles": frozenset(c.name for c in log_tiles.columns),
    "log_checkpoints": frozenset(c.name for c in log_checkpoints.columns),
    "masked_branch_keys": frozenset(c.name for c in masked_branch_keys.columns),
    "masked_file_keys": frozenset(c.name for c in masked_file_keys.columns),
}
MASKED_INSERTABLE = frozenset(
    {"audit_events", "audit_customers", "masked_sightings", "masked_spent"}
)
MASKED_UPDATABLE: dict[str, frozenset[str]] = {
    "audit_head": frozenset({"size", "chain", "recorded_at"})
}
