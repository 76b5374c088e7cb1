"""Who may see what: check-outs, proposals, budgets, what was noticed, decoys."""

from sqlalchemy import CheckConstraint, Index, PrimaryKeyConstraint, Table

from vault.store.schema.columns import (
    bytes_column,
    data_metadata,
    int_column,
    long_column,
    text_column,
)

# The lending register: every change of a check-out is a new version; the current one has the
# highest number. `body` is the rest of the entry as JSON, `sealed` its reason and case reference.
check_outs = Table(
    "check_outs",
    data_metadata,
    text_column("institution"),
    text_column("check_out"),
    int_column("version"),
    text_column("customer"),
    text_column("requester"),
    text_column("person"),
    text_column("stage"),
    long_column("decide_by"),
    long_column("ends_at"),
    long_column("recorded_at"),
    text_column("recorded_by"),
    bytes_column("body"),
    bytes_column("sealed"),
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
    text_column("institution"),
    text_column("proposal"),
    int_column("version"),
    text_column("kind"),
    text_column("stage"),
    text_column("proposer"),
    text_column("person"),
    long_column("applied"),
    long_column("recorded_at"),
    text_column("recorded_by"),
    bytes_column("body"),
    PrimaryKeyConstraint("institution", "proposal", "version"),
    Index(None, "institution", "kind", "proposal"),
    Index(None, "applied"),
)

# What the full tier has signed of each version: a signed note (vault/services/proposal_signing.py).
# A table of its own, so that a row's hash is of the row, and the signature of the hash.
proposal_signatures = Table(
    "proposal_signatures",
    data_metadata,
    text_column("institution"),
    text_column("proposal"),
    int_column("version"),
    bytes_column("note"),
    PrimaryKeyConstraint("institution", "proposal", "version"),
)

# How many were approved, and the chain of their rows' hashes. Cheap to look at again and again.
approved_head = Table(
    "approved_head",
    data_metadata,
    int_column("id"),
    long_column("size"),
    bytes_column("chain"),
    PrimaryKeyConstraint("id"),
    CheckConstraint("id = 1", name="one_row"),
)


# What has been spent of budgets (spending.py): a row a customer looked at, a page, or a search
# without a result. Rows are added and, when they are old, removed; none is changed. Each tier has
# its own, so that the masked tier's role does not see who has opened whom in full.
def _spent(name: str) -> Table:
    return Table(
        name,
        data_metadata,
        text_column("institution"),
        text_column("who"),
        text_column("meter"),
        long_column("period"),
        text_column("item"),
        long_column("number"),
        PrimaryKeyConstraint("institution", "who", "meter", "period", "item"),
        Index(None, "institution", "who", "meter", "period", "number", unique=True),
        Index(None, "institution", "period"),
        sqlite_with_rowid=False,
    )


full_spent = _spent("full_spent")
masked_spent = _spent("masked_spent")


# What the rules of detection have to remember of callers (sightings.py). Added, removed and parted
# as above.
def _sightings(name: str) -> Table:
    return Table(
        name,
        data_metadata,
        text_column("institution"),
        text_column("who"),
        long_column("number"),
        long_column("at"),
        text_column("action_class"),
        text_column("customer"),
        text_column("what"),
        text_column("roles"),
        text_column("raised"),
        text_column("alike"),
        PrimaryKeyConstraint("institution", "who", "number"),
        Index(None, "institution", "what", "at"),
        sqlite_with_rowid=False,
    )


full_sightings = _sightings("full_sightings")
masked_sightings = _sightings("masked_sightings")

# Customers who are none, so that nobody has a reason to look at them.
decoys = Table(
    "decoys",
    data_metadata,
    text_column("institution"),
    text_column("customer"),
    int_column("version"),
    int_column("decoy"),
    long_column("recorded_at"),
    text_column("recorded_by"),
    PrimaryKeyConstraint("institution", "customer", "version"),
)
