"""Contents of documents and of vouchers: uploads, segments, contents, and leaves of renditions."""

import sqlalchemy as sa
from alembic import op

revision = "d0010"
down_revision = "d0009"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(name: str) -> "sa.Column[str]":
    return sa.Column(name, TEXT, nullable=False)


def _int(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.Integer(), nullable=False, autoincrement=False)


def _long(name: str) -> "sa.Column[int]":
    return sa.Column(name, LONG, nullable=False, autoincrement=False)


def _bytes(name: str) -> "sa.Column[bytes]":
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def upgrade() -> None:
    """Make the tables; nothing was uploaded yet."""
    op.create_table(
        "uploads",
        _text("institution"),
        _text("customer"),
        _text("upload"),
        _text("record"),
        _text("scope"),
        _int("page"),
        _text("principal"),
        _text("request_id"),
        _text("content_type"),
        _long("size"),
        _long("started_at"),
        _long("touched_at"),
        _int("segments"),
        _long("received"),
        _int("version"),
        _bytes("sealed"),
        sa.PrimaryKeyConstraint("institution", "customer", "upload", name="pk_uploads"),
    )
    op.create_index(
        "ix_uploads_institution_customer_request_id",
        "uploads",
        ["institution", "customer", "request_id"],
    )
    op.create_table(
        "content_segments",
        _text("institution"),
        _text("customer"),
        _text("upload"),
        _int("number"),
        _text("object"),
        _long("size"),
        _bytes("sha256"),
        _int("durable"),
        sa.PrimaryKeyConstraint(
            "institution", "customer", "upload", "number", "object", name="pk_content_segments"
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "contents",
        _text("institution"),
        _text("customer"),
        _text("record"),
        _int("page"),
        _int("version"),
        _text("scope"),
        _long("recorded_at"),
        _text("recorded_by"),
        _text("upload"),
        _text("content_type"),
        _long("size"),
        _int("segments"),
        _bytes("segments_sha256"),
        _int("leaves"),
        _bytes("leaves_sha256"),
        _bytes("sealed"),
        sa.PrimaryKeyConstraint(
            "institution", "customer", "record", "page", "version", name="pk_contents"
        ),
    )
    op.create_table(
        "content_leaves",
        _text("institution"),
        _text("customer"),
        _text("record"),
        _int("page"),
        _int("version"),
        _int("leaf"),
        _bytes("masked"),
        sa.PrimaryKeyConstraint(
            "institution",
            "customer",
            "record",
            "page",
            "version",
            "leaf",
            name="pk_content_leaves",
        ),
    )


def downgrade() -> None:
    """There is no way back: what was uploaded would be lost."""
    raise NotImplementedError
