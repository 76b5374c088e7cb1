"""Takes the word of another vault that it has received a file: the relationship ends here with it,
and the clock of retention starts. The file is kept until that clock, and every hold, let go of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from vault.access import ActionClass
from vault.audit import Phase
from vault.audit.note import NoteInvalid, VerifierKey
from vault.bundles.transfer import Acknowledgement, read_acknowledgement
from vault.records import Customer, CustomerName, Relationship
from vault.sealing import Clock
from vault.services import sealer
from vault.services.call import Call, Trace
from vault.services.closed import OutsideScope
from vault.services.errors import Aborted, NotFound
from vault.services.logged import logged
from vault.services.reach import FullReach
from vault.services.recording import Recorder
from vault.services.replays import Request
from vault.services.transferring.errors import LogNotTrusted, NeverLeft
from vault.services.updating import Updating
from vault.store import Database, VersionConflict, customers, transfers
from vault.store.transfers import DepartureRow


@dataclass(frozen=True, slots=True)
class Ground:
    """What it is built on. `origin` is the name of this vault's log, `trusted` the keys of
    others'."""

    database: Database
    reach: FullReach
    updating: Updating
    recorder: Recorder
    clock: Clock
    origin: str
    trusted: Sequence[VerifierKey]


class Acknowledging:
    """The use case. Raises NeverLeft, LogNotTrusted, NotFound, Shredded, OutsideScope, Aborted;
    StoreUnavailable, KmsUnavailable and LogUnavailable from below."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def acknowledge(self, call: Call, name: CustomerName, note: bytes) -> DepartureRow:
        """Keep what another vault's log has signed, and end the relationship on the day that it
        names. The same again changes nothing."""
        call.require(ActionClass.CUSTODY, name.institution, name.customer)
        outside = await self._ground.reach.outside(call.scope, name.institution, [name.customer])
        if outside:
            raise OutsideScope
        said = self._read(note)
        if said.from_log != self._ground.origin or said.origin != str(name):
            raise NeverLeft
        row = await self._departure(name, said)
        if row.version > 1:
            call.repeated = True
            return row
        await self._end(call, name, said)
        done = replace(
            row,
            version=2,
            recorded_at=self._ground.clock.now_micros(),
            recorded_by=call.actor,
            received_as=said.received_as,
            note=note,
        )

        def work(conn: Connection) -> None:
            try:
                transfers.depart(conn, done)
            except VersionConflict:
                raise Aborted(str(name)) from None

        trace = Trace(name.institution, name.customer, str(name), rows=(logged(done),), count=1)
        call.committed, call.phase = False, Phase.CALL
        await self._ground.recorder.commit(call, work, lambda _: trace)
        return done

    def _read(self, note: bytes) -> Acknowledgement:
        try:
            return read_acknowledgement(note, self._ground.trusted)
        except NoteInvalid:
            raise LogNotTrusted from None

    async def _departure(self, name: CustomerName, said: Acknowledgement) -> DepartureRow:
        found = await self._ground.database.read(
            lambda conn: transfers.departures_of(conn, name.institution, name.customer)
        )
        for row in found:
            if row.manifest_sha256 == said.manifest_sha256:
                return row
        raise NeverLeft

    async def _end(self, call: Call, name: CustomerName, said: Acknowledgement) -> None:
        row = await self._ground.database.read(
            lambda conn: customers.current(conn, name.institution, name.customer)
        )
        if row is None:
            raise NotFound(str(name))
        day = sealer.utc_day(said.at)
        reason = f"Transferred: {said.log} has received it as {said.received_as}."

        def change(current: Customer) -> Customer:
            relationship = current.relationship or Relationship()
            # It may have ended before: then that day counts.
            ended = relationship.end_date or day
            return replace(
                current,
                relationship=replace(relationship, end_date=ended),
                change_reason=reason,
                valid_from=None,
                correction="",
            )

        call.committed, call.phase = False, Phase.MESSAGE
        await self._ground.updating.customer(
            call,
            name.institution,
            name.customer,
            sealer.etag_of(row.sealed),
            change,
            Request(call.action, "", b""),
            needed=ActionClass.CUSTODY,
            # The receipt is of the file that left, under its own name, also where it points to
            # another by now.
            apart=False,
        )
