"""Takes a customer's file of another vault in.

    1. the opened bundle comes, and is put in sealed segments
    2. it is verified wholly, by the keys of logs that this vault was told to trust, and every
       record of it is read: until here nothing that anybody can see is stored
    3. one transaction: every version of the customer and the one that the institution adds, all
       claims of the file, and that it is arriving
    4. documents, transactions and contents, some at a time, each with its events; then what proves
       them, by scopes, as contents of the file
    5. that it has arrived, with the acknowledgement; the bundle itself is given up

Whoever sends it again after 3 goes on where it stopped; after 5 he has the answer.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from vault.access import ActionClass
from vault.audit.note import VerifierKey
from vault.bundles.transfer import Transfer, read_transfer
from vault.bundles.verifying import BundleFiles, BundleInvalid
from vault.records import ContentType, new_ulid
from vault.sealing import ScopeShredded, SealBroken
from vault.services.call import Call
from vault.services.closed import OutsideScope
from vault.services.contents.rows import Beginning
from vault.services.errors import Corrupted, NoObjectStore, Shredded
from vault.services.sealer import resource_name
from vault.services.transferring import spool
from vault.services.transferring.content_steps import finish, store_contents, store_evidence
from vault.services.transferring.customer_step import store_customer
from vault.services.transferring.errors import (
    BundleOutOfOrder,
    LogNotTrusted,
    ReceivedAlready,
    TransferInvalid,
)
from vault.services.transferring.ground import Entry, Ground
from vault.services.transferring.record_steps import store_records
from vault.services.transferring.records import FileRecords
from vault.services.transferring.spool import Spool, Store
from vault.services.transferring.steps import Taking, Warned
from vault.store import transfers
from vault.store.transfers import ArrivalRow


@dataclass(frozen=True, slots=True)
class Received:
    """A file that has arrived, with its name here, what it takes note of, and the acknowledgement
    for the vault that it came from."""

    name: str
    note: bytes
    records: int
    warned: tuple[Warned, ...] = ()
    repeated: bool = False


@dataclass(slots=True)
class Coming:
    """A file on its way in: its bytes are wanted where there is a ``spool``."""

    entry: Entry
    arrival: ArrivalRow | None = None
    spool: Spool | None = None


class Arriving:
    """The use case. Raises InvalidArgument, TransferInvalid, LogNotTrusted, RecordsUnknown,
    ReceivedAlready, AlreadyExists, OutsideScope, NoObjectStore, BundleOutOfOrder, Aborted;
    StoreUnavailable, KmsUnavailable, LogUnavailable and BlobsUnavailable from below."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def begin(self, call: Call, entry: Entry) -> Coming:
        """Find out whether the file is here already, or on its way; else begin it."""
        call.require(ActionClass.CUSTODY, entry.institution)
        ground, keeping = self._ground, entry.keeping
        store = self._store()
        self._keys_of(entry)
        ground.custody.require_keeper(entry.institution, keeping.custodian, "start.custodian")
        arrival = await ground.database.read(
            lambda conn: transfers.arrival_from(
                conn, entry.institution, entry.origin_log, str(entry.origin)
            )
        )
        now = ground.clock.now_micros()
        customer = new_ulid(now // 1000)
        if arrival is not None:
            customer = arrival.customer
            outside = await ground.reach.outside(call.scope, entry.institution, [customer])
            if arrival.manifest_sha256 != entry.manifest_sha256:
                raise ReceivedAlready("" if outside else resource_name(entry.institution, customer))
            if outside:
                raise OutsideScope
            if arrival.version > 1:
                return Coming(entry, arrival)
        scope = spool.identity(entry.institution, customer)
        record = f"transfers/{new_ulid(now // 1000)}"
        try:
            begun = await spool.begin(
                store,
                Beginning(scope, record, 1, ContentType.UNSPECIFIED, entry.size, call.actor),
            )
        except ScopeShredded:
            raise Shredded(resource_name(entry.institution, customer)) from None
        return Coming(entry, arrival, begun)

    async def take(self, coming: Coming, offset: int, data: bytes) -> None:
        """Take some bytes."""
        begun = coming.spool
        if begun is None:
            return
        if offset != begun.incoming.position or offset + len(data) > coming.entry.size:
            raise BundleOutOfOrder
        await begun.incoming.take(data)

    async def break_off(self, coming: Coming) -> None:
        """The call ends: the bundle has served, or come to nothing, and is taken away."""
        if coming.spool is not None:
            await spool.give_up(self._store(), coming.spool)

    async def finish(self, call: Call, coming: Coming) -> Received:
        """Verify and store it, or what is left of it."""
        arrival, begun, entry = coming.arrival, coming.spool, coming.entry
        if begun is None:
            if arrival is None:
                raise AssertionError("a file that comes has bytes, or has come")
            call.repeated = True
            call.touched(customer=arrival.customer)
            return _received(arrival, 0, (), repeated=True)
        store, customer = self._store(), begun.row.customer
        if begun.incoming.position != entry.size:
            raise BundleOutOfOrder
        await begun.incoming.flush()
        opened = await spool.opened(store, begun)
        try:
            files = await asyncio.to_thread(BundleFiles, opened)
            transfer = await asyncio.to_thread(read_transfer, files, self._keys_of(entry))
        except BundleInvalid as error:
            raise TransferInvalid(str(error)) from None
        except SealBroken:
            raise Corrupted(resource_name(entry.institution, customer)) from None
        self._require_announced(entry, transfer)
        records = FileRecords(transfer, files)
        await records.look()
        taking = Taking(self._ground, store, call, entry, customer, records)
        try:
            stored = arrival or await store_customer(taking)
            await store_records(taking)
            await store_contents(taking)
            await store_evidence(taking, stored)
        except ScopeShredded:
            raise Shredded(resource_name(entry.institution, customer)) from None
        done = await finish(taking, stored)
        return _received(
            done, len(transfer.rows), tuple(taking.warned), repeated=arrival is not None
        )

    def _keys_of(self, entry: Entry) -> list[VerifierKey]:
        """Of the trusted keys those of the log that is named: no log speaks for another."""
        keys = [key for key in self._ground.trusted if key.name == entry.origin_log]
        if not keys:
            raise LogNotTrusted
        return keys

    @staticmethod
    def _require_announced(entry: Entry, transfer: Transfer) -> None:
        said = (entry.origin, entry.origin_log, entry.manifest_sha256)
        if said != (transfer.name, transfer.log, transfer.manifest_sha256):
            raise TransferInvalid("it is another file than was announced")

    def _store(self) -> Store:
        ground = self._ground
        if ground.blobs is None:
            raise NoObjectStore
        return Store(ground.database, ground.keys, ground.blobs, ground.clock)


def _received(
    arrival: ArrivalRow, records: int, warned: tuple[Warned, ...], *, repeated: bool
) -> Received:
    name = resource_name(arrival.institution, arrival.customer)
    return Received(name, arrival.note, records, warned, repeated)
