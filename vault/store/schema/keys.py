"""The key store. One table a branch, so that a role can be granted the masked branch alone."""

from sqlalchemy import Index, PrimaryKeyConstraint, Table

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
        bytes_column("key_id"),
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
        bytes_column("branch_key_id"),
        PrimaryKeyConstraint("institution", "customer", "scope"),
        # What still hangs under a version of the branch key: whom a rewrap takes next.
        Index(None, "institution", "branch_key_version"),
        sqlite_with_rowid=False,
    )


full_branch_keys = _institution_keys("full_branch_keys")
masked_branch_keys = _institution_keys("masked_branch_keys")
index_keys = _institution_keys("index_keys")
full_file_keys = _file_keys("full_file_keys")
masked_file_keys = _file_keys("masked_file_keys")

# A scope whose keys were destroyed gets no new ones: nothing may be stored under it again.
shredded_scopes = Table(
    "shredded_scopes",
    keys_metadata,
    text_column("institution"),
    text_column("customer"),
    text_column("scope"),
    long_column("shredded_at"),
    PrimaryKeyConstraint("institution", "customer", "scope"),
    sqlite_with_rowid=False,
)

# Which provider wraps under a KEK from now on; no row: the first one of the configuration. KEKs are
# of the vault as a whole, so `institution` is empty.
kek_custody = Table(
    "kek_custody",
    keys_metadata,
    text_column("institution"),
    text_column("kek"),
    text_column("provider"),
    PrimaryKeyConstraint("institution", "kek"),
)

key_jobs = Table(
    "key_jobs",
    keys_metadata,
    text_column("institution"),
    text_column("job"),
    long_column("number"),
    text_column("key"),
    text_column("verb"),
    text_column("target"),
    text_column("provider"),
    int_column("rate"),
    text_column("stage"),
    long_column("total"),
    long_column("done"),
    long_column("checked"),
    text_column("cursor"),
    text_column("detail"),
    text_column("owner"),
    long_column("lease_until"),
    long_column("created_at"),
    long_column("updated_at"),
    long_column("finished_at"),
    PrimaryKeyConstraint("institution", "job"),
)
