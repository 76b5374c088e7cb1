"""TLS for the server: mutual always, version 1.3 only, never a plaintext port.

gRPC's Python API cannot set a lowest version, and its library takes TLS 1.2 as well. What it can
set is the list of cipher suites for TLS 1.2, which does not touch those of 1.3. Here the list names
one suite that needs a pre-shared key, which this server has not got: so no client can agree on
anything below 1.3, and a handshake that tries ends with "no shared cipher". A test tries.
"""

from __future__ import annotations

import os
from pathlib import Path

import grpc

_NEVER_AGREED = "ECDHE-PSK-AES256-CBC-SHA"
_VARIABLE = "GRPC_SSL_CIPHER_SUITES"


class TlsFilesUnusable(Exception):
    """A certificate or key file is missing, unreadable or open to others."""


def require_tls13() -> None:
    """Take effect for every server of this process that is made from now on."""
    os.environ[_VARIABLE] = _NEVER_AGREED


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
