"""Makes a new version of a customer or a document; the versions before stay as they are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from vault.access import ActionClass
from vault.records import IDENTITY_SCOPE, CustomerKind, ScopeRef
from vault.sealing import Clock
from vault.services import sealer
from vault.services.call import Call, Trace
from vault.services.claiming import OwnerKinds, claims_of
from vault.services.closed import OutsideScope
from vault.services.custody import Custody
from vault.services.errors import Aborted, AlreadyExists
from vault.services.filing import Filing
from vault.services.indexing import Entry, Index, by_index
from vault.services.keys import Keys
from vault.services.kinds import CUSTOMERS, DOCUMENTS, AnyKind
from vault.services.logged import logged
from vault.services.merging.standing import Merges
from vault.services.opening import Opened
from vault.services.outcomes import Outcome, Stored, only
from vault.services.reach import FullReach
from vault.services.reach_of_writes import ReachOfWrites, reaches
from vault.services.reading import Reading
from vault.services.recording import Recorder
from vault.services.replays import Replays, Request
from vault.services.rows import keep_days
from vault.store import (
    CustomerRow,
    Database,
    DocumentRow,
    IndexRow,
    VersionConflict,
    blind_index,
    customers,
    documents,
)
from vault.store import claims as claims_table

# From the current record to the one that shall stand; raises InvalidArgument.
Change = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Aim:
    """The record that is changed, and how its kind is read and written."""

    kind: AnyKind
    scope: ScopeRef
    record: str
    current: Callable[[], Awaitable[Opened]]
    row: Callable[[int, int, bytes, bytes], CustomerRow | DocumentRow]
    insert: Callable[[Connection, Any], None]
    apart: bool = True
    """Whether its file has to stand for itself."""

    @property
    def name(self) -> str:
        return sealer.resource_name(self.scope.institution, self.scope.customer, self.record)


class Updating:
    """The use cases that change a record by adding a version."""

    def __init__(
        self,
        database: Database,
        reading: Reading,
        keys: Keys,
        recorder: Recorder,
        replays: Replays,
        clock: Clock,
        custody: Custody,
        filing: Filing | None = None,
        merges: Merges | None = None,
    ) -> None:
        self._merges = merges or Merges()
        self._reading = reading
        self._keys = keys
        self._recorder = recorder
        self._replays = replays
        self._clock = clock
        self._custody = custody
        self._filing = filing or Filing.default()
        self._owners = OwnerKinds(database, keys)
        self._reach = ReachOfWrites(FullReach(database, keys, clock))

    async def customer(
        self,
        call: Call,
        institution: str,
        customer: str,
        etag: str,
        change: Change,
        request: Request,
        *,
        needed: ActionClass = ActionClass.WRITE,
        apart: bool = True,
    ) -> Stored:
        """A new version of a customer. `needed` is the class of the action that makes it. With
        `apart`, only of a file that stands for itself; raises Merged."""

        async def current() -> Opened:
            return await self._reading.customer(call, institution, customer, needed=needed)

        def row(v: int, now: int, sealed: bytes, masked: bytes) -> CustomerRow:
            return CustomerRow(institution, customer, v, now, call.actor, sealed, masked)

        def insert(conn: Connection, new: CustomerRow) -> None:
            customers.insert(conn, [new])

        scope = ScopeRef(institution, customer, IDENTITY_SCOPE)
        aim = _Aim(CUSTOMERS, scope, "", current, row, insert, apart)
        return await self._update(call, aim, etag, change, request, needed)

    async def document(
        self,
        call: Call,
        institution: str,
        customer: str,
        document: str,
        etag: str,
        change: Change,
        request: Request,
    ) -> Stored:
        """A new version of an identity document."""

        async def current() -> Opened:
            return await self._reading.document(
                call, institution, customer, document, needed=ActionClass.WRITE
            )

        def row(v: int, now: int, sealed: bytes, masked: bytes) -> DocumentRow:
            return DocumentRow(institution, customer, document, v, now, call.actor, sealed, masked)

        def insert(conn: Connection, new: DocumentRow) -> None:
            documents.insert(conn, [new])

        scope = ScopeRef(institution, customer, IDENTITY_SCOPE)
        aim = _Aim(DOCUMENTS, scope, f"documents/{document}", current, row, insert)
        return await self._update(call, aim, etag, change, request)

    async def _owner(
        self, kind: AnyKind, institution: str, customer: str, record: Any
    ) -> CustomerKind:
        if kind is CUSTOMERS:
            return record.kind  # type: ignore[no-any-return]  # a Customer's own kind
        return (await self._owners.of(institution, [customer]))[customer]

    async def _update(
        self,
        call: Call,
        aim: _Aim,
        etag: str,
        change: Change,
        request: Request,
        needed: ActionClass = ActionClass.WRITE,
    ) -> Stored:
        institution = aim.scope.institution
        call.require(needed, institution, aim.scope.customer)
        fingerprint = (await self._keys.index(institution)).fingerprint(request.body)

        async def by(index: Index) -> Stored:
            return await self._add_version(call, aim, etag, change, request, index, fingerprint)

        async def carry_out() -> list[Outcome]:
            return [await by_index(self._keys, institution, by)]

        updated = self._replays.once(call, institution, request, fingerprint, carry_out)
        return only(await self._reach.outcomes(call, updated))

    async def _add_version(
        self,
        call: Call,
        aim: _Aim,
        etag: str,
        change: Change,
        request: Request,
        index: Index,
        fingerprint: bytes,
    ) -> Stored:
        kind, scope, record, name = aim.kind, aim.scope, aim.record, aim.name
        institution, customer = scope.institution, scope.customer
        old = await aim.current()
        if aim.apart:
            self._merges.require_apart(institution, customer)
        if old.etag != etag:
            raise Aborted(name)
        new = change(old.value)
        now = self._clock.now_micros()
        version, today = old.version + 1, sealer.utc_day(now)
        if kind is CUSTOMERS:
            if not reaches(call.scope, new, today):
                raise OutsideScope
            self._custody.require(institution, new, old.value, field="customer")
            new = self._filing.following(new, old.value, today, sealer.utc_day(old.recorded_at))
        full, masked = await self._keys.both([scope])
        sealed = sealer.seal(kind, new, scope, record, version, (full[scope], masked[scope]), today)
        row = aim.row(version, now, *sealed)
        owner = await self._owner(kind, institution, customer, new)
        claimed = claims_of(kind, new, owner)
        terms = [
            IndexRow(institution, *entry, customer, record)
            for term in kind.terms(new) | claimed
            for entry in index.entries(*term)
        ]
        before_claims = claims_of(kind, old.value, owner)
        gained = index.tokens(sorted(claimed - before_claims))
        lost = [e for claim in sorted(before_claims - claimed) for e in index.entries(*claim)]

        def work(conn: Connection) -> Stored:
            index.require_writing(conn)
            self._replays.guard(conn, call, institution, request)
            keep_days(conn, [(kind, new, scope)])
            try:
                aim.insert(conn, row)
            except VersionConflict:
                raise Aborted(name) from None
            conflicts = claims_table.put(conn, institution, [(token, customer) for token in gained])
            for holder in conflicts.values():
                raise AlreadyExists(sealer.resource_name(institution, holder))
            blind_index.replace(conn, institution, customer, record, terms)
            for claim in lost:
                _release(conn, institution, customer, claim)
            stored = Stored(customer, record, version, sealer.etag_of(sealed[0]), now)
            self._replays.keep(conn, call, institution, request, fingerprint, [stored], now)
            return stored

        rows = (logged(row),)
        trace = Trace(institution, customer, name, rows=rows, count=1)
        return await self._recorder.commit(call, work, lambda _: trace)


def _release(conn: Connection, institution: str, customer: str, claim: Entry) -> None:
    """Give up a claim unless another record of the customer still makes it."""
    kind, token = claim
    if not blind_index.lookup(conn, institution, kind, token, limit=1):
        claims_table.release(conn, institution, token, customer)
