"""What sealed streams promise. Chunks are made small in some tests, so that every case is seen."""

import os
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vault.sealing import AES_256_GCM, SM4_GCM, SUITES, SealBroken, Suite, stream
from vault.sealing.stream import CHUNK_BYTES, HEADER_BYTES
from vault.sealing.suites import Buffer

CONTEXT = b"institutions/bank-one/customers/c/documents/d|3"
SEALED_CHUNK = CHUNK_BYTES + 16
suites = pytest.mark.parametrize("suite", SUITES, ids=[suite.name for suite in SUITES])
# Around every border: no chunk, one, two, three, each one byte less and one more.
BORDERS = sorted({max(0, n * CHUNK_BYTES + d) for n in range(4) for d in (-1, 0, 1)})
sizes = st.one_of(
    st.sampled_from(BORDERS), st.integers(0, 300), st.integers(0, 5 * CHUNK_BYTES + 1)
)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> int:
    """Chunks of 8 bytes: whole campaigns over every bit and length take no time."""
    monkeypatch.setattr(stream, "CHUNK_BYTES", 8)
    monkeypatch.setattr(stream, "_SEALED_CHUNK_BYTES", 24)
    return 8


def key_of(suite: Suite, first: int = 0) -> bytes:
    return bytes(range(first, first + suite.key_bytes))


def sealed_of(suite: Suite, plain: bytes, context: bytes = CONTEXT, first: int = 0) -> bytes:
    return b"".join(stream.seal(suite, key_of(suite, first), context, [plain]))


def opened(suite: Suite, sealed: bytes, context: bytes = CONTEXT, first: int = 0) -> bytes:
    return b"".join(stream.open_(suite, key_of(suite, first), context, [sealed]))


def released(suite: Suite, sealed: bytes, context: bytes = CONTEXT) -> tuple[bytes, bool]:
    """What comes out, and whether it ended well."""
    out = bytearray()
    try:
        for chunk in stream.open_(suite, key_of(suite), context, [sealed]):
            out += chunk
    except SealBroken as broken:
        assert str(broken) == "sealed bytes do not open here"
        return bytes(out), False
    return bytes(out), True


def reader(
    sealed: bytes, asked: list[tuple[int, int]] | None = None
) -> Callable[[int, int], bytes]:
    def read(offset: int, size: int) -> bytes:
        if asked is not None:
            asked.append((offset, size))
        return sealed[offset : offset + size]

    return read


def range_of(suite: Suite, sealed: bytes, offset: int, size: int) -> bytes:
    parts = stream.open_range(
        suite, key_of(suite), CONTEXT, len(sealed), reader(sealed), offset, size
    )
    return b"".join(parts)


def cut(data: bytes, every: int) -> Iterator[bytes]:
    for at in range(0, len(data), every):
        yield data[at : at + every]


# -- round trips -------------------------------------------------------------------------------


@suites
@pytest.mark.parametrize("size", BORDERS)
def test_what_is_sealed_opens_at_every_border_of_a_chunk(suite: Suite, size: int) -> None:
    plain = os.urandom(size)
    sealed = sealed_of(suite, plain)
    assert opened(suite, sealed) == plain
    assert len(sealed) == stream.sealed_size(suite, size)
    assert stream.plain_size(suite, len(sealed)) == size


@given(
    size=sizes,
    sealing=st.integers(1, 2 * CHUNK_BYTES),
    opening=st.integers(1, 2 * CHUNK_BYTES),
    sealed_by=st.sampled_from(SUITES),
)
@example(size=2 * CHUNK_BYTES, sealing=CHUNK_BYTES, opening=SEALED_CHUNK, sealed_by=AES_256_GCM)
@example(size=2 * CHUNK_BYTES, sealing=CHUNK_BYTES, opening=HEADER_BYTES, sealed_by=SM4_GCM)
def test_pieces_may_come_in_any_size(
    size: int, sealing: int, opening: int, sealed_by: Suite
) -> None:
    plain = os.urandom(size)
    key = key_of(sealed_by)
    # A size of 1 throughout would be a long loop over 80,000 pieces.
    sealing, opening = max(sealing, size // 500), max(opening, size // 500)
    sealed = b"".join(stream.seal(sealed_by, key, CONTEXT, cut(plain, sealing)))
    chunks = list(stream.open_(sealed_by, key, CONTEXT, cut(sealed, opening)))
    assert b"".join(chunks) == plain
    assert all(len(chunk) == CHUNK_BYTES for chunk in chunks[:-1])


@suites
def test_a_piece_may_be_any_buffer_and_may_be_empty(suite: Suite) -> None:
    key = key_of(suite)
    parts: list[Buffer] = [b"", bytearray(b"one "), memoryview(b"two "), b"", b"three"]
    sealed = b"".join(stream.seal(suite, key, CONTEXT, parts))
    parts = [b"", bytearray(sealed[:70]), memoryview(sealed)[70:], b""]
    assert b"".join(stream.open_(suite, key, CONTEXT, parts)) == b"one two three"


@given(
    size=sizes,
    data=st.data(),
    suite=st.sampled_from(SUITES),
)
def test_any_range_opens(size: int, data: st.DataObject, suite: Suite) -> None:
    plain = os.urandom(size)
    edges = st.one_of(st.integers(0, size), st.sampled_from([b for b in BORDERS if b <= size]))
    start, end = sorted((data.draw(edges), data.draw(edges)))
    assert range_of(suite, sealed_of(suite, plain), start, end - start) == plain[start:end]


@suites
def test_every_range_of_a_few_chunks_opens(suite: Suite, small_chunks: int) -> None:
    for size in (0, 1, 7, 8, 9, 16, 19):
        plain = bytes(range(size))
        sealed = sealed_of(suite, plain)
        for start in range(size + 1):
            for end in range(start, size + 1):
                assert range_of(suite, sealed, start, end - start) == plain[start:end]


@suites
def test_the_same_content_is_never_sealed_alike(suite: Suite) -> None:
    assert len({sealed_of(suite, b"content") for _ in range(1_000)}) == 1_000


# -- what ranges read --------------------------------------------------------------------------


def test_a_range_reads_the_header_and_its_own_chunks_alone() -> None:
    suite = AES_256_GCM
    sealed = sealed_of(suite, os.urandom(200 * CHUNK_BYTES))
    for start, end, chunks in (
        (0, 1, (0, 1)),
        (CHUNK_BYTES - 1, CHUNK_BYTES, (0, 1)),
        (CHUNK_BYTES - 1, CHUNK_BYTES + 1, (0, 2)),
        (70 * CHUNK_BYTES, 71 * CHUNK_BYTES, (70, 71)),
    ):
        asked: list[tuple[int, int]] = []
        list(
            stream.open_range(
                suite,
                key_of(suite),
                CONTEXT,
                len(sealed),
                reader(sealed, asked),
                start,
                end - start,
            )
        )
        first, stop = chunks
        assert asked == [
            (0, HEADER_BYTES),
            (HEADER_BYTES + first * SEALED_CHUNK, (stop - first) * SEALED_CHUNK),
        ]


def test_a_long_range_is_read_in_portions_of_a_mebibyte() -> None:
    suite = AES_256_GCM
    plain = os.urandom(200 * CHUNK_BYTES)
    sealed = sealed_of(suite, plain)
    asked: list[tuple[int, int]] = []
    parts = stream.open_range(
        suite, key_of(suite), CONTEXT, len(sealed), reader(sealed, asked), 5, len(plain) - 5
    )
    assert b"".join(parts) == plain[5:]
    assert max(size for _, size in asked) == 64 * SEALED_CHUNK
    assert sum(size for _, size in asked) == len(sealed)


@suites
def test_an_empty_range_before_the_end_reads_the_header_alone(suite: Suite) -> None:
    sealed = sealed_of(suite, bytes(3 * CHUNK_BYTES))
    asked: list[tuple[int, int]] = []
    read = reader(sealed, asked)
    parts = stream.open_range(suite, key_of(suite), CONTEXT, len(sealed), read, CHUNK_BYTES, 0)
    assert list(parts) == []
    assert asked == [(0, HEADER_BYTES)]


@pytest.mark.parametrize(("offset", "size"), [(-1, 1), (0, 11), (11, 0), (5, 6), (0, -1)])
def test_a_range_outside_is_refused_before_anything_is_read(offset: int, size: int) -> None:
    suite = AES_256_GCM
    sealed = sealed_of(suite, bytes(10))
    asked: list[tuple[int, int]] = []
    read = reader(sealed, asked)
    with pytest.raises(ValueError, match="not within"):
        stream.open_range(suite, key_of(suite), CONTEXT, len(sealed), read, offset, size)
    assert asked == []


# -- sizes -------------------------------------------------------------------------------------


@suites
def test_only_lengths_that_a_stream_can_have_are_taken(suite: Suite) -> None:
    right = {stream.sealed_size(suite, size): size for size in range(2 * CHUNK_BYTES + 3)}
    for length in range(-1, max(right) + 1):
        if length in right:
            assert stream.plain_size(suite, length) == right[length]
        else:
            with pytest.raises(SealBroken):
                stream.plain_size(suite, length)


def test_a_stream_has_four_pebibytes_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    suite = AES_256_GCM
    longest = 2**38 * CHUNK_BYTES - 1
    assert stream.plain_size(suite, stream.sealed_size(suite, longest)) == longest
    for length in (longest + 1, -1):
        with pytest.raises(ValueError, match="no stream is that long"):
            stream.sealed_size(suite, length)
    with pytest.raises(SealBroken):
        stream.plain_size(suite, stream.sealed_size(suite, longest) + 17)
    sealed = sealed_of(suite, bytes(3 * CHUNK_BYTES))
    monkeypatch.setattr(stream, "_MAX_CHUNKS", 3)
    with pytest.raises(ValueError, match="no stream is that long"):
        sealed_of(suite, bytes(3 * CHUNK_BYTES))
    assert released(suite, sealed) == (bytes(3 * CHUNK_BYTES), False)


@suites
@pytest.mark.parametrize("wrong", [-1, 1, 16])
def test_a_key_of_another_length_is_refused_at_once(suite: Suite, wrong: int) -> None:
    key = bytes(suite.key_bytes + wrong)
    sealed = sealed_of(suite, b"content")
    with pytest.raises(ValueError, match=f"{suite.key_bytes} bytes"):
        stream.seal(suite, key, CONTEXT, [])
    with pytest.raises(ValueError, match=f"{suite.key_bytes} bytes"):
        stream.open_(suite, key, CONTEXT, [sealed])
    with pytest.raises(ValueError, match=f"{suite.key_bytes} bytes"):
        stream.open_range(suite, key, CONTEXT, len(sealed), reader(sealed), 0, 1)


@suites
def test_the_key_may_be_wiped_once_sealing_or_opening_has_begun(suite: Suite) -> None:
    key = bytearray(key_of(suite))
    sealing = stream.seal(suite, key, CONTEXT, [b"content"])
    key[:] = bytes(len(key))
    sealed = b"".join(sealing)
    key = bytearray(key_of(suite))
    opening = stream.open_(suite, key, CONTEXT, [sealed])
    key[:] = bytes(len(key))
    assert b"".join(opening) == b"content"


# -- the negative campaign ---------------------------------------------------------------------


@suites
@pytest.mark.parametrize("size", [0, 5, 8, 20, 24])
def test_no_flipped_bit_verifies_or_opens_beyond_the_last_honest_chunk(
    suite: Suite, size: int, small_chunks: int
) -> None:
    plain = bytes(range(size))
    sealed = sealed_of(suite, plain)
    for bit in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        chunk = max(0, (bit // 8 - HEADER_BYTES) // (small_chunks + 16))
        assert released(suite, bytes(changed)) == (plain[: chunk * small_chunks], False)


@suites
@pytest.mark.parametrize("size", [0, 5, 8, 20, 24])
def test_no_truncation_verifies_or_opens_beyond_the_last_honest_chunk(
    suite: Suite, size: int, small_chunks: int
) -> None:
    plain = bytes(range(size))
    sealed = sealed_of(suite, plain)
    for length in range(len(sealed)):
        whole = max(0, (length - HEADER_BYTES) // (small_chunks + 16))
        assert released(suite, sealed[:length]) == (plain[: whole * small_chunks], False)


@suites
@pytest.mark.parametrize("size", [0, 5, 8, 20, 24])
def test_no_extension_verifies(suite: Suite, size: int, small_chunks: int) -> None:
    plain = bytes(range(size))
    sealed = sealed_of(suite, plain)
    honest = size // small_chunks * small_chunks
    last = sealed[-(16 + size % small_chunks) :]
    for more in (b"\0", bytes(24), last, sealed[HEADER_BYTES:], sealed, sealed[:HEADER_BYTES]):
        assert released(suite, sealed + more) == (plain[:honest], False)


@suites
@pytest.mark.parametrize("size", [31, 32])
def test_no_swap_of_two_chunks_verifies(suite: Suite, size: int, small_chunks: int) -> None:
    plain = bytes(range(size))
    sealed = sealed_of(suite, plain)
    chunks = list(cut(sealed[HEADER_BYTES:], small_chunks + 16))
    if size % small_chunks == 0:
        assert len(chunks[-1]) == 16
    for one, other in combinations(range(len(chunks)), 2):
        swapped = [*chunks]
        swapped[one], swapped[other] = swapped[other], swapped[one]
        found = released(suite, sealed[:HEADER_BYTES] + b"".join(swapped))
        assert found == (plain[: one * small_chunks], False)


@suites
def test_no_chunk_left_out_or_doubled_verifies(suite: Suite, small_chunks: int) -> None:
    plain = bytes(range(31))
    sealed = sealed_of(suite, plain)
    head, chunks = sealed[:HEADER_BYTES], list(cut(sealed[HEADER_BYTES:], small_chunks + 16))
    for at in range(len(chunks)):
        left_out = head + b"".join(chunks[:at] + chunks[at + 1 :])
        assert released(suite, left_out) == (plain[: at * small_chunks], False)
        doubled = head + b"".join(chunks[: at + 1] + chunks[at:])
        honest = min((at + 1) * small_chunks, 24)
        assert released(suite, doubled) == (plain[:honest], False)


@suites
def test_a_chunk_of_another_stream_does_not_open(suite: Suite, small_chunks: int) -> None:
    """Also where key, context and content are the same: another version, another upload."""
    plain = bytes(range(31))
    sealed, other = sealed_of(suite, plain), sealed_of(suite, plain)
    for at in range(4):
        start = HEADER_BYTES + at * 24
        mixed = sealed[:start] + other[start : start + 24] + sealed[start + 24 :]
        assert released(suite, mixed) == (plain[: at * small_chunks], False)


@suites
def test_a_header_of_another_stream_opens_nothing(suite: Suite) -> None:
    plain = os.urandom(CHUNK_BYTES + 1)
    sealed, other = sealed_of(suite, plain), sealed_of(suite, plain)
    for border in (24, HEADER_BYTES):
        assert released(suite, other[:border] + sealed[border:]) == (b"", False)
    assert released(suite, sealed[:24] + other[24:HEADER_BYTES] + sealed[HEADER_BYTES:]) == (
        b"",
        False,
    )


@suites
def test_nothing_opens_in_another_context_or_under_another_key(suite: Suite) -> None:
    sealed = sealed_of(suite, b"content")
    for context in (b"", CONTEXT[:-1], CONTEXT + b"\0", b"\0" + CONTEXT):
        assert released(suite, sealed, context) == (b"", False)
    for bit in range(suite.key_bytes * 8):
        key = bytearray(key_of(suite))
        key[bit // 8] ^= 1 << bit % 8
        # The commitment tells already, before a chunk is asked for.
        with pytest.raises(SealBroken):
            stream.open_(suite, key, CONTEXT, [sealed[:HEADER_BYTES]])


def test_a_stream_of_one_suite_does_not_open_by_the_other() -> None:
    """Also if both had the same key: the cipher's name is in the derivation."""
    sealed = sealed_of(AES_256_GCM, b"content")
    renamed = replace(AES_256_GCM, aead="AEAD_SM4_GCM")
    hashed = replace(AES_256_GCM, hash=SM4_GCM.hash)
    for other in (renamed, hashed):
        assert released(other, sealed) == (b"", False)


@suites
def test_bytes_that_were_never_sealed_open_nowhere(suite: Suite) -> None:
    for size in (0, 1, 55, 56, 71, 72, 1_000, 20_000):
        assert released(suite, os.urandom(size)) == (b"", False)


# -- ranges of what was changed ----------------------------------------------------------------


@suites
def test_a_range_refuses_every_flipped_bit_of_its_header_and_its_chunks(
    suite: Suite, small_chunks: int
) -> None:
    plain = bytes(range(28))
    sealed = sealed_of(suite, plain)
    for bit in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        touched = bit // 8 < HEADER_BYTES or 1 <= (bit // 8 - HEADER_BYTES) // 24 <= 2
        if touched:
            with pytest.raises(SealBroken):
                range_of(suite, bytes(changed), 9, 14)
        else:
            assert range_of(suite, bytes(changed), 9, 14) == plain[9:23]


@suites
@pytest.mark.parametrize("size", [20, 24])
def test_a_range_that_reaches_the_end_proves_the_length(
    suite: Suite, size: int, small_chunks: int
) -> None:
    plain = bytes(range(size))
    sealed = sealed_of(suite, plain)
    for length in range(len(sealed)):
        with pytest.raises(SealBroken):
            told = stream.plain_size(suite, length)
            range_of(suite, sealed[:length], told, 0)
    for length in range(len(sealed) + 1, len(sealed) + 60):
        longer = sealed + bytes(length - len(sealed))
        with pytest.raises(SealBroken):
            told = stream.plain_size(suite, length)
            range_of(suite, longer, told, 0)


@suites
def test_a_store_that_gives_too_little_or_too_much_is_refused(suite: Suite) -> None:
    sealed = sealed_of(suite, bytes(2 * CHUNK_BYTES))
    for differs in (-1, 1):
        for broken_call in (0, 1):
            calls = iter(range(9))

            def read(offset: int, size: int) -> bytes:
                extra = differs if next(calls) == broken_call else 0  # noqa: B023
                return (sealed + b"\0")[offset : offset + size + extra]

            with pytest.raises(SealBroken):
                list(stream.open_range(suite, key_of(suite), CONTEXT, len(sealed), read, 0, 9))


# -- memory ------------------------------------------------------------------------------------


def test_sealing_and_opening_ask_for_no_more_than_is_taken() -> None:
    """A piece is asked for only once what the ones before gave is out: nothing heaps up."""
    suite = AES_256_GCM
    given_in = 0

    def endless() -> Iterator[bytes]:
        nonlocal given_in
        while True:
            given_in += 1
            yield bytes(CHUNK_BYTES)

    sealing = stream.seal(suite, key_of(suite), CONTEXT, endless())
    opening = stream.open_(suite, key_of(suite), CONTEXT, sealing)
    for taken in range(1, 2_000):
        assert next(opening) == bytes(CHUNK_BYTES)
        assert given_in == taken


@suites
def test_memory_is_bounded_by_a_few_chunks(suite: Suite) -> None:
    size = 2_000 * CHUNK_BYTES if suite is AES_256_GCM else 300 * CHUNK_BYTES
    key = key_of(suite)
    piece = bytes(10_007)

    def pieces() -> Iterator[bytes]:
        for _ in range(size // len(piece)):
            yield piece

    tracemalloc.start()
    try:
        sealing = stream.seal(suite, key, CONTEXT, pieces())
        total = sum(map(len, stream.open_(suite, key, CONTEXT, sealing)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == size // len(piece) * len(piece)
    assert peak < 8 * CHUNK_BYTES
