"""What a folder of objects does besides the contract: private, durable, clear about what is
wrong."""

import errno
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vault.blobs import BlobMissing, BlobsUnavailable, FolderBlobs

ROOT = Path(__file__).parents[2]


def files_of(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]


def test_an_object_is_a_file_of_its_name_and_nothing_else_stays(folder: Path) -> None:
    FolderBlobs(folder).put("a/b.gz", b"x")
    assert files_of(folder) == ["a/b.gz"]


def test_objects_are_for_the_vault_alone_to_read(folder: Path) -> None:
    FolderBlobs(folder).put("a/b", b"x")
    assert (folder / "a" / "b").stat().st_mode & 0o777 == 0o600
    assert (folder / "a").stat().st_mode & 0o777 == 0o700


def test_the_bytes_are_synced_before_the_name_and_the_folders_before_a_put_returns(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[object] = []
    fsync, link = os.fsync, os.link

    def synced(descriptor: int) -> None:
        facts = os.fstat(descriptor)
        steps.append("file" if stat.S_ISREG(facts.st_mode) else facts.st_ino)
        fsync(descriptor)

    def linked(source: Path, target: Path) -> None:
        steps.append("name")
        link(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "link", linked)
    FolderBlobs(folder).put("a/b/c", b"x")
    folders = [folder / "a/b", folder / "a", folder]
    assert steps == ["file", "name", *(path.stat().st_ino for path in folders)]


def test_a_deletion_is_synced(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = FolderBlobs(folder)
    blobs.put("a/b", b"x")
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda one: synced.append(os.fstat(one).st_ino))
    blobs.delete("a/b")
    assert synced == [(folder / "a").stat().st_ino]


@pytest.mark.parametrize("call", ["write", "fsync", "link"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EPERM])
def test_what_cannot_be_written_leaves_nothing_and_can_be_put_later(
    folder: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    blobs = FolderBlobs(folder)

    def fails(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patched:
        patched.setattr(os, call, fails)
        with pytest.raises(BlobsUnavailable, match=os.strerror(code)):
            blobs.put("a/b", b"x" * 100_000)
    assert files_of(folder) == []
    blobs.put("a/b", b"y")
    assert b"".join(blobs.get("a/b")) == b"y"


def test_short_writes_are_gone_on_with(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda one, content: write(one, content[:7]))
    FolderBlobs(folder).put("a", bytes(range(100)))
    assert (folder / "a").read_bytes() == bytes(range(100))


def test_short_reads_are_gone_on_with(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = FolderBlobs(folder)
    blobs.put("a", bytes(range(100)))
    pread = os.pread
    monkeypatch.setattr(os, "pread", lambda one, size, at: pread(one, min(size, 7), at))
    assert b"".join(blobs.get("a")) == bytes(range(100))
    assert blobs.get_range("a", 30, 40) == bytes(range(30, 70))


def test_what_is_not_there_is_told_apart_from_a_store_that_is_away(folder: Path) -> None:
    blobs = FolderBlobs(folder)
    with pytest.raises(BlobMissing):
        blobs.get("a")
    blobs.check()
    folder.rmdir()
    for call in (
        lambda: blobs.get("a"),
        lambda: blobs.get_range("a", 0, 1),
        lambda: blobs.size("a"),
        lambda: blobs.put("a", b"x"),
        lambda: blobs.delete("a"),
        lambda: blobs.list(),
        blobs.check,
    ):
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
    assert b"".join(blobs.get("a")) == b"x"


def test_a_link_that_leads_elsewhere_is_not_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"not an object")
    (folder / "a").symlink_to(tmp_path / "secret")
    with pytest.raises(BlobsUnavailable):
        FolderBlobs(folder).get("a")


def test_what_others_have_put_beside_the_objects_is_none(folder: Path) -> None:
    blobs = FolderBlobs(folder)
    blobs.put("a", b"x")
    for name in ("README", "lost+found/x", "b/.hidden", "b/B"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
    assert [one.name for one in blobs.list()] == ["a"]


def test_a_process_killed_while_it_writes_leaves_no_object(folder: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from vault.blobs import FolderBlobs\n"
        "os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "FolderBlobs(Path(sys.argv[1])).put('a/b', b'x' * 100_000)\n"
    )
    command = [sys.executable, "-c", program, str(folder)]
    assert subprocess.run(command, cwd=ROOT, check=False, timeout=60).returncode == -9
    assert len(files_of(folder)) == 1
    assert list(FolderBlobs(folder).list()) == []

    FolderBlobs(folder).put("a/b", b"y")
    assert len(files_of(folder)) == 2, "another process may still be writing it"
    left = next((folder / ".incoming").iterdir())
    os.utime(left, (time.time() - 7_200,) * 2)
    FolderBlobs(folder).put("a/c", b"y")
    assert sorted(files_of(folder)) == ["a/b", "a/c"]


def test_a_reader_that_stops_early_keeps_no_file_open(folder: Path) -> None:
    blobs = FolderBlobs(folder)
    blobs.put("a", bytes(1_000_000))
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        next(blobs.get("a"))
        blobs.get_range("a", 0, 1)
        blobs.size("a")
    assert len(os.listdir("/proc/self/fd")) == before
