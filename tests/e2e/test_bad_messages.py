"""Messages that are none, methods that are none, numbers out of all bounds: refused and logged."""

from collections.abc import Callable
from functools import partial
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recordsvault.audit.v1 import audit_pb2
from recordsvault.masked.v1 import masked_pb2
from recordsvault.records.v1 import records_pb2 as pb
from tests.e2e import people
from tests.e2e.calls import SERVING, create_transaction
from tests.e2e.people import PARENT
from tests.e2e.wire import LogBook, Refuse, refusal
from tests.support.running_vault import RunningVault
from vault.rpc.paging import make_token
from vault.server.settings import TierName

OVER_HTTP = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def test_a_message_larger_than_the_vault_takes_is_refused_and_logged(
    vault: RunningVault, refuse: Refuse, owner: str
) -> None:
    bad = people.booking()
    bad.remittance_text = "x" * (5 * 1024 * 1024)
    refused = refuse(create_transaction(vault, owner, bad))
    assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "MESSAGE_TOO_LARGE")
    message = pb.ImportRecordsRequest(
        parent=PARENT,
        request_id=people.new_id(),
        items=[pb.ImportItem(customer=owner, transaction=bad)],
    )
    refused = refusal(lambda: vault.records().ImportRecords(iter([message])))
    assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "MESSAGE_TOO_LARGE")


def test_a_message_larger_than_the_transport_takes_does_no_harm(
    vault: RunningVault, owner: str
) -> None:
    bad = people.booking()
    bad.remittance_text = "x" * (20 * 1024 * 1024)
    assert refusal(create_transaction(vault, owner, bad)).code == "RESOURCE_EXHAUSTED"
    vault.records().GetCustomer(pb.GetCustomerRequest(name=owner, purpose=SERVING))


def raw(channel: grpc.Channel, path: str, data: bytes, streaming: str) -> Callable[[], object]:
    """A call with bytes of one's own making."""
    # Without serializers the channel takes and gives bytes, which its types cannot say.
    connection: Any = channel
    if streaming == "bidi":
        return lambda: list(connection.stream_stream(path)(iter([data]), timeout=5))
    if streaming == "out":
        return lambda: list(connection.unary_stream(path)(data, timeout=5))
    return lambda: connection.unary_unary(path)(data, timeout=5)


def methods() -> list[tuple[str, TierName, str, str]]:
    """Path, tier, caller and streaming of every method of the vault's own services that asks for
    something by name. Those that take a number only (an index, a size) take none for 0, so that
    even no bytes at all are a request that is meant."""
    services = [
        (pb.DESCRIPTOR, "Records", TierName.FULL, "backend"),
        (audit_pb2.DESCRIPTOR, "Audit", TierName.FULL, "officer"),
        (masked_pb2.DESCRIPTOR, "MaskedRecords", TierName.MASKED, "crm"),
    ]
    return [
        (
            f"/{file.services_by_name[service].full_name}/{method.name}",
            tier,
            who,
            "bidi" if method.client_streaming else "out" if method.server_streaming else "",
        )
        for file, service, tier, who in services
        for method in file.services_by_name[service].methods
        if method.input_type.fields_by_number[1].cpp_type != FieldDescriptor.CPPTYPE_INT64
    ]


@pytest.mark.parametrize("method", methods(), ids=lambda m: m[0].rpartition("/")[2])
def test_bytes_that_are_no_message_are_refused(
    vault: RunningVault, refuse: Refuse, method: tuple[str, TierName, str, str]
) -> None:
    path, tier, who, streaming = method
    for data in (b"\xff" * 30, b"\x0a\x7finstitutions", b"\x0a\x02\xff\xfe"):
        refused = refuse(raw(vault.channel(who, tier), path, data, streaming))
        assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "NOT_A_MESSAGE")


def test_bytes_that_are_no_message_are_refused_where_a_number_is_asked_for(
    vault: RunningVault, refuse: Refuse
) -> None:
    for method in ("GetProof", "GetCheckpoint", "ExportTiles"):
        path = f"/recordsvault.audit.v1.Audit/{method}"
        streaming = "out" if method == "ExportTiles" else ""
        for data in (b"\xff" * 30, b"\x0a\x7finstitutions"):
            refused = refuse(raw(vault.channel("officer", TierName.FULL), path, data, streaming))
            assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "NOT_A_MESSAGE")


@OVER_HTTP
@given(method=st.sampled_from(methods()), data=st.binary(max_size=120))
def test_any_bytes_get_an_answer_that_is_meant(
    vault: RunningVault,
    log: LogBook,
    owner: str,
    method: tuple[str, TierName, str, str],
    data: bytes,
) -> None:
    path, tier, who, streaming = method
    size = log.size()
    refused = refusal(raw(vault.channel(who, tier), path, data, streaming))
    assert refused.code in ("INVALID_ARGUMENT", "NOT_FOUND", "PERMISSION_DENIED")
    assert [e.outcome for e in log.since(size)] == [refused.code]


@pytest.mark.parametrize("tier", list(TierName))
@pytest.mark.parametrize(
    "path",
    [
        "/recordsvault.records.v1.Records/DeleteCustomer",
        "/recordsvault.records.v9.Records/GetCustomer",
        "/nothing",
        "/",
    ],
)
def test_a_method_that_does_not_exist_is_refused_and_logged(
    vault: RunningVault, refuse: Refuse, tier: TierName, path: str
) -> None:
    channel = vault.channel("crm", tier)
    for streaming in ("", "out", "bidi"):
        refused = refuse(raw(channel, path, b"secret", streaming))
        assert (refused.code, refused.reason) == ("UNIMPLEMENTED", "UNKNOWN_METHOD")


# -- numbers at their limits ---------------------------------------------------------------------


@pytest.mark.parametrize("size", [201, 2**31 - 1, -1, -(2**31)])
def test_a_page_size_out_of_range_is_refused(
    vault: RunningVault, refuse: Refuse, owner: str, size: int
) -> None:
    full, masked, audit = vault.records(), vault.masked(), vault.audit()
    calls: list[Callable[[], object]] = [
        partial(
            full.ListCustomers,
            pb.ListCustomersRequest(parent=PARENT, purpose=SERVING, page_size=size),
        ),
        partial(
            full.ListTransactions,
            pb.ListTransactionsRequest(parent=owner, purpose=SERVING, page_size=size),
        ),
        partial(
            full.ListCustomerVersions,
            pb.ListCustomerVersionsRequest(name=owner, purpose=SERVING, page_size=size),
        ),
        partial(
            masked.ListMaskedCustomers,
            masked_pb2.ListMaskedCustomersRequest(parent=PARENT, page_size=size),
        ),
        partial(
            masked.SearchMaskedCustomers,
            masked_pb2.SearchMaskedCustomersRequest(
                parent=PARENT, phone="+8613800138000", page_size=size
            ),
        ),
        partial(
            audit.QueryEvents,
            audit_pb2.QueryEventsRequest(parent=PARENT, page_size=501 if size == 201 else size),
        ),
    ]
    for call in calls:
        refused = refuse(call)
        assert refused.code == "INVALID_ARGUMENT"
        assert {f for f, _ in refused.fields} == {"page_size"}


def test_numbers_at_their_limits_are_answered(
    vault: RunningVault, refuse: Refuse, owner: str
) -> None:
    full = vault.records()
    huge = 2**63 - 1
    assert (
        refuse(
            lambda: full.GetCustomer(
                pb.GetCustomerRequest(name=owner, purpose=SERVING, version=huge)
            )
        ).code
        == "NOT_FOUND"
    )
    assert (
        refuse(
            lambda: full.GetCustomer(pb.GetCustomerRequest(name=owner, purpose=SERVING, version=-1))
        ).code
        == "INVALID_ARGUMENT"
    )
    for seconds in (-huge, -62135596800, 253402300799, huge):
        moment = Timestamp(seconds=seconds)
        for bound in ("booked_from", "booked_to"):
            request = pb.ListTransactionsRequest(parent=owner, purpose=SERVING)
            getattr(request, bound).CopyFrom(moment)
            assert _code(partial(full.ListTransactions, request)) in ("OK", "INVALID_ARGUMENT")
        wanted = audit_pb2.EventFilter(from_time=moment, to_time=moment)
        query = audit_pb2.QueryEventsRequest(parent=PARENT, filter=wanted)
        assert _code(partial(vault.audit().QueryEvents, query)) in ("OK", "INVALID_ARGUMENT")
        bad = people.booking()
        bad.booking_time.CopyFrom(moment)
        assert refuse(create_transaction(vault, owner, bad)).code == "INVALID_ARGUMENT"
    stream = audit_pb2.StreamEventsRequest(parent=PARENT, from_position=huge)
    assert _code(lambda: list(vault.audit().StreamEvents(stream))) == "OK"
    for amount in (huge, -huge):
        bad = people.booking()
        bad.amount.units, bad.amount.nanos = amount, -2_000_000_000
        assert refuse(create_transaction(vault, owner, bad)).code == "INVALID_ARGUMENT"


def _code(call: Callable[[], object]) -> str:
    try:
        call()
    except grpc.RpcError as error:
        return str(error.code().name)
    return "OK"


@pytest.mark.parametrize("text", ["not a number", "99999999999999999999999", "-5", "1.5", " "])
def test_a_token_that_was_forged_is_refused(
    vault: RunningVault, refuse: Refuse, owner: str, text: str
) -> None:
    """A token says what it is for, and is no secret: whoever reads our code can make one."""
    versions = pb.ListCustomerVersionsRequest(name=owner, purpose=SERVING)
    versions.page_token = make_token(versions, text)
    query = audit_pb2.QueryEventsRequest(parent=PARENT)
    query.page_token = make_token(query, text)
    for call in (
        partial(vault.records().ListCustomerVersions, versions),
        partial(vault.audit().QueryEvents, query),
    ):
        refused = refuse(call)
        assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "PAGE_TOKEN")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "customers/1",
        "institutions/demo-bank/customers/../../other-bank",
        "institutions/demo-bank/customers/" + "0" * 26 + "/",
        "institutions/DEMO/customers/" + "0" * 26,
        "institutions/demo-bank/customers/" + "0" * 25 + "'",
        "institutions/demo-bank/customers/" + "0" * 26 + "\n",
    ],
)
def test_a_name_that_is_none_is_refused(vault: RunningVault, refuse: Refuse, name: str) -> None:
    refused = refuse(
        lambda: vault.records().GetCustomer(pb.GetCustomerRequest(name=name, purpose=SERVING))
    )
    assert refused.code == "INVALID_ARGUMENT"
    assert {f for f, _ in refused.fields} == {"name"}


def test_nothing_of_a_message_that_was_refused_is_in_the_log_or_in_what_the_servers_print(
    vault: RunningVault, log: LogBook
) -> None:
    text = log.text() + vault.log_text(TierName.FULL) + vault.log_text(TierName.MASKED)
    assert "secret" not in text
    assert "call failed" not in text, "an error of the vault's own"
