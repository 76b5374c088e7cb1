"""Proposals: every step is a new version, and the approved ones are numbered in one order.

Beside each version lies what the full tier has signed of it. What that must say is not this room's
to know.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, select, update

from vault.store.errors import StoreAltered
from vault.store.point_read import PointRead
from vault.store.rows import row_hash
from vault.store.schema import approved_head, proposal_signatures, proposals
from vault.store.statements import insert_rows

_C = proposals.c
_H = approved_head.c
_S = proposal_signatures.c
_CHAIN_DOMAIN: Final = b"recordsvault approved v1"


@dataclass(frozen=True, slots=True)
class ProposalRow:
    """A version of a proposal; `recorded_at` in microseconds, `body` is JSON.

    `applied` is its number among all that were approved, from 1; 0 where this version does not say
    that it was.
    """

    institution: str
    proposal: str
    version: int
    kind: str
    stage: str
    proposer: str
    person: str
    applied: int
    recorded_at: int
    recorded_by: str
    body: bytes = field(repr=False)

    def columns(self) -> tuple[str | int | bytes, ...]:
        """The values in the schema's order."""
        return (
            self.institution,
            self.proposal,
            self.version,
            self.kind,
            self.stage,
            self.proposer,
            self.person,
            self.applied,
            self.recorded_at,
            self.recorded_by,
            self.body,
        )

    @property
    def log_name(self) -> str:
        """The row's name in an event: relative to the institution, with its version."""
        whole = "" if self.institution else "vault/"
        return f"{whole}proposals/{self.proposal}@{self.version}"

    def hash(self) -> bytes:
        """The row's hash, 32 bytes."""
        return row_hash(proposals.name, *self.columns())


@dataclass(frozen=True, slots=True)
class SignedRow:
    """A version, and the signed note beside it; None where there is none."""

    row: ProposalRow
    note: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class ApprovedHead:
    """How many proposals were approved, and the chain of their rows' hashes."""

    size: int
    chain: bytes


NOTHING_APPROVED: Final = ApprovedHead(0, bytes(32))

_SIGNED = select(proposals, _S.note).join_from(
    proposals,
    proposal_signatures,
    (_S.institution == _C.institution) & (_S.proposal == _C.proposal) & (_S.version == _C.version),
    isouter=True,
)
_HEAD = PointRead(select(_H.size, _H.chain).where(_H.id == 1))
_CURRENT = PointRead(
    _SIGNED.where(_C.institution == bindparam("institution"), _C.proposal == bindparam("proposal"))
    .order_by(_C.version.desc())
    .limit(1)
)


def next_head(head: ApprovedHead, row: ProposalRow) -> ApprovedHead:
    """The head behind one more approved row."""
    return behind(head, row.hash())


def behind(head: ApprovedHead, row: bytes) -> ApprovedHead:
    """The head behind one more approved row, by the row's hash."""
    return ApprovedHead(head.size + 1, sha256(_CHAIN_DOMAIN + head.chain + row).digest())


def read_head(conn: Connection) -> ApprovedHead:
    """The head as it stands. Raises StoreAltered."""
    row = _HEAD.first(conn, {})
    if row is None or not isinstance(row[0], int) or not isinstance(row[1], bytes):
        raise StoreAltered("the head of the approved proposals is not what was written")
    return ApprovedHead(row[0], bytes(row[1]))


def lock_head(conn: Connection) -> ApprovedHead:
    """The head, which nobody else moves before the end of this transaction. Raises StoreAltered."""
    conn.execute(select(_H.size).where(_H.id == 1).with_for_update())
    return read_head(conn)


def insert(conn: Connection, row: ProposalRow, note: bytes) -> None:
    """Add a version, and what was signed of it. Raises VersionConflict when it stands already:
    somebody else was first."""
    insert_rows(conn, proposals, [row.columns()])
    signed = (row.institution, row.proposal, row.version, note)
    insert_rows(conn, proposal_signatures, [signed])


def apply(conn: Connection, head: ApprovedHead, row: ProposalRow, note: bytes) -> None:
    """Add the version that says that it was approved, and what was signed of it; `head` is from
    `lock_head`.

    Raises VersionConflict, and ValueError for a row whose number is not the next.
    """
    after = next_head(head, row)
    if row.applied != after.size:
        raise ValueError("the row is not the next one that is approved")
    insert(conn, row, note)
    conn.execute(update(approved_head).where(_H.id == 1).values(size=after.size, chain=after.chain))


def current(conn: Connection, institution: str, proposal: str) -> SignedRow | None:
    """The current version."""
    row = _CURRENT.first(conn, {"institution": institution, "proposal": proposal})
    return None if row is None else _signed(row)


def history(conn: Connection, institution: str, proposal: str) -> list[ProposalRow]:
    """All versions, the first one first."""
    found = conn.execute(
        select(proposals)
        .where(_C.institution == institution, _C.proposal == proposal)
        .order_by(_C.version)
    )
    return [ProposalRow(*row) for row in found]


def applied(
    conn: Connection, head: ApprovedHead, after: ApprovedHead
) -> Iterator[tuple[SignedRow, ApprovedHead]]:
    """The approved rows behind `after` up to `head`, in order, each with the head in front of it.

    Raises StoreAltered: they do not lead from one to the other; the rows up to there have been
    handed out by then.
    """
    found = conn.execute(
        _SIGNED.where(_C.applied > after.size, _C.applied <= head.size).order_by(_C.applied)
    )
    for values in found:
        signed, before = _signed(values), after
        after = next_head(after, signed.row)
        if signed.row.applied != after.size:
            break
        yield signed, before
    if after != head:
        raise StoreAltered("the approved proposals are not those that were written")


def approved_behind(conn: Connection, size: int, limit: int) -> list[SignedRow]:
    """As many rows as there are, at most `limit`, that are numbered higher than `size`."""
    found = conn.execute(_SIGNED.where(_C.applied > size).order_by(_C.applied).limit(limit))
    return [_signed(row) for row in found]


def every(conn: Connection) -> list[SignedRow]:
    """All versions of all, the approved ones last and in their order."""
    found = conn.execute(_SIGNED.order_by(_C.applied, _C.institution, _C.proposal, _C.version))
    return [_signed(row) for row in found]


def page(
    conn: Connection, institution: str, *, kind: str = "", before: str = "", limit: int
) -> list[SignedRow]:
    """Current versions, the newest proposal first, in front of `before` (its identifier)."""
    newest = (
        select(_C.proposal, func.max(_C.version).label("version"))
        .where(_C.institution == institution)
        .group_by(_C.proposal)
        .order_by(_C.proposal.desc())
        .limit(limit)
    )
    if kind:
        newest = newest.where(_C.kind == kind)
    if before:
        newest = newest.where(_C.proposal < before)
    inner = newest.subquery()
    wanted = (
        _SIGNED.join(inner, (_C.proposal == inner.c.proposal) & (_C.version == inner.c.version))
        .where(_C.institution == institution)
        .order_by(_C.proposal.desc())
    )
    return [_signed(row) for row in conn.execute(wanted)]


def _signed(row: Sequence[Any]) -> SignedRow:
    *columns, note = row
    if note is not None and not isinstance(note, bytes):
        # SQLite lets a column hold another type than its own.
        raise StoreAltered("the signature of a proposal is not what was written")
    return SignedRow(ProposalRow(*columns), note)
