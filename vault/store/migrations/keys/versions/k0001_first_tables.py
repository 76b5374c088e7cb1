"""The first tables of the key store."""

import sqlalchemy as sa
from alembic import op

revision = "k0001"
down_revision = None
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    for name in ("full_branch_keys", "masked_branch_keys", "index_keys"):
        op.create_table(
            name,
            sa.Column("institution", TEXT, nullable=False),
            sa.Column("version", sa.Integer(), nullable=False, autoincrement=False),
            sa.Column("kek_version", TEXT, nullable=False),
            sa.Column("wrapped", sa.LargeBinary(), nullable=False),
            sa.Column("created_at", LONG, nullable=False, autoincrement=False),
            sa.PrimaryKeyConstraint("institution", "version", name=f"pk_{name}"),
        )
    for name in ("full_file_keys", "masked_file_keys"):
        op.create_table(
            name,
            sa.Column("institution", TEXT, nullable=False),
            sa.Column("customer", TEXT, nullable=False),
            sa.Column("scope", TEXT, nullable=False),
            sa.Column("key_id", sa.LargeBinary(), nullable=False),
            sa.Column("branch_key_version", sa.Integer(), nullable=False, autoincrement=False),
            sa.Column("wrapped", sa.LargeBinary(), nullable=False),
            sa.Column("created_at", LONG, nullable=False, autoincrement=False),
            sa.PrimaryKeyConstraint("institution", "customer", "scope", name=f"pk_{name}"),
            sqlite_with_rowid=False,
        )


def downgrade() -> None:
    """There is no way back from the first tables but deleting the vault."""
    raise NotImplementedError
