"""The first step: every version of the customer, and one more that says who keeps the file here;
with it all claims of the file, and that it is arriving."""

from __future__ import annotations

from functools import partial
from typing import Final

from sqlalchemy import Connection

from vault.records import (
    IDENTITY_SCOPE,
    Customer,
    CustomerName,
    new_ulid,
)
from vault.services import sealer
from vault.services.claiming import claims_of
from vault.services.closed import OutsideScope
from vault.services.errors import Aborted, AlreadyExists
from vault.services.indexing import Index, by_index
from vault.services.kinds import CUSTOMERS, DOCUMENTS
from vault.services.reach_of_writes import reaches
from vault.services.rows import keep_days
from vault.services.transferring import taking_over
from vault.services.transferring.records import parts
from vault.services.transferring.steps import Taking, Warned
from vault.store import (
    CustomerRow,
    VersionConflict,
    blind_index,
    customers,
    transfers,
)
from vault.store import claims as claims_table
from vault.store.transfers import ArrivalRow

_TOKENS: Final = 400


async def store_customer(t: Taking) -> ArrivalRow:
    """The customer, with all claims of the file. Raises OutsideScope, AlreadyExists,
    Aborted."""
    own = await _own_version(t)
    return await by_index(t.ground.keys, t.at[0], lambda index: _first(t, own, index))


async def _own_version(t: Taking) -> Customer:
    """What the institution adds: who keeps the file here."""
    wanted = taking_over.related_files(t.records.last)
    names = {str(t.records.transfer.name): str(t.name)}
    log = t.entry.origin_log
    for name in set(wanted.values()) - names.keys():
        there = await t.ground.database.read(
            partial(transfers.arrival_from, institution=t.at[0], origin_log=log, origin=name)
        )
        if there is not None:
            names[name] = sealer.resource_name(there.institution, there.customer)
    t.warned += [
        Warned("RELATED_FILE_UNKNOWN", path) for path, name in wanted.items() if name not in names
    ]
    own = taking_over.received(t.records.last, t.entry.keeping, names)
    today = sealer.utc_day(t.ground.clock.now_micros())
    if not reaches(t.call.scope, own, today):
        raise OutsideScope
    t.warned += [
        Warned("ELEMENTS_MISSING", f"{one.rule}: {', '.join(one.elements)}")
        for one in t.ground.filing.broken(own, today)
    ]
    return own


async def _first(t: Taking, own: Customer, index: Index) -> ArrivalRow:
    ground, entry, (institution, customer) = t.ground, t.entry, t.at
    now, actor = ground.clock.now_micros(), t.call.actor
    scope = t.identity
    today = sealer.utc_day(now)
    full, masked = await ground.keys.both([scope])
    keys = (full[scope], masked[scope])
    versions = [row for row in t.records.transfer.rows if not row.record]
    rows: list[CustomerRow] = []
    for row, value in await t.records.read(versions):
        there = taking_over.version_of_customer(value, sealer.utc_day(row.recorded_at))
        sealed = sealer.seal(CUSTOMERS, there, scope, "", row.version, keys, today)
        rows.append(CustomerRow(institution, customer, row.version, now, actor, *sealed))
    number = len(versions) + 1
    sealed = sealer.seal(CUSTOMERS, own, scope, "", number, keys, today)
    rows.append(CustomerRow(institution, customer, number, now, actor, *sealed))
    claimed = claims_of(CUSTOMERS, own, own.kind)
    terms = t.terms(index, CUSTOMERS.terms(own) | claimed, "")
    for paper in t.records.papers.values():
        claimed |= claims_of(DOCUMENTS, paper, own.kind)
    tokens = index.tokens(sorted(claimed))
    arrival = ArrivalRow(
        institution,
        customer,
        1,
        now,
        actor,
        entry.origin_log,
        str(entry.origin),
        entry.manifest_sha256,
        f"transfers/{new_ulid(now // 1000)}",
        b"",
    )
    origins = [t.origin(row, IDENTITY_SCOPE) for row in versions]

    def work(conn: Connection) -> set[str]:
        index.require_writing(conn)
        keep_days(conn, [(CUSTOMERS, own, scope)])
        held: set[str] = set()
        for some in parts(tokens, _TOKENS):
            held |= set(
                claims_table.put(conn, institution, [(one, customer) for one in some]).values()
            )
        if held and not entry.beside:
            raise AlreadyExists(sealer.resource_name(institution, min(held)))
        try:
            transfers.arrive(conn, arrival)
            customers.insert(conn, rows)
            transfers.put_origins(conn, origins)
        except VersionConflict:
            raise Aborted(str(entry.origin)) from None
        blind_index.replace(conn, institution, customer, "", terms)
        return held

    try:
        held = await t.commit(work, [arrival, *rows, *origins])
    except AlreadyExists as refused:
        raise await _told(t, refused) from None
    outside = await ground.reach.outside(t.call.scope, institution, held)
    t.warned += [
        Warned("NUMBER_HELD", sealer.resource_name(institution, one))
        for one in sorted(held - outside)
    ]
    return arrival


async def _told(t: Taking, refused: AlreadyExists) -> AlreadyExists:
    name = CustomerName.parse(refused.existing)
    outside = await t.ground.reach.outside(t.call.scope, name.institution, [name.customer])
    return AlreadyExists("") if outside else refused
