"""What every provider of KEKs promises, whichever it is: the contract, on all five."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.support.go_tool import BUILD_SECONDS
from tests.support.kms_providers import PROVIDERS, Given
from vault.kms import (
    GuardedKms,
    KekMissing,
    KekName,
    Kms,
    KmsUnavailable,
    UnwrapRefused,
    WrappedKey,
)
from vault.kms.keybytes import wipe

# The first test of a run builds the services that are programs in Go.
pytestmark = pytest.mark.timeout(BUILD_SECONDS)

KEY = bytes(range(33))
ALL = tuple(KekName)
Give = Callable[[Path, Iterable[KekName]], Given]


@pytest.fixture(scope="module", params=PROVIDERS)
def give(request: pytest.FixtureRequest) -> Give:
    return PROVIDERS[request.param]


@pytest.fixture(scope="module")
def given(give: Give, tmp_path_factory: pytest.TempPathFactory) -> Given:
    return give(tmp_path_factory.mktemp("kms") / "keys", ALL)


@pytest.fixture(scope="module")
def kms(given: Given) -> Kms:
    return given.open()


def refused(given: Given, kms: Kms, blob: bytes, context: bytes = b"here") -> bool:
    wrapped = kms.wrap(KekName.FULL, KEY, b"here")
    try:
        kms.unwrap(WrappedKey(wrapped.kek, wrapped.kek_version, blob), context)
    except UnwrapRefused:
        return True
    except KmsUnavailable:
        # local-kms breaks the connection off instead; AWS answers InvalidCiphertextException.
        return given.kind == "aws"
    return False


@pytest.mark.parametrize("kek", ALL)
def test_a_wrapped_key_comes_back_the_same(kms: Kms, kek: KekName) -> None:
    wrapped = kms.wrap(kek, KEY, b"here")
    assert wrapped.kek is kek
    assert kms.unwrap(wrapped, b"here") == KEY


def test_a_wrapped_key_comes_back_to_another_process(given: Given, kms: Kms) -> None:
    assert given.open().unwrap(kms.wrap(KekName.FULL, KEY, b"here"), b"here") == KEY


@pytest.mark.parametrize("key", [b"k", bytes(16), bytes(64), bytearray(range(33))], ids=range(4))
def test_keys_of_other_lengths_and_types_come_back_too(kms: Kms, key: bytes) -> None:
    assert kms.unwrap(kms.wrap(KekName.FULL, key, b"here"), b"here") == key


def test_a_wrapped_key_is_given_back_in_memory_that_can_be_wiped(kms: Kms) -> None:
    key = kms.unwrap(kms.wrap(KekName.FULL, KEY, b"here"), b"here")
    assert type(key) is bytearray
    wipe(key)
    assert key == bytes(len(KEY))


def test_the_same_key_is_never_wrapped_to_the_same_bytes(kms: Kms) -> None:
    assert len({kms.wrap(KekName.FULL, KEY, b"here").blob for _ in range(100)}) == 100


def test_the_wrapped_bytes_do_not_contain_the_key(kms: Kms) -> None:
    assert KEY[:8] not in kms.wrap(KekName.FULL, KEY, b"here").blob


@pytest.mark.parametrize("other", [b"", b"her", b"here ", b"there", b"here\0", b"HERE"])
def test_a_key_wrapped_for_one_context_does_not_unwrap_for_another(kms: Kms, other: bytes) -> None:
    with pytest.raises(UnwrapRefused):
        kms.unwrap(kms.wrap(KekName.FULL, KEY, b"here"), other)


@pytest.mark.parametrize(
    "context", [b"", b"\0\xff" * 40, b"institution\x00branch", bytes(300)], ids=range(4)
)
def test_any_bytes_are_a_context(kms: Kms, context: bytes) -> None:
    assert kms.unwrap(kms.wrap(KekName.INDEX, KEY, context), context) == KEY


def test_a_wrapped_key_with_any_bit_flipped_is_refused(given: Given, kms: Kms) -> None:
    wrapped = kms.wrap(KekName.FULL, KEY, b"here")
    # Of AWS's envelope a stand-in cannot tell; see tests/support/go_servers.py.
    for place in range(given.first * 8, len(wrapped.blob) * 8):
        changed = bytearray(wrapped.blob)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises(UnwrapRefused):
            kms.unwrap(WrappedKey(wrapped.kek, wrapped.kek_version, bytes(changed)), b"here")


def test_a_wrapped_key_cut_short_or_lengthened_is_refused(given: Given, kms: Kms) -> None:
    blob = kms.wrap(KekName.FULL, KEY, b"here").blob
    for length in range(len(blob)):
        assert refused(given, kms, blob[:length]), length
    assert refused(given, kms, blob + b"\0")
    assert refused(given, kms, b"\0" + blob)
    assert kms.unwrap(kms.wrap(KekName.FULL, KEY, b"here"), b"here") == KEY


@pytest.mark.parametrize("other", [KekName.MASKED, KekName.INDEX])
def test_a_key_wrapped_under_one_kek_does_not_unwrap_under_another(
    kms: Kms, other: KekName
) -> None:
    wrapped = kms.wrap(KekName.FULL, KEY, b"here")
    others = kms.wrap(other, KEY, b"here")
    for version in (wrapped.kek_version, others.kek_version):
        with pytest.raises(UnwrapRefused):
            kms.unwrap(WrappedKey(other, version, wrapped.blob), b"here")


@pytest.mark.parametrize(
    "version", ["no-such-version", "", "1 ", "99", "transit:99", "transit:0", "pkcs11:99", "arn:x"]
)
def test_a_version_that_does_not_exist_is_missing(kms: Kms, version: str) -> None:
    wrapped = kms.wrap(KekName.FULL, KEY, b"here")
    with pytest.raises(KekMissing):
        kms.unwrap(WrappedKey(KekName.FULL, version, wrapped.blob), b"here")


def test_a_node_given_one_kek_can_use_no_other(give: Give, tmp_path: Path, kms: Kms) -> None:
    masked_only = give(tmp_path / "masked", [KekName.MASKED]).open()
    wrapped = masked_only.wrap(KekName.MASKED, KEY, b"here")
    assert masked_only.unwrap(wrapped, b"here") == KEY
    masked_only.check()
    for kek in (KekName.FULL, KekName.INDEX):
        with pytest.raises(KekMissing):
            masked_only.wrap(kek, KEY, b"here")
        with pytest.raises((KekMissing, UnwrapRefused)):
            masked_only.unwrap(WrappedKey(kek, wrapped.kek_version, wrapped.blob), b"here")


def test_another_vaults_kek_of_the_same_name_does_not_unwrap(
    give: Give, tmp_path: Path, given: Given, kms: Kms
) -> None:
    other = give(tmp_path / "other", ALL).open()
    wrapped = kms.wrap(KekName.FULL, KEY, b"here")
    version = other.wrap(KekName.FULL, KEY, b"here").kek_version
    with pytest.raises(UnwrapRefused):
        other.unwrap(WrappedKey(KekName.FULL, version, wrapped.blob), b"here")


def test_an_older_version_still_unwraps_and_new_ones_take_the_newest(
    give: Give, tmp_path: Path
) -> None:
    given = give(tmp_path / "keys", ALL)
    old = given.open().wrap(KekName.FULL, KEY, b"here")
    given.rotate(KekName.FULL)
    rotated = given.open()
    new = rotated.wrap(KekName.FULL, KEY, b"here")
    assert new.kek_version != old.kek_version
    assert rotated.unwrap(old, b"here") == rotated.unwrap(new, b"here") == KEY
    for one, other in ((old, new), (new, old)):
        with pytest.raises(UnwrapRefused):
            rotated.unwrap(WrappedKey(KekName.FULL, other.kek_version, one.blob), b"here")
    untouched = rotated.wrap(KekName.MASKED, KEY, b"here")
    assert untouched.kek_version == given.open().wrap(KekName.MASKED, KEY, b"").kek_version


@pytest.mark.parametrize("kind", ["pkcs11", "aws", "transit"])
def test_a_new_version_in_a_module_or_service_serves_without_a_restart(
    kind: str, tmp_path: Path
) -> None:
    given = PROVIDERS[kind](tmp_path / "keys", ALL)
    kms = given.open()
    old = kms.wrap(KekName.FULL, KEY, b"here")
    given.rotate(KekName.FULL)
    new = kms.wrap(KekName.FULL, KEY, b"here")
    assert new.kek_version != old.kek_version
    assert kms.unwrap(old, b"here") == kms.unwrap(new, b"here") == KEY


def test_a_kek_that_was_withdrawn_is_missing_at_the_latest_after_a_restart(
    give: Give, tmp_path: Path
) -> None:
    given = give(tmp_path / "keys", ALL)
    wrapped = given.open().wrap(KekName.FULL, KEY, b"here")
    given.withdraw(KekName.FULL)
    after = given.open()
    with pytest.raises(KekMissing):
        after.wrap(KekName.FULL, KEY, b"here")
    with pytest.raises(KekMissing):
        after.unwrap(wrapped, b"here")
    assert after.unwrap(after.wrap(KekName.MASKED, KEY, b"here"), b"here") == KEY


def test_a_kms_in_order_passes_its_check(kms: Kms) -> None:
    kms.check()


def test_a_node_that_was_given_no_kek_does_not_pass_its_check(give: Give, tmp_path: Path) -> None:
    given = give(tmp_path / "keys", [KekName.MASKED])
    given.open().check()
    if given.kind in ("local-file", "split"):
        return  # its absence is another test's: there is no file to open then
    given.withdraw(KekName.MASKED)
    with pytest.raises(KekMissing):
        given.open().check()


def test_behind_the_guard_it_answers_the_same(kms: Kms) -> None:
    guarded = GuardedKms(kms)
    guarded.check()
    wrapped = guarded.wrap(KekName.FULL, KEY, b"here")
    assert kms.unwrap(wrapped, b"here") == guarded.unwrap(wrapped, b"here") == KEY
    with pytest.raises(UnwrapRefused):
        guarded.unwrap(wrapped, b"there")


def test_many_threads_get_each_its_own_key_back(kms: Kms) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def round_trip(number: int) -> bool:
        key, context = bytes([number]) * 33, str(number).encode()
        return kms.unwrap(kms.wrap(KekName.FULL, key, context), context) == key

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(round_trip, range(80)))


def test_no_error_and_no_repr_shows_the_key(kms: Kms) -> None:
    wrapped = kms.wrap(KekName.FULL, KEY, b"here")
    with pytest.raises(UnwrapRefused) as caught:
        kms.unwrap(wrapped, b"there")
    error = caught.value
    shown = repr(kms) + repr(wrapped) + repr(error) + repr(error.__cause__)
    assert KEY.hex() not in shown
    assert repr(wrapped.blob)[2:-1] not in shown
