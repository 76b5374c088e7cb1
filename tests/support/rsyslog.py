"""A real rsyslog of Debian, taking RFC 5425 on a port of 127.0.0.1 and writing what it gets.

Packages `rsyslog` and `rsyslog-gnutls`. Where they are absent they are installed if the test runs
as root on Debian; else the test fails and says what to install.
"""

import os
import shutil
import socket
import subprocess
import time
from contextlib import closing
from pathlib import Path

import trustme

from tests.support.quiet_ports import free_port

PACKAGES = ("rsyslog", "rsyslog-gnutls")
PROGRAM = "/usr/sbin/rsyslogd"
_START_SECONDS = 10.0


def _missing() -> bool:
    drivers = [*Path("/usr/lib").glob("*/rsyslog/lmnsd_gtls.so")]
    drivers += Path("/usr/lib/rsyslog").glob("lmnsd_gtls.so")
    return not Path(PROGRAM).exists() or not drivers


def require_rsyslog() -> None:
    """Make sure that rsyslog is there. Raises RuntimeError, which says how to install it."""
    if not _missing():
        return
    install = f"apt-get install {' '.join(PACKAGES)}"
    if os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], ["install", "--yes", "--no-install-recommends", *PACKAGES]):
            subprocess.run(
                ["apt-get", "-qq", *command], env=quiet, check=False, capture_output=True
            )
    if _missing():
        raise RuntimeError(f"this test needs Debian's rsyslog with TLS: {install}")


class Rsyslog:
    """Start and stop it as often as needed; the port and the file of what came stay."""

    def __init__(self, folder: Path, ca: trustme.CA) -> None:
        require_rsyslog()
        self.folder = folder
        self.port = free_port()
        self.out = folder / "received.log"
        self._process: subprocess.Popen[bytes] | None = None
        certificate = ca.issue_cert("localhost")
        ca.cert_pem.write_to_path(str(folder / "ca.pem"))
        (folder / "server.pem").write_bytes(
            b"".join(one.bytes() for one in certificate.cert_chain_pems)
        )
        certificate.private_key_pem.write_to_path(str(folder / "server.key"))
        (folder / "work").mkdir()
        self._config = folder / "rsyslog.conf"
        self._config.write_text(
            f"""\
global(
  workDirectory="{folder}/work"
  defaultNetstreamDriver="gtls"
  defaultNetstreamDriverCAFile="{folder}/ca.pem"
  defaultNetstreamDriverCertFile="{folder}/server.pem"
  defaultNetstreamDriverKeyFile="{folder}/server.key"
  maxMessageSize="64k"
)
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1"
       streamDriver.authMode="anon")
template(name="whole" type="list") {{
  property(name="pri") constant(value=" ")
  property(name="protocol-version") constant(value=" ")
  property(name="app-name") constant(value=" ")
  property(name="msgid") constant(value=" ")
  property(name="structured-data") constant(value=" ")
  property(name="msg") constant(value="\\n")
}}
ruleset(name="taken") {{
  action(type="omfile" file="{self.out}" template="whole" flushOnTXEnd="on")
}}
input(type="imtcp" address="127.0.0.1" port="{self.port}" ruleset="taken")
""",
            "utf-8",
        )

    def start(self) -> None:
        """Start it and wait until it listens."""
        pid = self.folder / "rsyslog.pid"
        pid.unlink(missing_ok=True)
        with (self.folder / "rsyslog.err").open("ab") as err:
            self._process = subprocess.Popen(
                [PROGRAM, "-n", "-f", str(self._config), "-i", str(pid)], stdout=err, stderr=err
            )
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError(f"rsyslog did not start: {(self.folder / 'rsyslog.err').read_text()}")

    def stop(self) -> None:
        """SIGTERM, and wait for its end."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait(20)

    def lines(self) -> list[str]:
        """What it has written."""
        return self.out.read_text("utf-8").splitlines() if self.out.exists() else []
