"""Records, what finds them, and the requests that stored them."""

from sqlalchemy import Index, PrimaryKeyConstraint, Table

from vault.store.schema.columns import (
    bytes_column,
    data_metadata,
    int_column,
    long_column,
    text_column,
)

customers = Table(
    "customers",
    data_metadata,
    text_column("institution"),
    text_column("customer"),
    int_column("version"),
    long_column("recorded_at"),
    text_column("recorded_by"),
    bytes_column("sealed"),
    bytes_column("masked"),
    PrimaryKeyConstraint("institution", "customer", "version"),
)

documents = Table(
    "documents",
    data_metadata,
    text_column("institution"),
    text_column("customer"),
    text_column("document"),
    int_column("version"),
    long_column("recorded_at"),
    text_column("recorded_by"),
    bytes_column("sealed"),
    bytes_column("masked"),
    PrimaryKeyConstraint("institution", "customer", "document", "version"),
)

transactions = Table(
    "transactions",
    data_metadata,
    text_column("institution"),
    text_column("customer"),
    text_column("transaction"),
    text_column("scope"),
    long_column("recorded_at"),
    text_column("recorded_by"),
    bytes_column("sealed"),
    bytes_column("masked"),
    PrimaryKeyConstraint("institution", "customer", "transaction"),
)

transaction_links = Table(
    "transaction_links",
    data_metadata,
    text_column("institution"),
    text_column("customer"),
    text_column("target"),
    text_column("kind"),
    text_column("transaction"),
    PrimaryKeyConstraint("institution", "customer", "target", "kind", "transaction"),
    sqlite_with_rowid=False,
)

blind_index = Table(
    "blind_index",
    data_metadata,
    text_column("institution"),
    text_column("kind"),
    bytes_column("token"),
    text_column("customer"),
    text_column("record"),
    PrimaryKeyConstraint("institution", "kind", "token", "customer", "record"),
    # The way back, for replacing a record's terms when a new version of it is written.
    Index(None, "institution", "customer", "record"),
    sqlite_with_rowid=False,
)

# What was destroyed, to be replayed over a key store that comes back from a backup.
shred_list = Table(
    "shred_list",
    data_metadata,
    text_column("institution"),
    text_column("customer"),
    text_column("scope"),
    long_column("shredded_at"),
    PrimaryKeyConstraint("institution", "customer", "scope"),
    sqlite_with_rowid=False,
)

# No row: the first version of the index key alone.
index_state = Table(
    "index_state",
    data_metadata,
    text_column("institution"),
    int_column("reading"),
    text_column("writing"),
    PrimaryKeyConstraint("institution"),
)

identity_claims = Table(
    "identity_claims",
    data_metadata,
    text_column("institution"),
    bytes_column("token"),
    text_column("customer"),
    PrimaryKeyConstraint("institution", "token"),
    sqlite_with_rowid=False,
)

requests = Table(
    "requests",
    data_metadata,
    text_column("institution"),
    text_column("principal"),
    text_column("request_id"),
    text_column("method"),
    bytes_column("fingerprint"),
    bytes_column("outcome"),
    long_column("recorded_at"),
    PrimaryKeyConstraint("institution", "principal", "request_id"),
)
