"""Compartments, their members and items. Rows are added and never changed.

The use cases of compartments import this, and what looks whether records may be disposed of: no
other answer of the vault depends on these tables.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, Select, bindparam, func, select

from vault.store.point_read import PointRead
from vault.store.rows import row_hash
from vault.store.schema import compartment_items, compartment_members, compartments
from vault.store.statements import insert_rows

_C = compartments.c
_M = compartment_members.c
_I = compartment_items.c


@dataclass(frozen=True, slots=True)
class CompartmentRow:
    """A version of a compartment; `recorded_at` in microseconds."""

    institution: str
    compartment: str
    version: int
    recorded_at: int
    recorded_by: str
    sealed: bytes = field(repr=False)

    def columns(self) -> tuple[str | int | bytes, ...]:
        """The values in the schema's order."""
        return (
            self.institution,
            self.compartment,
            self.version,
            self.recorded_at,
            self.recorded_by,
            self.sealed,
        )

    @property
    def name(self) -> str:
        """The row's name in the log."""
        return f"institutions/{self.institution}/compartments/{self.compartment}@{self.version}"

    def hash(self) -> bytes:
        """The row's hash, 32 bytes."""
        return row_hash(compartments.name, *self.columns())


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A version of a person's place in a compartment. `agree_by` is the person who is to agree to
    this version, "" where nobody is waited for."""

    institution: str
    compartment: str
    person: str
    version: int
    agree_by: str
    recorded_at: int
    recorded_by: str
    sealed: bytes = field(repr=False)

    def columns(self) -> tuple[str | int | bytes, ...]:
        """The values in the schema's order."""
        return (
            self.institution,
            self.compartment,
            self.person,
            self.version,
            self.agree_by,
            self.recorded_at,
            self.recorded_by,
            self.sealed,
        )

    @property
    def name(self) -> str:
        """The row's name in the log."""
        return (
            f"institutions/{self.institution}/compartments/{self.compartment}"
            f"/members/{self.person}@{self.version}"
        )

    def hash(self) -> bytes:
        """The row's hash, 32 bytes."""
        return row_hash(compartment_members.name, *self.columns())


@dataclass(frozen=True, slots=True)
class ItemRow:
    """What is noted about a customer, who stands in `sealed`; `subject` is a keyed hash of him, 16
    bytes, another one in each compartment."""

    institution: str
    compartment: str
    item: str
    subject: bytes = field(repr=False)
    recorded_at: int
    recorded_by: str
    sealed: bytes = field(repr=False)

    def columns(self) -> tuple[str | int | bytes, ...]:
        """The values in the schema's order."""
        return (
            self.institution,
            self.compartment,
            self.item,
            self.subject,
            self.recorded_at,
            self.recorded_by,
            self.sealed,
        )

    @property
    def name(self) -> str:
        """The row's name in the log."""
        return f"institutions/{self.institution}/compartments/{self.compartment}/items/{self.item}"

    def hash(self) -> bytes:
        """The row's hash, 32 bytes."""
        return row_hash(compartment_items.name, *self.columns())


_CURRENT = PointRead(
    select(compartments)
    .where(_C.institution == bindparam("institution"), _C.compartment == bindparam("compartment"))
    .order_by(_C.version.desc())
    .limit(1)
)
_MEMBER = PointRead(
    select(compartment_members)
    .where(
        _M.institution == bindparam("institution"),
        _M.compartment == bindparam("compartment"),
        _M.person == bindparam("person"),
    )
    .order_by(_M.version.desc())
    .limit(1)
)


def insert(
    conn: Connection,
    *,
    compartments_: Sequence[CompartmentRow] = (),
    members: Sequence[MemberRow] = (),
    items: Sequence[ItemRow] = (),
) -> None:
    """Add rows. Raises VersionConflict when one stands already: somebody else was first."""
    insert_rows(conn, compartments, [row.columns() for row in compartments_])
    insert_rows(conn, compartment_members, [row.columns() for row in members])
    insert_rows(conn, compartment_items, [row.columns() for row in items])


def current(conn: Connection, institution: str, compartment: str) -> CompartmentRow | None:
    """The current version."""
    row = _CURRENT.first(conn, {"institution": institution, "compartment": compartment})
    return None if row is None else CompartmentRow(*row)


def all_current(conn: Connection, institution: str) -> list[CompartmentRow]:
    """The current versions of all compartments of an institution."""
    newest = (
        select(_C.compartment, func.max(_C.version).label("version"))
        .where(_C.institution == institution)
        .group_by(_C.compartment)
        .subquery()
    )
    rows = conn.execute(
        select(compartments)
        .join(
            newest,
            (_C.compartment == newest.c.compartment) & (_C.version == newest.c.version),
        )
        .where(_C.institution == institution)
        .order_by(_C.compartment)
    )
    return [CompartmentRow(*row) for row in rows]


def member(conn: Connection, institution: str, compartment: str, person: str) -> MemberRow | None:
    """The current version of a person's place. By full key, and in the same time whether or not
    there is such a compartment."""
    key = {"institution": institution, "compartment": compartment, "person": person}
    row = _MEMBER.first(conn, key)
    return None if row is None else MemberRow(*row)


def members(conn: Connection, institution: str, compartment: str) -> list[MemberRow]:
    """The current version of everybody's place, by person."""
    newest = (
        select(_M.compartment, _M.person, func.max(_M.version).label("version"))
        .where(_M.institution == institution, _M.compartment == compartment)
        .group_by(_M.compartment, _M.person)
    )
    return _places(conn, institution, newest)


def places(
    conn: Connection, institution: str, person: str, *, after: str = "", limit: int
) -> list[MemberRow]:
    """The current versions of a person's places, by compartment, beyond the identifier `after`."""
    newest = (
        select(_M.compartment, _M.person, func.max(_M.version).label("version"))
        .where(_M.institution == institution, _M.person == person, _M.compartment > after)
        .group_by(_M.compartment, _M.person)
        .order_by(_M.compartment)
        .limit(limit)
    )
    return _places(conn, institution, newest)


def _places(
    conn: Connection, institution: str, newest: "Select[tuple[str, str, int]]"
) -> list[MemberRow]:
    inner = newest.subquery()
    wanted = (
        select(compartment_members)
        .join(
            inner,
            (_M.compartment == inner.c.compartment)
            & (_M.person == inner.c.person)
            & (_M.version == inner.c.version),
        )
        .where(_M.institution == institution)
        .order_by(_M.compartment, _M.person)
    )
    return [MemberRow(*row) for row in conn.execute(wanted)]


def items(
    conn: Connection,
    institution: str,
    compartment: str,
    *,
    subject: bytes = b"",
    after: str = "",
    limit: int,
) -> list[ItemRow]:
    """Items by identifier, which is by time, beyond `after`; all, or of one subject."""
    wanted = (
        select(compartment_items)
        .where(_I.institution == institution, _I.compartment == compartment, _I.item > after)
        .order_by(_I.item)
        .limit(limit)
    )
    if subject:
        wanted = wanted.where(_I.subject == subject)
    return [ItemRow(*row) for row in conn.execute(wanted)]
