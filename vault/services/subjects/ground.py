"""What the use cases of persons' requests stand on: who may, what there is, how it is opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from vault.access import ActionClass, Principal
from vault.access.roll import Kin
from vault.audit.history import History
from vault.records import Customer
from vault.rules.disclosure import Disclosure
from vault.rules.subjects import LimitBook
from vault.sealing import Clock, FullFileKey, ScopeShredded
from vault.services import sealer
from vault.services.call import Call, Trace
from vault.services.closed import OutsideScope, OwnFile
from vault.services.errors import Aborted, NotFound, Shredded
from vault.services.keys import Keys
from vault.services.kinds import CUSTOMERS
from vault.services.logged import logged
from vault.services.merging.standing import Merges
from vault.services.opening import Opened, Opener
from vault.services.reach import FullReach
from vault.services.recording import Recorder
from vault.services.retention.rules import RulesInForce
from vault.services.subjects.rows import (
    Request,
    Said,
    Words,
    from_row,
    name_of,
    open_words,
    scope_of,
    to_row,
    words_row,
)
from vault.store import CustomerRow, Database, VersionConflict, customers, scopes, subject_requests
from vault.store.disposal_gate import gate
from vault.store.subject_requests import RequestRow, WordsRow

SAID: Final = "subject_request.said"
"""What of a request's words an answer shows, for the event."""


def _nothing(_conn: Connection) -> None:
    """No more is written."""


@dataclass(frozen=True, slots=True)
class SubjectGround:
    """`kin` are all whose files are of one customer with somebody's. `jurisdictions` are those of
    customers whose file names none. `known` looks somebody of an institution up, by his name."""

    database: Database
    keys: Keys
    recorder: Recorder
    clock: Clock
    reach: FullReach
    merges: Merges
    kin: Kin
    history: History
    retention: RulesInForce
    limits: LimitBook
    disclosure: Disclosure
    jurisdictions: frozenset[str]
    known: Callable[[str, str], Principal | None]

    async def may(self, call: Call, institution: str, customer: str) -> None:
        """Make sure that policy has allowed it, and that the customer's file, and every other of
        his, is within reach and not the caller's own. Raises OwnFile, OutsideScope."""
        call.require(ActionClass.SUBJECT, institution, customer)
        everyone = self.kin(institution, customer)
        if call.close_files & everyone:
            raise OwnFile
        if await self.reach.outside(call.scope, institution, everyone):
            raise OutsideScope

    async def find(self, call: Call, institution: str, customer: str, identifier: str) -> Request:
        """A request as it stands, for who may. Raises NotFound."""
        await self.may(call, institution, customer)
        row = await self.database.read(
            lambda conn: subject_requests.current(conn, institution, customer, identifier)
        )
        if row is None:
            raise NotFound(name_of(institution, customer, identifier))
        return from_row(row)

    async def file(self, institution: str, customer: str, version: int = 0) -> Opened:
        """A customer's file, as it stands or in a version. Raises NotFound, Shredded."""

        def look(conn: Connection) -> CustomerRow | None:
            if version:
                return customers.version(conn, institution, customer, version)
            return customers.current(conn, institution, customer)

        row = await self.database.read(look)
        name = sealer.resource_name(institution, customer)
        return await Opener(self.keys).one(CUSTOMERS, row, name, views=False)

    async def key(self, institution: str, customer: str) -> FullFileKey:
        """The key that words are sealed with. Raises Shredded."""
        ref = scope_of(institution, customer)
        try:
            return (await self.keys.full([ref]))[ref]
        except ScopeShredded:
            raise Shredded(sealer.resource_name(institution, customer)) from None

    async def said(self, one: Request) -> tuple[Said, ...] | None:
        """All that was said, in order; None where it was destroyed with the file."""
        rows = await self.database.read(
            lambda conn: subject_requests.words(conn, one.institution, one.customer, one.identifier)
        )
        if not rows:
            return None
        try:
            key = await self.key(one.institution, one.customer)
        except Shredded:
            return None
        return tuple(open_words(key, row) for row in rows)

    async def write(
        self,
        call: Call,
        one: Request,
        words: Words | None,
        along: Callable[[Connection], None] = _nothing,
    ) -> RequestRow:
        """A version with what is said, and the event that tells of it by their hashes.

        Raises Shredded where the file has been destroyed, so that nothing can be said with it any
        more; Aborted where somebody else was first; and what `along` raises, which is written in
        the same transaction.
        """
        row, spoken = to_row(one, call.actor), None
        if words is not None:
            spoken = words_row(await self.key(one.institution, one.customer), one, words)

        def work(conn: Connection) -> RequestRow:
            ref = scope_of(one.institution, one.customer)
            along(conn)
            if one.version == 1:
                gate(conn)  # of two, the one waits for what the other does
            # Its key may still be in this process's memory.
            if spoken is not None and scopes.destroyed(conn, [ref]):
                raise Shredded(sealer.resource_name(one.institution, one.customer))
            try:
                subject_requests.insert(conn, row, spoken)
            except VersionConflict:
                raise Aborted(one.name) from None
            return row

        trace = Trace(
            one.institution,
            one.customer,
            one.name,
            # The answer to a later step shows what was said before.
            fields=(SAID,) if one.version > 1 else (),
            rows=tuple(map(logged, _rows(row, spoken))),
            count=1,
        )
        return await self.recorder.commit(call, work, lambda _: trace)


def _rows(row: RequestRow, spoken: WordsRow | None) -> tuple[RequestRow | WordsRow, ...]:
    return (row,) if spoken is None else (row, spoken)


def who(call: Call) -> str:
    """The person who calls; policy lets nobody else in."""
    return call.person.name if call.person is not None else call.actor


def etag_of(one: Request) -> str:
    """Tag of a version: of all that stands in its row."""
    return to_row(one, "").hash().hex()[:32]


def jurisdictions_of(customer: Customer, others: frozenset[str]) -> frozenset[str]:
    """Whose law a file is under."""
    relationship = customer.relationship
    return frozenset(relationship.jurisdictions if relationship is not None else ()) or others
