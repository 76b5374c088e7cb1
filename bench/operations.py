"""The reads and the create that are measured, and the requests that they send.

Requests are drawn at random from files that name many different customers and transactions.
"""

import random
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.material import PARENT, SEED, Material, read_messages, write_messages
from recordsvault.masked.v1 import masked_pb2, masked_pb2_grpc
from recordsvault.records.v1 import records_pb2
from recordsvault.type.v1 import purpose_pb2
from vault.server.settings import TierName

MASKED = "/recordsvault.masked.v1.MaskedRecords/"
FULL = "/recordsvault.records.v1.Records/"
IMPORT = FULL + "ImportRecords"
PAGE = 50
LENT_GET = "full get, customer, by check-out"
# A teller, with a certificate of his own.
BORROWER = "clerk"
# Names of transactions that are asked for: enough that a page of the database is seldom met twice.
_ASKED_TRANSACTIONS = 50_000


@dataclass(frozen=True, slots=True)
class Operation:
    """What is called, by whom, and with which requests. A `read` has a bare handler beside it;
    ``beside`` is another operation that is measured by turns with it."""

    name: str
    tier: TierName
    caller: str
    method: str
    requests: Path
    read: bool = True
    beside: "Operation | None" = None


@dataclass(frozen=True, slots=True)
class Names:
    """Resource names of what was imported: customers by their number, and transactions."""

    customers: dict[str, str]
    transactions: Sequence[str]


def names_of(material: Material, customers: Path, transactions: Sequence[Path]) -> Names:
    """From the answers of the import. Raises RuntimeError if an item was refused."""
    numbers = [
        item.new_customer.customer_number
        for message in read_messages(material.customers)
        for item in records_pb2.ImportRecordsRequest.FromString(message).items
    ]
    given = list(results(customers))
    stored = [name for path in transactions for name in results(path)]
    asked = random.Random(SEED).sample(stored, min(len(stored), _ASKED_TRANSACTIONS))
    return Names(dict(zip(numbers, given, strict=True)), asked)


def results(answers: Path) -> Iterator[str]:
    """The names that an import answered. Raises RuntimeError if an item was refused."""
    for message in read_messages(answers):
        for result in records_pb2.ImportRecordsResponse.FromString(message).results:
            if not result.name:
                raise RuntimeError(f"an item was refused: {result.error.message}")
            yield result.name


def operations(
    folder: Path,
    material: Material,
    names: Names,
    masked: masked_pb2_grpc.MaskedRecordsStub,
    lent: Mapping[str, str] | None = None,
) -> list[Operation]:
    """Write the requests of all operations into a folder. ``lent`` has a check-out of each
    customer; without it there are no reads by check-out."""
    crm, compliance, backend = "crm", "compliance", "backend"
    m, r = masked_pb2, records_pb2
    purpose = purpose_pb2.PURPOSE_TRANSACTION_MONITORING
    customers, transactions = list(names.customers.values()), names.transactions

    def file(name: str, messages: Iterator[bytes]) -> Path:
        path = folder / f"{name}.bin"
        write_messages(path, messages)
        return path

    masked_customers = (m.GetMaskedCustomerRequest(name=n) for n in customers)
    masked_transactions = (m.GetMaskedTransactionRequest(name=n) for n in transactions)
    full_customers = (r.GetCustomerRequest(name=n, purpose=purpose) for n in customers)
    full_transactions = (r.GetTransactionRequest(name=n, purpose=purpose) for n in transactions)
    by_role = Operation(
        "full get, customer", TierName.FULL, compliance, FULL + "GetCustomer",
        file("full-customer", (q.SerializeToString() for q in full_customers)),
    )  # fmt: skip
    borrowed = []
    if lent:
        serving = purpose_pb2.PURPOSE_CUSTOMER_SERVICE
        asked = (
            r.GetCustomerRequest(name=n, purpose=serving, check_out=o) for n, o in lent.items()
        )
        borrowed = [
            Operation(
                LENT_GET, TierName.FULL, BORROWER, FULL + "GetCustomer",
                file("lent-customer", (q.SerializeToString() for q in asked)), beside=by_role,
            )
        ]  # fmt: skip
    return [
        Operation(
            "masked get, customer", TierName.MASKED, crm, MASKED + "GetMaskedCustomer",
            file("masked-customer", (q.SerializeToString() for q in masked_customers)),
        ),
        Operation(
            "masked get, transaction", TierName.MASKED, crm, MASKED + "GetMaskedTransaction",
            file("masked-transaction", (q.SerializeToString() for q in masked_transactions)),
        ),
        Operation(
            f"masked list of {PAGE}", TierName.MASKED, crm, MASKED + "ListMaskedCustomers",
            file("masked-list", _pages(masked)),
        ),
        Operation(
            "search", TierName.MASKED, crm, MASKED + "SearchMaskedCustomers",
            file("search", _searches(material)),
        ),
        by_role,
        *borrowed,
        Operation(
            "full get, transaction", TierName.FULL, compliance, FULL + "GetTransaction",
            file("full-transaction", (q.SerializeToString() for q in full_transactions)),
        ),
        Operation(
            "single create", TierName.FULL, backend, FULL + "CreateTransaction",
            file("create", _creates(material, names)), read=False,
        ),
    ]  # fmt: skip


def _pages(masked: masked_pb2_grpc.MaskedRecordsStub) -> Iterator[bytes]:
    """A request for each full page of the institution's customers."""
    request = masked_pb2.ListMaskedCustomersRequest(parent=PARENT, page_size=PAGE)
    while True:
        answer = masked.ListMaskedCustomers(request)
        if len(answer.customers) == PAGE:
            yield request.SerializeToString()
        if not answer.next_page_token:
            return
        request.page_token = answer.next_page_token


def _searches(material: Material) -> Iterator[bytes]:
    """By identity number, phone and account number, each of every customer that has one."""
    for message in read_messages(material.customers):
        for item in records_pb2.ImportRecordsRequest.FromString(message).items:
            customer = item.new_customer
            terms = {"phone": customer.phones[:1], "account_number": customer.accounts[:1]}
            if customer.HasField("natural_person"):
                terms["identity_number"] = [customer.natural_person.identity.number]
            for field, values in terms.items():
                for value in values:
                    request = masked_pb2.SearchMaskedCustomersRequest(parent=PARENT)
                    setattr(request, field, value)
                    yield request.SerializeToString()


def _creates(material: Material, names: Names) -> Iterator[bytes]:
    for message in read_messages(material.created):
        item = records_pb2.ImportItem.FromString(message)
        yield records_pb2.CreateTransactionRequest(
            parent=names.customers[item.customer_number],
            transaction=item.transaction,
            request_id=str(uuid.uuid4()),
        ).SerializeToString()
