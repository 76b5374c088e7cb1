"""The last steps: contents, one after the other; what proves the file, by scopes; and that all of
it has arrived."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
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
from vault.services.contents.rows import Beginning
from vault.services.errors import Aborted, InvalidArgument
from vault.services.transferring import spool
from vault.services.transferring.evidence import Part, parts_of, pieces
from vault.services.transferring.records import AT_ONCE, parts
from vault.services.transferring.spool import Spool
from vault.services.transferring.steps import Taking, Warned
from vault.store import (
    contents,
    scopes,
    transfers,
    uploads,
)
from vault.store.contents import ContentRow, LeafRow, leaves_digest
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
    what = Beginning(
        scope, row.record, row.page, ContentType(row.content_type), row.size, t.call.actor
    )
    async with spool.whole(t.store, what, t.records.pieces(row)) as begun:
        now = t.ground.clock.now_micros()
        made = await spool.content(t.store, begun, row.version, now)
        leaves = [] if kept else await _leaves(t, row, made, begun)
        made = replace(made, leaves=len(leaves), leaves_sha256=leaves_digest(leaves))
        origin = t.origin(row, scope.scope)

        def work(conn: Connection) -> None:
            _insert(t, conn, begun, made, leaves)
            transfers.put_origins(conn, [origin])

        await t.commit(work, [made, origin])


async def _leaves(t: Taking, row: TransferRow, made: ContentRow, begun: Spool) -> list[LeafRow]:
    """Its masked rendition; none of what no picture can be made of."""
    _, masked = await t.ground.keys.both([begun.scope])
    paper = t.records.papers.get(row.record)
    kind = paper.kind if paper is not None else None
    try:
        return await t.ground.picturing.leaves(
            masked[begun.scope], made, kind, begun.incoming.again
        )
    except InvalidArgument:
        # It was a document where it comes from; it is kept, and shown to nobody masked.
        t.warned.append(Warned("NO_PICTURE", f"{t.name}/{row.path}"))
        return []


def _insert(
    t: Taking, conn: Connection, begun: Spool, made: ContentRow, leaves: Sequence[LeafRow] = ()
) -> None:
    # Its keys may still be in memory.
    if scopes.destroyed(conn, [begun.scope]):
        raise Aborted(str(t.name))
    contents.insert(conn, made, leaves)
    uploads.finished(conn, begun.row, made.version, made.recorded_at)


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
    scope = ScopeRef(*t.at, part.scope)
    what = Beginning(
        scope, arrival.bundle, part.page, ContentType.UNSPECIFIED, part.size, t.call.actor
    )
    async with spool.whole(t.store, what, pieces(part, t.records.files)) as begun:
        made = await spool.content(t.store, begun, 1, t.ground.clock.now_micros())
        await t.commit(lambda conn: _insert(t, conn, begun, made), [made])


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
