"""The masked service: what a front end may see, and nothing that could show more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import Message

from recordsvault.masked.v1 import masked_pb2 as pb
from recordsvault.masked.v1 import views_pb2
from vault.access import Action
from vault.records import CustomerName, DocumentName, IndexKind, TransactionName, parse_owner
from vault.rpc.methods import Method, ServerStream, Target, Unary, table
from vault.rpc.names import target_of, target_of_parent
from vault.rpc.paging import make_token, page_size, read_token
from vault.rpc.problems import Problems
from vault.rpc.servicers.reads import period_of
from vault.rpc.translate import masked as translate
from vault.services.call import Call
from vault.services.masked import Lookup, MaskedReading, Shown
from vault.services.period import Period
from vault.services.reach import Listing
from vault.services.viewing import View, Viewing

_TERMS = {
    "identity_number": IndexKind.IDENTITY,
    "phone": IndexKind.PHONE,
    "account_number": IndexKind.ACCOUNT,
    "full_name": IndexKind.NAME,
    "customer_number": IndexKind.CUSTOMER_NUMBER,
}


@dataclass(frozen=True, slots=True)
class _Page:
    request: Any = field(repr=False)
    target: Target
    after: str
    limit: int
    period: Period


def _customer(shown: Shown) -> views_pb2.MaskedCustomer:
    return translate.customer(shown.name, shown.view, shown.version, shown.recorded_at)


def _document(shown: Shown) -> views_pb2.MaskedDocument:
    return translate.document(shown.name, shown.view, shown.version, shown.recorded_at)


def _transaction(shown: Shown) -> views_pb2.MaskedTransaction:
    return translate.transaction(shown.name, shown.view, shown.corrected_by, shown.reversed_by)


def methods(reading: MaskedReading, viewing: Viewing) -> dict[str, Method]:
    """The service's table."""

    async def customer(call: Call, n: CustomerName) -> Shown:
        return await reading.customer(call, n.institution, n.customer)

    async def document(call: Call, n: DocumentName) -> Shown:
        return await reading.document(call, n.institution, n.customer, n.document)

    async def transaction(call: Call, n: TransactionName) -> Shown:
        return await reading.transaction(call, n.institution, n.customer, n.transaction)

    async def customers(call: Call, p: _Page) -> Listing[Shown]:
        return await reading.customer_page(call, p.target.institution, p.after, p.limit + 1)

    async def documents(call: Call, p: _Page) -> Listing[Shown]:
        t = p.target
        return Listing(
            await reading.document_page(call, t.institution, t.customer, p.after, p.limit + 1)
        )

    async def transactions(call: Call, p: _Page) -> Listing[Shown]:
        t = p.target
        return Listing(
            await reading.transaction_page(
                call, t.institution, t.customer, p.period, p.after, p.limit + 1
            )
        )

    async def search(call: Call, p: _Page) -> Listing[Shown]:
        term = p.request.WhichOneof("term")
        value = getattr(p.request, term)
        lookup = Lookup(p.target.institution, _TERMS[term], value, p.after, p.limit + 1)
        return await reading.search(call, lookup)

    declared: dict[str, Method] = {
        "GetMaskedCustomer": _get(
            Action.MASKED_CUSTOMERS_GET,
            pb.GetMaskedCustomerRequest,
            CustomerName.parse,
            customer,
            lambda s: pb.GetMaskedCustomerResponse(customer=_customer(s)),
        ),
        "ListMaskedCustomers": _list(
            Action.MASKED_CUSTOMERS_LIST,
            pb.ListMaskedCustomersRequest,
            customers,
            lambda rows, token: pb.ListMaskedCustomersResponse(
                customers=map(_customer, rows), next_page_token=token
            ),
        ),
        "SearchMaskedCustomers": _list(
            Action.MASKED_CUSTOMERS_SEARCH,
            pb.SearchMaskedCustomersRequest,
            search,
            lambda rows, token: pb.SearchMaskedCustomersResponse(
                customers=map(_customer, rows), next_page_token=token
            ),
        ),
        "GetMaskedDocument": _get(
            Action.MASKED_DOCUMENTS_GET,
            pb.GetMaskedDocumentRequest,
            DocumentName.parse,
            document,
            lambda s: pb.GetMaskedDocumentResponse(document=_document(s)),
        ),
        "ListMaskedDocuments": _list(
            Action.MASKED_DOCUMENTS_LIST,
            pb.ListMaskedDocumentsRequest,
            documents,
            lambda rows, token: pb.ListMaskedDocumentsResponse(
                documents=map(_document, rows), next_page_token=token
            ),
        ),
        "ViewDocument": _view(viewing),
        "GetMaskedTransaction": _get(
            Action.MASKED_TRANSACTIONS_GET,
            pb.GetMaskedTransactionRequest,
            TransactionName.parse,
            transaction,
            lambda s: pb.GetMaskedTransactionResponse(transaction=_transaction(s)),
        ),
        "ListMaskedTransactions": _list(
            Action.MASKED_TRANSACTIONS_LIST,
            pb.ListMaskedTransactionsRequest,
            transactions,
            lambda rows, token: pb.ListMaskedTransactionsResponse(
                transactions=map(_transaction, rows), next_page_token=token
            ),
        ),
    }
    return table(pb.DESCRIPTOR.services_by_name["MaskedRecords"], declared)


def _get(
    action: Action,
    kind: type[Message],
    parse_name: Callable[[str], Any],
    read: Callable[[Call, Any], Any],
    answer: Callable[[Shown], Message],
) -> Unary:
    def prepare(request: Any, problems: Problems) -> Any:
        return None if problems else parse_name(request.name)

    async def handle(call: Call, name: Any) -> Message:
        shown: Shown = await read(call, name)
        call.touched(count=1)
        return answer(shown)

    return Unary(action, kind, lambda r: target_of(r.name), prepare, handle)


def _view(viewing: Viewing) -> ServerStream:
    def prepare(request: Any, problems: Problems) -> View | None:
        if problems:
            return None
        return View(parse_owner(request.name), request.page, request.after)

    async def handle(call: Call, view: View) -> AsyncIterator[pb.ViewDocumentResponse]:
        async for shown in viewing.pictures(call, view):
            yield pb.ViewDocumentResponse(picture=translate.picture(shown))

    return ServerStream(
        Action.MASKED_CONTENTS_VIEW,
        pb.ViewDocumentRequest,
        lambda r: target_of(r.name),
        prepare,
        handle,
    )


def _list(
    action: Action,
    kind: type[Message],
    page: Callable[[Call, _Page], Any],
    answer: Callable[[Sequence[Shown], str], Message],
) -> Unary:
    def prepare(request: Any, problems: Problems) -> _Page | None:
        after = read_token(request, request.page_token, problems)
        if problems:
            return None
        return _Page(
            request,
            target_of_parent(request.parent),
            after,
            page_size(request.page_size),
            period_of(request),
        )

    async def handle(call: Call, p: _Page) -> Message:
        # One more than the page tells whether there is a next one.
        listed: Listing[Shown] = await page(call, p)
        shown = listed.rows[: p.limit]
        call.touched(
            resources=tuple(
                f"customers/{s.customer}/{s.record}" if s.record else f"customers/{s.customer}"
                for s in shown
            ),
            count=len(shown),
        )
        further = listed.further
        if len(listed.rows) > p.limit:
            further = shown[-1].record.rpartition("/")[2] or shown[-1].customer
        return answer(shown, make_token(p.request, further) if further else "")

    return Unary(action, kind, lambda r: target_of_parent(r.parent), prepare, handle)
