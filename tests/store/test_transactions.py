"""Transactions: booking order, periods, links; the same promises on both databases."""

import dataclasses

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import rows
from vault.store import VersionConflict, transactions
from vault.store.database import Database
from vault.store.rows import LinkRow, MaskedTransactionRow, TransactionRow


def masked_of(row: TransactionRow) -> MaskedTransactionRow:
    values = dataclasses.asdict(row)
    del values["sealed"]
    return MaskedTransactionRow(**values)


def put(database: Database, *records: TransactionRow) -> None:
    database.write_sync(lambda conn: transactions.insert(conn, records))


def test_a_transaction_comes_back_as_it_was_put(database: Database) -> None:
    row = rows.transaction("t1")
    put(database, row)
    read = database.read_sync
    assert read(lambda c: transactions.get(c, "demo", "c1", "t1")) == row
    assert read(lambda c: transactions.get_masked(c, "demo", "c1", "t1")) == (masked_of(row), [])
    assert read(lambda c: transactions.get(c, "demo", "c2", "t1")) is None
    assert read(lambda c: transactions.get_masked(c, "other", "c1", "t1")) == (None, [])


def test_a_transaction_is_never_written_over(database: Database) -> None:
    row = rows.transaction("t1")
    put(database, row)
    with pytest.raises(VersionConflict):
        put(database, dataclasses.replace(row, sealed=b"other"))
    assert database.read_sync(lambda c: transactions.get(c, "demo", "c1", "t1")) == row


def ids(page: list[TransactionRow]) -> list[str]:
    return [row.transaction for row in page]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    low=st.integers(0, 32),
    high=st.integers(0, 32),
    limit=st.integers(1, 12),
    descending=st.booleans(),
)
def test_pages_of_a_period_join_up_to_exactly_that_period(
    database: Database, low: int, high: int, limit: int, descending: bool
) -> None:
    everything = [f"t{i:02}" for i in range(30)]
    if database.read_sync(lambda c: transactions.get(c, "demo", "c1", "t00")) is None:
        put(
            database,
            *[rows.transaction(t) for t in everything],
            rows.transaction("t05", customer="c0"),
            rows.transaction("t05", customer="c2"),
            rows.transaction("t05", institution="other"),
        )
    first, end = f"t{low:02}", f"t{high:02}"

    def page(after: str) -> list[str]:
        return ids(
            database.read_sync(
                lambda c: transactions.page(
                    c,
                    "demo",
                    "c1",
                    low=first,
                    high=end,
                    after=after,
                    descending=descending,
                    limit=limit,
                )
            )
        )

    joined: list[str] = []
    while found := page(joined[-1] if joined else ""):
        assert len(found) <= limit
        joined += found
    wanted = [t for t in everything if first <= t < end]
    assert joined == (wanted[::-1] if descending else wanted)


def test_a_page_without_bounds_is_the_whole_customer_in_either_direction(
    database: Database,
) -> None:
    put(database, *[rows.transaction(t) for t in ("z9", "a1", "m5")])
    read = database.read_sync
    assert ids(read(lambda c: transactions.page(c, "demo", "c1", limit=9))) == ["a1", "m5", "z9"]
    masked = read(lambda c: transactions.page_masked(c, "demo", "c1", descending=True, limit=2))
    assert masked == [masked_of(rows.transaction("z9")), masked_of(rows.transaction("m5"))]


def test_corrections_and_reversals_are_found_from_their_target(database: Database) -> None:
    links = [
        LinkRow("demo", "c1", "t1", "corrects", "t3"),
        LinkRow("demo", "c1", "t1", "reverses", "t2"),
        LinkRow("demo", "c1", "t2", "corrects", "t4"),
        LinkRow("demo", "c2", "t1", "corrects", "t9"),
    ]
    put(database, rows.transaction("t1"), rows.transaction("t9"))
    database.write_sync(lambda c: transactions.insert_links(c, links))
    read = database.read_sync
    found = read(lambda c: transactions.get_masked(c, "demo", "c1", "t1"))
    assert found == (masked_of(rows.transaction("t1")), links[:2])
    alone = read(lambda c: transactions.get_masked(c, "demo", "c1", "t9"))
    assert alone == (masked_of(rows.transaction("t9")), [])
    assert read(lambda c: transactions.links_to(c, "demo", "c1", ["t1"])) == links[:2]
    assert read(lambda c: transactions.links_to(c, "demo", "c1", ["t1", "t2", "t7"])) == links[:3]
    assert read(lambda c: transactions.links_to(c, "demo", "c1", [])) == []
    with pytest.raises(VersionConflict):
        database.write_sync(lambda c: transactions.insert_links(c, links[:1]))
