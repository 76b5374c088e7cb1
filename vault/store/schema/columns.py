"""What the tables' columns are made of, and the two collections that tables belong to."""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, String
from sqlalchemy.types import TypeEngine

_NAMING = {
    "pk": "pk_%(table_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}

data_metadata = MetaData(naming_convention=_NAMING)
keys_metadata = MetaData(naming_convention=_NAMING)


def text_type() -> TypeEngine[str]:
    """Text ordered by code point on both databases."""
    return String().with_variant(String(collation="C"), "postgresql")


def micros_type() -> TypeEngine[int]:
    """A 64-bit integer; on SQLite INTEGER, so that as a lone primary key it is the rowid."""
    return BigInteger().with_variant(Integer(), "sqlite")


def text_column(name: str) -> Column[str]:
    """A text."""
    return Column(name, text_type(), nullable=False)


def int_column(name: str) -> Column[int]:
    """A 32-bit integer, which the database does not make up."""
    return Column(name, Integer(), nullable=False, autoincrement=False)


def long_column(name: str) -> Column[int]:
    """A 64-bit integer, which the database does not make up."""
    return Column(name, micros_type(), nullable=False, autoincrement=False)


def bytes_column(name: str) -> Column[bytes]:
    """Bytes."""
    return Column(name, LargeBinary(), nullable=False)
