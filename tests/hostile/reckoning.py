"""Holds a vault's whole database to what was answered, and to itself.

Every row is opened with the vault's own keys and compared with the record that was sent; every
event is matched with the rows and answers that it tells of; the index is built anew and compared.
"""

import asyncio
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, select

from tests.hostile.load import Ledger, Read
from vault.audit import AuditEvent
from vault.audit.reader import verify_chain
from vault.records import Branch, CustomerKind, ScopeRef, TransactionName
from vault.rpc.problems import Problems
from vault.rpc.servicers.resources import CUSTOMER, DOCUMENT, TRANSACTION, Resource
from vault.server.parts import Parts
from vault.services import sealer
from vault.services.claiming import claims_of
from vault.services.logged import relative
from vault.services.opening import record_of, scope_of, version_of
from vault.services.rotation.index_entries import entry_record
from vault.store import CustomerRow, DocumentRow, TransactionRow, schema

AnyRow = CustomerRow | DocumentRow | TransactionRow
_TABLES: list[tuple[Table, Any, Resource]] = [
    (schema.customers, CustomerRow, CUSTOMER),
    (schema.documents, DocumentRow, DOCUMENT),
    (schema.transactions, TransactionRow, TRANSACTION),
]


@dataclass(frozen=True)
class Stored:
    """A row that has been opened."""

    row: AnyRow
    record: Any
    resource: Resource

    @property
    def name(self) -> str:
        at = f"institutions/{self.row.institution}/customers/{self.row.customer}"
        record = record_of(self.row)
        return f"{at}/{record}" if record else at


@dataclass
class Reckoning:
    """Everything that the database holds, read once."""

    stored: list[Stored]
    events: list[AuditEvent]
    blind: set[tuple[Any, ...]]
    claims: set[tuple[Any, ...]]
    requests: set[tuple[str, str]]
    links: set[tuple[Any, ...]]


def _all(conn: Connection, table: Table, *columns: str) -> set[tuple[Any, ...]]:
    chosen = [table.c[c] for c in columns] if columns else list(table.columns)
    return {tuple(row) for row in conn.execute(select(*chosen))}


def read_all(parts: Parts, events: list[AuditEvent]) -> Reckoning:
    """Read and open everything; a row that does not open, in either column, fails here."""
    rows: list[tuple[AnyRow, Resource]] = []

    def find(conn: Connection) -> Reckoning:
        for table, make, resource in _TABLES:
            rows.extend((make(*row), resource) for row in conn.execute(select(table)))
        return Reckoning(
            [],
            events,
            _all(conn, schema.blind_index),
            _all(conn, schema.identity_claims),
            {(r[0], r[1]) for r in _all(conn, schema.requests, "principal", "request_id")},
            _all(conn, schema.transaction_links),
        )

    found = parts.database.read_sync(find)
    refs = list(dict.fromkeys(scope_of(row) for row, _ in rows))
    keys: dict[Branch, dict[ScopeRef, Any]] = {Branch.FULL: {}, Branch.MASKED: {}}
    for branch, held in keys.items():
        for at in range(0, len(refs), 500):
            held.update(parts.ring.fetch(branch, refs[at : at + 500]))
    for row, resource in rows:
        ref, record, version = scope_of(row), record_of(row), version_of(row)
        kind = resource.kind
        opened = sealer.unseal(kind, row.sealed, ref, record, version, keys[Branch.FULL][ref])
        sealer.unseal_view(kind, row.masked, ref, record, version, keys[Branch.MASKED][ref])
        found.stored.append(Stored(row, opened, resource))
    return found


# -- the database and itself -----------------------------------------------------------------


def check_itself(parts: Parts, all_: Reckoning) -> None:
    """No half record, no event without its rows, no row without its event, the index as it
    should be, a chain that verifies."""
    _rows_and_events(all_)
    _versions(all_)
    _index(parts, all_)
    assert parts.database.read_sync(verify_chain).size == len(all_.events)


def _rows_and_events(all_: Reckoning) -> None:
    told = [
        (event.institution, row.name, row.sha256) for event in all_.events for row in event.rows
    ]
    stand = [(s.row.institution, relative(s.row.name), s.row.hash()) for s in all_.stored]
    assert len(set(told)) == len(told), "two events tell of the same row"
    assert set(told) == set(stand)
    for event in all_.events:
        if event.rows:
            assert event.outcome == "OK"
    # What was kept of a request and the event that names it were written together.
    wrote = {(e.actor, e.request_id) for e in all_.events if e.rows and e.request_id}
    assert wrote == all_.requests


def _versions(all_: Reckoning) -> None:
    versions: dict[str, list[int]] = defaultdict(list)
    for stored in all_.stored:
        versions[stored.name].append(version_of(stored.row))
    for name, found in versions.items():
        assert sorted(found) == list(range(1, len(found) + 1)), name
    for _, customer, target, _, transaction in all_.links:
        for name in (target, transaction):
            path = f"institutions/demo-bank/customers/{customer}/transactions/{name}"
            assert path in versions


def _index(parts: Parts, all_: Reckoning) -> None:
    newest: dict[str, Stored] = {}
    for stored in all_.stored:
        before = newest.get(stored.name)
        if before is None or version_of(stored.row) > version_of(before.row):
            newest[stored.name] = stored
    index = parts.ring.index_key("demo-bank")
    entries: set[tuple[Any, ...]] = set()
    claims: set[tuple[Any, ...]] = set()
    for stored in newest.values():
        row, kind = stored.row, stored.resource.kind
        place = entry_record(row)
        at = row.institution
        claimed = claims_of(kind, stored.record, CustomerKind.NATURAL_PERSON)
        for term in kind.terms(stored.record) | claimed:
            entries.add((at, term[0].value, index.token(*term), row.customer, place))
        for claim in claimed:
            claims.add((at, index.token(*claim), row.customer))
    assert all_.blind == entries
    assert all_.claims == claims
    links = {
        (
            row.institution,
            row.customer,
            TransactionName.parse(target).transaction,
            kind,
            row.transaction,
        )
        for row, record in ((s.row, s.record) for s in newest.values())
        if isinstance(row, TransactionRow)
        for kind, target in (("corrects", record.corrects), ("reverses", record.reverses))
        if target
    }
    assert all_.links == links


# -- the database and the answers ------------------------------------------------------------


def check_answers(parts: Parts, all_: Reckoning, ledger: Ledger) -> None:
    """Every answered write is there as it was sent, once; every answered read has its event."""
    _writes(all_, ledger)
    _reads(parts, all_, ledger)


def _writes(all_: Reckoning, ledger: Ledger) -> None:
    there = {(s.name, version_of(s.row)): s for s in all_.stored}
    for written in ledger.written:
        stored = there.get((written.name, written.version or 1))
        assert stored is not None, f"an answered write is gone: {written.name}"
        problems = Problems()
        assert stored.record == stored.resource.parse(written.record, problems)
        assert not problems
        assert ("backend", written.request_id) in all_.requests
    # Nothing was written a second time because it was asked for a second time.
    numbers = Counter(
        s.record.customer_number
        for s in all_.stored
        if isinstance(s.row, CustomerRow) and s.row.version == 1
    )
    references = Counter(
        s.record.institution_reference for s in all_.stored if isinstance(s.row, TransactionRow)
    )
    assert not [n for n, times in (numbers + references).items() if times > 1]


def _reads(parts: Parts, all_: Reckoning, ledger: Ledger) -> None:
    """Each answered read is given an event of its own, of the same caller, action and resource,
    made between its sending and its answer. The read that ended first chooses first, which finds
    a whole assignment if there is one."""
    made: dict[tuple[str, str, str], list[AuditEvent]] = defaultdict(list)
    for event in all_.events:
        if event.outcome == "OK":
            made[event.actor, event.action, event.resource].append(event)
    wanted: dict[tuple[str, str, str], list[Read]] = defaultdict(list)
    for read in ledger.reads:
        wanted[read.actor, read.action, read.resource].append(read)
    for key, reads in wanted.items():
        free = sorted(made[key], key=lambda e: e.time)
        for read in sorted(reads, key=lambda r: r.ended):
            times = [e.time for e in free]
            first, last = bisect_left(times, read.began), bisect_right(times, read.ended)
            fitting = [e for e in free[first:last] if _of_case(parts, e, read)]
            assert fitting, f"an answered read has no event: {read}"
            free.remove(fitting[0])
    looked_up = {
        e.call_id for e in all_.events if e.action == "internal.index.lookup" and e.outcome == "OK"
    }
    for event in all_.events:
        if event.action == "masked.customers.search" and event.outcome == "OK":
            assert _call_of(event) in looked_up


def _call_of(event: AuditEvent) -> str:
    """The call that an event is of: a call with one event lends it its identifier."""
    return event.call_id or event.event_id


def _of_case(parts: Parts, event: AuditEvent, read: Read) -> bool:
    if not read.case_reference:
        return not event.case_reference_commitment
    expected = asyncio.run(
        parts.keys.case_commitment(event.institution, _call_of(event), read.case_reference)
    )
    return event.case_reference_commitment == expected
