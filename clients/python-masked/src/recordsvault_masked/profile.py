"""A profile: where the vault is, and with which certificate to call it.

A TOML file, as `vaultd dev` writes one for each role:

    name = "crm"
    institution = "demo-bank"
    [endpoints]
    full = "localhost:7443"
    masked = "localhost:7444"
    [tls]
    ca = "../pki/ca.pem"
    certificate = "../pki/crm.pem"
    key = "../pki/crm.key"

Paths are relative to the file. At least one endpoint is named. There is no way to turn TLS off.
"""

from __future__ import annotations

import difflib
import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from recordsvault_masked.errors import ProfileError

_INSTITUTION = re.compile(r"[a-z][a-z0-9-]{1,39}")
_ENDPOINT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/]+):([0-9]{1,5})")
_ROOT = ("name", "institution", "endpoints", "tls")
_TLS = ("ca", "certificate", "key")
# A key or certificate chain is far smaller; more is not read into memory.
_MAX_FILE_BYTES = 1 << 20


class Tier(str, Enum):
    """A tier of the vault, each with an endpoint of its own."""

    FULL = "full"
    MASKED = "masked"


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile that has been read and checked, with the TLS material in memory.

    `endpoints` maps a tier to `host:port`. The key never shows in `repr`.
    """

    name: str
    institution: str
    endpoints: Mapping[Tier, str]
    ca: bytes = field(repr=False)
    certificate: bytes = field(repr=False)
    key: bytes = field(repr=False)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Profile:
        """Read a profile and the files that it names.

        Raises ProfileError for a file that is missing, unreadable, malformed or, for the key,
        open to others than its owner.
        """
        file = Path(path)
        table = _parse(file)
        _known(file, table, _ROOT, "")
        name = _text(file, table, "name", "")
        institution = _text(file, table, "institution", "")
        if not _INSTITUTION.fullmatch(institution):
            raise ProfileError(
                f"{file}: institution is not an identifier: 2 to 40 of a-z, 0-9 and -.",
                f"{file}：institution 不是有效标识：应为 2 至 40 个 a-z、0-9 或 - 字符。",
            )
        tls = _table(file, table, "tls")
        _known(file, tls, _TLS, "tls.")
        paths = {part: file.parent / _text(file, tls, part, "tls.") for part in _TLS}
        return cls(
            name=name,
            institution=institution,
            endpoints=_endpoints(file, _table(file, table, "endpoints")),
            ca=_pem(paths["ca"], "CERTIFICATE"),
            certificate=_pem(paths["certificate"], "CERTIFICATE"),
            key=_private(paths["key"]),
        )

    @property
    def parent(self) -> str:
        """Resource name of the institution, `institutions/{institution}`."""
        return f"institutions/{self.institution}"

    def endpoint(self, tier: Tier) -> str:
        """`host:port` of a tier. Raises ProfileError if the profile names none."""
        try:
            return self.endpoints[tier]
        except KeyError:
            raise ProfileError(
                f"The profile {self.name} names no endpoint of the {tier.value} tier: "
                f"add endpoints.{tier.value}, or use a profile that has one.",
                f"配置 {self.name} 没有 {tier.value} 层的端点："
                f"请添加 endpoints.{tier.value} 或改用含该端点的配置。",
            ) from None


def _parse(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(_read(file).decode())
    except UnicodeDecodeError:
        raise ProfileError(f"{file} is not UTF-8 text.", f"{file} 不是 UTF-8 文本。") from None
    except tomllib.TOMLDecodeError as error:
        # The parser's text names a place and at most one character, never a value.
        raise ProfileError(
            f"{file} is not TOML: {error}.", f"{file} 不是 TOML：{error}。"
        ) from None


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            data = stream.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise _unreadable(file, error) from None
    if len(data) > _MAX_FILE_BYTES:
        raise ProfileError(
            f"{file} is too large to be what the profile says.", f"{file} 过大，与配置不符。"
        )
    return data


def _unreadable(file: Path, error: OSError) -> ProfileError:
    why = (error.strerror or "error").lower()
    return ProfileError(
        f"{file} cannot be read ({why}): check the path and that you may read it.",
        f"无法读取 {file}（{why}）：请检查路径和读取权限。",
    )


def _pem(file: Path, kind: str) -> bytes:
    data = _read(file)
    if f"-----BEGIN {kind}-----".encode() not in data:
        raise ProfileError(f"{file} holds no PEM {kind}.", f"{file} 中没有 PEM {kind}。")
    return data


def _private(file: Path) -> bytes:
    """Read a private key, after a look at the very file that is opened."""
    try:
        with file.open("rb") as stream:
            _refuse_wide(file, os.fstat(stream.fileno()))
            data = stream.read(_MAX_FILE_BYTES)
    except OSError as error:
        raise _unreadable(file, error) from None
    if b"ENCRYPTED" in data:
        raise ProfileError(
            f"The key file {file} is encrypted, and a program cannot be asked for its password: "
            "decrypt it to a file that only you may read (`openssl pkey`).",
            f"密钥文件 {file} 已加密，程序无法输入口令：用 `openssl pkey` 解密成仅自己可读的文件。",
        )
    if b"PRIVATE KEY-----" not in data:
        raise ProfileError(f"{file} holds no PEM private key.", f"{file} 中没有 PEM 私钥。")
    return data


def _refuse_wide(file: Path, seen: os.stat_result) -> None:
    if os.name != "posix":
        return
    mode = stat.S_IMODE(seen.st_mode)
    if mode & 0o077:
        raise ProfileError(
            f"The key file {file} is open to others than its owner (mode {mode:04o}): "
            f"run `chmod 600 {file}`, and renew the key if somebody may have read it.",
            f"密钥文件 {file} 对所有者以外的用户开放（权限 {mode:04o}）："
            f"请运行 `chmod 600 {file}`；如可能已被他人读取，请更换密钥。",
        )
    if seen.st_uid not in (os.geteuid(), 0):
        raise ProfileError(
            f"The key file {file} belongs to another user: make it your own with `chown`.",
            f"密钥文件 {file} 属于其他用户：请用 `chown` 改为自己所有。",
        )


def _endpoints(file: Path, table: Mapping[str, object]) -> dict[Tier, str]:
    _known(file, table, tuple(tier.value for tier in Tier), "endpoints.")
    found = {}
    for tier in Tier:
        if tier.value not in table:
            continue
        endpoint = _text(file, table, tier.value, "endpoints.")
        matched = _ENDPOINT.fullmatch(endpoint)
        if not matched or not 0 < int(matched[2]) < 65536:
            raise ProfileError(
                f"{file}: endpoints.{tier.value} is not host:port.",
                f"{file}：endpoints.{tier.value} 不是 主机:端口 的形式。",
            )
        found[tier] = endpoint
    if not found:
        raise ProfileError(
            f"{file}: no endpoint: add endpoints.full or endpoints.masked.",
            f"{file}：没有端点：请添加 endpoints.full 或 endpoints.masked。",
        )
    return found


def _table(file: Path, table: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = table.get(key)
    if not isinstance(value, dict):
        raise ProfileError(f"{file}: the table [{key}] is missing.", f"{file}：缺少 [{key}] 表。")
    return value


def _text(file: Path, table: Mapping[str, object], key: str, prefix: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value:
        raise ProfileError(
            f"{file}: {prefix}{key} is missing or not a text.",
            f"{file}：缺少 {prefix}{key} 或其不是文本。",
        )
    return value


def _known(file: Path, table: Mapping[str, object], keys: tuple[str, ...], prefix: str) -> None:
    """Refuse a key that means nothing: it is a slip of the pen, and would be without effect."""
    for key in table:
        if key not in keys:
            near = difflib.get_close_matches(key, keys, 1)
            raise ProfileError(
                f"{file}: {prefix}{key} is not known"
                + (
                    f"; did you mean {prefix}{near[0]}?" if near else f"; known: {', '.join(keys)}."
                ),
                f"{file}：未知的键 {prefix}{key}"
                + (f"；是否指 {prefix}{near[0]}？" if near else f"；可用：{'、'.join(keys)}。"),
            )
