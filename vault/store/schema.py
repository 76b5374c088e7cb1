"""The tables, as SQLAlchemy Core metadata: what the migrations must add up to.

Two metadata collections, because the key store may live in another database with backups of
its own: `data_metadata` and `keys_metadata`. Every key and index leads with the institution
(and the customer, where the table has one), so that a distributed PostgreSQL can shard it.

Times are BIGINT microseconds since the Unix epoch, UTC. Text compares by code point on both
databases (PostgreSQL: collation "C"), so that key paging agrees with Python's order.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
)
from sqlalchemy.types import TypeEngine

_NAMING = {
    "pk": "pk_%(table_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}

data_metadata = MetaData(naming_convention=_NAMING)
keys_metadata = MetaData(naming_convention=_NAMING)


def text_type() -> TypeEngine[str]:
    """Text ordered by code point on both databases."""
    return String().with_variant(String(collation="C"), "postgresql")


def micros_type() -> TypeEngine[int]:
    """A 64-bit integer; on SQLite INTEGER, so that as a lone primary key it is the rowid."""
    return BigInteger().with_variant(Integer(), "sqlite")


def _text(name: str) -> Column[str]:
    return Column(name, text_type(), nullable=False)


def _int(name: str) -> Column[int]:
    return Column(name, Integer(), nullable=False, autoincrement=False)


def _long(name: str) -> Column[int]:
    return Column(name, micros_type(), nullable=False, autoincrement=False)


def _bytes(name: str) -> Column[bytes]:
    return Column(name, LargeBinary(), nullable=False)


# -- data ------------------------------------------------------------------------------------

customers = Table(
    "customers",
    data_metadata,
    _text("institution"),
    _text("customer"),
    _int("version"),
    _long("recorded_at"),
    _text("recorded_by"),
    _bytes("sealed"),
    _bytes("masked"),
    PrimaryKeyConstraint("institution", "customer", "version"),
)

documents = Table(
    "documents",
    data_metadata,
    _text("institution"),
    _text("customer"),
    _text("document"),
    _int("version"),
    _long("recorded_at"),
    _text("recorded_by"),
    _bytes("sealed"),
    _bytes("masked"),
    PrimaryKeyConstraint("institution", "customer", "document", "version"),
)

transactions = Table(
    "transactions",
    data_metadata,
    _text("institution"),
    _text("customer"),
    _text("transaction"),
    _text("scope"),
    _long("recorded_at"),
    _text("recorded_by"),
    _bytes("sealed"),
    _bytes("masked"),
    PrimaryKeyConstraint("institution", "customer", "transaction"),
)

transaction_links = Table(
    "transaction_links",
    data_metadata,
    _text("institution"),
    _text("customer"),
    _text("target"),
    _text("kind"),
    _text("transaction"),
    PrimaryKeyConstraint("institution", "customer", "target", "kind", "transaction"),
    sqlite_with_rowid=False,
)

blind_index = Table(
    "blind_index",
    data_metadata,
    _text("institution"),
    _text("kind"),
    _bytes("token"),
    _text("customer"),
    _text("record"),
    PrimaryKeyConstraint("institution", "kind", "token", "customer", "record"),
    # The way back, for replacing a record's terms when a new version of it is written.
    Index(None, "institution", "customer", "record"),
    sqlite_with_rowid=False,
)

identity_claims = Table(
    "identity_claims",
    data_metadata,
    _text("institution"),
    _bytes("token"),
    _text("customer"),
    PrimaryKeyConstraint("institution", "token"),
    sqlite_with_rowid=False,
)

requests = Table(
    "requests",
    data_metadata,
    _text("institution"),
    _text("principal"),
    _text("request_id"),
    _text("method"),
    _bytes("fingerprint"),
    _bytes("outcome"),
    _long("recorded_at"),
    PrimaryKeyConstraint("institution", "principal", "request_id"),
)

# The lending register: every change of a check-out is a new version; the current one has the
# highest number. `body` is the rest of the entry as JSON, `sealed` its reason and case reference.
check_outs = Table(
    "check_outs",
    data_metadata,
    _text("institution"),
    _text("check_out"),
    _int("version"),
    _text("customer"),
    _text("requester"),
    _text("person"),
    _text("stage"),
    _long("decide_by"),
    _long("ends_at"),
    _long("recorded_at"),
    _text("recorded_by"),
    _bytes("body"),
    _bytes("sealed"),
    PrimaryKeyConstraint("institution", "check_out", "version"),
    Index(None, "institution", "customer", "check_out"),
    Index(None, "institution", "person", "check_out"),
)

# What is changed under four eyes: every step of a proposal is a new version. `applied` numbers
# those that were approved, over all institutions and kinds, in the order in which they act; it is 0
# in every other row. `institution` is empty for what concerns the vault as a whole.
proposals = Table(
    "proposals",
    data_metadata,
    _text("institution"),
    _text("proposal"),
    _int("version"),
    _text("kind"),
    _text("stage"),
    _text("proposer"),
    _text("person"),
    _long("applied"),
    _long("recorded_at"),
    _text("recorded_by"),
    _bytes("body"),
    PrimaryKeyConstraint("institution", "proposal", "version"),
    Index(None, "institution", "kind", "proposal"),
    Index(None, "applied"),
)

# How many were approved, and the chain of their rows' hashes. Cheap to look at again and again.
approved_head = Table(
    "approved_head",
    data_metadata,
    _int("id"),
    _long("size"),
    _bytes("chain"),
    PrimaryKeyConstraint("id"),
    CheckConstraint("id = 1", name="one_row"),
)

# Compartments: of whom and what they are stands in the sealed columns alone, and which customer an
# item is about in a keyed hash of its own for each compartment. Neither table has a masked column.
compartments = Table(
    "compartments",
    data_metadata,
    _text("institution"),
    _text("compartment"),
    _int("version"),
    _long("recorded_at"),
    _text("recorded_by"),
    _bytes("sealed"),
    PrimaryKeyConstraint("institution", "compartment", "version"),
)

compartment_members = Table(
    "compartment_members",
    data_metadata,
    _text("institution"),
    _text("compartment"),
    _text("person"),
    _int("version"),
    _text("agree_by"),
    _long("recorded_at"),
    _text("recorded_by"),
    _bytes("sealed"),
    PrimaryKeyConstraint("institution", "compartment", "person", "version"),
    Index(None, "institution", "person", "compartment"),
)

compartment_items = Table(
    "compartment_items",
    data_metadata,
    _text("institution"),
    _text("compartment"),
    _text("item"),
    _bytes("subject"),
    _long("recorded_at"),
    _text("recorded_by"),
    _bytes("sealed"),
    PrimaryKeyConstraint("institution", "compartment", "item"),
    Index(None, "institution", "compartment", "subject", "item"),
)


# What has been spent of budgets (spending.py): a row a customer looked at, a page, or a search
# without a result. Rows are added and, when they are old, removed; none is changed. Each tier has
# its own, so that the masked tier's role does not see who has opened whom in full.
def _spent(name: str) -> Table:
    return Table(
        name,
        data_metadata,
        _text("institution"),
        _text("who"),
        _text("meter"),
        _long("period"),
        _text("item"),
        _long("number"),
        PrimaryKeyConstraint("institution", "who", "meter", "period", "item"),
        Index(None, "institution", "who", "meter", "period", "number", unique=True),
        Index(None, "institution", "period"),
        sqlite_with_rowid=False,
    )


full_spent = _spent("full_spent")
masked_spent = _spent("masked_spent")

# Customers who are none, so that nobody has a reason to look at them.
decoys = Table(
    "decoys",
    data_metadata,
    _text("institution"),
    _text("customer"),
    _int("version"),
    _int("decoy"),
    _long("recorded_at"),
    _text("recorded_by"),
    PrimaryKeyConstraint("institution", "customer", "version"),
)

audit_events = Table(
    "audit_events",
    data_metadata,
    _long("position"),
    _text("institution"),
    _text("actor"),
    _text("action"),
    _text("decision"),
    _long("recorded_at"),
    _bytes("leaf"),
    _bytes("chain"),
    PrimaryKeyConstraint("position"),
    Index(None, "institution", "actor", "position"),
)

# Which events concern a customer: one that a page, a search or an import names is found as well as
# the one that a call was about. Derived from the leaves, and compared with them by the check.
audit_customers = Table(
    "audit_customers",
    data_metadata,
    _text("institution"),
    _text("customer"),
    _long("position"),
    PrimaryKeyConstraint("institution", "customer", "position"),
    sqlite_with_rowid=False,
)

audit_head = Table(
    "audit_head",
    data_metadata,
    _int("id"),
    _long("size"),
    _bytes("chain"),
    _long("recorded_at"),
    PrimaryKeyConstraint("id"),
    CheckConstraint("id = 1", name="one_row"),
)

# The Merkle tree over the log's leaves, as hash tiles of C2SP tlog-tiles: of each tile the widest
# that there is. A full tile is never written again.
log_tiles = Table(
    "log_tiles",
    data_metadata,
    _int("level"),
    _long("tile_index"),
    _int("width"),
    _bytes("data"),
    PrimaryKeyConstraint("level", "tile_index"),
)

# Signed tree heads. That `size` is the key keeps a second tree of one size out.
log_checkpoints = Table(
    "log_checkpoints",
    data_metadata,
    _long("size"),
    _bytes("root"),
    _bytes("note"),
    _long("fence"),
    _long("signed_at"),
    PrimaryKeyConstraint("size"),
)

# Who integrates and signs. The fence grows whenever it changes hands.
log_lease = Table(
    "log_lease",
    data_metadata,
    _int("id"),
    _text("holder"),
    _long("fence"),
    _long("expires_at"),
    PrimaryKeyConstraint("id"),
    CheckConstraint("id = 1", name="one_row"),
)

# Entry bundles of 256 leaves that were moved out of `audit_events`, always the log's oldest ones
# without a gap. `chain` is the hash chain's value behind the bundle's last leaf, `times` holds when
# the log took each of its events (vault/audit/bundle_times.py).
log_bundles = Table(
    "log_bundles",
    data_metadata,
    _long("bundle"),
    _bytes("sha256"),
    _bytes("chain"),
    _long("first_at"),
    _long("last_at"),
    _bytes("times"),
    PrimaryKeyConstraint("bundle"),
)

# In which of those a customer or an actor is found: once a bundle, where `audit_customers` and the
# index of `audit_events` have a row an event.
log_bundle_terms = Table(
    "log_bundle_terms",
    data_metadata,
    _text("institution"),
    _text("kind"),
    _text("term"),
    _long("bundle"),
    PrimaryKeyConstraint("institution", "kind", "term", "bundle"),
    sqlite_with_rowid=False,
)

# -- keys ------------------------------------------------------------------------------------
# One table a branch, so that a database role can be granted the masked branch alone.


def _institution_keys(name: str) -> Table:
    return Table(
        name,
        keys_metadata,
        _text("institution"),
        _int("version"),
        _text("kek_version"),
        _bytes("wrapped"),
        _long("created_at"),
        PrimaryKeyConstraint("institution", "version"),
    )


def _file_keys(name: str) -> Table:
    return Table(
        name,
        keys_metadata,
        _text("institution"),
        _text("customer"),
        _text("scope"),
        _bytes("key_id"),
        _int("branch_key_version"),
        _bytes("wrapped"),
        _long("created_at"),
        PrimaryKeyConstraint("institution", "customer", "scope"),
        sqlite_with_rowid=False,
    )


full_branch_keys = _institution_keys("full_branch_keys")
masked_branch_keys = _institution_keys("masked_branch_keys")
index_keys = _institution_keys("index_keys")
full_file_keys = _file_keys("full_file_keys")
masked_file_keys = _file_keys("masked_file_keys")

# What the masked tier's database role may touch; roles.py grants exactly this on PostgreSQL and
# database.py enforces it in process on SQLite. Column name -> readable; a table absent from
# both maps is out of reach.
MASKED_READABLE: dict[str, frozenset[str]] = {
    "customers": frozenset(c.name for c in customers.columns) - {"sealed"},
    "documents": frozenset(c.name for c in documents.columns) - {"sealed"},
    "transactions": frozenset(c.name for c in transactions.columns) - {"sealed"},
    "transaction_links": frozenset(c.name for c in transaction_links.columns),
    # Policies and principals act on both tiers.
    "proposals": frozenset(c.name for c in proposals.columns),
    "approved_head": frozenset(c.name for c in approved_head.columns),
    # Its calls are held to the same budgets, and a decoy is one on both tiers.
    "masked_spent": frozenset(c.name for c in masked_spent.columns),
    "decoys": frozenset({"institution", "customer", "version", "decoy"}),
    "audit_head": frozenset(c.name for c in audit_head.columns),
    # Hashes and signatures alone: by them a masked node finds that the log was set back.
    "audit_events": frozenset({"position", "chain"}),
    "log_tiles": frozenset(c.name for c in log_tiles.columns),
    "log_checkpoints": frozenset(c.name for c in log_checkpoints.columns),
    "masked_branch_keys": frozenset(c.name for c in masked_branch_keys.columns),
    "masked_file_keys": frozenset(c.name for c in masked_file_keys.columns),
}
MASKED_INSERTABLE = frozenset({"audit_events", "audit_customers", "masked_spent"})
MASKED_UPDATABLE: dict[str, frozenset[str]] = {
    "audit_head": frozenset({"size", "chain", "recorded_at"})
}
