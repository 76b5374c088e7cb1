"""What the vault asks of an object store."""

from typing import Protocol


class Blobs(Protocol):
    """Objects by name: segments of `a-z0-9.-` with `/` between. All methods block."""

    def put(self, name: str, content: bytes) -> None:
        """Keep an object, in the place of one of that name. Durable on return. Raises
        BlobsUnavailable; then the old one is there, or the new one whole."""
        ...

    def get(self, name: str) -> bytes:
        """The content. Raises BlobMissing, BlobsUnavailable."""
        ...

    def check(self) -> None:
        """Whether objects can be reached. Raises BlobsUnavailable."""
        ...
