"""The walk of a call: one event for each, whatever goes wrong on the way."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2

from recordsvault.internal.v1 import index_oracle_pb2 as oracle_pb
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.type.v1.purpose_pb2 import PURPOSE_ONBOARDING_CDD, PURPOSE_REGULATOR_REQUEST
from tests.support.pipeline import (
    BANK,
    CUSTOMER,
    MAX_REQUEST_BYTES,
    Refused,
    Rig,
    nothing_ever,
    uri,
)
from vault.access import Action, ActionClass
from vault.audit import AuditEvent, Decision, Phase
from vault.rpc.methods import Target, Unary
from vault.rpc.names import target_of, target_of_parent
from vault.rpc.problems import Problems
from vault.rpc.servicers.resources import CUSTOMER as CUSTOMER_RESOURCE
from vault.rpc.servicers.targets import update_target, with_purpose, with_request_id
from vault.sealing import SystemClock
from vault.services.call import Call, Trace
from vault.services.errors import NotFound
from vault.services.recording import Recorder

COMPLIANCE, STRANGER = uri("compliance"), uri("stranger")
GET = pb.GetCustomerRequest(name=CUSTOMER, purpose=PURPOSE_ONBOARDING_CDD)


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 20))


def nothing_prepared(_request: Any, _problems: Problems) -> None:
    return None


async def opened(call: Call, _command: Any) -> Message:
    call.touched(count=1)
    return pb.GetCustomerResponse()


def reading(handle: Any = opened, prepare: Any = nothing_prepared) -> Unary:
    """A full read of a customer."""
    return Unary(
        Action.CUSTOMERS_GET,
        pb.GetCustomerRequest,
        with_purpose(target_of, "name"),
        prepare,
        handle,
    )


def only(events: list[AuditEvent]) -> AuditEvent:
    assert len(events) == 1, [(e.phase, e.outcome) for e in events]
    return events[0]


# -- one event ---------------------------------------------------------------------------------


def test_an_allowed_call_leaves_one_event_that_says_who_and_what(tmp_path: Path) -> None:
    rig = Rig(tmp_path, reading())

    async def main() -> None:
        await rig.unary(GET.SerializeToString(), COMPLIANCE)

    run(main)
    event = only(rig.events)
    assert (event.outcome, event.decision, event.phase) == ("OK", Decision.ALLOWED, Phase.CALL)
    assert (event.actor, event.workload) == ("compliance", COMPLIANCE)
    assert (event.institution, event.resource) == ("demo-bank", CUSTOMER)
    assert event.purpose == "ONBOARDING_CDD"


def test_the_steps_come_in_order_and_a_refusal_ends_the_walk(tmp_path: Path) -> None:
    seen: list[str] = []

    def target(request: pb.GetCustomerRequest) -> Target:
        seen.append("target")
        return with_purpose(target_of, "name")(request)

    def prepare(_request: Any, _problems: Problems) -> str:
        seen.append("prepare")
        return "command"

    async def handle(_call: Call, command: str) -> Message:
        seen.append(f"handle {command}")
        return pb.GetCustomerResponse()

    method = Unary(Action.CUSTOMERS_GET, pb.GetCustomerRequest, target, prepare, handle)
    rig = Rig(tmp_path, method, compliance="compliance", crm="crm_viewer")

    async def main() -> None:
        await rig.unary(GET.SerializeToString(), COMPLIANCE)
        assert seen == ["target", "prepare", "handle command"]
        seen.clear()
        with pytest.raises(Refused, match="PERMISSION_DENIED"):
            await rig.unary(GET.SerializeToString(), uri("crm"))
        assert seen == ["target"]

    run(main)
    assert [e.outcome for e in rig.events] == ["OK", "PERMISSION_DENIED"]


@pytest.mark.parametrize("uris", [(), (STRANGER,), (COMPLIANCE, STRANGER)])
def test_whoever_is_not_known_by_exactly_one_uri_is_refused_and_logged(
    tmp_path: Path, uris: tuple[str, ...]
) -> None:
    rig = Rig(tmp_path, reading())

    async def main() -> None:
        with pytest.raises(Refused, match="UNAUTHENTICATED"):
            await rig.unary(GET.SerializeToString(), *uris)

    run(main)
    event = only(rig.events)
    assert (event.decision, event.actor) == (Decision.UNAUTHENTICATED, "")
    assert event.resource == CUSTOMER


@pytest.mark.parametrize(
    "data",
    [b"\xff\xff\xff", b"\x0a\x02\xff\xfe", b"\x0b" * 300, b"\x0a\x00" * MAX_REQUEST_BYTES],
    ids=["no message", "not UTF-8", "too deep", "too large"],
)
def test_what_cannot_be_parsed_is_refused_and_logged(tmp_path: Path, data: bytes) -> None:
    rig = Rig(tmp_path, reading())

    async def main() -> None:
        with pytest.raises(Refused, match="INVALID_ARGUMENT"):
            await rig.unary(data, COMPLIANCE)

    run(main)
    assert only(rig.events).outcome == "INVALID_ARGUMENT"


def test_a_method_that_does_not_exist_is_refused_and_logged_whatever_it_sends(
    tmp_path: Path,
) -> None:
    rig = Rig(tmp_path, reading())

    async def main() -> None:
        with pytest.raises(Refused, match="UNIMPLEMENTED"):
            await rig.bidi(nothing_ever(), COMPLIANCE, method="/no.Such/Method")  # type: ignore[misc]

    run(main)
    event = only(rig.events)
    assert (event.action, event.outcome) == ("rpc.unknown", "UNIMPLEMENTED")


def test_a_defect_is_told_by_its_call_id_and_by_nothing_else(tmp_path: Path) -> None:
    async def handle(_call: Call, _command: Any) -> Message:
        raise ValueError("13800138000")

    rig = Rig(tmp_path, reading(handle))

    async def main() -> None:
        with pytest.raises(Refused, match="INTERNAL") as refused:
            await rig.unary(GET.SerializeToString(), COMPLIANCE)
        assert "13800138000" not in str(refused.value.status)
        assert only(rig.events).call_id in str(refused.value)

    run(main)
    assert only(rig.events).outcome == "INTERNAL"


def test_a_call_whose_event_cannot_be_written_is_not_answered(tmp_path: Path) -> None:
    rig = Rig(tmp_path, reading())
    rig.log.away = True

    async def main() -> None:
        with pytest.raises(Refused, match="UNAVAILABLE") as refused:
            await rig.unary(GET.SerializeToString(), COMPLIANCE)
        assert refused.value.reason == "LOG_UNAVAILABLE"

    run(main)
    assert rig.events == []


# -- callers who go away -----------------------------------------------------------------------


def test_a_caller_who_goes_away_during_the_work_leaves_one_event(tmp_path: Path) -> None:
    started = asyncio.Event()

    async def handle(_call: Call, _command: Any) -> Message:
        started.set()
        await asyncio.Event().wait()
        return pb.GetCustomerResponse()

    rig = Rig(tmp_path, reading(handle))

    async def main() -> None:
        call = asyncio.ensure_future(rig.unary(GET.SerializeToString(), COMPLIANCE))
        await started.wait()
        call.cancel()
        with suppress(asyncio.CancelledError):
            await call

    run(main)
    assert only(rig.events).outcome == "CANCELLED"


def test_a_caller_who_goes_away_while_his_event_is_written_leaves_one_event(
    tmp_path: Path,
) -> None:
    rig = Rig(tmp_path, reading())

    async def main() -> None:
        rig.log.gate = asyncio.Event()
        call = asyncio.ensure_future(rig.unary(GET.SerializeToString(), COMPLIANCE))
        await rig.log.held.wait()
        call.cancel()
        await asyncio.sleep(0)
        rig.log.gate.set()
        with suppress(asyncio.CancelledError):
            await call
        await asyncio.sleep(0.01)

    run(main)
    assert only(rig.events).outcome == "OK"


@pytest.mark.parametrize("refused", [False, True])
def test_a_writer_who_goes_away_during_the_commit_leaves_one_event(
    tmp_path: Path, refused: bool
) -> None:
    recorders: list[Recorder] = []

    def work(_conn: Any) -> Trace:
        if refused:
            raise NotFound("The customer")
        return Trace(institution="demo-bank", count=1)

    async def handle(call: Call, _command: Any) -> Message:
        await recorders[0].commit(call, work, lambda trace: trace)
        return pb.CreateCustomerResponse()

    method = Unary(
        Action.CUSTOMERS_CREATE,
        pb.CreateCustomerRequest,
        with_request_id(target_of_parent, "parent"),
        lambda _request, problems: problems.found.clear(),
        handle,
    )
    rig = Rig(tmp_path, method, backend="ingestor")
    recorders.append(Recorder(rig.log, SystemClock()))  # type: ignore[arg-type]  # a fake

    async def main() -> None:
        rig.log.gate = asyncio.Event()
        request = pb.CreateCustomerRequest(parent=BANK)
        call = asyncio.ensure_future(rig.unary(request.SerializeToString(), uri("backend")))
        await rig.log.held.wait()
        call.cancel()
        await asyncio.sleep(0)
        rig.log.gate.set()
        with suppress(asyncio.CancelledError):
            await call
        await asyncio.sleep(0.01)

    run(main)
    event = only(rig.events)
    assert (event.outcome, event.count) == (("CANCELLED", 0) if refused else ("OK", 1))


# -- what a caller can put into the log --------------------------------------------------------


def lookup_target(request: oracle_pb.LookUpRequest) -> Target:
    found = target_of_parent(request.parent)
    return Target(found.institution, on_behalf_of=request.on_behalf_of)


@pytest.mark.parametrize("text", ["Wang Xiaoming 13800138000", "x" * 90_000, "a\nb"])
def test_a_node_cannot_write_free_text_into_the_log(tmp_path: Path, text: str) -> None:
    async def handle(_call: Call, _command: Any) -> Message:
        return oracle_pb.LookUpResponse()

    method = Unary(
        Action.INDEX_LOOKUP, oracle_pb.LookUpRequest, lookup_target, nothing_prepared, handle
    )
    rig = Rig(tmp_path, method, node="masked_node")
    request = oracle_pb.LookUpRequest(
        parent=BANK,
        kind=oracle_pb.TERM_KIND_PHONE,
        value="+8613800138000",
        on_behalf_of=text,
        limit=1,
    )

    async def main() -> None:
        with pytest.raises(Refused, match="INVALID_ARGUMENT") as refused:
            await rig.unary(request.SerializeToString(), uri("node"))
        assert refused.value.fields == ["on_behalf_of"]

    run(main)
    assert only(rig.events).on_behalf_of == ""


def test_a_certificate_cannot_write_free_text_into_the_log(tmp_path: Path) -> None:
    rig = Rig(tmp_path, reading())

    async def main() -> None:
        with pytest.raises(Refused, match="UNAUTHENTICATED"):
            await rig.unary(GET.SerializeToString(), "spiffe://demo.bank/王小明 13800138000")

    run(main)
    assert only(rig.events).workload == ""


# -- names -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["", "customers/1", f"{BANK}/customers/{'i' * 26}", "institutions/Demo/customers/1"],
)
def test_a_name_that_is_none_is_an_invalid_argument_and_not_a_denial(
    tmp_path: Path, name: str
) -> None:
    rig = Rig(tmp_path, reading())

    async def main() -> None:
        request = pb.GetCustomerRequest(name=name, purpose=PURPOSE_ONBOARDING_CDD)
        with pytest.raises(Refused, match="INVALID_ARGUMENT") as refused:
            await rig.unary(request.SerializeToString(), COMPLIANCE)
        assert refused.value.fields == ["name"]

    run(main)
    event = only(rig.events)
    assert (event.decision, event.resource) == (Decision.NOT_EVALUATED, "")


def test_an_update_without_a_name_is_an_invalid_argument(tmp_path: Path) -> None:
    method = Unary(
        Action.CUSTOMERS_UPDATE,
        pb.UpdateCustomerRequest,
        update_target(CUSTOMER_RESOURCE),
        nothing_prepared,
        opened,
    )
    rig = Rig(tmp_path, method, backend="ingestor")
    request = pb.UpdateCustomerRequest()
    request.customer.etag = "x"

    async def main() -> None:
        with pytest.raises(Refused, match="INVALID_ARGUMENT") as refused:
            await rig.unary(request.SerializeToString(), uri("backend"))
        assert "customer.name" in refused.value.fields

    run(main)


def test_a_case_reference_of_blanks_is_none(tmp_path: Path) -> None:
    rig = Rig(tmp_path, reading())

    async def main() -> None:
        request = pb.GetCustomerRequest(
            name=CUSTOMER, case_reference=" \t", purpose=PURPOSE_REGULATOR_REQUEST
        )
        with pytest.raises(Refused, match="PERMISSION_DENIED") as refused:
            await rig.unary(request.SerializeToString(), COMPLIANCE)
        assert refused.value.reason == "CASE_REFERENCE_REQUIRED"

    run(main)


def test_a_call_about_the_vault_itself_needs_no_name(tmp_path: Path) -> None:
    async def handle(call: Call, _command: Any) -> Message:
        call.require(ActionClass.SERVICE, "")
        return health_pb2.HealthCheckResponse()

    method = Unary(
        Action.GRPC_HEALTH,
        health_pb2.HealthCheckRequest,
        lambda _: Target(),
        nothing_prepared,
        handle,
    )
    rig = Rig(tmp_path, method)

    async def main() -> None:
        await rig.unary(b"", COMPLIANCE)

    run(main)
    assert only(rig.events).outcome == "OK"


def test_a_use_case_is_not_reached_by_an_action_of_another_class(tmp_path: Path) -> None:
    """A method declared with the wrong action would be decided as something else."""

    async def opens_records(call: Call, _command: Any) -> Message:
        call.require(ActionClass.FULL_READ, "")
        return health_pb2.HealthCheckResponse()

    method = Unary(
        Action.GRPC_HEALTH,
        health_pb2.HealthCheckRequest,
        lambda _: Target(),
        nothing_prepared,
        opens_records,
    )
    rig = Rig(tmp_path, method)

    async def main() -> None:
        with pytest.raises(Refused, match="INTERNAL"):
            await rig.unary(b"", COMPLIANCE)

    run(main)
    assert only(rig.events).outcome == "INTERNAL"


def test_whoever_is_denied_costs_no_validation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_message: Message, _problems: Problems) -> None:
        raise AssertionError("a denied request is not validated")

    monkeypatch.setattr("vault.rpc.admission.contract_violations", fail)
    rig = Rig(tmp_path, reading(), crm="crm_viewer")

    async def main() -> None:
        with pytest.raises(Refused, match="PERMISSION_DENIED"):
            await rig.unary(GET.SerializeToString(), uri("crm"))

    run(main)
