"""What the provider of local files promises, besides what all do (test_providers.py)."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.kms import (
    KekMissing,
    KekName,
    KmsUnavailable,
    LocalFileKms,
    UnwrapRefused,
    WrappedKey,
    create_local_keks,
)
from vault.kms.keybytes import framed, random_key, wipe

KEY = bytes(range(33))


def local(directory: Path, keks: list[KekName]) -> LocalFileKms:
    create_local_keks(directory, keks)
    return LocalFileKms(directory)


def test_a_key_wrapped_under_an_older_version_still_unwraps_and_new_ones_take_the_newest(
    tmp_path: Path,
) -> None:
    kms = local(tmp_path, [KekName.FULL])
    old = kms.wrap(KekName.FULL, KEY, b"here")
    path = tmp_path / "full.kek"
    document = json.loads(path.read_bytes())
    newer = {"version": "2", "created": "2030-01-01T00:00:00Z", "key": "Dw8P" * 10 + "Dw8="}
    assert len(base64.b64decode(newer["key"])) == 32
    document["versions"].append(newer)
    path.write_text(json.dumps(document))

    rotated = LocalFileKms(tmp_path)
    assert rotated.unwrap(old, b"here") == KEY
    assert rotated.wrap(KekName.FULL, KEY, b"here").kek_version == "2"
    relabelled = WrappedKey(KekName.FULL, "2", old.blob)
    with pytest.raises(UnwrapRefused):
        rotated.unwrap(relabelled, b"here")


def test_names_and_versions_are_bound_even_if_two_keks_were_the_same_key(tmp_path: Path) -> None:
    """Someone copied a key file and edited its name, or listed one key twice."""
    create_local_keks(tmp_path, [KekName.FULL])
    document = json.loads((tmp_path / "full.kek").read_bytes())
    document["versions"].append(document["versions"][0] | {"version": "2"})
    for kek in (KekName.FULL, KekName.MASKED):
        path = tmp_path / f"{kek.value}.kek"
        path.write_text(json.dumps(document | {"kek": kek.value}))
        path.chmod(0o600)
    kms = LocalFileKms(tmp_path)
    wrapped = kms.wrap(KekName.FULL, KEY, b"here")
    for other in (
        WrappedKey(KekName.MASKED, wrapped.kek_version, wrapped.blob),
        WrappedKey(KekName.FULL, "1", wrapped.blob),
    ):
        with pytest.raises(UnwrapRefused):
            kms.unwrap(other, b"here")


def test_the_check_finds_a_key_file_that_was_taken_away(tmp_path: Path) -> None:
    kms = local(tmp_path, [KekName.FULL])
    (tmp_path / "full.kek").unlink()
    with pytest.raises(KekMissing):
        kms.check()


def test_the_check_finds_a_key_file_that_holds_another_key(tmp_path: Path) -> None:
    kms = local(tmp_path, [KekName.FULL])
    (tmp_path / "full.kek").unlink()
    create_local_keks(tmp_path, [KekName.FULL])
    with pytest.raises(UnwrapRefused):
        kms.check()


def test_a_folder_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(KmsUnavailable):
        LocalFileKms(tmp_path / "nowhere")


# --- the helpers ---


@given(st.lists(st.binary(max_size=4), max_size=4), st.lists(st.binary(max_size=4), max_size=4))
def test_two_lists_of_parts_have_one_framing_only_if_they_are_equal(
    one: list[bytes], other: list[bytes]
) -> None:
    assert (framed(b"d", *one) == framed(b"d", *other)) == (one == other)


def test_moving_a_byte_over_a_border_changes_the_framing() -> None:
    assert framed(b"d", b"ab", b"c") != framed(b"d", b"a", b"bc")
    assert framed(b"d", b"") != framed(b"d")


def test_wiping_zeroes_the_same_memory_and_not_a_copy() -> None:
    key = random_key(32)
    with memoryview(key) as seen_by_another:
        assert any(seen_by_another)
        wipe(key)
        assert bytes(seen_by_another) == bytes(32)


def test_random_keys_are_of_full_length_and_differ() -> None:
    keys = {bytes(random_key(32)) for _ in range(100)}
    assert len(keys) == 100
    assert {len(key) for key in keys} == {32}
