"""Records to an HTTPS endpoint: a POST a batch, a line each; any 2xx confirms it."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Sequence

from vault.cli.vaultctl.siem.records import Record
from vault.cli.vaultctl.siem.sinks import SinkAway

_TIMEOUT = 30.0
_MAX_ANSWER = 65_536


class HttpsSink:
    """One connection, kept. Redirects are not followed: records go where the command says."""

    def __init__(
        self,
        host: str,
        port: int,
        path: str,
        tls: ssl.SSLContext,
        content_type: str,
        token: str,
    ) -> None:
        self._connection = http.client.HTTPSConnection(host, port, timeout=_TIMEOUT, context=tls)
        self._path = path
        self._headers = {"Content-Type": content_type}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def send(self, records: Sequence[Record]) -> None:
        """Post them. Raises SinkAway for every answer but a 2xx."""
        body = b"".join(record.payload + b"\n" for record in records)
        try:
            self._connection.request("POST", self._path, body, self._headers)
            answer = self._connection.getresponse()
            rest = answer.read(_MAX_ANSWER)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise SinkAway(_why(error)) from error
        if len(rest) == _MAX_ANSWER or answer.will_close:
            self.close()
        if not 200 <= answer.status < 300:
            raise SinkAway(f"answered {answer.status}")

    def confirm(self) -> None:
        """Every batch was confirmed as it was sent."""

    def close(self) -> None:
        """Close the connection; the next batch opens another."""
        self._connection.close()


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return type(error).__name__
