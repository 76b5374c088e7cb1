"""A vault that does what a test says, over real TLS with client certificates.

It keeps what was stored in memory, notes every call, and can be told to fail, to cut streams and
to stop and start on the same port. It stands in for the real one where a test needs an accident
to happen at a certain moment.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import trustme
from google.protobuf import message_factory
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2

from recordsvault.access.v1 import access_pb2
from recordsvault.accounts.v1 import accounts_pb2
from recordsvault.admin.v1 import access_admin_pb2, admin_pb2, keys_pb2, watch_pb2
from recordsvault.audit.v1 import audit_pb2, event_pb2
from recordsvault.bundles.v1 import bundles_pb2, transfers_pb2
from recordsvault.life.v1 import merges_pb2, subjects_pb2
from recordsvault.masked.v1 import masked_pb2, views_pb2
from recordsvault.records.v1 import records_pb2
from recordsvault.retention.v1 import retention_pb2
from tests.clients.fake_contents import FakeContents
from tests.clients.fake_lending import FakeLending
from tests.clients.fake_pictures import FakePictures
from tests.clients.refused import Refused as Refused
from tests.support.quiet_ports import free_port

ULID = "01h{:023d}"
Answer = Callable[[Any], Any]


def snake(name: str) -> str:
    """`get_customer` of `GetCustomer`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def unavailable(retry_after: float | None = None) -> Refused:
    details: list[Message] = [error_details_pb2.ErrorInfo(reason="STORE_UNAVAILABLE")]
    if retry_after is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromMilliseconds(int(retry_after * 1000))
        details.append(retry)
    return Refused(grpc.StatusCode.UNAVAILABLE, "The database is away.", *details)


def invalid(*violations: tuple[str, str, str]) -> Refused:
    """Violations as (field, English, Chinese)."""
    bad = error_details_pb2.BadRequest()
    for name, en, zh in violations:
        one = bad.field_violations.add(field=name, description=en, reason="CHECK_DIGIT")
        one.localized_message.locale = "zh-CN"
        one.localized_message.message = zh
    return Refused(
        grpc.StatusCode.INVALID_ARGUMENT,
        "The request is not acceptable.",
        error_details_pb2.ErrorInfo(reason="INVALID_FIELDS"),
        error_details_pb2.LocalizedMessage(locale="en", message="The request is not acceptable."),
        error_details_pb2.LocalizedMessage(locale="zh-CN", message="请求不可接受。"),
        bad,
    )


@dataclass
class Call:
    """One call as the vault saw it."""

    method: str
    request: Any
    remaining: float | None
    authorization: str = ""


@dataclass
class FakeVault(grpc.GenericRpcHandler):
    """One process that serves both tiers on one port."""

    folder: Path
    calls: list[Call] = field(default_factory=list)
    faults: dict[str, list[Refused | float]] = field(default_factory=lambda: defaultdict(list))
    answers: dict[str, Answer] = field(default_factory=dict)
    customers: dict[str, Any] = field(default_factory=dict)
    documents: dict[str, Any] = field(default_factory=dict)
    transactions: dict[str, Any] = field(default_factory=dict)
    log: list[event_pb2.LogEntry] = field(default_factory=list)
    lending: FakeLending = field(default_factory=FakeLending)
    contents: FakeContents = field(default_factory=FakeContents)
    pictures: FakePictures = field(default_factory=FakePictures)
    first_answers: dict[str, Any] = field(default_factory=dict)
    # Applied to each import message before it is stored and to its answer after it.
    before_store: Callable[[Any], None] = lambda request: None
    before_answer: Callable[[Any], None] = lambda request: None
    hold_answers: int = 0
    deepest: int = 0

    def __post_init__(self) -> None:
        self.ca = trustme.CA()
        self.server_cert = self.ca.issue_cert("localhost", "127.0.0.1")
        self.port = free_port()
        self._methods: dict[str, Any] = {}
        for module in (
            records_pb2,
            masked_pb2,
            access_pb2,
            access_admin_pb2,
            accounts_pb2,
            audit_pb2,
            bundles_pb2,
            admin_pb2,
            health_pb2,
            keys_pb2,
            merges_pb2,
            retention_pb2,
            transfers_pb2,
            subjects_pb2,
            watch_pb2,
        ):
            for service in module.DESCRIPTOR.services_by_name.values():
                for method in service.methods:
                    self._methods[f"/{service.full_name}/{method.name}"] = method
        self._server: grpc.Server | None = None
        self._changed = threading.Condition()
        self.start()

    # -- life ----------------------------------------------------------------------------------

    def start(self) -> None:
        server = grpc.server(ThreadPoolExecutor(16), options=(("grpc.so_reuseport", 0),))
        server.add_generic_rpc_handlers((self,))
        credentials = grpc.ssl_server_credentials(
            [
                (
                    self.server_cert.private_key_pem.bytes(),
                    b"".join(pem.bytes() for pem in self.server_cert.cert_chain_pems),
                )
            ],
            self.ca.cert_pem.bytes(),
            require_client_auth=True,
        )
        server.add_secure_port(f"127.0.0.1:{self.port}", credentials)
        server.start()
        self._server = server

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop(grace=0).wait()
            self._server = None

    def profile(
        self, name: str = "crm", *, ca: trustme.CA | None = None, tiers: str = "fm"
    ) -> Path:
        """Write a profile with a certificate of its own."""
        pki = self.folder / "pki"
        pki.mkdir(exist_ok=True)
        cert = self.ca.issue_cert(f"{name}.demo.bank")
        (ca or self.ca).cert_pem.write_to_path(str(pki / f"{name}-ca.pem"))
        (pki / f"{name}.pem").write_bytes(b"".join(pem.bytes() for pem in cert.cert_chain_pems))
        key = pki / f"{name}.key"
        key.touch(mode=0o600)
        key.write_bytes(cert.private_key_pem.bytes())
        endpoints = {"f": "full", "m": "masked"}
        lines = [f'{endpoints[tier]} = "localhost:{self.port}"' for tier in tiers]
        path = self.folder / f"{name}.toml"
        path.write_text(
            f'name = "{name}"\ninstitution = "demo-bank"\n[endpoints]\n'
            + "\n".join(lines)
            + f'\n[tls]\nca = "pki/{name}-ca.pem"\ncertificate = "pki/{name}.pem"\n'
            + f'key = "pki/{name}.key"\n'
        )
        return path

    # -- what a test asks ----------------------------------------------------------------------

    def called(self, method: str) -> list[Any]:
        """Requests of a method, in order."""
        return [call.request for call in self.calls if call.method == method]

    def fail(self, method: str, *faults: Refused | float) -> None:
        """Let the next calls of a method fail so, or be answered after so many seconds."""
        self.faults[method].extend(faults)

    def append(self, **fields: Any) -> None:
        """Append an event to the log."""
        with self._changed:
            position = len(self.log)
            fields.setdefault("action", "masked.customers.get")
            fields.setdefault("actor", "crm-frontend")
            fields.setdefault("decision", event_pb2.DECISION_ALLOWED)
            event = event_pb2.AuditEvent(event_id=ULID.format(position), **fields)
            entry = event_pb2.LogEntry(
                position=position, leaf=b"{}", chain_hash=bytes(32), event=event
            )
            entry.append_time.FromSeconds(1_800_000_000 + position)
            self.log.append(entry)
            self._changed.notify_all()

    # -- gRPC ----------------------------------------------------------------------------------

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        method = self._methods.get(handler_call_details.method)
        if method is None:
            return None
        kind = message_factory.GetMessageClass(method.input_type)
        coding = {
            "request_deserializer": kind.FromString,
            "response_serializer": lambda message: message.SerializeToString(),
        }
        if method.name == "UploadDocument":
            return grpc.stream_unary_rpc_method_handler(self._upload, **coding)
        if method.name == "ViewDocument":
            return grpc.unary_stream_rpc_method_handler(self._view, **coding)
        if method.name == "DownloadDocument":
            return grpc.unary_stream_rpc_method_handler(self._download, **coding)
        if method.client_streaming:
            return grpc.stream_stream_rpc_method_handler(self._import, **coding)
        if method.name == "StreamEvents":
            return grpc.unary_stream_rpc_method_handler(self._events, **coding)
        if method.name == "WatchCheckOuts":
            return grpc.unary_stream_rpc_method_handler(self._watch, **coding)
        if method.name == "ReconstructTransaction":
            return grpc.unary_stream_rpc_method_handler(self._reconstruct, **coding)
        if method.name == "ExportCustomers":
            return grpc.unary_stream_rpc_method_handler(self._export, **coding)

        def unary(request: Any, context: grpc.ServicerContext) -> Any:
            self._enter(method.name, request, context)
            own = self.lending if method.containing_service.name == "Access" else self
            answer = self.answers.get(method.name) or getattr(own, f"_answer_{snake(method.name)}")
            try:
                return answer(request)
            except Refused as refused:
                self._abort(context, refused)

        return grpc.unary_unary_rpc_method_handler(unary, **coding)

    def _upload(self, requests: Iterator[Any], context: grpc.ServicerContext) -> Any:
        self._enter("UploadDocument", None, context)
        try:
            return self.contents.upload(requests)
        except Refused as refused:
            return self._abort(context, refused)

    def _download(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        self._enter("DownloadDocument", request, context)
        try:
            yield from self.contents.download(request)
        except Refused as refused:
            self._abort(context, refused)

    def _view(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        self._enter("ViewDocument", request, context)
        for picture in self.pictures.shown(request):
            yield masked_pb2.ViewDocumentResponse(picture=picture)
            # A fault named ViewDocument.cut falls between two pictures.
            if self.faults["ViewDocument.cut"]:
                fault = self.faults["ViewDocument.cut"].pop(0)
                if isinstance(fault, Refused):
                    self._abort(context, fault)

    def _answer_get_upload(self, request: Any) -> Any:
        return self.contents.get_upload(request)

    def _answer_list_contents(self, request: Any) -> Any:
        return self.contents.listed(request)

    def _reconstruct(self, request: Any, context: grpc.ServicerContext) -> Iterator[Message]:
        self._enter("ReconstructTransaction", request, context)
        yield from self.answers["ReconstructTransaction"](request)

    def _export(self, request: Any, context: grpc.ServicerContext) -> Iterator[Message]:
        """Answers until one of them is a fault."""
        self._enter("ExportCustomers", request, context)
        for answer in self.answers["ExportCustomers"](request):
            if isinstance(answer, Refused):
                self._abort(context, answer)
            yield answer

    def _enter(self, method: str, request: Any, context: grpc.ServicerContext) -> None:
        sent = dict(context.invocation_metadata())
        authorization = str(sent.get("authorization", ""))
        self.calls.append(Call(method, request, context.time_remaining(), authorization))
        if self.faults[method]:
            fault = self.faults[method].pop(0)
            if isinstance(fault, Refused):
                self._abort(context, fault)
            else:
                time.sleep(fault)

    @staticmethod
    def _abort(context: grpc.ServicerContext, refused: Refused) -> None:
        if not refused.plain:
            context.set_trailing_metadata(
                (("grpc-status-details-bin", refused.status.SerializeToString()),)
            )
        context.abort(refused.code, refused.message)

    # -- what it does if nothing else is said --------------------------------------------------

    def _answer_check(self, request: Any) -> Any:
        return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)

    def _answer_check_health(self, request: Any) -> Any:
        return admin_pb2.CheckHealthResponse(
            state=admin_pb2.HEALTH_STATE_OK,
            checks=[
                admin_pb2.HealthCheck(
                    part="database", state=admin_pb2.HEALTH_STATE_OK, detail="answers in 0.2 ms"
                )
            ],
            version="0.1.0",
            tier="full",
        )

    def _stored(self, kind: str, record: Any, parent: str) -> Any:
        table = getattr(self, kind)
        name = f"{parent}/{kind}/{ULID.format(len(table))}"
        kept = type(record)()
        kept.CopyFrom(record)
        kept.name = name
        kept.etag = hashlib.sha256(kept.SerializeToString()).hexdigest()[:16]
        if hasattr(kept, "version"):
            kept.version = 1
        table[name] = kept
        thin = type(record)(name=name, etag=kept.etag)
        if hasattr(kept, "version"):
            thin.version = 1
        return thin

    def _answer_create_customer(self, request: Any) -> Any:
        def store() -> Any:
            thin = self._stored("customers", request.customer, request.parent)
            return records_pb2.CreateCustomerResponse(customer=thin)

        return self._once(request.request_id, store)

    def _answer_create_identity_document(self, request: Any) -> Any:
        def store() -> Any:
            thin = self._stored("documents", request.identity_document, request.parent)
            return records_pb2.CreateIdentityDocumentResponse(identity_document=thin)

        return self._once(request.request_id, store)

    def _answer_create_transaction(self, request: Any) -> Any:
        def store() -> Any:
            thin = self._stored("transactions", request.transaction, request.parent)
            return records_pb2.CreateTransactionResponse(transaction=thin)

        return self._once(request.request_id, store)

    def _answer_get_customer(self, request: Any) -> Any:
        return records_pb2.GetCustomerResponse(customer=self._found(self.customers, request.name))

    def _answer_get_identity_document(self, request: Any) -> Any:
        return records_pb2.GetIdentityDocumentResponse(
            identity_document=self._found(self.documents, request.name)
        )

    def _answer_get_transaction(self, request: Any) -> Any:
        return records_pb2.GetTransactionResponse(
            transaction=self._found(self.transactions, request.name)
        )

    def _answer_list_customers(self, request: Any) -> Any:
        page, token = self._page(list(self.customers.values()), request)
        return records_pb2.ListCustomersResponse(customers=page, next_page_token=token)

    def _answer_list_customer_versions(self, request: Any) -> Any:
        kept = self._found(self.customers, request.name)
        return records_pb2.ListCustomerVersionsResponse(customers=[kept])

    def _answer_get_masked_customer(self, request: Any) -> Any:
        self._found(self.customers, request.name)
        return masked_pb2.GetMaskedCustomerResponse(
            customer=views_pb2.MaskedCustomer(name=request.name, version=1)
        )

    def _answer_list_masked_customers(self, request: Any) -> Any:
        page, token = self._page([{"name": name} for name in self.customers], request)
        return masked_pb2.ListMaskedCustomersResponse(customers=page, next_page_token=token)

    def _answer_search_masked_customers(self, request: Any) -> Any:
        found = [
            {"name": name}
            for name, kept in self.customers.items()
            if request.phone in kept.phones
            or (request.customer_number and request.customer_number == kept.customer_number)
        ]
        page, token = self._page(found, request)
        return masked_pb2.SearchMaskedCustomersResponse(customers=page, next_page_token=token)

    def _answer_list_masked_transactions(self, request: Any) -> Any:
        page, token = self._page([{"name": name} for name in self.transactions], request)
        return masked_pb2.ListMaskedTransactionsResponse(transactions=page, next_page_token=token)

    def _answer_query_events(self, request: Any) -> Any:
        entries = [entry for entry in self.log if self._wanted(entry, request.filter)]
        if request.newest_first:
            entries.reverse()
        page, token = self._page(entries, request)
        return audit_pb2.QueryEventsResponse(entries=page, next_page_token=token)

    @staticmethod
    def _found(table: dict[str, Any], name: str) -> Any:
        if name not in table:
            raise Refused(
                grpc.StatusCode.NOT_FOUND,
                "There is no such record.",
                error_details_pb2.ErrorInfo(reason="NOT_FOUND"),
            )
        return table[name]

    @staticmethod
    def _page(items: list[Any], request: Any) -> tuple[list[Any], str]:
        start, size = int(request.page_token or 0), request.page_size or 50
        token = str(start + size) if start + size < len(items) else ""
        return items[start : start + size], token

    @staticmethod
    def _wanted(entry: Any, wanted: Any) -> bool:
        return (not wanted.actor or entry.event.actor == wanted.actor) and (
            not wanted.decisions or entry.event.decision in wanted.decisions
        )

    def _once(self, request_id: str, store: Callable[[], Any]) -> Any:
        if request_id not in self.first_answers:
            self.first_answers[request_id] = store()
        return self.first_answers[request_id]

    # -- streams -------------------------------------------------------------------------------

    def _events(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        self._enter("StreamEvents", request, context)
        position = len(self.log) if request.from_end else request.from_position
        yield audit_pb2.StreamEventsResponse(next_position=position)
        while context.is_active():
            with self._changed:
                chunk = self.log[position : position + 3]
                if not chunk:
                    if not request.follow:
                        return
                    self._changed.wait(0.05)
                    continue
            position += len(chunk)
            entries = [entry for entry in chunk if self._wanted(entry, request.filter)]
            yield audit_pb2.StreamEventsResponse(entries=entries, next_position=position)
            # A fault named StreamEvents.cut falls between two messages.
            if self.faults["StreamEvents.cut"]:
                fault = self.faults["StreamEvents.cut"].pop(0)
                assert isinstance(fault, Refused)
                self._abort(context, fault)

    def _watch(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        self._enter("WatchCheckOuts", request, context)
        sent: dict[str, bytes] = {}
        while context.is_active():
            for one in self.lending.wanted(request.filter):
                now = one.SerializeToString()
                if sent.get(one.name) == now:
                    continue
                sent[one.name] = now
                yield access_pb2.WatchCheckOutsResponse(check_out=one)
                if self.faults["WatchCheckOuts.cut"]:
                    fault = self.faults["WatchCheckOuts.cut"].pop(0)
                    assert isinstance(fault, Refused)
                    self._abort(context, fault)
            time.sleep(0.02)

    def _import(self, requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        held: list[Any] = []
        for request in requests:
            self._enter("ImportRecords", request, context)
            try:
                self.before_store(request)
                repeated = request.request_id in self.first_answers
                answer = self._once(request.request_id, partial(self._store_items, request))
                if repeated and isinstance(answer, records_pb2.ImportRecordsResponse):
                    answer = records_pb2.ImportRecordsResponse(
                        request_id=answer.request_id, results=answer.results, repeated=True
                    )
                held.append(answer)
                self.deepest = max(self.deepest, len(held))
                self.before_answer(request)
            except Refused as refused:
                self._abort(context, refused)
            if len(held) > self.hold_answers:
                # The last first: answers are matched by their request_id, not by their order.
                yield held.pop()
        yield from held

    def _store_items(self, request: Any) -> Any:
        results = []
        for item in request.items:
            kind = item.WhichOneof("record")
            record = getattr(item, kind)
            table = {"new_customer": "customers", "identity_document": "documents"}.get(
                kind, "transactions"
            )
            if kind == "new_customer" and "BAD" in record.customer_number:
                status = invalid(("customer_number", "is not acceptable", "不可接受")).status
                results.append(records_pb2.ImportResult(error=status))
                continue
            thin = self._stored(table, record, request.parent)
            results.append(records_pb2.ImportResult(name=thin.name))
        return records_pb2.ImportRecordsResponse(request_id=request.request_id, results=results)
