"""The log's archive: which entry bundles were moved out of the database, and what finds them there.

Nothing is moved by the migration itself.
"""

import sqlalchemy as sa
from alembic import op

revision = "d0003"
down_revision = "d0002"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(name: str) -> "sa.Column[str]":
    return sa.Column(name, TEXT, nullable=False)


def _long(name: str) -> "sa.Column[int]":
    return sa.Column(name, LONG, nullable=False, autoincrement=False)


def _bytes(name: str) -> "sa.Column[bytes]":
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "log_bundles",
        _long("bundle"),
        _bytes("sha256"),
        _bytes("chain"),
        _long("first_at"),
        _long("last_at"),
        _bytes("times"),
        sa.PrimaryKeyConstraint("bundle", name="pk_log_bundles"),
    )
    op.create_table(
        "log_bundle_terms",
        _text("institution"),
        _text("kind"),
        _text("term"),
        _long("bundle"),
        sa.PrimaryKeyConstraint(
            "institution", "kind", "term", "bundle", name="pk_log_bundle_terms"
        ),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """There is no way back: entries in the archive would not be found."""
    raise NotImplementedError
