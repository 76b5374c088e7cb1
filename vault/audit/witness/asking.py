"""Asks a witness for its cosignature, and stores it with the checkpoint.

Plain HTTP is for this machine alone; everything else is https. Redirects are not followed, answers
are bounded, and every wait has an end.
"""

import http.client
import ipaddress
import ssl
from collections.abc import Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import SplitResult, urlsplit

from sqlalchemy import Connection

from vault.audit import tree
from vault.audit.canonical import parse_decimal
from vault.audit.note import (
    Note,
    NoteInvalid,
    Signature,
    SignatureInvalid,
    VerifierKey,
    parse_note,
)
from vault.audit.witness.request import AddCheckpoint
from vault.store import Database, log_tree
from vault.store.log_tree import CheckpointRow

TIMEOUT: Final = 5.0
"""Seconds for a connection, and for each read of it."""
_MAX_ANSWER: Final = 64 * 1024
_ATTEMPTS: Final = 3
_STORE_ATTEMPTS: Final = 20


class WitnessFailed(Exception):
    """The witness is away, or does not answer as the protocol has it. Tried again."""


class WitnessRefused(WitnessFailed):
    """The witness has seen another history of this log than the one it was shown."""


def is_allowed(url: str) -> bool:
    """Whether a witness's URL is https, or http on this machine."""
    try:
        parts = urlsplit(url)
        port_is_good = parts.port is None or parts.port > 0
    except ValueError:
        return False
    if not parts.hostname or not port_is_good or parts.query or parts.fragment or parts.username:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Witness:
    """One witness, as a log asks it. For one thread.

    `url` is its submission prefix, `ca` a file of authorities for https (else the system's).
    Raises ValueError for a URL that is not allowed, or a key that makes no cosignatures.
    """

    def __init__(
        self, url: str, key: VerifierKey, database: Database, ca: str = "", timeout: float = TIMEOUT
    ) -> None:
        if not is_allowed(url):
            raise ValueError("a witness's URL is https, or http on this machine")
        if not key.kind.timestamped:
            raise ValueError("the key of a witness makes cosignatures (type 0x04)")
        self.key = key
        self._parts = urlsplit(url)
        self._database = database
        self._timeout = timeout
        self._tls = _tls(url, ca)
        self._known = 0  # the size that it has cosigned last, as far as we know

    def deliver(self, row: CheckpointRow) -> None:
        """Have a checkpoint cosigned, and the cosignature stored. Raises WitnessFailed, and what
        the store raises."""
        signature = self._cosigned(row)
        self._database.write_sync(lambda conn: _add(conn, row.size, signature))

    def _cosigned(self, row: CheckpointRow) -> Signature:
        for _ in range(_ATTEMPTS):
            old = self._known
            if old > row.size:
                # It is asked again the next time: its people may have made it forget.
                self._known = 0
                raise WitnessRefused(f"it has cosigned {old} entries; this log has {row.size}")
            proof: list[bytes] = []
            if 0 < old < row.size:
                proof = self._database.read_sync(_proof(old, row.size))
            request = AddCheckpoint(old, tuple(proof), row.note)
            status, body = self._post(request.encode())
            if status == HTTPStatus.OK:
                signature = self._signature(row, body)
                self._known = row.size
                return signature
            if status != HTTPStatus.CONFLICT:
                # It may have been set up anew: ask for its size again.
                self._known = 0
                different = status == HTTPStatus.UNPROCESSABLE_ENTITY
                kind = WitnessRefused if different else WitnessFailed
                raise kind(f"it answered {status}")
            self._known = _size(body)
            if self._known == old:
                raise WitnessRefused(f"it has cosigned another tree of {old} entries")
        raise WitnessFailed("its size changes with every request: does another log use its name?")

    def _signature(self, row: CheckpointRow, body: bytes) -> Signature:
        """Its cosignature, verified; lines of other keys are passed over."""
        text = parse_note(row.note).text
        try:
            lines = body.decode().removesuffix("\n").split("\n")
            for signature in map(Signature.parse, lines):
                if self.key.made(signature):
                    self.key.verify(text, signature)
                    return signature
        except (UnicodeDecodeError, NoteInvalid, SignatureInvalid) as error:
            raise WitnessFailed("its cosignature is wrong") from error
        raise WitnessFailed("it answered without a cosignature of its key")

    def _post(self, body: bytes) -> tuple[int, bytes]:
        connection = _connection(self._parts, self._tls, self._timeout)
        path = f"{self._parts.path.rstrip('/')}/add-checkpoint"
        try:
            connection.request("POST", path, body, {"Content-Type": "text/plain"})
            response = connection.getresponse()
            return response.status, response.read(_MAX_ANSWER)
        except (OSError, http.client.HTTPException) as error:
            raise WitnessFailed(f"it cannot be reached ({type(error).__name__})") from error
        finally:
            connection.close()


def greet(url: str, ca: str = "", timeout: float = TIMEOUT) -> None:
    """Whether somebody answers at a witness's URL, whatever it is. Raises WitnessFailed, and
    OSError for a file of authorities that is none."""
    parts = urlsplit(url)
    connection = _connection(parts, _tls(url, ca), timeout)
    try:
        connection.request("GET", f"{parts.path.rstrip('/')}/health")
        connection.getresponse().read(_MAX_ANSWER)
    except (OSError, http.client.HTTPException) as error:
        raise WitnessFailed(f"it cannot be reached ({type(error).__name__})") from error
    finally:
        connection.close()


def _tls(url: str, ca: str) -> ssl.SSLContext | None:
    return ssl.create_default_context(cafile=ca or None) if url[:5] == "https" else None


def _connection(
    parts: SplitResult, tls: ssl.SSLContext | None, timeout: float
) -> http.client.HTTPConnection:
    host, port = parts.hostname or "", parts.port
    if tls is not None:
        return http.client.HTTPSConnection(host, port, timeout=timeout, context=tls)
    return http.client.HTTPConnection(host, port, timeout=timeout)


def _proof(old: int, size: int) -> Callable[[Connection], list[bytes]]:
    return lambda conn: tree.consistency(conn, old, size)


def _size(body: bytes) -> int:
    try:
        return parse_decimal(body.decode("ascii").removesuffix("\n"))
    except ValueError as error:
        raise WitnessFailed("it answered 409 without a size") from error


def _add(conn: Connection, size: int, signature: Signature) -> None:
    """Another witness may add its line meanwhile: then to what stands now. A checkpoint may be
    pruned by now. Raises WitnessFailed."""
    for _ in range(_STORE_ATTEMPTS):
        row = log_tree.checkpoint(conn, size)
        if row is None:
            return
        note: Note = parse_note(row.note)
        kept = [one for one in note.signatures if one.key_id != signature.key_id]
        fresh = Note(note.text, (*kept, signature)).encode()
        if log_tree.replace_note(conn, size, row.note, fresh):
            return
    raise WitnessFailed("its cosignature could not be stored")
