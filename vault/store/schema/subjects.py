"""What persons ask about their own data, and how they were answered."""

from sqlalchemy import Index, PrimaryKeyConstraint, Table

from vault.store.schema.columns import (
    bytes_column,
    data_metadata,
    int_column,
    long_column,
    text_column,
)

# Every step of a request is a new version; the current one has the highest number. No word of what
# was asked or answered is in it, so that it stays when the file goes: `body` has days, the rule and
# the outcome. `due_on` counts from 0001-01-01 = 1, `closed` is 0 or 1.
subject_requests = Table(
    "subject_requests",
    data_metadata,
    text_column("institution"),
    text_column("customer"),
    text_column("request"),
    int_column("version"),
    text_column("kind"),
    int_column("closed"),
    int_column("due_on"),
    long_column("recorded_at"),
    text_column("recorded_by"),
    bytes_column("body"),
    PrimaryKeyConstraint("institution", "customer", "request", "version"),
    Index(None, "institution", "closed", "due_on", "customer", "request"),
)

# What was asked and answered, sealed with the customer's file: its key goes with the file, and so
# do these rows.
subject_words = Table(
    "subject_words",
    data_metadata,
    text_column("institution"),
    text_column("customer"),
    text_column("request"),
    int_column("version"),
    bytes_column("sealed"),
    PrimaryKeyConstraint("institution", "customer", "request", "version"),
)
