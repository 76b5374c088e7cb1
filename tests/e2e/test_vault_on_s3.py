"""A whole vault whose objects are in a real S3 store: contents, the archive, the checks of both;
what is served while the store is away."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recordsvault.admin.v1 import admin_pb2
from tests.e2e.calls import create, get
from tests.e2e.test_archive import archive, streamed
from tests.e2e.test_contents import new_document
from tests.e2e.test_proofs import log_keys
from tests.e2e.wire import refusal
from tests.support import forked_programs
from tests.support.contents import SEGMENT, download, scan, upload
from tests.support.go_tool import BUILD_SECONDS
from tests.support.running_vault import RunningVault
from tests.support.s3_server import KEY, S3Server
from vault.server.settings import TierName

pytestmark = [pytest.mark.timeout(BUILD_SECONDS), pytest.mark.slow]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An S3 server with a bucket that locks."""
    server = S3Server(tmp_path_factory.mktemp("s3"))
    server.start(versions=True)
    server.new_bucket("records", locks=True)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def vault(store: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVault]:
    """A vault that keeps its objects there, each locked for a day."""
    folder = tmp_path_factory.mktemp("vault")
    running = RunningVault(folder, "sqlite:///vault.db", log="checkpoint_interval_ms = 50")
    (folder / "s3.credentials").write_text(
        f"[default]\naws_access_key_id = {KEY.access_key_id}\n"
        f"aws_secret_access_key = {KEY.secret_access_key}\n"
    )
    (folder / "s3.credentials").chmod(0o600)
    table = f"""\
[blobs]
kind = "s3"
bucket = "records"
endpoint = "{store.url}"
prefix = "bank/"
credentials = "s3.credentials"
lock_days = 1
"""
    text = running.config.read_text().replace('[blobs]\nfolder = "blobs"\n', table)
    running.config.write_text(text)
    with running:
        yield running


def vaultctl(vault: RunningVault, *arguments: str) -> tuple[int, Any]:
    ended = subprocess.run(
        [
            *forked_programs.command("vaultctl"),
            *(*arguments, "--config", str(vault.config), "--json"),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.stdout, ended.stderr
    return ended.returncode, json.loads(ended.stdout)


def test_contents_come_back_from_the_store_which_holds_nothing_plain(
    vault: RunningVault, store: S3Server
) -> None:
    document, data = new_document(vault), scan(2 * SEGMENT + 12_345)
    content = upload(vault.records(), document, data)
    assert download(vault.records(), content.name) == data
    wanted = data[SEGMENT - 10 : SEGMENT + 90]
    assert download(vault.records(), content.name, offset=SEGMENT - 10, length=100) == wanted
    files = [path for path in (store.folder / "records").rglob("bank/contents/*") if path.is_file()]
    assert len(files) == 3
    for path in files:
        assert len(path.name) == 32
        assert data[1_000:1_032] not in path.read_bytes()


def test_the_log_s_archive_is_there_and_all_of_it_verifies(
    vault: RunningVault, tmp_path: Path
) -> None:
    name = create(vault).name
    for _ in range(1_100):
        get(vault, name)
    moved = archive(vault)[-1]
    assert moved.archived >= 1_024
    assert len(streamed(vault)) >= moved.archived
    key = tmp_path / "log.vkey"
    key.write_text("".join(f"{one.vkey}\n" for one in log_keys(vault)))
    # By several processes: each opens the store for itself.
    code, told = vaultctl(vault, "audit", "verify", "--live", "--key", str(key), "--jobs", "2")
    assert (code, told["holds"], told["findings"]) == (0, True, [])
    assert told["entries_hashed"] == told["size"]


def test_rows_and_objects_agree_and_what_does_not_is_told(
    vault: RunningVault, store: S3Server
) -> None:
    upload(vault.records(), new_document(vault), scan(1_000))
    code, told = vaultctl(vault, "blobs", "verify", "--read")
    assert (code, told["holds"], told["findings"]) == (0, True, [])
    assert told["objects"] == told["named"] > 4
    kept = (store.folder / "records" / "bank" / "contents").iterdir()
    file = max(kept, key=lambda one: one.stat().st_size)
    content = file.read_bytes()
    try:
        file.write_bytes(content[:-5])
        code, told = vaultctl(vault, "blobs", "verify")
    finally:
        file.write_bytes(content)
    assert (code, told["holds"]) == (21, False)
    (finding,) = told["findings"]
    assert (finding["fault"], finding["object"]) == ("wrong_size", f"contents/{file.name}")
    assert finding["expected_bytes"] - finding["found_bytes"] == 5


def test_without_the_store_records_are_served_and_contents_are_unavailable(
    vault: RunningVault, store: S3Server
) -> None:
    document, data = new_document(vault), scan(5_000)
    name = upload(vault.records(), document, data).name
    store.stop()
    try:
        told = refusal(lambda: download(vault.records(), name))
        assert (told.code, told.reason) == ("UNAVAILABLE", "OBJECTS_UNAVAILABLE")
        told = refusal(lambda: upload(vault.records(), document, data, page=2))
        assert (told.code, told.reason) == ("UNAVAILABLE", "OBJECTS_UNAVAILABLE")
        create(vault)
        checks = vault.admin().CheckHealth(admin_pb2.CheckHealthRequest(parts=["blobs"])).checks
        assert checks[0].state == admin_pb2.HEALTH_STATE_WARNING
        assert KEY.secret_access_key not in vault.log_text(TierName.FULL)
        # A restart waits for no store.
        vault.stop()
        vault.start()
        create(vault)
    finally:
        store.start(versions=True)
    assert download(vault.records(), name) == data
    assert upload(vault.records(), document, data, page=2).page == 2
