"""What every object store promises the vault, whatever stands behind it."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.go_tool import BUILD_SECONDS
from vault.blobs import (
    MAX_OBJECT_BYTES,
    BlobDamaged,
    BlobExists,
    BlobMissing,
    Blobs,
)
from vault.blobs.port import PIECE_BYTES

pytestmark = pytest.mark.timeout(BUILD_SECONDS)

SIZES = [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES + 17]


def content_of(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def read(blobs: Blobs, name: str) -> bytes:
    return b"".join(blobs.get(name))


@pytest.mark.parametrize("size", SIZES)
def test_an_object_comes_out_as_it_went_in(blobs: Blobs, size: int) -> None:
    blobs.put("log/tile/entries/x001/234.gz", content_of(size))
    assert read(blobs, "log/tile/entries/x001/234.gz") == content_of(size)
    assert blobs.size("log/tile/entries/x001/234.gz") == size


def test_the_largest_object_comes_in_pieces(blobs: Blobs) -> None:
    blobs.put("large", content_of(MAX_OBJECT_BYTES))
    pieces = list(blobs.get("large"))
    assert b"".join(pieces) == content_of(MAX_OBJECT_BYTES)
    assert max(map(len, pieces)) <= MAX_OBJECT_BYTES // 6
    with pytest.raises(ValueError, match="at most"):
        blobs.put("larger", content_of(MAX_OBJECT_BYTES + 1))


def test_a_name_is_taken_once_and_its_object_never_changes(blobs: Blobs) -> None:
    blobs.put("a", b"first")
    for other in (b"second", b"first", b""):
        with pytest.raises(BlobExists):
            blobs.put("a", other)
    assert read(blobs, "a") == b"first"


def test_of_many_who_put_at_once_one_has_the_name(blobs: Blobs) -> None:
    def put(n: int) -> int | None:
        try:
            blobs.put("a/one", bytes([n]) * 50_000)
        except BlobExists:
            return None
        return n

    with ThreadPoolExecutor(8) as pool:
        winners = [n for n in pool.map(put, range(16)) if n is not None]
    assert len(winners) == 1
    assert read(blobs, "a/one") == bytes(winners) * 50_000


@pytest.mark.parametrize(
    ("offset", "size"),
    [(0, 0), (0, 1), (0, 1_000), (999, 1), (17, 400), (500, 500), (1_000, 0)],
)
def test_a_range_is_exactly_what_was_asked_for(blobs: Blobs, offset: int, size: int) -> None:
    blobs.put("a", content_of(1_000))
    assert blobs.get_range("a", offset, size) == content_of(1_000)[offset : offset + size]


@pytest.mark.parametrize(("offset", "size"), [(0, 1_001), (999, 2), (1_000, 1), (5_000, 1)])
def test_a_range_beyond_the_end_is_damage_and_never_short(
    blobs: Blobs, offset: int, size: int
) -> None:
    blobs.put("a", content_of(1_000))
    with pytest.raises(BlobDamaged):
        blobs.get_range("a", offset, size)


def test_no_range_is_below_nothing(blobs: Blobs) -> None:
    blobs.put("a", b"x")
    for offset, size in ((-1, 1), (0, -1), (0, MAX_OBJECT_BYTES + 1)):
        with pytest.raises(ValueError, match="range"):
            blobs.get_range("a", offset, size)


def test_what_is_missing_is_said_on_the_call(blobs: Blobs) -> None:
    blobs.put("there/a", b"x")
    for name in ("a", "there/b", "there"):
        for call in (blobs.get, blobs.size, lambda name: blobs.get_range(name, 0, 1)):
            with pytest.raises(BlobMissing) as caught:
                call(name)
            assert name not in str(caught.value).split()


def test_what_is_deleted_is_gone_and_its_name_is_free(blobs: Blobs) -> None:
    blobs.put("a/b", b"x")
    blobs.delete("a/b")
    with pytest.raises(BlobMissing):
        blobs.get("a/b")
    assert not list(blobs.list())
    blobs.put("a/b", b"y")
    assert read(blobs, "a/b") == b"y"


def test_what_is_not_there_can_be_deleted(blobs: Blobs) -> None:
    blobs.put("a", b"x")
    blobs.put("c/d/e", b"x")
    for name in ("b", "c/e", "c/d", "a/b"):
        blobs.delete(name)
    assert read(blobs, "a") == read(blobs, "c/d/e") == b"x"


NAMES = ["a", "a-b", "a.b", "b/a", "b/a-c/d", "b/a.c", "b/a0", "b/aa/x", "b/c", "b.d", "c/d/e/f"]


def test_a_listing_is_whole_and_in_the_order_of_the_names(blobs: Blobs) -> None:
    for n, name in enumerate(NAMES):
        blobs.put(name, bytes(n))
    listed = list(blobs.list())
    assert [one.name for one in listed] == sorted(NAMES)
    assert {one.name: one.size for one in listed} == {name: n for n, name in enumerate(NAMES)}
    assert max(one.put_at for one in listed) - min(one.put_at for one in listed) < 60_000_000


@pytest.mark.parametrize("prefix", ["", "b/", "b/a-c/", "c/d/", "x/", "a/"])
@pytest.mark.parametrize("after", ["", "a-b", "b/a", "b/a.c", "b/aa", "b/zz", "c/d/e/f", "zz"])
def test_a_listing_goes_on_behind_a_name(blobs: Blobs, prefix: str, after: str) -> None:
    for name in NAMES:
        blobs.put(name, b"x")
    wanted = [name for name in sorted(NAMES) if name.startswith(prefix) and name > after]
    assert [one.name for one in blobs.list(prefix, after)] == wanted


def test_a_listing_of_several_pages_has_each_object_once(blobs: Blobs) -> None:
    names = [f"many/{n:04}" for n in range(1_100)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: blobs.put(name, b"x"), names))
    assert [one.name for one in blobs.list("many/")] == names
    assert [one.name for one in blobs.list("many/", "many/0998")] == names[999:]


def test_nothing_is_listed_of_an_empty_store(blobs: Blobs) -> None:
    blobs.check()
    assert not list(blobs.list())


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/a",
        "a/",
        "../a",
        "a/../b",
        "a//b",
        ".a",
        "A",
        "a b",
        "a\n",
        "a" * 201,
        "a/" * 300 + "a",
    ],
    ids=ascii,
)
def test_a_name_that_could_lead_elsewhere_is_no_name(blobs: Blobs, name: str) -> None:
    for call in (
        lambda: blobs.put(name, b"x"),
        lambda: blobs.get(name),
        lambda: blobs.get_range(name, 0, 1),
        lambda: blobs.size(name),
        lambda: blobs.delete(name),
    ):
        with pytest.raises(ValueError, match="name of an object"):
            call()


@pytest.mark.parametrize("prefix", ["a", "/", "../", "a//", ".a/", "A/"])
def test_a_prefix_ends_where_a_segment_does(blobs: Blobs, prefix: str) -> None:
    with pytest.raises(ValueError, match="beginning"):
        list(blobs.list(prefix))


def test_it_does_not_tell_where_it_keeps_them(blobs: Blobs) -> None:
    assert repr(blobs) == f"{type(blobs).__name__}()"
