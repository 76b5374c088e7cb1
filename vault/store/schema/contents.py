"""Contents of documents and of vouchers: uploads under way, their segments, and what was stored.

The bytes are objects (vault/blobs); here stands which ones they are.
"""

from sqlalchemy import Index, PrimaryKeyConstraint, Table

from vault.store.schema.columns import (
    bytes_column,
    data_metadata,
    int_column,
    long_column,
    text_column,
)

uploads = Table(
    "uploads",
    data_metadata,
    text_column("institution"),
    text_column("customer"),
    text_column("upload"),
    text_column("record"),
    text_column("scope"),
    int_column("page"),
    text_column("principal"),
    text_column("request_id"),
    text_column("content_type"),
    long_column("size"),
    long_column("started_at"),
    long_column("touched_at"),
    int_column("segments"),
    long_column("received"),
    int_column("version"),
    bytes_column("sealed"),
    PrimaryKeyConstraint("institution", "customer", "upload"),
    Index(None, "institution", "customer", "request_id"),
)

content_segments = Table(
    "content_segments",
    data_metadata,
    text_column("institution"),
    text_column("customer"),
    text_column("upload"),
    int_column("number"),
    text_column("object"),
    long_column("size"),
    bytes_column("sha256"),
    int_column("durable"),
    PrimaryKeyConstraint("institution", "customer", "upload", "number", "object"),
    sqlite_with_rowid=False,
)

contents = Table(
    "contents",
    data_metadata,
    text_column("institution"),
    text_column("customer"),
    text_column("record"),
    int_column("page"),
    int_column("version"),
    text_column("scope"),
    long_column("recorded_at"),
    text_column("recorded_by"),
    text_column("upload"),
    text_column("content_type"),
    long_column("size"),
    int_column("segments"),
    bytes_column("segments_sha256"),
    int_column("leaves"),
    bytes_column("leaves_sha256"),
    bytes_column("sealed"),
    PrimaryKeyConstraint("institution", "customer", "record", "page", "version"),
)

content_leaves = Table(
    "content_leaves",
    data_metadata,
    text_column("institution"),
    text_column("customer"),
    text_column("record"),
    int_column("page"),
    int_column("version"),
    int_column("leaf"),
    bytes_column("masked"),
    PrimaryKeyConstraint("institution", "customer", "record", "page", "version", "leaf"),
)
