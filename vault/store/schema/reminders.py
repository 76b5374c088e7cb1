"""How far the vault has reminded of what falls due: a row an institution, nothing of any file."""

from sqlalchemy import PrimaryKeyConstraint, Table

from vault.store.schema.columns import data_metadata, long_column, text_column

reminder_runs = Table(
    "reminder_runs",
    data_metadata,
    text_column("institution"),
    # Of the run that is under way, or was the last: its last day, when it began, and the customer
    # behind whom to go on, "~" at its end.
    text_column("horizon"),
    long_column("began_at"),
    text_column("after"),
    # The same of the run before it.
    text_column("before_horizon"),
    long_column("before_began_at"),
    PrimaryKeyConstraint("institution"),
    sqlite_with_rowid=False,
)
