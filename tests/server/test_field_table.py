"""The table of fields that a configuration names is held against the contract before it serves."""

from pathlib import Path

import pytest

from tests.server.test_settings import FULL, read
from vault.access.fields import FieldsInvalid
from vault.server.field_table import field_table

ROW = '[[grant]]\nroles = ["clerk"]\npurposes = ["CUSTOMER_SERVICE"]\nfields = ["{}"]\n'
CLERK = frozenset({"clerk"})


def named(folder: Path, path: str) -> str:
    """A configuration with a table of one path."""
    (folder / "own.toml").write_text(ROW.format(path), encoding="utf-8")
    return FULL.replace("institutions =", 'fields = "own.toml"\ninstitutions =')


def test_the_vaults_own_table_fits_the_contract(tmp_path: Path) -> None:
    assert field_table(read(tmp_path, FULL)).opened(CLERK, "CUSTOMER_SERVICE").paths == ()


def test_the_table_that_is_named_is_the_one_in_force(tmp_path: Path) -> None:
    settings = read(tmp_path, named(tmp_path, "customer.phones"))
    assert field_table(settings).opened(CLERK, "CUSTOMER_SERVICE").paths == ("customer.phones",)


@pytest.mark.parametrize(
    "path",
    [
        "customer.fone",
        "customer.phones.number",
        "customer.name",
        "customer.etag",
        "transaction.amount.units",
        "identity_document.natural_person",
    ],
)
def test_a_path_that_no_record_has_stops_the_start(tmp_path: Path, path: str) -> None:
    settings = read(tmp_path, named(tmp_path, path))
    with pytest.raises(FieldsInvalid, match=path):
        field_table(settings)


def test_a_table_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    settings = read(tmp_path, FULL.replace("institutions =", 'fields = "no"\ninstitutions ='))
    with pytest.raises(FieldsInvalid, match="cannot be read"):
        field_table(settings)
