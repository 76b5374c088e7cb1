"""Objects in a folder: whole or not there, durable, and clear about what is wrong."""

import os
from pathlib import Path

import pytest

from vault.blobs import BlobMissing, BlobsUnavailable, FolderBlobs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "blobs"
    made.mkdir(mode=0o700)
    return made


def test_an_object_comes_out_as_it_went_in(folder: Path) -> None:
    blobs = FolderBlobs(folder)
    content = bytes(range(256)) * 4_000
    blobs.put("log/tile/entries/x001/234.gz", content)
    assert FolderBlobs(folder).get("log/tile/entries/x001/234.gz") == content


def test_an_object_is_replaced_whole(folder: Path) -> None:
    blobs = FolderBlobs(folder)
    blobs.put("a", b"long before")
    blobs.put("a", b"now")
    assert blobs.get("a") == b"now"
    assert [path.name for path in folder.iterdir()] == ["a"]


def test_objects_are_for_the_vault_alone_to_read(folder: Path) -> None:
    FolderBlobs(folder).put("a/b", b"x")
    assert (folder / "a" / "b").stat().st_mode & 0o777 == 0o600


def test_file_and_folders_are_synced_before_a_put_returns(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    FolderBlobs(folder).put("a/b/c", b"x")
    wanted = [folder / "a/b/c", folder / "a/b", folder / "a", folder]
    assert synced == [path.stat().st_ino for path in wanted]


def test_what_is_not_there_is_told_apart_from_a_store_that_is_away(folder: Path) -> None:
    blobs = FolderBlobs(folder)
    with pytest.raises(BlobMissing):
        blobs.get("a")
    blobs.check()
    folder.rmdir()
    for call in (lambda: blobs.get("a"), lambda: blobs.put("a", b"x"), blobs.check):
        with pytest.raises(BlobsUnavailable) as caught:
            call()
        assert str(folder) not in str(caught.value)
    # A volume that is not mounted is not replaced by a folder of the same name.
    assert not folder.exists()


def test_a_store_that_came_back_serves_again(folder: Path) -> None:
    blobs = FolderBlobs(folder)
    blobs.put("a", b"x")
    away = folder.rename(folder.parent / "away")
    with pytest.raises(BlobsUnavailable):
        blobs.get("a")
    away.rename(folder)
    assert blobs.get("a") == b"x"


@pytest.mark.parametrize(
    "name", ["", "/a", "a/", "../a", "a/../b", "a//b", ".a", "A", "a b", "a\n"]
)
def test_a_name_that_could_leave_the_folder_is_no_name(folder: Path, name: str) -> None:
    blobs = FolderBlobs(folder)
    with pytest.raises(ValueError, match="name of an object"):
        blobs.put(name, b"x")
    with pytest.raises(ValueError, match="name of an object"):
        blobs.get(name)
