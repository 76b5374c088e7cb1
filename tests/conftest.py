"""Fixtures that several rooms' tests use."""

from tests.support.databases import (
    _sqlite_template,
    database,
    database_url,
    dialect,
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
    "migrated_url",
    "open_database",
    "postgres_server",
    "postgres_url",
    "sqlite_url",
]
