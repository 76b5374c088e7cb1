"""An update at the edge: which record comes of the current one and the change."""

import asyncio
from pathlib import Path
from typing import Any

from recordsvault.records.v1 import customer_pb2
from recordsvault.records.v1 import records_pb2 as pb
from tests.records.builders import customer
from tests.support.pipeline import CUSTOMER, Rig, uri
from vault.access import Action
from vault.records import Customer, CustomerName
from vault.rpc.servicers.resources import CUSTOMER as RESOURCE
from vault.rpc.servicers.writes import Update, update_record
from vault.services.call import Call
from vault.services.outcomes import Stored


def updated(folder: Path, current: Customer, request: pb.UpdateCustomerRequest) -> Customer:
    """What the use case is given to store."""
    made: list[Customer] = []

    async def apply(_call: Call, _update: Update, change: Any) -> Stored:
        made.append(change(current))
        return Stored("01jd0000000000000000000000", "", 2, "tag", 0)

    method = update_record(
        RESOURCE,
        Action.CUSTOMERS_UPDATE,
        pb.UpdateCustomerRequest,
        CustomerName.parse,
        apply,
    )
    rig = Rig(folder, method, backend="ingestor")

    async def main() -> None:
        await rig.unary(request.SerializeToString(), uri("backend"))

    asyncio.run(main())
    return made[0]


def test_a_version_has_the_reason_of_its_own_update_and_not_of_the_one_before(
    tmp_path: Path,
) -> None:
    current = customer(change_reason="moved to another city")
    change = customer_pb2.Customer(
        name=CUSTOMER, etag="e", branch="SH-02", change_reason="branch closed"
    )
    request = pb.UpdateCustomerRequest(customer=change)
    request.update_mask.paths.append("branch")
    new = updated(tmp_path, current, request)
    assert (new.branch, new.change_reason) == ("SH-02", "branch closed")


def test_a_version_without_a_reason_has_none(tmp_path: Path) -> None:
    current = customer(change_reason="moved to another city")
    change = customer_pb2.Customer(name=CUSTOMER, etag="e", branch="SH-02")
    request = pb.UpdateCustomerRequest(customer=change)
    request.update_mask.paths.append("branch")
    assert updated(tmp_path, current, request).change_reason == ""


def test_what_the_vault_makes_is_not_taken_from_an_update(tmp_path: Path) -> None:
    message = RESOURCE.to_proto(customer())
    message.name, message.etag, message.version = CUSTOMER, "e", 99
    request = pb.UpdateCustomerRequest(customer=message)
    request.update_mask.paths.extend(["version", "etag", "name", "create_time"])
    assert updated(tmp_path, customer(), request) == customer()
