"""Rotation of keys: a wrapped key says by id which key wraps it, and jobs are remembered.

SQLite cannot take the default of a new column away again, so its tables are made anew.
"""

import os
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "k0002"
down_revision = "k0001"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ID_BYTES = 16


def _text(name: str) -> "sa.Column[str]":
    return sa.Column(name, TEXT, nullable=False)


def _int(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.Integer(), nullable=False, autoincrement=False)


def _long(name: str) -> "sa.Column[int]":
    return sa.Column(name, LONG, nullable=False, autoincrement=False)


def _bytes(name: str) -> "sa.Column[bytes]":
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def _institution_keys() -> "list[sa.Column[Any]]":
    return [
        _text("institution"),
        _int("version"),
        _text("kek_version"),
        _bytes("wrapped"),
        _long("created_at"),
        _bytes("key_id"),
    ]


def _file_keys() -> "list[sa.Column[Any]]":
    return [
        _text("institution"),
        _text("customer"),
        _text("scope"),
        _bytes("key_id"),
        _int("branch_key_version"),
        _bytes("wrapped"),
        _long("created_at"),
        _bytes("branch_key_id"),
    ]


def _widen(name: str, columns: "list[sa.Column[Any]]", key: tuple[str, ...]) -> None:
    """Add the last one of `columns` to a table, empty in the rows that are there."""
    if op.get_context().dialect.name != "sqlite":
        added = columns[-1]
        added.server_default = sa.DefaultClause("")
        op.add_column(name, added)
        op.alter_column(name, str(added.name), server_default=None)
        return
    without_rowid = {"sqlite_with_rowid": False} if len(key) == 3 else {}
    op.create_table(
        f"new_{name}", *columns, sa.PrimaryKeyConstraint(*key, name=f"pk_{name}"), **without_rowid
    )
    before = ", ".join(str(column.name) for column in columns[:-1])
    op.execute(
        f"INSERT INTO new_{name} ({before}, {columns[-1].name}) SELECT {before}, x'' FROM {name}"  # noqa: S608  # names of ours
    )
    op.drop_table(name)
    op.rename_table(f"new_{name}", name)


def _name(table: str) -> None:
    """Give each key of an institution an id, which it never had."""
    conn = op.get_bind()
    keys = sa.table(
        table, sa.column("institution", TEXT), sa.column("version"), sa.column("key_id")
    )
    for institution, version in conn.execute(sa.select(keys.c.institution, keys.c.version)).all():
        conn.execute(
            sa.update(keys)
            .where(keys.c.institution == institution, keys.c.version == version)
            .values(key_id=os.urandom(_ID_BYTES))
        )


def upgrade() -> None:
    """Widen the tables, name the keys, and make the tables of jobs and of the KEKs in use."""
    for name in ("full_branch_keys", "masked_branch_keys", "index_keys"):
        _widen(name, _institution_keys(), ("institution", "version"))
        _name(name)
    for branch in ("full", "masked"):
        name = f"{branch}_file_keys"
        _widen(name, _file_keys(), ("institution", "customer", "scope"))
        op.execute(
            f"UPDATE {name} SET branch_key_id = b.key_id FROM {branch}_branch_keys AS b "  # noqa: S608  # names of ours
            f"WHERE b.institution = {name}.institution AND b.version = {name}.branch_key_version"
        )
        op.create_index(
            f"ix_{name}_institution_branch_key_version", name, ["institution", "branch_key_version"]
        )
    op.create_table(
        "kek_custody",
        _text("institution"),
        _text("kek"),
        _text("provider"),
        sa.PrimaryKeyConstraint("institution", "kek", name="pk_kek_custody"),
    )
    op.create_table(
        "key_jobs",
        _text("institution"),
        _text("job"),
        _long("number"),
        _text("key"),
        _text("verb"),
        _text("target"),
        _text("provider"),
        _int("rate"),
        _text("stage"),
        _long("total"),
        _long("done"),
        _long("checked"),
        _text("cursor"),
        _text("detail"),
        _text("owner"),
        _long("lease_until"),
        _long("created_at"),
        _long("updated_at"),
        _long("finished_at"),
        sa.PrimaryKeyConstraint("institution", "job", name="pk_key_jobs"),
    )


def downgrade() -> None:
    """There is no way back: keys of later versions would lose what they hang under."""
    raise NotImplementedError
