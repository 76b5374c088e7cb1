"""Statements for tables whose rows are versions: append only, the current one has the highest.

Built once a table at import, with bound parameters named after the key columns, so that SQLAlchemy
compiles each once and finds it again by identity.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, bindparam, func, select

from vault.store.point_read import PointRead


def columns_without_sealed(table: Table) -> list[ColumnElement[Any]]:
    """The columns that the masked role may read."""
    return [c for c in table.columns if c.name != "sealed"]


def _is_current(table: Table, keys: Sequence[str]) -> ColumnElement[bool]:
    # A scalar subquery, answered by one seek in the primary key; as an anti-join, a planner might
    # turn it into a pass over the whole table.
    newest = table.alias("newest")
    highest = select(func.max(newest.c.version)).where(*(newest.c[k] == table.c[k] for k in keys))
    return table.c.version == highest.scalar_subquery()


class Versioned:
    """The statements of one table for one choice of columns."""

    def __init__(self, table: Table, *, masked: bool) -> None:
        keys = [c.name for c in table.primary_key.columns if c.name != "version"]
        columns = columns_without_sealed(table) if masked else list(table.columns)
        rows: Select[Any] = select(*columns)
        one = rows.where(*(table.c[k] == bindparam(k) for k in keys))
        version = table.c.version
        self.current = PointRead(one.order_by(version.desc()).limit(1))
        self.version = PointRead(one.where(version == bindparam("version")))
        self.history = (
            one.where(version < bindparam("before"))
            .order_by(version.desc())
            .limit(bindparam("limit"))
        )
        # Listing pages by the last key column within the others. The page's keys are found in the
        # primary key alone, group by group until there are enough, and then joined: with the test
        # for the current version in the condition, PostgreSQL takes it to be so selective that
        # it reads and sorts the whole institution.
        last = table.c[keys[-1]]
        page = (
            select(*(table.c[k] for k in keys), func.max(version).label("version"))
            .where(*(table.c[k] == bindparam(k) for k in keys[:-1]), last > bindparam("after"))
            .group_by(*(table.c[k] for k in keys))
            # By all keys, though all but the last are constant: SQLite sees that this is the order
            # of the index, and stops at the limit, only if it is spelled out.
            .order_by(*(table.c[k] for k in keys))
            .limit(bindparam("limit"))
            .subquery("page")
        )
        self.listing = rows.join(
            page, and_(*(table.c[k] == page.c[k] for k in [*keys, "version"]))
        ).order_by(*(page.c[k] for k in keys))
        current = _is_current(table, keys)
        self.many = rows.where(
            table.c.institution == bindparam("institution"),
            *(table.c[k].in_(bindparam(f"{k}s", expanding=True)) for k in keys[1:]),
            current,
        )
