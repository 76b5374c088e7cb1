"""Hands the files of a custodian over to another: each a new version with an event of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from vault.access import ActionClass
from vault.audit import Phase
from vault.records import Customer, Relationship
from vault.services import sealer
from vault.services.call import Call
from vault.services.custody import Custody
from vault.services.errors import Aborted
from vault.services.life.files import File, Files
from vault.services.replays import Request
from vault.services.updating import Updating
from vault.store import Database, customers

_TRIES = 3


@dataclass(frozen=True, slots=True)
class HandOver:
    """Who hands over to whom, of which branch (all if empty), and why."""

    institution: str
    giver: str
    taker: str
    branch: str
    reason: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Handed:
    """How far it is: files looked at, those handed over in this part, and so far."""

    examined: int
    files: list[str]
    handed_over: int


class HandingOver:
    """The use case. Raises InvalidArgument for somebody who may not keep files."""

    def __init__(
        self,
        database: Database,
        files: Files,
        custody: Custody,
        updating: Updating,
    ) -> None:
        self._database = database
        self._files = files
        self._custody = custody
        self._updating = updating

    async def run(self, call: Call, wanted: HandOver) -> AsyncIterator[Handed]:
        """Part by part. What another changes meanwhile is read again; what was handed over before
        the call broke off is no longer the giver's."""
        call.require(ActionClass.CUSTODY, wanted.institution)
        self._custody.require_keeper(wanted.institution, wanted.taker, "to")
        base = replace(call.trace, rows=())
        examined = handed = 0
        async for page in self._files.pages(call, wanted.institution, documents=False):
            done = []
            for file in page:
                examined += 1
                if self._is_wanted(wanted, file) and await self._hand_over(call, wanted, file):
                    done.append(file.name)
            handed += len(done)
            # However it ends, its last event says how many files it was by then.
            call.trace = replace(base, count=handed)
            yield Handed(examined, done, handed)

    def _is_wanted(self, wanted: HandOver, file: File) -> bool:
        if wanted.branch and file.customer.branch != wanted.branch:
            return False
        return self._custody.keeper(wanted.institution, file.customer) == wanted.giver

    async def _hand_over(self, call: Call, wanted: HandOver, file: File) -> bool:
        def change(current: Customer) -> Customer:
            relationship = current.relationship or Relationship()
            return replace(
                current,
                relationship=replace(relationship, custodian=wanted.taker),
                change_reason=wanted.reason,
                valid_from=None,
                correction="",
            )

        etag = file.etag
        for _ in range(_TRIES):
            call.committed, call.phase = False, Phase.MESSAGE
            try:
                await self._updating.customer(
                    call,
                    wanted.institution,
                    file.identifier,
                    etag,
                    change,
                    Request(call.action, "", b""),
                    needed=ActionClass.CUSTODY,
                )
            except Aborted:
                # Somebody else has changed it: his version is handed over.
                row = await self._database.read(
                    lambda conn: customers.current(conn, wanted.institution, file.identifier)
                )
                if row is None:
                    return False
                etag = sealer.etag_of(row.sealed)
            else:
                return True
        raise Aborted(file.name)
