"""An export of all customers by either client: one after another, and how it ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.rpc import error_details_pb2

from recordsvault.masked.v1 import views_pb2 as views
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.records.v1.customer_pb2 import Customer
from recordsvault.type.v1 import purpose_pb2
from recordsvault_client import AsyncVaultClient, Opened, Profile, VaultClient, VaultError
from tests.clients.fake_vault import FakeVault
from tests.clients.refused import Refused

OUT = "institutions/demo-bank/checkOuts/01h00000000000000000000000"
WHY: dict[str, Any] = {"purpose": "INTERNAL_AUDIT", "case_reference": "A-1", "check_out": OUT}
OVER = Refused(
    grpc.StatusCode.FAILED_PRECONDITION,
    "The check-out does not open anything now.",
    error_details_pb2.ErrorInfo(reason="CHECK_OUT_NOT_ACTIVE"),
)
Got = list[Opened[Customer, views.MaskedCustomer]]


def page(*names: str, masked: bool = True) -> pb.ExportCustomersResponse:
    shown = [views.MaskedCustomer(name=name) for name in names] if masked else []
    return pb.ExportCustomersResponse(
        customers=[Customer(name=name) for name in names], masked_customers=shown
    )


def blocking(fake: FakeVault, into: Got, *, token: str = "", most: int = 99, **more: Any) -> None:
    with VaultClient(Profile.load(fake.profile())) as vault:
        customers = (vault.acting_for(token) if token else vault).customers
        for one in customers.export(**WHY, **more):
            into.append(one)
            if len(into) == most:
                return


def asynchronous(
    fake: FakeVault, into: Got, *, token: str = "", most: int = 99, **more: Any
) -> None:
    async def main() -> None:
        async with AsyncVaultClient(Profile.load(fake.profile())) as vault:
            customers = (vault.acting_for(token) if token else vault).customers
            async for one in customers.export(**WHY, **more):
                into.append(one)
                if len(into) == most:
                    return

    asyncio.run(main())


@pytest.fixture(params=[blocking, asynchronous])
def export(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_customers_come_one_by_one_with_their_masked_views(fake: FakeVault, export: Any) -> None:
    fake.answers["ExportCustomers"] = lambda _: [page("a", "b"), page("c", masked=False)]
    got: Got = []
    export(fake, got, fields=["phones"], after="institutions/demo-bank/customers/x")
    assert [one.record.name for one in got] == ["a", "b", "c"]
    assert [one.masked.name if one.masked else None for one in got] == ["a", "b", None]
    (sent,) = fake.called("ExportCustomers")
    assert sent == pb.ExportCustomersRequest(
        parent="institutions/demo-bank",
        purpose=purpose_pb2.PURPOSE_INTERNAL_AUDIT,
        case_reference="A-1",
        check_out=OUT,
        read_mask=FieldMask(paths=["phones"]),
        after="institutions/demo-bank/customers/x",
    )


def test_one_that_is_ended_says_why_behind_what_came(fake: FakeVault, export: Any) -> None:
    fake.answers["ExportCustomers"] = lambda _: [page("a"), OVER]
    got: Got = []
    with pytest.raises(VaultError) as raised:
        export(fake, got)
    assert raised.value.reason == "CHECK_OUT_NOT_ACTIVE"
    assert [one.record.name for one in got] == ["a"]
    # It is not tried again: the check-out is used up.
    assert len(fake.called("ExportCustomers")) == 1


def test_a_persons_token_goes_with_it(fake: FakeVault, export: Any) -> None:
    fake.answers["ExportCustomers"] = lambda _: [page("a")]
    export(fake, [], token="his-token")
    assert [call.authorization for call in fake.calls] == ["Bearer his-token"]


def test_whoever_wants_no_more_lets_go_of_the_stream(fake: FakeVault, export: Any) -> None:
    ended = []

    def endless(_: Any) -> Iterator[pb.ExportCustomersResponse]:
        try:
            while True:
                yield page("a")
                time.sleep(0.005)
        finally:
            ended.append(True)

    fake.answers["ExportCustomers"] = endless
    got: Got = []
    export(fake, got, most=1)
    assert len(got) == 1
    deadline = time.monotonic() + 10
    while not ended and time.monotonic() < deadline:
        time.sleep(0.01)
    assert ended
