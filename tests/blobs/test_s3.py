"""What the S3 store does besides the contract: on bad days, with locks, by TLS, with a wrong key.

Against a real S3 server (tests/support/s3_server.py), where need be through a proxy that does what
networks do on bad days.
"""

import multiprocessing
import pickle
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from tests.support.go_tool import BUILD_SECONDS
from tests.support.quiet_ports import free_port
from tests.support.s3_faults import Fault, S3Faults
from tests.support.s3_server import KEY, S3Server
from vault.blobs import (
    BlobDamaged,
    BlobExists,
    BlobLocked,
    BlobMissing,
    BlobsUnavailable,
    LockMode,
    NoObjectLock,
    S3Blobs,
    S3Key,
    S3Lock,
)
from vault.blobs.s3_lock import locked_until

pytestmark = pytest.mark.timeout(BUILD_SECONDS)

LARGE = bytes(range(256)) * 40_000  # three pieces


def read(blobs: S3Blobs, name: str) -> bytes:
    return b"".join(blobs.get(name))


@pytest.fixture
def blobs(s3_server: S3Server, bucket: str) -> S3Blobs:
    """The store itself."""
    return S3Blobs(s3_server.place(bucket))


@pytest.fixture
def behind(s3_server: S3Server, faults: S3Faults, bucket: str) -> S3Blobs:
    """The same bucket through the proxy."""
    return S3Blobs(s3_server.place(bucket, url=faults.url, attempts=3))


@pytest.fixture
def impatient(s3_server: S3Server, faults: S3Faults, bucket: str) -> S3Blobs:
    """As `behind`, and waits for a second. For small objects, even on a machine that is busy."""
    return S3Blobs(s3_server.place(bucket, url=faults.url, timeout=1.0, attempts=2))


# -- a put -------------------------------------------------------------------------------------

ONCE = [Fault.BUSY, Fault.DROPPED, Fault.ANSWER_LOST]


@pytest.mark.parametrize("fault", ONCE, ids=lambda fault: fault.name)
def test_a_put_that_fails_once_is_made_again_and_is_not_taken_for_a_rival(
    blobs: S3Blobs, behind: S3Blobs, faults: S3Faults, fault: Fault
) -> None:
    with faults.fault(fault, "PUT", times=1):
        behind.put("a", LARGE)
    assert read(blobs, "a") == LARGE
    with pytest.raises(BlobExists):
        behind.put("a", LARGE)


@pytest.mark.parametrize(
    "fault",
    [Fault.BUSY, Fault.DROPPED, Fault.BODY_SHORT, Fault.BODY_CHANGED],
    ids=lambda fault: fault.name,
)
def test_a_put_that_never_arrives_whole_is_refused_and_leaves_nothing(
    blobs: S3Blobs, behind: S3Blobs, faults: S3Faults, fault: Fault
) -> None:
    with faults.fault(fault, "PUT"), pytest.raises(BlobsUnavailable):
        behind.put("a", LARGE)
    assert 1 <= len([1 for method, _ in faults.seen if method == "PUT"]) <= 3
    assert list(blobs.list()) == []
    behind.put("a", LARGE)
    assert read(blobs, "a") == LARGE


def test_a_put_whose_answers_are_all_lost_is_there_whole_or_not_at_all(
    blobs: S3Blobs, behind: S3Blobs, faults: S3Faults
) -> None:
    with faults.fault(Fault.ANSWER_LOST), pytest.raises(BlobsUnavailable):
        behind.put("a", LARGE)
    assert read(blobs, "a") == LARGE
    with pytest.raises(BlobExists):
        behind.put("a", LARGE)


# -- a read ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault", [Fault.BUSY, Fault.DROPPED, Fault.ANSWER_CUT], ids=lambda one: one.name
)
@pytest.mark.parametrize("nth", [0, 2])
def test_a_read_that_fails_once_is_made_again(
    blobs: S3Blobs, behind: S3Blobs, faults: S3Faults, fault: Fault, nth: int
) -> None:
    blobs.put("a", LARGE)
    pieces = behind.get("a") if nth else None
    with faults.fault(fault, "GET", times=1):
        pieces = pieces or behind.get("a")
        assert b"".join(pieces) == LARGE
    with faults.fault(fault, "GET", times=1):
        assert behind.get_range("a", 5_000_000, 300) == LARGE[5_000_000:5_000_300]
    with faults.fault(fault, "HEAD", times=1):
        assert behind.size("a") == len(LARGE)


@pytest.mark.parametrize(
    "fault", [Fault.BUSY, Fault.DROPPED, Fault.ANSWER_CUT], ids=lambda one: one.name
)
def test_a_store_that_is_away_is_told(
    blobs: S3Blobs, behind: S3Blobs, faults: S3Faults, fault: Fault
) -> None:
    blobs.put("a", LARGE)
    with faults.fault(fault, "GET"):
        for call in (
            lambda: behind.get("a"),
            lambda: behind.get_range("a", 0, 10),
            lambda: list(behind.list()),
            behind.check,
        ):
            with pytest.raises(BlobsUnavailable) as caught:
                call()
            assert "localhost" not in str(caught.value)
    assert read(behind, "a") == LARGE


@pytest.mark.slow
def test_a_hanging_store_is_waited_for_a_bounded_time(
    blobs: S3Blobs, impatient: S3Blobs, faults: S3Faults
) -> None:
    blobs.put("a", b"x")
    for call in (
        lambda: impatient.get("a"),
        lambda: impatient.get_range("a", 0, 1),
        lambda: list(impatient.list()),
        lambda: impatient.put("b", b"x"),
    ):
        started = time.monotonic()
        with faults.fault(Fault.HANGS), pytest.raises(BlobsUnavailable, match="in time"):
            call()
        assert time.monotonic() - started < 20
    with faults.fault(Fault.HANGS, "GET", times=1):
        assert read(impatient, "a") == b"x"
    with faults.fault(Fault.HANGS, "PUT", times=1):
        impatient.put("b", b"x")
    assert [one.name for one in blobs.list()] == ["a", "b"]


@pytest.mark.slow
def test_a_check_is_over_before_the_health_check_gives_up(
    s3_server: S3Server, faults: S3Faults, bucket: str
) -> None:
    blobs = S3Blobs(s3_server.place(bucket, url=faults.url))
    with faults.fault(Fault.HANGS), pytest.raises(BlobsUnavailable, match="in time"):
        blobs.check()
    assert len(faults.seen) == 1
    blobs.check()


def test_what_ails_a_store_is_named(behind: S3Blobs, faults: S3Faults) -> None:
    with faults.fault(Fault.BUSY), pytest.raises(BlobsUnavailable, match="SlowDown"):
        behind.get("a")
    with faults.fault(Fault.DROPPED), pytest.raises(BlobsUnavailable, match="be reached"):
        behind.get("a")


@pytest.mark.parametrize("size", [1, 1_000, len(LARGE)])
@pytest.mark.parametrize(
    "fault", [Fault.BYTE_CHANGED, Fault.ANSWER_SHORT], ids=lambda one: one.name
)
def test_a_damaged_answer_is_never_given_out_whole(
    blobs: S3Blobs, behind: S3Blobs, faults: S3Faults, fault: Fault, size: int
) -> None:
    blobs.put("a", LARGE[:size])
    got = bytearray()
    with (
        faults.fault(fault, "GET"),
        pytest.raises((BlobDamaged, BlobsUnavailable)),
    ):
        for piece in behind.get("a"):
            got += piece
    assert len(got) < size
    assert read(behind, "a") == LARGE[:size]


def test_a_changed_byte_at_rest_is_damage(s3_server: S3Server, blobs: S3Blobs, bucket: str) -> None:
    blobs.put("a", LARGE)
    file = s3_server.folder / bucket / "vault" / "a"
    content = bytearray(file.read_bytes())
    content[1_234] ^= 1
    file.write_bytes(content)
    with pytest.raises(BlobDamaged, match="not those that were put"):
        read(blobs, "a")


@pytest.mark.parametrize("size", [0, 1, 5_000_000])
def test_an_object_cut_short_at_rest_is_damage(
    s3_server: S3Server, blobs: S3Blobs, bucket: str, size: int
) -> None:
    blobs.put("a", LARGE)
    with (s3_server.folder / bucket / "vault" / "a").open("r+b") as file:
        file.truncate(size)
    with pytest.raises(BlobDamaged):
        read(blobs, "a")
    with pytest.raises(BlobDamaged):
        blobs.get_range("a", len(LARGE) - 10, 10)


def test_an_object_deleted_while_it_is_read_is_missing_and_not_short(blobs: S3Blobs) -> None:
    blobs.put("a", LARGE)
    pieces = blobs.get("a")
    next(pieces)
    blobs.delete("a")
    with pytest.raises(BlobMissing):
        b"".join(pieces)


def test_a_slow_reader_keeps_no_request_open(s3_server: S3Server, bucket: str) -> None:
    blobs = S3Blobs(s3_server.place(bucket, timeout=1.0))
    blobs.put("a", LARGE)
    got = bytearray()
    for piece in blobs.get("a"):
        got += piece
        time.sleep(1.2)  # longer than a request may take
    assert got == LARGE


def test_a_listing_of_before_is_told_as_it_is(
    blobs: S3Blobs, behind: S3Blobs, faults: S3Faults
) -> None:
    blobs.put("a", b"x")
    assert [one.name for one in behind.list()] == ["a"]
    blobs.put("b", b"x")
    with faults.fault(Fault.STALE, "GET"):
        assert [one.name for one in behind.list()] == ["a"]
    # What is not listed yet can be asked for by its name.
    assert behind.size("b") == 1


# -- who asks, and where -------------------------------------------------------------------------


def test_a_bucket_that_is_not_there_is_no_missing_object(s3_server: S3Server) -> None:
    blobs = S3Blobs(s3_server.place("nowhere-at-all"))
    for call in (
        lambda: blobs.put("a", b"x"),
        lambda: blobs.get("a"),
        lambda: blobs.get_range("a", 0, 1),
        lambda: blobs.size("a"),
        lambda: blobs.delete("a"),
        lambda: list(blobs.list()),
        blobs.check,
    ):
        with pytest.raises(BlobsUnavailable, match="no such bucket"):
            call()


def test_a_key_that_is_refused_is_told_and_not_shown(s3_server: S3Server, bucket: str) -> None:
    for key, code in (
        (S3Key(KEY.access_key_id, "another secret"), "SignatureDoesNotMatch"),
        # Not InvalidAccessKeyId, as Amazon has it; and with status 404.
        (S3Key("somebody-else", KEY.secret_access_key), "XAdminUserNotFound"),
    ):
        blobs = S3Blobs(s3_server.place(bucket, key=key))
        for call in (
            lambda blobs=blobs: blobs.put("a", b"x"),
            lambda blobs=blobs: blobs.get("a"),
            lambda blobs=blobs: list(blobs.list()),
            lambda blobs=blobs: blobs.delete("a"),
            blobs.check,
        ):
            with pytest.raises(BlobsUnavailable, match=f"({code})") as caught:
                call()
            assert key.secret_access_key not in str(caught.value)


def test_a_page_of_somebody_else_is_no_missing_object(
    s3_server: S3Server, bucket: str, faults: S3Faults
) -> None:
    blobs = S3Blobs(s3_server.place(bucket, url=faults.url))
    with faults.fault(Fault.ELSEWHERE):
        for call in (
            lambda: blobs.get("a"),
            lambda: blobs.size("a"),
            lambda: blobs.get_range("a", 0, 1),
            lambda: blobs.delete("a"),
            blobs.check,
        ):
            with pytest.raises(BlobsUnavailable):
                call()


def test_a_store_that_is_not_there_is_told(s3_server: S3Server, bucket: str) -> None:
    nobody = f"http://localhost:{free_port()}"
    lock = S3Lock(1)
    for place in (
        s3_server.place(bucket, url=nobody, attempts=2),
        s3_server.place(bucket, url=nobody, attempts=2, lock=lock),
    ):
        with pytest.raises(BlobsUnavailable):
            S3Blobs(place).put("a", b"x")
        with pytest.raises(BlobsUnavailable):
            S3Blobs(place).check()


def test_two_prefixes_of_a_bucket_do_not_see_each_other(s3_server: S3Server, bucket: str) -> None:
    one, two, all_of_it = (
        S3Blobs(s3_server.place(bucket, prefix=prefix)) for prefix in ("one/", "two/x/", "")
    )
    one.put("a", b"1")
    two.put("a", b"2")
    assert (read(one, "a"), read(two, "a")) == (b"1", b"2")
    assert [entry.name for entry in one.list()] == ["a"]
    assert [entry.name for entry in two.list("", "0")] == ["a"]
    assert [entry.name for entry in all_of_it.list()] == ["one/a", "two/x/a"]


def test_by_tls_only_to_whom_the_authority_vouches_for(tmp_path: Path) -> None:
    (tmp_path / "s3").mkdir()
    server = S3Server(tmp_path / "s3", trustme.CA())
    server.start()
    try:
        (server.folder / "vault-1").mkdir()
        for lock in (None, S3Lock(1)):
            with pytest.raises(BlobsUnavailable):
                S3Blobs(replace(server.place("vault-1", lock=lock, attempts=1), ca=b"")).check()
            other = trustme.CA().cert_pem.bytes()
            with pytest.raises(BlobsUnavailable):
                S3Blobs(replace(server.place("vault-1", lock=lock, attempts=1), ca=other)).check()
        blobs = S3Blobs(server.place("vault-1"))
        blobs.put("a", LARGE)
        assert read(blobs, "a") == LARGE
        with pytest.raises(NoObjectLock):
            S3Blobs(server.place("vault-1", lock=S3Lock(1))).check()
    finally:
        server.stop()


def test_what_was_put_stays_when_the_server_dies_and_is_back(tmp_path: Path) -> None:
    (tmp_path / "s3").mkdir()
    server = S3Server(tmp_path / "s3")
    server.start()
    try:
        blobs = S3Blobs(server.place(server.new_bucket("vault-1"), attempts=1))
        blobs.put("a", LARGE)
        server.stop()
        with pytest.raises(BlobsUnavailable):
            blobs.get("a")
        server.start()
        assert read(blobs, "a") == LARGE
    finally:
        server.stop()


def test_a_worker_process_opens_it_for_itself(blobs: S3Blobs) -> None:
    blobs.put("a", LARGE)
    assert read(pickle.loads(pickle.dumps(blobs)), "a") == LARGE
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_size_of_a, (blobs,)) == len(LARGE)


def _size_of_a(blobs: S3Blobs) -> int:
    return blobs.size("a")


def test_nothing_but_the_place_says_whom_it_asks_and_by_which_key(
    s3_server: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of somebody else")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody-else")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://localhost:1")
    monkeypatch.setenv("AWS_ENDPOINT", "http://localhost:1")
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    monkeypatch.setenv("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "true")
    monkeypatch.setenv("AWS_CONDITIONAL_PUT", "disabled")
    monkeypatch.setenv("AWS_S3_EXPRESS", "true")
    monkeypatch.setenv("AWS_SERVER_SIDE_ENCRYPTION", "aws:kms")
    monkeypatch.setenv("AWS_SSE_KMS_KEY_ID", "another")
    blobs = S3Blobs(s3_server.place(bucket))
    blobs.put("a", b"x")
    assert read(blobs, "a") == b"x"
    with pytest.raises(BlobExists):
        blobs.put("a", b"x")


# -- object lock -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def locking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A server whose buckets can lock."""
    server = S3Server(tmp_path_factory.mktemp("locking"))
    server.start(versions=True)
    yield server
    server.stop()


@pytest.mark.parametrize("mode", LockMode)
def test_an_object_is_locked_by_its_put(locking: S3Server, mode: LockMode) -> None:
    place = locking.place(
        locking.new_bucket(f"locked-{mode.value}", locks=True), lock=S3Lock(30, mode)
    )
    blobs = S3Blobs(place)
    blobs.check()
    before = datetime.now(UTC)
    blobs.put("a/b", LARGE)
    assert read(blobs, "a/b") == LARGE
    until = locked_until(place, "vault/a/b")
    assert until is not None
    assert abs(until - before - timedelta(days=30)) < timedelta(minutes=1)
    with pytest.raises(BlobExists):
        blobs.put("a/b", LARGE)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: blobs.put(f"many/{n}", b"x"), range(20)))
    assert len(list(blobs.list("many/"))) == 20


def test_a_bucket_without_locks_is_refused_before_anything_is_put(
    locking: S3Server, s3_server: S3Server, bucket: str
) -> None:
    for server, name in ((s3_server, bucket), (locking, locking.new_bucket("no-locks"))):
        blobs = S3Blobs(server.place(name, lock=S3Lock(1)))
        for call in (blobs.check, blobs.require_lock, lambda blobs=blobs: blobs.put("a", b"x")):
            with pytest.raises(NoObjectLock, match=r"remove blobs\.lock_days"):
                call()
        assert list(blobs.list()) == []


@pytest.mark.parametrize("fault", ONCE, ids=lambda fault: fault.name)
def test_a_locked_put_that_fails_once_is_made_again(locking: S3Server, fault: Fault) -> None:
    bucket = locking.new_bucket(f"again-{fault.name.lower().replace('_', '-')}", locks=True)
    proxy = S3Faults(locking.port)
    try:
        blobs = S3Blobs(locking.place(bucket, url=proxy.url, lock=S3Lock(1)))
        with proxy.fault(fault, "PUT", times=1):
            blobs.put("a", LARGE)
        assert read(blobs, "a") == LARGE
        for broken in (Fault.BODY_SHORT, Fault.BODY_CHANGED):
            with proxy.fault(broken, "PUT"), pytest.raises(BlobsUnavailable):
                blobs.put("b", LARGE)
        assert [one.name for one in blobs.list()] == ["a"]
    finally:
        proxy.close()


def test_a_store_that_keeps_an_object_says_that_it_is_locked(tmp_path: Path) -> None:
    # Without versions, which hide what is deleted, the server refuses to delete.
    (tmp_path / "s3").mkdir()
    server = S3Server(tmp_path / "s3")
    server.start()
    try:
        bucket = server.new_bucket("kept", locks=True)
        blobs = S3Blobs(server.place(bucket, lock=S3Lock(1)))
        blobs.put("a", b"x")
        with pytest.raises(BlobLocked):
            blobs.delete("a")
        assert read(blobs, "a") == b"x"
        # Whoever no longer locks finds out, too.
        with pytest.raises(BlobLocked):
            S3Blobs(server.place(bucket)).delete("a")
    finally:
        server.stop()
