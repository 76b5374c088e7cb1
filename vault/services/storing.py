"""Stores new records: one, a batch all or none, or the items of an import each for itself.

The order of steps is what makes it safe:

    1. a request that was carried out before gets its first answer
    2. each item gets its place; a customer's number or account is resolved to its identifier
    3. keys of new scopes are made durable in the key store (a crash after this leaves unused keys)
    4. every item is sealed; from here on there is no plaintext
    5. one transaction: claims, rows, index entries, the request's outcome and the event

A refused item of an import leaves no trace in the store; a refused item of a batch undoes the
batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

from sqlalchemy import Connection

from vault.access import ActionClass
from vault.audit import RowHash
from vault.records import (
    IDENTITY_SCOPE,
    Customer,
    CustomerKind,
    IndexKind,
    ScopeRef,
    Transaction,
    claims,
    new_ulid,
    transaction_scope,
    unix_ms,
)
from vault.sealing import Clock, FullFileKey, MaskedFileKey, ScopeShredded
from vault.services import account_owners, sealer
from vault.services.call import Call, Trace
from vault.services.claiming import OwnerKinds, claims_of
from vault.services.custody import Custody, NoCustodian
from vault.services.errors import (
    AlreadyExists,
    FieldViolation,
    InvalidArgument,
    NotFound,
    Shredded,
    VaultError,
)
from vault.services.filing import ElementsMissing, Filing
from vault.services.indexing import Entry, Index, by_index
from vault.services.items import Draft, NewRecord
from vault.services.keys import Keys
from vault.services.kinds import CUSTOMERS, DOCUMENTS, TRANSACTIONS
from vault.services.merging.errors import Merged
from vault.services.merging.standing import Merges
from vault.services.outcomes import Outcome, Stored
from vault.services.reach import FullReach
from vault.services.reach_of_writes import ReachOfWrites
from vault.services.recording import Recorder
from vault.services.replays import Replays, Request
from vault.services.rows import index_rows, insert_drafts, missing_targets
from vault.store import Database
from vault.store import claims as claims_table
from vault.store import customers as customers_table

# Sealing is pure computation; other calls get their turn after so many items.
_ITEMS_A_TURN = 64
_ANY = CustomerKind.UNSPECIFIED


@dataclass(frozen=True, slots=True)
class Batch:
    """Items of one request, and whether they stand or fall together."""

    institution: str
    items: Sequence[NewRecord]
    together: bool
    request: Request


class Storing:
    """The use cases that store new records."""

    def __init__(
        self,
        database: Database,
        keys: Keys,
        recorder: Recorder,
        replays: Replays,
        clock: Clock,
        custody: Custody,
        filing: Filing | None = None,
        merges: Merges | None = None,
    ) -> None:
        self._merges = merges or Merges()
        self._database = database
        self._keys = keys
        self._recorder = recorder
        self._replays = replays
        self._clock = clock
        self._custody = custody
        self._filing = filing or Filing.default()
        self._owners = OwnerKinds(database, keys)
        self._reach = ReachOfWrites(FullReach(database, keys, clock))

    async def store(self, call: Call, batch: Batch) -> list[Outcome]:
        """An outcome for each item, in order.

        Raises the first refusal of a batch that stands together; RequestIdReused; LogUnavailable,
        StoreUnavailable, KmsUnavailable.
        """
        institution = batch.institution
        for owner in {i.owner.customer if i.owner else "" for i in batch.items}:
            call.require(ActionClass.WRITE, institution, owner)
        fingerprint = (await self._keys.index(institution)).fingerprint(batch.request.body)
        stored = self._replays.once(
            call,
            institution,
            batch.request,
            fingerprint,
            lambda: by_index(
                self._keys, institution, lambda index: self._store(call, batch, index, fingerprint)
            ),
        )
        return await self._reach.outcomes(call, stored)

    async def _store(
        self, call: Call, batch: Batch, index: Index, fingerprint: bytes
    ) -> list[Outcome]:
        institution = batch.institution
        now = self._clock.now_micros()
        drafts = [self._draft(institution, one, sealer.utc_day(now)) for one in batch.items]
        await self._place(institution, drafts, index, now)
        self._raise_first(batch, drafts)
        await self._seal(call, drafts, index, now)

        def work(conn: Connection) -> list[Outcome]:
            index.require_writing(conn)
            self._replays.guard(conn, call, institution, batch.request)
            _admit(conn, institution, drafts, batch.together)
            self._raise_first(batch, drafts)
            good = [d for d in drafts if d.error is None]
            hashes.extend(insert_drafts(conn, good, now, call.actor))
            index_rows(conn, institution, good)
            outcomes = [d.error or _stored(d, now) for d in drafts]
            self._replays.keep(conn, call, institution, batch.request, fingerprint, outcomes, now)
            return outcomes

        hashes: list[RowHash] = []
        return await self._recorder.commit(
            call,
            work,
            lambda outcomes: _trace(call.trace, batch, outcomes, tuple(hashes)),
            weight=1 + len(drafts),
        )

    def _draft(self, institution: str, item: NewRecord, today: date) -> Draft:
        if item.error is not None or item.kind is not CUSTOMERS:
            return Draft(item, error=item.error)
        try:
            self._custody.require(institution, item.record, field=item.field)
            return Draft(replace(item, record=self._filing.first(item.record, today)))
        except (ElementsMissing, InvalidArgument, NoCustodian) as refused:
            return Draft(item, error=refused)

    async def store_together(self, call: Call, batch: Batch) -> list[Stored]:
        """As `store`, for a batch that stands or falls together."""
        stored: list[Stored] = []
        for outcome in await self.store(call, batch):
            if isinstance(outcome, VaultError):
                raise outcome
            stored.append(outcome)
        return stored

    @staticmethod
    def _raise_first(batch: Batch, drafts: Sequence[Draft]) -> None:
        if batch.together:
            for draft in drafts:
                if draft.error is not None:
                    raise draft.error

    # -- places ------------------------------------------------------------------------------

    async def _place(self, institution: str, drafts: list[Draft], index: Index, now: int) -> None:
        ms = now // 1000
        by_number: dict[str, str] = {}
        by_account: dict[str, str] = {}
        for draft in drafts:
            if draft.error is None and draft.item.kind is CUSTOMERS:
                draft.customer = draft.identifier = new_ulid(ms)
                draft.is_new_customer = True
                draft.scope = ScopeRef(institution, draft.customer, IDENTITY_SCOPE)
                customer: Customer = draft.item.record
                by_number.setdefault(_number_token_text(customer.customer_number), draft.customer)
                for account in customer.accounts:
                    text = account_owners.account_text(account)
                    first = by_account.setdefault(text, draft.customer)
                    if first != draft.customer:
                        by_account[text] = account_owners.SHARED
        owners = await self._resolve_numbers(institution, drafts, index, by_number)
        accounts = {d.item.owner_account for d in drafts if d.item.owner_account}
        # Whom a number or an account names: the file that his points to.
        survivor = partial(self._merges.survivor, institution)
        owners = {number: survivor(one) for number, one in owners.items()}
        holders = await account_owners.holders(
            self._database, index, accounts, by_account, survivor
        )
        for draft in drafts:
            if draft.error is None and not draft.is_new_customer:
                self._place_owned(institution, draft, owners, holders, ms)

    async def _resolve_numbers(
        self, institution: str, drafts: list[Draft], index: Index, by_number: dict[str, str]
    ) -> dict[str, str]:
        """Customers by their number as the items give it, for those that are there. `by_number`
        has the new ones by the number's claim text."""
        numbers = {d.item.owner_number for d in drafts if d.item.owner_number}
        texts = {number: _number_token_text(number) for number in numbers}
        wanted: dict[bytes, str] = {}
        for text in texts.values():
            if text and text not in by_number:
                _, token = index.wanted(IndexKind.CUSTOMER_NUMBER, text)
                wanted[token] = text
        if wanted:

            def find(conn: Connection) -> dict[bytes, str]:
                held = claims_table.holders(conn, institution, list(wanted))
                index.require_complete(conn)
                return held

            held = await self._database.read(find)
            by_number.update({wanted[token]: customer for token, customer in held.items()})
        return {number: by_number[text] for number, text in texts.items() if text in by_number}

    @staticmethod
    def _place_owned(
        institution: str, draft: Draft, owners: dict[str, str], holders: dict[str, str], ms: int
    ) -> None:
        item = draft.item
        if item.owner is not None:
            draft.customer = item.owner.customer
        elif item.owner_account:
            holder = holders.get(item.owner_account)
            if holder == account_owners.SHARED:
                draft.error = InvalidArgument([_shared()])
                return
            if holder is None:
                draft.error = NotFound("The customer with this account", "account_number")
                return
            draft.customer = holder
        else:
            draft.customer = owners.get(item.owner_number, "")
        if not draft.customer:
            draft.error = NotFound("The customer with this number", f"{item.field}.customer_number")
            return
        if item.kind is TRANSACTIONS:
            booked: Transaction = item.record
            draft.identifier = new_ulid(unix_ms(booked.booking_time))
            scope = transaction_scope(booked.booking_time, booked.time_zone)
        else:
            draft.identifier = new_ulid(ms)
            scope = IDENTITY_SCOPE
        draft.record = f"{item.kind.collection}/{draft.identifier}"
        draft.scope = ScopeRef(institution, draft.customer, scope)

    # -- sealing -----------------------------------------------------------------------------

    async def _seal(self, call: Call, drafts: list[Draft], index: Index, now: int) -> None:
        today = sealer.utc_day(now)
        good = [d for d in drafts if d.error is None]
        await self._refuse_unknown_owners(good)
        good = [d for d in good if d.error is None]
        await self._reach.refuse_outside(call, good, today)
        self._refuse_merged([d for d in good if d.error is None])
        good = [d for d in good if d.error is None]
        good, full, masked = await self._keys_of(good)
        kinds = await self._owner_kinds(good)
        entries: dict[tuple[IndexKind, str], tuple[Entry, ...]] = {}
        for done, draft in enumerate(good, 1):
            scope, kind, record = draft.scope, draft.item.kind, draft.item.record
            draft.sealed, draft.masked = sealer.seal(
                kind, record, scope, draft.record, 1, (full[scope], masked[scope]), today
            )
            claimed = claims_of(kind, record, kinds.get(draft.customer, _ANY))
            # A claim is an index entry too, so that it can be given up when no record makes it.
            for term in kind.terms(record) | claimed:
                if term not in entries:
                    entries[term] = index.entries(*term)
                draft.terms.extend(entries[term])
            draft.claims = [token for claim in claimed for _, token in entries[claim]]
            if done % _ITEMS_A_TURN == 0:
                await asyncio.sleep(0)

    async def _keys_of(
        self, drafts: list[Draft]
    ) -> tuple[list[Draft], dict[ScopeRef, FullFileKey], dict[ScopeRef, MaskedFileKey]]:
        """The drafts that there are keys for, and these; the others are refused: what was destroyed
        gets no keys again."""
        while True:
            try:
                return drafts, *await self._keys.both([d.scope for d in drafts])
            except ScopeShredded as error:
                for draft in drafts:
                    if draft.scope == error.ref:
                        owner = sealer.resource_name(error.ref.institution, error.ref.customer)
                        draft.error = Shredded(f"{owner}/{error.ref.scope}")
                drafts = [d for d in drafts if d.error is None]

    async def _owner_kinds(self, drafts: list[Draft]) -> dict[str, CustomerKind]:
        """Kinds of the customers that documents are for; of new ones from their own records."""
        kinds = {d.customer: d.item.record.kind for d in drafts if d.is_new_customer}
        others = [
            d.customer for d in drafts if d.item.kind is DOCUMENTS and d.customer not in kinds
        ]
        if others:
            kinds |= await self._owners.of(drafts[0].scope.institution, others)
        return kinds

    def _refuse_merged(self, drafts: list[Draft]) -> None:
        """Nothing more is put into a file that points to another."""
        for draft in drafts:
            try:
                self._merges.require_apart(draft.scope.institution, draft.customer)
            except Merged as refused:
                draft.error = refused

    async def _refuse_unknown_owners(self, drafts: list[Draft]) -> None:
        """Before keys are made for a customer's scope, make sure that there is such a customer."""
        new = {d.customer for d in drafts if d.is_new_customer}
        by_name = [d for d in drafts if d.item.owner is not None and d.customer not in new]
        if not by_name:
            return
        institution = by_name[0].scope.institution
        wanted = list({d.customer for d in by_name})
        known = await self._database.read(
            lambda conn: customers_table.existing(conn, institution, wanted)
        )
        for draft in by_name:
            if draft.customer not in known:
                draft.error = NotFound(
                    sealer.resource_name(institution, draft.customer), draft.item.field or "parent"
                )


def _admit(conn: Connection, institution: str, drafts: Sequence[Draft], together: bool) -> None:
    """Inside the transaction: claim what only one customer may hold, customers first, and check
    what the records point to. Sets the error of each draft that is refused."""
    for new in (True, False):
        some = [d for d in drafts if d.error is None and d.is_new_customer is new]
        if not new:
            refused = {d.customer for d in drafts if d.is_new_customer and d.error is not None}
            for draft in some:
                if draft.customer in refused:
                    draft.error = NotFound(
                        "The customer of this item, refused in the same message,", draft.item.field
                    )
        _claim(conn, institution, [d for d in some if d.error is None], together)
    for draft, target in missing_targets(
        conn, institution, [d for d in drafts if d.error is None and d.item.kind is not CUSTOMERS]
    ):
        draft.error = target


def _claim(conn: Connection, institution: str, drafts: Sequence[Draft], together: bool) -> None:
    """Claim for all at once where nothing is in the way, else for one after the other: whether an
    item may have a number can hang on whether one before it was refused."""
    pending = [d for d in drafts if d.claims]
    wanted = dict.fromkeys((token, d.customer) for d in pending for token in d.claims)
    tokens = list(dict.fromkeys(token for token, _ in wanted))
    if len(wanted) == len(tokens):
        held = claims_table.holders(conn, institution, tokens)
        if all(held.get(token, customer) == customer for token, customer in wanted):
            conflicts = claims_table.put(conn, institution, list(wanted))
            if not conflicts:
                return
    for draft in pending:
        mine = [(token, draft.customer) for token in dict.fromkeys(draft.claims)]
        conflicts = claims_table.put(conn, institution, mine)
        if not conflicts:
            continue
        holder = next(iter(conflicts.values()))
        if together and any(d.customer == holder for d in drafts if d.is_new_customer):
            # The batch is undone, and with it the customer that could be named.
            draft.error = InvalidArgument([_twice(draft.item.field)])
        else:
            draft.error = AlreadyExists(sealer.resource_name(institution, holder))
        if draft.is_new_customer:
            # What else it has claimed is free again, perhaps for the next item.
            for token, customer in mine:
                claims_table.release(conn, institution, token, customer)


def _twice(field: str) -> FieldViolation:
    return FieldViolation(
        field,
        "TWICE_IN_REQUEST",
        "has the same identity or customer number as an item before it; send each customer once",
        "与前面的项目证件号码或客户号相同；每位客户请只提交一次",
    )


def _shared() -> FieldViolation:
    return FieldViolation(
        "account_number",
        "ACCOUNT_SHARED",
        "several customers hold this account; name the one whom the record is of by his number",
        "该账户由多位客户共有；请用客户号指明记录所属客户",
    )


def _number_token_text(number: str) -> str:
    """The claim text of a customer's own number."""
    for kind, text in claims(Customer(customer_number=number)):
        if kind is IndexKind.CUSTOMER_NUMBER:
            return text
    return ""


def _stored(draft: Draft, now: int) -> Outcome:
    return Stored(draft.customer, draft.record, 1, sealer.etag_of(draft.sealed), now)


def _trace(
    before: Trace, batch: Batch, outcomes: list[Outcome], rows: tuple[RowHash, ...]
) -> Trace:
    stored = [o for o in outcomes if isinstance(o, Stored)]
    customers = {o.customer for o in stored}
    single = stored[0] if len(stored) == 1 and len(outcomes) == 1 else None
    return Trace(
        institution=batch.institution,
        customer=customers.pop() if len(customers) == 1 else before.customer,
        resource=sealer.resource_name(batch.institution, single.customer, single.record)
        if single
        else before.resource,
        rows=rows,
        count=len(stored),
    )
