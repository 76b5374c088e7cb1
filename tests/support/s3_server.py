"""A real S3 server: versitygw over a folder, on a port of 127.0.0.1.

Apache 2.0, one program, kept up; it has conditional puts, ranges, checksums and object lock, and
holds signatures to the letter. `rclone serve s3` was tried too: its answers to ranges are wrong.
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import trustme

from tests.support import go_tool
from tests.support.quiet_ports import free_port
from vault.blobs import S3Key, S3Lock, S3Place
from vault.blobs.sigv4 import encoded_query, signed_headers

PACKAGE, RELEASE = "github.com/versity/versitygw/cmd/versitygw", "v1.8.0"
KEY = S3Key("vault-of-the-tests", "a secret of the tests alone")
REGION = "us-east-1"
_START_SECONDS = 20.0


class S3Server:
    """Buckets are folders in `folder`; `ca` makes it answer by TLS alone."""

    def __init__(self, folder: Path, ca: trustme.CA | None = None) -> None:
        self.folder = folder / "buckets"
        self.versions = folder / "versions"
        self.folder.mkdir()
        self.versions.mkdir()
        self.port = free_port()
        self.ca = ca.cert_pem.bytes() if ca else b""
        self._tls: list[str] = []
        if ca is not None:
            certificate = ca.issue_cert("localhost")
            certificate.private_key_pem.write_to_path(str(folder / "server.key"))
            (folder / "server.pem").write_bytes(
                b"".join(one.bytes() for one in certificate.cert_chain_pems)
            )
            self._tls = [
                "--cert", str(folder / "server.pem"), "--key", str(folder / "server.key")
            ]  # fmt: skip
        self._log = folder / "versitygw.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address without a bucket."""
        return f"{'https' if self._tls else 'http'}://localhost:{self.port}"

    def start(self, *, versions: bool = False) -> None:
        """Start it and wait until it takes connections; the folder and the port stay. With
        `versions`, buckets can keep versions, as object lock wants them to."""
        program = go_tool.install(PACKAGE, RELEASE)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    program,
                    *("--port", f"127.0.0.1:{self.port}", "--region", REGION, *self._tls),
                    *("--quiet", "--keep-alive", "posix"),
                    *(("--versioning-dir", str(self.versions)) if versions else ()),
                    str(self.folder),
                ],
                stdout=log,
                stderr=log,
                cwd=self.folder.parent,
                env={
                    **os.environ,
                    "ROOT_ACCESS_KEY": KEY.access_key_id,
                    "ROOT_SECRET_KEY": KEY.secret_access_key,
                },
            )
        end = time.monotonic() + _START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self._process.poll() is None and time.monotonic() < end, self.log()
                time.sleep(0.02)

    def log(self) -> str:
        """What it has said."""
        return self._log.read_text(errors="replace")

    def stop(self) -> None:
        """End it at once, as a loss of power would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def new_bucket(self, name: str, *, locks: bool = False) -> str:
        """Make a bucket; with `locks`, one that has object lock."""
        headers = {"x-amz-bucket-object-lock-enabled": "true"} if locks else {}
        status, answer = self.ask("PUT", f"/{name}", headers=headers)
        assert status == 200, answer
        return name

    def ask(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> tuple[int, bytes]:
        """A signed request, by nothing but our own signature."""
        host = f"127.0.0.1:{self.port}"
        sent = signed_headers(
            KEY, REGION, method, host, path, query or {}, headers or {}, body, datetime.now(UTC)
        )
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, f"{path}?{encoded_query(query or {})}", body, sent)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def place(
        self,
        bucket: str,
        *,
        url: str = "",
        prefix: str = "vault/",
        key: S3Key = KEY,
        lock: S3Lock | None = None,
        timeout: float = 30.0,
        attempts: int = 4,
        patience: float = 20.0,
    ) -> S3Place:
        """Where the vault finds a bucket."""
        return S3Place(
            bucket, key, url or self.url, REGION, prefix, self.ca, lock, timeout, attempts, patience
        )
