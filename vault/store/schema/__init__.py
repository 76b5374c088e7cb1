"""The tables, as SQLAlchemy Core metadata: what the migrations must add up to.

Two metadata collections, because the key store may live in another database with backups of
its own: `data_metadata` and `keys_metadata`. Every key and index leads with the institution
(and the customer, where the table has one), so that a distributed PostgreSQL can shard it.

Times are BIGINT microseconds since the Unix epoch, UTC. Text compares by code point on both
databases (PostgreSQL: collation "C"), so that key paging agrees with Python's order.
"""

from vault.store.schema.access import (
    approved_head,
    check_outs,
    decoys,
    full_sightings,
    full_spent,
    masked_sightings,
    masked_spent,
    proposal_signatures,
    proposals,
)
from vault.store.schema.columns import (
    data_metadata,
    keys_metadata,
    micros_type,
    text_type,
)
from vault.store.schema.compartments import (
    compartment_items,
    compartment_members,
    compartments,
)
from vault.store.schema.contents import (
    content_leaves,
    content_segments,
    contents,
    uploads,
)
from vault.store.schema.keys import (
    full_branch_keys,
    full_file_keys,
    index_keys,
    kek_custody,
    key_jobs,
    masked_branch_keys,
    masked_file_keys,
    shredded_scopes,
)
from vault.store.schema.log import (
    audit_customers,
    audit_events,
    audit_head,
    log_bundle_terms,
    log_bundles,
    log_checkpoints,
    log_lease,
    log_tiles,
)
from vault.store.schema.masked import (
    MASKED_INSERTABLE,
    MASKED_READABLE,
    MASKED_UPDATABLE,
)
from vault.store.schema.records import (
    blind_index,
    customers,
    documents,
    identity_claims,
    index_state,
    requests,
    shred_list,
    transaction_links,
    transactions,
)
from vault.store.schema.reminders import reminder_runs
from vault.store.schema.retention import (
    compartment_holds,
    disposal_items,
    disposals,
    scopes,
    tombstones,
)
from vault.store.schema.subjects import subject_requests, subject_words
from vault.store.schema.transfers import arrivals, departures, origins

__all__ = [
    "MASKED_INSERTABLE",
    "MASKED_READABLE",
    "MASKED_UPDATABLE",
    "approved_head",
    "arrivals",
    "audit_customers",
    "audit_events",
    "audit_head",
    "blind_index",
    "check_outs",
    "compartment_holds",
    "compartment_items",
    "compartment_members",
    "compartments",
    "content_leaves",
    "content_segments",
    "contents",
    "customers",
    "data_metadata",
    "decoys",
    "departures",
    "disposal_items",
    "disposals",
    "documents",
    "full_branch_keys",
    "full_file_keys",
    "full_sightings",
    "full_spent",
    "identity_claims",
    "index_keys",
    "index_state",
    "kek_custody",
    "key_jobs",
    "keys_metadata",
    "log_bundle_terms",
    "log_bundles",
    "log_checkpoints",
    "log_lease",
    "log_tiles",
    "masked_branch_keys",
    "masked_file_keys",
    "masked_sightings",
    "masked_spent",
    "micros_type",
    "origins",
    "proposal_signatures",
    "proposals",
    "reminder_runs",
    "requests",
    "scopes",
    "shred_list",
    "shredded_scopes",
    "subject_requests",
    "subject_words",
    "text_type",
    "tombstones",
    "transaction_links",
    "transactions",
    "uploads",
]
