"""`vaultd witness` as a process of its own, over HTTP."""

import http.client
import os
import ssl
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.support.log_keys import ORIGIN
from tests.support.quiet_ports import free_port
from tests.support.running_vault import ROOT
from vault.audit.note import VerifierKey
from vault.audit.witness import WitnessKey
from vault.server.dev.pki import Authority


class WitnessProcess:
    """A witness in a folder, for one log. Start it, kill it, start it again."""

    def __init__(
        self,
        folder: Path,
        keys: Sequence[VerifierKey],
        name: str = "w.example/1",
        *,
        tls: bool = False,
    ) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        self.key = WitnessKey.create(folder / "witness.key", name).verifier
        vkeys = ", ".join(f'"{key.vkey}"' for key in keys)
        self.config = folder / "witness.toml"
        self.config.write_text(
            f'listen = "localhost:{self.port}"\nkey = "witness.key"\nstate = "state"\n'
            f'[[logs]]\norigin = "{ORIGIN}"\nvkeys = [{vkeys}]\n'
        )
        self.tls = tls
        if tls:
            authority = Authority.open(folder, datetime.now(UTC))
            authority.server("server")
            table = 'tls = { certificate = "server.pem", key = "server.key" }\n'
            self.config.write_text(self.config.read_text().replace("[[logs]]", f"{table}[[logs]]"))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its submission prefix."""
        return f"http{'s' * self.tls}://localhost:{self.port}"

    @property
    def ca(self) -> Path:
        """The authority of its certificate, where it has one."""
        return self.folder / "ca.pem"

    @property
    def toml(self) -> str:
        """Its table in vault.toml."""
        ca = f'ca = "{self.ca}"\n' if self.tls else ""
        return f'[[log.witnesses]]\nurl = "{self.url}"\nvkey = "{self.key.vkey}"\n{ca}'

    def command(self, *words: str, fault: str = "") -> subprocess.Popen[bytes]:
        """`vaultd witness` with these words."""
        return subprocess.Popen(
            [sys.executable, "-m", "vault.cli.vaultd", "witness", *words],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "VAULT_FAULT_POINT": fault},
        )

    def start(self, fault: str = "") -> None:
        """Start, and wait until it takes requests. `fault` as vault.audit.faults has it."""
        self._process = self.command("--config", str(self.config), fault=fault)
        assert self._process.stdout is not None and self._process.stderr is not None
        line = self._process.stdout.readline()
        if not line.startswith(b"ready witness"):
            raise RuntimeError(f"no witness: {self._process.stderr.read().decode()}")

    def wait(self) -> int:
        """Until it has ended by itself; how."""
        process = self._required()
        code = process.wait(20)
        self._let_go()
        return code

    def kill(self) -> None:
        """SIGKILL."""
        self._required().kill()
        self.wait()

    def stop(self) -> None:
        """SIGTERM, if it runs."""
        if self._process is not None:
            self._process.terminate()
            self.wait()

    def post(self, body: bytes, path: str = "/add-checkpoint") -> tuple[int, bytes, str]:
        """Status, body and content type."""
        connection = self._connection()
        try:
            connection.request("POST", path, body)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.getheader("Content-Type", "")
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if not self.tls:
            return http.client.HTTPConnection("localhost", self.port, timeout=10)
        trust = ssl.create_default_context(cafile=self.ca)
        return http.client.HTTPSConnection("localhost", self.port, timeout=10, context=trust)

    def _required(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    def _let_go(self) -> None:
        process = self._required()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        self._process = None
