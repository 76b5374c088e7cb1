"""KEKs moved from one provider to another by the steps of a rotation; the old one taken away."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.calls import create
from tests.e2e.test_key_rotation import DONE, by, done, reads, versions
from tests.support.running_vault import RunningVault
from vault.kms import KekName, create_local_keks
from vault.server.checking import examine
from vault.server.settings import TierName, load

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

OTHERS = """\
kms = {{ provider = "local-file", directory = "kms/{tier}" }}
kms_others = {{ vaulted = {{ provider = "local-file", directory = "kms/new-{tier}" }} }}"""


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVault]:
    """With a second provider on both tiers."""
    folder = tmp_path_factory.mktemp("vault")
    running = RunningVault(folder, f"sqlite:///{folder}/vault.db")
    create_local_keks(folder / "kms" / "new-full", list(KekName))
    (folder / "kms" / "new-masked").mkdir(mode=0o700)
    bring(folder, "new-full", "new-masked")
    text = running.config.read_text("utf-8")
    for tier in TierName:
        before = f'kms = {{ provider = "local-file", directory = "kms/{tier}" }}'
        assert before in text
        text = text.replace(before, OTHERS.format(tier=tier))
    running.config.write_text(text, "utf-8")
    with running:
        yield running


def bring(folder: Path, full: str, masked: str) -> None:
    """The masked node's copy of its KEK."""
    copy = folder / "kms" / masked / "masked.kek"
    shutil.copyfile(folder / "kms" / full / "masked.kek", copy)
    copy.chmod(0o600)


def test_every_kek_moves_and_the_old_provider_is_not_needed_any_more(vault: RunningVault) -> None:
    names = [create(vault).name for _ in range(2)]
    listed = json.loads(by(vault, "operator", "keys", "list", "--json").stdout)
    assert listed["providers"] == ["vaulted"]
    for kek in KekName:
        key = f"kek-{kek}"
        moved = done(vault, "rotate", key, provider="vaulted")
        assert (moved.state, moved.target) == (DONE, "@vaulted/1")
        assert done(vault, "rewrap", key).state == DONE
        assert "own tools" in done(vault, "retire", key, version="1").detail
        # The old file is there still, with its only version.
        assert versions(vault, key) == {"@vaulted/1": 2, "1": 0}
    for name in names:
        reads(vault, name)

    vault.terminate(TierName.MASKED)
    vault.terminate(TierName.FULL)
    for tier in TierName:
        for kek in KekName:
            (vault.folder / "kms" / tier / f"{kek}.kek").unlink(missing_ok=True)
    for tier in TierName:
        items = {one.subject: one for one in examine(load(vault.config, tier), vault.config)}
        assert items["kms"].problem == "", items["kms"]
    vault.start()
    for name in (*names, create(vault).name):
        reads(vault, name)
    assert done(vault, "rotate", "branch-masked").state == DONE
    back = by(
        vault, "operator", "keys", "rotate", "kek-full", "--to-provider", "first", "--reason", "No"
    )
    assert back.returncode != 0
    assert "no KEK 'full'" in back.stderr
