"""`vaultd witness` over TLS: 1.3 alone, its certificate checked by who asks, nobody holding up the
door."""

import http.client
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.log_keys import ORIGIN
from tests.support.quiet_ports import quiet_ports
from tests.support.witness_log import MemoryLog
from tests.support.witness_process import WitnessProcess
from vault.audit.checkpoint import cosignatures, verify_checkpoint
from vault.audit.witness import Witness, WitnessFailed, greet
from vault.server.settings import SettingsInvalid
from vault.server.witness_settings import load_witness
from vault.store import Database
from vault.store.log_tree import CheckpointRow
from vault.store.migrate import upgrade


@pytest.fixture
def log(tmp_path: Path) -> MemoryLog:
    tmp_path.chmod(0o700)
    return MemoryLog.of(tmp_path)


@pytest.fixture
def witness(tmp_path: Path, log: MemoryLog) -> Iterator[WitnessProcess]:
    made = WitnessProcess(tmp_path / "w", log.signers.verifiers(), tls=True)
    yield made
    made.stop()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path}/vault.db")
    upgrade(made)
    yield made
    made.dispose()


def trust(witness: WitnessProcess) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=witness.ca)


def shaken(witness: WitnessProcess, context: ssl.SSLContext) -> str | None:
    """The version that both agree on."""
    raw = socket.create_connection(("localhost", witness.port), timeout=10)
    with context.wrap_socket(raw, server_hostname="localhost") as secured:
        # In TLS 1.3 a client believes itself connected before the server has refused.
        secured.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert secured.recv(100).startswith(b"HTTP/1.1 200")
        return secured.version()


def test_a_checkpoint_is_cosigned_over_tls_1_3(witness: WitnessProcess, log: MemoryLog) -> None:
    witness.start()
    assert shaken(witness, trust(witness)) == "TLSv1.3"
    status, body, _ = witness.post(log.request(0, 5))
    assert status == 200
    note = verify_checkpoint(log.note(5) + body, log.signers.verifiers(), ORIGIN)
    assert [one.key for one in cosignatures(note, [witness.key])] == [witness.key]


def test_older_versions_and_plain_http_are_refused(witness: WitnessProcess) -> None:
    witness.start()
    old = trust(witness)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, OSError)):
        shaken(witness, old)
    plain = http.client.HTTPConnection("localhost", witness.port, timeout=10)
    with pytest.raises((OSError, http.client.HTTPException)):
        plain.request("GET", "/health")
        plain.getresponse()
    plain.close()
    assert shaken(witness, trust(witness)) == "TLSv1.3"


def test_callers_who_do_not_shake_hands_do_not_keep_others_waiting(
    witness: WitnessProcess, log: MemoryLog
) -> None:
    witness.start()
    silent = [socket.create_connection(("localhost", witness.port)) for _ in range(20)]
    silent[0].sendall(b"\x16\x03\x01")  # a handshake that goes no further
    began = time.monotonic()
    assert witness.post(log.request(0, 1))[0] == 200
    assert time.monotonic() - began < 5
    for one in silent:
        one.close()


def test_the_vault_asks_a_witness_whose_authority_it_was_given_and_no_other(
    witness: WitnessProcess, log: MemoryLog, database: Database, tmp_path: Path
) -> None:
    witness.start()
    row = CheckpointRow(3, log.root(3), log.note(3), 1, 0)
    stranger = WitnessProcess(tmp_path / "x", log.signers.verifiers(), tls=True)
    for ca in ("", str(stranger.ca)):
        with pytest.raises(WitnessFailed, match="SSLCertVerificationError"):
            Witness(witness.url, witness.key, database, ca).deliver(row)
        with pytest.raises(WitnessFailed, match="SSLCertVerificationError"):
            greet(witness.url, ca)
    # Not another host's certificate either.
    by_number = f"https://127.0.0.2:{witness.port}"
    with pytest.raises(WitnessFailed):
        greet(by_number, str(witness.ca))
    greet(witness.url, str(witness.ca))
    Witness(witness.url, witness.key, database, str(witness.ca)).deliver(row)
    assert witness.post(log.request(0, 4)) == (409, b"3\n", "text/x.tlog.size")


def test_a_certificate_that_cannot_be_used_stops_the_start(witness: WitnessProcess) -> None:
    (witness.folder / "server.key").write_bytes(b"x")
    with pytest.raises(RuntimeError, match="cannot be used"):
        witness.start()
    witness.wait()
    (witness.folder / "server.pem").unlink()
    with pytest.raises(RuntimeError, match="cannot be used"):
        witness.start()
    witness.wait()


def test_with_tls_it_may_listen_elsewhere_and_without_only_here(witness: WitnessProcess) -> None:
    text = witness.config.read_text()
    listen = f'listen = "localhost:{witness.port}"'
    anywhere = text.replace(listen, f'listen = "0.0.0.0:{quiet_ports(1)[0]}"')
    witness.config.write_text(anywhere)
    assert load_witness(witness.config).host == "0.0.0.0"
    witness.config.write_text("\n".join(x for x in anywhere.split("\n") if not x.startswith("tls")))
    with pytest.raises(SettingsInvalid, match="plain HTTP"):
        load_witness(witness.config)
