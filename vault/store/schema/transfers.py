"""Files that came from another vault, and those that went to one.

Opaque names, digests and times; what the records hold is sealed in their own tables.
"""

from sqlalchemy import Index, PrimaryKeyConstraint, Table

from vault.store.schema.columns import (
    bytes_column,
    data_metadata,
    int_column,
    long_column,
    text_column,
)

departures = Table(
    "departures",
    data_metadata,
    text_column("institution"),
    text_column("customer"),
    text_column("departure"),
    int_column("version"),
    long_column("recorded_at"),
    text_column("recorded_by"),
    text_column("recipient"),
    bytes_column("manifest_sha256"),
    text_column("received_as"),
    bytes_column("note"),
    PrimaryKeyConstraint("institution", "customer", "departure", "version"),
)

arrivals = Table(
    "arrivals",
    data_metadata,
    text_column("institution"),
    text_column("customer"),
    int_column("version"),
    long_column("recorded_at"),
    text_column("recorded_by"),
    text_column("origin_log"),
    text_column("origin"),
    bytes_column("manifest_sha256"),
    text_column("bundle"),
    bytes_column("note"),
    PrimaryKeyConstraint("institution", "customer", "version"),
    # A file comes once.
    Index(None, "institution", "origin_log", "origin", "version", unique=True),
)

origins = Table(
    "origins",
    data_metadata,
    text_column("institution"),
    text_column("customer"),
    text_column("record"),
    int_column("version"),
    text_column("scope"),
    long_column("recorded_at"),
    text_column("recorded_by"),
    PrimaryKeyConstraint("institution", "customer", "record", "version"),
)
