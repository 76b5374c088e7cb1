"""The folder in which the latest checkpoint is kept beside the database."""

import os
from functools import partial
from pathlib import Path

import pytest

from tests.support.log_keys import ORIGIN, log_signers
from vault.audit.checkpoint import CheckpointBody, read_checkpoint
from vault.audit.durable import write_whole
from vault.audit.second_place import FolderPlace, SecondPlaceAway, SecondPlaceRefused


def root(mark: str) -> bytes:
    return mark.encode().ljust(32, b".")


def note(keys: Path, size: int, mark: str = "a", origin: str = ORIGIN) -> bytes:
    return log_signers(keys).sign(CheckpointBody(origin, size, root(mark)).text())


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def place(tmp_path: Path, keys: Path) -> FolderPlace:
    made = FolderPlace(tmp_path / "second", ORIGIN, log_signers(keys).verifiers)
    made.begin()
    return made


def kept(place: FolderPlace) -> int:
    found = place.read()
    return read_checkpoint(found).body.size if found else 0


def test_a_place_that_has_begun_is_empty_and_known(place: FolderPlace) -> None:
    assert place.begun() and place.read() is None


def test_the_largest_tree_stays_whatever_comes_later(place: FolderPlace, keys: Path) -> None:
    assert place.put(note(keys, 5)) == 5
    assert place.put(note(keys, 9)) == 9
    assert place.put(note(keys, 7)) == 9
    assert place.put(note(keys, 9)) == 9
    assert kept(place) == 9


def test_another_tree_of_the_same_size_is_refused(place: FolderPlace, keys: Path) -> None:
    place.put(note(keys, 9))
    with pytest.raises(SecondPlaceRefused, match="another tree of 9"):
        place.put(note(keys, 9, "b"))
    assert place.read() == note(keys, 9)


def test_a_checkpoint_of_another_log_or_key_is_not_kept(
    place: FolderPlace, keys: Path, tmp_path: Path
) -> None:
    others = tmp_path / "others"
    others.mkdir(mode=0o700)
    for foreign in (note(others, 3), note(keys, 3, origin="other.bank/log"), b"x"):
        with pytest.raises(SecondPlaceRefused):
            place.put(foreign)
    assert place.read() is None


def test_a_folder_of_another_log_is_refused(place: FolderPlace, keys: Path) -> None:
    other = FolderPlace(place.folder, "other.bank/log", log_signers(keys).verifiers)
    for use in (other.begun, other.begin, lambda: other.put(note(keys, 1, origin="x"))):
        with pytest.raises(SecondPlaceRefused):
            use()


def test_a_folder_without_its_first_file_is_not_begun_anew_by_a_checkpoint(
    place: FolderPlace, keys: Path
) -> None:
    """So looks the place where a disk was mounted."""
    place.put(note(keys, 3))
    for file in place.folder.iterdir():
        file.unlink()
    assert not place.begun()
    with pytest.raises(SecondPlaceAway, match="mounted"):
        place.put(note(keys, 4))
    assert list(place.folder.iterdir()) == []


def test_a_checkpoint_without_the_logs_name_is_refused(place: FolderPlace, keys: Path) -> None:
    place.put(note(keys, 3))
    (place.folder / "origin").unlink()
    with pytest.raises(SecondPlaceRefused, match="whose"):
        place.begun()


def test_a_folder_that_is_not_there_is_away(place: FolderPlace, keys: Path) -> None:
    place.folder.rename(place.folder.with_name("elsewhere"))
    for use in (place.begun, place.read, lambda: place.put(note(keys, 1))):
        with pytest.raises(SecondPlaceAway):
            use()
    place.folder.with_name("elsewhere").rename(place.folder)
    assert place.put(note(keys, 1)) == 1


def test_a_folder_is_made_but_not_the_one_above_it(tmp_path: Path, keys: Path) -> None:
    deep = FolderPlace(tmp_path / "not" / "there", ORIGIN, log_signers(keys).verifiers)
    with pytest.raises(SecondPlaceAway):
        deep.begin()


def test_what_is_superseded_is_kept_aside_each_time(place: FolderPlace, keys: Path) -> None:
    place.put(note(keys, 9))
    place.supersede(note(keys, 4, "b"))
    assert kept(place) == 4
    assert place.recoveries() == 1
    place.supersede(None)
    assert place.begun() and place.read() is None and place.recoveries() == 2
    aside = sorted((place.folder / "superseded").iterdir())
    assert [file.read_bytes() for file in aside] == [note(keys, 9), note(keys, 4, "b")]


def longer(kept: bytes, than: bytes) -> bool:
    return len(kept) <= len(than)


def test_an_approved_change_is_kept_if_it_follows_what_is_kept(place: FolderPlace) -> None:
    assert place.approved() is None
    for note, kept in ((b"aa", b"aa"), (b"aaa", b"aaa"), (b"a", b"aaa")):
        assert place.keep_approved(note, partial(longer, than=note)) is (note == kept)
        assert place.approved() == kept


def test_what_is_kept_of_approved_changes_is_put_aside_before_the_log_goes_on(
    place: FolderPlace, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sees the number of recoveries is not held any more to what was approved."""
    place.put(note(keys, 9))
    place.keep_approved(b"one", lambda _: True)

    def refuse(folder: Path, name: str, content: bytes) -> None:
        if name == "recoveries":
            raise OSError(28, "No space left on device")
        write_whole(folder, name, content)

    with monkeypatch.context() as patched:
        patched.setattr("vault.audit.second_place.write_whole", refuse)
        with pytest.raises(SecondPlaceAway):
            place.supersede(None)
    assert (place.approved(), place.recoveries(), kept(place)) == (None, 0, 9)
    place.supersede(note(keys, 4, "b"))
    aside = {file.name: file.read_bytes() for file in (place.folder / "superseded").iterdir()}
    assert [content for name, content in aside.items() if name.startswith("approved")] == [b"one"]
    assert note(keys, 9) in aside.values()


def test_nothing_approved_is_kept_in_a_folder_that_has_not_begun(
    place: FolderPlace, keys: Path
) -> None:
    (place.folder / "origin").unlink()
    with pytest.raises(SecondPlaceAway, match="mounted"):
        place.keep_approved(b"one", lambda _: True)
    gone = FolderPlace(place.folder / "gone", ORIGIN, log_signers(keys).verifiers)
    for use in (gone.approved, lambda: gone.keep_approved(b"one", lambda _: True)):
        with pytest.raises(SecondPlaceAway):
            use()


def test_a_failed_write_leaves_the_old_one_and_no_draft(
    place: FolderPlace, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.put(note(keys, 3))

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(SecondPlaceAway, match="No space"):
            place.put(note(keys, 8))
    assert kept(place) == 3
    assert {file.name for file in place.folder.iterdir()} == {"origin", "checkpoint"}
    assert place.put(note(keys, 8)) == 8


def test_a_number_of_recoveries_that_is_none_is_refused(place: FolderPlace) -> None:
    assert place.recoveries() == 0
    (place.folder / "recoveries").write_text("-1\n")
    with pytest.raises(SecondPlaceRefused, match="no number"):
        place.recoveries()
