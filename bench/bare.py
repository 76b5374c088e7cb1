"""The bare handler that reads are compared with: gRPC and mutual TLS, and nothing else.

`python -m bench.bare PORT PKI READY` serves every method; `/bare.Answer/612` answers 612 bytes
without looking at the request. Transport and certificates are those of the vault.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import grpc
from grpc import aio

from vault.server import tls

# As in vault/server/run.py.
OPTIONS = [
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
]


class Bare(grpc.GenericRpcHandler):
    """Answers as many bytes as the method's name says."""

    def __init__(self) -> None:
        self._handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any]:
        handler = self._handlers.get(details.method)
        if handler is None:
            answer = bytes(int(details.method.rpartition("/")[2]))

            async def handle(_request: bytes, _context: object) -> bytes:
                return answer

            handler = self._handlers[details.method] = grpc.unary_unary_rpc_method_handler(handle)
        return handler


async def main(port: int, pki: Path, ready: Path) -> None:
    """Serve until the process is ended."""
    tls.require_tls13()
    server = aio.server(options=OPTIONS, maximum_concurrent_rpcs=2_000)
    server.add_generic_rpc_handlers((Bare(),))
    credentials = tls.server_credentials(pki / "server.pem", pki / "server.key", pki / "ca.pem")
    server.add_secure_port(f"localhost:{port}", credentials)
    await server.start()
    ready.touch()  # noqa: ASYNC240 - before anything is served
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])))
