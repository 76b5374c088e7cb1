"""Finding by a full key, as lean as the commonest read of all has to be.

On SQLite the row comes from the driver itself: the statement is SQLAlchemy's, but its result
objects, made anew for each row, cost four times what the database does. PostgreSQL's round trip
leaves nothing to gain, and there a failed statement spoils the transaction that it is in.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from sqlalchemy import Connection, Dialect, Select


class PointRead:
    """A statement with at most a few rows in its result, of columns that need no conversion."""

    def __init__(self, statement: Select[Any]) -> None:
        self.statement = statement
        self._sqlite: tuple[str, tuple[str, ...], dict[str, Any]] | None = None

    def first(self, conn: Connection, key: Mapping[str, Any]) -> Sequence[Any] | None:
        """The first row, or None. Raises what executing the statement on `conn` raises."""
        if conn.dialect.name != "sqlite":
            return conn.execute(self.statement, key).first()
        sql, names, fixed = self._sqlite or self._compile(conn.dialect)
        try:
            with closing(conn.connection.cursor()) as cursor:
                cursor.execute(sql, tuple([key[n] if n in key else fixed[n] for n in names]))
                row: Sequence[Any] | None = cursor.fetchone()
                return row
        except sqlite3.Error:
            # Once more the long way, on which the error gets its name and its treatment.
            return conn.execute(self.statement, key).first()

    def all(self, conn: Connection, key: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """All rows. Raises what executing the statement on `conn` raises."""
        if conn.dialect.name != "sqlite":
            return conn.execute(self.statement, key).all()
        sql, names, fixed = self._sqlite or self._compile(conn.dialect)
        try:
            with closing(conn.connection.cursor()) as cursor:
                cursor.execute(sql, tuple([key[n] if n in key else fixed[n] for n in names]))
                rows: Sequence[Sequence[Any]] = cursor.fetchall()
                return rows
        except sqlite3.Error:
            return conn.execute(self.statement, key).all()

    def _compile(self, dialect: Dialect) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        compiled = self.statement.compile(dialect=dialect)
        names = tuple(compiled.positiontup or ())
        self._sqlite = (str(compiled), names, dict(compiled.params))
        return self._sqlite
