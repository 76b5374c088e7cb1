"""Holds: every step of one is a new version. Rows are added and never changed.

Whoever disposes of records looks at all of them; nothing else that the vault answers depends on
them.
"""

from dataclasses import dataclass, field

from sqlalchemy import Connection, Table, func, select

from vault.store.rows import row_hash
from vault.store.schema import compartment_holds, compartment_items, compartments
from vault.store.statements import insert_rows

_H = compartment_holds.c


@dataclass(frozen=True, slots=True)
class HoldRow:
    """A version of a hold; `recorded_at` in microseconds."""

    institution: str
    compartment: str
    hold: str
    version: int
    recorded_at: int
    recorded_by: str
    sealed: bytes = field(repr=False)

    def columns(self) -> tuple[str | int | bytes, ...]:
        """The values in the schema's order."""
        return (
            self.institution,
            self.compartment,
            self.hold,
            self.version,
            self.recorded_at,
            self.recorded_by,
            self.sealed,
        )

    @property
    def name(self) -> str:
        """The row's name in the log."""
        return (
            f"institutions/{self.institution}/compartments/{self.compartment}"
            f"/holds/{self.hold}@{self.version}"
        )

    def hash(self) -> bytes:
        """The row's hash, 32 bytes."""
        return row_hash(compartment_holds.name, *self.columns())


@dataclass(frozen=True, slots=True)
class Stamp:
    """By which it is known again that nobody has placed a hold, noted an item or opened or closed a
    compartment: rows are only ever added."""

    holds: int
    items: int
    compartments: int


def insert(conn: Connection, row: HoldRow) -> None:
    """Add a version. Raises VersionConflict when it stands already."""
    insert_rows(conn, compartment_holds, [row.columns()])


def stamp(conn: Connection, institution: str) -> Stamp:
    """How things stand."""

    def count(table: Table) -> int:
        counted = select(func.count()).where(table.c.institution == institution)
        return int(conn.execute(counted).scalar_one())

    return Stamp(count(compartment_holds), count(compartment_items), count(compartments))


def current(conn: Connection, institution: str, compartment: str, hold: str) -> HoldRow | None:
    """The current version of a hold."""
    row = conn.execute(
        select(compartment_holds)
        .where(_H.institution == institution, _H.compartment == compartment, _H.hold == hold)
        .order_by(_H.version.desc())
        .limit(1)
    ).first()
    return None if row is None else HoldRow(*row)


def page(
    conn: Connection, institution: str, *, compartment: str = "", after: str = "", limit: int
) -> list[HoldRow]:
    """Current versions, by compartment and hold, behind `after` (as `compartment/hold`); all of the
    institution's, or of one compartment."""
    newest = select(_H.compartment, _H.hold, func.max(_H.version).label("version")).where(
        _H.institution == institution
    )
    if compartment:
        newest = newest.where(_H.compartment == compartment)
    if after:
        at, _, hold = after.partition("/")
        newest = newest.where((_H.compartment > at) | ((_H.compartment == at) & (_H.hold > hold)))
    inner = (
        newest.group_by(_H.compartment, _H.hold)
        .order_by(_H.compartment, _H.hold)
        .limit(limit)
        .subquery()
    )
    rows = conn.execute(
        select(compartment_holds)
        .join(
            inner,
            (_H.compartment == inner.c.compartment)
            & (_H.hold == inner.c.hold)
            & (_H.version == inner.c.version),
        )
        .where(_H.institution == institution)
        .order_by(_H.compartment, _H.hold)
    )
    return [HoldRow(*row) for row in rows]
