"""What a sink is, and which one a URL names."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

from vault.cli.vaultctl.failures import CommandError
from vault.cli.vaultctl.options import unreadable
from vault.cli.vaultctl.siem.records import Record


class SinkAway(Exception):
    """The sink cannot take or confirm records now. The text says why and quotes no record."""


class Sink(Protocol):
    """Takes records in order. Every method may raise SinkAway, after which nothing that was not
    confirmed may be taken for delivered."""

    def send(self, records: Sequence[Record]) -> None:
        """Hand records over."""

    def confirm(self) -> None:
        """Return when the sink has all that was sent."""

    def close(self) -> None:
        """Give up connections and files; without waiting, and without an error."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Files of a TLS client; "" where there is none."""

    ca: Path | None = None  # else the system's authorities
    certificate: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """A context that checks the server's name and certificate. Raises CommandError."""
        try:
            context = ssl.create_default_context(cafile=self.ca)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if self.certificate is not None:
                context.load_cert_chain(self.certificate, self.key)
        except FileNotFoundError as error:
            raise CommandError(
                "A TLS file cannot be read: see --tls-ca, --tls-cert and --tls-key.",
                "无法读取 TLS 文件：请检查 --tls-ca、--tls-cert 和 --tls-key。",
            ) from error
        except (OSError, ssl.SSLError) as error:
            raise CommandError(
                "A TLS file does not hold what it should: see --tls-ca, --tls-cert and --tls-key.",
                "TLS 文件内容不正确：请检查 --tls-ca、--tls-cert 和 --tls-key。",
            ) from error
        return context


def read_token(path: Path | None) -> str:
    """A bearer token from the first line of a file. Raises CommandError."""
    if path is None:
        return ""
    try:
        return path.read_text("ascii").split("\n", 1)[0].strip()
    except OSError as error:
        raise unreadable(path, error) from None
    except UnicodeDecodeError:
        raise CommandError(
            f"{path} holds no token: one line of ASCII is wanted.",
            f"{path} 中没有令牌：应为一行 ASCII 文本。",
        ) from None


def open_sink(to: str, tls: TlsFiles, token: str, *, text: bool) -> Sink:
    """The sink of a URL. `text`: lines of text rather than of JSON. Raises CommandError."""
    from vault.cli.vaultctl.siem.file_sink import FileSink
    from vault.cli.vaultctl.siem.https_sink import HttpsSink
    from vault.cli.vaultctl.siem.syslog_sink import SyslogSink

    if to.startswith("file:") and len(to) > len("file:"):
        return FileSink(Path(to.removeprefix("file:")))
    url = _split(to)
    if url is not None and url.scheme == "syslog+tls" and url.hostname:
        return SyslogSink(url.hostname, url.port or 6514, tls.context())
    if url is not None and url.scheme == "https" and url.hostname:
        kind = "text/plain; charset=utf-8" if text else "application/x-ndjson"
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        return HttpsSink(url.hostname, url.port or 443, path, tls.context(), kind, token)
    raise CommandError(
        "--to is one of file:PATH, syslog+tls://HOST:PORT, https://HOST[:PORT]/PATH.",
        "--to 应为 file:PATH、syslog+tls://HOST:PORT 或 https://HOST[:PORT]/PATH。",
    )


def _split(text: str) -> SplitResult | None:
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError:
        return None
    # A password in a command line is seen by all.
    return None if url.username or url.password else url
