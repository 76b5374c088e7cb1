"""Key management services for tests that are programs in Go: a transit engine, and a local AWS KMS.

Each is built once (tests/support/go_tool.py) and runs on a port of 127.0.0.1, perhaps with a faulty
server before it (tests/support/faulty_http.py).

`TransitServer` is HashiCorp Vault's own engine (tests/support/transit/). `LocalAws` is
github.com/nsmithuk/local-kms, which speaks AWS's protocol to the real boto3. It leaves some bits of
its own envelope unauthenticated and breaks the connection off on some that are cut short, which AWS
does not: tests flip bits of the ciphertext in it, and take a lost connection for a refusal there.
"""

import atexit
import http.client
import json
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.support import go_tool
from tests.support.quiet_ports import quiet_ports

LOCAL_KMS = "github.com/nsmithuk/local-kms"
LOCAL_KMS_RELEASE = "v0.0.0-20260228092603-2a5e92d09ab6"
TRANSIT = Path(__file__).parent / "transit"
REGION = "eu-west-2"
ACCOUNT = "111122223333"
_START_SECONDS = 20.0


class _Server:
    """A program on a port that stays its own."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.port = quiet_ports(1)[0]
        self.front = ""
        self._name = name
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """http://127.0.0.1:PORT, or what stands before it."""
        return self.front or f"http://127.0.0.1:{self.port}"

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _environment(self) -> dict[str, str]:
        return {}

    def start(self) -> None:
        """Start it and wait until it listens."""
        atexit.register(self.stop)
        with (self.folder / f"{self._name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(), stdout=log, stderr=log, env={**os.environ, **self._environment()}
            )
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise RuntimeError((self.folder / f"{self._name}.log").read_text("utf-8", "replace"))

    def stop(self) -> None:
        """Refuse connections."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()


class TransitServer(_Server):
    """A transit engine, whose keys are gone when it stops. `token` makes tokens."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "transit")
        self._program = go_tool.cached(TRANSIT)
        self._tokens = folder / "tokens.json"
        self._rights: dict[str, list[str]] = {}
        self.root = self.token(["transit/*"])

    def _command(self) -> list[str]:
        where = ["-tokens", str(self._tokens), "-listen", f"127.0.0.1:{self.port}"]
        return [str(self._program), *where]

    def token(self, paths: Iterable[str]) -> str:
        """A new token that may use those paths."""
        made = f"hvs.{secrets.token_hex(12)}"
        self._rights[made] = list(paths)
        self._write()
        return made

    def revoke(self, token: str) -> None:
        """End a token."""
        self._rights.pop(token)
        self._write()

    def narrow(self, token: str, paths: Iterable[str]) -> None:
        """Give a token other rights."""
        self._rights[token] = list(paths)
        self._write()

    def _write(self) -> None:
        fresh = self._tokens.with_suffix(".new")
        fresh.write_text(json.dumps(self._rights))
        fresh.replace(self._tokens)

    def ask(self, method: str, path: str, body: dict[str, str] | None = None) -> dict[str, Any]:
        """As an administrator."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with closing(connection):
            text = json.dumps(body or {})
            connection.request(method, f"/v1/transit/{path}", text, {"X-Vault-Token": self.root})
            response = connection.getresponse()
            content = response.read()
        assert response.status < 300, content
        answer: dict[str, Any] = json.loads(content) if content else {}
        return answer

    def add_key(self, name: str) -> None:
        """Make a key, or a new version of it."""
        self.ask("POST", f"keys/{name}", {"type": "aes256-gcm96"})

    def rotate(self, name: str) -> None:
        """Make a new version of a key."""
        self.ask("POST", f"keys/{name}/rotate")


class LocalAws(_Server):
    """A local AWS KMS with no keys to begin with."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "aws")
        self._program = go_tool.install(LOCAL_KMS, LOCAL_KMS_RELEASE)
        os.environ.setdefault("AWS_ACCESS_KEY_ID", "AKIATESTONLY")
        os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "of-no-account")
        os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")

    def _command(self) -> list[str]:
        return [str(self._program)]

    def _environment(self) -> dict[str, str]:
        data = self.folder / "aws-data"
        data.mkdir(exist_ok=True)
        return {
            "PORT": str(self.port),
            "KMS_REGION": REGION,
            "KMS_ACCOUNT_ID": ACCOUNT,
            "KMS_DATA_PATH": str(data),
            "KMS_SEED_PATH": str(data / "none.yaml"),
        }

    def client(self) -> Any:
        """As an administrator."""
        import boto3

        return boto3.session.Session().client("kms", region_name=REGION, endpoint_url=self.address)

    def add_key(self, alias: str) -> str:
        """Make a key with an alias, or move the alias to it; its ARN."""
        client = self.client()
        arn: str = client.create_key()["KeyMetadata"]["Arn"]
        known = {one["AliasName"] for one in client.list_aliases()["Aliases"]}
        name = f"alias/{alias}"
        if name in known:
            client.update_alias(AliasName=name, TargetKeyId=arn)
        else:
            client.create_alias(AliasName=name, TargetKeyId=arn)
        return arn

    def disable(self, arn: str) -> None:
        """Withdraw a key."""
        self.client().disable_key(KeyId=arn)
