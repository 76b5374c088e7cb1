"""Mixed load on a vault that is killed again and again, and a ledger of what it answered.

Every call is sent once and its answer noted, or it is seen to have none. A write without an answer
is sent again with its own request id until it has one, as a client of the vault does, so that what
a killed server had committed and not told must be told then, and must not be written twice.
"""

import itertools
import random
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import grpc

from recordsvault.masked.v1 import masked_pb2 as mp
from recordsvault.records.v1 import customer_pb2, document_pb2, transaction_pb2
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.type.v1 import party_pb2, purpose_pb2
from tests.hostile.driving import PARENT, SERVICE, as_item, example_lines, reason_of
from tests.support.running_vault import RunningVault

CALL_SECONDS = 10.0
# What a caller may see of a server that was killed, or of a tier whose other tier was.
_GONE = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED"})


@dataclass(frozen=True, slots=True)
class Written:
    """An answered write: the record that was sent, and what the vault called it."""

    name: str
    version: int  # 0 where the answer does not say (imports and transactions)
    record: Any  # the message as it was sent
    request_id: str


@dataclass(frozen=True, slots=True)
class Read:
    """An answered read, with when it was sent and answered (microseconds)."""

    actor: str
    action: str
    resource: str
    began: int
    ended: int
    case_reference: str = ""


@dataclass
class Ledger:
    """What was answered. Lists are only appended to, by any thread."""

    written: list[Written] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)  # request ids sent more than once
    failures: list[str] = field(default_factory=list)
    customers: list[str] = field(default_factory=list)


def _micros() -> int:
    return time.time_ns() // 1000


class Load:
    """Threads that call until they are told to stop."""

    def __init__(self, vault: RunningVault, seed: int) -> None:
        self.ledger = Ledger()
        self._vault = vault
        self._stop = threading.Event()
        self._given_up = threading.Event()
        self._numbers = itertools.count(1)
        self._templates = _templates()
        jobs = [
            self._create,
            self._create,
            self._update,
            self._import,
            self._read_masked,
            self._read_masked,
            self._search,
            self._read_full,
        ]
        self._threads = [
            threading.Thread(target=self._run, args=(job, random.Random(seed + n)))
            for n, job in enumerate(jobs)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let every call in hand come to its end; the vault must be running."""
        self._stop.set()
        until = time.monotonic() + 90
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        self._given_up.set()
        late = [thread.name for thread in self._threads if thread.is_alive()]
        for thread in self._threads:
            thread.join()
        assert late == []

    def _run(self, job: Callable[[random.Random], None], dice: random.Random) -> None:
        while not self._stop.is_set():
            try:
                job(dice)
            except grpc.RpcError as error:
                code, reason = reason_of(error)
                if code in _GONE:
                    self.ledger.unanswered.append(job.__name__)
                    time.sleep(0.02)
                else:
                    self.ledger.failures.append(f"{job.__name__}: {code} {reason}")
            except Exception as error:
                self.ledger.failures.append(f"{job.__name__}: {error!r}")
                raise

    # -- writes ------------------------------------------------------------------------------

    def _insist(self, call: Any, request: Any) -> Any:
        """Send until there is an answer, always the same request."""
        first = True
        while True:
            try:
                return call(request, timeout=CALL_SECONDS, wait_for_ready=not first)
            except grpc.RpcError as error:
                if reason_of(error)[0] not in _GONE or self._given_up.is_set():
                    raise
                if first:
                    self.ledger.repeated.append(request.request_id)
                first = False
                time.sleep(0.02)

    def _new_customer(self, dice: random.Random) -> customer_pb2.Customer:
        number = next(self._numbers)
        out = customer_pb2.Customer()
        out.CopyFrom(self._templates[0])
        out.customer_number = f"K{number:08}"
        out.natural_person.identity.number = f"P{number:07}"
        out.phones[:] = [f"+8613{dice.randrange(10**9):09}"]
        return out

    def _new_document(self) -> document_pb2.IdentityDocument:
        out = document_pb2.IdentityDocument()
        out.CopyFrom(self._templates[1])
        out.number = f"D{next(self._numbers):07}"
        return out

    def _new_transaction(self, dice: random.Random) -> transaction_pb2.Transaction:
        out = transaction_pb2.Transaction()
        out.CopyFrom(self._templates[2])
        out.institution_reference = f"R{next(self._numbers):010}"
        out.booking_time.FromSeconds(1_700_000_000 + dice.randrange(60_000_000))
        return out

    def _create(self, dice: random.Random) -> None:
        backend, note = self._vault.records(), self.ledger.written.append
        customer = self._new_customer(dice)
        request_id = str(uuid.uuid4())
        made = self._insist(
            backend.CreateCustomer,
            pb.CreateCustomerRequest(parent=PARENT, customer=customer, request_id=request_id),
        ).customer
        note(Written(made.name, made.version, customer, request_id))
        self.ledger.customers.append(made.name)
        document, request_id = self._new_document(), str(uuid.uuid4())
        paper = self._insist(
            backend.CreateIdentityDocument,
            pb.CreateIdentityDocumentRequest(
                parent=made.name, identity_document=document, request_id=request_id
            ),
        ).identity_document
        note(Written(paper.name, paper.version, document, request_id))
        corrected = ""
        for _ in range(2):
            booked, request_id = self._new_transaction(dice), str(uuid.uuid4())
            booked.corrects = corrected
            stored = self._insist(
                backend.CreateTransaction,
                pb.CreateTransactionRequest(
                    parent=made.name, transaction=booked, request_id=request_id
                ),
            ).transaction
            note(Written(stored.name, 0, booked, request_id))
            corrected = stored.name

    def _update(self, dice: random.Random) -> None:
        if not self.ledger.customers:
            time.sleep(0.01)
            return
        backend = self._vault.records()
        name = dice.choice(self.ledger.customers[-50:])
        current = self._read(
            "backend",
            "records.customers.get",
            name,
            backend.GetCustomer,
            pb.GetCustomerRequest(name=name, purpose=SERVICE),
        ).customer
        current.emails[:] = [f"mail{next(self._numbers)}@example.org"]
        current.change_reason = "moved"
        request_id = str(uuid.uuid4())
        stored = self._insist(
            backend.UpdateCustomer,
            pb.UpdateCustomerRequest(customer=current, request_id=request_id),
        ).customer
        self.ledger.written.append(Written(name, stored.version, current, request_id))

    def _import(self, dice: random.Random) -> None:
        messages = []
        for _ in range(3):
            items = []
            for _ in range(4):
                customer = self._new_customer(dice)
                number = customer.customer_number
                items.append(pb.ImportItem(new_customer=customer))
                items += [
                    pb.ImportItem(customer_number=number, transaction=self._new_transaction(dice))
                    for _ in range(4)
                ]
            messages.append(
                pb.ImportRecordsRequest(parent=PARENT, request_id=str(uuid.uuid4()), items=items)
            )
        first = True
        while messages:
            try:
                answers = self._vault.records().ImportRecords(
                    iter(list(messages)), timeout=CALL_SECONDS, wait_for_ready=not first
                )
                for answer in answers:
                    self._note_import(messages.pop(0), answer)
            except grpc.RpcError as error:
                if reason_of(error)[0] not in _GONE or self._given_up.is_set():
                    raise
                self.ledger.repeated += [m.request_id for m in messages]
                first = False
                time.sleep(0.02)

    def _note_import(
        self, message: pb.ImportRecordsRequest, answer: pb.ImportRecordsResponse
    ) -> None:
        assert answer.request_id == message.request_id
        assert len(answer.results) == len(message.items)
        for item, result in zip(message.items, answer.results, strict=True):
            assert result.name, f"refused: {result.error.message}"
            record = getattr(item, item.WhichOneof("record") or "")
            self.ledger.written.append(Written(result.name, 0, record, message.request_id))

    # -- reads -------------------------------------------------------------------------------

    def _read(
        self,
        actor: str,
        action: str,
        resource: str,
        call: Any,
        request: Any,
        case_reference: str = "",
    ) -> Any:
        began = _micros()
        answer = call(request, timeout=CALL_SECONDS)
        read = Read(actor, action, resource, began, _micros(), case_reference)
        self.ledger.reads.append(read)
        return answer

    def _any_customer(self, dice: random.Random) -> str:
        return dice.choice(self.ledger.customers) if self.ledger.customers else ""

    def _read_masked(self, dice: random.Random) -> None:
        name = self._any_customer(dice)
        if not name:
            time.sleep(0.01)
            return
        crm = self._vault.masked()
        answer = self._read(
            "crm",
            "masked.customers.get",
            name,
            crm.GetMaskedCustomer,
            mp.GetMaskedCustomerRequest(name=name),
        )
        assert answer.customer.name == name
        if dice.random() < 0.2:
            self._read(
                "crm",
                "masked.transactions.list",
                name,
                crm.ListMaskedTransactions,
                mp.ListMaskedTransactionsRequest(parent=name),
            )

    def _search(self, dice: random.Random) -> None:
        known = [w for w in self.ledger.written[-200:] if w.version == 1 and w.name.count("/") == 3]
        if not known:
            time.sleep(0.01)
            return
        one = dice.choice(known)
        answer = self._read(
            "crm",
            "masked.customers.search",
            PARENT,
            self._vault.masked().SearchMaskedCustomers,
            mp.SearchMaskedCustomersRequest(
                parent=PARENT, customer_number=one.record.customer_number
            ),
        )
        assert [c.name for c in answer.customers] == [one.name]
        time.sleep(0.02)  # searches have a budget

    def _read_full(self, dice: random.Random) -> None:
        name = self._any_customer(dice)
        if not name:
            time.sleep(0.01)
            return
        case = f"case {uuid.uuid4()}"
        self._read(
            "compliance",
            "records.customers.get",
            name,
            self._vault.records("compliance").GetCustomer,
            pb.GetCustomerRequest(
                name=name, purpose=purpose_pb2.PURPOSE_JUDICIAL_REQUEST, case_reference=case
            ),
            case,
        )


def _templates() -> tuple[
    customer_pb2.Customer, document_pb2.IdentityDocument, transaction_pb2.Transaction
]:
    """Examples whose numbers have no check digit, so that there are as many as wanted."""
    customer = as_item(next(example_lines("customers"))).new_customer
    customer.natural_person.identity.kind = party_pb2.DOCUMENT_KIND_PASSPORT
    document = document_pb2.IdentityDocument(
        kind=party_pb2.DOCUMENT_KIND_PASSPORT,
        number="D0000000",
        holder_name=customer.natural_person.full_name,
        issuer="国家移民管理局",
        issuing_country="CN",
    )
    document.issue_date.CopyFrom(customer.natural_person.identity.issue_date)
    document.expiry_date.CopyFrom(customer.natural_person.identity.expiry_date)
    transaction = as_item(next(example_lines("transactions"))).transaction
    transaction.ClearField("value_date")
    return customer, document, transaction
