"""The first tables: records, blind indexes, requests, log."""

import sqlalchemy as sa
from alembic import op

revision = "d0001"
down_revision = None
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


def _sealed_table(name: str, identity: "list[sa.Column[str] | sa.Column[int]]") -> None:
    in_key = [c.name for c in identity if c.name != "scope"]
    op.create_table(
        name,
        *identity,
        _long("recorded_at"),
        _text("recorded_by"),
        _bytes("sealed"),
        _bytes("masked"),
        sa.PrimaryKeyConstraint(*in_key, name=f"pk_{name}"),
    )


def upgrade() -> None:
    """Make the tables."""
    _sealed_table("customers", [_text("institution"), _text("customer"), _int("version")])
    _sealed_table(
        "documents",
        [_text("institution"), _text("customer"), _text("document"), _int("version")],
    )
    _sealed_table(
        "transactions",
        [_text("institution"), _text("customer"), _text("transaction"), _text("scope")],
    )
    op.create_table(
        "transaction_links",
        _text("institution"),
        _text("customer"),
        _text("target"),
        _text("kind"),
        _text("transaction"),
        sa.PrimaryKeyConstraint(
            "institution",
            "customer",
            "target",
            "kind",
            "transaction",
            name="pk_transaction_links",
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "blind_index",
        _text("institution"),
        _text("kind"),
        _bytes("token"),
        _text("customer"),
        _text("record"),
        sa.PrimaryKeyConstraint(
            "institution", "kind", "token", "customer", "record", name="pk_blind_index"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_blind_index_institution_customer_record",
        "blind_index",
        ["institution", "customer", "record"],
    )
    op.create_table(
        "identity_claims",
        _text("institution"),
        _bytes("token"),
        _text("customer"),
        sa.PrimaryKeyConstraint("institution", "token", name="pk_identity_claims"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "requests",
        _text("institution"),
        _text("principal"),
        _text("request_id"),
        _text("method"),
        _bytes("fingerprint"),
        _bytes("outcome"),
        _long("recorded_at"),
        sa.PrimaryKeyConstraint("institution", "principal", "request_id", name="pk_requests"),
    )
    op.create_table(
        "audit_events",
        _long("position"),
        _text("institution"),
        _text("actor"),
        _text("action"),
        _text("decision"),
        _long("recorded_at"),
        _bytes("leaf"),
        _bytes("chain"),
        sa.PrimaryKeyConstraint("position", name="pk_audit_events"),
    )
    op.create_index(
        "ix_audit_events_institution_actor_position",
        "audit_events",
        ["institution", "actor", "position"],
    )
    op.create_table(
        "audit_customers",
        _text("institution"),
        _text("customer"),
        _long("position"),
        sa.PrimaryKeyConstraint("institution", "customer", "position", name="pk_audit_customers"),
        sqlite_with_rowid=False,
    )
    head = op.create_table(
        "audit_head",
        _int("id"),
        _long("size"),
        _bytes("chain"),
        _long("recorded_at"),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
        sa.CheckConstraint("id = 1", name="ck_audit_head_one_row"),
    )
    # The log begins empty, with the chain's genesis value (vault/audit/chain.py).
    op.bulk_insert(head, [{"id": 1, "size": 0, "chain": bytes(32), "recorded_at": 0}])


def downgrade() -> None:
    """There is no way back from the first tables but deleting the vault."""
    raise NotImplementedError
