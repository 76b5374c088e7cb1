"""The key store. One table a branch, so that a role can be granted the masked branch alone."""

from sqlalchemy import PrimaryKeyConstraint, Table

from vault.store.schema.columns import (
    bytes_column,
    int_column,
    keys_metadata,
    long_column,
    text_column,
)


def _institution_keys(name: str) -> Table:
    return Table(
        name,
        keys_metadata,
        text_column("institution"),
        int_column("version"),
        text_column("kek_version"),
        bytes_column("wrapped"),
        long_column("created_at"),
        PrimaryKeyConstraint("institution", "version"),
    )


def _file_keys(name: str) -> Table:
    return Table(
        name,
        keys_metadata,
        text_column("institution"),
        text_column("customer"),
        text_column("scope"),
        bytes_column("key_id"),
        int_column("branch_key_version"),
        bytes_column("wrapped"),
        long_column("created_at"),
        PrimaryKeyConstraint("institution", "customer", "scope"),
        sqlite_with_rowid=False,
    )


full_branch_keys = _institution_keys("full_branch_keys")
masked_branch_keys = _institution_keys("masked_branch_keys")
index_keys = _institution_keys("index_keys")
full_file_keys = _file_keys("full_file_keys")
masked_file_keys = _file_keys("masked_file_keys")
