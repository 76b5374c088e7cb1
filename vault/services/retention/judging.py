"""What becomes of a customer's scopes on a day: by the rules, and by what stands against it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from hashlib import sha256
from typing import Final

import msgspec
from sqlalchemy import Connection

from vault.records import Customer, Transaction
from vault.rules.retention import Assessment, RuleBook, Standing
from vault.rules.subjects import RequestKind
from vault.services.errors import Corrupted, Shredded
from vault.services.keys import Keys
from vault.services.kinds import CUSTOMERS
from vault.services.opening import Opener
from vault.services.retention.blocking import Kept
from vault.services.retention.rules import IDENTITY, RulesInForce, ref_of
from vault.services.rows import booking_day
from vault.store import (
    CustomerRow,
    Database,
    customers,
    disposing,
    scopes,
    shredding,
    subject_requests,
)
from vault.store.disposals import ItemRow
from vault.store.disposing import InUse
from vault.store.scopes import ScopeRow

_DOMAIN: Final = b"recordsvault disposal plan v1\n"

CAME_BACK: Final = "CAME_BACK"
"""As a standing: its keys were destroyed, and its rows are back, from a backup of the data. Nobody
can open these, so that no rule is asked: the disposal that destroyed it has asked them."""


class Cause(StrEnum):
    """The kind of cause that something which is due is kept for."""

    NONE = ""
    RESERVED = "RESERVED"
    """Something stands against it: an upload or a check-out that is open, a hold, an investigation.
    Which of them is nobody's to know."""
    CONFLICT = "CONFLICT"
    """One law forbids to keep it, and another asks for it. Two persons rule on that."""
    TRANSACTIONS_REMAIN = "TRANSACTIONS_REMAIN"
    """Whose transactions they are has to stay known as long as there are any."""
    UNREADABLE = "UNREADABLE"
    """The customer's file cannot be read, so that nobody can say which rules apply."""
    REQUEST_OPEN = "REQUEST_OPEN"
    """The customer asks what is held of him, and was not answered yet. It is no secret, and is told
    instead of RESERVED: what it says is the same with and without a hold."""

    __hash__ = str.__hash__


class Why(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why an item is in a plan: the rule that decides, the start of its clock, and until when it
    was kept. Append only; format version 1. Days as ISO 8601."""

    standing: str
    rule: str = ""
    rule_set: str = ""
    clock: str = ""
    start: str = ""
    kept_through: str = ""
    gone_after: str = ""
    conflicts: tuple[str, ...] = ()
    cause: Cause = Cause.NONE
    v: int = 1


@dataclass(frozen=True, slots=True)
class Judged:
    """A scope, or one record of it, that the rules let go, and why it is kept if it is. `version`
    is that of the customer's file which was looked at."""

    row: ScopeRow
    record: str
    why: Why
    version: int


@dataclass(frozen=True, slots=True)
class Unopened:
    """A customer's file that does not open, by the version of its row: its keys are gone, or it was
    altered."""

    version: int
    keys_gone: bool


_encoder: Final = msgspec.json.Encoder(order="deterministic")
_decoder: Final = msgspec.json.Decoder(Why)


def why_in(item: ItemRow) -> Why:
    """Why an item is in its plan. Raises ValueError where the row was altered."""
    try:
        return _decoder.decode(item.body)
    except msgspec.MsgspecError as error:
        raise ValueError("an item of a plan is not what was written") from error


def body_of(why: Why) -> bytes:
    """What an item's row has of it."""
    return _encoder.encode(why)


def plan_hash(institution: str, disposal: str, day: str, items: Iterable[ItemRow]) -> str:
    """The hash over a whole plan, hexadecimal: what the second person agrees to. How far each item
    is does not count."""
    digest = sha256(_DOMAIN)
    digest.update(f"{institution}\n{disposal}\n{day}\n".encode())
    for one in items:
        digest.update(f"{one.number} {one.customer} {one.scope} {one.record or '-'} ".encode())
        digest.update(one.body + b"\n")
    return digest.hexdigest()


class Judging:
    """Raises StoreUnavailable, KmsUnavailable, StoreAltered."""

    def __init__(
        self, database: Database, keys_database: Database, keys: Keys, rules: RulesInForce
    ) -> None:
        self._database = database
        self._keys_database = keys_database
        self._opener = Opener(keys)
        self._rules = rules

    async def customers(
        self, book: RuleBook, day: date, kept: Kept, rows: dict[str, list[ScopeRow]], now: int
    ) -> list[Judged]:
        """What of these customers' scopes the rules let go on a day. ``now`` in microseconds."""
        if not rows:
            return []
        institution = next(one.institution for some in rows.values() for one in some)
        wanted = list(rows)
        found = await self._database.read(lambda conn: customers.many(conn, institution, wanted))
        files = await self._open(found)
        used = await self._database.read(
            lambda conn: disposing.in_use(conn, institution, wanted, now)
        )
        asking = await self._database.read(lambda conn: who_ask(conn, institution, wanted, kept))
        out: list[Judged] = []
        for customer, own in rows.items():
            file = files.get(customer)
            if file is None:
                continue  # disposed of in between
            if isinstance(file, Unopened):
                out += await self._unopened(kept, used, own, file, asks=customer in asking)
                continue
            value, version = file
            out += self._customer(
                book, day, kept, used, own, value, version, asks=customer in asking
            )
        return out

    async def _unopened(
        self, kept: Kept, used: InUse, own: Sequence[ScopeRow], file: Unopened, *, asks: bool
    ) -> list[Judged]:
        """Of a customer whose file does not open. What came back goes again, where nothing stands
        against it; what is on the list of this very database is being taken away already."""
        refs = [ref_of(one) for one in own]
        listed = await self._database.read(lambda conn: scopes.destroyed(conn, refs))
        buried = await self._keys_database.read(lambda conn: shredding.buried(conn, refs))
        out: list[Judged] = []
        stays = False
        for row in sorted(own, key=lambda one: one.scope == IDENTITY):
            ref = ref_of(row)
            if ref in listed:
                continue
            standing, cause = CAME_BACK, Cause.NONE
            if ref not in buried or not file.keys_gone:
                standing, cause = Cause.UNREADABLE.value, Cause.UNREADABLE
            elif asks:
                cause = Cause.REQUEST_OPEN
            elif kept.keeps(row) or used.has(ref, ""):
                cause = Cause.RESERVED
            elif row.scope == IDENTITY and stays:
                cause = Cause.TRANSACTIONS_REMAIN
            stays = stays or cause is not Cause.NONE
            out.append(Judged(row, "", Why(standing, cause=cause), file.version))
        return out

    def _customer(
        self,
        book: RuleBook,
        day: date,
        kept: Kept,
        used: InUse,
        own: Sequence[ScopeRow],
        value: Customer,
        version: int,
        *,
        asks: bool,
    ) -> list[Judged]:
        going: list[Judged] = []
        goes: set[str] = set()
        # The identity last: it goes when all else goes.
        for row in sorted(own, key=lambda one: one.scope == IDENTITY):
            found = book.assess(self._rules.facts(value, row), day)
            if not found.standing.due and found.standing is not Standing.CONFLICT:
                continue
            cause = Cause.NONE
            if found.standing is Standing.CONFLICT:
                cause = Cause.CONFLICT
            elif asks:
                cause = Cause.REQUEST_OPEN
            elif kept.keeps(row) or used.has(ref_of(row), ""):
                cause = Cause.RESERVED
            elif row.scope == IDENTITY and {one.scope for one in own} - goes - {IDENTITY}:
                cause = Cause.TRANSACTIONS_REMAIN
            if cause is Cause.NONE:
                goes.add(row.scope)
            going.append(Judged(row, "", why_of(found, cause), version))
        return going

    async def transaction(
        self, book: RuleBook, day: date, kept: Kept, booked: Transaction, row: ScopeRow, record: str
    ) -> Judged | None:
        """A single transaction, by its own day; None where the rules keep it."""
        found = await self._database.read(
            lambda conn: customers.many(conn, row.institution, [row.customer])
        )
        file = (await self._open(found)).get(row.customer)
        if file is None or isinstance(file, Unopened):
            return None
        value, version = file
        facts = self._rules.facts(value, row, date.fromordinal(booking_day(booked)))
        result = book.assess(facts, day)
        if not result.standing.due:
            return None
        asking = await self._database.read(
            lambda conn: who_ask(conn, row.institution, [row.customer], kept)
        )
        cause = Cause.RESERVED if kept.keeps(row) else Cause.NONE
        if asking:
            cause = Cause.REQUEST_OPEN
        return Judged(row, record, why_of(result, cause), version)

    async def _open(
        self, rows: Sequence[CustomerRow]
    ) -> dict[str, tuple[Customer, int] | Unopened]:
        """The files by customer."""
        try:
            opened = await self._opener.many(CUSTOMERS, rows, views=False)
            return {one.customer: (one.value, one.version) for one in opened}
        except (Shredded, Corrupted):
            pass
        out: dict[str, tuple[Customer, int] | Unopened] = {}
        for row in rows:
            try:
                [one] = await self._opener.many(CUSTOMERS, [row], views=False)
                out[row.customer] = (one.value, one.version)
            except Shredded:
                out[row.customer] = Unopened(row.version, keys_gone=True)
            except Corrupted:
                out[row.customer] = Unopened(row.version, keys_gone=False)
        return out


def why_of(found: Assessment, cause: Cause) -> Why:
    """What a plan says of an assessment."""
    decides = found.decides
    return Why(
        standing=found.standing.value,
        rule=decides.rule if decides else "",
        rule_set=decides.set_label if decides else "",
        clock=decides.clock.value if decides else "",
        start=decides.start.isoformat() if decides and decides.start else "",
        kept_through=found.kept_through.isoformat() if found.kept_through else "",
        gone_after=found.gone_after.isoformat() if found.gone_after else "",
        conflicts=tuple(f"{c.maximum.rule} < {c.minimum.rule}" for c in found.conflicts),
        cause=cause,
    )


def who_ask(
    conn: Connection, institution: str, customers_: Iterable[str], kept: Kept
) -> frozenset[str]:
    """The customers who have asked what is held of them, under whichever of their files, and wait
    for the answer: nothing of it goes before they have it."""
    kin = {one: kept.kin(institution, one) for one in customers_}
    every = frozenset[str]().union(*kin.values())
    asking = subject_requests.who_ask(conn, institution, every, RequestKind.ACCESS.value)
    return frozenset(one for one, files in kin.items() if files & asking)


def still_the_same(conn: Connection, judged: Judged) -> bool:
    """Inside the transaction: nobody has written since it was judged."""
    row = judged.row
    file = customers.current(conn, row.institution, row.customer)
    return (
        scopes.one(conn, ref_of(row)) == row and file is not None and file.version == judged.version
    )
