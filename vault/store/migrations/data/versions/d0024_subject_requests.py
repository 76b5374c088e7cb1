"""What persons ask about their own data, and how they were answered."""

import sqlalchemy as sa
from alembic import op

revision = "d0024"
down_revision = "d0030"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, TEXT, nullable=False)


def _int(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False, autoincrement=False)


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "subject_requests",
        _text("institution"),
        _text("customer"),
        _text("request"),
        _int("version"),
        _text("kind"),
        _int("closed"),
        _int("due_on"),
        sa.Column("recorded_at", LONG, nullable=False, autoincrement=False),
        _text("recorded_by"),
        _bytes("body"),
        sa.PrimaryKeyConstraint(
            "institution", "customer", "request", "version", name="pk_subject_requests"
        ),
    )
    op.create_index(
        "ix_subject_requests_institution_closed_due_on_customer_request",
        "subject_requests",
        ["institution", "closed", "due_on", "customer", "request"],
    )
    op.create_table(
        "subject_words",
        _text("institution"),
        _text("customer"),
        _text("request"),
        _int("version"),
        _bytes("sealed"),
        sa.PrimaryKeyConstraint(
            "institution", "customer", "request", "version", name="pk_subject_words"
        ),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("subject_words")
    op.drop_table("subject_requests")
