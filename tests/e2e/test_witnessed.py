"""A vault and its witnesses: cosigned checkpoints, a quorum that is missing and comes back."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from recordsvault.admin.v1 import admin_pb2 as pb
from recordsvault.audit.v1 import audit_pb2
from tests.e2e.wire import refusal
from tests.support.log_keys import ORIGIN
from tests.support.running_vault import OWN, RunningVault
from tests.support.witness_process import WitnessProcess
from vault.audit.checkpoint import cosignatures, verify_checkpoint
from vault.kms.signing import Purpose
from vault.server.settings import SettingsInvalid, TierName, load
from vault.server.signing import verifier_keys
from vault.store import Database, log_tree

FULL = TierName.FULL


class Scene:
    """A vault with two witnesses."""

    def __init__(self, folder: Path, url: str = "", *, tls: bool = False) -> None:
        self.vault = RunningVault(folder, url or f"sqlite:///{folder}/vault.db")
        self.keys = verifier_keys(load(self.vault.config, FULL), Purpose.LOG)
        self.witnesses = [
            WitnessProcess(folder / f"w{n}", self.keys, f"w.example/{n}", tls=tls) for n in (1, 2)
        ]

    def configure(self, **log: object) -> None:
        lines = "".join(f"{name} = {str(value).lower()}\n" for name, value in log.items())
        tables = "".join(one.toml for one in self.witnesses)
        text = self.vault.config.read_text()
        line = f'origin = "{ORIGIN}"\n'
        self.vault.config.write_text(text.replace(line, f"{line}{lines}{tables}", 1))

    def work(self) -> None:
        self.vault.admin().CheckHealth(pb.CheckHealthRequest(parts=["kms"]), timeout=10)

    def check(self) -> pb.HealthCheck:
        request = pb.CheckHealthRequest(parts=["witnesses"])
        (check,) = self.vault.admin().CheckHealth(request, timeout=10).checks
        return check

    def query(self) -> None:
        request = audit_pb2.QueryEventsRequest(parent=f"institutions/{OWN}")
        self.vault.audit().QueryEvents(request, timeout=10)

    def cosigned(self) -> set[str]:
        """The witnesses under the checkpoint that was stored before the last one."""
        database = Database(self.vault.database)
        try:
            sql = "SELECT size FROM log_checkpoints ORDER BY size DESC LIMIT 5"
            names: set[str] = set()
            for (size,) in database.read_sync(lambda c: c.exec_driver_sql(sql).all()):
                row = database.read_sync(partial(log_tree.checkpoint, size=size))
                assert row is not None
                checkpoint = verify_checkpoint(row.note, self.keys, ORIGIN)
                keys = [one.key for one in self.witnesses]
                names |= {one.key.name for one in cosignatures(checkpoint, keys)}
            return names
        finally:
            database.dispose()

    def stop(self) -> None:
        self.vault.stop()
        for one in self.witnesses:
            one.stop()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.stop()


def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_checkpoints_carry_the_cosignatures_of_all_witnesses(scene: Scene) -> None:
    scene.configure(witness_quorum=2)
    for one in scene.witnesses:
        one.start()
    scene.vault.start(FULL)
    for _ in range(3):
        scene.work()
    until(lambda: scene.cosigned() == {"w.example/1", "w.example/2"})
    assert scene.check().state == pb.HEALTH_STATE_OK
    # What callers are given has them too.
    note = scene.vault.audit().GetCheckpoint(audit_pb2.GetCheckpointRequest(), timeout=10)
    verify_checkpoint(note.checkpoint.encode(), scene.keys, ORIGIN)


def test_a_missing_quorum_is_told_and_heals_and_stops_nothing(scene: Scene) -> None:
    scene.configure(witness_quorum=2, witness_seconds=2)
    scene.witnesses[0].start()
    scene.vault.start(FULL)
    scene.work()
    until(lambda: scene.check().state == pb.HEALTH_STATE_WARNING)
    check = scene.check()
    assert "w.example/2" in check.detail and "2 are needed" in check.detail
    until(lambda: "ALERT: too few witnesses" in scene.vault.log_text(FULL))
    scene.query()
    scene.witnesses[1].start()
    until(lambda: scene.check().state == pb.HEALTH_STATE_OK)
    until(lambda: "enough witnesses again" in scene.vault.log_text(FULL))


def test_where_witnesses_are_required_calls_stop_without_them(scene: Scene) -> None:
    scene.configure(witness_quorum=1, witness_seconds=2, witness_required=True)
    scene.witnesses[0].start()
    scene.vault.start(FULL)
    scene.work()
    until(lambda: "w.example/1" in scene.cosigned())
    # One of two is the quorum: told, and served.
    until(lambda: scene.check().state == pb.HEALTH_STATE_WARNING)
    scene.query()
    scene.witnesses[0].kill()
    until(lambda: scene.check().state == pb.HEALTH_STATE_CRITICAL)
    refused = refusal(scene.query)
    assert (refused.code, refused.reason) == ("UNAVAILABLE", "LOG_NOT_WITNESSED")
    assert refused.en and refused.zh
    scene.witnesses[0].start()
    until(lambda: scene.check().state == pb.HEALTH_STATE_WARNING)
    scene.query()


def test_a_witness_that_was_shown_another_history_does_not_cosign(scene: Scene) -> None:
    """A restored backup goes unnoticed here: there is no second place. The witness notices."""
    scene.configure(witness_quorum=1, witness_seconds=2)
    first = scene.witnesses[0]
    first.start()
    scene.vault.start(FULL)
    scene.work()
    scene.vault.terminate(FULL)
    saved = {p.name: p.read_bytes() for p in scene.vault.folder.glob("vault.db*")}
    scene.vault.start(FULL)
    for _ in range(6):
        scene.work()
    until(lambda: "w.example/1" in scene.cosigned())
    scene.vault.terminate(FULL)
    for old in scene.vault.folder.glob("vault.db*"):
        old.unlink()
    for name, data in saved.items():
        (scene.vault.folder / name).write_bytes(data)
    scene.vault.start(FULL)
    until(
        lambda: "it has cosigned" in scene.check().detail or "answered 422" in scene.check().detail
    )
    for _ in range(12):
        scene.work()
    until(lambda: "answered 422" in scene.check().detail)
    assert scene.check().state == pb.HEALTH_STATE_WARNING


@pytest.fixture
def secured(tmp_path: Path, postgres_url: str) -> Iterator[Scene]:
    """On PostgreSQL, with witnesses over TLS."""
    made = Scene(tmp_path, postgres_url, tls=True)
    yield made
    made.stop()


@pytest.mark.postgres
def test_on_postgresql_and_over_tls_they_cosign_and_are_missed_and_come_back(
    secured: Scene,
) -> None:
    scene = secured
    scene.configure(witness_quorum=2, witness_seconds=2, witness_required=True)
    for one in scene.witnesses:
        one.start()
    scene.vault.start(FULL)
    for _ in range(3):
        scene.work()
    until(lambda: scene.cosigned() == {"w.example/1", "w.example/2"})
    assert scene.check().state == pb.HEALTH_STATE_OK
    scene.query()
    scene.witnesses[1].kill()
    scene.work()
    until(lambda: scene.check().state == pb.HEALTH_STATE_CRITICAL)
    assert refusal(scene.query).reason == "LOG_NOT_WITNESSED"
    scene.witnesses[1].start()
    until(lambda: scene.check().state == pb.HEALTH_STATE_OK)
    scene.query()


@pytest.mark.parametrize(
    ("log", "why"),
    [
        ({"witness_quorum": 3}, "witness_quorum"),
        ({"witness_required": True}, "witness_required"),
    ],
)
def test_a_quorum_that_cannot_be_is_refused(scene: Scene, log: dict[str, object], why: str) -> None:
    scene.configure(**log)
    with pytest.raises(SettingsInvalid, match=why):
        load(scene.vault.config, FULL)


@pytest.mark.parametrize(
    "url", ["http://example.com", "ftp://localhost", "http://10.0.0.1:1", "https://u@h/", "x"]
)
def test_plain_http_is_for_this_machine_alone(scene: Scene, url: str) -> None:
    scene.configure()
    text = scene.vault.config.read_text()
    scene.vault.config.write_text(text.replace(scene.witnesses[0].url, url))
    with pytest.raises(SettingsInvalid, match="on this machine"):
        load(scene.vault.config, FULL)
