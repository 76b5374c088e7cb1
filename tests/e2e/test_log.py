"""The log: one event a call, durable before the answer, and no personal data in any."""

import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import json_format
from google.protobuf.field_mask_pb2 import FieldMask
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from recordsvault.admin.v1 import admin_pb2
from recordsvault.audit.v1 import audit_pb2 as ap
from recordsvault.audit.v1 import event_pb2 as ep
from recordsvault.masked.v1 import masked_pb2 as mp
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.records.v1.customer_pb2 import Customer
from recordsvault.type.v1 import purpose_pb2
from tests.e2e import people
from tests.e2e.calls import SERVING, create, query
from tests.e2e.people import PARENT, new_id
from tests.e2e.wire import LogBook, call_of
from tests.support.running_vault import ROOT, STRANGER, RunningVault, other
from vault.audit import AuditEvent, Decision, Phase
from vault.server.settings import TierName
from vault.store.evidence import stored_hash

NOBODY = f"{PARENT}/customers/{'0' * 26}"


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    """On both databases."""
    return each_vault


def get(vault: RunningVault, name: str, who: str = "backend") -> Callable[[], object]:
    request = pb.GetCustomerRequest(name=name, purpose=SERVING)
    return partial(vault.records(who).GetCustomer, request)


# -- one event a call ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "name", "outcome", "decision"),
    [
        ("backend", "", "OK", Decision.ALLOWED),
        ("crm", "", "PERMISSION_DENIED", Decision.DENIED),
        (other("backend"), "", "PERMISSION_DENIED", Decision.DENIED),
        (STRANGER, "", "UNAUTHENTICATED", Decision.UNAUTHENTICATED),
        ("backend", NOBODY, "NOT_FOUND", Decision.ALLOWED),
        ("backend", "nonsense", "INVALID_ARGUMENT", Decision.NOT_EVALUATED),
        (STRANGER, "nonsense", "UNAUTHENTICATED", Decision.UNAUTHENTICATED),
    ],
)
def test_every_call_makes_one_event(
    vault: RunningVault,
    log: LogBook,
    owner: str,
    who: str,
    name: str,
    outcome: str,
    decision: Decision,
) -> None:
    event = log.one(get(vault, name or owner, who))
    assert (event.outcome, event.decision, event.phase) == (outcome, decision, Phase.CALL)
    assert (event.tier, event.action) == ("full", "records.customers.get")
    assert event.actor == ("" if who == STRANGER else who)
    assert event.workload == f"spiffe://demo.bank/{who}"
    assert event.peer.startswith(("127.0.0.1:", "[::1]:"))
    if name != "nonsense":
        assert event.resource == (name or owner)
        assert event.customer == event.resource.rpartition("/")[2]
        assert event.institution == "demo-bank"
        assert event.purpose == "CUSTOMER_SERVICE"
    if outcome == "OK":
        assert event.reason == "" and "natural_person.full_name" in event.fields
        assert event.policies == ("ingestor-reads-full",)
    else:
        assert event.reason != "" and event.fields == ()


def test_an_event_is_durable_before_the_answer_leaves(
    vault: RunningVault, log: LogBook, owner: str
) -> None:
    for _ in range(20):
        size = log.size()
        get(vault, owner)()
        assert log.size() == size + 1


def test_a_case_reference_is_in_the_log_as_a_commitment_only(
    vault: RunningVault, log: LogBook, owner: str
) -> None:
    request = pb.GetCustomerRequest(
        name=owner,
        purpose=purpose_pb2.PURPOSE_JUDICIAL_REQUEST,
        case_reference="(2026)京0105民初1234号",
    )
    events = [log.one(lambda: vault.records("compliance").GetCustomer(request)) for _ in "12"]
    first, second = (e.case_reference_commitment for e in events)
    assert len(first) == len(second) == 32 and first != second
    assert "民初1234" not in log.text()


def test_calls_at_the_same_time_make_an_event_each(
    vault: RunningVault, log: LogBook, owner: str
) -> None:
    size = log.size()
    stub, masked = vault.records(), vault.masked()
    calls: list[Any] = []
    for n in range(150):
        calls.append(stub.GetCustomer.future(pb.GetCustomerRequest(name=owner, purpose=SERVING)))
        calls.append(masked.GetMaskedCustomer.future(mp.GetMaskedCustomerRequest(name=owner)))
        if n % 10 == 0:
            request = pb.CreateTransactionRequest(parent=owner, transaction=people.booking())
            calls.append(stub.CreateTransaction.future(request))
    for call in calls:
        call.result()
    events = log.since(size)
    assert len(events) == len(calls) == 315
    assert len({e.event_id for e in events}) == len(set(map(call_of, events))) == 315


def test_a_cancelled_call_makes_one_event_that_tells_the_truth(
    vault: RunningVault, log: LogBook
) -> None:
    owner, size = create(vault).name, log.size()
    requests = []
    for delay in (0.0, 0.002, 0.005, 0.01, 0.02, 0.04, 0.08):
        request = pb.BatchCreateTransactionsRequest(
            parent=owner,
            transactions=[people.booking() for _ in range(300)],
            request_id=new_id(),
        )
        call: Any = vault.records().BatchCreateTransactions.future(request)
        time.sleep(delay)
        call.cancel()
        requests.append(request.request_id)
    # Writes wait in one queue: what was before this one is over when it is answered.
    last = vault.records().CreateTransaction(
        pb.CreateTransactionRequest(parent=owner, transaction=people.booking(), request_id=new_id())
    )
    time.sleep(0.3)
    stored = set(_rows_stored(log)["transactions"])
    events = log.since(size)
    told: dict[str, list[AuditEvent]] = {r: [] for r in requests}
    for event in events:
        if event.request_id in told and event.part <= 1:
            told[event.request_id].append(event)
    rows = {r.name for e in events for r in e.rows}
    assert rows == {name for name in stored if f"/{owner.rpartition('/')[2]}/" in name}
    assert last.transaction.name.partition("/customers/")[2] in {
        r.partition("customers/")[2] for r in rows
    }
    for request_id, its in told.items():
        # None: it was cancelled before the server heard of it.
        assert len(its) <= 1, request_id
        for event in its:
            assert (event.outcome == "OK") == (event.count == 300)
            assert event.outcome in ("OK", "CANCELLED")
    assert sum(map(len, told.values())) >= 2


# -- streams -------------------------------------------------------------------------------------


def phases(events: list[AuditEvent]) -> list[tuple[str, str]]:
    return [(e.phase.value, e.outcome) for e in events]


def test_an_import_makes_an_event_at_both_ends_and_one_a_message(
    vault: RunningVault, log: LogBook
) -> None:
    messages = [
        pb.ImportRecordsRequest(
            parent=PARENT,
            request_id=new_id(),
            items=[pb.ImportItem(new_customer=people.person()) for _ in range(n)],
        )
        for n in (2, 3)
    ]
    events = log.by(lambda: vault.records().ImportRecords(iter(messages)))
    assert phases(events) == [
        ("opened", "OK"),
        ("message", "OK"),
        ("message", "OK"),
        ("closed", "OK"),
    ]
    assert len(set(map(call_of, events))) == 1
    assert [e.count for e in events] == [0, 2, 3, 5]
    assert [e.request_id for e in events[1:3]] == [m.request_id for m in messages]
    assert [len(e.rows) for e in events] == [0, 2, 3, 0]


def test_an_import_that_is_refused_at_once_makes_one_event(
    vault: RunningVault, log: LogBook
) -> None:
    message = pb.ImportRecordsRequest(
        parent=PARENT,
        request_id=new_id(),
        items=[pb.ImportItem(new_customer=people.person())],
    )
    for who, outcome in (
        ("crm", "PERMISSION_DENIED"),
        (other("backend"), "PERMISSION_DENIED"),
        (STRANGER, "UNAUTHENTICATED"),
    ):
        events = log.by(partial(vault.records(who).ImportRecords, iter([message])))
        assert phases(events) == [("call", outcome)], who


def test_an_import_that_breaks_says_so_at_its_end(vault: RunningVault, log: LogBook) -> None:
    good = pb.ImportRecordsRequest(
        parent=PARENT,
        request_id=new_id(),
        items=[pb.ImportItem(new_customer=people.person())],
    )
    bad = pb.ImportRecordsRequest(parent=PARENT, request_id=new_id())
    events = log.by(lambda: vault.records().ImportRecords(iter([good, bad])))
    assert phases(events) == [
        ("opened", "OK"),
        ("message", "OK"),
        ("closed", "INVALID_ARGUMENT"),
    ]


def test_a_read_stream_is_logged_before_its_first_message_and_at_its_end(
    vault: RunningVault, log: LogBook
) -> None:
    size = log.size()
    stream = vault.audit().StreamEvents(ap.StreamEventsRequest(parent=PARENT))
    first = next(iter(stream))
    opened = log.since(size)[0]
    assert (opened.action, opened.phase, opened.outcome) == (
        "audit.events.stream",
        Phase.OPENED,
        "OK",
    )
    count = len(first.entries) + sum(len(m.entries) for m in stream)
    events = log.since(size)
    assert phases(events) == [("opened", "OK"), ("closed", "OK")]
    assert events[1].count == count


def test_a_stream_that_is_cancelled_is_closed_as_cancelled(
    vault: RunningVault, log: LogBook
) -> None:
    size = log.size()
    stream = vault.audit().StreamEvents(
        ap.StreamEventsRequest(parent=PARENT, from_position=0, follow=True)
    )
    next(iter(stream))
    stream.cancel()
    log.wait_for(lambda e: e.phase is Phase.CLOSED, size)
    assert phases(log.since(size)) == [("opened", "OK"), ("closed", "CANCELLED")]


@pytest.mark.parametrize("tier", list(TierName))
def test_health_and_reflection_are_logged_like_every_call(
    vault: RunningVault, log: LogBook, tier: TierName
) -> None:
    channel = vault.channel("operator", tier)
    health: Any = health_pb2_grpc.HealthStub(channel)
    event = log.one(lambda: health.Check(health_pb2.HealthCheckRequest()))
    assert (event.action, event.outcome, event.tier) == ("grpc.health", "OK", tier.value)
    event = log.one(
        lambda: vault.admin("operator", tier).CheckHealth(
            admin_pb2.CheckHealthRequest(parts=["disk"])
        )
    )
    assert (event.action, event.outcome) == ("admin.health.check", "OK")
    reflection: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
    events = log.by(lambda: reflection.ServerReflectionInfo(iter([_list_services()])))
    assert phases(events) == [("opened", "OK"), ("message", "OK"), ("closed", "OK")]
    assert {e.action for e in events} == {"grpc.reflection"}


def _list_services() -> reflection_pb2.ServerReflectionRequest:
    return reflection_pb2.ServerReflectionRequest(list_services="")


# -- rows and chain ------------------------------------------------------------------------------


def _rows_stored(log: LogBook) -> dict[str, list[str]]:
    """Names, relative to the institution, of every row in the database."""
    select = {
        "customers": "SELECT customer, version FROM customers",
        "documents": "SELECT customer, document, version FROM documents",
        "transactions": "SELECT customer, transaction FROM transactions",
    }
    form = {
        "customers": "customers/{}@{}",
        "documents": "customers/{}/documents/{}@{}",
        "transactions": "customers/{}/transactions/{}",
    }
    return log.database.read_sync(
        lambda conn: {
            table: [
                form[table].format(*row)
                for row in conn.exec_driver_sql(sql.replace("transaction ", '"transaction" ')).all()
            ]
            for table, sql in select.items()
        }
    )


def test_each_write_carries_the_hashes_of_the_rows_it_wrote(
    vault: RunningVault, log: LogBook
) -> None:
    owner = create(vault).name
    stub = vault.records()
    found = stub.GetCustomer(pb.GetCustomerRequest(name=owner, purpose=SERVING)).customer
    writes: list[tuple[int, Callable[[], object]]] = [
        (
            1,
            partial(
                stub.CreateCustomer,
                pb.CreateCustomerRequest(parent=PARENT, customer=people.person()),
            ),
        ),
        (
            4,
            partial(
                stub.BatchCreateCustomers,
                pb.BatchCreateCustomersRequest(
                    parent=PARENT, customers=[people.person() for _ in range(4)]
                ),
            ),
        ),
        (
            1,
            partial(
                stub.UpdateCustomer,
                pb.UpdateCustomerRequest(
                    customer=Customer(name=owner, etag=found.etag, branch="SH-01"),
                    update_mask=FieldMask(paths=["branch"]),
                ),
            ),
        ),
        (
            1,
            partial(
                stub.CreateIdentityDocument,
                pb.CreateIdentityDocumentRequest(parent=owner, identity_document=people.passport()),
            ),
        ),
        (
            3,
            partial(
                stub.BatchCreateTransactions,
                pb.BatchCreateTransactionsRequest(
                    parent=owner, transactions=[people.booking() for _ in range(3)]
                ),
            ),
        ),
    ]
    for rows, write in writes:
        event = log.one(write)
        assert len(event.rows) == event.count == rows
        for row in event.rows:
            stored = log.database.read_sync(
                partial(stored_hash, name=f"institutions/demo-bank/{row.name}")
            )
            assert stored == row.sha256, row.name


def test_every_row_of_the_database_stands_in_one_event_with_its_hash(
    vault: RunningVault, log: LogBook
) -> None:
    create(vault)
    told: dict[str, bytes] = {}
    for event in log.since(0):
        for row in event.rows:
            name = f"institutions/{event.institution}/{row.name}"
            assert name not in told
            told[name] = row.sha256
    stored = [n for names in _rows_stored(log).values() for n in names]
    assert sorted(n.partition("/customers/")[2] for n in told) == sorted(
        n.partition("customers/")[2] for n in stored
    )
    for name, hashed in told.items():
        assert log.database.read_sync(partial(stored_hash, name=name)) == hashed


def test_a_message_with_many_rows_is_told_in_parts(vault: RunningVault, log: LogBook) -> None:
    owner = create(vault).name
    request = pb.BatchCreateTransactionsRequest(
        parent=owner, transactions=[people.booking() for _ in range(500)]
    )
    events = log.by(lambda: vault.records().BatchCreateTransactions(request))
    assert sum(len(e.rows) for e in events) == 500
    assert len({e.event_id for e in events}) == 1
    if len(events) > 1:
        assert [(e.part, e.parts) for e in events] == [
            (n, len(events)) for n in range(1, len(events) + 1)
        ]


def test_the_chain_verifies_in_the_database_and_over_the_wire(
    vault: RunningVault, log: LogBook
) -> None:
    create(vault)
    assert log.verify() == log.size() > 10
    before: ep.LogEntry | None = None
    links = 0
    for entry in query(vault):
        if before is not None and entry.position == before.position + 1:
            leaf = sha256(b"\x00" + entry.leaf).digest()
            assert entry.chain_hash == sha256(b"\x02" + before.chain_hash + leaf).digest()
            assert entry.append_time.ToNanoseconds() >= before.append_time.ToNanoseconds()
            links += 1
        before = entry
    assert links > 5


def test_an_entrys_event_says_what_its_bytes_say(vault: RunningVault) -> None:
    create(vault)
    for entry in query(vault)[-20:]:
        raw = json.loads(entry.leaf)
        event = entry.event
        assert raw["v"] == 1
        assert (raw["action"], raw["event_id"], raw["outcome"]) == (
            event.action,
            event.event_id,
            event.outcome,
        )
        assert ep.Decision.Name(event.decision) == f"DECISION_{raw['decision'].upper()}"
        assert ep.Phase.Name(event.phase) == f"PHASE_{raw.get('phase', 'call').upper()}"
        assert [r.row for r in event.rows] == [row[0] for row in raw.get("rows", [])]


# -- no personal data ----------------------------------------------------------------------------

EXAMPLES = ROOT / "clients" / "examples"
# Codes of closed lists, and what the bank itself calls things.
NOT_PERSONAL = {
    "kind",
    "branch",
    "risk_class",
    "sex",
    "nationality",
    "country",
    "issuing_country",
    "currency_code",
    "units",
    "time_zone",
    "direction",
    "instrument",
    "status",
    "purpose_code",
    "bic",
}


def _values(record: Any, field: str = "") -> Iterator[str]:
    if isinstance(record, dict):
        for name, value in record.items():
            yield from _values(value, name)
    elif isinstance(record, list):
        for value in record:
            yield from _values(value, field)
    elif isinstance(record, str) and field not in NOT_PERSONAL and len(record) > 1:
        yield record


def test_no_event_holds_personal_data_of_the_examples(vault: RunningVault, log: LogBook) -> None:
    size = log.size()
    lines: list[str] = []
    for kind, many in (("customers", 60), ("documents", 60), ("transactions", 400)):
        path: Path = EXAMPLES / f"{kind}.jsonl"
        with path.open(encoding="utf-8") as file:
            lines.extend(islice(file, many))
    values = {value for line in lines for value in _values(json.loads(line))}
    items = [json_format.Parse(line, pb.ImportItem()) for line in lines]
    messages = [
        pb.ImportRecordsRequest(parent=PARENT, request_id=new_id(), items=items[at : at + 200])
        for at in range(0, len(items), 200)
    ]
    names = [
        r.name for a in vault.records().ImportRecords(iter(messages)) for r in a.results if r.name
    ]
    assert len(names) > 130
    for name in names[:20]:
        get(vault, name)()
        vault.masked().GetMaskedCustomer(mp.GetMaskedCustomerRequest(name=name))
    for value in sorted(values)[:40]:
        with pytest.raises(grpc.RpcError):
            vault.records().GetCustomer(pb.GetCustomerRequest(name=value, case_reference=value))
        vault.masked().SearchMaskedCustomers(
            mp.SearchMaskedCustomersRequest(parent=PARENT, full_name=value)
        )
    text = log.text(size)
    told = {value for value in values if value in text}
    # A few digits, a postal code say, can be part of a time or of a port by chance.
    assert {v for v in told if not v.isdecimal() or len(v) > 7} == set()
