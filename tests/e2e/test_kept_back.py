"""What is not opened to somebody, over TLS by every RPC of both tiers: it stands in no answer, no
error, no page token and no metadata; and what does stand in an answer stands in its event too.

An RPC that comes later is asked without anybody thinking of it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from recordsvault.records.v1 import customer_pb2, document_pb2, transaction_pb2
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.type.v1 import purpose_pb2
from tests.e2e import people
from tests.e2e.calls import SERVING, create, update
from tests.e2e.people import PARENT
from tests.e2e.rpc_matrix import Bank, request_for, rpcs
from tests.e2e.wire import LogBook
from tests.support.borrowing import Register, add_person
from tests.support.lending import until_known
from tests.support.running_vault import RunningVault
from vault.server.settings import TierName

ONBOARDING = purpose_pb2.PURPOSE_ONBOARDING_CDD
LENT = ("customer.emails", "identity_document.kind", "transaction.amount")
OPEN = {"emails", "kind", "amount"}
RECORDS = (customer_pb2.Customer, document_pb2.IdentityDocument, transaction_pb2.Transaction)
RECORD_TYPES = {kind.DESCRIPTOR.full_name for kind in RECORDS}
NAMING = {"name", "version", "etag", "create_time", "update_time"}
# Reads that answer a teller who has borrowed of the customer.
ANSWERED = {
    "GetCustomer", "ListCustomerVersions", "DiffCustomerVersions", "GetIdentityDocument",
    "ListIdentityDocuments", "ListIdentityDocumentVersions", "GetTransaction", "ListTransactions",
    "GetMaskedCustomer", "ListMaskedCustomers", "SearchMaskedCustomers", "GetMaskedTransaction",
}  # fmt: skip


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    """With a teller."""
    add_person(each_vault, "clerk", "teller")
    until_known(each_vault, "clerk")
    return each_vault


@pytest.fixture(scope="module")
def bank(vault: RunningVault) -> Bank:
    """A customer with two versions, two documents and two bookings, so that lists have pages."""
    records, customer = vault.records(), create(vault)
    customer.emails[:] = ["changed@example.com"]
    update(vault, customer, "emails")
    papers = [
        records.CreateIdentityDocument(
            pb.CreateIdentityDocumentRequest(
                parent=customer.name, identity_document=people.passport()
            )
        ).identity_document.name
        for _ in range(2)
    ]
    booked = [
        records.CreateTransaction(
            pb.CreateTransactionRequest(parent=customer.name, transaction=people.booking())
        ).transaction.name
        for _ in range(2)
    ]
    nothing = f"{PARENT}/compartments/{'0' * 26}", f"{PARENT}/proposals/{'0' * 26}"
    return Bank(PARENT, customer.name, papers[0], booked[0], *nothing)


@pytest.fixture(scope="module")
def lent(vault: RunningVault, bank: Bank) -> Iterator[str]:
    """A check-out of some fields."""
    register = Register(vault)
    yield register.lend(bank.customer, *LENT, person="p-clerk")
    register.close()


@dataclass(frozen=True)
class Told:
    """All that a caller is told: messages, and every byte beside them."""

    code: str
    messages: tuple[bytes, ...]
    beside: bytes


def told(
    vault: RunningVault, who: str, tier: TierName, method: MethodDescriptor, request: Message
) -> Told:
    """Make a call, of a stream without an end for a while."""
    channel: Any = vault.channel(who, tier)
    path = f"/{method.containing_service.full_name}/{method.name}"
    data = request.SerializeToString()
    waits = 1 if method.name.startswith("Watch") else 10
    if method.client_streaming:
        call = channel.stream_stream(path)(iter([data]), timeout=waits)
    else:
        call = channel.unary_stream(path)(data, timeout=waits)  # as bytes, with its metadata
    messages: list[bytes] = []
    code = "OK"
    try:
        messages.extend(call)
    except grpc.RpcError as error:
        code = str(error.code().name)
    metadata = [*(call.initial_metadata() or ()), *(call.trailing_metadata() or ())]
    beside = [str(call.details()).encode()]
    beside += [v if isinstance(v, bytes) else str(v).encode() for _, v in metadata]
    return Told(code, tuple(messages), b"\n".join(beside))


def asked(method: MethodDescriptor, bank: Bank, purpose: Any, lent: str = "") -> Iterator[Any]:
    """Good requests about the customer, by a check-out: as they are, by the page, for what is not
    open."""
    for way in ("plain", "page", "mask"):
        request: Any = request_for(method, bank)
        fields = request.DESCRIPTOR.fields_by_name
        if "purpose" in fields:
            request.purpose = purpose
        if "check_out" in fields and fields["check_out"].type == FieldDescriptor.TYPE_STRING:
            request.check_out = lent
        if way == "page":
            if "page_size" not in fields:
                continue
            request.page_size = 1
        if way == "mask":
            if "read_mask" not in fields:
                continue
            closed = {"Customer": "accounts", "Document": "number", "Transaction": "counterparty"}
            (path,) = {path for word, path in closed.items() if word in method.name}
            request.read_mask.paths.append(path)
        yield request


# -- what is kept back -----------------------------------------------------------------------------


def values(message: Message, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    """What tells of a record: texts of some length, dates and amounts, as they travel."""
    for field, value in message.ListFields():
        path = prefix + field.name
        if path in NAMING:
            continue
        for one in value if field.is_repeated else [value]:
            if isinstance(one, str):
                if len(one.encode()) > 4:
                    yield path, one.encode()
            elif isinstance(one, Message):
                if one.DESCRIPTOR.full_name in ("google.type.Date", "google.type.Money"):
                    yield path, one.SerializeToString()
                elif not one.DESCRIPTOR.full_name.startswith("google."):
                    yield from values(one, path + ".")


def whole(vault: RunningVault, bank: Bank) -> Iterator[tuple[str, bytes]]:
    records = vault.records()
    for one in (
        records.GetCustomer(pb.GetCustomerRequest(name=bank.customer, purpose=SERVING)).customer,
        *records.ListIdentityDocuments(
            pb.ListIdentityDocumentsRequest(parent=bank.customer, purpose=SERVING)
        ).identity_documents,
        *records.ListTransactions(
            pb.ListTransactionsRequest(parent=bank.customer, purpose=SERVING)
        ).transactions,
    ):
        yield from values(one)


def in_masked_views(vault: RunningVault, bank: Bank) -> bytes:
    """What the masked tier shows a teller of these records anyway."""
    shown = b""
    for rpc, method in rpcs(TierName.MASKED):
        if "Masked" in rpc and method.name.startswith(("Get", "List")):
            shown += b"".join(
                told(vault, "clerk", TierName.MASKED, method, request_for(method, bank)).messages
            )
    return shown


def test_what_was_not_lent_stands_in_nothing_that_a_borrower_is_told_by_any_rpc(
    vault: RunningVault, bank: Bank, lent: str
) -> None:
    masked = in_masked_views(vault, bank)
    secrets = {
        (path, value)
        for path, value in whole(vault, bank)
        if path not in OPEN and value not in masked
    }
    assert {path for path, _ in secrets} >= {
        "accounts", "phones", "addresses.street", "natural_person.latin_name",
        "natural_person.identity.number", "natural_person.birth_date", "number", "holder_name",
        "account.account", "counterparty.account", "counterparty.name", "remittance_text",
        "channel.device_id", "channel.network_address",
    }  # fmt: skip
    answered = set()
    for tier in TierName:
        for rpc, method in rpcs(tier):
            borrowed = "check_out" in method.input_type.fields_by_name
            for by in (lent, "") if borrowed else ("",):
                for request in asked(method, bank, SERVING, by):
                    found = told(vault, "clerk", tier, method, request)
                    if found.code == "OK" and found.messages:
                        answered.add(method.name)
                    everything = b"\n".join((*found.messages, found.beside))
                    leaked = {path for path, value in secrets if value in everything}
                    assert not leaked, (rpc, by, leaked)
    assert answered >= ANSWERED


# -- and what is written of it ---------------------------------------------------------------------


def records_in(message: Message) -> Iterator[Message]:
    """Records in full, wherever in an answer."""
    if message.DESCRIPTOR.full_name in RECORD_TYPES:
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for one in value if field.is_repeated else [value]:
                if isinstance(one, Message):
                    yield from records_in(one)


def leaves(message: Message, prefix: str = "") -> Iterator[str]:
    for field, value in message.ListFields():
        inner, path = field.message_type, prefix + field.name
        if path in NAMING:
            continue
        if inner is None or inner.full_name.startswith("google."):
            yield path
            continue
        for one in value if field.is_repeated else [value]:
            yield from leaves(one, path + ".")


def shown_in(method: MethodDescriptor, messages: Iterable[bytes]) -> set[str]:
    kind = GetMessageClass(method.output_type)
    answers = (kind.FromString(one) for one in messages)
    return {leaf for one in answers for record in records_in(one) for leaf in leaves(record)}


@pytest.mark.parametrize("who", ["clerk", "compliance"])
def test_the_event_of_every_read_lists_the_fields_of_its_answer(
    vault: RunningVault, bank: Bank, lent: str, log: LogBook, who: str
) -> None:
    purpose, by = (SERVING, lent) if who == "clerk" else (ONBOARDING, "")
    compared = set()
    for rpc, method in rpcs(TierName.FULL):
        if not rpc.startswith(("Records/", "Life/", "Accounts/")) or not method.name.startswith(
            ("Get", "List", "Search", "Diff")
        ):
            continue
        for request in asked(method, bank, purpose, by):
            size = log.size()
            found = told(vault, who, TierName.FULL, method, request)
            fields = {field for event in log.since(size) for field in event.fields}
            shown = shown_in(method, found.messages)
            if found.code != "OK":
                assert not fields and not shown, rpc
            elif method.name != "DiffCustomerVersions":  # which says what differs, and no value
                assert fields == shown, rpc
                compared |= {method.name} if shown else set()
    assert compared >= {name for name in ANSWERED if "Masked" not in name} - {
        "DiffCustomerVersions"
    }
