"""The last steps: contents, one after the other; what proves the file, by scopes; and that all of
it has arrived."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial

from sqlalchemy import Connection

from vault.audit import Phase
from vault.bundles.transfer import Acknowledgement, TransferRow
from vault.records import (
    IDENTITY_SCOPE,
    ContentType,
    ScopeRef,
)
from vault.services.errors import Aborted, InvalidArgument
from vault.services.transferring import spool
from vault.services.transferring.evidence import Part, parts_of, pieces
from vault.services.transferring.records import AT_ONCE, parts
from vault.services.transferring.steps import Taking, Warned
from vault.store import (
    contents,
    scopes,
    transfers,
    uploads,
)
from vault.store.contents import leaves_digest
from vault.store.transfers import ArrivalRow


async def store_contents(t: Taking) -> None:
    """Contents: those that are not there yet."""
    rows = t.records.transfer.rows
    for some in parts([row for row in rows if row.page], AT_ONCE):
        for row in await t.left(some):
            await _content(t, row)


async def _content(t: Taking, row: TransferRow) -> None:
    kept = row.record.startswith("transfers/")
    of = row.scope if kept else t.records.scopes.get(row.record, IDENTITY_SCOPE)
    scope = ScopeRef(*t.at, of)
    begun = await spool.begin(
        t.store,
        scope,
        row.record,
        row.page,
        ContentType(row.content_type),
        row.size,
        t.call.actor,
    )
    try:
        async for piece in t.records.pieces(row):
            await begun.incoming.take(piece)
        await begun.incoming.flush()
        now = t.ground.clock.now_micros()
        made = await spool.content(t.store, begun, row.version, now)
        leaves = []
        if not kept:
            _, masked = await t.ground.keys.both([scope])
            paper = t.records.papers.get(row.record)
            try:
                leaves = await t.ground.picturing.leaves(
                    masked[scope],
                    made,
                    paper.kind if paper is not None else None,
                    begun.incoming.again,
                )
            except InvalidArgument:
                # It was a document where it comes from; it is kept, and shown to nobody masked.
                t.warned.append(Warned("NO_PICTURE", f"{t.name}/{row.path}"))
        made = replace(made, leaves=len(leaves), leaves_sha256=leaves_digest(leaves))
        origin = t.origin(row, scope.scope)

        def work(conn: Connection) -> None:
            # Its keys may still be in memory.
            if scopes.destroyed(conn, [scope]):
                raise Aborted(str(t.name))
            contents.insert(conn, made, leaves)
            uploads.finished(conn, begun.row, row.version, now)
            transfers.put_origins(conn, [origin])

        await t.commit(work, [made, origin])
    except BaseException:
        await spool.give_up(t.store, begun)
        raise


async def store_evidence(t: Taking, arrival: ArrivalRow) -> None:
    """What proves it, by scopes: those parts that are not there yet."""
    records = t.records
    for part in parts_of(t.records.transfer.rows, records.scopes, records.files):
        there = await t.ground.database.read(
            partial(
                contents.current,
                institution=t.at[0],
                customer=t.at[1],
                record=arrival.bundle,
                page=part.page,
            )
        )
        if there is None:
            await _part(t, arrival, part)


async def _part(t: Taking, arrival: ArrivalRow, part: Part) -> None:
    begun = await spool.begin(
        t.store,
        ScopeRef(*t.at, part.scope),
        arrival.bundle,
        part.page,
        ContentType.UNSPECIFIED,
        part.size,
        t.call.actor,
    )
    try:
        async for piece in pieces(part, t.records.files):
            await begun.incoming.take(piece)
        await begun.incoming.flush()
        now = t.ground.clock.now_micros()
        made = await spool.content(t.store, begun, 1, now)

        def work(conn: Connection) -> None:
            if scopes.destroyed(conn, [begun.scope]):
                raise Aborted(str(t.name))
            contents.insert(conn, made)
            uploads.finished(conn, begun.row, 1, now)

        await t.commit(work, [made])
    except BaseException:
        await spool.give_up(t.store, begun)
        raise


async def finish(t: Taking, before: ArrivalRow) -> ArrivalRow:
    """That all of it is there. The event closes the stream."""
    now = t.ground.clock.now_micros()
    said = Acknowledgement(
        t.ground.signer.origin,
        t.records.transfer.manifest_sha256,
        t.records.transfer.log,
        str(t.records.transfer.name),
        str(t.name),
        now,
    )
    note = await asyncio.to_thread(t.ground.signer.sign_text, said.text)
    done = replace(before, version=2, recorded_at=now, recorded_by=t.call.actor, note=note)

    def work(conn: Connection) -> None:
        transfers.arrive(conn, done)

    await t.commit(work, [done], phase=Phase.CLOSED)
    return done
