"""Compartments: of whom and what they are stands in the sealed columns alone, and which customer an
item is about in a keyed hash of its own for each compartment. No table has a masked column."""

from sqlalchemy import Index, PrimaryKeyConstraint, Table

from vault.store.schema.columns import (
    bytes_column,
    data_metadata,
    int_column,
    long_column,
    text_column,
)

compartments = Table(
    "compartments",
    data_metadata,
    text_column("institution"),
    text_column("compartment"),
    int_column("version"),
    long_column("recorded_at"),
    text_column("recorded_by"),
    bytes_column("sealed"),
    PrimaryKeyConstraint("institution", "compartment", "version"),
)

compartment_members = Table(
    "compartment_members",
    data_metadata,
    text_column("institution"),
    text_column("compartment"),
    text_column("person"),
    int_column("version"),
    text_column("agree_by"),
    long_column("recorded_at"),
    text_column("recorded_by"),
    bytes_column("sealed"),
    PrimaryKeyConstraint("institution", "compartment", "person", "version"),
    Index(None, "institution", "person", "compartment"),
)

compartment_items = Table(
    "compartment_items",
    data_metadata,
    text_column("institution"),
    text_column("compartment"),
    text_column("item"),
    bytes_column("subject"),
    long_column("recorded_at"),
    text_column("recorded_by"),
    bytes_column("sealed"),
    PrimaryKeyConstraint("institution", "compartment", "item"),
    Index(None, "institution", "compartment", "subject", "item"),
)
