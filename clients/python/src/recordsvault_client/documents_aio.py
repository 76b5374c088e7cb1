"""Identity documents in full: the asyncio client."""

# ruff: noqa: ASYNC109 - `timeout` becomes the deadline of the RPC, which the vault sees as well

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from grpc import aio

from recordsvault.masked.v1.views_pb2 import MaskedDocument
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.records.v1 import records_pb2_grpc as stubs
from recordsvault.records.v1.document_pb2 import IdentityDocument
from recordsvault_client.files import google_date
from recordsvault_client.opened import Opened, opened, record_of
from recordsvault_client.requests import mask, reading
from recordsvault_masked.calls import AsyncCaller
from recordsvault_masked.paging import AsyncPager, Page
from recordsvault_masked.requests import new_request_id, timestamp


class AsyncDocumentsClient:
    """Stores, opens and changes the identity documents of customers.

    Every method takes `timeout` in seconds, over all attempts, and raises VaultError. Writes take
    a `request_id` (a UUID; a fresh one if left out): the same write sent again with it is not
    done twice. Reads take the `purpose`, the `case_reference` that some purposes need, and the
    `fields` wanted (paths in the record; all if left out). Who opens records by the lending
    register names the `check_out`. What is opened may be less than what is wanted: `get` and the
    like answer it alone, `open` and the like also the masked view of the rest.
    """

    def __init__(self, channel: aio.Channel, call: AsyncCaller) -> None:
        """Use a channel that somebody else opens and closes."""
        self._stub = stubs.RecordsStub(channel)
        self._call = call

    async def create(
        self,
        customer: str,
        identity_document: IdentityDocument,
        *,
        request_id: str = "",
        timeout: float | None = None,
    ) -> IdentityDocument:
        """Store an identity document of a customer, named by resource name.

        Answers its name, etag and version, without contents.
        """
        request = pb.CreateIdentityDocumentRequest(
            parent=customer,
            identity_document=identity_document,
            request_id=new_request_id(request_id),
        )
        return (
            await self._call(self._stub.CreateIdentityDocument, request, timeout)
        ).identity_document

    async def batch_create(
        self,
        customer: str,
        identity_documents: Sequence[IdentityDocument],
        *,
        request_id: str = "",
        timeout: float | None = None,
    ) -> Sequence[IdentityDocument]:
        """Store 1 to 500 documents of a customer, all or none; answers as `create`, in order."""
        request = pb.BatchCreateIdentityDocumentsRequest(
            parent=customer,
            identity_documents=identity_documents,
            request_id=new_request_id(request_id),
        )
        return (
            await self._call(self._stub.BatchCreateIdentityDocuments, request, timeout)
        ).identity_documents

    async def get(
        self,
        name: str,
        *,
        purpose: str | int,
        case_reference: str = "",
        check_out: str = "",
        fields: Sequence[str] = (),
        version: int = 0,
        as_of: date | None = None,
        known_at: datetime | None = None,
        timeout: float | None = None,
    ) -> IdentityDocument:
        """Open an identity document in full; `version` 0 is the current one. `as_of` a day of
        the document's life, and `known_at` a moment (with its zone) of the vault's, the one that
        stood then."""
        return (
            await self.open(
                name,
                purpose=purpose,
                case_reference=case_reference,
                check_out=check_out,
                fields=fields,
                version=version,
                timeout=timeout,
            )
        ).record

    async def open(
        self,
        name: str,
        *,
        purpose: str | int,
        case_reference: str = "",
        check_out: str = "",
        fields: Sequence[str] = (),
        version: int = 0,
        as_of: date | None = None,
        known_at: datetime | None = None,
        timeout: float | None = None,
    ) -> Opened[IdentityDocument, MaskedDocument]:
        """As `get`, with the masked view of what was not opened."""
        read = reading(purpose, case_reference, fields)
        request = pb.GetIdentityDocumentRequest(
            name=name,
            purpose=read.purpose,
            case_reference=read.case_reference,
            check_out=check_out,
            read_mask=read.read_mask,
            version=version,
            as_of=google_date(as_of),
            known_at=timestamp(known_at),
        )
        answer = await self._call(self._stub.GetIdentityDocument, request, timeout)
        masked = answer.masked if answer.HasField("masked") else None
        return Opened(answer.identity_document, masked)

    def list(
        self,
        customer: str,
        *,
        purpose: str | int,
        case_reference: str = "",
        check_out: str = "",
        fields: Sequence[str] = (),
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> AsyncPager[IdentityDocument]:
        """Open a customer's identity documents in full, in order of name."""
        return self.open_list(
            customer,
            purpose=purpose,
            case_reference=case_reference,
            check_out=check_out,
            fields=fields,
            page_size=page_size,
            page_token=page_token,
            timeout=timeout,
        ).map(record_of)

    def open_list(
        self,
        customer: str,
        *,
        purpose: str | int,
        case_reference: str = "",
        check_out: str = "",
        fields: Sequence[str] = (),
        page_size: int = 0,
        page_token: str = "",
        as_of: date | None = None,
        known_at: datetime | None = None,
        timeout: float | None = None,
    ) -> AsyncPager[Opened[IdentityDocument, MaskedDocument]]:
        """As `list`, each with the masked view of what was not opened."""
        read = reading(purpose, case_reference, fields)

        async def fetch(token: str) -> Page[Opened[IdentityDocument, MaskedDocument]]:
            request = pb.ListIdentityDocumentsRequest(
                parent=customer,
                page_size=page_size,
                page_token=token,
                purpose=read.purpose,
                case_reference=read.case_reference,
                check_out=check_out,
                read_mask=read.read_mask,
                as_of=google_date(as_of),
                known_at=timestamp(known_at),
            )
            answer = await self._call(self._stub.ListIdentityDocuments, request, timeout)
            items = opened(answer.identity_documents, answer.masked_identity_documents)
            return Page(items, answer.next_page_token)

        return AsyncPager(fetch, page_token)

    async def update(
        self,
        identity_document: IdentityDocument,
        *,
        fields: Sequence[str] = (),
        request_id: str = "",
        timeout: float | None = None,
    ) -> IdentityDocument:
        """Make a new version of an identity document, which carries the name and etag read before.

        `fields` are the ones to change, the whole record if left out. Raises Aborted if the
        record has changed since.
        """
        request = pb.UpdateIdentityDocumentRequest(
            identity_document=identity_document,
            update_mask=mask(fields),
            request_id=new_request_id(request_id),
        )
        return (
            await self._call(self._stub.UpdateIdentityDocument, request, timeout)
        ).identity_document

    def versions(
        self,
        name: str,
        *,
        purpose: str | int,
        case_reference: str = "",
        check_out: str = "",
        fields: Sequence[str] = (),
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> AsyncPager[IdentityDocument]:
        """Open the versions of an identity document in full, newest first."""
        return self.open_versions(
            name,
            purpose=purpose,
            case_reference=case_reference,
            check_out=check_out,
            fields=fields,
            page_size=page_size,
            page_token=page_token,
            timeout=timeout,
        ).map(record_of)

    def open_versions(
        self,
        name: str,
        *,
        purpose: str | int,
        case_reference: str = "",
        check_out: str = "",
        fields: Sequence[str] = (),
        page_size: int = 0,
        page_token: str = "",
        as_of: date | None = None,
        known_at: datetime | None = None,
        timeout: float | None = None,
    ) -> AsyncPager[Opened[IdentityDocument, MaskedDocument]]:
        """As `versions`, each with the masked view of what was not opened."""
        read = reading(purpose, case_reference, fields)

        async def fetch(token: str) -> Page[Opened[IdentityDocument, MaskedDocument]]:
            request = pb.ListIdentityDocumentVersionsRequest(
                name=name,
                page_size=page_size,
                page_token=token,
                purpose=read.purpose,
                case_reference=read.case_reference,
                check_out=check_out,
                read_mask=read.read_mask,
                as_of=google_date(as_of),
                known_at=timestamp(known_at),
            )
            answer = await self._call(self._stub.ListIdentityDocumentVersions, request, timeout)
            items = opened(answer.identity_documents, answer.masked_identity_documents)
            return Page(items, answer.next_page_token)

        return AsyncPager(fetch, page_token)
