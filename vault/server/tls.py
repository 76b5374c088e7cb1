"""TLS for the server: mutual always, version 1.3 only, never a plaintext port.

That nothing below 1.3 can be agreed on is seen to where gRPC is loaded (vault/__init__.py), since
it cannot be set later; a server that finds it not so does not start.
"""

from __future__ import annotations

from pathlib import Path

import grpc

import vault


class TlsFilesUnusable(Exception):
    """A certificate or key file is missing, unreadable or open to others."""


class TlsVersionsOpen(Exception):
    """This process would speak TLS 1.2 as well."""


def require_tls13() -> None:
    """Raises TlsVersionsOpen unless this process speaks TLS 1.3 only."""
    if not vault.TLS13_ONLY:
        raise TlsVersionsOpen(
            "gRPC was loaded before the vault and would speak TLS 1.2 as well; "
            "import vault before grpc"
        )


def read_private(path: Path) -> bytes:
    """A private key's file. Raises TlsFilesUnusable if anybody but its owner can read it."""
    try:
        mode = path.stat().st_mode
        if mode & 0o077:
            raise TlsFilesUnusable(f"{path} can be read by others; run: chmod 600 {path}")
        return path.read_bytes()
    except OSError as error:
        raise TlsFilesUnusable(f"{path} cannot be read: {error.strerror}") from None


def read_public(path: Path) -> bytes:
    """A certificate's file. Raises TlsFilesUnusable."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise TlsFilesUnusable(f"{path} cannot be read: {error.strerror}") from None


def server_credentials(certificate: Path, key: Path, client_ca: Path) -> grpc.ServerCredentials:
    """Credentials that demand a client certificate of the authority."""
    return grpc.ssl_server_credentials(
        [(read_private(key), read_public(certificate))],
        root_certificates=read_public(client_ca),
        require_client_auth=True,
    )


def channel_credentials(ca: Path, certificate: Path, key: Path) -> grpc.ChannelCredentials:
    """Credentials of a node that calls another."""
    return grpc.ssl_channel_credentials(
        read_public(ca), read_private(key), read_public(certificate)
    )
