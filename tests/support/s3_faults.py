"""A proxy in front of an S3 server that does what networks and servers do on bad days.

It passes requests on as they are, signatures and all. A fault is told of for the requests that it
concerns, and for how many of them.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Fault(Enum):
    """What happens to a request, or to its answer."""

    BUSY = "503 instead of an answer"
    HANGS = "no answer at all"
    DROPPED = "closed before the request went on"
    ANSWER_LOST = "the request went on, and the connection closed before its answer"
    ANSWER_CUT = "closed in the middle of the answer"
    ANSWER_SHORT = "half of the answer, as if it were the whole"
    BODY_SHORT = "half of the request's body went on, as if it were the whole"
    BYTE_CHANGED = "the answer's last byte is another"
    BODY_CHANGED = "the request's last byte is another"
    ELSEWHERE = "404 of a web server that is no S3 server"
    STALE = "an answer of before, given again"


@dataclass
class _Plan:
    fault: Fault
    wanted: Callable[[str, str], bool]
    left: int


@dataclass
class _Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass
class S3Faults:
    """Listens on a port of its own. `seen` is every request that came: method and target."""

    upstream: int
    seen: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._plans: list[_Plan] = []
        self._kept: dict[str, _Answer] = {}
        self._let_go = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://localhost:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Listen no more; whoever hangs is let go."""
        self._let_go.set()
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def fault(
        self,
        fault: Fault,
        method: str = "",
        target: str = "",
        times: int = 1_000_000,
    ) -> Iterator[None]:
        """Do that to the next requests of a method (or any) whose target contains `target`."""

        def wanted(of: str, to: str) -> bool:
            return method in ("", of) and target in to

        plan = _Plan(fault, wanted, times)
        self._plans.append(plan)
        try:
            yield
        finally:
            self._plans.remove(plan)

    def _fault_of(self, method: str, target: str) -> Fault | None:
        for plan in self._plans:
            if plan.left > 0 and plan.wanted(method, target):
                plan.left -= 1
                return plan.fault
        return None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        faults = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None: ...

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                faults._serve(self, body)

            do_GET = do_PUT = do_HEAD = do_DELETE = answer  # noqa: N815  # as its base calls them

        return Handler

    def _serve(self, one: BaseHTTPRequestHandler, body: bytes) -> None:
        self.seen.append((one.command, one.path))
        fault = self._fault_of(one.command, one.path)
        key = f"{one.command} {urlsplit(one.path).path}"
        if fault in (Fault.HANGS, Fault.DROPPED):
            if fault is Fault.HANGS:
                self._let_go.wait(30)
            one.close_connection = True
            return
        if fault is Fault.BUSY:
            busy = b"<Error><Code>SlowDown</Code><Message>busy</Message></Error>"
            self._send(one, _Answer(503, [("content-type", "application/xml")], busy))
            return
        if fault is Fault.ELSEWHERE:
            self._send(one, _Answer(404, [("content-type", "text/html")], b"<p>Not found</p>"))
            return
        if fault is Fault.STALE and key in self._kept:
            self._send(one, self._kept[key])
            return
        if fault is Fault.BODY_SHORT:
            body = body[: len(body) // 2]
        if fault is Fault.BODY_CHANGED:
            body = body[:-1] + bytes([body[-1] ^ 1])
        try:
            answer = self._ask(one, body)
        except OSError:
            # Refused before the body was read.
            one.close_connection = True
            return
        self._kept[key] = answer
        if fault is Fault.ANSWER_LOST:
            one.close_connection = True
            return
        if fault is Fault.ANSWER_SHORT:
            answer = _Answer(answer.status, answer.headers, answer.body[: len(answer.body) // 2])
        if fault is Fault.BYTE_CHANGED and answer.body:
            changed = answer.body[:-1] + bytes([answer.body[-1] ^ 1])
            answer = _Answer(answer.status, answer.headers, changed)
        self._send(one, answer, cut=fault is Fault.ANSWER_CUT)

    def _ask(self, one: BaseHTTPRequestHandler, body: bytes) -> _Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.upstream, timeout=20)
        try:
            connection.putrequest(one.command, one.path, skip_host=True, skip_accept_encoding=True)
            for name, value in one.headers.items():
                if name.lower() not in ("content-length", "connection"):
                    connection.putheader(name, value)
            if body or one.command in ("PUT", "POST"):
                connection.putheader("content-length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            headers = [
                (name, value)
                for name, value in answer.getheaders()
                if name.lower() not in ("content-length", "transfer-encoding", "connection")
            ]
            if one.command == "HEAD":
                headers.append(("content-length", answer.getheader("content-length") or "0"))
            return _Answer(answer.status, headers, answer.read())
        finally:
            connection.close()

    def _send(self, one: BaseHTTPRequestHandler, answer: _Answer, *, cut: bool = False) -> None:
        one.send_response(answer.status)
        for name, value in answer.headers:
            one.send_header(name, value)
        if one.command != "HEAD":
            one.send_header("content-length", str(len(answer.body)))
        one.end_headers()
        one.wfile.write(answer.body[: len(answer.body) // 2] if cut else answer.body)
        if cut:
            one.close_connection = True
