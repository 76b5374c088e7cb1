"""What can go wrong in the store, told apart by what the caller should do about it."""

import sqlite3
from typing import NoReturn

from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError


class StoreError(Exception):
    """Base of the store's errors. No message holds a value from a row."""


class StoreUnavailable(StoreError):
    """The database cannot serve now: connection lost, locked too long, disk full. Try again."""


class StoreDamaged(StoreError):
    """The database file is not readable as one. Trying again does not help."""


class StoreAltered(StoreDamaged):
    """A value is not of the type or form that the vault writes: somebody put it there past the
    vault. SQLite lets a column hold another type than its own."""


class StoreForbidden(StoreError):
    """This process's database role may not do this. It was refused, not half done."""


class VersionConflict(StoreError):
    """The row to be inserted is there already: somebody else wrote this version first."""


class KeyVersionGone(StoreError):
    """A version of a key was retired while something was to be wrapped under it. Nothing was
    stored; take the newest version."""


class KeyVersionInUse(StoreError):
    """A version of a key is still wanted, or not there; the message says what for. Nothing was
    changed."""


# PostgreSQL, "Appendix A. Error Codes": 08 connection exception, 53 insufficient resources (disk
# full, too many connections), 57 operator intervention (shutdown, cancelled), 58 system error,
# 25006 read-only (a standby), 40001/40P01 serialization failure and deadlock, 55P03 lock not
# available.
_PG_UNAVAILABLE_CLASSES = frozenset({"08", "53", "57", "58"})
_PG_UNAVAILABLE = frozenset({"25006", "40001", "40P01", "55P03"})
_PG_UNIQUE = "23505"
_PG_FORBIDDEN = "42501"
_PG_DAMAGED_CLASS = "XX"

# https://sqlite.org/rescode.html; the primary code is the name's first two words.
_SQLITE_UNAVAILABLE = (
    "SQLITE_BUSY",
    "SQLITE_LOCKED",
    "SQLITE_FULL",
    "SQLITE_IOERR",
    "SQLITE_CANTOPEN",
    "SQLITE_READONLY",
    "SQLITE_PROTOCOL",
    "SQLITE_NOMEM",
    "SQLITE_INTERRUPT",
)
_SQLITE_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
_SQLITE_FORBIDDEN = ("SQLITE_AUTH", "SQLITE_PERM")
_SQLITE_UNIQUE = ("SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE")


def _sqlite_code(error: DBAPIError) -> str | None:
    name = getattr(error.orig, "sqlite_errorname", None)
    return name if isinstance(name, str) else None


def _pg_code(error: DBAPIError) -> str | None:
    state = getattr(error.orig, "sqlstate", None)
    return state if isinstance(state, str) else None


def is_unique_violation(error: IntegrityError) -> bool:
    """Whether a row with this primary key stands already (and not some other constraint)."""
    code = _sqlite_code(error)
    if code is not None:
        return code.startswith(_SQLITE_UNIQUE)
    return _pg_code(error) == _PG_UNIQUE


def undecodable(error: DBAPIError) -> bool:
    """Whether SQLite found text where bytes belong, and not even text."""
    return isinstance(error.orig, sqlite3.OperationalError) and "decode" in str(error.orig)


def translate(error: DBAPIError) -> StoreError | None:
    """The store's own error for a driver's, or None where it is a fault in our program."""
    if undecodable(error):
        return StoreAltered("the database holds a value of another type than its column's")
    sqlite = _sqlite_code(error)
    if sqlite is not None:
        if sqlite.startswith(_SQLITE_UNAVAILABLE):
            return StoreUnavailable(f"the database cannot serve now ({sqlite})")
        if sqlite.startswith(_SQLITE_DAMAGED):
            return StoreDamaged(f"the database file is damaged ({sqlite})")
        if sqlite.startswith(_SQLITE_FORBIDDEN):
            return StoreForbidden("the database role may not do this")
        return None
    state = _pg_code(error)
    if state is not None:
        if state[:2] in _PG_UNAVAILABLE_CLASSES or state in _PG_UNAVAILABLE:
            return StoreUnavailable(f"the database cannot serve now (SQLSTATE {state})")
        if state == _PG_FORBIDDEN:
            return StoreForbidden("the database role may not do this")
        if state[:2] == _PG_DAMAGED_CLASS:
            return StoreDamaged(f"the database reports internal damage (SQLSTATE {state})")
        return None
    # The driver has no code for it: the server was not reached, or went away under the call. (The
    # authorizer's refusal comes as a plain DatabaseError with SQLITE_AUTH and was met above.)
    if error.connection_invalidated or isinstance(error, (OperationalError, InterfaceError)):
        return StoreUnavailable("the database connection is lost")
    return None


def reraise(error: DBAPIError) -> NoReturn:
    """Raise the store's own error for a driver's, or the driver's where it has none."""
    mine = translate(error)
    if mine is None:
        raise error
    raise mine from error
