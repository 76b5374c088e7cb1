"""KEKs moved out of files, into a module or service that never shows them; the files taken away."""

from pathlib import Path

import pytest

from tests.e2e.calls import create
from tests.e2e.test_key_rotation import reads, versions
from tests.e2e.test_key_rotation import typed as done
from tests.support.go_tool import BUILD_SECONDS
from tests.support.kms_providers import TIERS
from tests.support.running_vault import RunningVault
from vault.kms import KekName
from vault.server.settings import TierName

pytestmark = [pytest.mark.slow, pytest.mark.timeout(BUILD_SECONDS)]

# How the first version of a KEK is called there, with the mark of the provider's name.
NEW = {"pkcs11": "@safe/pkcs11:1", "transit": "@safe/transit:1", "aws": "@safe/arn:aws:kms:"}


class MovingVault(RunningVault):
    """Its KEKs lie in files, and a second provider `safe` is configured. Its processes have the
    environment of this one."""

    def __init__(self, folder: Path, kind: str) -> None:
        super().__init__(folder, f"sqlite:///{folder}/vault.db")
        places = [folder / "kms" / f"new-{tier}" for tier in TierName]
        for place in places:
            place.mkdir(mode=0o700)
        given = TIERS[kind](places[0], places[1])
        text = self.config.read_text("utf-8")
        for tier, table in zip(TierName, (given.full, given.masked), strict=True):
            first = f'kms = {{ provider = "local-file", directory = "kms/{tier}" }}'
            second = f'{{ {table}, directory = "kms/new-{tier}" }}'
            text = text.replace(first, f"{first}\nkms_others = {{ safe = {second} }}")
        self.config.write_text(text, "utf-8")


@pytest.mark.parametrize("kind", NEW)
def test_every_kek_moves_from_a_file_while_both_tiers_serve(kind: str, tmp_path: Path) -> None:
    with MovingVault(tmp_path, kind) as vault:
        name = create(vault).name
        for kek in KekName:
            key = f"kek-{kek}"
            moved = done(vault, "rotate", key, "--to-provider", "safe")
            assert moved["state"] == "KEY_WORK_STATE_DONE"
            assert str(moved["target"]).startswith(NEW[kind])
            assert done(vault, "rewrap", key)["state"] == "KEY_WORK_STATE_DONE"
            (version,) = (one for one, hanging in versions(vault, key).items() if hanging)
            assert version.startswith(NEW[kind])
            reads(vault, name)
        vault.terminate(TierName.MASKED)
        vault.terminate(TierName.FULL)
        for tier in TierName:
            for file in (vault.folder / "kms" / tier.value).glob("*.kek"):
                file.unlink()
        vault.start()
        for one in (name, create(vault).name):
            reads(vault, one)
