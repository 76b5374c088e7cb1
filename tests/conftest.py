"""Fixtures that several rooms' tests use."""

from tests.support.databases import (
    _sqlite_template,
    database,
    database_url,
    dialect,
    masked_url,
    migrated_url,
    open_database,
    postgres_server,
    postgres_url,
    sqlite_url,
)

__all__ = [
    "_sqlite_template",
    "database",
    "database_url",
    "dialect",
    "masked_url",
    "migrated_url",
    "open_database",
    "postgres_server",
    "postgres_url",
    "sqlite_url",
]
