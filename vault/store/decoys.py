"""Decoys: customers who are none, at whom nobody has a reason to look. Every change is a new
version; the current one has the highest number."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from vault.store.rows import row_hash
from vault.store.schema import decoys
from vault.store.statements import insert_rows

_D = decoys.c


@dataclass(frozen=True, slots=True)
class DecoyRow:
    """That a customer is a decoy from then on (`decoy` 1), or no longer (0). Time in
    microseconds."""

    institution: str
    customer: str
    version: int
    decoy: int
    recorded_at: int
    recorded_by: str

    def columns(self) -> tuple[str | int, ...]:
        """The values in the schema's order."""
        return (
            self.institution,
            self.customer,
            self.version,
            self.decoy,
            self.recorded_at,
            self.recorded_by,
        )

    @property
    def name(self) -> str:
        """The row's name in the log: that of the decoy, "@" and the version."""
        return f"decoys/{self.customer}@{self.version}"

    def hash(self) -> bytes:
        """The row's hash, 32 bytes."""
        return row_hash(decoys.name, *self.columns())


def insert(conn: Connection, row: DecoyRow) -> None:
    """Add a version. Raises VersionConflict when it stands already."""
    insert_rows(conn, decoys, [row.columns()])


def current(conn: Connection, institution: str, customer: str) -> DecoyRow | None:
    """The current version."""
    row = conn.execute(
        select(decoys)
        .where(_D.institution == institution, _D.customer == customer)
        .order_by(_D.version.desc())
        .limit(1)
    ).first()
    return None if row is None else DecoyRow(*row)


def all_of(conn: Connection, institution: str) -> list[str]:
    """The customers that are decoys now, in order. With the masked role, too."""
    newest = (
        select(_D.customer, func.max(_D.version).label("version"))
        .where(_D.institution == institution)
        .group_by(_D.customer)
        .subquery()
    )
    found = conn.execute(
        select(_D.customer)
        .join(newest, (_D.customer == newest.c.customer) & (_D.version == newest.c.version))
        .where(_D.institution == institution, _D.decoy == 1)
        .order_by(_D.customer)
    )
    return list(found.scalars())
