"""What the full tier signs of each version of a proposal."""

import sqlalchemy as sa
from alembic import op

revision = "d0008"
down_revision = "d0007"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def _text(name: str) -> "sa.Column[str]":
    return sa.Column(name, TEXT, nullable=False)


def upgrade() -> None:
    """Make the table. What was proposed before has no signature, and is not taken."""
    op.create_table(
        "proposal_signatures",
        _text("institution"),
        _text("proposal"),
        sa.Column("version", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            "institution", "proposal", "version", name="pk_proposal_signatures"
        ),
    )


def downgrade() -> None:
    """There is no way back: what was signed would be lost."""
    raise NotImplementedError
