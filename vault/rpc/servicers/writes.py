"""Creating and changing records: what the three resources share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from recordsvault.records.v1 import records_pb2 as pb
from vault.access import Action
from vault.records import CustomerName, InvalidName
from vault.rpc.masks import check_mask, merge
from vault.rpc.methods import Unary
from vault.rpc.names import target_of_parent
from vault.rpc.problems import Problems
from vault.rpc.servicers.resources import Resource
from vault.rpc.servicers.targets import update_target, with_request_id
from vault.rpc.validating import contract_violations
from vault.services.call import Call
from vault.services.errors import InvalidArgument
from vault.services.items import NewRecord
from vault.services.outcomes import Stored
from vault.services.replays import Request
from vault.services.storing import Batch, Storing


def request_of(method: str, message: Any) -> Request:
    """How a request is known again. Serialised anew, so that it does not matter who encoded it."""
    return Request(method, message.request_id, message.SerializeToString(deterministic=True))


def _institution_and_owner(parent: str) -> tuple[str, CustomerName | None]:
    found = target_of_parent(parent)
    owner = CustomerName(found.institution, found.customer) if found.customer else None
    return found.institution, owner


def create(resource: Resource, storing: Storing, action: Action, kind: type[Message]) -> Unary:
    """The method that stores one record."""
    response = getattr(pb, kind.DESCRIPTOR.name.replace("Request", "Response"))

    def prepare(request: Any, problems: Problems) -> Batch:
        institution, owner = _institution_and_owner(request.parent)
        with problems.under(resource.field):
            record = resource.parse(getattr(request, resource.field), problems)
        item = NewRecord(resource.kind, record, owner, field=resource.field)
        return Batch(institution, [item], True, request_of(action.value, request))

    async def handle(call: Call, batch: Batch) -> Message:
        (stored,) = await storing.store_together(call, batch)
        receipt = resource.receipt(batch.institution, stored)
        return response(**{resource.field: receipt})  # type: ignore[no-any-return]

    return Unary(action, kind, with_request_id(target_of_parent, "parent"), prepare, handle)


def batch_create(
    resource: Resource, storing: Storing, action: Action, kind: type[Message]
) -> Unary:
    """The method that stores several records, all or none."""
    response = getattr(pb, kind.DESCRIPTOR.name.replace("Request", "Response"))

    def prepare(request: Any, problems: Problems) -> Batch:
        institution, owner = _institution_and_owner(request.parent)
        items = []
        for i, message in enumerate(getattr(request, resource.plural)):
            field = f"{resource.plural}[{i}]"
            with problems.under(field):
                record = resource.parse(message, problems)
            items.append(NewRecord(resource.kind, record, owner, field=field))
        return Batch(institution, items, True, request_of(action.value, request))

    async def handle(call: Call, batch: Batch) -> Message:
        stored = await storing.store_together(call, batch)
        receipts = [resource.receipt(batch.institution, s) for s in stored]
        return response(**{resource.plural: receipts})  # type: ignore[no-any-return]

    return Unary(action, kind, with_request_id(target_of_parent, "parent"), prepare, handle)


def _own_words(message: Any, merged: Any) -> None:
    """What tells of this version is never taken over from the one before: why it was made, what it
    corrects, from when it is true."""
    merged.change_reason = message.change_reason
    if "correction" in message.DESCRIPTOR.fields_by_name:
        merged.correction = message.correction
        merged.ClearField("valid_from")
        if message.HasField("valid_from"):
            merged.valid_from.CopyFrom(message.valid_from)


@dataclass(frozen=True, slots=True)
class Update:
    """An update that was asked for."""

    name: Any
    etag: str
    message: Any = field(repr=False)
    mask: FieldMask
    request: Request


def update_record(
    resource: Resource,
    action: Action,
    kind: type[Message],
    parse_name: Callable[[str], Any],
    apply: Callable[[Call, Update, Callable[[Any], Any]], Any],
) -> Unary:
    """The method that makes a new version; `apply` is the use case."""
    response = getattr(pb, kind.DESCRIPTOR.name.replace("Request", "Response"))

    def prepare(request: Any, problems: Problems) -> Update | None:
        message = getattr(request, resource.field)
        if request.update_mask.paths:
            # The message holds the fields that change. Whether the record that comes of it may
            # stand is asked in `change`, of the whole of it.
            problems.take(resource.field)
        with problems.under(resource.field):
            if not message.etag:
                problems.add(
                    "etag",
                    "ETAG_REQUIRED",
                    "must be the etag of the version that was read",
                    "必须为所读取版本的 etag",
                )
            if not request.update_mask.paths:
                resource.parse(message, problems)
            try:
                name = parse_name(message.name)
            except InvalidName:
                problems.add(
                    "name", "RESOURCE_NAME", "must be the record's name", "必须为记录的资源名称"
                )
                return None
        check_mask(request.update_mask, resource.message, "update_mask", problems)
        return Update(
            name, message.etag, message, request.update_mask, request_of(action.value, request)
        )

    async def handle(call: Call, update: Update) -> Message:
        def change(current: Any) -> Any:
            merged = merge(update.message, update.mask, resource.to_proto(current))
            if update.mask.paths:
                _own_words(update.message, merged)
            problems = Problems()
            with problems.under(resource.field):
                if update.mask.paths:
                    contract_violations(merged, problems)
                record = resource.parse(merged, problems)
            if problems:
                raise InvalidArgument(problems.unique())
            return record

        stored: Stored = await apply(call, update, change)
        receipt = resource.receipt(update.name.institution, stored)
        return response(**{resource.field: receipt})  # type: ignore[no-any-return]

    return Unary(action, kind, update_target(resource), prepare, handle)
