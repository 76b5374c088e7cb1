"""`vaultd witness` over HTTP, killed at its worst moments."""

import http.client
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.log_keys import ORIGIN
from tests.support.witness_log import MemoryLog
from tests.support.witness_process import WitnessProcess
from vault.audit.checkpoint import cosignatures, verify_checkpoint
from vault.server.settings import SettingsInvalid
from vault.server.witness_settings import load_witness


@pytest.fixture
def log(tmp_path: Path) -> MemoryLog:
    tmp_path.chmod(0o700)
    return MemoryLog.of(tmp_path)


@pytest.fixture
def witness(tmp_path: Path, log: MemoryLog) -> Iterator[WitnessProcess]:
    made = WitnessProcess(tmp_path / "w", log.signers.verifiers())
    yield made
    made.stop()


def test_statuses_and_content_types_go_over_the_wire(
    witness: WitnessProcess, log: MemoryLog, tmp_path: Path
) -> None:
    witness.start()
    status, body, _ = witness.post(log.request(0, 5))
    assert status == 200
    note = verify_checkpoint(log.note(5) + body, log.signers.verifiers(), ORIGIN)
    assert [one.key for one in cosignatures(note, [witness.key])] == [witness.key]
    assert witness.post(log.request(2, 6)) == (409, b"5\n", "text/x.tlog.size")
    split = MemoryLog.of(tmp_path, "b", shared=2)
    assert witness.post(split.request(5, 5))[0] == 409
    assert witness.post(split.request(5, 7))[0] == 422
    assert witness.post(MemoryLog(log.signers, origin="x.y/z").request(0, 1))[0] == 404
    assert witness.post(b"nonsense")[0] == 400
    assert witness.post(log.request(5, 6), "/elsewhere")[0] == 404


def test_two_requests_come_over_one_connection(witness: WitnessProcess, log: MemoryLog) -> None:
    witness.start()
    connection = http.client.HTTPConnection("localhost", witness.port, timeout=10)
    for old, size in ((0, 3), (3, 9)):
        connection.request("POST", "/add-checkpoint", log.request(old, size))
        answer = connection.getresponse()
        assert answer.status == 200 and answer.read()
    connection.close()


def test_a_request_without_a_length_or_too_long_is_refused_unread(
    witness: WitnessProcess, log: MemoryLog
) -> None:
    witness.start()
    for header, status in ((b"", b"411"), (b"Content-Length: 999999999\r\n", b"413")):
        with socket.create_connection(("localhost", witness.port), timeout=10) as raw:
            raw.sendall(b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n")
            assert raw.recv(1000).split()[1] == status
    assert witness.post(log.request(0, 1))[0] == 200


def test_callers_who_say_nothing_do_not_keep_others_waiting(
    witness: WitnessProcess, log: MemoryLog
) -> None:
    witness.start()
    silent = [socket.create_connection(("localhost", witness.port)) for _ in range(20)]
    began = time.monotonic()
    assert witness.post(log.request(0, 1))[0] == 200
    assert time.monotonic() - began < 5
    for one in silent:
        one.close()


@pytest.mark.parametrize(("fault", "kept"), [("cosigned:1", 0), ("kept:1", 5)])
def test_killed_between_signing_and_answering_it_never_signs_two_histories(
    witness: WitnessProcess, log: MemoryLog, tmp_path: Path, fault: str, kept: int
) -> None:
    witness.start(fault)
    with pytest.raises((OSError, http.client.HTTPException)):
        witness.post(log.request(0, 5))
    assert witness.wait() == -9
    witness.start()
    # What it has answered is on disk; what is on disk, it can answer again.
    assert witness.post(log.request(3, 5)) == (409, b"%d\n" % kept, "text/x.tlog.size")
    if kept:
        assert witness.post(MemoryLog.of(tmp_path, "b").request(5, 5))[0] == 409
    assert witness.post(log.request(kept, 5))[0] == 200
    assert witness.post(MemoryLog.of(tmp_path, "b").request(5, 5))[0] == 409


def test_many_at_once_are_one_history(
    witness: WitnessProcess, log: MemoryLog, tmp_path: Path
) -> None:
    witness.start()
    other = MemoryLog.of(tmp_path, "b")
    bodies = [one.request(0, size) for size in range(1, 9) for one in (log, other)]
    with ThreadPoolExecutor(8) as pool:
        statuses = [status for status, _, _ in pool.map(witness.post, bodies)]
    assert statuses.count(200) == 1 and set(statuses) == {200, 409}


def test_a_second_witness_on_the_same_state_does_not_start(witness: WitnessProcess) -> None:
    witness.start()
    second = witness.command("--config", str(witness.config))
    out, err = second.communicate(timeout=20)
    assert second.returncode == 2 and not out
    assert b"in use by another witness" in err


def test_the_key_is_made_shown_and_never_replaced(witness: WitnessProcess, tmp_path: Path) -> None:
    file = str(tmp_path / "new.key")
    made = witness.command("keygen", "--name", "w.example/2", "--out", file)
    vkey = made.communicate(timeout=20)[0]
    assert vkey.startswith(b"w.example/2+") and made.returncode == 0
    assert witness.command("show", "--key", file).communicate(timeout=20)[0] == vkey
    again = witness.command("keygen", "--name", "w.example/2", "--out", file)
    assert b"never replaced" in again.communicate(timeout=20)[1] and again.returncode == 2


def test_a_log_is_forgotten_while_the_witness_is_stopped(
    witness: WitnessProcess, log: MemoryLog, tmp_path: Path
) -> None:
    witness.start()
    witness.post(log.request(0, 5))
    words = ("forget", "--config", str(witness.config), "--origin", ORIGIN)
    assert b"in use" in witness.command(*words).communicate(timeout=20)[1]
    witness.stop()
    assert b"put aside" in witness.command(*words).communicate(timeout=20)[0]
    witness.start()
    assert witness.post(MemoryLog.of(tmp_path, "b").request(0, 2))[0] == 200


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ('listen = "0.0.0.0:7450"', "plain HTTP"),
        ('listen = "localhost"', "host:port"),
        ('listen = "localhost:7450"\nmore = 1', "unknown field"),
    ],
)
def test_a_configuration_that_is_wrong_says_so(
    witness: WitnessProcess, wrong: str, why: str
) -> None:
    text = witness.config.read_text()
    first = text.split("\n", 1)[0]
    witness.config.write_text(text.replace(first, wrong))
    with pytest.raises(SettingsInvalid, match=why):
        load_witness(witness.config)


def test_a_log_twice_or_a_key_of_another_name_is_refused(
    witness: WitnessProcess, log: MemoryLog
) -> None:
    text = witness.config.read_text()
    table = text[text.index("[[logs]]") :]
    witness.config.write_text(text + table)
    with pytest.raises(SettingsInvalid, match="twice"):
        load_witness(witness.config)
    witness.config.write_text(text.replace(f'"{ORIGIN}"', '"other/log"'))
    with pytest.raises(SettingsInvalid, match="another name"):
        load_witness(witness.config)
