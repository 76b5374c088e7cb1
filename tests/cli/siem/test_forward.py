"""`vaultctl audit forward`: every entry arrives whatever is away meanwhile, in bounded memory."""

from __future__ import annotations

import http.server
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from recordsvault.audit.v1 import audit_pb2 as pb
from tests.cli.conftest import Vaultctl
from tests.clients.fake_vault import FakeVault, unavailable
from tests.support import forked_programs
from tests.support.siem import full_entry
from vault.cli.vaultctl.siem.file_sink import FileSink
from vault.cli.vaultctl.siem.forwarder import Forwarder, Pace
from vault.cli.vaultctl.siem.records import Format, Record, make_record
from vault.cli.vaultctl.siem.sinks import SinkAway

ROOT = Path(__file__).parents[3]
FAST = Pace(wait=0.05, keep=0.05, first_pause=0.001, longest_pause=0.01)


def messages(count: int, each: int = 3) -> Iterator[pb.StreamEventsResponse]:
    for start in range(0, count, each):
        end = min(start + each, count)
        yield pb.StreamEventsResponse(
            entries=[full_entry(position=at) for at in range(start, end)], next_position=end
        )


class Lossy:
    """A sink that loses what was not confirmed, and fails when it is told to."""

    def __init__(self, *failures: str) -> None:
        self.failures = list(failures)
        self.kept: list[int] = []
        self.waiting: list[int] = []

    def _fail(self, when: str) -> None:
        if self.failures and self.failures[0] == when:
            self.failures.pop(0)
            self.waiting.clear()
            raise SinkAway("away")

    def send(self, records: Sequence[Record]) -> None:
        self._fail("send")
        self.waiting += [record.position for record in records]

    def confirm(self) -> None:
        self._fail("confirm")
        self.kept += self.waiting
        self.waiting.clear()

    def close(self) -> None:
        self.waiting.clear()


def once(seen: list[int]) -> list[int]:
    return list(dict.fromkeys(seen))


@pytest.mark.parametrize(
    "failures",
    [[], ["send"], ["confirm"], ["send", "send", "confirm", "send", "confirm", "confirm"]],
)
def test_every_record_is_delivered_in_order_whatever_fails(failures: list[str]) -> None:
    sink = Lossy(*failures)
    saved: list[int] = []
    forwarder = Forwarder(sink, Format.OCSF, saved.append, lambda *_: None, FAST)
    forwarder.run(messages(50), lambda: None)
    assert once(sink.kept) == list(range(50))
    assert (saved[-1], forwarder.delivered) == (50, 50)
    assert not sink.failures


def test_a_position_is_kept_only_when_all_in_front_of_it_is_confirmed() -> None:
    sink = Lossy("confirm", "confirm")
    saved: list[int] = []

    def save(position: int) -> None:
        assert once(sink.kept) == list(range(position))
        saved.append(position)

    pace = Pace(wait=0.0, records=7, first_pause=0.001, longest_pause=0.001)
    Forwarder(sink, Format.CEF, save, lambda *_: None, pace).run(messages(40), lambda: None)
    assert saved == sorted(saved)
    assert saved[-1] == 40


def test_what_came_before_a_stream_broke_is_delivered_and_the_error_told() -> None:
    def broken() -> Iterator[pb.StreamEventsResponse]:
        yield from messages(9)
        raise RuntimeError("the stream is lost")

    sink = Lossy("send")
    saved: list[int] = []
    with pytest.raises(RuntimeError, match="lost"):
        Forwarder(sink, Format.ECS, saved.append, lambda *_: None, FAST).run(broken(), lambda: None)
    assert once(sink.kept) == list(range(9))
    assert saved[-1] == 9


def test_a_position_moves_on_where_nothing_is_to_be_forwarded() -> None:
    def heartbeats() -> Iterator[pb.StreamEventsResponse]:
        for n in range(1, 4):
            yield pb.StreamEventsResponse(next_position=n * 10, checkpoint="note")

    saved: list[int] = []
    Forwarder(Lossy(), Format.ECS, saved.append, lambda *_: None, FAST).run(
        heartbeats(), lambda: None
    )
    assert saved[-1] == 30


def test_a_sink_that_hangs_holds_the_stream_back_and_not_the_memory() -> None:
    taken = 0
    gate = threading.Event()

    class Hanging(Lossy):
        def send(self, records: Sequence[Record]) -> None:
            gate.wait(30)
            super().send(records)

    def endless() -> Iterator[pb.StreamEventsResponse]:
        nonlocal taken
        for message in messages(3_000):
            taken += 1
            yield message

    sink = Hanging()
    forwarder = Forwarder(sink, Format.OCSF, lambda _: None, lambda *_: None, FAST)
    running = threading.Thread(target=forwarder.run, args=(endless(), lambda: None))
    running.start()
    time.sleep(0.5)
    assert taken < 20
    gate.set()
    running.join(30)
    assert once(sink.kept) == list(range(3_000))


# -- to a file ------------------------------------------------------------------------------------


def positions(path: Path) -> list[int]:
    return [json.loads(line)["event"]["sequence"] for line in path.read_bytes().splitlines()]


def test_a_line_cut_short_by_a_crash_is_taken_away_and_a_rotated_file_made_anew(
    tmp_path: Path,
) -> None:
    path = tmp_path / "siem.jsonl"
    whole = make_record(full_entry(1), Format.ECS)
    path.write_bytes(whole.payload + b"\n" + whole.payload[:70_000][:-9])
    sink = FileSink(path)
    sink.send([make_record(full_entry(2), Format.ECS)])
    sink.confirm()
    assert positions(path) == [1, 2]
    path.rename(tmp_path / "siem.jsonl.1")
    sink.send([make_record(full_entry(3), Format.ECS)])
    sink.confirm()
    sink.close()
    assert positions(path) == [3]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_written_is_away(tmp_path: Path) -> None:
    sink = FileSink(tmp_path / "nowhere" / "siem.jsonl")
    with pytest.raises(SinkAway, match="no such file"):
        sink.send([make_record(full_entry(), Format.ECS)])
    full = FileSink(Path("/dev/full"))
    with pytest.raises(SinkAway, match="no space left"):
        full.send([make_record(full_entry(), Format.ECS)])


def test_the_command_goes_on_where_it_stood(
    fake: FakeVault, vaultctl: Vaultctl, tmp_path: Path
) -> None:
    out, state = tmp_path / "siem.jsonl", tmp_path / "position.json"
    call = (
        *("audit", "forward", "--format", "ecs", "--to", f"file:{out}", "--state", state),
        "--no-follow",
    )
    for _ in range(5):
        fake.append()
    assert vaultctl(*call).code == 0
    assert json.loads(state.read_text())["position"] == 5
    for _ in range(4):
        fake.append()
    fake.fail("StreamEvents.cut", unavailable())
    assert vaultctl(*call).code == 0
    assert positions(out) == list(range(9))
    assert [r.from_position for r in fake.called("StreamEvents")] == [0, 5, 8]


def test_entries_of_no_institution_have_a_position_of_their_own(
    fake: FakeVault, vaultctl: Vaultctl, tmp_path: Path
) -> None:
    def forwarded(state: str, *more: str) -> int:
        return vaultctl(
            *("audit", "forward", "--format", "ecs", "--to", f"file:{tmp_path / 'x'}"),
            *("--state", tmp_path / state, "--no-follow", *more),
        ).code

    fake.append()
    assert forwarded("own") == forwarded("nobodys", "--without-institution") == 0
    asked = [request.filter.without_institution for request in fake.called("StreamEvents")]
    assert asked == [False, True]
    assert forwarded("own", "--without-institution") == forwarded("nobodys") == 2


def test_a_state_of_another_vault_is_refused(
    fake: FakeVault, vaultctl: Vaultctl, tmp_path: Path
) -> None:
    state = tmp_path / "position.json"
    saved = {"v": 1, "kind": "audit-forward", "vault": "other:1/bank", "position": 3}
    state.write_text(json.dumps(saved))
    ran = vaultctl(
        *("audit", "forward", "--format", "cef", "--to", f"file:{tmp_path / 'x'}"),
        *("--state", state, "--no-follow"),
    )
    assert ran.code == 2
    assert "another vault" in ran.err
    assert not fake.called("StreamEvents")


@pytest.mark.parametrize(
    "to",
    [
        "file:",
        "siem.log",
        "http://siem.bank/x",
        "syslog://h:1",
        "https://u:secret@h/",
        "https://:x",
    ],
)
def test_a_sink_that_is_none_is_refused_before_the_call(
    fake: FakeVault, vaultctl: Vaultctl, tmp_path: Path, to: str
) -> None:
    ran = vaultctl(
        *("audit", "forward", "--format", "cef", "--to", to, "--state", tmp_path / "state")
    )
    assert ran.code == 2
    assert "--to" in ran.err
    assert "secret" not in ran.err
    assert not fake.calls


@pytest.mark.slow
def test_killed_at_any_moment_it_loses_nothing(fake: FakeVault, tmp_path: Path) -> None:
    out, state = tmp_path / "siem.jsonl", tmp_path / "position.json"
    profile = fake.profile()
    for _ in range(400):
        fake.append()
    for after in (0.9, 1.3, 1.7, 2.1):
        process = subprocess.Popen(
            [
                *(sys.executable, "-c", "from vault.cli.vaultctl import main; main()"),
                *("-p", str(profile), "audit", "forward", "--format", "ecs"),
                *("--to", f"file:{out}", "--state", str(state)),
            ],
            cwd=ROOT,
            env={**os.environ, "GRPC_VERBOSITY": "NONE"},
        )
        time.sleep(after)
        process.kill()
        process.wait()
        for _ in range(20):
            fake.append()
    process = subprocess.run(  # type: ignore[assignment]  # the last one ends by itself
        [
            *forked_programs.command("vaultctl"),
            *("-p", str(profile), "audit", "forward", "--format", "ecs", "--no-follow"),
            *("--to", f"file:{out}", "--state", str(state)),
        ],
        cwd=ROOT,
        check=True,
    )
    assert sorted(set(positions(out))) == list(range(480))


# -- to an HTTPS endpoint ------------------------------------------------------------------------


class Endpoint:
    """A collector on 127.0.0.1 with TLS, that answers what a test says."""

    def __init__(self, ca: trustme.CA, port: int = 0) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[Any] = []
        self.answers: list[int] = []
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = endpoint.answers.pop(0) if endpoint.answers else 204
                if status == 0:
                    # Took it, and went away before it answered. Closing would wait for `rfile`.
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                if 200 <= status < 300:
                    endpoint.bodies.append(body)
                    endpoint.headers.append(self.headers)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        ca.issue_cert("localhost").configure_cert(context)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def positions(self) -> list[int]:
        lines = b"".join(self.bodies).splitlines()
        return [json.loads(line)["metadata"]["sequence"] for line in lines]


@contextmanager
def endpoint(ca: trustme.CA) -> Iterator[Endpoint]:
    made = Endpoint(ca)
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()


def test_an_https_endpoint_confirms_with_2xx_and_gets_everything_else_again(
    fake: FakeVault, vaultctl: Vaultctl, tmp_path: Path
) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "siem-ca.pem"))
    (tmp_path / "token").write_text("t0ken\n")
    for _ in range(10):
        fake.append()
    with endpoint(ca) as siem:
        # The first attempt of each message may fail without a word: there are four.
        siem.answers = [503, 0, 429, 0, 503]
        ran = vaultctl(
            *("audit", "forward", "--format", "ocsf", "--no-follow"),
            *("--to", f"https://localhost:{siem.port}/collect?x=1"),
            *("--tls-ca", tmp_path / "siem-ca.pem", "--token-file", tmp_path / "token"),
            *("--state", tmp_path / "position.json"),
        )
        assert ran.code == 0, ran.err
        assert once(siem.positions) == list(range(10))
        assert siem.headers[0]["Authorization"] == "Bearer t0ken"
        assert siem.headers[0]["Content-Type"] == "application/x-ndjson"
    assert "the sink is away" in ran.err
    assert "t0ken" not in ran.err
    assert json.loads((tmp_path / "position.json").read_text())["position"] == 10


def test_an_endpoint_with_a_strange_certificate_is_sent_nothing(
    fake: FakeVault, tmp_path: Path
) -> None:
    from vault.cli.vaultctl.siem.sinks import TlsFiles, open_sink

    ours, theirs = trustme.CA(), trustme.CA()
    ours.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with endpoint(theirs) as siem:
        url = f"https://localhost:{siem.port}/"
        sink = open_sink(url, TlsFiles(tmp_path / "ca.pem"), "", text=False)
        with pytest.raises(SinkAway, match="certificate is not accepted"):
            sink.send([make_record(full_entry(), Format.OCSF)])
        assert not siem.bodies
