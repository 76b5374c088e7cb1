"""Tokens: what verifies, what does not, and what is remembered of one. Signed by hand."""

import hashlib
import json
import string
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey

from tests.support.tokens import (
    AUDIENCE,
    ISSUER,
    Key,
    b64,
    bound_to,
    hmac_token,
    jwks,
    token,
    unsigned,
)
from vault.access.tokens import (
    ALGORITHMS,
    Expected,
    HeldKeys,
    Issuer,
    JwksAway,
    TokenReason,
    TokenRefused,
    Tokens,
    Verified,
)

CERTIFICATE = hashlib.sha256(b"a certificate").hexdigest()
NOW = 1_800_000_000
KEYS = {algorithm: Key.make(algorithm, algorithm.lower()) for algorithm in ALGORITHMS}
KEY = KEYS["ES256"]


class Clock:
    """Two clocks that stand still until they are moved, in seconds."""

    def __init__(self) -> None:
        self.now = float(NOW)

    def micros(self) -> int:
        return int(self.now * 1_000_000)

    def monotonic(self) -> float:
        return self.now


class Published:
    """What an issuer publishes; `away` when it cannot be reached."""

    period = 300.0
    least = 10.0

    def __init__(self, *keys: Key) -> None:
        self.data = jwks(*keys)
        self.away = False
        self.reads = 0

    def read(self) -> bytes:
        self.reads += 1
        if self.away:
            raise JwksAway("the issuer cannot be reached")
        return self.data


class Rig:
    """One issuer, its keys read already."""

    def __init__(self, *keys: Key, **changes: Any) -> None:
        self.clock = Clock()
        self.published = Published(*(keys or tuple(KEYS.values())))
        self.held = HeldKeys(self.published, monotonic=self.clock.monotonic)
        self.held.read()
        expected = Expected(ISSUER, AUDIENCE)
        self.tokens = Tokens([Issuer(expected, self.held, **changes)], self.clock.micros)

    def verify(self, text: str, certificate: str = CERTIFICATE) -> Verified:
        return self.tokens.verify(text, certificate)

    def holds(self, text: str) -> bool:
        return self.verify(text).subject == "8f14e45f"

    def reason(self, text: str, certificate: str = CERTIFICATE) -> TokenReason:
        with pytest.raises(TokenRefused) as refused:
            self.verify(text, certificate)
        return refused.value.reason


def claims(**changes: Any) -> dict[str, Any]:
    made = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "8f14e45f",
        "iat": NOW,
        "nbf": NOW,
        "exp": NOW + 300,
        "cnf": bound_to(CERTIFICATE),
        **changes,
    }
    return {name: value for name, value in made.items() if value is not None}


# -- what verifies -------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_token_of_each_algorithm_verifies(algorithm: str) -> None:
    found = Rig().verify(token(KEYS[algorithm], claims()))
    assert found == Verified(ISSUER, "8f14e45f", (NOW + 360) * 1_000_000)


def test_a_token_that_the_library_signs_verifies_too() -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    made = jwt.encode({"alg": "ES256", "kid": "k1"}, claims(), ECKey.import_key(private))
    assert Rig(Key(private, "ES256")).holds(made)


@pytest.mark.parametrize("typ", [None, "JWT", "jwt", "at+jwt", "application/at+jwt"])
def test_the_type_may_be_what_issuers_write(typ: str | None) -> None:
    assert Rig().holds(token(KEY, claims(), typ=typ))


def test_headers_that_name_certificates_are_passed_over() -> None:
    chain = [b64(b"x" * 900)]
    assert Rig().holds(token(KEY, claims(), x5t="abc", x5c=chain, jku="https://a.b/c"))


def test_a_token_without_a_key_id_is_taken_where_one_key_alone_can_be_meant() -> None:
    assert Rig(KEY).holds(token(KEY, claims(), kid=None))
    second = Key.make("ES256", "second")
    assert Rig(KEY, second).reason(token(KEY, claims(), kid=None)) is TokenReason.INVALID


@given(
    iat=st.integers(-7_200, 7_200),
    nbf=st.none() | st.integers(-7_200, 7_200),
    exp=st.integers(-7_200, 7_200),
)
def test_a_token_holds_exactly_in_its_time(iat: int, nbf: int | None, exp: int) -> None:
    """Against the rule written as a sentence: begun, not over, and not made out for too long."""
    begun = iat <= 60 and (nbf is None or nbf <= 60)
    holds = begun and exp > -60 and exp - iat <= 3_600
    body = claims(iat=NOW + iat, nbf=None if nbf is None else NOW + nbf, exp=NOW + exp)
    try:
        RIG.verify(token(KEY, body))
    except TokenRefused as refused:
        assert not holds
        assert refused.reason in (
            TokenReason.EXPIRED,
            TokenReason.NOT_YET_VALID,
            TokenReason.LIFETIME,
        )
    else:
        assert holds


RIG = Rig()

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(st.sampled_from(["iss", "aud", "sub", "iat", "nbf", "exp", "cnf"]), _VALUES)
def test_no_other_value_of_a_claim_verifies(claim: str, value: Any) -> None:
    good = claims()
    assert value != good[claim]
    body = {**good, claim: value}
    try:
        found = RIG.verify(token(KEY, json.dumps(body).encode()))
    except TokenRefused:
        return
    # What else may stand there is another subject, or a time that is one.
    match claim:
        case "sub":
            assert found.subject == value
        case "iat" | "nbf":
            assert isinstance(value, int | float)
            assert value <= NOW + 60
        case _:
            raise AssertionError(claim)


# -- what does not -------------------------------------------------------------------------------


@given(st.data())
def test_a_token_with_any_character_changed_is_refused(data: st.DataObject) -> None:
    text = token(KEYS["EdDSA"], claims())
    at = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.sampled_from(string.ascii_letters + string.digits + "-_.=+/ \n"))
    changed = text[:at] + letter + text[at + 1 :]
    if changed == text:
        return
    with pytest.raises(TokenRefused):
        RIG.verify(changed)


@given(st.text(max_size=100) | st.binary(max_size=100).map(lambda data: data.decode("latin-1")))
def test_what_is_no_token_is_refused_and_nothing_else_happens(text: str) -> None:
    with pytest.raises(TokenRefused) as refused:
        RIG.verify(text)
    assert refused.value.reason is TokenReason.INVALID


@given(_VALUES, _VALUES)
def test_whatever_header_and_claims_are_is_refused_by_a_reason(head: Any, body: Any) -> None:
    text = unsigned(json.dumps(head).encode(), json.dumps(body).encode()) + ".AAAA"
    with pytest.raises(TokenRefused):
        RIG.verify(text)


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "", "HS256", "HS384", "RS512", "ES512", 7, None]
)
def test_an_algorithm_that_is_not_allowed_is_refused_whatever_the_key(algorithm: Any) -> None:
    for key in KEYS.values():
        text = token(key, claims(), alg=algorithm)
        assert RIG.reason(text) is TokenReason.INVALID
    assert RIG.reason(hmac_token(RIG.published.data, claims(), kid="es256")) is TokenReason.INVALID


@pytest.mark.parametrize("named", ALGORITHMS)
def test_a_key_verifies_for_its_own_algorithm_only(named: str) -> None:
    for algorithm, key in KEYS.items():
        # Two names of one.
        if algorithm != named and {algorithm, named} != {"EdDSA", "Ed25519"}:
            text = token(key, claims(), alg=named)
            assert RIG.reason(text) is TokenReason.INVALID


def test_an_algorithm_that_the_configuration_leaves_out_is_refused() -> None:
    rig = Rig(algorithms=frozenset({"ES256"}))
    assert rig.holds(token(KEY, claims()))
    assert rig.reason(token(KEYS["ES384"], claims())) is TokenReason.INVALID


@pytest.mark.parametrize("algorithms", [{"none"}, {"ES256", "HS256"}, set()])
def test_no_configuration_allows_another_algorithm(algorithms: set[str]) -> None:
    with pytest.raises(ValueError, match="the algorithms are some of"):
        Rig(algorithms=frozenset(algorithms))


@pytest.mark.parametrize(
    "header", [{"crit": []}, {"crit": ["exp"]}, {"crit": ["b64"], "b64": False}, {"b64": False}]
)
def test_an_extension_is_refused(header: dict[str, Any]) -> None:
    assert RIG.reason(token(KEY, claims(), **header)) is TokenReason.INVALID


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_name_that_stands_twice_is_refused(part: str) -> None:
    head = b'{"alg":"ES256","kid":"es256"}'
    body = json.dumps(claims()).encode()
    if part == "head":
        head = b'{"alg":"none","alg":"ES256","kid":"es256"}'
    else:
        body = b'{"sub":"somebody",' + body[1:]
    start = unsigned(head, body)
    assert RIG.reason(f"{start}.{b64(KEY.sign(start.encode()))}") is TokenReason.INVALID


def test_a_token_is_bound_to_one_certificate() -> None:
    text = token(KEY, claims())
    assert RIG.holds(text)
    assert RIG.reason(text, "cd" * 32) is TokenReason.UNBOUND
    assert RIG.reason(text, "") is TokenReason.UNBOUND
    thumbprint = bound_to(CERTIFICATE)["x5t#S256"]
    for wrong in (thumbprint + "=", thumbprint.lower(), thumbprint[:-1], CERTIFICATE, [thumbprint]):
        text = token(KEY, claims(cnf={"x5t#S256": wrong}))
        assert RIG.reason(text) is TokenReason.UNBOUND


def test_a_token_of_8_kib_is_taken_and_a_longer_one_is_not() -> None:
    def text(size: int) -> str:
        return token(KEY, claims(more="x" * size))

    room = next(size for size in range(5_000, 6_200) if len(text(size)) > 8 * 1024 - 1)
    assert RIG.holds(text(room - 1))
    assert RIG.reason(text(room + 3)) is TokenReason.INVALID


# -- what is remembered --------------------------------------------------------------------------


def test_a_token_is_verified_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig()
    text = token(KEY, claims())
    first = rig.verify(text)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("verified again")

    monkeypatch.setattr("vault.access.tokens.verifying.jws.deserialize_compact", never)
    assert rig.verify(text) is first


def test_what_is_remembered_of_a_token_ends_with_it() -> None:
    rig = Rig()
    text = token(KEY, claims())
    rig.verify(text)
    rig.clock.now = NOW + 359.9
    assert rig.holds(text)
    rig.clock.now = NOW + 360
    assert rig.reason(text) is TokenReason.EXPIRED


def test_what_is_remembered_does_not_outlive_its_key() -> None:
    second = Key.make("ES256", "second")
    rig = Rig(KEY, second)
    text = token(KEY, claims())
    rig.verify(text)
    rig.published.data = jwks(second)
    rig.held.read()
    assert rig.reason(text) is TokenReason.KEY_UNKNOWN
    assert rig.holds(token(second, claims()))


def test_a_refusal_is_not_remembered() -> None:
    rig = Rig()
    second = Key.make("ES256", "second")
    text = token(second, claims())
    assert rig.reason(text) is TokenReason.KEY_UNKNOWN
    rig.published.data = jwks(KEY, second)
    rig.held.read()
    assert rig.holds(text)


def test_no_more_tokens_are_remembered_than_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = Rig()
    small = Tokens([Issuer(Expected(ISSUER, AUDIENCE), rig.held)], rig.clock.micros, 2)
    texts = [token(KEY, claims(jti=str(n))) for n in range(3)]
    for text in texts:
        small.verify(text, CERTIFICATE)
    looked: list[str] = []
    check = Tokens._check_signature

    def counting(text: str, header: Any, issuer: Issuer) -> None:
        looked.append(text)
        check(text, header, issuer)

    monkeypatch.setattr(Tokens, "_check_signature", staticmethod(counting))
    for text in (texts[2], texts[1], texts[0]):
        small.verify(text, CERTIFICATE)
    assert looked == [texts[0]]


# -- an issuer that is away ----------------------------------------------------------------------


def test_keys_of_an_issuer_that_is_away_are_taken_for_an_hour_and_no_longer() -> None:
    rig = Rig()
    rig.published.away = True
    for seconds in (300, 3_000, 3_600):
        rig.clock.now = NOW + seconds
        rig.held.read()
        times = {name: rig.clock.now + at for name, at in (("iat", 0), ("nbf", 0), ("exp", 300))}
        assert rig.holds(token(KEY, claims(**times)))
        assert rig.tokens.problems == {ISSUER: ("the issuer cannot be reached", True)}
    held = token(KEY, claims(iat=NOW + 3_500, nbf=None, exp=NOW + 7_000))
    assert rig.holds(held)
    rig.clock.now = NOW + 3_601
    # Neither a token that was verified before nor a new one.
    fresh = token(KEY, claims(iat=NOW + 3_601, nbf=None, exp=NOW + 7_000))
    for text in (held, fresh):
        assert rig.reason(text) is TokenReason.ISSUER_AWAY
    assert rig.tokens.problems == {ISSUER: ("the issuer cannot be reached", False)}
    rig.published.away = False
    rig.held.read()
    assert rig.holds(held)
    assert rig.tokens.problems == {}


@pytest.mark.parametrize("broken", [b"", b"{}", b'{"keys": []}', b"[" * 100_000])
def test_keys_that_are_none_leave_those_of_before(broken: bytes) -> None:
    rig = Rig()
    rig.published.data = broken
    rig.held.read()
    assert rig.held.problem
    assert rig.holds(token(KEY, claims()))


def test_one_issuers_key_signs_for_it_alone() -> None:
    mine, clock = Key.make("ES256", "same"), Clock()
    theirs = Key.make("ES256", "same")
    other = "https://login.other.bank"
    issuers = []
    for name, key in ((ISSUER, mine), (other, theirs)):
        held = HeldKeys(Published(key), monotonic=clock.monotonic)
        held.read()
        issuers.append(Issuer(Expected(name, AUDIENCE), held))
    both = Tokens(issuers, clock.micros)
    assert both.verify(token(theirs, claims(iss=other)), CERTIFICATE).issuer == other
    for key, name in ((theirs, ISSUER), (mine, other)):
        with pytest.raises(TokenRefused) as refused:
            both.verify(token(key, claims(iss=name)), CERTIFICATE)
        assert refused.value.reason is TokenReason.INVALID


# -- what is shown -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda: token(KEY, claims(sub="secret-subject", aud="x")),
        lambda: token(KEY, claims(sub="secret-subject"))[:-2] + "AA",
        lambda: token(KEY, claims(sub="secret-subject" * 30)),
        lambda: unsigned({"alg": "secret-subject"}, claims()) + ".AAAA",
    ],
)
def test_nothing_that_is_raised_shows_anything_of_a_token(make: Callable[[], str]) -> None:
    text = make()
    with pytest.raises(TokenRefused) as refused:
        RIG.verify(text)
    error: BaseException | None = refused.value
    while error is not None:
        assert "secret" not in f"{error!r} {error}"
        assert text[:10] not in f"{error!r} {error}"
        error = None if error.__suppress_context__ else error.__context__


def test_nothing_that_is_kept_shows_whose_it_is() -> None:
    found = RIG.verify(token(KEY, claims(sub="secret-subject")))
    assert found.subject == "secret-subject"
    shown = f"{found!r} {RIG.tokens!r} {RIG.held!r} {RIG.held.keys!r}"
    assert "secret-subject" not in shown
    assert replace(found, subject="x") != found
