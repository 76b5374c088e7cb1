"""The bare streams that uploads and downloads are compared with: gRPC and mutual TLS, and nothing
else.

`python -m bench.bare_streams PORT PKI READY` serves `/bare.Stream/Take`, which lets go of every
message that it is sent, and `/bare.Stream/Give/{messages}/{bytes}`, which gives so many of so many
bytes. Transport and certificates are those of the vault.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
from grpc import aio

from bench.bare import OPTIONS
from vault.server import tls


async def take(requests: AsyncIterator[bytes], _context: object) -> bytes:
    """Let go of what comes; answer how much it was."""
    size = 0
    async for message in requests:
        size += len(message)
    return str(size).encode()


class BareStreams(grpc.GenericRpcHandler):
    """Serves the two methods."""

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any]:
        _, _, method, *numbers = details.method.split("/")
        if method == "Take":
            return grpc.stream_unary_rpc_method_handler(take)
        messages, size = map(int, numbers)
        message = bytes(size)

        async def give(_request: bytes, _context: object) -> AsyncIterator[bytes]:
            for _ in range(messages):
                yield message

        return grpc.unary_stream_rpc_method_handler(give)


async def main(port: int, pki: Path, ready: Path) -> None:
    """Serve until the process is ended."""
    tls.require_tls13()
    server = aio.server(options=OPTIONS)
    server.add_generic_rpc_handlers((BareStreams(),))
    credentials = tls.server_credentials(pki / "server.pem", pki / "server.key", pki / "ca.pem")
    server.add_secure_port(f"localhost:{port}", credentials)
    await server.start()
    ready.touch()  # noqa: ASYNC240 - before anything is served
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])))
