"""Where an issuer's keys are read from: a file, or an https address."""

import http.client
import os
import ssl
import stat
import time
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from vault.audit.witness.asking import is_allowed

_MAX_BYTES: Final = 256 * 1024
_CHUNK: Final = 16 * 1024
_WRITABLE_BY_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH


class JwksAway(Exception):
    """The keys cannot be read now; the message says why and how to mend it."""


class Source(Protocol):
    """Reads the bytes of a JWK Set. `period` says how often, `least` how long to wait between two
    readings even when a key is missed, in seconds."""

    @property
    def period(self) -> float: ...

    @property
    def least(self) -> float: ...

    def read(self) -> bytes:
        """Raises JwksAway. Blocks: for a thread of its own."""
        ...


class JwksFile:
    """A file. It decides who may speak for whom, so that only its owner may write it."""

    period = 1.0
    least = 0.5

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> bytes:
        """The bytes of the file. Raises JwksAway."""
        path = self._path
        try:
            # Non-blocking, so that a pipe in its place holds nobody up.
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as file:
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode):
                    raise JwksAway(f"{path} is not a file; put the issuer's JWKS there")
                if status.st_mode & _WRITABLE_BY_OTHERS:
                    raise JwksAway(f"{path} is writable by group or others; run: chmod go-w {path}")
                if status.st_uid not in (0, os.geteuid()):
                    raise JwksAway(
                        f"{path} belongs to user {status.st_uid}, who could change it; "
                        f"run: chown {os.geteuid()} {path}"
                    )
                data = file.read(_MAX_BYTES + 1)
        except OSError as error:
            raise JwksAway(f"{path} cannot be read ({error.strerror})") from None
        return _bounded(data)


class JwksUrl:
    """An https address; plain http on this machine only. Redirects are not followed."""

    period = 300.0
    least = 10.0

    def __init__(self, url: str, ca: str = "", timeout: float = 5.0) -> None:
        """`ca` is a file of authorities (else the system's), `timeout` is in seconds for the whole.

        Raises ValueError for an address that is not allowed; OSError for a file of authorities
        that is none.
        """
        if not is_allowed(url):
            raise ValueError("the address of a JWKS is https, or http on this machine")
        self._parts = urlsplit(url)
        secure = self._parts.scheme == "https"
        self._tls = ssl.create_default_context(cafile=ca or None) if secure else None
        self._timeout = timeout

    def read(self) -> bytes:
        """The body of the answer. Raises JwksAway."""
        host, port = self._parts.hostname or "", self._parts.port
        connection = (
            http.client.HTTPSConnection(host, port, timeout=self._timeout, context=self._tls)
            if self._tls is not None
            else http.client.HTTPConnection(host, port, timeout=self._timeout)
        )
        ends = time.monotonic() + self._timeout
        try:
            headers = {"Accept": "application/jwk-set+json, application/json"}
            connection.request("GET", self._parts.path or "/", headers=headers)
            response = connection.getresponse()
            if response.status != http.HTTPStatus.OK:
                raise JwksAway(f"the issuer answered {response.status} for its keys")
            data = b""
            # In pieces: who drips them out does not hold this thread for longer.
            while len(data) <= _MAX_BYTES and (piece := response.read1(_CHUNK)):
                data += piece
                if time.monotonic() > ends:
                    raise JwksAway("the issuer takes too long to answer for its keys")
        except (OSError, http.client.HTTPException) as error:
            raise JwksAway(f"the issuer cannot be reached ({type(error).__name__})") from None
        finally:
            connection.close()
        return _bounded(data)


def _bounded(data: bytes) -> bytes:
    if len(data) > _MAX_BYTES:
        raise JwksAway(f"the issuer's keys are larger than {_MAX_BYTES} bytes")
    return data
