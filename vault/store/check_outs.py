"""Check-outs: every change is a new version; the current one has the highest number."""

from dataclasses import dataclass, field

from sqlalchemy import Connection, bindparam, func, select

from vault.store.customers import FULL
from vault.store.point_read import PointRead
from vault.store.rows import CustomerRow, row_hash
from vault.store.schema import check_outs
from vault.store.statements import insert_rows

_C = check_outs.c


@dataclass(frozen=True, slots=True)
class CheckOutRow:
    """A version of a check-out; times in microseconds. `body` is JSON, `sealed` opens with the full
    key of the customer's identity file."""

    institution: str
    check_out: str
    version: int
    customer: str
    requester: str
    person: str
    stage: str
    decide_by: int
    ends_at: int
    recorded_at: int
    recorded_by: str
    body: bytes = field(repr=False)
    sealed: bytes = field(repr=False)

    def columns(self) -> tuple[str | int | bytes, ...]:
        """The values in the schema's order."""
        return (
            self.institution,
            self.check_out,
            self.version,
            self.customer,
            self.requester,
            self.person,
            self.stage,
            self.decide_by,
            self.ends_at,
            self.recorded_at,
            self.recorded_by,
            self.body,
            self.sealed,
        )

    @property
    def name(self) -> str:
        """The row's name in the log: the resource name, "@" and the version."""
        return f"institutions/{self.institution}/checkOuts/{self.check_out}@{self.version}"

    def hash(self) -> bytes:
        """The row's hash, 32 bytes."""
        return row_hash(check_outs.name, *self.columns())


_CURRENT = PointRead(
    select(check_outs)
    .where(_C.institution == bindparam("institution"), _C.check_out == bindparam("check_out"))
    .order_by(_C.version.desc())
    .limit(1)
)

_COLUMNS = len(check_outs.columns)
_WITH_FILE = _CURRENT.beside(FULL.current)

_VERSION = PointRead(
    select(check_outs).where(
        _C.institution == bindparam("institution"),
        _C.check_out == bindparam("check_out"),
        _C.version == bindparam("version"),
    )
)


def insert(conn: Connection, row: CheckOutRow) -> None:
    """Add a version. Raises VersionConflict when it stands already: somebody else was first."""
    insert_rows(conn, check_outs, [row.columns()])


def current(conn: Connection, institution: str, check_out: str) -> CheckOutRow | None:
    """The current version."""
    row = _CURRENT.first(conn, {"institution": institution, "check_out": check_out})
    return None if row is None else CheckOutRow(*row)


def current_with_file(
    conn: Connection, institution: str, check_out: str, customer: str
) -> tuple[CheckOutRow | None, CustomerRow | None]:
    """The current version, and that of a customer beside it, in one look. Without a check-out
    there is no customer either."""
    row = _WITH_FILE.first(
        conn, {"institution": institution, "check_out": check_out, "customer": customer}
    )
    if row is None:
        return None, None
    file = row[_COLUMNS:]
    return CheckOutRow(*row[:_COLUMNS]), None if file[0] is None else CustomerRow(*file)


def version(conn: Connection, institution: str, check_out: str, number: int) -> CheckOutRow | None:
    """The version of that number."""
    key = {"institution": institution, "check_out": check_out, "version": number}
    row = _VERSION.first(conn, key)
    return None if row is None else CheckOutRow(*row)


def history(conn: Connection, institution: str, check_out: str) -> list[CheckOutRow]:
    """All versions, the first one first."""
    found = conn.execute(
        select(check_outs)
        .where(_C.institution == institution, _C.check_out == check_out)
        .order_by(_C.version)
    )
    return [CheckOutRow(*row) for row in found]


def page(
    conn: Connection,
    institution: str,
    *,
    person: str = "",
    customer: str = "",
    whole: bool = False,
    before: str = "",
    limit: int,
) -> list[CheckOutRow]:
    """Current versions, the newest check-out first, in front of `before` (its identifier); all
    conditions hold at once, an empty one does not limit. `whole`: those of all customers."""
    newest = (
        select(_C.check_out, func.max(_C.version).label("version"))
        .where(_C.institution == institution)
        .group_by(_C.check_out)
        .order_by(_C.check_out.desc())
        .limit(limit)
    )
    if person:
        newest = newest.where(_C.person == person)
    if customer:
        newest = newest.where(_C.customer == customer)
    if whole:
        newest = newest.where(_C.customer == "")
    if before:
        newest = newest.where(_C.check_out < before)
    inner = newest.subquery()
    wanted = (
        select(check_outs)
        .join(inner, (_C.check_out == inner.c.check_out) & (_C.version == inner.c.version))
        .where(_C.institution == institution)
        .order_by(_C.check_out.desc())
    )
    return [CheckOutRow(*row) for row in conn.execute(wanted)]
