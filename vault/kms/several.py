"""Several providers of KEKs as one: keys are unwrapped by the one that wrapped them, and wrapped by
the one that the vault has entrusted the KEK to.

Which provider wrapped a key stands in front of the KEK's version, `@hsm/3` for version 3 of the
provider `hsm`. Without such a mark it was the first one, so a vault that never had another keeps
its wrapped keys as they are.
"""

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from vault.kms.errors import KekMissing, UnwrapRefused
from vault.kms.keybytes import wipe
from vault.kms.port import KekName, Kms, WrappedKey
from vault.kms.rotation import CannotRotate, OwnVersions

FIRST: Final = ""
CALLED_FIRST: Final = "first"
"""What people call the first provider, to move a KEK back to it."""
NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,29}")
_MARKED: Final = re.compile(r"@([a-z][a-z0-9-]{0,29})/(.+)", re.DOTALL)
_PROBE: Final = b"recordsvault/provider-probe/v1"


class SeveralKms:
    """`first`, and others by their names. Thread-safe. `custody` says which provider wraps under
    each KEK, by the KEK's name, where it is not the first one; it may block."""

    def __init__(
        self,
        first: Kms,
        others: Mapping[str, Kms] | None = None,
        custody: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        others = others or {}
        if wrong := [n for n in others if not NAME.fullmatch(n) or n == CALLED_FIRST]:
            raise ValueError(f"no name of a provider: {wrong[0]!r}")
        self._providers: dict[str, Kms] = {FIRST: first, **others}
        self._custody = custody

    def __repr__(self) -> str:
        return f"<SeveralKms of {', '.join(map(repr, self._providers.values()))}>"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the providers beside the first one."""
        return tuple(name for name in self._providers if name != FIRST)

    @property
    def providers(self) -> tuple[Kms, ...]:
        """All of them, the first one first."""
        return tuple(self._providers.values())

    def versions_of(self, kek: KekName) -> list[str]:
        """The versions of a KEK that providers can list, wherever it is entrusted to now."""
        found: list[str] = []
        for name, provider in self._providers.items():
            own: object = provider
            if isinstance(own, OwnVersions):
                found += [_marked(name, version) for version in own.versions_of(kek)]
        return found

    def wrap(self, kek: KekName, key: bytes | bytearray, context: bytes) -> WrappedKey:
        """As Kms.wrap, by the provider that the KEK is entrusted to."""
        name = self._entrusted(kek)
        wrapped = self._provider(name).wrap(kek, key, context)
        return replace(wrapped, kek_version=_marked(name, wrapped.kek_version))

    def unwrap(self, wrapped: WrappedKey, context: bytes) -> bytearray:
        """As Kms.unwrap, by the provider that wrapped it."""
        name, version = _parted(wrapped.kek_version)
        return self._provider(name).unwrap(replace(wrapped, kek_version=version), context)

    def check(self) -> None:
        """As Kms.check, of every provider: each may have wrapped what is still needed."""
        for provider in self._providers.values():
            provider.check()

    def require_rotatable(self, kek: KekName) -> None:
        """As Rotates.require_rotatable."""
        self._maker(self._entrusted(kek))

    def rotate(self, kek: KekName) -> str:
        """As Rotates.rotate, at the provider that the KEK is entrusted to."""
        name = self._entrusted(kek)
        return _marked(name, self._maker(name).new_version(kek))

    def forget(self, kek: KekName, version: str) -> bool:
        """As Rotates.forget, at the provider that has the version, if it is configured still."""
        name, own = _parted(version)
        provider: object = self._providers.get(name)
        return provider.destroy_version(kek, own) if isinstance(provider, OwnVersions) else False

    def require(self, kek: KekName, provider: str) -> None:
        """As Rotates.require."""
        provider = own_name(provider)
        if provider not in self._providers:
            known = ", ".join(self.names) or "none"
            raise CannotRotate(f"no provider of that name is configured here; there are: {known}")
        key = bytearray(secrets.token_bytes(32))
        asked = self._providers[provider]
        back = asked.unwrap(asked.wrap(kek, key, _PROBE), _PROBE)
        same = back == key
        wipe(back)
        wipe(key)
        if not same:
            raise UnwrapRefused("the provider does not give back what it wrapped")

    def _maker(self, name: str) -> OwnVersions:
        provider: object = self._provider(name)
        if isinstance(provider, OwnVersions):
            return provider
        # What wraps for the vault need not be able to do more than that.
        raise CannotRotate(
            "its provider makes new versions with its own tools: do it there, then rewrap"
        )

    def _entrusted(self, kek: KekName) -> str:
        return self._custody().get(kek.value, FIRST)

    def _provider(self, name: str) -> Kms:
        found = self._providers.get(name)
        if found is None:
            raise KekMissing(f"no provider {name!r} of KEKs is configured here")
        return found


def own_name(called: str) -> str:
    """The name of a provider, as it is kept, by what people call it."""
    return FIRST if called == CALLED_FIRST else called


def _marked(name: str, version: str) -> str:
    return version if name == FIRST else f"@{name}/{version}"


def _parted(version: str) -> tuple[str, str]:
    match = _MARKED.fullmatch(version)
    return (match[1], match[2]) if match else (FIRST, version)
