"""Issuers' keys: which are taken, where they are read from, and when they are read again."""

import asyncio
import http.server
import json
import os
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tokens import Key, jwks, number
from vault.access.tokens import (
    HeldKeys,
    JwksAway,
    JwksFile,
    JwksInvalid,
    JwksUrl,
    PublicKeys,
    parse_jwks,
)

EC, RSA = Key.make("ES256", "ec"), Key.make("RS256", "rsa")


def parsed(*listed: dict[str, Any]) -> PublicKeys:
    return parse_jwks(json.dumps({"keys": list(listed)}).encode())


def algorithms(jwk: dict[str, Any]) -> set[str]:
    """What a key is taken for, beside another one."""
    found = parsed(Key.make("ES384", "beside").jwk(), jwk)
    return {name for key in found.keys if key.kid != "beside" for name in key.algorithms}


# -- which keys ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("ES256", {"ES256"}),
        ("ES384", {"ES384"}),
        ("EdDSA", {"EdDSA", "Ed25519"}),
        ("RS256", {"RS256", "PS256"}),
    ],
)
def test_a_key_is_for_the_algorithms_of_its_kind(name: str, taken: set[str]) -> None:
    assert algorithms(Key.make(name).jwk()) == taken


@pytest.mark.parametrize(
    "change",
    [
        {"use": "enc"},
        {"key_ops": ["sign"]},
        {"key_ops": "verify"},
        {"alg": "RSA-OAEP"},
        {"alg": "RS512"},
        {"kid": 7},
        {"n": "AQAB"},
        {"n": 7},
        {"e": None},
        {"n": number((1 << 9000) + 1)},
    ],
)
def test_a_key_that_is_for_something_else_or_is_none_is_passed_over(change: dict[str, Any]) -> None:
    assert algorithms({**RSA.jwk(), **change}) == set()


def test_a_key_may_be_for_one_algorithm_alone() -> None:
    assert algorithms({**RSA.jwk(), "alg": "PS256", "use": "sig"}) == {"PS256"}
    assert algorithms({**RSA.jwk(), "key_ops": ["verify"]}) == {"RS256", "PS256"}


def test_a_short_rsa_key_is_passed_over() -> None:
    short = rsa.generate_private_key(65537, 1024)
    assert algorithms(Key(short, "RS256").jwk()) == set()


def test_a_point_that_is_not_on_the_curve_is_passed_over() -> None:
    assert algorithms({**EC.jwk(), "x": number(1, 32)}) == set()


@pytest.mark.parametrize("curve", [ec.SECP521R1(), ec.SECP256K1()])
def test_other_curves_are_passed_over(curve: ec.EllipticCurve) -> None:
    jwk = Key(ec.generate_private_key(curve), "ES256").jwk()
    assert algorithms(jwk) == set()
    assert algorithms({**jwk, "crv": "P-256"}) == set()


def test_a_symmetric_key_is_passed_over_and_a_private_one_refused() -> None:
    assert algorithms({"kty": "oct", "k": "c2VjcmV0", "kid": "s", "alg": "HS256"}) == set()
    with pytest.raises(JwksInvalid, match="it holds a private key; publish the public halves"):
        parsed({**EC.jwk(), "d": "c2VjcmV0"})


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "it is not JSON"),
        (b"\xff", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b"[]", "it has no list of"),
        (b'{"keys": {}}', "it has no list of"),
        (b'{"keys": [7]}', "it has no list of"),
        (b'{"keys": []}', "it has no public key that signs with one of ES256"),
        (jwks(EC, EC), "it has two keys of the same name"),
        (json.dumps({"keys": [{}] * 101}).encode(), "it has more than 100 keys"),
    ],
)
def test_a_set_that_cannot_be_used_is_refused_with_the_reason(data: bytes, why: str) -> None:
    with pytest.raises(JwksInvalid, match=why):
        parse_jwks(data)


@given(st.binary(max_size=200))
def test_no_bytes_fail_otherwise_than_by_being_refused(data: bytes) -> None:
    with pytest.raises(JwksInvalid):
        parse_jwks(data)


_MEMBERS = st.dictionaries(
    st.sampled_from(["kty", "crv", "x", "y", "n", "e", "kid", "use", "alg", "key_ops"]),
    st.sampled_from(["EC", "RSA", "OKP", "P-256", "Ed25519", "AQAB", "sig", "ES256", "", "*"])
    | st.integers()
    | st.none()
    | st.lists(st.text(max_size=3), max_size=2),
)


@given(_MEMBERS)
def test_no_key_fails_otherwise_than_by_being_passed_over(jwk: dict[str, Any]) -> None:
    assert parsed(EC.jwk(), jwk).find("ec", "ES256") is not None


def test_nothing_shows_a_key() -> None:
    assert EC.jwk()["x"] not in repr(parsed(EC.jwk()))


# -- a file --------------------------------------------------------------------------------------


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    path.write_bytes(jwks(EC))
    path.chmod(0o644)
    assert JwksFile(path).read() == jwks(EC)


def test_a_file_that_others_could_write_or_that_is_none_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    path.write_bytes(jwks(EC))
    path.chmod(0o666)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    large = tmp_path / "large"
    large.write_bytes(b" " * (256 * 1024 + 1))
    for source, why in (
        (path, "chmod go-w"),
        (pipe, "is not a file"),
        (tmp_path, "cannot be read|is not a file"),
        (tmp_path / "none", "cannot be read"),
        (large, "are larger than 262144 bytes"),
    ):
        with pytest.raises(JwksAway, match=why):
            JwksFile(source).read()


# -- an address ----------------------------------------------------------------------------------


@contextmanager
def serving(answer: Callable[[http.server.BaseHTTPRequestHandler], None], tls: Any = None) -> Any:
    """A web server; gives its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: object) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def says(
    body: bytes, status: int = 200, **headers: str
) -> Callable[[http.server.BaseHTTPRequestHandler], None]:
    def answer(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    return answer


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


def test_an_https_address_is_read_if_its_certificate_is_of_the_authority(
    tmp_path: Path, authority: trustme.CA, tls: ssl.SSLContext
) -> None:
    ca, stranger = tmp_path / "ca.pem", tmp_path / "stranger.pem"
    authority.cert_pem.write_to_path(ca)
    trustme.CA().cert_pem.write_to_path(stranger)
    with serving(says(jwks(EC)), tls) as port:
        url = f"https://localhost:{port}/keys"
        assert JwksUrl(url, str(ca)).read() == jwks(EC)
        for wrong in (str(stranger), ""):
            with pytest.raises(JwksAway, match=r"cannot be reached \(SSLCertVerificationError\)"):
                JwksUrl(url, wrong).read()


@pytest.mark.parametrize(
    "url",
    ["http://login.demo.bank/keys", "ftp://localhost/", "https://", "https://u:p@h/", "/keys"],
)
def test_an_address_that_is_not_https_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="the address of a JWKS is https"):
        JwksUrl(url)


def test_a_redirect_an_error_and_too_much_are_not_taken() -> None:
    for answer, why in (
        (says(b"", 302, Location="http://localhost:1/"), "answered 302"),
        (says(b"", 500), "answered 500"),
        (says(b" " * (256 * 1024 + 1)), "are larger than"),
    ):
        with serving(answer) as port, pytest.raises(JwksAway, match=why):
            JwksUrl(f"http://localhost:{port}/").read()


def test_an_issuer_that_drips_its_answer_does_not_hold_anybody_up() -> None:
    stop = threading.Event()

    def drip(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        while not stop.is_set():
            request.wfile.write(b" ")
            time.sleep(0.02)

    with serving(drip) as port:
        begun = time.monotonic()
        with pytest.raises(JwksAway, match="takes too long"):
            JwksUrl(f"http://localhost:{port}/", timeout=0.3).read()
        assert time.monotonic() - begun < 2
        stop.set()


# -- when they are read --------------------------------------------------------------------------


class Counting:
    """A source that counts its readings, and in which thread they were."""

    def __init__(self, least: float, period: float) -> None:
        self.least, self.period = least, period
        self.data = jwks(EC)
        self.threads: list[int] = []

    def read(self) -> bytes:
        self.threads.append(threading.get_ident())
        return self.data


@pytest.fixture
def started() -> Iterator[Callable[[Counting], HeldKeys]]:
    held: list[HeldKeys] = []

    def start(source: Counting) -> HeldKeys:
        keys = HeldKeys(source)
        held.append(keys)
        keys.start()
        return keys

    yield start
    for keys in held:
        keys.stop()


def until(is_so: Callable[[], bool], seconds: float = 3.0) -> None:
    ends = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_keys_are_read_in_a_thread_of_their_own_and_again_after_their_period(
    started: Callable[[Counting], HeldKeys],
) -> None:
    source = Counting(least=0.01, period=0.1)
    keys = started(source)
    until(lambda: len(source.threads) >= 3)
    assert threading.get_ident() not in source.threads
    # The same bytes are the same keys.
    assert keys.generation == 1
    source.data = jwks(EC, RSA)
    until(lambda: keys.generation == 2)


def test_a_key_that_is_missed_is_read_at_once_and_then_not_for_a_while(
    started: Callable[[Counting], HeldKeys],
) -> None:
    source = Counting(least=0.3, period=60)
    keys = started(source)
    until(lambda: keys.keys is not None)
    time.sleep(0.35)
    source.data = jwks(EC, RSA)

    async def miss() -> list[float]:
        async def one() -> float:
            begun = time.monotonic()
            await keys.renewed()
            return time.monotonic() - begun

        first = await asyncio.gather(*(one() for _ in range(50)))
        assert keys.generation == 2
        # Asked again and again, it is read once in its time, and nobody waits for that.
        ends = time.monotonic() + 0.2
        later = []
        while time.monotonic() < ends:
            later.append(await one())
        return [max(first), max(later)]

    waited = asyncio.run(miss())
    assert len(source.threads) == 2
    assert waited[1] < 0.05
    # That it was missed meanwhile is not forgotten.
    until(lambda: len(source.threads) == 3)


def test_who_waits_for_a_slow_issuer_waits_three_seconds_at_most(
    monkeypatch: pytest.MonkeyPatch, started: Callable[[Counting], HeldKeys]
) -> None:
    monkeypatch.setattr("vault.access.tokens.held._PATIENCE_SECONDS", 0.1)
    release = threading.Event()

    class Slow(Counting):
        def read(self) -> bytes:
            release.wait(5)
            return super().read()

    keys = started(Slow(least=0.01, period=60))
    begun = time.monotonic()
    asyncio.run(keys.renewed())
    assert time.monotonic() - begun < 1
    release.set()
