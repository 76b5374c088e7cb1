"""Versions of KEKs in files: made and destroyed, and taken up by whoever reads the files."""

import json
from pathlib import Path

import pytest

from vault.kms import KekMissing, KekName, LocalFileKms, UnwrapRefused, create_local_keks

KEY, CONTEXT = bytes(range(32)), b"here"
FULL = KekName.FULL


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create_local_keks(tmp_path / "kms", list(KekName))
    return tmp_path / "kms"


def versions(folder: Path, kek: KekName = FULL) -> list[str]:
    return [v["version"] for v in json.loads((folder / f"{kek}.kek").read_text())["versions"]]


def test_a_new_version_wraps_at_once_and_the_old_one_goes_on_to_open(folder: Path) -> None:
    kms = LocalFileKms(folder)
    before = kms.wrap(FULL, KEY, CONTEXT)
    made = kms.new_version(FULL)
    assert kms.wrap(FULL, KEY, CONTEXT).kek_version == made
    assert kms.unwrap(before, CONTEXT) == KEY
    assert kms.wrap(KekName.MASKED, KEY, CONTEXT).kek_version == "1"
    assert versions(folder) == ["1", made]
    assert (folder / "full.kek").stat().st_mode & 0o777 == 0o600
    assert sorted(p.name for p in folder.iterdir()) == ["full.kek", "index.kek", "masked.kek"]


def test_names_of_versions_are_never_given_twice(folder: Path) -> None:
    kms = LocalFileKms(folder)
    names = {"1"}
    for _ in range(5):
        made = kms.new_version(FULL)
        assert made not in names
        assert kms.destroy_version(FULL, versions(folder)[0])
        names.add(made)
    assert {int(name.partition("-")[0]) for name in names} == set(range(1, 7))


def test_another_process_takes_up_what_was_made_without_a_restart(folder: Path) -> None:
    one, other = LocalFileKms(folder), LocalFileKms(folder)
    made = one.new_version(FULL)
    assert other.unwrap(one.wrap(FULL, KEY, CONTEXT), CONTEXT) == KEY
    assert other.wrap(FULL, KEY, CONTEXT).kek_version == made


def test_a_process_that_slept_through_several_rotations_goes_on(folder: Path) -> None:
    one, other = LocalFileKms(folder), LocalFileKms(folder)
    made = ""
    for _ in range(3):
        made = one.new_version(FULL)
        one.destroy_version(FULL, versions(folder)[0])
    assert other.unwrap(one.wrap(FULL, KEY, CONTEXT), CONTEXT) == KEY
    assert versions(folder) == [made]


def test_what_a_destroyed_version_wrapped_never_opens_again(folder: Path) -> None:
    kms = LocalFileKms(folder)
    before = kms.wrap(FULL, KEY, CONTEXT)
    kms.new_version(FULL)
    assert kms.destroy_version(FULL, "1")
    for opener in (kms, LocalFileKms(folder)):
        with pytest.raises(KekMissing):
            opener.unwrap(before, CONTEXT)


def test_the_newest_version_is_not_destroyed(folder: Path) -> None:
    kms = LocalFileKms(folder)
    assert not kms.destroy_version(FULL, "1")
    assert kms.destroy_version(FULL, "never-was")
    assert versions(folder) == ["1"]


def test_a_file_with_another_key_under_a_known_name_is_not_taken_up(folder: Path) -> None:
    kms = LocalFileKms(folder)
    before = kms.wrap(FULL, KEY, CONTEXT)
    (folder / "full.kek").unlink()
    create_local_keks(folder, [FULL])
    assert kms.unwrap(kms.wrap(FULL, KEY, CONTEXT), CONTEXT) == KEY
    assert kms.unwrap(before, CONTEXT) == KEY
    with pytest.raises(UnwrapRefused):
        kms.check()


def test_a_file_in_which_a_held_version_is_missing_without_a_word_is_not_taken_up(
    folder: Path,
) -> None:
    """As when an old copy of the file is put in its place."""
    kms = LocalFileKms(folder)
    old = (folder / "full.kek").read_bytes()
    made = kms.new_version(FULL)
    wrapped = kms.wrap(FULL, KEY, CONTEXT)
    path = folder / "full.kek"
    path.unlink()
    path.write_bytes(old)
    path.chmod(0o600)
    assert kms.wrap(FULL, KEY, CONTEXT).kek_version == made
    assert kms.unwrap(wrapped, CONTEXT) == KEY


def test_a_kek_that_a_node_was_not_given_is_neither_made_nor_destroyed(tmp_path: Path) -> None:
    create_local_keks(tmp_path / "masked", [KekName.MASKED])
    kms = LocalFileKms(tmp_path / "masked")
    with pytest.raises(KekMissing):
        kms.new_version(FULL)
    with pytest.raises(KekMissing):
        kms.destroy_version(FULL, "1")
    assert [p.name for p in (tmp_path / "masked").iterdir()] == ["masked.kek"]
