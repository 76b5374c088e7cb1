"""Under which versions of its index key an institution's entries are made, and by which they are
searched.

Entries are made in the transaction of the record's write, so that transaction makes sure that it
makes them under all versions that count then: it holds the institution's row until it ends, and
whoever changes the row waits for it. A search looks at the row behind itself: what it searched by
was complete if it still counts.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select, update

from vault.store.errors import StoreAltered, StoreError
from vault.store.point_read import PointRead
from vault.store.schema import index_state
from vault.store.statements import insert_or_ignore

_I = index_state.c
_READ = select(_I.reading, _I.writing).where(_I.institution == bindparam("institution"))
_PLAIN = PointRead(_READ)
_SHARED = PointRead(_READ.with_for_update(read=True))
_ALONE = PointRead(_READ.with_for_update())


class IndexMoved(StoreError):
    """Entries are made, or searched, under other versions by now. Nothing was stored; read the
    state again and repeat."""

    def __init__(self) -> None:
        super().__init__("the index key has another version by now")


@dataclass(frozen=True, slots=True)
class IndexState:
    """`reading` is the version that searches go by, `writing` all that entries are made under."""

    reading: int
    writing: tuple[int, ...]


FIRST = IndexState(1, (1,))
"""Of an institution whose index key was never rotated."""


def read(conn: Connection, institution: str) -> IndexState:
    """As it stands. Raises StoreAltered."""
    row = _PLAIN.first(conn, {"institution": institution})
    return FIRST if row is None else _state(row[0], row[1])


def require_writing(conn: Connection, institution: str, expected: IndexState) -> None:
    """Inside the transaction that makes entries: keep the state as it is until the end. Raises
    IndexMoved."""
    if _held(conn, institution, _SHARED) != expected:
        raise IndexMoved


def require_complete(conn: Connection, institution: str, version: int) -> None:
    """Behind a search by a version: make sure that it was complete. Raises IndexMoved."""
    if version not in read(conn, institution).writing:
        raise IndexMoved


def hold(conn: Connection, institution: str) -> IndexState:
    """Inside a transaction: let nobody make entries until its end; how it stands."""
    return _held(conn, institution, _ALONE)


def put(conn: Connection, institution: str, state: IndexState) -> None:
    """Change it, in a transaction that holds it."""
    conn.execute(
        update(index_state)
        .where(_I.institution == institution)
        .values(reading=state.reading, writing=_text(state.writing))
    )


def _held(conn: Connection, institution: str, how: PointRead) -> IndexState:
    row = how.first(conn, {"institution": institution})
    if row is None:
        # There must be a row to be held; of two who make it, the second waits for the first.
        first = (institution, FIRST.reading, _text(FIRST.writing))
        insert_or_ignore(conn, index_state, [first])
        row = how.first(conn, {"institution": institution})
    if row is None:
        raise StoreAltered("the state of the index is not what was written")
    return _state(row[0], row[1])


def _text(versions: tuple[int, ...]) -> str:
    return ",".join(map(str, versions))


def _state(reading: object, writing: object) -> IndexState:
    try:
        versions = tuple(int(one) for one in str(writing).split(","))
        if not isinstance(reading, int) or reading not in versions:
            raise ValueError
    except ValueError:
        raise StoreAltered("the state of the index is not what was written") from None
    return IndexState(reading, versions)
