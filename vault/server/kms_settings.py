"""The table `tiers.*.kms`: which provider keeps the key-encryption keys, and how it is reached.

    kms = { provider = "local-file", directory = "kms/full" }
    kms = { provider = "transit", directory = "kms/full", address = "https://bao.demo.bank:8200",
            token_file = "kms/full/token", ca = "pki/bao-ca.pem" }

`directory` has the tier's signing keys with every provider. What a provider has no use for is
refused: it would be a mistake that nobody notices.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final

import msgspec

from vault.audit.witness.asking import is_allowed


class Provider(StrEnum):
    """Who keeps the KEKs."""

    LOCAL_FILE = "local-file"
    PKCS11 = "pkcs11"
    AWS = "aws"
    TRANSIT = "transit"
    SPLIT = "split"


class KmsTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where key-encryption keys come from."""

    provider: str = "local-file"
    directory: str = ""
    # Of pkcs11, aws and transit: what each KEK's key is called there, before `full` and so on.
    prefix: str = "recordsvault-"
    # Of the same: for an operation with all its attempts.
    timeout_seconds: Annotated[float, msgspec.Meta(ge=0.2, le=30)] = 4.0
    module: str = ""
    token: str = ""
    pin_file: str = ""
    region: str = ""
    endpoint: str = ""
    address: str = ""
    mount: str = "transit"
    namespace: str = ""
    token_file: str = ""
    ca: str = ""
    socket: str = ""


_REMOTE: Final = {"prefix", "timeout_seconds"}
_REQUIRED: Final = {
    Provider.LOCAL_FILE: set[str](),
    Provider.PKCS11: {"module", "token", "pin_file"},
    Provider.AWS: {"region"},
    Provider.TRANSIT: {"address", "token_file"},
    Provider.SPLIT: set[str](),
}
_OPTIONAL: Final = {
    Provider.LOCAL_FILE: set[str](),
    Provider.PKCS11: _REMOTE,
    Provider.AWS: _REMOTE | {"endpoint"},
    Provider.TRANSIT: _REMOTE | {"mount", "namespace", "ca"},
    Provider.SPLIT: {"socket"},
}
_COMMON: Final = {"provider", "directory"}
# Of an alias at AWS, of a key's name at transit, of a label: what all three take.
_PREFIX: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_MOUNT: Final = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*")


def problem_of_all(first: KmsTable, others: Mapping[str, KmsTable]) -> str:
    """As `problem`, of all providers of a tier; begins with the table's name."""
    for name, table in (("kms", first), *((f"kms_others.{n}", t) for n, t in others.items())):
        if wrong := problem(table):
            return f"{name}.{wrong}"
    if sum(one.provider == Provider.SPLIT for one in (first, *others.values())) > 1:
        return 'kms_others has a second provider "split"; one is all that custodians can open'
    return ""


def problem(table: KmsTable) -> str:
    """What is wrong with the table and how to mend it; "" where nothing is. Begins with a key."""
    try:
        provider = Provider(table.provider)
    except ValueError:
        known = ", ".join(f'"{one.value}"' for one in Provider)
        return f'provider "{table.provider}" is not known; use one of {known}'
    for field in msgspec.structs.fields(KmsTable):
        name, value = field.name, getattr(table, field.name)
        if name in _REQUIRED[provider] and not value:
            return f'{name} is missing, which provider "{provider}" needs'
        of_use = _COMMON | _REQUIRED[provider] | _OPTIONAL[provider]
        if name not in of_use and value != field.default:
            return f'{name} is of no use to provider "{provider}"; remove it'
    if not _PREFIX.fullmatch(table.prefix):
        return "prefix takes letters, digits, - and _, at most 64"
    if not _MOUNT.fullmatch(table.mount):
        return "mount is not a mount's path; write for example transit"
    for name in ("address", "endpoint"):
        if (url := getattr(table, name)) and not is_allowed(url):
            return f"{name}: write https://..., or http://localhost:... on this machine"
    return ""
