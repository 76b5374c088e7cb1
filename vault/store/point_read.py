"""Finding by a full key, as lean as the commonest read of all has to be.

The row comes from the driver itself: the statement is SQLAlchemy's, but its execution and its
result objects, made anew for each row, cost more than the database does: on SQLite four times, on
PostgreSQL some 45 us of 65. Within a transaction PostgreSQL is asked the long way, since there a
failed statement spoils what would name its error.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Dialect, Select, select, true

_IDLE = TransactionStatus.IDLE


class PointRead:
    """A statement with at most a few rows in its result, of columns that need no conversion."""

    def __init__(self, statement: Select[Any]) -> None:
        self.statement = statement
        self._sqlite: tuple[str, tuple[str, ...], dict[str, Any]] | None = None
        self._postgres: tuple[bytes, dict[str, Any]] | None = None

    def beside(self, other: "PointRead") -> "PointRead":
        """The first row of this one with that of another behind it, which is None throughout where
        there is none. A key that both have is the same for both."""
        one, two = self.statement.subquery("one"), other.statement.subquery("two")
        return PointRead(select(one, two).select_from(one.outerjoin(two, true())).limit(1))

    def first(self, conn: Connection, key: Mapping[str, Any]) -> Sequence[Any] | None:
        """The first row, or None. Raises what executing the statement on `conn` raises."""
        try:
            if conn.dialect.name == "sqlite":
                sql, values = self._for_sqlite(conn.dialect, key)
                with closing(conn.connection.cursor()) as cursor:
                    cursor.execute(sql, values)
                    row: Sequence[Any] | None = cursor.fetchone()
                    return row
            found = self._postgres_cursor(conn)
            if found is not None:
                found.execute(*self._for_postgres(conn.dialect, key))
                one: Sequence[Any] | None = found.fetchone()
                return one
        except (sqlite3.Error, psycopg.Error):
            # Once more the long way, on which the error gets its name and its treatment.
            pass
        return conn.execute(self.statement, key).first()

    def all(self, conn: Connection, key: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """All rows. Raises what executing the statement on `conn` raises."""
        try:
            if conn.dialect.name == "sqlite":
                sql, values = self._for_sqlite(conn.dialect, key)
                with closing(conn.connection.cursor()) as cursor:
                    cursor.execute(sql, values)
                    rows: Sequence[Sequence[Any]] = cursor.fetchall()
                    return rows
            found = self._postgres_cursor(conn)
            if found is not None:
                found.execute(*self._for_postgres(conn.dialect, key))
                every: Sequence[Sequence[Any]] = found.fetchall()
                return every
        except (sqlite3.Error, psycopg.Error):
            pass
        return conn.execute(self.statement, key).all()

    def _for_sqlite(
        self, dialect: Dialect, key: Mapping[str, Any]
    ) -> tuple[str, tuple[object, ...]]:
        if self._sqlite is None:
            compiled = self.statement.compile(dialect=dialect)
            names = tuple(compiled.positiontup or ())
            self._sqlite = (str(compiled), names, dict(compiled.params))
        sql, names, fixed = self._sqlite
        return sql, tuple([key[n] if n in key else fixed[n] for n in names])

    def _for_postgres(
        self, dialect: Dialect, key: Mapping[str, Any]
    ) -> tuple[bytes, dict[str, object]]:
        if self._postgres is None:
            compiled = self.statement.compile(dialect=dialect)
            self._postgres = (str(compiled).encode(), dict(compiled.params))
        sql, fixed = self._postgres
        return sql, {**fixed, **key}

    def _postgres_cursor(self, conn: Connection) -> "psycopg.Cursor[Any] | None":
        """The cursor by which this statement is executed on a connection of psycopg's: to make one
        anew takes a third of the read, and one that is shared forgets what it knows of the other
        statement. None within a transaction."""
        driver: psycopg.Connection[Any] = conn.connection.driver_connection  # type: ignore[assignment]  # of no other dialect
        if not driver.autocommit or driver.pgconn.transaction_status != _IDLE:
            return None
        # As long-lived as the driver's connection: one that is lost takes it along.
        kept: psycopg.Cursor[Any] | None = conn.info.get(self)
        if kept is None:
            kept = conn.info[self] = driver.cursor()
        return kept
