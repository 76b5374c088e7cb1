"""KEKs that custodians hold together: k of them open the file, fewer open nothing, and no share is
told by anything."""

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.kms_providers import local
from vault.kms import (
    KekMissing,
    KekName,
    KeyFileRefused,
    KmsSealed,
    KmsUnavailable,
    LocalFileKms,
    SharesRefused,
    SplitKms,
)
from vault.kms.shares import ReadShare, combine, read_share, split_secret
from vault.kms.split import FILE, Standing, split_keks

KEY = bytes(range(33))
SECRET = bytes(range(32))


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def shares(tmp_path: Path) -> list[ReadShare]:
    local(tmp_path / "keys", KekName)
    return split_keks(tmp_path / "keys", tmp_path / "keys", 3, 5)


@pytest.fixture
def kms(shares: list[ReadShare], tmp_path: Path) -> SplitKms:
    return SplitKms(tmp_path / "keys")


# -- the secret ------------------------------------------------------------------------------


@pytest.mark.parametrize(("threshold", "number"), [(2, 2), (2, 3), (3, 5), (5, 5), (2, 16)])
def test_any_so_many_shares_give_the_secret_back(threshold: int, number: int) -> None:
    made = split_secret(SECRET, threshold, number)
    assert [share.number for share in made] == list(range(1, number + 1))
    assert {len(share.words.split()) for share in made} == {33}
    for some in itertools.islice(itertools.permutations(made, threshold), 60):
        assert combine(list(some)) == SECRET


@pytest.mark.parametrize("given", [0, 1, 2, 4, 5])
def test_fewer_or_more_than_are_needed_give_nothing(given: int) -> None:
    with pytest.raises(SharesRefused):
        combine(split_secret(SECRET, 3, 5)[:given])


def test_shares_of_two_splits_do_not_go_together() -> None:
    one, other = split_secret(SECRET, 2, 2), split_secret(SECRET, 2, 2)
    with pytest.raises(SharesRefused):
        combine([one[0], other[1]])


@given(st.data())
def test_a_slip_in_any_word_is_found_in_the_share_itself(data: st.DataObject) -> None:
    made = split_secret(SECRET, 2, 3)
    words = made[0].words.split()
    place = data.draw(st.integers(0, 32))
    other = data.draw(st.sampled_from([*made[1].words.split(), "academic", "zero"]))
    if words[place] == other:
        return
    words[place] = other
    with pytest.raises(SharesRefused) as caught:
        read_share(" ".join(words))
    assert other not in str(caught.value).split()
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("odd", ["", "word", "academic " * 33, "é " * 33, "\0", "a" * 10_000])
def test_what_is_no_share_is_refused_without_being_quoted(odd: str) -> None:
    with pytest.raises(SharesRefused) as caught:
        read_share(odd)
    assert "academic" not in str(caught.value)


def test_case_and_spaces_do_not_matter() -> None:
    share = split_secret(SECRET, 2, 2)[0]
    assert read_share(f"  {share.words.upper()}\n".replace(" ", "  ")) == share


@pytest.mark.parametrize(("threshold", "number"), [(1, 1), (1, 3), (4, 3), (2, 17), (0, 0)])
def test_a_split_that_is_none_is_refused(threshold: int, number: int) -> None:
    with pytest.raises(ValueError, match="threshold"):
        split_secret(SECRET, threshold, number)


def test_no_repr_shows_a_word() -> None:
    share = split_secret(SECRET, 2, 2)[0]
    assert share.words not in repr(share)
    assert share.words.split()[7] not in repr(share)


# -- the file --------------------------------------------------------------------------------


def test_before_its_shares_are_given_it_says_so_and_does_nothing(kms: SplitKms) -> None:
    assert kms.names == tuple(KekName)
    for call in (
        lambda: kms.wrap(KekName.FULL, KEY, b"here"),
        kms.check,
    ):
        with pytest.raises(KmsSealed, match="0 of 3"):
            call()
    assert issubclass(KmsSealed, KmsUnavailable)


def test_the_third_share_opens_it(kms: SplitKms, shares: list[ReadShare]) -> None:
    assert kms.give(shares[4].words) == Standing(True, 1, 3, 5)
    assert kms.give(shares[1].words) == Standing(True, 2, 3, 5)
    with pytest.raises(KmsSealed, match="2 of 3"):
        kms.wrap(KekName.FULL, KEY, b"here")
    assert kms.give(shares[2].words) == Standing(False, 0, 3, 5)
    kms.check()
    assert kms.unwrap(kms.wrap(KekName.FULL, KEY, b"here"), b"here") == KEY
    assert not kms.give(shares[0].words).sealed  # too late does no harm


def test_wrapped_keys_are_those_of_the_files_that_were_split(
    kms: SplitKms, shares: list[ReadShare], tmp_path: Path
) -> None:
    files = LocalFileKms(tmp_path / "keys")
    before = files.wrap(KekName.FULL, KEY, b"here")
    for share in shares[:3]:
        kms.give(share.words)
    assert kms.unwrap(before, b"here") == KEY
    assert files.unwrap(kms.wrap(KekName.FULL, KEY, b"here"), b"here") == KEY


def test_a_share_that_was_given_twice_counts_once(kms: SplitKms, shares: list[ReadShare]) -> None:
    kms.give(shares[0].words)
    with pytest.raises(SharesRefused, match="given already"):
        kms.give(shares[0].words)
    assert kms.standing.given == 1


def test_shares_that_stay_too_few_are_forgotten(shares: list[ReadShare], tmp_path: Path) -> None:
    clock = Clock()
    kms = SplitKms(tmp_path / "keys", clock)
    kms.give(shares[0].words)
    clock.now = 599.0
    kms.give(shares[1].words)
    clock.now = 600.0
    assert kms.standing.given == 0
    assert kms.give(shares[2].words).given == 1


def test_a_file_that_was_changed_does_not_open_and_all_shares_are_to_be_given_again(
    shares: list[ReadShare], tmp_path: Path
) -> None:
    path = tmp_path / "keys" / FILE
    good = json.loads(path.read_text())
    changes = [
        {"threshold": 2},
        {"shares": 6},
        {"keks": ["full", "masked"]},
        {"created": "2020-01-01T00:00:00Z"},
        {
            "sealed": "A" + good["sealed"][1:]
            if good["sealed"][0] != "A"
            else "B" + good["sealed"][1:]
        },
        {"sealed": good["sealed"][:-8] + "AAAAAAA="},
    ]
    for change in changes:
        path.write_text(json.dumps(good | change))
        kms = SplitKms(tmp_path / "keys")
        need = kms.standing.threshold
        for share in shares[: need - 1]:
            kms.give(share.words)
        with pytest.raises(SharesRefused, match="given again"):
            kms.give(shares[need - 1].words)
        assert kms.standing.given == 0
        assert kms.standing.sealed


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"format": "recordsvault-split-keks-v1"}', "[" * 100_000]
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / FILE
    path.touch(mode=0o600)
    path.write_text(content)
    with pytest.raises(KeyFileRefused, match="restore it"):
        SplitKms(tmp_path)


def test_a_file_that_is_not_there_says_how_it_is_made(tmp_path: Path) -> None:
    with pytest.raises(KekMissing, match="vaultctl kms split"):
        SplitKms(tmp_path)


def test_a_file_that_was_exchanged_does_not_pass_the_check(
    kms: SplitKms, shares: list[ReadShare], tmp_path: Path
) -> None:
    for share in shares[:3]:
        kms.give(share.words)
    (tmp_path / "keys" / FILE).unlink()
    split_keks(tmp_path / "keys", tmp_path / "keys", 3, 5)
    with pytest.raises(KeyFileRefused, match="restart"):
        kms.check()


def test_a_sealed_file_is_never_replaced(shares: list[ReadShare], tmp_path: Path) -> None:
    with pytest.raises(KeyFileRefused, match="never replaced"):
        split_keks(tmp_path / "keys", tmp_path / "keys", 2, 2)


def test_neither_file_nor_repr_holds_a_key(
    kms: SplitKms, shares: list[ReadShare], tmp_path: Path
) -> None:
    sealed = (tmp_path / "keys" / FILE).read_text()
    for kek in KekName:
        document = json.loads((tmp_path / "keys" / f"{kek.value}.kek").read_text())
        assert document["versions"][0]["key"] not in sealed
    assert (tmp_path / "keys" / FILE).stat().st_mode & 0o777 == 0o600
    assert repr(kms) == "<SplitKms, sealed>"


def test_there_must_be_something_to_split(tmp_path: Path) -> None:
    with pytest.raises(KekMissing):
        split_keks(tmp_path, tmp_path, 2, 3)
