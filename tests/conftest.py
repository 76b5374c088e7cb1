"""Fixtures that several rooms' tests use."""

from datetime import timedelta

from hypothesis import settings

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

# `make fuzz`; the default profile is the one of every run. No deadline: a shared machine is slow at
# times, and a property is not a benchmark.
settings.register_profile("fuzz", max_examples=5_000, deadline=None)
settings.register_profile("default", deadline=timedelta(seconds=5))
settings.load_profile("default")
