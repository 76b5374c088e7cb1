"""The rules of files for life, as a configuration names them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from vault.records import Customer, NaturalPerson
from vault.server import subjects
from vault.server.checking import examine
from vault.server.life import filing, rules
from vault.server.settings import Settings, SettingsInvalid, TierName, load
from vault.services.filing import ElementsMissing
from vault.services.sealer import utc_day

TIER = """\
[tiers.full]
listen = "localhost:7443"
database = "sqlite:///vault.db"
principals = "principals.toml"
institutions = ["demo-bank"]
kms = { provider = "local-file", directory = "kms" }
tls = { certificate = "a.pem", key = "a.key", client_ca = "ca.pem" }
"""
STRICT = """\
name = "own"
version = 1
[[rule]]
name = "no-file-without-an-occupation"
when = "always"
customers = ["NATURAL_PERSON"]
elements = ["occupation"]
states = ["MISSING"]
effect = "refuse"
source = "house rule"
article = "7"
checked = true
"""
FOLDERS: dict[str, Callable[[Settings], object]] = {
    "elements": rules,
    "ownership": rules,
    "business": rules,
    "currency": rules,
    "subjects": subjects.rules,
    "disclosure": subjects.rules,
}
DAY = utc_day(1_800_000_000_000_000)


def read(folder: Path, more: str) -> Settings:
    path = folder / "vault.toml"
    path.write_text(TIER + more, encoding="utf-8")
    return load(path, TierName.FULL)


def life(settings: Settings) -> tuple[str, str]:
    (found,) = [
        one for one in examine(settings, settings.folder / "vault.toml") if one.subject == "life"
    ]
    return found.problem, found.warning


def test_a_rule_of_ones_own_refuses_and_the_vaults_own_no_longer_holds(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "own.toml").write_text(STRICT, encoding="utf-8")
    made = filing(rules(read(tmp_path, '[life]\nbusiness = "rules"\n')))
    with pytest.raises(ElementsMissing, match="no-file-without-an-occupation"):
        made.first(Customer(natural_person=NaturalPerson("A B")), DAY)
    account = Customer(natural_person=NaturalPerson("A B", occupation="clerk"), accounts=("1",))
    assert made.first(account, DAY) == account
    # The vault's own would have refused it: it has an account and no identity number.
    with pytest.raises(ElementsMissing):
        filing(rules(read(tmp_path, ""))).first(account, DAY)


@pytest.mark.parametrize("key", [*FOLDERS])
def test_a_folder_that_cannot_be_used_stops_the_start_and_is_named(
    key: str, tmp_path: Path
) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "bad.toml").write_text("name =", encoding="utf-8")
    settings = read(tmp_path, f'[life]\n{key} = "rules"\n')
    with pytest.raises(SettingsInvalid, match=r"\[life\]: bad\.toml"):
        FOLDERS[key](settings)
    assert "bad.toml" in life(settings)[0]


@pytest.mark.parametrize("key", [*FOLDERS])
def test_a_folder_that_is_not_there_is_not_taken_for_one_without_rules(
    key: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsInvalid, match="is no folder of rules"):
        FOLDERS[key](read(tmp_path, f'[life]\n{key} = "nowhere"\n'))


def test_without_a_set_of_elements_no_file_is_taken_for_complete(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(SettingsInvalid, match="no set of elements"):
        rules(read(tmp_path, '[life]\nelements = "none"\n'))


def test_it_is_a_warning_that_files_which_name_nobody_would_be_refused(tmp_path: Path) -> None:
    problem, warning = life(read(tmp_path, ""))
    assert not problem
    assert "demo-bank" in warning and "is refused" in warning
    named = read(tmp_path, '[life]\ncustodians = { "demo-bank" = "custodian" }\n')
    assert life(named) == ("", "")
