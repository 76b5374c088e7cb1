"""KEKs that never leave a secrets engine "transit" (OpenBao, HashiCorp Vault), asked over HTTP.

The KEK `full` is the engine's key `{prefix}full`, of a type of AEAD (aes256-gcm96 or
chacha20-poly1305), and so on. What the engine gives back, `vault:v3:` and base64, is kept as a
format byte and the bytes that the base64 stands for: text could be altered in bits that mean
nothing. The version is kept beside it, as `transit:3`. The context is given as `associated_data`,
framed with the KEK's name and, where it is known before, not the version: the engine binds that
itself, since each version is another key.

The token is read anew for each request, so that an agent can renew it in its file. Encrypting
under a key that is not there would make it, where the token may `create`: give it `update` alone
(deploy/kms/README.md).
"""

import base64
import binascii
import http.client
import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from vault.kms.checking import check_given
from vault.kms.errors import KekMissing, KmsUnavailable, UnwrapRefused
from vault.kms.keybytes import framed
from vault.kms.port import KekName, WrappedKey
from vault.kms.private_files import key_folder, read_private

_FORMAT: Final = b"\x01"
_VERSION: Final = re.compile(r"transit:([1-9][0-9]{0,8})")
_CIPHERTEXT: Final = re.compile(r"vault:v([1-9][0-9]{0,8}):([A-Za-z0-9+/]+={0,2})")
_MAX_ANSWER: Final = 64 * 1024
# By what the engine's 400 says. It tells nothing apart by a code.
_NO_KEY: Final = ("key not found", "version is too new", "too old", "no key", "key is deleted")


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitSettings:
    """Where the engine is. `address` is https, or http on this machine; `ca` a file of authorities
    (else the system's); `timeout` in seconds, for a connection and for each read of it."""

    address: str
    token_file: Path
    mount: str = "transit"
    prefix: str = "recordsvault-"
    namespace: str = ""
    ca: str = ""
    timeout: float = 2.0


class TransitKms:
    """The KEKs that the token may use.

    Raises OSError for a `ca` that is no file of authorities.
    """

    def __init__(self, settings: TransitSettings) -> None:
        self._settings = settings
        self._parts = urlsplit(settings.address)
        self._tls = None
        if self._parts.scheme == "https":
            self._tls = ssl.create_default_context(cafile=settings.ca or None)

    def __repr__(self) -> str:
        return f"<TransitKms at {self._parts.hostname}>"

    def wrap(self, kek: KekName, key: bytes | bytearray, context: bytes) -> WrappedKey:
        """As Kms.wrap."""
        body = {"plaintext": _base64(key), "associated_data": _base64(_aad(kek, context))}
        data = self._ask(kek, "encrypt", body)
        found = _CIPHERTEXT.fullmatch(str(data.get("ciphertext", "")))
        if found is None:
            raise KmsUnavailable("transit: it answered without a ciphertext")
        blob = _FORMAT + _bytes(found[2])
        return WrappedKey(kek, f"transit:{found[1]}", blob)

    def unwrap(self, wrapped: WrappedKey, context: bytes) -> bytearray:
        """As Kms.unwrap."""
        version = _VERSION.fullmatch(wrapped.kek_version)
        if version is None:
            raise KekMissing(f"transit has no KEK {wrapped.kek.value!r} of that version")
        if not wrapped.blob.startswith(_FORMAT):
            raise UnwrapRefused("not a key that this provider wrapped")
        body = {
            "ciphertext": f"vault:v{version[1]}:{_base64(wrapped.blob[1:])}",
            "associated_data": _base64(_aad(wrapped.kek, context)),
        }
        data = self._ask(wrapped.kek, "decrypt", body)
        return bytearray(_bytes(str(data.get("plaintext", ""))))

    def check(self) -> None:
        """As Kms.check. Which KEKs the node was given, the engine knows: those that it may use."""
        check_given(
            self,
            wrong="transit: it gave back another key than it was given",
            none="the token may use no KEK of transit",
        )

    def _ask(self, kek: KekName, verb: str, body: Mapping[str, str]) -> Mapping[str, Any]:
        name = f"{self._settings.prefix}{kek.value}"
        status, answer = self._send("POST", f"{self._settings.mount}/{verb}/{name}", body)
        if status == http.HTTPStatus.OK:
            data = answer.get("data")
            if not isinstance(data, dict):
                raise KmsUnavailable("transit: its answer has no data")
            return data
        if status in (http.HTTPStatus.FORBIDDEN, http.HTTPStatus.NOT_FOUND):
            self._require_token()
            raise KekMissing(f"transit lets this node not use a key {name!r}, or has none")
        if status == http.HTTPStatus.BAD_REQUEST:
            said = " ".join(map(str, answer.get("errors") or ())).lower()
            if any(words in said for words in _NO_KEY):
                raise KekMissing(f"transit has no key {name!r}, or not of that version")
            if verb == "decrypt":
                raise UnwrapRefused("the wrapped key was changed or belongs elsewhere")
        # What it says may quote what it was sent, and is not repeated.
        raise KmsUnavailable(f"transit: it answered {status}")

    def _require_token(self) -> None:
        """Tell a token that has ended from one that may not: the first is mended like an outage."""
        status, _ = self._send("GET", "auth/token/lookup-self", None)
        if status != http.HTTPStatus.OK:
            raise KmsUnavailable(
                "transit: the token is refused; put one that is valid into "
                f"{self._settings.token_file}"
            )

    def _send(
        self, method: str, path: str, body: Mapping[str, str] | None
    ) -> tuple[int, Mapping[str, Any]]:
        headers = {"X-Vault-Token": self._token(), "X-Vault-Request": "true"}
        if self._settings.namespace:
            headers["X-Vault-Namespace"] = self._settings.namespace
        connection = self._connection()
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, f"{self._parts.path.rstrip('/')}/v1/{path}", text, headers)
            response = connection.getresponse()
            content = response.read(_MAX_ANSWER + 1)
        except (OSError, http.client.HTTPException) as error:
            raise KmsUnavailable(f"transit cannot be reached ({type(error).__name__})") from None
        finally:
            connection.close()
        try:
            answer: Any = json.loads(content) if content else {}
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict) or len(content) > _MAX_ANSWER:
            # A proxy before it, or something else altogether.
            raise KmsUnavailable(f"transit: it answered {response.status}, and not in JSON")
        return response.status, answer

    def _token(self) -> str:
        file = self._settings.token_file
        with key_folder(file.parent) as folder:
            content = read_private(folder, file)
        token = (content or b"").strip()
        if not token or not token.isascii() or not token.decode("ascii").isprintable():
            raise KmsUnavailable(f"transit: {file} has no token; put one there")
        return token.decode("ascii")

    def _connection(self) -> http.client.HTTPConnection:
        host, port, timeout = self._parts.hostname or "", self._parts.port, self._settings.timeout
        if self._tls is not None:
            return http.client.HTTPSConnection(host, port, timeout=timeout, context=self._tls)
        return http.client.HTTPConnection(host, port, timeout=timeout)


def _aad(kek: KekName, context: bytes) -> bytes:
    return framed(b"recordsvault/kek-wrap/v1", kek.value.encode(), context)


def _base64(data: bytes | bytearray) -> str:
    return base64.b64encode(data).decode("ascii")


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise KmsUnavailable("transit: its answer is not base64") from None
