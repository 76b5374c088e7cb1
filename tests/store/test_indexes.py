"""Blind index, identity claims and kept requests; the same promises on both databases."""

import threading

import pytest

from vault.records.index_terms import IndexKind
from vault.store import VersionConflict, blind_index, claims, requests
from vault.store.database import Database
from vault.store.rows import IndexRow, RequestRow

T1, T2, T3 = bytes(16), bytes([255]) * 16, b"0123456789abcdef"


def entry(token: bytes, customer: str, record: str, kind: str = IndexKind.PHONE) -> IndexRow:
    return IndexRow("demo", kind, token, customer, record)


def lookup(
    database: Database,
    token: bytes,
    kind: str = IndexKind.PHONE,
    after: tuple[str, str] | None = None,
    limit: int = 100,
) -> list[tuple[str, str]]:
    return database.read_sync(
        lambda c: blind_index.lookup(c, "demo", kind, token, after=after, limit=limit)
    )


def test_a_token_finds_the_records_it_was_put_for_and_no_others(database: Database) -> None:
    put = [
        entry(T1, "c1", ""),
        entry(T1, "c2", "documents/d1"),
        entry(T1, "c1", "transactions/t1"),
        entry(T2, "c3", ""),
        entry(T1, "c4", "", kind=IndexKind.NAME),
        IndexRow("other", IndexKind.PHONE, T1, "c5", ""),
    ]
    database.write_sync(lambda c: blind_index.put(c, put))
    found = [("c1", ""), ("c1", "transactions/t1"), ("c2", "documents/d1")]
    assert lookup(database, T1) == found
    assert lookup(database, T1, "phone") == found
    assert lookup(database, T1, IndexKind.NAME) == [("c4", "")]
    assert lookup(database, T3) == []


def test_a_lookup_pages_over_customers_and_records(database: Database) -> None:
    everything = [(f"c{i}", record) for i in range(4) for record in ("", "documents/d1")]
    database.write_sync(
        lambda c: blind_index.put(
            c, [entry(T1, customer, record) for customer, record in everything]
        )
    )
    joined: list[tuple[str, str]] = []
    after: tuple[str, str] | None = None
    while page := lookup(database, T1, after=after, limit=3):
        joined += page
        after = page[-1]
    assert joined == everything


def test_the_same_term_twice_in_a_record_is_one_entry(database: Database) -> None:
    database.write_sync(lambda c: blind_index.put(c, [entry(T1, "c1", ""), entry(T1, "c1", "")]))
    database.write_sync(lambda c: blind_index.put(c, [entry(T1, "c1", "")]))
    assert lookup(database, T1) == [("c1", "")]


def test_a_new_version_of_a_record_exchanges_its_terms_alone(database: Database) -> None:
    database.write_sync(
        lambda c: blind_index.put(
            c, [entry(T1, "c1", ""), entry(T1, "c1", "documents/d1"), entry(T1, "c2", "")]
        )
    )
    database.write_sync(lambda c: blind_index.replace(c, "demo", "c1", "", [entry(T2, "c1", "")]))
    assert lookup(database, T1) == [("c1", "documents/d1"), ("c2", "")]
    assert lookup(database, T2) == [("c1", "")]
    database.write_sync(lambda c: blind_index.remove(c, "demo", "c1", ""))
    assert lookup(database, T2) == []


def test_an_identity_number_has_one_holder_within_an_institution(database: Database) -> None:
    write = database.write_sync
    assert write(lambda c: claims.put(c, "demo", [(T1, "c1")])) == {}
    # Its own claim again is no conflict.
    assert write(lambda c: claims.put(c, "demo", [(T1, "c1")])) == {}
    assert write(lambda c: claims.put(c, "demo", [(T1, "c2")])) == {T1: "c1"}
    assert write(lambda c: claims.put(c, "other", [(T1, "c2")])) == {}


def test_of_many_claims_the_conflicting_ones_are_named_and_the_others_stand(
    database: Database,
) -> None:
    write = database.write_sync
    write(lambda c: claims.put(c, "demo", [(T2, "c0")]))
    wanted = [(T1, "c1"), (T2, "c2"), (T3, "c3"), (T3, "c4")]
    assert write(lambda c: claims.put(c, "demo", wanted)) == {T2: "c0", T3: "c3"}
    held = database.read_sync(lambda c: claims.holders(c, "demo", [T1, T2, T3, b"x" * 16]))
    assert held == {T1: "c1", T2: "c0", T3: "c3"}
    assert database.read_sync(lambda c: claims.holders(c, "demo", [])) == {}
    assert write(lambda c: claims.put(c, "demo", [])) == {}


def test_only_the_holder_can_release_a_claim(database: Database) -> None:
    write = database.write_sync
    write(lambda c: claims.put(c, "demo", [(T1, "c1")]))
    write(lambda c: claims.release(c, "demo", T1, "c2"))
    assert database.read_sync(lambda c: claims.holders(c, "demo", [T1])) == {T1: "c1"}
    write(lambda c: claims.release(c, "demo", T1, "c1"))
    assert write(lambda c: claims.put(c, "demo", [(T1, "c2")])) == {}


def test_of_several_who_claim_at_once_one_wins_and_the_others_learn_who(
    database: Database,
) -> None:
    results: dict[str, str] = {}

    def run(customer: str) -> None:
        held = database.write_sync(lambda c: claims.put(c, "demo", [(T1, customer)]))
        results[customer] = held.get(T1, customer)

    threads = [threading.Thread(target=run, args=(f"c{i}",)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 6
    assert len(set(results.values())) == 1


def test_a_kept_request_comes_back_and_cannot_be_kept_twice(database: Database) -> None:
    row = RequestRow("demo", "backend", "r1", "CreateCustomer", b"f" * 32, b"outcome\x00", 5)
    other = RequestRow("demo", "another", "r1", "CreateCustomer", b"g" * 32, b"", 6)
    database.write_sync(lambda c: requests.put(c, [row, other]))
    read = database.read_sync
    assert read(lambda c: requests.get(c, "demo", "backend", "r1")) == row
    assert read(lambda c: requests.get(c, "demo", "another", "r1")) == other
    assert read(lambda c: requests.get(c, "demo", "backend", "r2")) is None
    with pytest.raises(VersionConflict):
        database.write_sync(lambda c: requests.put(c, [row]))
