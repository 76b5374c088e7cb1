"""The pipeline on fakes: a log in memory, a gRPC context, and methods that a test makes up."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import grpc
from google.rpc import error_details_pb2, status_pb2

from vault.access import Directory, PolicyEngine
from vault.audit import AuditEvent, AuditLog, LogUnavailable, StoredEvent, encode
from vault.rpc.methods import Method
from vault.rpc.pipeline import Pipeline, PipelineParts
from vault.sealing import SystemClock

BANK = "institutions/demo-bank"
CUSTOMER = f"{BANK}/customers/01jd0000000000000000000000"
METHOD = "/test.Service/Method"
MAX_REQUEST_BYTES = 100_000

_POLICY = PolicyEngine.load()


def uri(name: str) -> str:
    """The URI in a caller's certificate."""
    return f"spiffe://demo.bank/{name}"


PERSONS = frozenset({"compliance", "officer", "operator", "custodian", "teller"})
"""Names of callers who are natural persons; the others are programs."""


def write_principals(path: Path, roles: Mapping[str, str]) -> Directory:
    """A principals file of callers of the demonstration bank, by name, with a role each. A masked
    node belongs to no bank. Every look at the directory reads the file anew."""
    replace_principals(path, roles)
    return Directory(path, check_every=0)


def replace_principals(path: Path, roles: Mapping[str, str], limits: str = "") -> None:
    """Put another principals file in its place; all in it are held to the limits (TOML)."""
    entries = [
        f'[[principal]]\nname = "{name}"\nuri = "{uri(name)}"\nroles = ["{role}"]\n'
        + ("" if role == "masked_node" else 'institution = "demo-bank"\n')
        + (f'person = "p-{name}"\n' if name in PERSONS and role != "masked_node" else "")
        + f"{limits}\n"
        for name, role in roles.items()
    ]
    fresh = path.with_suffix(".new")
    fresh.write_text("\n".join(entries), encoding="utf-8")
    fresh.chmod(0o600)
    fresh.replace(path)


def receipt_of(event: AuditEvent) -> bytes:
    """What the fake log gives for a receipt."""
    return f"receipt of {event.event_id} {event.phase}".encode()


class FakeLog:
    """Keeps events. As the real log's, an event is not taken back when its caller is cancelled.

    `gate`, when it is there, holds every event back until it is set; `away` fails every event."""

    def __init__(self) -> None:
        self.events: list[AuditEvent] = []
        self.gate: asyncio.Event | None = None
        self.held = asyncio.Event()  # somebody waits at the gate
        self.away = False

    async def record(
        self, event: AuditEvent, *, receive: Callable[[bytes], None] | None = None
    ) -> StoredEvent:
        leaf = encode(event)
        stored = await asyncio.shield(asyncio.ensure_future(self._append(event, leaf)))
        if receive is not None:
            receive(receipt_of(event))
        return stored

    async def commit(
        self,
        work: Callable[[Any], Any],
        events: Callable[[Any], Iterable[AuditEvent]],
        *,
        weight: int = 1,
        turn: int | None = None,
        receive: Callable[[bytes], None] | None = None,
    ) -> Any:
        async def run() -> Any:
            if self.gate is not None:
                self.held.set()
                await self.gate.wait()
            if self.away:
                raise LogUnavailable("away")
            result = work(None)
            self.events.extend(events(result))
            return result

        result = await asyncio.shield(asyncio.ensure_future(run()))
        if receive is not None:
            receive(receipt_of(self.events[-1]))
        return result

    async def _append(self, event: AuditEvent, leaf: bytes) -> StoredEvent:
        if self.gate is not None:
            self.held.set()
            await self.gate.wait()
        if self.away:
            raise LogUnavailable("away")
        self.events.append(event)
        return StoredEvent(len(self.events), event.time, leaf, b"")


class Refused(Exception):
    """What the caller is told of a call that failed."""

    def __init__(self, code: grpc.StatusCode, text: str, metadata: Any) -> None:
        super().__init__(f"{code.name}: {text}")
        self.code = code
        self.metadata: dict[str, bytes] = dict(metadata)
        self.status = status_pb2.Status.FromString(self.metadata["grpc-status-details-bin"])

    def detail(self, kind: type[Any]) -> Any:
        """The detail of a kind."""
        for detail in self.status.details:
            message = kind()
            if detail.Unpack(message):
                return message
        raise AssertionError(f"no {kind.__name__}")

    @property
    def reason(self) -> str:
        """ErrorInfo's reason."""
        return str(self.detail(error_details_pb2.ErrorInfo).reason)

    @property
    def fields(self) -> list[str]:
        """The fields that are wrong."""
        bad = self.detail(error_details_pb2.BadRequest)
        return [violation.field for violation in bad.field_violations]


class FakeContext:
    """A call's context, of a caller whose certificate has these URIs. `pem` is the certificate,
    `metadata` what came with the call."""

    def __init__(
        self, *uris: str, pem: bytes = b"", metadata: Sequence[tuple[str, str]] = ()
    ) -> None:
        self._uris = [u.encode() for u in uris]
        self._pem = pem
        self._metadata = tuple(metadata)
        self.initial: dict[str, bytes] = {}
        self.trailing: dict[str, bytes] = {}

    async def send_initial_metadata(self, metadata: Any) -> None:
        self.initial = dict(metadata)

    def set_trailing_metadata(self, metadata: Any) -> None:
        self.trailing = dict(metadata)

    def auth_context(self) -> dict[str, list[bytes]]:
        return {
            "x509_subject_alternative_name": [b"localhost", *self._uris],
            "x509_pem_cert": [self._pem],
        }

    def invocation_metadata(self) -> Sequence[tuple[str, str]]:
        return self._metadata

    def peer(self) -> str:
        return "ipv4:127.0.0.1:5000"

    async def abort(self, code: grpc.StatusCode, text: str, trailing_metadata: Any) -> NoReturn:
        raise Refused(code, text, trailing_metadata)


class Rig:
    """A pipeline with one method, and what its calls leave in the log."""

    streams_per_caller = 3

    def __init__(self, folder: Path, method: Method, **roles: str) -> None:
        self.log = FakeLog()
        self.path = folder / "principals.toml"
        self.directory = write_principals(self.path, roles or {"compliance": "compliance"})
        parts = PipelineParts(
            tier="full",
            directory=self.directory,
            policy=_POLICY,
            log=cast(AuditLog, self.log),
            clock=SystemClock(),
            case_commitment=self._case_commitment,
            max_request_bytes=MAX_REQUEST_BYTES,
            streams_per_caller=self.streams_per_caller,
        )
        self.pipeline = Pipeline(parts, {METHOD: method})

    @staticmethod
    async def _case_commitment(_institution: str, _call_id: str, _reference: str) -> bytes:
        return b"c" * 32

    @property
    def events(self) -> list[AuditEvent]:
        return self.log.events

    def handler(self, method: str = METHOD) -> Any:
        details = cast(grpc.HandlerCallDetails, SimpleNamespace(method=method))
        return self.pipeline.service(details)

    def _context(self, *uris: str) -> FakeContext:
        self.context = FakeContext(*uris)
        return self.context

    def unary(self, data: bytes, *uris: str, method: str = METHOD) -> Awaitable[bytes]:
        """One call with one answer."""
        answer: Awaitable[bytes] = self.handler(method).unary_unary(data, self._context(*uris))
        return answer

    def stream(self, data: bytes, *uris: str) -> AsyncIterator[bytes]:
        """One call with many answers."""
        answers: AsyncIterator[bytes] = self.handler().unary_stream(data, self._context(*uris))
        return answers

    def bidi(
        self, requests: AsyncIterator[bytes], *uris: str, method: str = METHOD
    ) -> AsyncIterator[bytes]:
        """Many requests, many answers."""
        handler = self.handler(method)
        answers: AsyncIterator[bytes] = handler.stream_stream(requests, self._context(*uris))
        return answers


async def several(*messages: bytes) -> AsyncIterator[bytes]:
    """A stream of requests."""
    for message in messages:
        yield message


async def nothing_ever() -> AsyncIterator[bytes]:
    """A stream that is held open without a request."""
    await asyncio.Event().wait()
    yield b""
