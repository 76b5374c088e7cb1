"""The stores that the contract holds for."""

from pathlib import Path

import pytest

from vault.blobs import Blobs, FolderBlobs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "blobs"
    made.mkdir(mode=0o700)
    return made


@pytest.fixture(params=["folder"])
def blobs(request: pytest.FixtureRequest) -> Blobs:
    """An empty store of each kind."""
    return FolderBlobs(request.getfixturevalue("folder"))
