"""The table of the provider of KEKs: what each needs, and nothing that it has no use for."""

from typing import Any

import msgspec
import pytest

from vault.server.kms_settings import KmsTable, problem, problem_of_all

GOOD: dict[str, dict[str, Any]] = {
    "local-file": {"directory": "kms"},
    "split": {"directory": "kms", "socket": "run/unseal.sock"},
    "pkcs11": {"directory": "kms", "module": "/lib/hsm.so", "token": "v", "pin_file": "pin"},
    "aws": {"directory": "kms", "region": "eu-central-1", "endpoint": "https://vpce.example"},
    "transit": {
        "directory": "kms",
        "address": "https://bao.example:8200",
        "token_file": "token",
        "namespace": "bank",
        "mount": "transit/vault",
        "ca": "ca.pem",
        "prefix": "vault-",
        "timeout_seconds": 2.0,
    },
}
REQUIRED = [
    (provider, name)
    for provider, names in {
        "pkcs11": ("module", "token", "pin_file"),
        "aws": ("region",),
        "transit": ("address", "token_file"),
    }.items()
    for name in names
]
USELESS = [
    ("local-file", "socket", "x"),
    ("local-file", "prefix", "x-"),
    ("split", "timeout_seconds", 1.0),
    ("pkcs11", "address", "https://x"),
    ("aws", "token_file", "x"),
    ("aws", "mount", "x"),
    ("transit", "region", "x"),
]


def table(provider: str, **changes: Any) -> KmsTable:
    return msgspec.convert({"provider": provider, **GOOD[provider], **changes}, KmsTable)


@pytest.mark.parametrize("provider", GOOD)
def test_each_provider_can_be_named(provider: str) -> None:
    assert problem(table(provider)) == ""


@pytest.mark.parametrize(("provider", "name"), REQUIRED)
def test_what_a_provider_needs_is_missed(provider: str, name: str) -> None:
    assert problem(table(provider, **{name: ""})).startswith(f"{name} is missing")


@pytest.mark.parametrize(("provider", "name", "value"), USELESS)
def test_what_a_provider_has_no_use_for_is_refused(provider: str, name: str, value: Any) -> None:
    assert problem(table(provider, **{name: value})).startswith(f"{name} is of no use")


@pytest.mark.parametrize(
    "address",
    ["http://bao.example", "ftp://x", "bao.example:8200", "https://u:p@x", "https://x/?a"],
)
def test_a_token_is_sent_to_nobody_in_the_clear(address: str) -> None:
    assert "https" in problem(table("transit", address=address))


@pytest.mark.parametrize("prefix", ["", "a/b", "../x", "a b", "ä", "x" * 66])
def test_a_prefix_is_part_of_a_name_and_no_more(prefix: str) -> None:
    assert problem(table("transit", prefix=prefix)).startswith("prefix")


@pytest.mark.parametrize("mount", ["", "/transit", "a//b", "../sys", "transit/"])
def test_a_mount_is_a_path(mount: str) -> None:
    assert problem(table("transit", mount=mount)).startswith("mount")


@pytest.mark.parametrize("seconds", [0.0, 0.1, 31.0, -1.0])
def test_a_question_takes_some_time_and_not_for_ever(seconds: float) -> None:
    with pytest.raises(msgspec.ValidationError):
        table("aws", timeout_seconds=seconds)


def test_custodians_open_one_provider() -> None:
    assert problem_of_all(table("split"), {"hsm": table("pkcs11")}) == ""
    assert "second" in problem_of_all(table("split"), {"old": table("split")})


def test_a_mistake_names_its_table() -> None:
    wrong = problem_of_all(table("local-file"), {"hsm": table("pkcs11", module="")})
    assert wrong.startswith("kms_others.hsm.module")
