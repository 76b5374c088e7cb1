"""The witness over HTTP: one method, small requests, every wait bounded.

POST /add-checkpoint    C2SP tlog-witness
GET  /health            200 while it runs
"""

from __future__ import annotations

import logging
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from vault.audit.witness import Answer, Cosigner, StateFolder, WitnessKey
from vault.audit.witness.request import MAX_BYTES
from vault.server.run import PortUnavailable
from vault.server.tls import TlsFilesUnusable
from vault.server.witness_settings import WitnessSettings

_logger = logging.getLogger("vault.witness")
_TIMEOUT_SECONDS: Final = 10.0
_AT_ONCE: Final = 64


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, settings: WitnessSettings, cosigner: Cosigner) -> None:
        self.cosigner = cosigner
        self._slots = threading.BoundedSemaphore(_AT_ONCE)
        family, _, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM
        )[0]
        self.address_family = family
        self._tls: ssl.SSLContext | None = None
        if settings.certificate is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.minimum_version = ssl.TLSVersion.TLSv1_3
            try:
                self._tls.load_cert_chain(settings.certificate, settings.certificate_key)
            except (OSError, ssl.SSLError):
                raise TlsFilesUnusable(
                    f"{settings.certificate} and its key cannot be used"
                ) from None
        super().__init__(address[:2], _Handler)  # type: ignore[arg-type]  # as getaddrinfo has it

    def process_request(self, request: Any, client_address: Any) -> None:
        """In a thread of its own; whoever comes beyond the bound is sent away."""
        if not self._slots.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """The handshake too is the thread's: nobody holds up the door."""
        try:
            request.settimeout(_TIMEOUT_SECONDS)
            if self._tls is not None:
                request = self._tls.wrap_socket(request, server_side=True)
            super().process_request_thread(request, client_address)
        except OSError:
            self.shutdown_request(request)
        finally:
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller who went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "records-vault-witness"
    sys_version = ""
    timeout = _TIMEOUT_SECONDS

    def do_GET(self) -> None:
        """Whether it runs."""
        well = self.path == "/health"
        self._answer(Answer(HTTPStatus.OK, b"ok\n") if well else Answer(HTTPStatus.NOT_FOUND))

    def do_POST(self) -> None:
        """`add-checkpoint`."""
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or int(length) > MAX_BYTES:
            # What is not read cannot be told from a next request.
            self.close_connection = True
            good = length.isascii() and length.isdigit()
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE if good else HTTPStatus.LENGTH_REQUIRED
            self._answer(Answer(status))
            return
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.close_connection = True
            return
        if self.path != "/add-checkpoint":
            self._answer(Answer(HTTPStatus.NOT_FOUND, b"no such method\n"))
            return
        self._answer(self.server.cosigner.add_checkpoint(body))

    def _answer(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, _format: str, *_args: Any) -> None:
        """Requests are not logged; what is wrong with a log is, by the cosigner."""


def serve_witness(settings: WitnessSettings, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises WitnessKeyRefused, KeyFileRefused, StateUnusable, TlsFilesUnusable, PortUnavailable.
    """
    key = WitnessKey.read(settings.key)
    state = StateFolder(settings.state)
    try:
        # What cannot be read later is told now.
        for origin in settings.logs:
            state.latest(origin)
        cosigner = Cosigner(key, settings.logs, state, lambda: int(time.time()))
        try:
            server = _Server(settings, cosigner)
        except OSError:
            raise PortUnavailable(
                f"{settings.host}:{settings.port} cannot be listened on"
            ) from None
        for number in (signal.SIGTERM, signal.SIGINT):
            # Not from within the loop that it ends.
            signal.signal(
                number, lambda *_: threading.Thread(target=server.shutdown, daemon=True).start()
            )
        ready()
        _logger.info("witness serves %d logs", len(settings.logs))
        with server:
            server.serve_forever(poll_interval=0.1)
    finally:
        state.close()
