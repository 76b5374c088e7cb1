"""Several providers as one: each key is unwrapped by the one that wrapped it."""

from pathlib import Path

import pytest

from tests.support.key_faults import SwitchableKms
from vault.kms import (
    KekMissing,
    KekName,
    KmsUnavailable,
    LocalFileKms,
    UnwrapRefused,
    WrappedKey,
    create_local_keks,
)
from vault.kms.port import Kms
from vault.kms.rotation import CannotRotate, Rotates
from vault.kms.several import CALLED_FIRST, FIRST, SeveralKms, own_name

KEY, CONTEXT = bytes(range(32)), b"here"


def local(folder: Path) -> LocalFileKms:
    create_local_keks(folder, list(KekName))
    return LocalFileKms(folder)


@pytest.fixture
def first(tmp_path: Path) -> LocalFileKms:
    return local(tmp_path / "first")


@pytest.fixture
def hsm(tmp_path: Path) -> LocalFileKms:
    return local(tmp_path / "hsm")


def test_one_provider_alone_is_as_if_there_were_nothing_before_it(first: LocalFileKms) -> None:
    kms = SeveralKms(first)
    wrapped = kms.wrap(KekName.FULL, KEY, CONTEXT)
    assert wrapped.kek_version == "1"
    assert first.unwrap(wrapped, CONTEXT) == kms.unwrap(wrapped, CONTEXT) == KEY
    assert isinstance(kms, Rotates)
    assert kms.names == ()
    kms.check()


def test_each_kek_is_wrapped_by_whom_it_is_entrusted_to_and_unwrapped_by_whom_it_was(
    first: LocalFileKms, hsm: LocalFileKms
) -> None:
    custody: dict[str, str] = {}
    kms = SeveralKms(first, {"hsm": hsm}, lambda: custody)
    before = {kek: kms.wrap(kek, KEY, CONTEXT) for kek in KekName}
    custody["full"] = "hsm"
    moved = kms.wrap(KekName.FULL, KEY, CONTEXT)
    assert moved.kek_version == "@hsm/1"
    assert kms.wrap(KekName.MASKED, KEY, CONTEXT).kek_version == "1"
    for wrapped in (*before.values(), moved):
        assert kms.unwrap(wrapped, CONTEXT) == KEY
    custody["full"] = FIRST
    assert kms.wrap(KekName.FULL, KEY, CONTEXT).kek_version == "1"


def test_a_key_passed_off_as_another_providers_does_not_open(
    first: LocalFileKms, hsm: LocalFileKms
) -> None:
    kms = SeveralKms(first, {"hsm": hsm})
    mine = kms.wrap(KekName.FULL, KEY, CONTEXT)
    with pytest.raises(UnwrapRefused):
        kms.unwrap(WrappedKey(mine.kek, "@hsm/1", mine.blob), CONTEXT)
    with pytest.raises(KekMissing, match="'gone'"):
        kms.unwrap(WrappedKey(mine.kek, "@gone/1", mine.blob), CONTEXT)


def test_new_versions_are_made_where_the_kek_is_and_old_ones_destroyed_where_they_were(
    first: LocalFileKms, hsm: LocalFileKms
) -> None:
    custody: dict[str, str] = {}
    kms = SeveralKms(first, {"hsm": hsm}, lambda: custody)
    second = kms.rotate(KekName.FULL)
    assert kms.wrap(KekName.FULL, KEY, CONTEXT).kek_version == second
    custody["full"] = "hsm"
    third = kms.rotate(KekName.FULL)
    assert third.startswith("@hsm/2-")
    assert kms.forget(KekName.FULL, "1")
    assert not kms.forget(KekName.FULL, second)  # its file would have none left
    assert not kms.forget(KekName.FULL, "@gone/1")
    assert kms.forget(KekName.FULL, "@hsm/1")
    assert kms.wrap(KekName.FULL, KEY, CONTEXT).kek_version == third


def test_versions_are_listed_wherever_the_kek_was(first: LocalFileKms, hsm: LocalFileKms) -> None:
    kms = SeveralKms(first, {"hsm": hsm, "silent": SwitchableKms(hsm)})
    second = kms.rotate(KekName.FULL)
    assert kms.versions_of(KekName.FULL) == ["1", second, "@hsm/1"]
    kms.forget(KekName.FULL, "1")
    assert kms.versions_of(KekName.FULL) == [second, "@hsm/1"]


def test_a_provider_is_tried_before_anything_is_entrusted_to_it(
    first: LocalFileKms, hsm: LocalFileKms, tmp_path: Path
) -> None:
    away = SwitchableKms(hsm)
    (tmp_path / "empty").mkdir(mode=0o700)
    kms = SeveralKms(first, {"hsm": away, "empty": LocalFileKms(tmp_path / "empty")})
    kms.require(KekName.FULL, "hsm")
    kms.require(KekName.FULL, CALLED_FIRST)
    away.away = True
    with pytest.raises(KmsUnavailable):
        kms.require(KekName.FULL, "hsm")
    with pytest.raises(KekMissing):
        kms.require(KekName.FULL, "empty")
    with pytest.raises(CannotRotate, match="hsm, empty"):
        kms.require(KekName.FULL, "gone")


def test_a_provider_that_keeps_its_versions_to_itself_is_told_apart(first: LocalFileKms) -> None:
    kms = SeveralKms(SwitchableKms(first))
    with pytest.raises(CannotRotate):
        kms.require_rotatable(KekName.FULL)
    with pytest.raises(CannotRotate):
        kms.rotate(KekName.FULL)
    assert not kms.forget(KekName.FULL, "1")


def test_the_check_is_of_every_provider(first: LocalFileKms, hsm: LocalFileKms) -> None:
    away = SwitchableKms(hsm)
    kms: Kms = SeveralKms(first, {"hsm": away})
    kms.check()
    away.away = True
    with pytest.raises(KmsUnavailable):
        kms.check()


@pytest.mark.parametrize("name", ["", "first", "HSM", "a/b", "@a", "-a", "a" * 31])
def test_names_that_could_be_mistaken_are_refused(first: LocalFileKms, name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        SeveralKms(first, {name: first})


def test_the_first_has_a_name_for_people() -> None:
    assert own_name(CALLED_FIRST) == FIRST
    assert own_name("hsm") == "hsm"
