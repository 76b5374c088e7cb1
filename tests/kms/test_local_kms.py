"""What every KMS promises (the contract), and what the one of local files promises besides."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.kms import (
    KekMissing,
    KekName,
    Kms,
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


# Every provider goes through the contract tests; a new one adds its factory here.
MakeKms = Callable[[Path, list[KekName]], Kms]


@pytest.fixture(params=[local], ids=["local"])
def make(request: pytest.FixtureRequest) -> MakeKms:
    factory: MakeKms = request.param
    return factory


@pytest.fixture
def kms(make: MakeKms, tmp_path: Path) -> Kms:
    return make(tmp_path / "keys", list(KekName))


@pytest.mark.parametrize("kek", list(KekName))
def test_a_wrapped_key_comes_back_the_same(kms: Kms, kek: KekName) -> None:
    wrapped = kms.wrap(kek, KEY, b"here")
    assert wrapped.kek is kek
    assert kms.unwrap(wrapped, b"here") == KEY


def test_a_wrapped_key_is_given_back_in_memory_that_can_be_wiped(kms: Kms) -> None:
    key = kms.unwrap(kms.wrap(KekName.FULL, KEY, b"here"), b"here")
    assert type(key) is bytearray
    wipe(key)
    assert key == bytes(len(KEY))


def test_the_same_key_is_never_wrapped_to_the_same_bytes(kms: Kms) -> None:
    assert len({kms.wrap(KekName.FULL, KEY, b"here").blob for _ in range(1000)}) == 1000


def test_the_wrapped_bytes_do_not_contain_the_key(kms: Kms) -> None:
    assert KEY[:8] not in kms.wrap(KekName.FULL, KEY, b"here").blob


@pytest.mark.parametrize("other", [b"", b"her", b"here ", b"there", b"here\0"])
def test_a_key_wrapped_for_one_context_does_not_unwrap_for_another(kms: Kms, other: bytes) -> None:
    with pytest.raises(UnwrapRefused):
        kms.unwrap(kms.wrap(KekName.FULL, KEY, b"here"), other)


def test_a_wrapped_key_with_any_bit_flipped_is_refused(kms: Kms) -> None:
    wrapped = kms.wrap(KekName.FULL, KEY, b"here")
    for place in range(len(wrapped.blob) * 8):
        changed = bytearray(wrapped.blob)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises(UnwrapRefused):
            kms.unwrap(WrappedKey(wrapped.kek, wrapped.kek_version, bytes(changed)), b"here")


def test_a_wrapped_key_cut_short_or_lengthened_is_refused(kms: Kms) -> None:
    wrapped = kms.wrap(KekName.FULL, KEY, b"here")
    blobs = [wrapped.blob[:length] for length in range(len(wrapped.blob))]
    for blob in [*blobs, wrapped.blob + b"\0", b"\0" + wrapped.blob]:
        with pytest.raises(UnwrapRefused):
            kms.unwrap(WrappedKey(wrapped.kek, wrapped.kek_version, blob), b"here")


@pytest.mark.parametrize("other", [KekName.MASKED, KekName.INDEX])
def test_a_key_wrapped_under_one_kek_does_not_unwrap_under_another(
    kms: Kms, other: KekName
) -> None:
    wrapped = kms.wrap(KekName.FULL, KEY, b"here")
    with pytest.raises(UnwrapRefused):
        kms.unwrap(WrappedKey(other, wrapped.kek_version, wrapped.blob), b"here")


def test_a_version_that_does_not_exist_is_missing(kms: Kms) -> None:
    wrapped = kms.wrap(KekName.FULL, KEY, b"here")
    with pytest.raises(KekMissing):
        kms.unwrap(WrappedKey(KekName.FULL, "no-such-version", wrapped.blob), b"here")


def test_a_node_given_one_kek_can_use_no_other(make: MakeKms, tmp_path: Path) -> None:
    everything = make(tmp_path / "full", list(KekName))
    masked_only = make(tmp_path / "masked", [KekName.MASKED])
    wrapped = masked_only.wrap(KekName.MASKED, KEY, b"here")
    assert masked_only.unwrap(wrapped, b"here") == KEY
    for kek in (KekName.FULL, KekName.INDEX):
        with pytest.raises(KekMissing):
            masked_only.wrap(kek, KEY, b"here")
        with pytest.raises(KekMissing):
            masked_only.unwrap(everything.wrap(kek, KEY, b"here"), b"here")


def test_another_vaults_kek_of_the_same_name_does_not_unwrap(
    make: MakeKms, tmp_path: Path, kms: Kms
) -> None:
    other = make(tmp_path / "other", list(KekName))
    with pytest.raises(UnwrapRefused):
        other.unwrap(kms.wrap(KekName.FULL, KEY, b"here"), b"here")


def test_a_kms_in_order_passes_its_check(kms: Kms) -> None:
    kms.check()


def test_no_error_and_no_repr_shows_the_key(kms: Kms) -> None:
    wrapped = kms.wrap(KekName.FULL, KEY, b"here")
    with pytest.raises(UnwrapRefused) as refused:
        kms.unwrap(wrapped, b"there")
    shown = repr(kms) + repr(wrapped) + repr(refused.value) + repr(refused.value.__cause__)
    assert KEY.hex() not in shown
    assert repr(wrapped.blob)[2:-1] not in shown


# --- local files only ---


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
