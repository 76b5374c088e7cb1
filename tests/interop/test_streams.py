"""What we seal, held against a second implementation in Go, written from the texts alone.

It has its SM4 and SM3 from gmsm (github.com/emmansun/gmsm), which shares nothing with OpenSSL.
"""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sealing.conftest import BANK, Keys
from tests.support import go_tool
from tests.support.key_faults import SwitchableKms
from vault.kms import KekName, LocalFileKms, create_local_keks
from vault.records.index_terms import IndexKind
from vault.records.scopes import Branch, ScopeRef
from vault.sealing import (
    SUITES,
    IndexKey,
    SealBroken,
    SealContext,
    Suite,
    seal_full,
    seal_masked,
    stream,
)
from vault.sealing.hierarchy import _file_key_aad, open_branch_key
from vault.sealing.stream import CHUNK_BYTES, HEADER_BYTES

SOURCE = Path(__file__).parent / "streamcheck"
CONTEXT = b"institutions/bank-one/customers/c/documents/d|3"
BORDERS = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 300 * CHUNK_BYTES + 5]
suites = pytest.mark.parametrize("suite", SUITES, ids=[suite.name for suite in SUITES])
# Whichever test comes first may have to build it.
pytestmark = pytest.mark.timeout(go_tool.BUILD_SECONDS)

Run = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture(scope="session")
def streamcheck() -> Run:
    """Runs the Go program with the arguments given; bytes are handed over in hexadecimal."""
    program = go_tool.cached(SOURCE)

    def run(*arguments: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        told = [one.hex() if isinstance(one, bytes) else str(one) for one in arguments]
        return subprocess.run(
            [program, *told], input=stdin, capture_output=True, check=False, timeout=60
        )

    return run


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    create_local_keks(tmp_path / "keys", list(KekName))
    return Keys(tmp_path / "keys", SwitchableKms(LocalFileKms(tmp_path / "keys")))


def ours(suite: Suite, key: bytes, plain: bytes) -> bytes:
    return b"".join(stream.seal(suite, key, CONTEXT, [plain]))


@suites
@pytest.mark.parametrize("size", BORDERS)
def test_go_opens_what_we_seal(streamcheck: Run, suite: Suite, size: int) -> None:
    key, plain = os.urandom(suite.key_bytes), os.urandom(size)
    sealed = ours(suite, key, plain)
    done = streamcheck("open", suite.suite_id, key, CONTEXT, stdin=sealed)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == plain


@suites
@pytest.mark.parametrize("size", BORDERS)
def test_we_open_what_go_seals(streamcheck: Run, suite: Suite, size: int) -> None:
    key, plain = os.urandom(suite.key_bytes), os.urandom(size)
    done = streamcheck("seal", suite.suite_id, key, CONTEXT, stdin=plain)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"".join(stream.open_(suite, key, CONTEXT, [done.stdout])) == plain
    assert len(done.stdout) == stream.sealed_size(suite, size)


@suites
def test_go_reads_the_same_ranges(streamcheck: Run, suite: Suite, tmp_path: Path) -> None:
    key, plain = os.urandom(suite.key_bytes), os.urandom(3 * CHUNK_BYTES + 9)
    file = tmp_path / "sealed"
    file.write_bytes(ours(suite, key, plain))
    for start, size in ((0, 1), (CHUNK_BYTES - 1, 2), (5, 2 * CHUNK_BYTES), (len(plain) - 9, 9)):
        done = streamcheck("range", suite.suite_id, key, CONTEXT, file, start, size)
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout == plain[start : start + size]


@suites
def test_both_refuse_the_same_streams_and_release_the_same_honest_part(
    streamcheck: Run, suite: Suite
) -> None:
    key, plain = os.urandom(suite.key_bytes), os.urandom(2 * CHUNK_BYTES + 9)
    sealed = ours(suite, key, plain)
    other = ours(suite, key, plain)
    step = CHUNK_BYTES + 16
    first, second = HEADER_BYTES + step, HEADER_BYTES + 2 * step
    swapped = sealed[:HEADER_BYTES] + sealed[first:second] + sealed[HEADER_BYTES:first]
    changed = [
        sealed[:-1],
        sealed[:second],
        sealed[: second + 15],
        sealed[:HEADER_BYTES],
        sealed[:40],
        b"",
        sealed + b"\0",
        swapped + sealed[second:],
        sealed[:first] + sealed[second:],
        sealed[:first] + other[first:],
        other[:HEADER_BYTES] + sealed[HEADER_BYTES:],
        sealed[:first] + bytes([sealed[first] ^ 1]) + sealed[first + 1 :],
    ]
    for stream_bytes in changed:
        released = bytearray()
        with pytest.raises(SealBroken):
            for chunk in stream.open_(suite, key, CONTEXT, [stream_bytes]):
                released += chunk
        done = streamcheck("open", suite.suite_id, key, CONTEXT, stdin=stream_bytes)
        assert done.returncode == 1
        assert done.stdout == released


@suites
def test_go_refuses_another_key_and_another_context(streamcheck: Run, suite: Suite) -> None:
    key = os.urandom(suite.key_bytes)
    sealed = ours(suite, key, b"content")
    for wrong in (
        (suite.suite_id, os.urandom(suite.key_bytes), CONTEXT),
        (suite.suite_id, key, CONTEXT + b"\0"),
    ):
        done = streamcheck("open", *wrong, stdin=sealed)
        assert done.returncode == 1
        assert b"commitment" in done.stderr


# -- records and tokens ------------------------------------------------------------------------


@suites
@pytest.mark.parametrize("size", [0, 1, 5_000])
def test_go_opens_the_records_and_masked_views_that_we_seal(
    streamcheck: Run, keys: Keys, suite: Suite, size: int
) -> None:
    """From the file key as it is wrapped in the key store, by the way that the key room says."""
    keys.suite = suite
    ring = keys.new_ring()
    ring.open_institution(BANK)
    ref = ScopeRef(BANK, "alice", "identity")
    text = os.urandom(size)
    place = SealContext(BANK, "alice", "documents/d", 3, "column")
    other = SealContext(BANK, "bob", "documents/d", 3, "column")
    both = {
        Branch.FULL: seal_full(keys.full(ring, ref), text, place),
        Branch.MASKED: seal_masked(keys.masked(ring, ref), text, place),
    }
    for format_byte, (branch, sealed) in enumerate(both.items(), 1):
        assert sealed[:2] == bytes((format_byte, suite.suite_id))
        branch_key = open_branch_key(keys.kms, branch, keys.store.branch_rows[branch, BANK][1])
        row = keys.store.file_rows[branch][ref]
        material = bytes(
            branch_key.aead.open_key(row.wrapped, _file_key_aad(branch_key, ref, row.key_id))
        )
        done = streamcheck("record", material, place.aad(), stdin=sealed)
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout == text
        assert streamcheck("record", material, other.aad(), stdin=sealed).returncode == 1
        changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
        assert streamcheck("record", material, place.aad(), stdin=changed).returncode == 1


@suites
def test_go_makes_the_same_tokens(streamcheck: Run, suite: Suite) -> None:
    material = os.urandom(32)
    key = IndexKey(BANK, 1, bytearray(material), suite)
    for kind, value in ((IndexKind.NAME, "王小明"), (IndexKind.PHONE, "+8613800138000")):
        done = streamcheck("token", suite.suite_id, material, f"token/{kind.value}", value.encode())
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout.decode().strip() == key.token(kind, value).hex()
