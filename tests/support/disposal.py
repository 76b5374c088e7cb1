"""A bank over the decades: its use cases of storing, holding and disposing on real databases, real
keys and a real log, with a clock that is moved by hand."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.records import builders
from tests.support.log_keys import log_signers
from tests.support.pipeline import uri
from tests.support.retention_rules import text_of
from tests.support.rotation import keks
from tests.support.signed_access import AccessKeys
from tests.support.use_cases import KEPT
from vault.access import Action, PolicyEngine, Principal, ResourceRef
from vault.access.compartments import CompartmentKind
from vault.access.proposals import Proposal
from vault.access.stored_directory import StoredDirectory
from vault.audit import AuditEvent, AuditLog, decode
from vault.audit.reader import read
from vault.audit.sequencer import Sequencer
from vault.blobs.folder import FolderBlobs
from vault.kms import LocalFileKms
from vault.records import (
    Branch,
    CustomerName,
    IndexKind,
    Relationship,
    TransactionName,
    new_ulid,
    normalise,
)
from vault.rules.retention import RuleBook, RuleSet
from vault.rules.retention_files import read_rule_sets
from vault.sealing import KeyRing, SystemClock
from vault.services.access_ground import AccessGround
from vault.services.access_state import AccessState
from vault.services.approved_rows import ApprovedRows
from vault.services.call import Call, Trace
from vault.services.compartments import Cases, Ground, Holding, Items, NewHold, Note
from vault.services.indexing import Index, by_index
from vault.services.items import NewRecord
from vault.services.keys import Keys
from vault.services.kinds import CUSTOMERS, DOCUMENTS, TRANSACTIONS
from vault.services.merging.kin import MergedKin
from vault.services.merging.merging import Merging
from vault.services.merging.standing import Merges
from vault.services.outcomes import Stored
from vault.services.proposing import Proposing
from vault.services.reach import FullReach
from vault.services.reading import Reading
from vault.services.recording import Recorder
from vault.services.replays import Replays, Request
from vault.services.retention.certificate import BackupDays
from vault.services.retention.certifying import Certifying
from vault.services.retention.changing import Changing, Effect
from vault.services.retention.content import RuleSetChange, RulingChange
from vault.services.retention.disposals import Disposals, RetentionGround, Shown
from vault.services.retention.executing import DisposalGround, DisposalRunner
from vault.services.retention.judging import why_in
from vault.services.retention.rules import RulesInForce
from vault.services.storing import Batch, Storing
from vault.services.updating import Updating
from vault.store import Database, KeyStore, blind_index
from vault.store import disposals as disposal_rows

BANK = "demo-bank"
DAYS = BackupDays(keys=35, data=3_660)
_STAFF = {
    "backend": ("ingestor", ""),
    "keeper": ("custodian", "p-keeper"),
    "second-keeper": ("custodian", "p-second"),
    "compliance": ("compliance", "p-compliance"),
    "detective": ("investigator", "p-detective"),
    "inspector": ("investigator", "p-inspector"),
    "sleuth": ("investigator", "p-sleuth"),
    "admin": ("access_admin", "p-admin"),
}


class CalendarClock(SystemClock):
    """Stands still, except where it is moved; its monotonic time goes along."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now_micros(self) -> int:
        # Every look is a little later: identifiers are by time.
        self.moment += timedelta(milliseconds=1)
        return int(self.moment.timestamp() * 1_000_000)

    def monotonic(self) -> float:
        return self.moment.timestamp()

    def on(self, day: date) -> None:
        """Move it to noon of a day."""
        self.moment = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


@dataclass
class Bank:
    """All of it, of one process."""

    database: Database
    keys_database: Database
    folder: Path
    clock: CalendarClock
    jurisdictions: tuple[str, ...] = ("CN",)
    brought: RuleBook = field(default_factory=read_rule_sets)
    """The rules of its release."""
    policy: PolicyEngine = field(default_factory=PolicyEngine.load)

    def __post_init__(self) -> None:
        folder = self.folder
        kms = folder / "kms"
        if not kms.exists():
            keks(kms)
        self.ring = KeyRing(
            LocalFileKms(kms), KeyStore(self.keys_database), frozenset(Branch), clock=self.clock
        )
        self.keys = Keys(self.ring, self.database)
        self.log = AuditLog(self.database, self.clock.now_micros)
        self.blobs = FolderBlobs(folder / "blobs")
        recorder = Recorder(self.log, self.clock)
        replays = Replays(self.database)
        reach = FullReach(self.database, self.keys, self.clock)
        merges = Merges(lambda: self.state.merge_steps)
        self.reading = Reading(self.database, self.keys, reach, merges)
        self.storing = Storing(
            self.database, self.keys, recorder, replays, self.clock, KEPT, merges=merges
        )
        self.updating = Updating(
            self.database,
            self.reading,
            self.keys,
            recorder,
            replays,
            self.clock,
            KEPT,
            merges=merges,
        )
        cases = Ground(self.database, self.keys, recorder, replays, self.clock)
        self.cases, self.items, self.holding = Cases(cases), Items(cases), Holding(cases)
        self.access_keys = AccessKeys(folder)
        self.directory = StoredDirectory(_principals(folder), now=self.clock.now_micros)
        self.state = AccessState(
            ApprovedRows(self.database, self.access_keys.verifier), self.policy, self.directory
        )
        self.proposing = Proposing(
            AccessGround(
                self.database,
                recorder,
                self.state,
                self.policy,
                self.directory,
                self.clock,
                self.access_keys.signer,
                self.access_keys.verifier,
                None,  # type: ignore[arg-type]  # no keys are rotated here
                self._require,
                self._require_merge,
            )
        )
        self.merging = Merging(self.database, self.keys, self.proposing, merges, reach)
        kin = MergedKin(merges)
        self.rules = RulesInForce(
            self.brought, lambda: self.state.retention_steps, self.jurisdictions
        )
        ground = RetentionGround(
            self.database,
            self.keys_database,
            self.keys,
            recorder,
            self.rules,
            self.proposing,
            self.clock,
            kin,
        )
        self.disposals = Disposals(ground)
        self.changing = Changing(ground, self.disposals.require_plan)
        self.certifying = Certifying(self.database, self.proposing, self.access_keys.signer)
        self.runner = DisposalRunner(
            DisposalGround(
                self.database,
                self.keys_database,
                self.keys,
                self.ring,
                self.log,
                self.blobs,
                self.rules,
                self.disposals,
                self.proposing,
                self.access_keys.signer,
                DAYS,
                self.clock,
                kin=kin,
            )
        )
        self.sequencer = Sequencer(self.database, log_signers(folder), self.clock.now_micros)

    async def _require(self, proposal: Proposal) -> None:
        await self.changing.require(proposal)

    async def _require_merge(self, proposal: Proposal) -> None:
        await self.merging.require(proposal)

    def call(self, who: str, action: Action, customer: str = "") -> Call:
        """A call that policy has allowed, by one of the staff."""
        found = self.directory.lookup(uri(who))
        assert found is not None
        return call_of(self.policy, found, action, customer)

    # -- the life of files -------------------------------------------------------------------

    async def customer(self, number: str = "C1", **changes: Any) -> str:
        """Store a customer; the identifier."""
        human = replace(builders.person(), identity=None)
        values = {"natural_person": human, "accounts": (), **changes}
        record = builders.customer(customer_number=number, **values)
        stored = await self._store(Action.CUSTOMERS_CREATE, NewRecord(CUSTOMERS, record))
        return stored.customer

    async def document(self, customer: str, **changes: Any) -> str:
        """Store an identity document; its path in the customer."""
        owner = CustomerName(BANK, customer)
        new = NewRecord(DOCUMENTS, builders.document(**changes), owner=owner)
        return (await self._store(Action.DOCUMENTS_CREATE, new, customer)).record

    async def book(self, customer: str, day: date, **changes: Any) -> str:
        """Store a transaction; its path in the customer."""
        at = datetime(day.year, day.month, day.day, 3, tzinfo=UTC)
        record = builders.transaction(booking_time=at, value_date=day, **changes)
        new = NewRecord(TRANSACTIONS, record, owner=CustomerName(BANK, customer))
        return (await self._store(Action.TRANSACTIONS_CREATE, new, customer)).record

    async def _store(self, action: Action, new: NewRecord, customer: str = "") -> Stored:
        call = self.call("backend", action, customer)
        request = Request(action.value, str(uuid.uuid4()), uuid.uuid4().bytes)
        [stored] = await self.storing.store_together(call, Batch(BANK, [new], True, request))
        return stored

    async def end(self, customer: str, day: date, **changes: Any) -> None:
        """The relationship ends."""
        before = (await self.reads(customer)).value.relationship or Relationship()
        await self.change(customer, relationship=replace(before, end_date=day, **changes))

    async def change(self, customer: str, **changes: Any) -> int:
        """A version of a customer that says something else; its number."""
        opened = await self.reads(customer)
        call = self.call("backend", Action.CUSTOMERS_UPDATE, customer)
        request = Request(call.action, str(uuid.uuid4()), uuid.uuid4().bytes)

        def changed(before: Any) -> Any:
            return replace(before, **changes)

        made = await self.updating.customer(call, BANK, customer, opened.etag, changed, request)
        return made.version

    async def reads(self, customer: str) -> Any:
        """What the back end reads of a customer."""
        call = self.call("backend", Action.CUSTOMERS_GET, customer)
        return await self.reading.customer(call, BANK, customer)

    async def reads_transaction(self, customer: str, record: str) -> Any:
        """The same of a transaction."""
        call = self.call("backend", Action.TRANSACTIONS_GET, customer)
        return await self.reading.transaction(call, BANK, customer, record.partition("/")[2])

    async def finds(self, kind: IndexKind, value: str) -> list[str]:
        """Customers who are found by a value."""
        text = normalise(kind, value)

        async def search(index: Index) -> list[str]:
            wanted, token = index.wanted(kind, text)
            rows = await self.database.read(
                lambda conn: blind_index.lookup(conn, BANK, wanted, token, after=None, limit=10)
            )
            return [customer for customer, _ in rows]

        return await by_index(self.keys, BANK, search)

    # -- holds -------------------------------------------------------------------------------

    async def open_case(self, who: str = "detective") -> str:
        """Open a compartment for holds; its identifier."""
        call = self.call(who, Action.COMPARTMENTS_CREATE)
        request = Request(call.action, str(uuid.uuid4()), uuid.uuid4().bytes)
        made = await self.cases.create(call, BANK, CompartmentKind.HOLD, "A case", request)
        return made.customer.partition("/")[2]

    async def join(self, compartment: str, person: str = "p-inspector") -> None:
        """A second member, to whom compliance agrees."""
        members = self.members
        await members.add(
            self.call("detective", Action.MEMBERS_ADD), BANK, compartment, person, "p-compliance"
        )
        agree = self.call("compliance", Action.MEMBERS_AGREE)
        shown = await members.get(
            self.call("compliance", Action.MEMBERS_GET), BANK, compartment, person
        )
        await members.agree(agree, BANK, compartment, person, shown.etag)

    async def leave(self, compartment: str, person: str, by: str) -> None:
        """A member is one no more; compliance agrees to that."""
        await self.members.remove(
            self.call(by, Action.MEMBERS_REMOVE), BANK, compartment, person, "p-compliance"
        )
        get, agree = Action.MEMBERS_GET, Action.MEMBERS_AGREE
        shown = await self.members.get(self.call("compliance", get), BANK, compartment, person)
        call = self.call("compliance", agree)
        await self.members.agree(call, BANK, compartment, person, shown.etag)

    @property
    def members(self) -> Any:
        from vault.services.compartments import Members

        return Members(self.cases._ground)

    async def hold(self, compartment: str, customer: str, **more: Any) -> str:
        """Place a hold; its identifier."""
        call = self.call("detective", Action.HOLDS_PLACE)
        request = Request(call.action, str(uuid.uuid4()), uuid.uuid4().bytes)
        new = NewHold(customer, "A court", **more)
        made = await self.holding.place(call, BANK, compartment, new, request)
        return made.record.partition("/")[2]

    async def note(self, compartment: str, customer: str) -> None:
        """Note something about a customer in a compartment."""
        call = self.call("detective", Action.ITEMS_ADD)
        request = Request(call.action, str(uuid.uuid4()), uuid.uuid4().bytes)
        await self.items.add(call, BANK, compartment, Note(customer, text="noted"), request)

    async def release(self, compartment: str, hold: str) -> None:
        """Two members release a hold."""
        propose = self.call("detective", Action.HOLDS_PROPOSE_RELEASE)
        shown = await self.holding.propose_release(propose, BANK, compartment, hold, "Over.")
        agree = self.call("inspector", Action.HOLDS_AGREE_RELEASE)
        await self.holding.agree_release(agree, BANK, compartment, hold, shown.etag)

    # -- rules -------------------------------------------------------------------------------

    async def preview_rules(self, rules: RuleSet) -> Effect:
        """What one more rule set would do."""
        call = self.call("keeper", Action.RULE_SETS_PREVIEW)
        return await self.changing.preview(call, BANK, text_of(rules))

    async def propose_rules(
        self, rules: RuleSet, *, shortens: bool = False
    ) -> tuple[Proposal, Effect]:
        """Propose one more rule set; with its effect."""
        call = self.call("keeper", Action.RULE_SETS_PROPOSE)
        change = RuleSetChange(text_of(rules), shortens)
        return await self.changing.propose_set(call, BANK, change, "Another law.")

    async def propose_ruling(self, prevails: str, yields: str, customer: str = "") -> Proposal:
        """Propose which rule prevails."""
        call = self.call("keeper", Action.RULINGS_PROPOSE)
        change = RulingChange(prevails, yields, customer)
        return await self.changing.propose_ruling(call, BANK, change, "Counsel says so.")

    async def agree_rules(self, made: Proposal, who: str = "compliance") -> Proposal:
        """A second person agrees to a rule set or a ruling."""
        call = self.call(who, Action.RULES_APPROVE)
        return await self.changing.approve(call, BANK, made.identifier, made.etag, "Seen.")

    # -- disposal ----------------------------------------------------------------------------

    async def plan(self, *only: TransactionName) -> Shown:
        """Plan what is due."""
        call = self.call("keeper", Action.DISPOSALS_PLAN)
        return await self.disposals.plan(call, BANK, only, "Due.")

    async def approve(self, shown: Shown, who: str = "compliance") -> Shown:
        """A second person agrees."""
        call = self.call(who, Action.DISPOSALS_APPROVE)
        one = shown.disposal
        return await self.disposals.approve(call, BANK, one.identifier, one.body.sha256, "")

    async def begin(self, shown: Shown) -> Shown:
        """Have it carried out."""
        call = self.call("keeper", Action.DISPOSALS_EXECUTE)
        return await self.disposals.execute(call, BANK, shown.disposal.identifier)

    async def dispose(self, *only: TransactionName) -> Shown:
        """Plan, approve and carry out what is due."""
        shown = await self.plan(*only)
        await self.approve(shown)
        await self.begin(shown)
        await self.runner.look()
        return await self.get(shown)

    async def get(self, shown: Shown) -> Shown:
        """How a disposal stands."""
        call = self.call("keeper", Action.DISPOSALS_GET)
        return await self.disposals.get(call, BANK, shown.disposal.identifier)

    def planned(self, shown: Shown) -> list[tuple[str, str, str, str]]:
        """Customer, scope, stage and cause of each item of a plan."""
        rows = self.database.read_sync(
            lambda conn: list(disposal_rows.every_item(conn, BANK, shown.disposal.identifier))
        )
        return [(r.customer, r.record or r.scope, r.stage, why_in(r).cause.value) for r in rows]

    def sign(self) -> None:
        """Have a checkpoint cover all that the log has."""
        while self.sequencer.step():
            pass

    def events(self) -> list[AuditEvent]:
        """What the log has."""
        return [decode(e.leaf) for e in self.database.read_sync(lambda c: read(c, 0, 5000)).events]


def call_of(policy: PolicyEngine, who: Principal, action: Action, customer: str = "") -> Call:
    """A call that policy has allowed, as the pipeline hands it to a use case."""
    reference = ResourceRef(BANK, customer, action.kind)
    decision = policy.decide(who, action, reference, "DATA_QUALITY", person=bool(who.person))
    assert decision.allowed, decision.en
    return Call(
        call_id=new_ulid(1),
        tier="full",
        action=action.value,
        peer="127.0.0.1:5000",
        workload=who.workload,
        principal=who,
        decision=decision,
        trace=Trace(institution=BANK, customer=customer),
    )


def _principals(folder: Path) -> Path:
    path = folder / "principals.toml"
    entries = [
        f'[[principal]]\nname = "{name}"\nuri = "{uri(name)}"\nroles = ["{role}"]\n'
        f'institution = "{BANK}"\n' + (f'person = "{person}"\n' if person else "")
        for name, (role, person) in _STAFF.items()
    ]
    path.write_text("\n".join(entries), encoding="utf-8")
    path.chmod(0o600)
    return path


@asynccontextmanager
async def bank(
    database: Database,
    folder: Path,
    day: date,
    *,
    keys_database: Database | None = None,
    **more: Any,
) -> AsyncIterator[Bank]:
    """A bank that has its keys, at noon of a day."""
    clock = CalendarClock(datetime(day.year, day.month, day.day, 12, tzinfo=UTC))
    made = Bank(database, keys_database or database, folder, clock, **more)
    await made.log.start()
    try:
        await made.keys.open_institution(BANK)
        await made.state.open()
        yield made
    finally:
        await made.log.stop()
        made.keys.close()
