"""The configuration in the README is the one that the server reads."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from tests.docs.pages import ENGLISH, codes
from vault.server.blobs_settings import BlobsTable
from vault.server.kms_settings import KmsTable
from vault.server.settings import (
    AccessTable,
    CacheTable,
    LifeTable,
    LimitsTable,
    LogTable,
    OracleTable,
    RetentionTable,
    TierName,
    TierTable,
    TlsTable,
    TransfersTable,
    WitnessTable,
    load,
)
from vault.server.token_settings import TokensTable

TEXT = ENGLISH.read_text(encoding="utf-8")
TABLES: dict[str, type[msgspec.Struct]] = {
    "tiers.*": TierTable,
    "tiers.*.kms": KmsTable,
    "tiers.*.tls": TlsTable,
    "tiers.*.oracle": OracleTable,
    "log": LogTable,
    "log.witnesses": WitnessTable,
    "tokens": TokensTable,
    "limits": LimitsTable,
    "cache": CacheTable,
    "access": AccessTable,
    "blobs": BlobsTable,
    "retention": RetentionTable,
    "life": LifeTable,
    "transfers": TransfersTable,
}
INNER = {f"tiers.*.{name}" for name in ("kms", "tls", "oracle")} | {"log.witnesses"}


def documented() -> dict[str, str]:
    """Each key of the table and the default that it names."""
    return dict(re.findall(r"^\| `([\w.*]+\.\w+)` \| (.+?) \|", TEXT, re.MULTILINE))


def test_every_key_is_documented_and_no_other() -> None:
    keys = {f"{prefix}.{name}" for prefix, t in TABLES.items() for name in t.__struct_fields__}
    assert set(documented()) == keys - INNER


_PLAIN = ["log", "limits", "cache", "access", "blobs", "life", "retention", "transfers"]


@pytest.mark.parametrize("prefix", _PLAIN)
def test_the_defaults_are_those_of_the_server(prefix: str) -> None:
    made = TABLES[prefix]()
    for name in TABLES[prefix].__struct_fields__:
        if f"{prefix}.{name}" in INNER:
            continue
        told, default = documented()[f"{prefix}.{name}"], getattr(made, name)
        if isinstance(default, str):
            assert told == (f"`{default}`" if default else "none")
        elif isinstance(default, bool):
            assert told == str(default).lower()
        elif isinstance(default, tuple):
            assert told == f"`{json.dumps(list(default))}`"
        elif isinstance(default, dict):
            assert told == "none"
        else:
            assert float(told) == float(default)


def test_what_is_required_is_said_to_be() -> None:
    for prefix, kind in TABLES.items():
        for field in msgspec.structs.fields(kind):
            key = f"{prefix}.{field.name}"
            if key in INNER or key == "tiers.*.kms.directory":
                continue
            assert documented()[key].startswith("required") == field.required, key


@pytest.mark.parametrize("tier", TierName)
def test_the_example_can_be_read(tier: TierName, tmp_path: Path) -> None:
    (example,) = [code.text for code in codes(TEXT) if code.language == "toml"]
    file = tmp_path / "vault.toml"
    file.write_text(example, encoding="utf-8")
    settings = load(file, tier)
    assert (settings.table.oracle is not None) == (tier is TierName.MASKED)
