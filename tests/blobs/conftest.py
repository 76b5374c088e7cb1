"""The stores that the contract holds for."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.support.s3_faults import S3Faults
from tests.support.s3_server import S3Server
from vault.blobs import Blobs, FolderBlobs, S3Blobs

_numbers = count()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "blobs"
    made.mkdir(mode=0o700)
    return made


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server over HTTP."""
    server = S3Server(tmp_path_factory.mktemp("s3"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def bucket(s3_server: S3Server) -> str:
    """An empty bucket of it."""
    return s3_server.new_bucket(f"bucket-{next(_numbers)}")


@pytest.fixture
def faults(s3_server: S3Server) -> Iterator[S3Faults]:
    """A proxy in front of it."""
    proxy = S3Faults(s3_server.port)
    yield proxy
    proxy.close()


@pytest.fixture(params=["folder", "s3"])
def blobs(request: pytest.FixtureRequest) -> Blobs:
    """An empty store of each kind."""
    if request.param == "folder":
        return FolderBlobs(request.getfixturevalue("folder"))
    server: S3Server = request.getfixturevalue("s3_server")
    return S3Blobs(server.place(request.getfixturevalue("bucket")))
