"""Files that came from another vault and that went to one, and what the other vault said of each
record. Functions on a connection; every change is a new version."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from vault.store.rows import row_hash
from vault.store.schema import arrivals, departures, origins
from vault.store.statements import insert_rows

_D, _A, _O = departures.c, arrivals.c, origins.c


@dataclass(frozen=True, slots=True)
class DepartureRow:
    """A bundle of a customer's file that left, sealed to the key of that fingerprint (hexadecimal).
    From version 2 on the other vault has acknowledged it: `note` is what it signed, `received_as`
    the file's name there. `recorded_at` in microseconds."""

    institution: str
    customer: str
    departure: str
    version: int
    recorded_at: int
    recorded_by: str
    recipient: str
    manifest_sha256: bytes
    received_as: str
    note: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """The row's name in the log."""
        return (
            f"institutions/{self.institution}/customers/{self.customer}"
            f"/departures/{self.departure}@{self.version}"
        )

    def hash(self) -> bytes:
        """The row's hash, 32 bytes."""
        return row_hash("departures", *_values(self))


@dataclass(frozen=True, slots=True)
class ArrivalRow:
    """A file that came: which one of which log, by the bundle with that manifest; what of it proves
    the file is kept as contents of the record `bundle`. From version 2 on all of it is stored, and
    `note` is the acknowledgement. `recorded_at` in microseconds."""

    institution: str
    customer: str
    version: int
    recorded_at: int
    recorded_by: str
    origin_log: str
    origin: str
    manifest_sha256: bytes
    bundle: str
    note: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """The row's name in the log."""
        return f"institutions/{self.institution}/customers/{self.customer}/arrival@{self.version}"

    def hash(self) -> bytes:
        """The row's hash, 32 bytes."""
        return row_hash("arrivals", *_values(self))


@dataclass(frozen=True, slots=True)
class OriginRow:
    """When and by whom a version was recorded in the vault that it came from: of the customer where
    `record` is empty, else of "documents/{id}", "transactions/{id}" or a content of one of these
    ("documents/{id}/contents/{page}"). `recorded_at` in microseconds."""

    institution: str
    customer: str
    record: str
    version: int
    scope: str
    recorded_at: int
    recorded_by: str

    @property
    def name(self) -> str:
        """The row's name in the log."""
        return (
            f"institutions/{self.institution}/customers/{self.customer}"
            f"/origins/{self.record}@{self.version}"
        )

    def hash(self) -> bytes:
        """The row's hash, 32 bytes."""
        return row_hash("origins", *_values(self))


def depart(conn: Connection, row: DepartureRow) -> None:
    """Add a version of a departure. Raises VersionConflict."""
    insert_rows(conn, departures, [_values(row)])


def departures_of(conn: Connection, institution: str, customer: str) -> list[DepartureRow]:
    """The current version of each departure of a customer's file, oldest first."""
    found = conn.execute(
        select(departures)
        .where(_D.institution == institution, _D.customer == customer)
        .order_by(_D.departure, _D.version)
    )
    newest = {row.departure: row for row in (DepartureRow(*one) for one in found)}
    return list(newest.values())


def arrive(conn: Connection, row: ArrivalRow) -> None:
    """Add a version of an arrival. Raises VersionConflict, also where the same file of the same log
    has come already."""
    insert_rows(conn, arrivals, [_values(row)])


def arrival_of(conn: Connection, institution: str, customer: str) -> ArrivalRow | None:
    """The current version of a customer's arrival."""
    found = conn.execute(
        select(arrivals)
        .where(_A.institution == institution, _A.customer == customer)
        .order_by(_A.version.desc())
        .limit(1)
    ).first()
    return None if found is None else ArrivalRow(*found)


def arrival_from(
    conn: Connection, institution: str, origin_log: str, origin: str
) -> ArrivalRow | None:
    """The current version of the arrival of a file, by its name where it came from."""
    found = conn.execute(
        select(arrivals)
        .where(_A.institution == institution, _A.origin_log == origin_log, _A.origin == origin)
        .order_by(_A.version.desc())
        .limit(1)
    ).first()
    return None if found is None else ArrivalRow(*found)


def put_origins(conn: Connection, rows: Sequence[OriginRow]) -> None:
    """Add what the other vault said of some versions. Raises VersionConflict."""
    insert_rows(conn, origins, [_values(row) for row in rows])


def origins_page(
    conn: Connection, institution: str, customer: str, skip: int, limit: int
) -> list[OriginRow]:
    """In order of record and version, from behind the first `skip` on."""
    found = conn.execute(
        select(origins)
        .where(_O.institution == institution, _O.customer == customer)
        .order_by(_O.record, _O.version)
        .offset(skip)
        .limit(limit)
    )
    return [OriginRow(*row) for row in found]


def there(
    conn: Connection, institution: str, customer: str, records: Sequence[str]
) -> set[tuple[str, int]]:
    """Those versions of these records (up to 500) that have been stored, as (record, version)."""
    found = conn.execute(
        select(_O.record, _O.version).where(
            _O.institution == institution, _O.customer == customer, _O.record.in_(records)
        )
    )
    return {(row[0], row[1]) for row in found}


def _values(row: DepartureRow | ArrivalRow | OriginRow) -> tuple[str | int | bytes, ...]:
    return tuple(getattr(row, name) for name in row.__slots__)
