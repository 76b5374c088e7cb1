"""What a provider can do beyond wrapping: make a new version of a KEK, and destroy an old one."""

from typing import Protocol, runtime_checkable

from vault.kms.errors import KmsError
from vault.kms.port import KekName


class CannotRotate(KmsError):
    """The provider's KEKs are rotated, or given, elsewhere; the message says where."""


@runtime_checkable
class Rotates(Protocol):
    """A provider whose KEKs can be rotated from here. Thread-safe; every method may block, and
    raises KmsUnavailable while the provider is away."""

    def require_rotatable(self, kek: KekName) -> None:
        """Make sure that `rotate` can be asked for. Raises CannotRotate, KekMissing."""
        ...

    def rotate(self, kek: KekName) -> str:
        """Make a new version of a KEK, which wraps from now on; its name.

        Raises CannotRotate, KekMissing.
        """
        ...

    def forget(self, kek: KekName, version: str) -> bool:
        """Destroy an old version, by which nothing is wrapped any more; False where the provider
        leaves that to its own tools."""
        ...

    def require(self, kek: KekName, provider: str) -> None:
        """Make sure that a provider of that name is configured, has the KEK, and gives back what it
        wraps. Raises CannotRotate, KekMissing."""
        ...


@runtime_checkable
class OwnVersions(Protocol):
    """One provider that makes and destroys its versions itself. Raises as Rotates."""

    def versions_of(self, kek: KekName) -> list[str]:
        """The versions of a KEK that are there, the newest last; none where it is not here."""
        ...

    def new_version(self, kek: KekName) -> str:
        """Make a new version of a KEK, which wraps from now on; its name. Raises KekMissing."""
        ...

    def destroy_version(self, kek: KekName, version: str) -> bool:
        """Destroy a version; False where the provider leaves that to its own tools."""
        ...
