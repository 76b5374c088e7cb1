"""Other vaults' logs, as a configuration names them: those keys, and no others, are believed."""

from pathlib import Path

import pytest

from tests.server.test_life_rules import TIER
from tests.support.log_keys import log_signers
from vault.server.checking import examine
from vault.server.settings import Settings, SettingsInvalid, TierName, load
from vault.server.transfers import trusted_logs


def read(folder: Path, text: str | None) -> Settings:
    """With a file of that text, or one that is not there."""
    path = folder / "vault.toml"
    path.write_text(f'{TIER}[transfers]\ntrusted_logs = "partners.vkey"\n', encoding="utf-8")
    if text is not None:
        (folder / "partners.vkey").write_text(text, encoding="utf-8")
    return load(path, TierName.FULL)


def test_the_keys_of_the_file_are_trusted(tmp_path: Path) -> None:
    (key,) = log_signers(tmp_path).verifiers()
    settings = read(tmp_path, f"{key.vkey}\n\n")
    assert trusted_logs(settings) == (key,)
    (found,) = [
        one for one in examine(settings, tmp_path / "vault.toml") if one.subject == "transfers"
    ]
    assert (found.detail, found.problem) == (key.name, "")


def test_without_a_file_nobody_is_trusted(tmp_path: Path) -> None:
    path = tmp_path / "vault.toml"
    path.write_text(TIER, encoding="utf-8")
    assert trusted_logs(load(path, TierName.FULL)) == ()


@pytest.mark.parametrize("text", [None, "no key\n", "日志\n"], ids=["none", "no key", "no ASCII"])
def test_a_file_that_cannot_be_read_stops_the_start(tmp_path: Path, text: str | None) -> None:
    settings = read(tmp_path, text)
    with pytest.raises(SettingsInvalid, match=r"transfers\.trusted_logs"):
        trusted_logs(settings)
