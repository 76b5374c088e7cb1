"""Read the log in the database: a page at a time, filtered by index; the head; the check of the
chain. Events that were moved to the archive are read through `vault.audit.history`."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    CursorResult,
    Row,
    Select,
    func,
    or_,
    select,
    tuple_,
)

from vault.audit.bundle_times import TimesInvalid, unpack_times
from vault.audit.chain import EMPTY, ChainBroken, Head, StoredEvent, verify
from vault.audit.event import AuditEvent, EventUnreadable, customers_of, decode
from vault.audit.tiles import TILE_WIDTH
from vault.store import log_archive
from vault.store.errors import StoreDamaged
from vault.store.schema import audit_customers, audit_events, audit_head
from vault.store.values import as_bytes, as_int

_E = audit_events.c
_C = audit_customers.c
_HEAD = select(audit_head.c.size, audit_head.c.chain, audit_head.c.recorded_at)
_STORED: Select[Any] = select(_E.position, _E.recorded_at, _E.leaf, _E.chain)
_OF_CUSTOMERS = _STORED.select_from(audit_customers.join(audit_events, _E.position == _C.position))

# How many positions one page looks through, so that a filter that matches next to nothing does not
# hold up the event loop: about 5 ms on SQLite. An index narrows what is looked at, so the window
# can be wider.
SCAN_WINDOW: Final = 4_096
INDEXED_WINDOW: Final = 65_536
_VERIFY_CHUNK: Final = 1_000


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are wanted; all conditions hold at once, an empty one does not limit.

    `without_institution` asks for the events of no institution instead of those of `institution`,
    which then says only who asks. An action that ends in `*` stands for every action that begins
    like it.
    Times are microseconds of when the log took the event: from_time <= recorded_at < to_time.
    """

    institution: str = ""
    customer: str = ""
    actor: str = ""
    actions: frozenset[str] = frozenset()
    decisions: frozenset[str] = frozenset()
    from_time: int | None = None
    to_time: int | None = None
    without_institution: bool = False

    @property
    def owner(self) -> str | None:
        """What the institution of an event has to be, "" for none; None where any will do."""
        return "" if self.without_institution else self.institution or None


ALL: Final = EventFilter()


@dataclass(frozen=True, slots=True)
class EventPage:
    """What a look at the log gave.

    `scanned_to` is the position up to which everything has been looked at; go on from there. It
    may be beyond the last event, and a page may be empty although more events follow: the page
    is at the end when `at_end` is true.
    """

    events: tuple[StoredEvent, ...]
    scanned_to: int
    at_end: bool


def head(conn: Connection) -> Head:
    """The log's present head. Raises StoreDamaged when there is none."""
    row = conn.execute(_HEAD).first()
    if row is None:
        raise StoreDamaged("the log has no head")
    return Head(as_int(row[0]), as_bytes(row[1]), as_int(row[2]))


def position_at(conn: Connection, time: int, size: int) -> int:
    """How many of the first `size` events were recorded before `time` (microseconds).

    A binary search, since recorded_at never goes back; archived events are told by their bundle's
    row. Raises StoreDamaged where an event is missing.
    """
    archived = log_archive.count(conn)
    bundle = log_archive.first_beyond(conn, time, archived)
    if bundle < archived:
        try:
            times = unpack_times(log_archive.bundle(conn, bundle).times, TILE_WIDTH)
        except TimesInvalid as error:
            raise StoreDamaged(f"archived bundle {bundle} has {error}") from error
        return min(size, bundle * TILE_WIDTH + bisect_left(times, time))
    low, high = min(size, archived * TILE_WIDTH), size
    while low < high:
        middle = (low + high) // 2
        row = conn.execute(select(_E.recorded_at).where(_E.position == middle + 1)).first()
        if row is None:
            if log_archive.count(conn) > archived:
                return position_at(conn, time, size)  # it was moved meanwhile
            raise StoreDamaged(f"the log has no event at position {middle + 1}")
        if as_int(row[0]) < time:
            low = middle + 1
        else:
            high = middle
    return low


def _conditions(wanted: EventFilter) -> tuple[list[ColumnElement[bool]], int | None]:
    """The conditions, and how many positions a page may look through (None: any number)."""
    conditions: list[ColumnElement[bool]] = []
    owner = wanted.owner
    if owner is not None:
        conditions.append(_E.institution == owner)
    if wanted.customer:
        conditions.append(_C.institution == wanted.institution)
        conditions.append(_C.customer == wanted.customer)
    if wanted.actor:
        conditions.append(_E.actor == wanted.actor)
    if wanted.actions:
        conditions.append(_action(wanted.actions))
    if wanted.decisions:
        conditions.append(_E.decision.in_(sorted(wanted.decisions)))
    indexed = owner is not None and bool(wanted.customer or wanted.actor)
    enough = 3 if wanted.customer else 2
    if not conditions or (indexed and len(conditions) == enough):
        return conditions, None  # every row looked at is a row wanted
    return conditions, INDEXED_WINDOW if indexed else SCAN_WINDOW


def _source(wanted: EventFilter) -> tuple[Select[Any], ColumnElement[int]]:
    """What to select from, and the position to page by: a customer's events are a range of the
    primary key of `audit_customers`."""
    if wanted.customer:
        return _OF_CUSTOMERS, _C.position
    return _STORED, _E.position


def _action(actions: frozenset[str]) -> ColumnElement[bool]:
    """One of `actions`, of which one that ends in `*` stands for all that begin so."""
    kinds = sorted(action.removesuffix("*") for action in actions if action.endswith("*"))
    named = sorted(action for action in actions if not action.endswith("*"))
    return or_(
        _E.action.in_(named), *(_E.action.startswith(kind, autoescape=True) for kind in kinds)
    )


def read(
    conn: Connection,
    after: int,
    limit: int,
    wanted: EventFilter = ALL,
    *,
    max_bytes: int | None = None,
) -> EventPage:
    """Up to `limit` events (at least 1) behind position `after` that pass the filter, in order, of
    no more than `max_bytes` together, but for a first one that is larger.

    Uses `audit_customers`, or the index on (institution, actor), where the filter names both of a
    pair.
    """
    size = head(conn).size
    last = size
    if wanted.from_time is not None:
        after = max(after, position_at(conn, wanted.from_time, size))
    if wanted.to_time is not None:
        last = position_at(conn, wanted.to_time, size)
    conditions, window = _conditions(wanted)
    until = last if window is None else min(last, after + window)
    if after >= last:
        return EventPage((), after, True)
    events_of, position = _source(wanted)
    rows = conn.execute(
        events_of.where(position > after, position <= until, *conditions)
        .order_by(position)
        .limit(limit)
    )
    events, cut = _taken(rows, max_bytes)
    if cut or len(events) == limit:
        until = events[-1].position
    return EventPage(events, until, until >= last)


def _taken(
    rows: CursorResult[*tuple[Any, ...]], max_bytes: int | None
) -> tuple[tuple[StoredEvent, ...], bool]:
    """The events of the rows, and whether there were more bytes than wanted. SQLite's rows are read
    as they are asked for, so what is not taken never comes into memory."""
    if max_bytes is None:
        return tuple([StoredEvent(*row) for row in rows]), False
    events: list[StoredEvent] = []
    size = 0
    for row in rows:
        event = StoredEvent(*row)
        size += len(event.leaf)
        if events and size > max_bytes:
            rows.close()
            return tuple(events), True
        events.append(event)
    return tuple(events), False


def read_back(
    conn: Connection,
    before: int | None,
    limit: int,
    wanted: EventFilter = ALL,
    *,
    floor: int = 0,
) -> EventPage:
    """As `read`, from the newest back: events in front of position `before` (None: of the end) and
    behind position `floor`.

    `scanned_to` is the position to give as the next `before`.
    """
    size = head(conn).size
    first, before = 0, size + 1 if before is None else min(before, size + 1)
    if wanted.from_time is not None:
        first = position_at(conn, wanted.from_time, size)
    first = max(first, floor)
    if wanted.to_time is not None:
        before = min(before, position_at(conn, wanted.to_time, size) + 1)
    conditions, window = _conditions(wanted)
    down_to = first + 1 if window is None else max(first + 1, before - window)
    if before <= first + 1:
        return EventPage((), before, True)
    events_of, position = _source(wanted)
    rows = conn.execute(
        events_of.where(position >= down_to, position < before, *conditions)
        .order_by(position.desc())
        .limit(limit)
    )
    events = tuple([StoredEvent(*row) for row in rows])
    if len(events) == limit:
        down_to = events[-1].position
    return EventPage(events, down_to, down_to <= first + 1)


def get(conn: Connection, position: int) -> StoredEvent | None:
    """The event at a position."""
    row = conn.execute(_STORED.where(_E.position == position)).first()
    return None if row is None else StoredEvent(*row)


def _check_columns(row: Row[Any], event: AuditEvent) -> None:
    """The columns that filters use must say what the leaf says: they are not in the chain."""
    for column in ("institution", "actor", "action"):
        if getattr(row, column) != getattr(event, column):
            raise ChainBroken(row.position, f"the column {column} differs from the leaf")
    if row.decision != event.decision.value:
        raise ChainBroken(row.position, "the column decision differs from the leaf")


def _check_mentions(conn: Connection, mentions: Sequence[tuple[str, str, int]]) -> None:
    """Every customer that an event concerns finds it."""
    for n in range(0, len(mentions), _VERIFY_CHUNK):
        some = mentions[n : n + _VERIFY_CHUNK]
        found = set(
            map(
                tuple,
                conn.execute(select(audit_customers).where(tuple_(*_C).in_(some))).all(),
            )
        )
        for mention in some:
            if mention not in found:
                raise ChainBroken(mention[2], "a customer that the leaf names does not find it")


def _check_no_more_mentions(conn: Connection, size: int, counted: int) -> None:
    """And no customer finds an event that does not concern him."""
    stand = conn.execute(
        select(func.count()).select_from(audit_customers).where(_C.position <= size)
    ).scalar_one()
    if stand != counted:
        raise ChainBroken(size, "audit_customers names events that do not concern the customer")


def _checked_rows(
    conn: Connection, start: int, size: int, progress: Callable[[int, int], None] | None
) -> Iterator[StoredEvent]:
    at = start
    counted = 0
    while True:
        statement = (
            select(audit_events)
            .where(_E.position > at, _E.position <= size)
            .order_by(_E.position)
            .limit(_VERIFY_CHUNK)
        )
        rows = conn.execute(statement).all()
        mentions: list[tuple[str, str, int]] = []
        for row in rows:
            yield StoredEvent(row.position, row.recorded_at, row.leaf, row.chain)
            try:
                event = decode(row.leaf)
            except EventUnreadable as error:
                raise ChainBroken(row.position, "the leaf is not an audit event") from error
            _check_columns(row, event)
            mentions += [(event.institution, c, row.position) for c in customers_of(event)]
        _check_mentions(conn, mentions)
        counted += len(mentions)
        if progress is not None:
            progress(rows[-1].position if rows else size, size)
        if len(rows) < _VERIFY_CHUNK:
            # A tail that is cut off is told as that.
            if (rows[-1].position if rows else at) == size:
                _check_no_more_mentions(conn, size, counted)
            return
        at = rows[-1].position


def archive_head(conn: Connection) -> Head:
    """The log's head where the archive ends."""
    archived = log_archive.count(conn)
    if not archived:
        return EMPTY
    last = log_archive.bundle(conn, archived - 1)
    return Head(archived * TILE_WIDTH, last.chain, last.last_at)


def verify_chain(conn: Connection, progress: Callable[[int, int], None] | None = None) -> Head:
    """Check the log in the database against its head; return the head. Events may be appended
    meanwhile. What was archived is `verify_archive`'s.

    `progress` is called with (position, size). Raises ChainBroken with the first position that is
    wrong.
    """
    begun = archive_head(conn)
    stands = head(conn)
    if stands.size < begun.size:
        raise ChainBroken(stands.size + 1, f"missing: {begun.size} events were archived")
    rows = _checked_rows(conn, begun.size, stands.size, progress)
    reached = verify(rows, begun)
    if reached.size != stands.size:
        raise ChainBroken(reached.size + 1, "missing: the log ends before its head")
    if reached.chain != stands.chain:
        raise ChainBroken(stands.size, "the head does not agree with the last event")
    # The last position first, the head after it: an append in between makes only the head grow.
    last = conn.execute(select(_E.position).order_by(_E.position.desc()).limit(1)).scalar() or 0
    if last > head(conn).size:
        raise ChainBroken(head(conn).size + 1, "events stand beyond the head")
    return reached
