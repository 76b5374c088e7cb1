"""Goes through the files of an institution: a page at a time, within the caller's reach."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Final

from sqlalchemy import Connection

from vault.records import Customer, CustomerName, IdentityDocument, InvalidName, classes_of, ulid_ms
from vault.rules import ownership
from vault.rules.currency import Due, DueKind
from vault.sealing import Clock
from vault.services import sealer
from vault.services.call import Call
from vault.services.keys import Keys
from vault.services.kinds import CUSTOMERS, DOCUMENTS
from vault.services.merging.standing import Merges
from vault.services.opening import Opened, Opener
from vault.store import (
    CustomerRow,
    Database,
    DocumentRow,
    customers,
    statistics,
    subject_requests,
    surveys,
)
from vault.store.subject_requests import Place, RequestRow

PAGE: Final = 200
_MOST_OWNERS: Final = 200
"""Files that are opened for one chain of ownership, at the most."""


@dataclass(frozen=True, slots=True)
class File:
    """A customer's file as it stands. `documents` by their identifier, `last_booking` None where
    there is none, `recorded_on` the day of the first version, `updated_at` when it or a document of
    it was last written, in microseconds since the epoch; `requests` are those of the customer about
    his own data that are open."""

    institution: str
    identifier: str
    customer: Customer = field(repr=False)
    etag: str
    version: int
    recorded_on: date
    documents: Mapping[str, IdentityDocument] = field(default_factory=dict, repr=False)
    last_booking: date | None = None
    updated_at: int = 0
    requests: tuple[Due, ...] = ()

    @property
    def name(self) -> str:
        """The resource name."""
        return sealer.resource_name(self.institution, self.identifier)


class Files:
    """All files of an institution."""

    def __init__(
        self, database: Database, keys: Keys, clock: Clock, merges: Merges | None = None
    ) -> None:
        self._merges = merges or Merges()
        self._database = database
        self._opener = Opener(keys)
        self._clock = clock

    def today(self) -> date:
        """UTC's day."""
        return sealer.utc_day(self._clock.now_micros())

    async def pages(
        self,
        call: Call | None,
        institution: str,
        *,
        after: str = "",
        bookings: bool = False,
        documents: bool = True,
    ) -> AsyncIterator[list[File]]:
        """The files in order of identifiers beyond ``after``, without those that were destroyed,
        that point to another, that the caller's roles do not reach, or that are closed to him; all
        others for the vault itself (None). Raises StoreUnavailable, KmsUnavailable, Corrupted."""
        await asyncio.to_thread(statistics.look_at_customers, self._database)
        while True:
            look = partial(customers.page, institution=institution, after=after, limit=PAGE)
            rows = await self._database.read(look)
            if rows:
                yield await self._files(call, rows, bookings=bookings, documents=documents)
            if len(rows) < PAGE:
                return
            after = rows[-1].customer
            await asyncio.sleep(0)

    async def asked_elsewhere(
        self, call: Call | None, institution: str
    ) -> AsyncIterator[list[File]]:
        """Customers who asked about their own data, whom ``pages`` does not come by: whose file
        points to another, or is gone. Each as a file in his own name, with his requests, and beside
        them what the file has that he is looked after by; of one that is gone, nothing.

        Who is held to branches or classes is told of none whose file is gone: nobody can say any
        more what it was. Raises as ``pages``.
        """
        after: Place | None = None
        while True:
            look = partial(
                subject_requests.page,
                institution=institution,
                closed=False,
                after=after,
                limit=PAGE,
            )
            rows = await self._database.read(look)
            if not rows:
                return
            yield await self._elsewhere(call, institution, rows)
            if len(rows) < PAGE:
                return
            last = rows[-1]
            after = (last.closed, last.due_on, last.customer, last.request)

    async def _elsewhere(
        self, call: Call | None, institution: str, rows: Sequence[RequestRow]
    ) -> list[File]:
        closed = frozenset() if call is None else call.close_files
        merged = self._merges.of(institution)
        looked_after = {
            row.customer: self._merges.survivor(institution, row.customer) for row in rows
        }

        def look(conn: Connection) -> list[CustomerRow]:
            return customers.many(conn, institution, sorted(set(looked_after.values())))

        opened = await self._opener.those_there(
            CUSTOMERS, await self._database.read(look), views=False
        )
        there = {one.customer: one.value for one in opened}
        survivors = self._merges.survivors(institution)
        his = {survivors.get(one, one) for one in closed}
        found: list[File] = []
        for row in rows:
            by = looked_after[row.customer]
            if by in his or (row.customer not in merged and by in there):
                continue  # his own, or a page of files has it
            if by in there:
                told = self._within(call, there[by])
            else:
                told = call is None or not call.scope.limits
            if told:
                customer, asked = there.get(by, Customer()), (_due(row),)
                day = self.today()
                found.append(File(institution, row.customer, customer, "", 0, day, requests=asked))
        return found

    async def one(self, call: Call, institution: str, opened: Opened) -> File:
        """The file of a customer who was opened already."""
        papers, bookings = await self._beside(institution, [opened.customer])
        return await self._file(institution, opened, papers, bookings)

    async def owners(self, call: Call, file: File) -> dict[str, Customer]:
        """The files that chains of ownership go through, by name, that of the customer among them;
        without those that are out of the caller's reach."""
        found = {file.name: file.customer}
        wanted = ownership.wanted_files(file.customer)
        while wanted and len(found) < _MOST_OWNERS:
            ids = [one.customer for one in _names(wanted, file.institution) if one is not None]
            ids = [one for one in sorted(set(ids)) if one not in call.close_files]

            def look(conn: Connection, ids: list[str] = ids) -> list[CustomerRow]:
                return customers.many(conn, file.institution, ids[:_MOST_OWNERS])

            opened = await self._opener.those_there(
                CUSTOMERS, await self._database.read(look), views=False
            )
            before = set(found)
            for one in opened:
                if self._within(call, one.value):
                    found[sealer.resource_name(file.institution, one.customer)] = one.value
            wanted = frozenset(
                name
                for key in found.keys() - before
                for name in ownership.wanted_files(found[key])
                if name not in found
            )
        return found

    def _within(self, call: Call | None, customer: Customer) -> bool:
        if call is None:
            return True
        scope = call.scope
        return not scope.limits or scope.covers(customer.branch, classes_of(customer, self.today()))

    async def _files(
        self, call: Call | None, rows: list[CustomerRow], *, bookings: bool, documents: bool
    ) -> list[File]:
        institution = rows[0].institution
        closed = frozenset() if call is None else call.close_files
        # Of a file that points to another, that one is looked after.
        merged = self._merges.of(institution)
        open_ = [row for row in rows if row.customer not in closed and row.customer not in merged]
        opened = await self._opener.those_there(CUSTOMERS, open_, views=False)
        there = [one for one in opened if self._within(call, one.value)]
        ids = [one.customer for one in there]
        papers, last = await self._beside(institution, ids, bookings=bookings, documents=documents)
        asked = await self._asked(institution, ids) if bookings else {}
        return [
            await self._file(institution, one, papers, last, asked.get(one.customer, ()))
            for one in there
        ]

    async def _asked(self, institution: str, ids: list[str]) -> dict[str, tuple[Due, ...]]:
        """What customers have asked about their own data and were not answered yet."""
        rows = await self._database.read(
            lambda conn: subject_requests.open_ones(conn, institution, ids)
        )
        found: dict[str, tuple[Due, ...]] = {}
        for row in rows:
            found[row.customer] = (*found.get(row.customer, ()), _due(row))
        return found

    async def _beside(
        self,
        institution: str,
        ids: list[str],
        *,
        bookings: bool = True,
        documents: bool = True,
    ) -> tuple[dict[str, dict[str, Opened]], dict[str, str]]:
        """Documents by customer, and the last transaction of each."""

        def look(conn: Connection) -> tuple[list[DocumentRow], dict[str, str]]:
            return (
                surveys.documents_of(conn, institution, ids) if documents else [],
                surveys.last_transactions(conn, institution, ids) if bookings else {},
            )

        rows, last = await self._database.read(look)
        found: dict[str, dict[str, Opened]] = {}
        for one in await self._opener.those_there(DOCUMENTS, rows, views=False):
            identifier = one.record.rpartition("/")[2]
            found.setdefault(one.customer, {})[identifier] = one
        return found, last

    async def _file(
        self,
        institution: str,
        one: Opened,
        papers: dict[str, dict[str, Opened]],
        last: dict[str, str],
        asked: tuple[Due, ...] = (),
    ) -> File:
        booked = last.get(one.customer)
        mine = papers.get(one.customer, {})
        return File(
            institution,
            one.customer,
            one.value,
            one.etag,
            one.version,
            sealer.utc_day(one.created_at),
            {identifier: paper.value for identifier, paper in mine.items()},
            # A transaction's identifier is a ULID of its booking time.
            sealer.utc_day(ulid_ms(booked) * 1000) if booked else None,
            max([one.recorded_at, *(paper.recorded_at for paper in mine.values())]),
            asked,
        )


def _due(row: RequestRow) -> Due:
    return Due(
        date.fromordinal(row.due_on),
        DueKind.SUBJECT_REQUEST,
        f"subjectRequests/{row.request}",
        row.recorded_at,
    )


def _names(names: frozenset[str], institution: str) -> list[CustomerName | None]:
    out: list[CustomerName | None] = []
    for text in names:
        try:
            name = CustomerName.parse(text)
        except InvalidName:
            continue
        out.append(name if name.institution == institution else None)
    return out
