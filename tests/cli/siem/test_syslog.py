"""Syslog: RFC 5424 messages with octet counting over TLS, to a real rsyslog that comes and goes."""

from __future__ import annotations

import json
import os
import re
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trustme

from recordsvault.audit.v1.event_pb2 import Decision
from tests.clients.fake_vault import FakeVault
from tests.support.rsyslog import Rsyslog
from tests.support.siem import full_entry
from vault.cli.vaultctl.siem.records import Format, make_record
from vault.cli.vaultctl.siem.sinks import SinkAway, TlsFiles
from vault.cli.vaultctl.siem.syslog_sink import SyslogSink, frame

ROOT = Path(__file__).parents[3]
# RFC 5424, section 6: HEADER, STRUCTURED-DATA, MSG.
MESSAGE = re.compile(
    rb"<(\d{1,3})>1 (\S+) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) "
    rb'((?:\[[!-~]+(?: [!-~]+="[^"]*")*\])+|-) (.*)',
    re.DOTALL,
)


# -- the message ---------------------------------------------------------------------------------


def test_a_message_is_as_rfc_5424_has_it_behind_its_length() -> None:
    record = make_record(full_entry(41), Format.OCSF)
    data = frame(record, "vault.bank")
    length, _, message = data.partition(b" ")
    assert int(length) == len(message)
    found = MESSAGE.fullmatch(message)
    assert found is not None
    assert found.groups()[:6] == (
        b"109",
        b"2026-03-01T09:30:00.123456Z",
        b"vault.bank",
        b"records-vault",
        b"-",
        b"records.customers.get",
    )
    assert b'[meta sequenceId="42"]' in found[7]
    assert found[8] == record.payload


@pytest.mark.parametrize(
    ("changes", "priority"),
    [
        ({"action": "masked.customers.get"}, 110),
        ({}, 109),
        ({"decision": Decision.DECISION_DENIED}, 108),
        ({"reason": "OTHER_INSTITUTION"}, 105),
    ],
)
def test_the_severity_is_in_the_priority(changes: dict[str, Any], priority: int) -> None:
    data = frame(make_record(full_entry(**changes), Format.CEF), "h")
    assert data.partition(b" ")[2].startswith(b"<%d>1 " % priority)


def test_names_that_are_too_long_or_not_ascii_stay_within_the_grammar() -> None:
    entry = full_entry(2_147_483_647, action="records.transactions.batch_create.日志 x")
    message = frame(make_record(entry, Format.CEF), "主机" * 300).partition(b" ")[2]
    found = MESSAGE.fullmatch(message)
    assert found is not None
    assert (found[3], len(found[6])) == (b"-", 32)
    assert b'sequenceId="1"' in found[7]


# -- a receiver that a test scripts --------------------------------------------------------------

Script = Callable[[ssl.SSLSocket], None]


class Receiver:
    """A TLS server that treats each connection as a script says."""

    def __init__(self, folder: Path, *scripts: Script) -> None:
        ca = trustme.CA()
        ca.cert_pem.write_to_path(str(folder / "ca.pem"))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        ca.issue_cert("localhost").configure_cert(context)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._scripts = scripts
        self._context = context
        self.got = b""
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        port = self._listener.getsockname()[1]
        self.sink = SyslogSink("localhost", port, TlsFiles(folder / "ca.pem").context())

    def _serve(self) -> None:
        for script in self._scripts:
            plain, _ = self._listener.accept()
            # A client that does not believe our certificate breaks off the handshake.
            with (
                suppress(ssl.SSLError),
                plain,
                self._context.wrap_socket(plain, server_side=True) as connection,
            ):
                script(connection)
        self._listener.close()


def read_to_the_end(connection: ssl.SSLSocket) -> None:
    while connection.recv(65_536):
        pass


def read_and_say_goodbye(connection: ssl.SSLSocket) -> None:
    read_to_the_end(connection)
    connection.unwrap().close()


def reset_unread(connection: ssl.SSLSocket) -> None:
    """What a kernel does for a receiver that is stopped before it has read everything."""
    time.sleep(0.2)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def say_nothing(connection: ssl.SSLSocket) -> None:
    read_to_the_end(connection)
    time.sleep(6)


@pytest.mark.parametrize("script", [read_to_the_end, read_and_say_goodbye])
def test_a_receiver_that_has_read_to_the_end_confirms(tmp_path: Path, script: Script) -> None:
    sink = Receiver(tmp_path, script, script).sink
    for _ in range(2):
        sink.send([make_record(full_entry(), Format.OCSF)] * 100)
        sink.confirm()


def test_a_receiver_that_went_with_bytes_unread_has_confirmed_nothing(tmp_path: Path) -> None:
    sink = Receiver(tmp_path, reset_unread, read_to_the_end).sink
    # Written without an error: the kernel took it.
    sink.send([make_record(full_entry(), Format.OCSF)])
    with pytest.raises(SinkAway):
        sink.confirm()
    sink.send([make_record(full_entry(), Format.OCSF)])
    sink.confirm()


@pytest.mark.slow
def test_a_receiver_that_keeps_its_side_open_is_believed_when_it_has_acknowledged_all(
    tmp_path: Path,
) -> None:
    sink = Receiver(tmp_path, say_nothing).sink
    sink.send([make_record(full_entry(), Format.OCSF)])
    started = time.monotonic()
    sink.confirm()
    assert time.monotonic() - started > 4


def test_a_receiver_with_a_strange_certificate_is_sent_nothing(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    receiver = Receiver(tmp_path, read_to_the_end)
    trustme.CA().cert_pem.write_to_path(str(other / "ca.pem"))
    port = receiver._listener.getsockname()[1]
    sink = SyslogSink("localhost", port, TlsFiles(other / "ca.pem").context())
    with pytest.raises(SinkAway, match="certificate is not accepted"):
        sink.send([make_record(full_entry(), Format.OCSF)])


# -- rsyslog ---------------------------------------------------------------------------------------


@pytest.fixture
def rsyslog(tmp_path: Path) -> Iterator[Rsyslog]:
    folder = tmp_path / "rsyslog"
    folder.mkdir()
    made = Rsyslog(folder, trustme.CA())
    yield made
    made.stop()


def sequences(rsyslog: Rsyslog) -> list[int]:
    """Positions of the OCSF records that rsyslog has written."""
    found = []
    for line in rsyslog.lines():
        pri, protocol, app, msgid, rest = line.split(" ", 4)
        assert (protocol, app, msgid) == ("1", "records-vault", "masked.customers.get")
        assert pri.isdigit()
        assert rest.startswith('[meta sequenceId="')
        found.append(json.loads(rest[rest.index("{") :])["metadata"]["sequence"])
    return found


@pytest.mark.slow
def test_every_event_reaches_an_rsyslog_that_is_stopped_and_started_meanwhile(
    fake: FakeVault, rsyslog: Rsyslog, tmp_path: Path
) -> None:
    profile, state = fake.profile(), tmp_path / "position.json"
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for _ in range(10):
                fake.append()
            time.sleep(0.02)

    def forward(*more: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [
                *(sys.executable, "-c", "from vault.cli.vaultctl import main; main()"),
                *("-p", str(profile), "audit", "forward", "--format", "ocsf"),
                *("--to", f"syslog+tls://localhost:{rsyslog.port}"),
                *("--tls-ca", str(rsyslog.folder / "ca.pem"), "--state", str(state), *more),
            ],
            cwd=ROOT,
            env={**os.environ, "GRPC_VERBOSITY": "NONE"},
            stderr=subprocess.PIPE,
        )

    writer = threading.Thread(target=write)
    writer.start()
    process = forward()
    try:
        for up, down in ((2.0, 1.0), (1.5, 0.3), (0.4, 1.5)):
            rsyslog.start()
            time.sleep(up)
            rsyslog.stop()
            time.sleep(down)
        # The forwarder is killed as well, at a moment like any other.
        process.kill()
        process.communicate()
        rsyslog.start()
        process = forward()
        time.sleep(2)
    finally:
        stop.set()
        writer.join()
        process.kill()
        _, err = process.communicate()
    assert b"Traceback" not in err
    total = len(fake.log)
    # The rest, and the end.
    last = forward("--no-follow")
    _, err = last.communicate(timeout=60)
    assert last.returncode == 0, err
    assert json.loads(state.read_text())["position"] == total
    # Omitted from the file until rsyslog has written it; it has read it already.
    rsyslog.stop()
    found = sequences(rsyslog)
    assert total > 300
    assert sorted(set(found)) == list(range(total))
    print(f"{total} events, {len(found) - total} of them twice")
