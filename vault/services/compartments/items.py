"""What is noted in a compartment about customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Connection

from vault.access import ActionClass
from vault.access.compartments import CompartmentRefused, NotForMembers
from vault.records import new_ulid
from vault.services import sealer
from vault.services.call import Call, Trace
from vault.services.compartments.entry import (
    ChangeRefused,
    Entered,
    Ground,
    enter,
    key_of,
    person_of,
    still,
)
from vault.services.compartments.rows import (
    ItemBody,
    open_item,
    open_place,
    resource_name,
    seal,
    subject_of,
)
from vault.services.compartments.written import row_hashes, shown_case
from vault.services.errors import NotFound
from vault.services.outcomes import Outcome, Stored, only
from vault.services.replays import Request
from vault.store import compartments, customers, documents, transactions
from vault.store.compartments import ItemRow
from vault.store.disposal_gate import gate

# A person is in so many compartments at most for a list over all of them.
_PLACES = 1_000


@dataclass(frozen=True, slots=True)
class Note:
    """What is to be noted: `customer` is the identifier, `records` are paths inside him."""

    customer: str
    text: str = field(default="", repr=False)
    json: str = field(default="", repr=False)
    records: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Noted:
    """An item as a member sees it; the time in microseconds."""

    compartment: str
    item: str
    body: ItemBody = field(repr=False)
    author: str
    created_at: int


class Items:
    """Raises NotFound to whoever is no member; ChangeRefused; StoreUnavailable, KmsUnavailable,
    LogUnavailable."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def add(
        self, call: Call, institution: str, compartment: str, note: Note, request: Request
    ) -> Stored:
        """Note something about a customer. No event names him."""
        ground = self._ground
        person = person_of(call, institution, ActionClass.COMPARTMENT)
        name = resource_name(institution, compartment)
        entered = await enter(ground, call, institution, compartment, name)
        if note.customer in person.close_files:
            raise ChangeRefused(CompartmentRefused(NotForMembers.OWN_FILE))
        index = await ground.keys.index(institution)
        fingerprint = index.fingerprint(request.body)

        async def carry_out() -> list[Outcome]:
            now = ground.clock.now_micros()
            item = new_ulid(now // 1000)
            body = ItemBody(note.customer, note.text, note.json, note.records)
            row = ItemRow(
                institution,
                compartment,
                item,
                subject_of(index, compartment, note.customer),
                now,
                call.actor,
                seal(entered.key, body, institution, compartment, f"items/{item}"),
            )
            outcome = Stored(
                f"compartments/{compartment}", f"items/{item}", 1, sealer.etag_of(row.sealed), now
            )

            def work(conn: Connection) -> list[Outcome]:
                ground.replays.guard(conn, call, institution, request)
                # Whoever disposes of records has done so before this, or sees this.
                gate(conn)
                still(conn, entered, name)
                case = compartments.current(conn, institution, compartment)
                if shown_case(entered.key, case, name).body.closed:
                    raise ChangeRefused(CompartmentRefused(NotForMembers.CLOSED))
                _require_subjects(conn, institution, note)
                compartments.insert(conn, items=[row])
                ground.replays.keep(conn, call, institution, request, fingerprint, [outcome], now)
                return [outcome]

            at = resource_name(institution, compartment, f"items/{item}")
            trace = Trace(institution, resource=at, rows=row_hashes(row), count=1)
            return await ground.recorder.commit(call, work, lambda _: trace)

        found = await ground.replays.once(call, institution, request, fingerprint, carry_out)
        return only(found)

    async def page(
        self,
        call: Call,
        institution: str,
        compartment: str,
        customer: str,
        after: str,
        limit: int,
    ) -> tuple[list[Noted], str]:
        """Items of a compartment ("-": of all that the caller is a member of), about one customer
        if one is named, by time beyond the identifier `after`; and the identifier to go on from,
        "" at the end. What is about the caller's own file, or a relative's, is left out."""
        ground = self._ground
        person = person_of(call, institution, ActionClass.COMPARTMENT)
        if compartment == "-":
            within = await self._all(call, institution)
        else:
            name = resource_name(institution, compartment)
            within = [await enter(ground, call, institution, compartment, name)]
        index = await ground.keys.index(institution)
        rows: list[tuple[ItemRow, Entered]] = []
        for entered in within:
            subject = subject_of(index, entered.compartment, customer) if customer else b""
            found = await ground.database.read(
                partial(
                    compartments.items,
                    institution=institution,
                    compartment=entered.compartment,
                    subject=subject,
                    after=after,
                    limit=limit + 1,
                )
            )
            rows.extend((row, entered) for row in found)
        rows.sort(key=lambda pair: pair[0].item)
        noted = [
            Noted(row.compartment, row.item, body, row.recorded_by, row.recorded_at)
            for row, entered in rows[:limit]
            if (body := open_item(entered.key, index, row)).customer not in person.close_files
        ]
        return noted, rows[limit - 1][0].item if len(rows) > limit else ""

    async def _all(self, call: Call, institution: str) -> Sequence[Entered]:
        person = person_of(call, institution, ActionClass.COMPARTMENT)
        rows = await self._ground.database.read(
            lambda conn: compartments.places(conn, institution, person.person, limit=_PLACES)
        )
        out = []
        for row in rows:
            key = await key_of(self._ground, institution, row.compartment)
            place = open_place(key, row)
            if place.is_member:
                out.append(Entered(institution, row.compartment, key, place))
        return out


def _require_subjects(conn: Connection, institution: str, note: Note) -> None:
    """Make sure that there are the customer and the records. Raises NotFound."""
    if not customers.existing(conn, institution, [note.customer]):
        raise NotFound(sealer.resource_name(institution, note.customer), "item.customer")
    for record in note.records:
        collection, _, identifier = record.partition("/")
        get = documents.current if collection == "documents" else transactions.get
        if get(conn, institution, note.customer, identifier) is None:
            name = sealer.resource_name(institution, note.customer, record)
            raise NotFound(name, "item.records")
