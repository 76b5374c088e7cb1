"""The records service: full records, for those who may."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from recordsvault.records.v1 import records_pb2 as pb
from vault.access import Action
from vault.records import CustomerName, DocumentName, TransactionName
from vault.rpc.methods import BidiStream, Method, table
from vault.rpc.names import target_of_parent
from vault.rpc.servicers import importing
from vault.rpc.servicers.bulk import export_customers
from vault.rpc.servicers.completing import completing
from vault.rpc.servicers.reads import Lending, Page, Read, get_record, list_records, record_id
from vault.rpc.servicers.resources import CUSTOMER, DOCUMENT, TRANSACTION
from vault.rpc.servicers.targets import with_request_id
from vault.rpc.servicers.writes import Update, batch_create, create, update_record
from vault.services.bulk import BulkExport
from vault.services.call import Call
from vault.services.life import Assessor
from vault.services.opening import Opened
from vault.services.outcomes import Stored
from vault.services.reach import Listing
from vault.services.reading import Reading
from vault.services.storing import Storing
from vault.services.updating import Updating


@dataclass(frozen=True, slots=True)
class RecordsUseCases:
    """What the service is built on."""

    storing: Storing
    reading: Reading
    updating: Updating
    lending: Lending
    bulk: BulkExport
    assessor: Assessor


def methods(use_cases: RecordsUseCases, contents: Mapping[str, Method]) -> dict[str, Method]:
    """The service's table; `contents` are those of its methods that are about contents."""
    declared: dict[str, Method] = dict(contents)
    declared.update(_customers(use_cases))
    declared.update(_documents(use_cases))
    declared.update(_transactions(use_cases))
    declared["ImportRecords"] = BidiStream(
        Action.IMPORT,
        pb.ImportRecordsRequest,
        with_request_id(target_of_parent, "parent"),
        importing.prepare,
        importing.handler(use_cases.storing),
    )
    return table(pb.DESCRIPTOR.services_by_name["Records"], declared)


def _customers(u: RecordsUseCases) -> dict[str, Method]:
    reading, updating, lending = u.reading, u.updating, u.lending

    async def get(call: Call, read: Read, views: bool) -> Opened:
        n: CustomerName = read.name
        return await reading.customer(
            call, n.institution, n.customer, read.version, views=views, at=read.at, apart=True
        )

    async def page(call: Call, p: Page, views: bool) -> Listing[Opened]:
        return await reading.customer_listing(
            call, p.target.institution, p.after, p.limit + 1, views=views, at=p.at
        )

    async def versions(call: Call, p: Page, views: bool) -> Listing[Opened]:
        before = int(p.after) if p.after else None
        found = await reading.customer_versions(
            call, p.name.institution, p.name.customer, before, p.limit + 1, views=views, at=p.at
        )
        return Listing(found)

    async def update(call: Call, x: Update, change: Callable[[Any], Any]) -> Stored:
        n: CustomerName = x.name
        return await updating.customer(call, n.institution, n.customer, x.etag, change, x.request)

    parse = CustomerName.parse
    return {
        "CreateCustomer": create(
            CUSTOMER, u.storing, Action.CUSTOMERS_CREATE, pb.CreateCustomerRequest
        ),
        "BatchCreateCustomers": batch_create(
            CUSTOMER, u.storing, Action.CUSTOMERS_BATCH_CREATE, pb.BatchCreateCustomersRequest
        ),
        "GetCustomer": get_record(
            CUSTOMER,
            Action.CUSTOMERS_GET,
            pb.GetCustomerRequest,
            parse,
            lending,
            get,
            completing(u.assessor),
        ),
        "ListCustomers": list_records(
            CUSTOMER, Action.CUSTOMERS_LIST, pb.ListCustomersRequest, lending, page, record_id
        ),
        "ExportCustomers": export_customers(u.bulk, lending.openings),
        "UpdateCustomer": update_record(
            CUSTOMER, Action.CUSTOMERS_UPDATE, pb.UpdateCustomerRequest, parse, update
        ),
        "ListCustomerVersions": list_records(
            CUSTOMER,
            Action.CUSTOMERS_VERSIONS,
            pb.ListCustomerVersionsRequest,
            lending,
            versions,
            lambda opened: str(opened.version),
            named=parse,
        ),
    }


def _documents(u: RecordsUseCases) -> dict[str, Method]:
    reading, updating, lending = u.reading, u.updating, u.lending

    async def get(call: Call, read: Read, views: bool) -> Opened:
        n: DocumentName = read.name
        return await reading.document(
            call,
            n.institution,
            n.customer,
            n.document,
            read.version,
            views=views,
            at=read.at,
        )

    async def page(call: Call, p: Page, views: bool) -> Listing[Opened]:
        return await reading.document_listing(
            call,
            p.target.institution,
            p.target.customer,
            p.after,
            p.limit + 1,
            views=views,
            at=p.at,
        )

    async def versions(call: Call, p: Page, views: bool) -> Listing[Opened]:
        n: DocumentName = p.name
        before = int(p.after) if p.after else None
        found = await reading.document_versions(
            call,
            n.institution,
            n.customer,
            n.document,
            before,
            p.limit + 1,
            views=views,
            at=p.at,
        )
        return Listing(found)

    async def update(call: Call, x: Update, change: Callable[[Any], Any]) -> Stored:
        n: DocumentName = x.name
        return await updating.document(
            call, n.institution, n.customer, n.document, x.etag, change, x.request
        )

    parse = DocumentName.parse
    return {
        "CreateIdentityDocument": create(
            DOCUMENT, u.storing, Action.DOCUMENTS_CREATE, pb.CreateIdentityDocumentRequest
        ),
        "BatchCreateIdentityDocuments": batch_create(
            DOCUMENT,
            u.storing,
            Action.DOCUMENTS_BATCH_CREATE,
            pb.BatchCreateIdentityDocumentsRequest,
        ),
        "GetIdentityDocument": get_record(
            DOCUMENT, Action.DOCUMENTS_GET, pb.GetIdentityDocumentRequest, parse, lending, get
        ),
        "ListIdentityDocuments": list_records(
            DOCUMENT,
            Action.DOCUMENTS_LIST,
            pb.ListIdentityDocumentsRequest,
            lending,
            page,
            record_id,
        ),
        "UpdateIdentityDocument": update_record(
            DOCUMENT, Action.DOCUMENTS_UPDATE, pb.UpdateIdentityDocumentRequest, parse, update
        ),
        "ListIdentityDocumentVersions": list_records(
            DOCUMENT,
            Action.DOCUMENTS_VERSIONS,
            pb.ListIdentityDocumentVersionsRequest,
            lending,
            versions,
            lambda opened: str(opened.version),
            named=parse,
        ),
    }


def _transactions(u: RecordsUseCases) -> dict[str, Method]:
    reading, lending = u.reading, u.lending

    async def get(call: Call, read: Read, views: bool) -> Opened:
        n: TransactionName = read.name
        return await reading.transaction(
            call, n.institution, n.customer, n.transaction, views=views, at=read.at
        )

    async def page(call: Call, p: Page, views: bool) -> Listing[Opened]:
        return await reading.transaction_listing(
            call,
            p.target.institution,
            p.target.customer,
            p.period,
            p.after,
            p.limit + 1,
            views=views,
            at=p.at,
        )

    parse = TransactionName.parse
    return {
        "CreateTransaction": create(
            TRANSACTION, u.storing, Action.TRANSACTIONS_CREATE, pb.CreateTransactionRequest
        ),
        "BatchCreateTransactions": batch_create(
            TRANSACTION,
            u.storing,
            Action.TRANSACTIONS_BATCH_CREATE,
            pb.BatchCreateTransactionsRequest,
        ),
        "GetTransaction": get_record(
            TRANSACTION, Action.TRANSACTIONS_GET, pb.GetTransactionRequest, parse, lending, get
        ),
        "ListTransactions": list_records(
            TRANSACTION,
            Action.TRANSACTIONS_LIST,
            pb.ListTransactionsRequest,
            lending,
            page,
            record_id,
        ),
    }
