"""Disposals: their versions, what each plan has, how far it is, and what stands in the place of
what is gone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, delete, func, select, update

from vault.store.rows import row_hash
from vault.store.schema import disposal_items, disposals, tombstones
from vault.store.statements import insert_or_ignore, insert_rows

_D = disposals.c
_I = disposal_items.c
_PAGE: Final = 500

DUE: Final = "DUE"
"""In the plan, to be disposed of."""
BLOCKED: Final = "BLOCKED"
"""Due by the rules, and kept for a cause that the plan names by its kind."""
LISTED: Final = "LISTED"
"""Given up for good: on the list of what was destroyed. What is left is being taken away."""
DONE: Final = "DONE"
PASSED: Final = "PASSED"
"""Not due any more, or blocked, when its turn came."""


@dataclass(frozen=True, slots=True)
class DisposalRow:
    """A version of a disposal; `recorded_at` in microseconds, `body` is JSON."""

    institution: str
    disposal: str
    version: int
    stage: str
    recorded_at: int
    recorded_by: str
    body: bytes = field(repr=False)

    def columns(self) -> tuple[str | int | bytes, ...]:
        """The values in the schema's order."""
        return (
            self.institution,
            self.disposal,
            self.version,
            self.stage,
            self.recorded_at,
            self.recorded_by,
            self.body,
        )

    @property
    def log_name(self) -> str:
        """The row's name in an event: relative to the institution, with its version."""
        return f"disposals/{self.disposal}@{self.version}"

    def hash(self) -> bytes:
        """The row's hash, 32 bytes."""
        return row_hash(disposals.name, *self.columns())


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One scope, or one record of it, of a plan. Numbers count from 1; `body` is JSON."""

    institution: str
    disposal: str
    number: int
    customer: str
    scope: str
    record: str
    stage: str
    body: bytes

    def columns(self) -> tuple[str | int | bytes, ...]:
        """The values in the schema's order."""
        return (
            self.institution,
            self.disposal,
            self.number,
            self.customer,
            self.scope,
            self.record,
            self.stage,
            self.body,
        )


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What stands in the place of so many rows; the time in microseconds."""

    institution: str
    customer: str
    scope: str
    record: str
    disposal: str
    disposed_at: int
    rows: int


def insert(conn: Connection, row: DisposalRow) -> None:
    """Add a version. Raises VersionConflict when it stands already."""
    insert_rows(conn, disposals, [row.columns()])


def current(conn: Connection, institution: str, disposal: str) -> DisposalRow | None:
    """The current version."""
    row = conn.execute(
        select(disposals)
        .where(_D.institution == institution, _D.disposal == disposal)
        .order_by(_D.version.desc())
        .limit(1)
    ).first()
    return None if row is None else DisposalRow(*row)


def page(conn: Connection, institution: str, *, before: str, limit: int) -> list[DisposalRow]:
    """Current versions, newest first, in front of the identifier `before` ("": from the newest)."""
    newest = select(_D.disposal, func.max(_D.version).label("version")).where(
        _D.institution == institution
    )
    if before:
        newest = newest.where(_D.disposal < before)
    inner = newest.group_by(_D.disposal).order_by(_D.disposal.desc()).limit(limit).subquery()
    rows = conn.execute(
        select(disposals)
        .join(inner, (_D.disposal == inner.c.disposal) & (_D.version == inner.c.version))
        .where(_D.institution == institution)
        .order_by(_D.disposal.desc())
    )
    return [DisposalRow(*row) for row in rows]


def at_stage(conn: Connection, stage: str) -> list[DisposalRow]:
    """Disposals of all institutions whose current version is at a stage, oldest first."""
    newest = (
        select(_D.institution, _D.disposal, func.max(_D.version).label("version"))
        .group_by(_D.institution, _D.disposal)
        .subquery()
    )
    rows = conn.execute(
        select(disposals)
        .join(
            newest,
            (_D.institution == newest.c.institution)
            & (_D.disposal == newest.c.disposal)
            & (_D.version == newest.c.version),
        )
        .where(_D.stage == stage)
        .order_by(_D.disposal)
    )
    return [DisposalRow(*row) for row in rows]


def add_items(conn: Connection, rows: Sequence[ItemRow]) -> None:
    """Add to a plan that is being made."""
    insert_rows(conn, disposal_items, [row.columns() for row in rows])


def forget_items(conn: Connection, institution: str, disposal: str) -> None:
    """Take back the items of a plan that was not finished."""
    conn.execute(
        delete(disposal_items).where(_I.institution == institution, _I.disposal == disposal)
    )


def items(
    conn: Connection,
    institution: str,
    disposal: str,
    *,
    stages: Sequence[str] = (),
    after: int = 0,
    limit: int = _PAGE,
) -> list[ItemRow]:
    """Items in order, behind number `after`."""
    wanted = select(disposal_items).where(
        _I.institution == institution, _I.disposal == disposal, _I.number > after
    )
    if stages:
        wanted = wanted.where(_I.stage.in_(list(stages)))
    return [ItemRow(*row) for row in conn.execute(wanted.order_by(_I.number).limit(limit))]


def every_item(conn: Connection, institution: str, disposal: str) -> Iterator[ItemRow]:
    """All items in order, a page in memory at a time."""
    after = 0
    while rows := items(conn, institution, disposal, after=after):
        yield from rows
        after = rows[-1].number


def item(conn: Connection, institution: str, disposal: str, number: int) -> ItemRow | None:
    """One item."""
    row = conn.execute(
        select(disposal_items).where(
            _I.institution == institution, _I.disposal == disposal, _I.number == number
        )
    ).first()
    return None if row is None else ItemRow(*row)


def move(conn: Connection, row: ItemRow, stage: str) -> bool:
    """Move an item on from the stage where it was seen; whether it was still there."""
    done = conn.execute(
        update(disposal_items)
        .where(
            _I.institution == row.institution,
            _I.disposal == row.disposal,
            _I.number == row.number,
            _I.stage == row.stage,
        )
        .values(stage=stage)
    )
    return done.rowcount == 1


def counts(conn: Connection, institution: str, disposal: str) -> dict[str, int]:
    """How many items are at each stage."""
    rows = conn.execute(
        select(_I.stage, func.count())
        .where(_I.institution == institution, _I.disposal == disposal)
        .group_by(_I.stage)
    )
    return {row[0]: int(row[1]) for row in rows}


def bury(conn: Connection, stone: Tombstone) -> None:
    """Put up a tombstone. More rows that went later are added to it."""
    c = tombstones.c
    values = (
        stone.institution,
        stone.customer,
        stone.scope,
        stone.record,
        stone.disposal,
        stone.disposed_at,
        stone.rows,
    )
    if not insert_or_ignore(conn, tombstones, [values]):
        conn.execute(
            update(tombstones)
            .where(
                c.institution == stone.institution,
                c.customer == stone.customer,
                c.scope == stone.scope,
                c.record == stone.record,
            )
            .values(rows=c.rows + stone.rows)
        )


def rows_buried(conn: Connection, institution: str, disposal: str) -> int:
    """How many rows a disposal has taken away."""
    c = tombstones.c
    found = conn.execute(
        select(func.coalesce(func.sum(c.rows), 0)).where(
            c.institution == institution, c.disposal == disposal
        )
    ).scalar_one()
    return int(found)
