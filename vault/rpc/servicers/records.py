"""The records service: full records, for those who may."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.type.v1 import purpose_pb2

from vault.access import Action
from vault.records import (
    CustomerName,
    DocumentName,
    InvalidName,
    TransactionName,
    first_ulid,
)
from vault.rpc.masks import check_mask, masked, merge, revealed
from vault.rpc.methods import BidiStream, Method, Target, Unary, table
from vault.rpc.names import target_of, target_of_parent
from vault.rpc.paging import make_token, page_size, read_token
from vault.rpc.problems import Problems
from vault.rpc.servicers import importing
from vault.rpc.servicers.resources import CUSTOMER, DOCUMENT, TRANSACTION, Resource
from vault.rpc.translate.common import to_millis
from vault.services.call import Call
from vault.services.errors import InvalidArgument
from vault.services.items import NewRecord
from vault.services.outcomes import Stored
from vault.services.reading import Opened, Period, Reading
from vault.services.replays import Request
from vault.services.storing import Batch, Storing
from vault.services.updating import Updating

_PURPOSES = {
    v.number: "" if v.number == 0 else v.name.removeprefix("PURPOSE_")
    for v in purpose_pb2.DESCRIPTOR.enum_types_by_name["Purpose"].values
}


@dataclass(frozen=True, slots=True)
class RecordsUseCases:
    """What the service is built on."""

    storing: Storing
    reading: Reading
    updating: Updating


def methods(use_cases: RecordsUseCases) -> dict[str, Method]:
    """The service's table."""
    declared: dict[str, Method] = {}
    declared.update(_customers(use_cases))
    declared.update(_documents(use_cases))
    declared.update(_transactions(use_cases))
    declared["ImportRecords"] = BidiStream(
        Action.IMPORT,
        pb.ImportRecordsRequest,
        _with_request_id(target_of_parent, "parent"),
        importing.prepare,
        importing.handler(use_cases.storing),
    )
    return table(pb.DESCRIPTOR.services_by_name["Records"], declared)


def request_of(method: str, message: Any) -> Request:
    """How a request is known again. Serialised anew, so that it does not matter who encoded it."""
    return Request(method, message.request_id, message.SerializeToString(deterministic=True))


# -- targets -------------------------------------------------------------------------------------


def _with_request_id(aim: Callable[[str], Target], field: str) -> Callable[[Any], Target]:
    def target(request: Any) -> Target:
        found = aim(getattr(request, field))
        return Target(
            found.institution, found.customer, found.resource, request_id=request.request_id
        )

    return target


def _with_purpose(aim: Callable[[str], Target], field: str) -> Callable[[Any], Target]:
    def target(request: Any) -> Target:
        found = aim(getattr(request, field))
        return Target(
            found.institution,
            found.customer,
            found.resource,
            purpose=_PURPOSES.get(request.purpose, ""),
            case_reference=request.case_reference,
        )

    return target


def _update_target(resource: Resource) -> Callable[[Any], Target]:
    def target(request: Any) -> Target:
        found = target_of(getattr(request, resource.field).name)
        return Target(
            found.institution, found.customer, found.resource, request_id=request.request_id
        )

    return target


# -- writes --------------------------------------------------------------------------------------


def _institution_and_owner(parent: str) -> tuple[str, CustomerName | None]:
    found = target_of_parent(parent)
    owner = CustomerName(found.institution, found.customer) if found.customer else None
    return found.institution, owner


def _create(resource: Resource, storing: Storing, action: Action, kind: type[Message]) -> Unary:
    response = getattr(pb, kind.DESCRIPTOR.name.replace("Request", "Response"))

    def prepare(request: Any, problems: Problems) -> Batch:
        institution, owner = _institution_and_owner(request.parent)
        with problems.under(resource.field):
            record = resource.parse(getattr(request, resource.field), problems)
        item = NewRecord(resource.kind, record, owner, field=resource.field)
        return Batch(institution, [item], True, request_of(action.value, request))

    async def handle(call: Call, batch: Batch) -> Message:
        (stored,) = await storing.store(call, batch)
        assert isinstance(stored, Stored)
        receipt = resource.receipt(batch.institution, stored)
        return response(**{resource.field: receipt})  # type: ignore[no-any-return]

    return Unary(action, kind, _with_request_id(target_of_parent, "parent"), prepare, handle)


def _batch_create(
    resource: Resource, storing: Storing, action: Action, kind: type[Message]
) -> Unary:
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
        outcomes = await storing.store(call, batch)
        stored = [o for o in outcomes if isinstance(o, Stored)]
        receipts = [resource.receipt(batch.institution, s) for s in stored]
        return response(**{resource.plural: receipts})  # type: ignore[no-any-return]

    return Unary(action, kind, _with_request_id(target_of_parent, "parent"), prepare, handle)


@dataclass(frozen=True, slots=True)
class _Update:
    name: Any
    etag: str
    message: Any
    mask: FieldMask
    request: Request


def _update(
    resource: Resource,
    action: Action,
    kind: type[Message],
    parse_name: Callable[[str], Any],
    apply: Callable[[Call, _Update, Callable[[Any], Any]], Any],
) -> Unary:
    response = getattr(pb, kind.DESCRIPTOR.name.replace("Request", "Response"))

    def prepare(request: Any, problems: Problems) -> _Update | None:
        message = getattr(request, resource.field)
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
        return _Update(
            name, message.etag, message, request.update_mask, request_of(action.value, request)
        )

    async def handle(call: Call, update: _Update) -> Message:
        def change(current: Any) -> Any:
            merged = merge(update.message, update.mask, resource.to_proto(current))
            if update.mask.paths and not merged.change_reason:
                merged.change_reason = update.message.change_reason
            problems = Problems()
            with problems.under(resource.field):
                record = resource.parse(merged, problems)
            if problems:
                raise InvalidArgument(problems.unique())
            return record

        stored: Stored = await apply(call, update, change)
        receipt = resource.receipt(update.name.institution, stored)
        return response(**{resource.field: receipt})  # type: ignore[no-any-return]

    return Unary(action, kind, _update_target(resource), prepare, handle)


# -- reads ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Read:
    name: Any
    version: int
    mask: FieldMask


def _get(
    resource: Resource,
    action: Action,
    kind: type[Message],
    parse_name: Callable[[str], Any],
    open_: Callable[[Call, Any, int], Any],
) -> Unary:
    response = getattr(pb, kind.DESCRIPTOR.name.replace("Request", "Response"))

    def prepare(request: Any, problems: Problems) -> _Read | None:
        check_mask(request.read_mask, resource.message, "read_mask", problems)
        if problems:
            return None
        return _Read(parse_name(request.name), getattr(request, "version", 0), request.read_mask)

    async def handle(call: Call, read: _Read) -> Message:
        opened: Opened = await open_(call, read.name, read.version)
        record = masked(resource.full(read.name.institution, opened), read.mask)
        call.touched(fields=revealed([record]), count=1)
        return response(**{resource.field: record})  # type: ignore[no-any-return]

    return Unary(action, kind, _with_purpose(target_of, "name"), prepare, handle)


@dataclass(frozen=True, slots=True)
class _Page:
    request: Any
    target: Target
    name: Any
    after: str
    limit: int
    period: Period


def _list(
    resource: Resource,
    action: Action,
    kind: type[Message],
    page: Callable[[Call, _Page], Any],
    key_of: Callable[[Opened], str],
    *,
    named: Callable[[str], Any] | None = None,
) -> Unary:
    """A page of records below a parent, or of the versions of one record (``named``)."""
    response = getattr(pb, kind.DESCRIPTOR.name.replace("Request", "Response"))
    field, aim = ("name", target_of) if named else ("parent", target_of_parent)

    def prepare(request: Any, problems: Problems) -> _Page | None:
        check_mask(request.read_mask, resource.message, "read_mask", problems)
        after = read_token(request, request.page_token, problems)
        if problems:
            return None
        return _Page(
            request,
            aim(getattr(request, field)),
            named(request.name) if named else None,
            after,
            page_size(request.page_size),
            period_of(request),
        )

    async def handle(call: Call, p: _Page) -> Message:
        # One more than the page tells whether there is a next one.
        rows: Sequence[Opened] = await page(call, p)
        shown = rows[: p.limit]
        records = [
            masked(resource.full(p.target.institution, opened), p.request.read_mask)
            for opened in shown
        ]
        call.touched(
            fields=revealed(records),
            resources=tuple(_relative(opened) for opened in shown),
            count=len(shown),
        )
        token = make_token(p.request, key_of(shown[-1])) if len(rows) > p.limit else ""
        return response(  # type: ignore[no-any-return]
            **{resource.plural: records}, next_page_token=token
        )

    return Unary(action, kind, _with_purpose(aim, field), prepare, handle)


def period_of(request: Any) -> Period:
    """The bounds of a list of transactions; the default for any other list."""
    if "booked_from" not in request.DESCRIPTOR.fields_by_name:
        return Period()
    low = first_ulid(to_millis(request.booked_from)) if request.HasField("booked_from") else ""
    high = first_ulid(to_millis(request.booked_to)) if request.HasField("booked_to") else "~"
    return Period(low, high, request.newest_first)


def _relative(opened: Opened) -> str:
    base = f"customers/{opened.customer}"
    name = f"{base}/{opened.record}" if opened.record else base
    return f"{name}@{opened.version}"


def _record_id(opened: Opened) -> str:
    return opened.record.rpartition("/")[2] or opened.customer


# -- the three resources -------------------------------------------------------------------------


def _customers(u: RecordsUseCases) -> dict[str, Method]:
    reading, updating = u.reading, u.updating

    async def get(call: Call, n: CustomerName, version: int) -> Opened:
        return await reading.customer(call, n.institution, n.customer, version)

    async def page(call: Call, p: _Page) -> list[Opened]:
        return await reading.customer_page(call, p.target.institution, p.after, p.limit + 1)

    async def versions(call: Call, p: _Page) -> list[Opened]:
        before = int(p.after) if p.after else None
        return await reading.customer_versions(
            call, p.name.institution, p.name.customer, before, p.limit + 1
        )

    async def update(call: Call, x: _Update, change: Callable[[Any], Any]) -> Stored:
        n: CustomerName = x.name
        return await updating.customer(call, n.institution, n.customer, x.etag, change, x.request)

    A, parse = Action, CustomerName.parse
    return {
        "CreateCustomer": _create(
            CUSTOMER, u.storing, A.CUSTOMERS_CREATE, pb.CreateCustomerRequest
        ),
        "BatchCreateCustomers": _batch_create(
            CUSTOMER, u.storing, A.CUSTOMERS_BATCH_CREATE, pb.BatchCreateCustomersRequest
        ),
        "GetCustomer": _get(CUSTOMER, A.CUSTOMERS_GET, pb.GetCustomerRequest, parse, get),
        "ListCustomers": _list(
            CUSTOMER, A.CUSTOMERS_LIST, pb.ListCustomersRequest, page, _record_id
        ),
        "UpdateCustomer": _update(
            CUSTOMER, A.CUSTOMERS_UPDATE, pb.UpdateCustomerRequest, parse, update
        ),
        "ListCustomerVersions": _list(
            CUSTOMER,
            A.CUSTOMERS_VERSIONS,
            pb.ListCustomerVersionsRequest,
            versions,
            lambda opened: str(opened.version),
            named=parse,
        ),
    }


def _documents(u: RecordsUseCases) -> dict[str, Method]:
    reading, updating = u.reading, u.updating

    async def get(call: Call, n: DocumentName, version: int) -> Opened:
        return await reading.document(call, n.institution, n.customer, n.document, version)

    async def page(call: Call, p: _Page) -> list[Opened]:
        return await reading.document_page(
            call, p.target.institution, p.target.customer, p.after, p.limit + 1
        )

    async def versions(call: Call, p: _Page) -> list[Opened]:
        n: DocumentName = p.name
        before = int(p.after) if p.after else None
        return await reading.document_versions(
            call, n.institution, n.customer, n.document, before, p.limit + 1
        )

    async def update(call: Call, x: _Update, change: Callable[[Any], Any]) -> Stored:
        n: DocumentName = x.name
        return await updating.document(
            call, n.institution, n.customer, n.document, x.etag, change, x.request
        )

    A, parse = Action, DocumentName.parse
    return {
        "CreateIdentityDocument": _create(
            DOCUMENT, u.storing, A.DOCUMENTS_CREATE, pb.CreateIdentityDocumentRequest
        ),
        "BatchCreateIdentityDocuments": _batch_create(
            DOCUMENT, u.storing, A.DOCUMENTS_BATCH_CREATE, pb.BatchCreateIdentityDocumentsRequest
        ),
        "GetIdentityDocument": _get(
            DOCUMENT, A.DOCUMENTS_GET, pb.GetIdentityDocumentRequest, parse, get
        ),
        "ListIdentityDocuments": _list(
            DOCUMENT, A.DOCUMENTS_LIST, pb.ListIdentityDocumentsRequest, page, _record_id
        ),
        "UpdateIdentityDocument": _update(
            DOCUMENT, A.DOCUMENTS_UPDATE, pb.UpdateIdentityDocumentRequest, parse, update
        ),
        "ListIdentityDocumentVersions": _list(
            DOCUMENT,
            A.DOCUMENTS_VERSIONS,
            pb.ListIdentityDocumentVersionsRequest,
            versions,
            lambda opened: str(opened.version),
            named=parse,
        ),
    }


def _transactions(u: RecordsUseCases) -> dict[str, Method]:
    reading = u.reading

    async def get(call: Call, n: TransactionName, _version: int) -> Opened:
        return await reading.transaction(call, n.institution, n.customer, n.transaction)

    async def page(call: Call, p: _Page) -> list[Opened]:
        return await reading.transaction_page(
            call, p.target.institution, p.target.customer, p.period, p.after, p.limit + 1
        )

    A, parse = Action, TransactionName.parse
    return {
        "CreateTransaction": _create(
            TRANSACTION, u.storing, A.TRANSACTIONS_CREATE, pb.CreateTransactionRequest
        ),
        "BatchCreateTransactions": _batch_create(
            TRANSACTION,
            u.storing,
            A.TRANSACTIONS_BATCH_CREATE,
            pb.BatchCreateTransactionsRequest,
        ),
        "GetTransaction": _get(
            TRANSACTION, A.TRANSACTIONS_GET, pb.GetTransactionRequest, parse, get
        ),
        "ListTransactions": _list(
            TRANSACTION, A.TRANSACTIONS_LIST, pb.ListTransactionsRequest, page, _record_id
        ),
    }
