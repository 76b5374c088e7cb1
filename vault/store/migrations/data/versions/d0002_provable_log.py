"""The provable log: tiles of the tree over the leaves, checkpoints, the sequencer's lease.

No event is touched: the leaves that stand become the tree's first ones, integrated by the sequencer
when it first runs.
"""

import sqlalchemy as sa
from alembic import op

revision = "d0002"
down_revision = "d0001"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _int(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.Integer(), nullable=False, autoincrement=False)


def _long(name: str) -> "sa.Column[int]":
    return sa.Column(name, LONG, nullable=False, autoincrement=False)


def _bytes(name: str) -> "sa.Column[bytes]":
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def upgrade() -> None:
    """Make the tables, and a lease that nobody holds."""
    op.create_table(
        "log_tiles",
        _int("level"),
        _long("tile_index"),
        _int("width"),
        _bytes("data"),
        sa.PrimaryKeyConstraint("level", "tile_index", name="pk_log_tiles"),
    )
    op.create_table(
        "log_checkpoints",
        _long("size"),
        _bytes("root"),
        _bytes("note"),
        _long("fence"),
        _long("signed_at"),
        sa.PrimaryKeyConstraint("size", name="pk_log_checkpoints"),
    )
    lease = op.create_table(
        "log_lease",
        _int("id"),
        sa.Column("holder", TEXT, nullable=False),
        _long("fence"),
        _long("expires_at"),
        sa.PrimaryKeyConstraint("id", name="pk_log_lease"),
        sa.CheckConstraint("id = 1", name="ck_log_lease_one_row"),
    )
    op.bulk_insert(lease, [{"id": 1, "holder": "", "fence": 0, "expires_at": 0}])


def downgrade() -> None:
    """There is no way back: what was signed stays signed."""
    raise NotImplementedError
