"""An HTTP server before another, on a port of 127.0.0.1, that does to requests what a test says."""

import http.client
import socket
import ssl
import threading
from contextlib import suppress
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Fault(Enum):
    """What happens to a request. `LATE` and later ones reach the server behind first."""

    NONE = "none"
    REFUSED = "refused"  # the connection is closed at once
    HUNG = "hung"  # no answer, ever
    SLOW = "slow"  # a byte of the answer a while, for ever
    ERROR = "500"
    BUSY = "503"
    LOST = "lost in the middle"  # of the answer
    NOT_JSON = "not JSON"
    OTHER_JSON = "JSON of another shape"
    EMPTY = "empty"
    FLOOD = "far too long an answer"
    REDIRECT = "redirect"
    NO_HTTP = "no HTTP"


class FaultyHttp:
    """Use as a context manager. `requests` counts what arrived; `faults` come first, one a request,
    then `fault` for all."""

    def __init__(self, port_behind: int, tls: ssl.SSLContext | None = None) -> None:
        self.fault = Fault.NONE
        self.faults: list[Fault] = []
        self.requests = 0
        self._behind = port_behind
        self._over = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            """One request a connection."""

            def log_message(self, *_: Any) -> None:
                """Nothing."""

            def do_GET(self) -> None:
                outer.handle(self)

            def do_POST(self) -> None:
                outer.handle(self)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        scheme = "http" if tls is None else "https"
        self.address = f"{scheme}://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "FaultyHttp":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        """Do what the test says."""
        self.requests += 1
        fault = self.faults.pop(0) if self.faults else self.fault
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        with suppress(OSError):
            self._do(fault, request, body)
        request.close_connection = True

    def _do(self, fault: Fault, request: BaseHTTPRequestHandler, body: bytes) -> None:
        match fault:
            case Fault.NONE:
                status, kind, content = self._ask(request, body)
                _answer(request, status, content, kind)
            case Fault.REFUSED:
                request.connection.shutdown(socket.SHUT_RDWR)
            case Fault.HUNG:
                self._over.wait()
            case Fault.SLOW:
                request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
                while not self._over.wait(0.05):
                    request.wfile.write(b" ")
                    request.wfile.flush()
            case Fault.ERROR:
                _answer(request, 500, b'{"errors": ["internal error"]}')
            case Fault.BUSY:
                _answer(request, 503, b'{"errors": ["sealed"]}')
            case Fault.LOST:
                status, _, content = self._ask(request, body)
                request.send_response(status)
                request.send_header("Content-Length", str(len(content)))
                request.end_headers()
                request.wfile.write(content[: len(content) // 2])
            case Fault.NOT_JSON:
                _answer(request, 200, b"<html>login</html>", "text/html")
            case Fault.OTHER_JSON:
                _answer(
                    request, 200, b'{"data": {"ciphertext": 17, "plaintext": "%%%"}, "KeyId": 3}'
                )
            case Fault.EMPTY:
                _answer(request, 200, b"")
            case Fault.FLOOD:
                request.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n")
                for _ in range(500):
                    request.wfile.write(bytes(65536))
            case Fault.REDIRECT:
                request.send_response(307)
                request.send_header("Location", "http://127.0.0.1:9/")
                request.send_header("Content-Length", "0")
                request.end_headers()
            case Fault.NO_HTTP:
                request.wfile.write(b"220 mail.example ESMTP\r\n")

    def _ask(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, str, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._behind, timeout=20)
        connection.request(request.command, request.path, body, dict(request.headers.items()))
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response.status, response.getheader("Content-Type") or "", content


def _answer(
    request: BaseHTTPRequestHandler, status: int, content: bytes, kind: str = "application/json"
) -> None:
    request.send_response(status)
    request.send_header("Content-Type", kind)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    request.wfile.write(content)
