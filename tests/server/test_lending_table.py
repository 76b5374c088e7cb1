"""The classes of check-outs that a configuration names are held against the contract."""

from pathlib import Path

import pytest

from tests.server.test_settings import FULL, read
from vault.access.lending import ClassesInvalid
from vault.access.lending.classes import DEFAULT_CLASSES
from vault.server.lending_table import lending_classes


def configured(tmp_path: Path, text: str) -> None:
    (tmp_path / "own.toml").write_text(text, encoding="utf-8")


OWN = FULL.replace("institutions =", 'lending = "own.toml"\ninstitutions =')


def test_the_vaults_own_classes_name_fields_that_there_are(tmp_path: Path) -> None:
    assert lending_classes(read(tmp_path, FULL)).paths


def test_classes_of_a_banks_own_are_used(tmp_path: Path) -> None:
    text = DEFAULT_CLASSES.read_text("utf-8").replace('"custodian"', '"head_of_branch"')
    configured(tmp_path, text)
    assert lending_classes(read(tmp_path, OWN)).deciders == {"head_of_branch", "compliance"}


def test_a_field_that_no_record_has_is_refused(tmp_path: Path) -> None:
    text = DEFAULT_CLASSES.read_text("utf-8")
    configured(tmp_path, text.replace("customer.accounts", "customer.acounts"))
    with pytest.raises(ClassesInvalid, match=r"customer\.acounts"):
        lending_classes(read(tmp_path, OWN))


def test_classes_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ClassesInvalid, match=r"own\.toml"):
        lending_classes(read(tmp_path, OWN))
