"""What is kept for how long, and what was disposed of. No table has a masked column, and none holds
more of a record than days."""

from sqlalchemy import Index, PrimaryKeyConstraint, Table

from vault.store.schema.columns import (
    bytes_column,
    data_metadata,
    int_column,
    long_column,
    text_column,
)

# What is destroyed together, and since when nothing was added: days count from 0001-01-01 = 1, and
# are 0 where there is none. `first_on` and `last_on` are of the bookings, `ended_on` is when the
# relationship ended, in the row of the identity alone.
scopes = Table(
    "scopes",
    data_metadata,
    text_column("institution"),
    text_column("customer"),
    text_column("scope"),
    int_column("first_on"),
    int_column("last_on"),
    int_column("ended_on"),
    PrimaryKeyConstraint("institution", "customer", "scope"),
    sqlite_with_rowid=False,
)

# Every step of a disposal is a new version; the current one has the highest number.
disposals = Table(
    "disposals",
    data_metadata,
    text_column("institution"),
    text_column("disposal"),
    int_column("version"),
    text_column("stage"),
    long_column("recorded_at"),
    text_column("recorded_by"),
    bytes_column("body"),
    PrimaryKeyConstraint("institution", "disposal", "version"),
)

# What a plan has, in its order: what falls due, and what is blocked. `record` is empty where it is
# a whole scope. `body` never changes, `stage` is how far it is.
disposal_items = Table(
    "disposal_items",
    data_metadata,
    text_column("institution"),
    text_column("disposal"),
    long_column("number"),
    text_column("customer"),
    text_column("scope"),
    text_column("record"),
    text_column("stage"),
    bytes_column("body"),
    PrimaryKeyConstraint("institution", "disposal", "number"),
    Index(None, "institution", "disposal", "stage", "number"),
)

# What stands in the place of what was disposed of: how many rows there were.
tombstones = Table(
    "tombstones",
    data_metadata,
    text_column("institution"),
    text_column("customer"),
    text_column("scope"),
    text_column("record"),
    text_column("disposal"),
    long_column("disposed_at"),
    long_column("rows"),
    PrimaryKeyConstraint("institution", "customer", "scope", "record"),
    sqlite_with_rowid=False,
)

# Holds: of whom, by which authority and for how long stands in the sealed column alone, under the
# key of the compartment that it is in.
compartment_holds = Table(
    "compartment_holds",
    data_metadata,
    text_column("institution"),
    text_column("compartment"),
    text_column("hold"),
    int_column("version"),
    long_column("recorded_at"),
    text_column("recorded_by"),
    bytes_column("sealed"),
    PrimaryKeyConstraint("institution", "compartment", "hold", "version"),
)
