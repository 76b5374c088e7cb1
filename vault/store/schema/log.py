"""The log of every call: its events, its tree, its archive."""

from sqlalchemy import CheckConstraint, Index, PrimaryKeyConstraint, Table

from vault.store.schema.columns import (
    bytes_column,
    data_metadata,
    int_column,
    long_column,
    text_column,
)

audit_events = Table(
    "audit_events",
    data_metadata,
    long_column("position"),
    text_column("institution"),
    text_column("actor"),
    text_column("action"),
    text_column("decision"),
    long_column("recorded_at"),
    bytes_column("leaf"),
    bytes_column("chain"),
    PrimaryKeyConstraint("position"),
    Index(None, "institution", "actor", "position"),
)

# Which events concern a customer: one that a page, a search or an import names is found as well as
# the one that a call was about. Derived from the leaves, and compared with them by the check.
audit_customers = Table(
    "audit_customers",
    data_metadata,
    text_column("institution"),
    text_column("customer"),
    long_column("position"),
    PrimaryKeyConstraint("institution", "customer", "position"),
    sqlite_with_rowid=False,
)

audit_head = Table(
    "audit_head",
    data_metadata,
    int_column("id"),
    long_column("size"),
    bytes_column("chain"),
    long_column("recorded_at"),
    PrimaryKeyConstraint("id"),
    CheckConstraint("id = 1", name="one_row"),
)

# The Merkle tree over the log's leaves, as hash tiles of C2SP tlog-tiles: of each tile the widest
# that there is. A full tile is never written again.
log_tiles = Table(
    "log_tiles",
    data_metadata,
    int_column("level"),
    long_column("tile_index"),
    int_column("width"),
    bytes_column("data"),
    PrimaryKeyConstraint("level", "tile_index"),
)

# Signed tree heads. That `size` is the key keeps a second tree of one size out.
log_checkpoints = Table(
    "log_checkpoints",
    data_metadata,
    long_column("size"),
    bytes_column("root"),
    bytes_column("note"),
    long_column("fence"),
    long_column("signed_at"),
    PrimaryKeyConstraint("size"),
)

# Who integrates and signs. The fence grows whenever it changes hands.
log_lease = Table(
    "log_lease",
    data_metadata,
    int_column("id"),
    text_column("holder"),
    long_column("fence"),
    long_column("expires_at"),
    PrimaryKeyConstraint("id"),
    CheckConstraint("id = 1", name="one_row"),
)

# Entry bundles of 256 leaves that were moved out of `audit_events`, always the log's oldest ones
# without a gap. `chain` is the hash chain's value behind the bundle's last leaf, `times` holds when
# the log took each of its events (vault/audit/bundle_times.py).
log_bundles = Table(
    "log_bundles",
    data_metadata,
    long_column("bundle"),
    bytes_column("sha256"),
    bytes_column("chain"),
    long_column("first_at"),
    long_column("last_at"),
    bytes_column("times"),
    PrimaryKeyConstraint("bundle"),
)

# In which of those a customer or an actor is found: once a bundle, where `audit_customers` and the
# index of `audit_events` have a row an event.
log_bundle_terms = Table(
    "log_bundle_terms",
    data_metadata,
    text_column("institution"),
    text_column("kind"),
    text_column("term"),
    long_column("bundle"),
    PrimaryKeyConstraint("institution", "kind", "term", "bundle"),
    sqlite_with_rowid=False,
)
