"""Reading the log back: filters, pages, times, and the check that finds what was tampered with."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.event import listen, remove

from tests.support.events import event
from vault.audit import AuditEvent, ChainBroken, Decision, RowHash, decode, encode
from vault.audit import reader as reader_module
from vault.audit.append import append
from vault.audit.chain import EMPTY, extend
from vault.audit.reader import ALL, EventFilter, get, head, position_at, read, verify_chain
from vault.store import Database, StoreDamaged


def fill(database: Database, events: list[AuditEvent]) -> None:
    """One batch an event, recorded at 1000, 2000, 3000, ... microseconds."""

    def work(conn: Connection) -> None:
        for e in events:
            append(conn, [(e, encode(e))], (head(conn).size + 1) * 1_000)

    database.write_sync(work)


def matching(database: Database, wanted: EventFilter, limit: int = 7) -> list[str]:
    """Ids of all matching events, read page by page as a follower does."""
    found: list[str] = []
    after = 0
    while True:
        page = database.read_sync(partial(read, after=after, limit=limit, wanted=wanted))
        assert page.scanned_to >= after
        assert len(page.events) <= limit
        found += [decode(e.leaf).event_id for e in page.events]
        after = page.scanned_to
        if page.at_end:
            return found


EVENTS = [
    event(
        f"e{n:03}",
        institution="demo" if n % 2 else "" if n % 10 == 6 else "other",
        customer=f"c{n % 5}",
        actor="crm" if n % 3 else "officer",
        action="records.get" if n % 4 else "records.list",
        decision=Decision.DENIED if n % 7 == 0 else Decision.ALLOWED,
    )
    for n in range(100)
]

FILTERS: dict[str, tuple[EventFilter, Callable[[AuditEvent], bool]]] = {
    "nothing": (ALL, lambda e: True),
    "institution": (EventFilter(institution="demo"), lambda e: e.institution == "demo"),
    "customer": (
        EventFilter(institution="demo", customer="c1"),
        lambda e: e.institution == "demo" and e.customer == "c1",
    ),
    "actor": (
        EventFilter(institution="demo", actor="crm"),
        lambda e: e.institution == "demo" and e.actor == "crm",
    ),
    "customer and actor": (
        EventFilter(institution="demo", customer="c1", actor="crm"),
        lambda e: e.institution == "demo" and e.customer == "c1" and e.actor == "crm",
    ),
    "actor anywhere": (EventFilter(actor="officer"), lambda e: e.actor == "officer"),
    "action": (
        EventFilter(actions=frozenset({"records.list", "none"})),
        lambda e: e.action == "records.list",
    ),
    "any action of a kind": (
        EventFilter(actions=frozenset({"records.l*", "none"})),
        lambda e: e.action == "records.list",
    ),
    "any action of a kind or one": (
        EventFilter(actions=frozenset({"records.l*", "records.get"})),
        lambda e: e.action in ("records.list", "records.get"),
    ),
    "a kind whose underscore is no wildcard": (
        EventFilter(actions=frozenset({"records_*"})),
        lambda e: False,
    ),
    "decision": (
        EventFilter(decisions=frozenset({"denied"})),
        lambda e: e.decision is Decision.DENIED,
    ),
    "all at once": (
        EventFilter(
            institution="demo",
            customer="c1",
            actor="crm",
            actions=frozenset({"records.get"}),
            decisions=frozenset({"allowed"}),
        ),
        lambda e: (
            (e.institution, e.customer, e.actor, e.action, e.decision)
            == ("demo", "c1", "crm", "records.get", Decision.ALLOWED)
        ),
    ),
    "no institution": (
        EventFilter(institution="demo", without_institution=True),
        lambda e: e.institution == "",
    ),
    "an actor of no institution": (
        EventFilter(institution="demo", without_institution=True, actor="crm"),
        lambda e: e.institution == "" and e.actor == "crm",
    ),
    "a customer of no institution": (
        EventFilter(institution="demo", without_institution=True, customer="c1"),
        lambda e: False,
    ),
    "no match": (EventFilter(institution="nowhere"), lambda e: False),
}


@pytest.mark.parametrize("what", FILTERS)
@pytest.mark.parametrize("window", [3, 4_096])
def test_a_filter_gives_exactly_its_events_in_order(
    database: Database, what: str, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "SCAN_WINDOW", window)
    monkeypatch.setattr(reader_module, "INDEXED_WINDOW", window)
    fill(database, EVENTS)
    wanted, test = FILTERS[what]
    expected = [e.event_id for e in EVENTS if test(e)]
    assert expected or what in (
        "no match",
        "a kind whose underscore is no wildcard",
        "a customer of no institution",
    )
    assert matching(database, wanted) == expected


def test_a_page_that_found_nothing_says_how_far_it_looked(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "SCAN_WINDOW", 10)
    fill(database, EVENTS)
    page = database.read_sync(lambda c: read(c, 0, 5, EventFilter(actor="nobody")))
    assert (page.events, page.scanned_to, page.at_end) == ((), 10, False)
    page = database.read_sync(lambda c: read(c, 95, 5, EventFilter(actor="nobody")))
    assert (page.events, page.scanned_to, page.at_end) == ((), 100, True)


def test_times_are_found_by_halving_and_bound_a_page(database: Database) -> None:
    fill(database, EVENTS)
    for time, before in {0: 0, 1_000: 0, 1_001: 1, 50_000: 49, 100_000: 99, 100_001: 100}.items():
        assert database.read_sync(partial(position_at, time=time, size=100)) == before
    wanted = EventFilter(from_time=20_000, to_time=30_000)
    assert matching(database, wanted) == [f"e{n:03}" for n in range(19, 29)]
    wanted = EventFilter(institution="demo", from_time=90_500)
    assert matching(database, wanted) == [f"e{n:03}" for n in range(91, 100, 2)]
    assert matching(database, EventFilter(from_time=30_000, to_time=20_000)) == []
    assert matching(database, EventFilter(from_time=10**9)) == []


def test_an_empty_log_reads_as_empty_and_verifies(database: Database) -> None:
    page = database.read_sync(lambda c: read(c, 0, 10))
    assert (page.events, page.at_end) == ((), True)
    assert database.read_sync(head) == EMPTY
    assert database.read_sync(verify_chain) == EMPTY
    assert database.read_sync(lambda c: get(c, 1)) is None


def test_an_event_is_got_by_its_position(database: Database) -> None:
    fill(database, EVENTS[:3])
    found = database.read_sync(lambda c: get(c, 2))
    assert found is not None
    assert found.leaf == encode(EVENTS[1])


def test_the_check_tells_how_far_it_is_and_returns_the_head(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "_VERIFY_CHUNK", 30)
    fill(database, EVENTS)
    seen: list[tuple[int, int]] = []
    end = database.read_sync(lambda c: verify_chain(c, lambda at, of: seen.append((at, of))))
    assert end == database.read_sync(head)
    assert seen == [(30, 100), (60, 100), (90, 100), (100, 100)]


# What somebody with the database in hand can do, and the position at which it is found.
TAMPER: dict[str, tuple[list[str], int]] = {
    "an event is deleted": (["DELETE FROM audit_events WHERE position = 5"], 5),
    "the first is deleted": (["DELETE FROM audit_events WHERE position = 1"], 1),
    "the last is deleted": (["DELETE FROM audit_events WHERE position = 10"], 10),
    "the tail is cut": (["DELETE FROM audit_events WHERE position > 7"], 8),
    "everything is deleted": (["DELETE FROM audit_events"], 1),
    "two are exchanged": (
        [
            "UPDATE audit_events SET position = 99 WHERE position = 4",
            "UPDATE audit_events SET position = 4 WHERE position = 5",
            "UPDATE audit_events SET position = 5 WHERE position = 99",
        ],
        4,
    ),
    "an event is hidden from its customer": (
        ["DELETE FROM audit_customers WHERE position = 3"],
        3,
    ),
    "an event is shown to another customer": (
        ["UPDATE audit_customers SET customer = 'c9' WHERE position = 3"],
        3,
    ),
    "an event is shown to one customer more": (
        ["INSERT INTO audit_customers VALUES ('demo', 'c9', 4)"],
        10,
    ),
    "an actor column is changed": (["UPDATE audit_events SET actor = 'x' WHERE position = 10"], 10),
    "an institution column is changed": (
        ["UPDATE audit_events SET institution = 'x' WHERE position = 1"],
        1,
    ),
    "an action column is changed": (["UPDATE audit_events SET action = 'x' WHERE position = 2"], 2),
    "a decision column is changed": (
        ["UPDATE audit_events SET decision = 'x' WHERE position = 2"],
        2,
    ),
    "a time goes back": (["UPDATE audit_events SET recorded_at = 5 WHERE position = 6"], 6),
    "the head is put back": (["UPDATE audit_head SET size = 9"], 9),
    "the head is put forward": (["UPDATE audit_head SET size = 11"], 11),
}


@pytest.mark.parametrize("how", TAMPER)
def test_tampering_is_found_at_its_position(database: Database, how: str) -> None:
    fill(database, EVENTS[:10])
    database.read_sync(verify_chain)
    statements, position = TAMPER[how]

    def tamper(conn: Connection) -> None:
        for statement in statements:
            conn.exec_driver_sql(statement)

    database.write_sync(tamper)
    with pytest.raises(ChainBroken) as caught:
        database.read_sync(verify_chain)
    assert caught.value.position == position


def test_an_event_written_over_with_its_chain_value_made_anew_is_found(database: Database) -> None:
    fill(database, EVENTS[:10])

    def tamper(conn: Connection) -> None:
        before, old = get(conn, 3), get(conn, 4)
        assert before is not None
        assert old is not None
        leaf = encode(replace(decode(old.leaf), outcome="ABORTED"))
        mark = "?" if conn.dialect.name == "sqlite" else "%s"
        conn.exec_driver_sql(
            f"UPDATE audit_events SET leaf = {mark}, chain = {mark} WHERE position = 4",
            (leaf, extend(before.chain, leaf)),
        )

    database.write_sync(tamper)
    with pytest.raises(ChainBroken) as caught:
        database.read_sync(verify_chain)
    assert caught.value.position == 5


def test_a_log_without_a_head_is_damaged_and_takes_nothing(database: Database) -> None:
    database.write_sync(lambda c: c.exec_driver_sql("DELETE FROM audit_head"))
    with pytest.raises(StoreDamaged):
        database.read_sync(head)
    with pytest.raises(StoreDamaged):
        fill(database, EVENTS[:1])
    assert database.read_sync(lambda c: get(c, 1)) is None


def test_the_filters_use_their_indexes(database: Database) -> None:
    """Without them "who looked at this file" reads the whole log."""
    fill(database, EVENTS)
    for wanted, index in (
        (EventFilter(institution="demo", customer="c1"), "audit_customers"),
        (EventFilter(institution="demo", actor="c1"), "ix_audit_events_institution_actor_position"),
    ):
        told: list[str] = []

        def explain(conn: Connection, wanted: EventFilter = wanted, told: list[str] = told) -> None:
            plan = "EXPLAIN QUERY PLAN " if conn.dialect.name == "sqlite" else "EXPLAIN "
            if conn.dialect.name == "postgresql":
                # A small table is cheaper to read whole; ask what it would do with a large one.
                conn.exec_driver_sql("SET enable_seqscan = off")

            def spy(conn: Any, cursor: Any, statement: str, parameters: Any, *_: object) -> None:
                if "leaf" in statement and not statement.startswith("EXPLAIN"):
                    cursor.execute(plan + statement, parameters)
                    told.append(str(cursor.fetchall()))

            listen(conn, "before_cursor_execute", spy)
            read(conn, 0, 10, wanted)
            remove(conn, "before_cursor_execute", spy)

        database.read_sync(explain)
        assert len(told) == 1
        assert index in told[0]


def test_a_customer_finds_the_pages_batches_and_searches_that_showed_him(
    database: Database,
) -> None:
    fill(
        database,
        [
            event("page", customer="", resources=("customers/c1@2", "customers/c2@1")),
            event("batch", customer="", rows=(RowHash("customers/c1/transactions/t", bytes(32)),)),
            event("other", customer="", resources=("customers/c2/documents/d",)),
            event("own", customer="c1"),
        ],
    )

    def found(customer: str) -> list[str]:
        wanted = EventFilter(institution="demo", customer=customer)
        page = database.read_sync(lambda conn: read(conn, 0, 10, wanted))
        return [decode(e.leaf).event_id for e in page.events]

    assert found("c1") == ["page", "batch", "own"]
    assert found("c2") == ["page", "other"]


def test_a_page_has_no_more_bytes_than_wanted_and_the_next_goes_on(database: Database) -> None:
    fill(database, [replace(one, resource="x" * 2_000) for one in EVENTS[:20]])
    seen: list[int] = []
    after = 0
    while True:
        page = database.read_sync(partial(read, after=after, limit=50, max_bytes=9_000))
        assert sum(len(e.leaf) for e in page.events) <= 9_000
        seen += [e.position for e in page.events]
        after = page.scanned_to
        if page.at_end:
            break
    assert seen == list(range(1, 21))


def test_an_event_larger_than_wanted_comes_alone(database: Database) -> None:
    fill(database, [replace(one, resource="x" * 2_000) for one in EVENTS[:3]])
    page = database.read_sync(partial(read, after=0, limit=50, max_bytes=10))
    assert ([e.position for e in page.events], page.scanned_to, page.at_end) == ([1], 1, False)
