"""Persons who ask about their own data, in a bank over the decades (tests/support/disposal.py)."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import date
from typing import Any

from tests.support.disposal import BANK, Bank
from vault.access import Action
from vault.audit.archive import Archive
from vault.audit.history import History
from vault.records import ElementSource, ElementSourceKind
from vault.rules.disclosure import read_disclosure
from vault.rules.subjects import RequestKind, read_limits
from vault.services.merging.kin import MergedKin
from vault.services.merging.standing import Merges
from vault.services.reach import FullReach
from vault.services.recording import Recorder
from vault.services.replays import Request as Replayed
from vault.services.subjects.closing import Closing, End
from vault.services.subjects.erasing import Erasing
from vault.services.subjects.ground import SubjectGround
from vault.services.subjects.register import Register, Shown
from vault.services.subjects.rows import Outcome
from vault.services.subjects.using import UseLine, Using


class Desk:
    """Where compliance answers them."""

    def __init__(self, b: Bank, merges: Merges | None = None) -> None:
        self.bank, merges = b, merges or Merges()
        ground = SubjectGround(
            b.database,
            b.keys,
            Recorder(b.log, b.clock),
            b.clock,
            FullReach(b.database, b.keys, b.clock),
            merges,
            MergedKin(merges),
            History(b.database, Archive(b.blobs)),
            b.rules,
            read_limits(),
            read_disclosure(),
            frozenset(b.jurisdictions),
            b.directory.named,
        )
        erasing = Erasing(ground)
        self.register = Register(ground, erasing)
        self.closing = Closing(ground, self.register, erasing)
        self.using = Using(ground)

    async def file(
        self,
        customer: str,
        kind: RequestKind,
        received: date,
        text: str = "Please.",
        sent: str = "",
    ) -> Shown:
        """`sent` is the request's UUID, where it has one."""
        call = self.bank.call("compliance", Action.SUBJECTS_FILE, customer)
        body = f"{customer} {kind} {received} {text}".encode()
        request = Replayed(call.action, sent, body)
        return await self.register.file(call, BANK, customer, kind, received, text, request)

    async def get(self, shown: Shown) -> Shown:
        one = shown.request
        call = self.bank.call("compliance", Action.SUBJECTS_GET, one.customer)
        return await self.register.get(call, BANK, one.customer, one.identifier)

    async def page(self, **more: Any) -> list[Shown]:
        call = self.bank.call("compliance", Action.SUBJECTS_LIST)
        wanted: dict[str, Any] = {"closed": False, "after": None, "limit": 50, **more}
        return await self.register.page(call, BANK, **wanted)

    async def extend(self, shown: Shown, text: str = "There is much.") -> Shown:
        one = shown.request
        call = self.bank.call("compliance", Action.SUBJECTS_EXTEND, one.customer)
        return await self.register.extend(
            call, BANK, one.customer, one.identifier, shown.etag, text
        )

    async def close(
        self, shown: Shown, outcome: Outcome, text: str = "", version: int = 0
    ) -> Shown:
        one = shown.request
        call = self.bank.call("compliance", Action.SUBJECTS_CLOSE, one.customer)
        end = End(outcome, text, version)
        return await self.closing.close(call, BANK, one.customer, one.identifier, shown.etag, end)

    async def use(self, shown: Shown) -> list[UseLine]:
        one = shown.request
        call = self.bank.call("compliance", Action.SUBJECTS_USE, one.customer)
        files = await self.using.begin(call, BANK, one.customer, one.identifier)
        return [line async for some in self.using.lines(call, BANK, files) for line in some]

    async def change(
        self, customer: str, *, correction: str = "", document: str = "", **changes: Any
    ) -> int:
        """A version of the customer, corrected or followed; its number."""
        b = self.bank
        opened = await b.reads(customer)
        call = b.call("backend", Action.CUSTOMERS_UPDATE, customer)
        path = next(iter(changes), "phones")
        source = ElementSource(path, ElementSourceKind.DOCUMENT, document)

        def changed(before: Any) -> Any:
            return replace(
                before,
                correction=correction,
                sources=(source,) if document else (),
                **changes,
            )

        request = Replayed(call.action, str(uuid.uuid4()), b"")
        await b.updating.customer(call, BANK, customer, opened.etag, changed, request)
        return int(opened.version) + 1
