"""Records to syslog: RFC 5424 messages with octet counting over TLS (RFC 5425).

Syslog has no acknowledgement. What there is: a receiver that has read everything up to our end of
the stream ends the stream as well, while one that is stopped with bytes unread resets the
connection. So a batch is confirmed by ending the connection in good order and seeing the receiver
do the same; the next one opens another. A receiver that does not end its side is believed when its
kernel has acknowledged every byte and the connection has stood for some seconds after that.
"""

from __future__ import annotations

import errno
import fcntl
import socket
import ssl
import struct
import termios
import time
from collections.abc import Sequence

from vault.cli.vaultctl.audit_text import Severity
from vault.cli.vaultctl.siem.facts import PRODUCT, product_version
from vault.cli.vaultctl.siem.records import Record
from vault.cli.vaultctl.siem.sinks import SinkAway

_TIMEOUT = 30.0
_ENDING = 5.0
_FACILITY = 13  # log audit
_SEVERITIES = {
    Severity.INFO: 6,
    Severity.NOTICE: 5,
    Severity.WARNING: 4,
    Severity.ALERT: 1,
}
_MAX_MSGID = 32
_MAX_HOSTNAME = 255
# meta.sequenceId goes from 1 to 2147483647 and then begins anew (RFC 5424, section 7.3.1).
_SEQUENCE = 2_147_483_647


def frame(record: Record, hostname: str) -> bytes:
    """One message with its length in front."""
    priority = _FACILITY * 8 + _SEVERITIES[record.severity]
    sequence = record.position % _SEQUENCE + 1
    header = (
        f"<{priority}>1 {record.time} {_printable(hostname, _MAX_HOSTNAME)} {PRODUCT} - "
        f"{_printable(record.action, _MAX_MSGID)} "
        f'[meta sequenceId="{sequence}"][origin software="{PRODUCT}" '
        f'swVersion="{product_version()}"] '
    )
    message = header.encode("ascii") + record.payload
    return b"%d %s" % (len(message), message)


def _printable(text: str, most: int) -> str:
    """PRINTUSASCII, or the nil value."""
    return "".join(one for one in text if "!" <= one <= "~")[:most] or "-"


class SyslogSink:
    """Connects when there is something to send."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext) -> None:
        self._host = host
        self._port = port
        self._tls = tls
        self._hostname = socket.gethostname()
        self._socket: ssl.SSLSocket | None = None

    def send(self, records: Sequence[Record]) -> None:
        """Write them into the connection. Raises SinkAway."""
        data = b"".join(frame(record, self._hostname) for record in records)
        try:
            connection = self._socket or self._connect()
            connection.sendall(data)
        except OSError as error:
            self.close()
            raise SinkAway(_why(error)) from error

    def confirm(self) -> None:
        """End the connection in good order. Raises SinkAway where the receiver did not take all."""
        connection, self._socket = self._socket, None
        if connection is None:
            return
        deadline = time.monotonic() + _ENDING
        try:
            # Half of the time for the end in TLS, half for the end of the connection below it.
            connection.settimeout(_ENDING / 2)
            plain: socket.socket = connection
            try:
                plain = connection.unwrap()
            except (ssl.SSLEOFError, ssl.SSLZeroReturnError, TimeoutError):
                # It ended the stream without saying so in TLS, or says nothing.
                pass
            except OSError as error:
                if error.errno:
                    raise
            _await_end(plain, deadline)
        except OSError as error:
            raise SinkAway(_why(error)) from error
        finally:
            connection.close()

    def close(self) -> None:
        """Drop the connection."""
        connection, self._socket = self._socket, None
        if connection is not None:
            connection.close()

    def _connect(self) -> ssl.SSLSocket:
        plain = socket.create_connection((self._host, self._port), timeout=_TIMEOUT)
        try:
            connection = self._tls.wrap_socket(plain, server_hostname=self._host)
        except BaseException:
            plain.close()
            raise
        self._socket = connection
        return connection


def _await_end(plain: socket.socket, deadline: float) -> None:
    """Until the receiver has ended its side, or has stood by with every byte acknowledged."""
    with plain:
        try:
            plain.shutdown(socket.SHUT_WR)
        except OSError as error:
            # Ended already by the other side is what is wanted; a reset shows in what follows.
            if error.errno != errno.ENOTCONN:
                raise
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            plain.settimeout(left)
            try:
                if not plain.recv(4096):
                    return
            except TimeoutError:
                break
            except OSError as error:
                if error.errno == errno.ENOTCONN:
                    return
                raise
        unsent = struct.unpack("i", fcntl.ioctl(plain.fileno(), termios.TIOCOUTQ, bytes(4)))[0]
        if unsent:
            raise TimeoutError(f"{unsent} bytes are not acknowledged")


def _why(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message}"
    return (error.strerror or type(error).__name__).lower()
