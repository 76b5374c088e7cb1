"""Key files: what is refused, with what to do about it, and how new ones come to be."""

import json
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from vault.kms import KekName, KeyFileRefused, LocalFileKms, create_local_keks
from vault.kms.private_files import MAX_FILE_BYTES

NAMES = ("full.kek", "masked.kek", "index.kek")


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    directory = tmp_path / "keys"
    create_local_keks(directory, list(KekName))
    return directory


def test_new_key_files_are_0600_in_a_folder_of_0700(keys: Path) -> None:
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    assert sorted(path.name for path in keys.iterdir()) == sorted(NAMES)
    for path in keys.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("umask", [0o000, 0o277])
def test_the_mode_of_a_new_key_file_does_not_depend_on_the_umask(
    tmp_path: Path, umask: int
) -> None:
    (tmp_path / "keys").mkdir(mode=0o700)
    before = os.umask(umask)
    try:
        create_local_keks(tmp_path / "keys", [KekName.FULL])
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "keys/full.kek").stat().st_mode) == 0o600


def test_every_key_file_holds_a_key_of_its_own(keys: Path) -> None:
    held = {json.loads((keys / name).read_text())["versions"][0]["key"] for name in NAMES}
    assert len(held) == 3


def test_an_existing_key_file_is_never_replaced(keys: Path) -> None:
    before = (keys / "full.kek").read_bytes()
    with pytest.raises(KeyFileRefused, match="never replaced"):
        create_local_keks(keys, [KekName.FULL])
    assert (keys / "full.kek").read_bytes() == before
    assert sorted(path.name for path in keys.iterdir()) == sorted(NAMES)


def test_of_many_that_make_one_key_file_at_once_exactly_one_does(tmp_path: Path) -> None:
    directory = tmp_path / "keys"
    directory.mkdir(mode=0o700)
    outcomes: list[str] = []
    start = threading.Barrier(8)

    def make() -> None:
        start.wait()
        try:
            create_local_keks(directory, [KekName.FULL])
            outcomes.append("made")
        except KeyFileRefused:
            outcomes.append("refused")

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["made"] + ["refused"] * 7
    assert [path.name for path in directory.iterdir()] == ["full.kek"]
    LocalFileKms(directory)


def test_a_crash_before_the_name_is_given_leaves_no_key_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("vault.kms.private_files.os.link", crash)
    with pytest.raises(KeyboardInterrupt):
        create_local_keks(tmp_path / "keys", [KekName.FULL])
    assert list((tmp_path / "keys").iterdir()) == []


def test_the_file_is_synced_before_it_gets_its_name_and_the_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "keys").mkdir(mode=0o700)
    steps: list[str] = []
    fsync, link = os.fsync, os.link

    def seen_fsync(descriptor: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        steps.append(f"sync {kind}")
        fsync(descriptor)

    def seen_link(*args: Any, **kwargs: Any) -> None:
        steps.append("name")
        link(*args, **kwargs)

    monkeypatch.setattr("vault.kms.private_files.os.fsync", seen_fsync)
    monkeypatch.setattr("vault.kms.private_files.os.link", seen_link)
    create_local_keks(tmp_path / "keys", [KekName.FULL])
    assert steps == ["sync file", "name", "sync folder"]


# --- refusals ---


@pytest.mark.parametrize(
    "mode", [0o640, 0o644, 0o604, 0o660, 0o666, 0o601, 0o610, 0o620, 0o602, 0o700, 0o4600]
)
@pytest.mark.parametrize("name", NAMES)
def test_a_key_file_wider_than_0600_is_refused_with_how_to_mend_it(
    keys: Path, name: str, mode: int
) -> None:
    (keys / name).chmod(mode)
    with pytest.raises(KeyFileRefused, match=f"chmod 600 .*{name}"):
        LocalFileKms(keys)


def test_a_key_file_that_is_narrower_than_0600_is_accepted(keys: Path) -> None:
    (keys / "full.kek").chmod(0o400)
    LocalFileKms(keys).check()


def test_widening_a_key_file_of_a_running_node_fails_its_check(keys: Path) -> None:
    kms = LocalFileKms(keys)
    (keys / "index.kek").chmod(0o644)
    with pytest.raises(KeyFileRefused):
        kms.check()


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777, 0o1777])
def test_a_folder_that_others_can_write_to_is_refused(keys: Path, mode: int) -> None:
    keys.chmod(mode)
    with pytest.raises(KeyFileRefused, match="chmod go-w"):
        LocalFileKms(keys)
    with pytest.raises(KeyFileRefused, match="chmod go-w"):
        create_local_keks(keys, [KekName.FULL])


def test_a_symbolic_link_in_the_place_of_a_key_file_is_refused(keys: Path) -> None:
    (keys / "full.kek").rename(keys / "elsewhere")
    (keys / "full.kek").symlink_to(keys / "elsewhere")
    with pytest.raises(KeyFileRefused, match="is a link"):
        LocalFileKms(keys)


@pytest.mark.timeout(10)
def test_a_pipe_in_the_place_of_a_key_file_is_refused_and_not_waited_for(keys: Path) -> None:
    (keys / "full.kek").unlink()
    os.mkfifo(keys / "full.kek", 0o600)
    with pytest.raises(KeyFileRefused, match="not a regular file"):
        LocalFileKms(keys)


def test_a_folder_in_the_place_of_a_key_file_is_refused(keys: Path) -> None:
    (keys / "full.kek").unlink()
    (keys / "full.kek").mkdir(mode=0o600)
    with pytest.raises(KeyFileRefused, match="not a regular file"):
        LocalFileKms(keys)


def test_a_key_file_and_folder_of_another_user_are_refused(
    keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = keys.stat().st_uid
    other = owner + 1
    monkeypatch.setattr("vault.kms.private_files.os.geteuid", lambda: other)
    with pytest.raises(KeyFileRefused, match="another user"):
        LocalFileKms(keys)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"3",
        b"\xff\xfe",
        b"{}",
        b'{"format": "recordsvault-kek-v1"}',
        b"[" * 100_000,
    ],
)
def test_a_file_that_is_no_key_file_is_refused(keys: Path, content: bytes) -> None:
    (keys / "full.kek").write_bytes(content)
    with pytest.raises(KeyFileRefused):
        LocalFileKms(keys)


GOOD: dict[str, Any] = {
    "format": "recordsvault-kek-v1",
    "kek": "full",
    "versions": [{"version": "1", "created": "2026-01-01T00:00:00Z", "key": "A" * 43 + "="}],
}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"format": "recordsvault-kek-v2"}, "another format"),
        ({"kek": "masked"}, "does not hold the KEK 'full'"),
        ({"versions": []}, "no version"),
        ({"versions": [{}]}, "malformed"),
        ({"versions": [*GOOD["versions"], *GOOD["versions"]]}, "two versions"),
        ({"versions": [{"version": "1", "key": "AAAA"}]}, "32 bytes"),
        ({"versions": [{"version": "1", "key": "A" * 43 + "=\n"}]}, "malformed"),
        ({"versions": [{"version": "1", "key": "!" * 44}]}, "malformed"),
        ({"versions": [{"version": "1", "key": None}]}, "malformed"),
        ({"versions": "1"}, "malformed"),
    ],
)
def test_a_key_file_with_a_wrong_part_is_refused_and_says_which(
    keys: Path, change: dict[str, Any], why: str
) -> None:
    (keys / "full.kek").write_text(json.dumps(GOOD))
    LocalFileKms(keys)
    (keys / "full.kek").write_text(json.dumps(GOOD | change))
    with pytest.raises(KeyFileRefused, match=why):
        LocalFileKms(keys)


def test_a_masked_key_file_renamed_to_be_the_full_one_is_refused(keys: Path) -> None:
    (keys / "masked.kek").replace(keys / "full.kek")
    with pytest.raises(KeyFileRefused, match="does not hold the KEK 'full'"):
        LocalFileKms(keys)


def test_an_endless_key_file_is_refused_without_reading_it_all(keys: Path) -> None:
    with (keys / "full.kek").open("r+b") as file:
        file.truncate(MAX_FILE_BYTES * 1_000)
    with pytest.raises(KeyFileRefused, match="too large"):
        LocalFileKms(keys)


def test_a_refusal_does_not_quote_the_key(keys: Path) -> None:
    secret = "c2VjcmV0" * 5 + "c2U$"
    entry = {"version": "1", "created": "", "key": secret}
    (keys / "full.kek").write_text(json.dumps(GOOD | {"versions": [entry]}))
    with pytest.raises(KeyFileRefused) as refused:
        LocalFileKms(keys)
    assert secret[:8] not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
