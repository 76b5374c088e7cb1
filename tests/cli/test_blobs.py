"""`vaultctl blobs verify`, in lines for people and in JSON."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Vaultctl
from tests.server.test_blobs_settings import CONFIG
from vault.blobs import FolderBlobs
from vault.sealing import SUITES, stream
from vault.store import Database, uploads
from vault.store.migrate import upgrade
from vault.store.uploads import SegmentRow


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration with a database whose rows name two objects; the one of them is there."""
    path = tmp_path / "vault.toml"
    path.write_text(CONFIG + 'folder = "blobs"\n')
    (tmp_path / "blobs").mkdir()
    data = Database(f"sqlite:///{tmp_path}/vault.db")
    upgrade(data, "data")
    upgrade(data, "keys")
    for number in (1, 2):
        row = SegmentRow("demo", "c1", "u1", number, f"contents/{number:032}", 100, b"", 1)
        data.write_sync(lambda conn, row=row: uploads.plan(conn, [row]))  # type: ignore[misc]
    data.dispose()
    FolderBlobs(tmp_path / "blobs").put(f"contents/{1:032}", bytes(160))
    return path


def sealed_size() -> int:
    return stream.sealed_size(SUITES[0], 100)


def test_what_agrees_is_said_in_a_line(vaultctl: Vaultctl, config: Path) -> None:
    for number in (1, 2):
        path = config.parent / "blobs" / f"contents/{number:032}"
        path.write_bytes(bytes(sealed_size()))
    ran = vaultctl("blobs", "verify", "--config", config)
    size = 2 * sealed_size()
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == f"2 objects of {size} bytes, 2 named in rows: all agree\n"


def test_what_does_not_agree_is_a_line_each(vaultctl: Vaultctl, config: Path) -> None:
    FolderBlobs(config.parent / "blobs").put("contents/stray", b"123")
    ran = vaultctl("blobs", "verify", "--config", config)
    assert ran.code == 21
    place = "institutions/demo/customers/c1/uploads/u1, segment"
    assert ran.out.splitlines() == [
        f"wrong size: contents/{1:032} has 160 bytes instead of {sealed_size()}, "
        f"named by {place} 1",
        f"missing: contents/{2:032}, named by {place} 2",
        "orphaned: contents/stray, 3 bytes, named by no row",
        "2 objects of 163 bytes, 2 named in rows: 3 do not agree",
    ]
    ran = vaultctl("--lang", "zh", "blobs", "verify", "--config", config)
    assert ran.out.splitlines()[1].startswith("缺失：contents/")
    ran = vaultctl("blobs", "verify", "--config", config, "--json")
    assert (ran.code, ran.json["holds"]) == (21, False)
    assert [one["fault"] for one in ran.json["findings"]] == ["wrong_size", "missing", "orphaned"]


def test_bytes_are_compared_where_that_is_asked_for(vaultctl: Vaultctl, config: Path) -> None:
    for number in (1, 2):
        path = config.parent / "blobs" / f"contents/{number:032}"
        path.write_bytes(bytes(sealed_size()))
    ran = vaultctl("blobs", "verify", "--config", config, "--read")
    assert ran.code == 21
    assert ran.out.startswith(f"damaged: contents/{1:032} is not what was put")


def test_what_cannot_be_looked_at_is_said(vaultctl: Vaultctl, config: Path) -> None:
    (config.parent / "blobs").rename(config.parent / "away")
    ran = vaultctl("blobs", "verify", "--config", config)
    assert ran.code == 13
    assert "the folder of objects is not there" in ran.err
    config.write_text(CONFIG.replace("[blobs]", ""))
    ran = vaultctl("blobs", "verify", "--config", config)
    assert ran.code == 13
    assert "has no table [blobs]" in ran.err
    assert vaultctl("blobs", "verify", "--config", config.parent / "nowhere").code == 13
