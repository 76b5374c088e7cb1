"""The streaming import: each message is one transaction of the store, each item has its own
answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.message import Message

from recordsvault.records.v1 import records_pb2 as pb
from vault.records import CustomerName
from vault.rpc.errors import status_of
from vault.rpc.names import target_of_parent
from vault.rpc.problems import Problems
from vault.rpc.servicers.resources import CUSTOMER, DOCUMENT, TRANSACTION, Resource
from vault.services.call import Call
from vault.services.errors import InvalidArgument
from vault.services.items import NewRecord
from vault.services.outcomes import Stored
from vault.services.replays import Request
from vault.services.sealer import resource_name
from vault.services.storing import Batch, Storing

_RESOURCES: dict[str, Resource] = {
    "new_customer": CUSTOMER,
    "identity_document": DOCUMENT,
    "transaction": TRANSACTION,
}
METHOD = "records.import"


def prepare(request: pb.ImportRecordsRequest, problems: Problems) -> Batch:
    """The message's items. What is wrong with an item stays with the item."""
    institution = target_of_parent(request.parent).institution
    bad = problems.take_items("items") if problems else {}
    items = []
    for i, message in enumerate(request.items):
        mine = Problems()
        mine.found = bad.get(i, [])
        items.append(_item(institution, message, mine))
    request_id = request.request_id
    body = b"" if problems else request.SerializeToString(deterministic=True)
    return Batch(institution, items, False, Request(METHOD, request_id, body))


def _item(institution: str, message: pb.ImportItem, problems: Problems) -> NewRecord:
    which = message.WhichOneof("record") or "transaction"
    resource = _RESOURCES[which]
    record = None
    if message.WhichOneof("record"):
        with problems.under(which):
            record = resource.parse(getattr(message, which), problems)
    owner = _owner(institution, message, resource, problems)
    return NewRecord(
        resource.kind,
        record,
        owner,
        message.customer_number,
        message.account_number,
        field=which,
        error=InvalidArgument(problems.unique()) if problems else None,
    )


def _owner(
    institution: str, message: pb.ImportItem, resource: Resource, problems: Problems
) -> CustomerName | None:
    given = message.WhichOneof("owner")
    if resource is CUSTOMER:
        if given:
            problems.add(given, "OWNER_NOT_ALLOWED", "a customer has no owner", "客户没有所属客户")
        return None
    if given is None:
        problems.add(
            "customer_number",
            "OWNER_REQUIRED",
            "give the customer's number or name, or an account of his",
            "请提供客户号、客户资源名称或其账户",
        )
        return None
    if given in ("customer_number", "account_number"):
        return None
    target = target_of_parent(message.customer)
    if not target.customer or target.institution != institution:
        problems.add(
            "customer",
            "OTHER_PARENT",
            "must be a customer of the institution of this import",
            "必须是本次导入所属机构的客户",
        )
        return None
    return CustomerName(target.institution, target.customer)


def handler(storing: Storing) -> Callable[[Call, Any], Awaitable[Message]]:
    """Carries out one message."""

    async def handle(call: Call, batch: Batch) -> Message:
        answer = pb.ImportRecordsResponse(request_id=batch.request.request_id)
        for outcome in await storing.store(call, batch):
            if isinstance(outcome, Stored):
                name = resource_name(batch.institution, outcome.customer, outcome.record)
                answer.results.add(name=name)
            else:
                answer.results.add(error=status_of(outcome))
        answer.repeated = call.repeated
        return answer

    return handle
