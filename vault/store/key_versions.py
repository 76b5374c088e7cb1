"""Versions of keys in the key store: what hangs under which, moved to another, and taken out.

Functions on a connection, which take part in their caller's transaction. What stands is compared
before it is replaced: a scope that was destroyed meanwhile does not come back, and a key that
somebody else has moved is left as it is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Table, and_, bindparam, delete, func, or_, select, update

from vault.records.scopes import Branch
from vault.store.errors import KeyVersionInUse
from vault.store.keystore import BRANCH_TABLES, FILE_TABLES, BranchKeyRow, FileKeyRow
from vault.store.schema import index_keys, kek_custody
from vault.store.statements import in_dialect

_VAULT = ""  # the institution of what belongs to the vault as a whole


@dataclass(frozen=True, slots=True)
class VersionCount:
    """A version of a branch or index key, and how many keys hang under it.

    `created_at` is in microseconds; of an index key nothing hangs under it in the key store.
    """

    version: int
    kek_version: str
    created_at: int
    key_id: bytes
    hanging: int


@dataclass(frozen=True, slots=True)
class KekCount:
    """A version of a KEK that some key names, and how many name it."""

    kek_version: str
    hanging: int


# -- file keys under a branch key --------------------------------------------------------------


def versions(conn: Connection, branch: Branch, institution: str) -> list[VersionCount]:
    """The institution's versions of a branch key, newest first."""
    files = FILE_TABLES[branch].c
    found = conn.execute(
        select(files.branch_key_version, func.count())
        .where(files.institution == institution)
        .group_by(files.branch_key_version)
    )
    counts: dict[int, int] = {row[0]: row[1] for row in found}
    return [
        VersionCount(
            row.version, row.kek_version, row.created_at, row.key_id, counts.get(row.version, 0)
        )
        for row in _rows(conn, BRANCH_TABLES[branch], institution)
    ]


def index_versions(conn: Connection, institution: str) -> list[VersionCount]:
    """The institution's versions of its index key, newest first."""
    return [
        VersionCount(row.version, row.kek_version, row.created_at, row.key_id, 0)
        for row in _rows(conn, index_keys, institution)
    ]


def hanging_before(conn: Connection, branch: Branch, institution: str, version: int) -> int:
    """How many file keys hang under versions before this one."""
    files = FILE_TABLES[branch].c
    return conn.execute(
        select(func.count()).where(
            files.institution == institution, files.branch_key_version < version
        )
    ).scalar_one()


def hanging(conn: Connection, branch: Branch, institution: str) -> int:
    """How many file keys an institution has in a branch."""
    files = FILE_TABLES[branch].c
    return conn.execute(select(func.count()).where(files.institution == institution)).scalar_one()


def before(
    conn: Connection,
    branch: Branch,
    institution: str,
    version: int,
    limit: int,
    skip: Iterable[tuple[str, str]] = (),
) -> list[FileKeyRow]:
    """Up to `limit` file keys that hang under versions before this one; without those of the
    scopes to be skipped, (customer, scope)."""
    table = FILE_TABLES[branch]
    wanted = select(table).where(
        table.c.institution == institution, table.c.branch_key_version < version
    )
    for customer, scope in skip:
        wanted = wanted.where(or_(table.c.customer != customer, table.c.scope != scope))
    return [FileKeyRow(*row) for row in conn.execute(wanted.limit(limit))]


def page(
    conn: Connection, branch: Branch, institution: str, after: tuple[str, str], limit: int
) -> list[FileKeyRow]:
    """Up to `limit` file keys in order of (customer, scope), behind `after`."""
    table = FILE_TABLES[branch]
    customer, scope = after
    found = conn.execute(
        select(table)
        .where(
            table.c.institution == institution,
            table.c.customer >= customer,
            or_(
                table.c.customer > customer,
                and_(table.c.customer == customer, table.c.scope > scope),
            ),
        )
        .order_by(table.c.customer, table.c.scope)
        .limit(limit)
    )
    return [FileKeyRow(*row) for row in found]


_MOVE = (
    "UPDATE {} SET branch_key_version = ?, branch_key_id = ?, wrapped = ?"
    " WHERE institution = ? AND customer = ? AND scope = ?"
    " AND key_id = ? AND branch_key_version < ?"
)


def move(conn: Connection, branch: Branch, rows: Sequence[FileKeyRow]) -> int:
    """Put rewrapped file keys in the place of what stands under earlier versions; how many were.

    Raises KeyVersionInUse where the version that they were moved to is gone.
    """
    if not rows:
        return 0
    table = BRANCH_TABLES[branch]
    for institution, version in sorted({(r.institution, r.branch_key_version) for r in rows}):
        found = conn.execute(
            select(table.c.version)
            .where(table.c.institution == institution, table.c.version == version)
            .with_for_update(read=True, key_share=True)
        ).first()
        if found is None:
            raise KeyVersionInUse(f"{branch.value} branch key {version} is not there any more")
    # In one order for all, so that two who move the same keys cannot deadlock.
    ordered = sorted(rows, key=lambda r: (r.institution, r.customer, r.scope))
    sql = in_dialect(conn, _MOVE.format(FILE_TABLES[branch].name))
    return conn.exec_driver_sql(
        sql,
        [
            (
                r.branch_key_version,
                r.branch_key_id,
                r.wrapped,
                r.institution,
                r.customer,
                r.scope,
                r.key_id,
                r.branch_key_version,
            )
            for r in ordered
        ],
    ).rowcount


def retire_branch_key(conn: Connection, branch: Branch, institution: str, version: int) -> bool:
    """Take a version out, under which nothing hangs and which is not the newest; False where it is
    gone already. Raises KeyVersionInUse."""
    table, files = BRANCH_TABLES[branch], FILE_TABLES[branch].c
    # Whoever is hanging something under it now is waited for, and then seen.
    there = conn.execute(
        select(table.c.version)
        .where(table.c.institution == institution, table.c.version == version)
        .with_for_update()
    ).first()
    if there is None:
        return False
    newest = conn.execute(
        select(func.max(table.c.version)).where(table.c.institution == institution)
    ).scalar_one()
    if version == newest:
        raise KeyVersionInUse("it is the newest version, under which new keys are wrapped")
    count = conn.execute(
        select(func.count()).where(
            files.institution == institution, files.branch_key_version == version
        )
    ).scalar_one()
    if count:
        raise KeyVersionInUse(f"{count} file keys still hang under it")
    conn.execute(
        delete(table).where(table.c.institution == institution, table.c.version == version)
    )
    return True


def retire_index_key(conn: Connection, institution: str, version: int) -> bool:
    """Take a version of an index key out, which is not the newest; False where it is gone already.
    That no entry needs it any more is for others to know. Raises KeyVersionInUse."""
    known = [row.version for row in _rows(conn, index_keys, institution)]
    if known and version == known[0]:
        raise KeyVersionInUse("it is the newest version, under which new entries are made")
    gone = conn.execute(
        delete(index_keys).where(
            index_keys.c.institution == institution, index_keys.c.version == version
        )
    )
    return gone.rowcount == 1


# -- branch and index keys under a KEK ---------------------------------------------------------


def kek_counts(conn: Connection, table: Table) -> list[KekCount]:
    """The versions of a KEK that keys of a table name."""
    found = conn.execute(
        select(table.c.kek_version, func.count())
        .group_by(table.c.kek_version)
        .order_by(table.c.kek_version)
    )
    return [KekCount(version, count) for version, count in found]


def elsewhere(conn: Connection, table: Table, kek_version: str) -> list[BranchKeyRow]:
    """The keys of all institutions that are wrapped by another version of their KEK."""
    found = conn.execute(
        select(table)
        .where(table.c.kek_version != kek_version)
        .order_by(table.c.institution, table.c.version)
    )
    return [BranchKeyRow(*row) for row in found]


def every(conn: Connection, table: Table) -> list[BranchKeyRow]:
    """The keys of all institutions."""
    found = conn.execute(select(table).order_by(table.c.institution, table.c.version))
    return [BranchKeyRow(*row) for row in found]


def rewrap(conn: Connection, table: Table, old: BranchKeyRow, new: BranchKeyRow) -> bool:
    """Exchange the wrapping of one key, if it still is what was read."""
    done = conn.execute(
        update(table)
        .where(
            table.c.institution == old.institution,
            table.c.version == old.version,
            table.c.wrapped == old.wrapped,
        )
        .values(kek_version=new.kek_version, wrapped=new.wrapped)
    )
    return done.rowcount == 1


# -- which provider wraps ----------------------------------------------------------------------


def custody(conn: Connection) -> dict[str, str]:
    """Which provider wraps under each KEK, by the KEK's name; only of those that were moved."""
    rows = conn.execute(
        select(kek_custody.c.kek, kek_custody.c.provider).where(kek_custody.c.institution == _VAULT)
    )
    return {row[0]: row[1] for row in rows}


def entrust(conn: Connection, kek: str, provider: str) -> None:
    """Let that provider wrap under a KEK from now on."""
    conn.execute(
        delete(kek_custody).where(kek_custody.c.institution == _VAULT, kek_custody.c.kek == kek)
    )
    conn.execute(kek_custody.insert().values(institution=_VAULT, kek=kek, provider=provider))


def institutions(conn: Connection) -> list[str]:
    """Those that have keys."""
    table = index_keys.c
    return list(
        conn.execute(select(table.institution).distinct().order_by(table.institution)).scalars()
    )


def _rows(conn: Connection, table: Table, institution: str) -> list[BranchKeyRow]:
    found = conn.execute(
        select(table)
        .where(table.c.institution == bindparam("institution"))
        .order_by(table.c.version.desc()),
        {"institution": institution},
    )
    return [BranchKeyRow(*row) for row in found]
